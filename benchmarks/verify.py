"""Records a second of `eligibility audit verify`, by what is verified, for one process."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from benchmarks.requests import requests
from eligibility.canonical import canonical
from eligibility.decider import Decider
from eligibility.loading import load_rules, shipped_rules
from eligibility.reading import read_request
from eligibility.recording import decision_entry
from eligibility.storage import migrate
from eligibility.storage.blocks import Memory, write
from eligibility.storage.database import Database
from eligibility.storage.embedded import start_or_join
from eligibility.storage.entries import prepare
from eligibility.storage.log import AuditLog
from eligibility.storage.reading_log import LogReader, reading_log
from eligibility.storage.rulesets import genesis
from eligibility.storage.signing_keys import Signer
from eligibility.verifying.acts import KINDS, expected_rows
from eligibility.verifying.again import contents_elsewhere
from eligibility.verifying.blocks import Known, check_blocks
from eligibility.verifying.key_history import KINDS as KEY_KINDS
from eligibility.verifying.key_history import key_history
from eligibility.verifying.records import Retained
from eligibility.verifying.used_keys import check_used_keys
from eligibility.verifying.verdicts import Findings
from eligibility.verifying.verification import Wanted, verify

COUNT = 200_000
BLOCK = 64
"""Records, as 64 connections at once make them."""

DIFFERENT = 10_000
CALLERS = tuple(str(UUID(int=number)) for number in range(1, 21))
"""Who asks: keys of the API, whose decisions are stored packed as those of a real log are."""

AIM = 50_000
"""Records a second, integrity with all columns."""

SECRET = b"the secret of a benchmark, which nobody else has"


def main(count: int = COUNT) -> None:
    """Fill a log with so many decisions, and verify it in parts and as a whole."""
    with _folder() as folder, start_or_join(folder / "data") as server:
        migrate.upgrade(server.owner_url)
        asyncio.run(_fill(server.service_url, folder, count))
        with reading_log(server.service_url) as reader:
            _measure(
                count, "blocks, records and their columns, signatures", lambda: _blocks(reader), aim=True
            )
            _measure(count, "idempotency keys, of half of the records", lambda: _used_keys(reader))
            _measure(count, "everything but the meaning", lambda: _everything(reader, Wanted(secret=SECRET)))
            wanted = Wanted(secret=SECRET, contents=contents_elsewhere)
            _measure(count, "everything", lambda: _everything(reader, wanted))


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that the embedded server's account can enter."""
    with tempfile.TemporaryDirectory(prefix="eligibility-benchmark-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


async def _fill(url: str, folder: Path, count: int) -> None:
    ruleset = load_rules(shipped_rules())
    decider = Decider(ruleset)
    signer = Signer(folder / "signing-key", may_create=True)
    database = Database.open(url)
    async with AuditLog(database, SECRET, signer) as log:
        await genesis(log, database, ruleset.digest, ruleset.version, canonical(dict(ruleset.document)))
    connection, memory = await database.connect_raw(), Memory()
    bodies = requests(DIFFERENT)
    decisions = [decider.decide(read_request(body, ruleset.vocabulary)) for body in bodies]
    for first in range(0, count, BLOCK):
        group = [
            decision_entry(
                decisions[number % DIFFERENT],
                actor=CALLERS[number % len(CALLERS)],
                channel="http",
                idempotency_key=f"request {number}" if number % 2 else None,
            )
            for number in range(first, min(first + BLOCK, count))
        ]
        await write(connection, [prepare(entry, SECRET) for entry in group], memory, signer)
    await connection.close()
    await database.close()


def _blocks(reader: LogReader) -> Findings:
    expected = expected_rows(reader.acts(KINDS))
    known = Known(key_history(reader.acts(KEY_KINDS)), Retained(expected.retained), None)
    return check_blocks(reader, 1, reader.last_block(), known, lambda _: None)


def _used_keys(reader: LogReader) -> Findings:
    return check_used_keys(reader.used_keys(), SECRET)


def _everything(reader: LogReader, wanted: Wanted) -> Findings:
    return verify(reader, wanted).findings


def _measure(count: int, name: str, work: Callable[[], Findings], *, aim: bool = False) -> None:
    began, wall = _cpu_seconds(), time.perf_counter()
    findings = work()
    cpu, wall = _cpu_seconds() - began, time.perf_counter() - wall
    assert not findings.flaws, findings.flaws[:3]
    beside = f" (aim: {AIM:,})" if aim else ""
    print(
        f"{name:45} {count / cpu:9,.0f} records per second of CPU{beside}, {count / wall:9,.0f} of the clock"
    )


def _cpu_seconds() -> float:
    """Of this process and those that it started; PostgreSQL's are not among them."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
