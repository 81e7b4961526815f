"""Bytes in the database for each decision, everything included, recorded as the service does."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import uvloop

from benchmarks.requests import requests
from eligibility.canonical import canonical
from eligibility.decider import Decider
from eligibility.loading import load_rules, shipped_rules
from eligibility.reading import read_request
from eligibility.recording import decision_entry
from eligibility.ruleset import Ruleset
from eligibility.storage import migrate, rulesets
from eligibility.storage.database import Database
from eligibility.storage.embedded import DATABASE, EmbeddedPostgres, start_or_join
from eligibility.storage.entries import Entry
from eligibility.storage.log import AuditLog
from eligibility.storage.reviews import fill
from eligibility.storage.search_parts import fill_part
from eligibility.storage.signing_keys import Signer

COUNT = 1_000_000
GROUP = 64
"""As many as the other benchmark has connections."""

PRINCIPALS = 20
AT_ONCE = 10_048
"""Decisions that are made before they are recorded; a multiple of the group."""

AIM = 1_300
_SIZES = """
    SELECT regexp_replace(c.relname, '_[0-9]{4}_[0-9]{2}', '') AS name, t.relname IS NOT NULL AS is_index,
           sum(pg_relation_size(c.oid) + coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0)
               + pg_relation_size(c.oid, 'fsm') + pg_relation_size(c.oid, 'vm'))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
    LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class t ON t.oid = i.indrelid
    WHERE c.relkind IN ('r', 'i') GROUP BY 1, 2 ORDER BY 3 DESC
"""


def _entries(decider: Decider, count: int) -> Iterator[list[Entry]]:
    """Entries as the service makes them, some at a time; every second one has an idempotency key."""
    random_ = random.Random(1)
    callers = [str(uuid4()) for _ in range(PRINCIPALS)]
    for first in range(0, count, AT_ONCE):
        bodies = requests(min(AT_ONCE, count - first), seed=first, first=first)
        made = [decider.decide(read_request(body, decider.ruleset.vocabulary)) for body in bodies]
        yield [
            decision_entry(
                each,
                actor=random_.choice(callers),
                channel="http",
                idempotency_key=str(uuid4()) if number % 2 else None,
            )
            for number, each in enumerate(made)
        ]


async def _fill(server: EmbeddedPostgres, ruleset: Ruleset, count: int) -> None:
    """Record the decisions by groups."""
    database = Database.open(server.service_url)
    signer = Signer(server.data_dir / "signing-key", may_create=True)
    try:
        async with AuditLog(database, b"the secret of a benchmark's service", signer) as log:
            await log.ensure_ready()
            document = canonical(dict(ruleset.document))
            await rulesets.genesis(log, database, ruleset.digest, ruleset.version, document)
            for entries in _entries(Decider(ruleset), count):
                for start in range(0, len(entries), GROUP):
                    await asyncio.gather(*map(log.append, entries[start : start + GROUP]))
    finally:
        await database.close()


def recorded(server: EmbeddedPostgres, ruleset: Ruleset, count: int) -> None:
    """Migrate the database of a server, and record so many decisions."""
    migrate.upgrade(server.owner_url)
    uvloop.run(_fill(server, ruleset, count))


async def _read(url: str) -> None:
    """Open cases of reviews and read words for searches, as the service does by and by."""
    database = Database.open(url)
    try:
        while await fill(database):
            pass
        while await fill_part(database):
            pass
    finally:
        await database.close()


def _sizes(server: EmbeddedPostgres, count: int) -> dict[tuple[str, str], float]:
    """Bytes a decision of each table and index, the largest first."""
    with psycopg.connect(server.url("postgres", DATABASE)) as connection:
        found = connection.execute(_SIZES).fetchall()
    return {(name, "index" if is_index else "table"): float(size / count) for name, is_index, size in found}


def main(count: int = COUNT) -> None:
    """Fill a database and print what everything in it takes for each decision."""
    ruleset = load_rules(shipped_rules())
    with tempfile.TemporaryDirectory(prefix="eligibility-benchmark-") as folder:
        Path(folder).chmod(0o755)  # the embedded server's account must be able to enter
        with start_or_join(Path(folder) / "data") as server:
            recorded(server, ruleset, count)
            log = _sizes(server, count)
            asyncio.run(_read(server.service_url))
            whole = _sizes(server, count)
    print(f"{count:,} decisions, recorded by {GROUP}, half of them with an idempotency key")
    for (name, kind), size in whole.items():
        if size >= 0.1:
            print(f"{name:40} {kind:6} {size:8.1f} bytes a decision")
    print(f"all of the log: {sum(log.values()):,.0f} bytes a decision (aim: at most {AIM:,})")
    print(f"with the queue of reviews and words for searches: {sum(whole.values()):,.0f}")
