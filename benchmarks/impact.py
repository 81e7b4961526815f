"""The impact of drafts on many recorded decisions: how long it takes, by recorded cells and by facts.

`ELIGIBILITY_BENCH_DECISIONS` is how many are recorded, a million unless it says otherwise.
"""

import asyncio
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import uuid_utils.compat

from benchmarks.requests import requests
from eligibility.building import build
from eligibility.canonical import canonical, timestamp
from eligibility.decider import Decider
from eligibility.impact import PROCESSES, impact
from eligibility.loading import load_rules, shipped_rules
from eligibility.reading import read_request
from eligibility.recording import decision_entry, moment_of
from eligibility.ruleset import Ruleset
from eligibility.storage import migrate
from eligibility.storage.database import Database
from eligibility.storage.embedded import start_or_join
from eligibility.storage.entries import Prepared, StoredEvaluation, prepare
from eligibility.storage.log import AuditLog
from eligibility.storage.recorded import Period
from eligibility.storage.records import hash_bytes, leaf
from eligibility.storage.rulesets import genesis
from eligibility.storage.signing_keys import Signer

DECISIONS = int(os.environ.get("ELIGIBILITY_BENCH_DECISIONS", "1000000"))
DISTINCT = 200_000
"""Requests that are really decided; the rest repeat them."""

AIM_SECONDS = 60
SECRET = b"a secret of a benchmark"
PRINCIPAL = "01982c3e-0000-7000-8000-000000000001"
USERS = "entity.monthly_active_users"

Words = dict[str, Any]


def _effect(words: Words) -> None:
    then = next(one["then"] for one in words["rules"] if one["id"] == "licence.mau-threshold")
    then["effect"] = "note"
    del then["reason"]


def _threshold(words: Words) -> None:
    for one in words["rules"]:
        for part in one["when"]:
            if isinstance(part, dict) and USERS in part:
                part[USERS] = {"above": 100_000}


def main() -> None:
    """Fill a database, and work out the impact of two drafts."""
    with tempfile.TemporaryDirectory(prefix="eligibility-bench-") as folder:
        Path(folder).chmod(0o755)
        with start_or_join(Path(folder) / "server") as server:
            migrate.upgrade(server.owner_url)
            ruleset = load_rules(shipped_rules())
            asyncio.run(_begin(server.service_url, ruleset, Path(folder)))
            evaluations = _fill(server.url("postgres", "eligibility"), ruleset)
            print(f"{DECISIONS:,} decisions recorded, of {evaluations:,} distinct evaluations")
            for name, change in (("asks nothing new", _effect), ("asks another threshold", _threshold)):
                asyncio.run(_measure(server.service_url, ruleset, name, change))


async def _begin(url: str, ruleset: Ruleset, folder: Path) -> None:
    database = Database.open(url)
    async with AuditLog(database, SECRET, Signer(folder / "key", may_create=True)) as log:
        kept = canonical(dict(ruleset.document))
        await genesis(log, database, ruleset.digest, ruleset.version, kept)
    await database.close()


def _fill(url: str, ruleset: Ruleset) -> int:
    """Record decisions as the log would, but for the blocks; the number of distinct evaluations."""
    began = time.perf_counter()
    entries = list(_prepared(Decider(ruleset)))
    evaluations = {one.entry.evaluation.key: one.entry.evaluation for one in entries if one.entry.evaluation}
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        for first in range(0, DECISIONS, DISTINCT):
            _copy(connection, entries[: DECISIONS - first])
        _write(connection, "evaluation", EVALUATION, map(_evaluation, evaluations.values()))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    print(f"filled in {time.perf_counter() - began:.0f} s")
    return len(evaluations)


def _prepared(decider: Decider) -> Iterator[Prepared]:
    for body in requests(min(DISTINCT, DECISIONS)):
        made = decider.decide(read_request(body, decider.ruleset.vocabulary))
        yield prepare(decision_entry(made, actor=PRINCIPAL, channel="batch"), SECRET)


RECORD = {
    "id": "uuid",
    "block": "uuid",
    "position": "int4",
    "kind": "text",
    "at": "timestamptz",
    "actor": "uuid",
    "channel": "text",
    "evaluation_key": "bytea",
    "outcome": "text",
    "generation": "text",
    "body": "bytea",
    "leaf": "bytea",
}
PRIVATE = {"record": "uuid", "salt": "bytea", "content": "bytea", "entity_reference": "text"}
EVALUATION = {
    "key": "bytea",
    "ruleset": "bytea",
    "cells": "bytea",
    "content": "bytea",
    "content_hash": "bytea",
    "outcome": "text",
    "findings": "text[]",
}


def _copy(connection: psycopg.Connection[Any], entries: Sequence[Prepared]) -> None:
    """Record the entries under ids of their own."""
    ids = [uuid_utils.compat.uuid7() for _ in entries]
    block = uuid_utils.compat.uuid7()
    rows = (_record(one, block, record) for one, record in zip(entries, ids, strict=True))
    _write(connection, "record", RECORD, rows)
    texts = zip(entries, ids, strict=True)
    private = ((record, one.salt, one.private, one.reference) for one, record in texts if one.private)
    _write(connection, "private", PRIVATE, private)


def _record(one: Prepared, block: UUID, record: UUID) -> tuple[Any, ...]:
    entry, at = one.entry, moment_of(record)
    body = one.body.replace(str(entry.id).encode(), str(record).encode())
    body = body.replace(timestamp(entry.at).encode(), timestamp(at).encode())
    key = entry.evaluation.key if entry.evaluation else None
    said = (entry.outcome, entry.generation)
    return (record, block, 0, entry.kind, at, one.actor, entry.channel, key, *said, body, leaf(body))


def _evaluation(one: StoredEvaluation) -> tuple[Any, ...]:
    known = (one.key, hash_bytes(one.ruleset), one.cells, one.content, one.content_hash)
    return (*known, one.outcome, list(one.findings))


def _write(
    connection: psycopg.Connection[Any], table: str, columns: dict[str, str], rows: Iterable[tuple[Any, ...]]
) -> None:
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.set_types(list(columns.values()))
        for row in rows:
            copy.write_row(row)


async def _measure(url: str, ruleset: Ruleset, name: str, change: Callable[[Words], None]) -> None:
    words = deepcopy(dict(ruleset.document))
    change(words)
    draft = canonical(dict(build(words).document))
    database = Database.open(url)
    began, busy = time.perf_counter(), _cpu_seconds()
    found = await impact(database, draft, Period())
    seconds = time.perf_counter() - began
    mine, others = (after - before for before, after in zip(busy, _cpu_seconds(), strict=True))
    await database.close()
    assert found.decisions == DECISIONS
    print(
        f"a draft that {name}: {seconds:.1f} s (aim: below {AIM_SECONDS} s for a million);"
        f" CPU {mine:.1f} s here and {others:.1f} s in {PROCESSES} processes; {len(found.groups)} groups with"
        f" {found.decisions - found.unchanged:,} decisions; of {found.by_facts:,} the facts were read"
    )


def _cpu_seconds() -> list[float]:
    """What this process and those that it started and that have ended have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return [one.ru_utime + one.ru_stime for one in used]
