"""The register of clauses and the cases of a ruleset, as its files say them: read once by a process."""

from __future__ import annotations

import orjson

from api.service import Service
from eligibility.beside import Beside, What, read_beside
from eligibility.storage import rulesets
from eligibility.storage.ruleset_life import source


async def beside(service: Service, digest: str, what: What) -> Beside | None:
    """The register or the cases of a ruleset; None while they are read, which takes some seconds.

    Raises Refusal where too many are read already.
    """
    found = service.beside.get((digest, what))
    if found is None:
        service.readings.start(f"reading of {digest}", lambda: _read(service, digest))
    return found


async def _read(service: Service, digest: str) -> None:
    files = await source(service.database, digest)
    if files is None:
        for what in ("register", "cases"):
            service.beside.put((digest, what), Beside(lacking="the files of the ruleset were not kept"))
        return
    document = orjson.loads((await rulesets.load(service.database, digest)).document)
    async for what, found in read_beside(files, document):
        service.beside.put((digest, what), found)
