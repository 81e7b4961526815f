"""Rulesets for tests over HTTP: files to send, and checks recorded as passed without being made."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from eligibility.loading import shipped_rules
from eligibility.rules_folder import read_folder
from eligibility.ruleset_life import CHECKS, Checked
from eligibility.storage.database import Database
from eligibility.storage.log import AuditLog
from eligibility.storage.ruleset_moves import SYSTEM, record_check
from eligibility.storage.rulesets import in_force
from eligibility.storage.secret_files import service_secret
from eligibility.storage.signing_keys import signer
from tests.api.serving import Server

WHY = {"reason": "for a test"}
ALWAYS = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}


def files(version: str, *changes: tuple[str, str, str]) -> dict[str, str]:
    """The shipped rules under another version; each change is a file, what stands in it, and what shall."""
    found = read_folder(shipped_rules())
    said = next(line for line in found["ruleset.yaml"].splitlines() if line.startswith("version:"))
    for name, old, new in (("ruleset.yaml", said, f"version: {version}"), *changes):
        assert old in found[name], f"{name} does not say {old!r} any more: mend the test"
        found[name] = found[name].replace(old, new)
    return found


def reworded(version: str) -> dict[str, str]:
    """A policy that says permissions in other words, and decides alike."""
    return files(version, ("texts.yaml", "licence grants the rights", "licence grants all the rights"))


def stricter(version: str) -> dict[str, str]:
    """A policy under which a million users are many."""
    many, fewer = "above 700000000", "above 1000000"
    return files(
        version,
        ("licence.yaml", "{above: 700000000}", "{above: 1000000}"),
        ("facts.yaml", many, fewer),
    )


def load(client: httpx.Client, sent: dict[str, str]) -> str:
    answer = client.post("/v1/rulesets", json={"files": sent, **WHY})
    assert answer.status_code == 201, answer.text
    digest: str = answer.json()["digest"]
    return digest


def recording(server: Server, work: Callable[[Database, AuditLog], Awaitable[None]]) -> None:
    """Record something beside the server, in its own log.

    In a thread, since the event loop of a browser may run in this one.
    """

    async def run() -> None:
        database = Database.open(str(server.settings.database_url))
        secret, signing = service_secret(server.settings), signer(server.settings)
        async with AuditLog(database, secret, signing) as log:
            await work(database, log)
        await database.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(run())).result()


def pass_checks(server: Server, digest: str) -> None:
    """Record every check as passed against what is in force."""

    async def work(database: Database, log: AuditLog) -> None:
        against = str(await in_force(database))
        for kind in CHECKS:
            checked = Checked(kind, passed=True, report={"summary": "for a test"})
            await record_check(log, digest, checked, against=against, actor=SYSTEM)

    recording(server, work)


def act(client: httpx.Client, digest: str, what: str, **more: Any) -> dict[str, Any]:
    """Act on a ruleset, which must be allowed; the ruleset afterwards."""
    answer = client.post(f"/v1/rulesets/{digest}/{what}", json={**WHY, **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told
