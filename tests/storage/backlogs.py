"""Batches for tests: backlogs of a few slices, decided and ready to be recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Any
from uuid import UUID

import orjson
import pyarrow as pa

from eligibility.backlog.committed import Committed
from eligibility.backlog.deciding import BacklogDecider, Decided
from eligibility.backlog.form import Part
from eligibility.backlog.ids import row_id
from eligibility.backlog.recording import Run, slice_of
from eligibility.canonical import canonical
from eligibility.decider import Decider
from eligibility.ruleset import Ruleset
from eligibility.storage.batch_reading import reading_slices
from eligibility.storage.batch_slices import Slice, SliceWriter
from eligibility.storage.batches import By, Input, begin
from eligibility.storage.database import Database
from eligibility.storage.log import AuditLog
from eligibility.storage.rulesets import genesis
from eligibility.storage.signing_keys import Signer
from tests.backlog.tables import texts
from tests.properties.requests import document

ROWS = 12
"""Of each slice."""

JSONL = Input("jsonl")


async def govern(log: AuditLog, service: Database, ruleset: Ruleset) -> None:
    """Put the ruleset in force on an empty log."""
    await genesis(log, service, ruleset.digest, ruleset.version, canonical(dict(ruleset.document)))


def lines_of(number: int, rows: int = ROWS) -> list[bytes]:
    """The lines of a part: requests of all sorts, of which some name themselves, and some are none."""
    random = Random(number)
    lines = [orjson.dumps({**document(random), "request_id": f'{number}: "{row}"'}) for row in range(rows)]
    lines[1::5] = [orjson.dumps(document(random)) for _ in lines[1::5]]
    if rows > 7:
        lines[3], lines[7] = b"{", orjson.dumps({"request_id": "bad", "model": {"generation": "llama-9"}})
    return lines


@dataclass(frozen=True)
class Backlog:
    """A batch that has begun, and what decides its parts."""

    run: Run
    backlog: BacklogDecider

    @property
    def batch(self) -> UUID:
        return self.run.batch

    def decided(self, number: int, rows: int = ROWS) -> tuple[Part, Decided]:
        lines = lines_of(number, rows)
        part = Part(number, number * rows, at(texts(lines), number * rows), sha256(b"".join(lines)).digest())
        return part, self.backlog.decide(part.requests)

    def slice(self, number: int, rows: int = ROWS) -> Slice:
        return slice_of(self.run, *self.decided(number, rows), self.backlog.decider.ruleset.vocabulary)

    def table(self, number: int, rows: int = ROWS) -> Any:
        """The table that the process which decided makes of a part."""
        part, decided = self.decided(number, rows)
        refused = [decided.answers[place].refused is not None for place in decided.which.to_pylist()]
        ids = [
            None if is_refused else str(row_id(self.batch, part.first + row))
            for row, is_refused in enumerate(refused)
        ]
        return decided.table(pa.array(ids, pa.string()))


def at(requests: Any, first: int) -> Any:
    """The same requests, from a later line on."""
    lines = pa.array(range(first + 1, first + 1 + len(requests)), pa.int64())
    return requests.set_column(0, requests.schema.field("line"), lines)


async def started(
    log: AuditLog,
    decider: Decider,
    what: Input = JSONL,
    *,
    actor: str = "system",
    batch: UUID | None = None,
) -> Backlog:
    """Begin a batch."""
    digest = decider.ruleset.digest
    identifier = await begin(log, what, By(actor, "cli"), ruleset=digest, batch=batch)
    return Backlog(Run(identifier, digest, actor), BacklogDecider(decider))


async def record(
    log: AuditLog, service: Database, signer: Signer, made: Backlog, numbers: Sequence[int]
) -> list[bool]:
    """Record these slices, one after the other."""
    async with SliceWriter(log, service, signer) as writer:
        return [await writer.write(made.slice(number)) for number in numbers]


async def read_back(service: Database, made: Backlog, *, full: bool = False) -> list[Any]:
    """The tables of all slices that are recorded."""
    committed = Committed(Decider(made.backlog.decider.ruleset))
    async with reading_slices(service) as reader:
        return [
            committed.table(await committed.read(reader, made.batch, one, full=full), full=full)
            for one in await reader.slices(made.batch)
        ]
