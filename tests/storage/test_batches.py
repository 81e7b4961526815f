"""Batches: slices that are recorded once, whatever happens on the way, and read back as they were."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest
import uuid_utils.compat

from eligibility.decider import Decider
from eligibility.errors import ActRefused, NotFound, Overtaken, RecordRefused, StorageUnavailable
from eligibility.reading import request_from
from eligibility.recording import decision_entry, moment_of
from eligibility.storage.batch_parts import (
    StoredPart,
    delete_parts,
    delete_strays,
    load_part,
    store_parts,
    waiting_parts,
)
from eligibility.storage.batch_slices import SliceWriter
from eligibility.storage.batches import By, Input, begin, cancel, fail, find, finish, listed, running_of
from eligibility.storage.database import Database
from eligibility.storage.decisions import Filters, list_decisions
from eligibility.storage.log import AuditLog
from eligibility.storage.reading_log import reading_log
from eligibility.verifying.verification import Wanted, verify
from tests.conftest import FreshDatabase
from tests.storage.backlogs import ROWS, Backlog, govern, lines_of, read_back, record, started
from tests.storage.conftest import SIGNER
from tests.storage.logs import contents
from tests.storage.making import PRINCIPAL, made_in, remark
from tests.storage.test_log import check_chain, rows

KILL_WHO_WAITS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE wait_event = 'transactionid' AND datname = current_database()
"""
BY = By("system", "cli")
LATER = date(2031, 3, 1)


@pytest.fixture
async def governed(log: AuditLog, service: Database, decider: Decider) -> AuditLog:
    """A log with the shipped ruleset in force."""
    await govern(log, service, decider.ruleset)
    return log


@pytest.fixture
async def made(governed: AuditLog, decider: Decider) -> Backlog:
    return await started(governed, decider)


async def parts_of(numbers: int) -> AsyncIterator[StoredPart]:
    for number in range(numbers):
        yield StoredPart(number, number * ROWS, ROWS, b"\n".join(lines_of(number)))


def assert_verified(database: FreshDatabase) -> None:
    with reading_log(database.service_url) as reader:
        report = verify(reader, Wanted(contents=contents))
    assert not report.findings.flaws
    assert report.findings.looked_at["decisions"]


async def test_slices_are_read_back_as_the_process_that_decided_made_them(
    governed: AuditLog, service: Database, made: Backlog, database: FreshDatabase
) -> None:
    assert await record(governed, service, SIGNER, made, [0, 1, 2]) == [True] * 3
    tables = await read_back(service, made)
    assert all(table.equals(made.table(number)) for number, table in enumerate(tables))
    assert len(tables) == 3
    await check_chain(service)
    assert_verified(database)


async def test_whole_decisions_are_read_back(
    governed: AuditLog, service: Database, made: Backlog, decider: Decider
) -> None:
    await record(governed, service, SIGNER, made, [0])
    [table] = await read_back(service, made, full=True)
    assert table.drop_columns(["decision"]).equals(made.table(0))
    for line, row in zip(lines_of(0), table.to_pylist(), strict=True):
        if row["error"] is not None:
            assert row["decision"] is None
            continue
        request = request_from(orjson.loads(line), decider.ruleset.vocabulary, member_allowed_request_id=True)
        identifier = UUID(row["id"])
        expected = decider.decide(request).json(identifier, moment_of(identifier))
        assert row["decision"].encode() == expected


async def test_a_slice_is_one_block_and_its_decisions_are_decisions_as_any(
    governed: AuditLog, service: Database, made: Backlog
) -> None:
    await record(governed, service, SIGNER, made, [0])
    first = await list_decisions(service, Filters(), limit=4)
    second = await list_decisions(service, Filters(), cursor=first.next_cursor, limit=200)
    found = [*first.decisions, *second.decisions]
    table = [row for row in made.table(0).to_pylist() if row["id"]]
    assert [str(one.id) for one in found] == [row["id"] for row in reversed(table)]
    assert [one.request_id for one in found] == [row["request_id"] for row in reversed(table)]
    assert {one.at for one in found} == {moment_of(made.batch)}
    assert {(one.channel, one.actor) for one in found} == {("batch", "system")}
    [(blocks,)] = await rows(service, "SELECT count(DISTINCT block) FROM record WHERE channel = 'batch'")
    assert blocks == 1


async def test_a_slice_is_recorded_once(governed: AuditLog, service: Database, made: Backlog) -> None:
    assert await record(governed, service, SIGNER, made, [0, 0, 1, 0]) == [True, False, True, False]
    batch = await finish(governed, service, made.batch, BY, rows=2 * ROWS)
    assert (batch.state, batch.progress.rows, batch.rows) == ("done", 2 * ROWS, 2 * ROWS)
    assert await record(governed, service, SIGNER, made, [1]) == [False]
    await check_chain(service)


async def test_of_two_writers_one_records_a_slice(
    governed: AuditLog, service: Database, made: Backlog, database: FreshDatabase
) -> None:
    another = Database.open(database.service_url)
    async with AuditLog(another, b"x" * 32, SIGNER) as other:
        results = await asyncio.gather(
            record(governed, service, SIGNER, made, range(8)),
            record(other, another, SIGNER, made, range(8)),
        )
    await another.close()
    assert [one + other for one, other in zip(*results, strict=True)] == [1] * 8
    await check_chain(service)
    assert_verified(database)


async def test_decisions_are_recorded_between_slices(
    governed: AuditLog, service: Database, made: Backlog, decider: Decider, database: FreshDatabase
) -> None:
    async def ask(number: int) -> None:
        line = orjson.loads(lines_of(number)[0])
        line.pop("request_id")
        request = request_from(line, decider.ruleset.vocabulary)
        await governed.append(decision_entry(decider.decide(request), actor="system", channel="cli"))

    entries = asyncio.gather(*(ask(number) for number in range(60)))
    assert all(await record(governed, service, SIGNER, made, range(6)))
    await entries
    await check_chain(service)
    assert_verified(database)


async def test_a_writer_that_is_killed_on_the_way_leaves_nothing(
    governed: AuditLog, service: Database, made: Backlog, database: FreshDatabase
) -> None:
    """The head is held, so that the writer waits with all its rows copied, until the server ends it."""
    [(before,)] = await rows(service, "SELECT count(*) FROM record")
    holder, killer = [
        await psycopg.AsyncConnection.connect(database.superuser_url, autocommit=True) for _ in range(2)
    ]
    async with holder, killer, SliceWriter(governed, service, SIGNER) as writer:
        async with holder.transaction():
            await holder.execute("SELECT FROM head FOR UPDATE")
            writing = asyncio.create_task(writer.write(made.slice(0)))
            while not await (await killer.execute(KILL_WHO_WAITS)).fetchall():
                assert not writing.done()
                await asyncio.sleep(0.01)
            with pytest.raises(StorageUnavailable):
                await writing
        for table in ("batch_slice", "private", "evaluation"):
            assert await rows(service, f"SELECT FROM {table}") == []
        assert await rows(service, "SELECT count(*) FROM record") == [(before,)]
        assert await writer.write(made.slice(0))
        assert not await writer.write(made.slice(0))
    await check_chain(service)


async def test_a_batch_that_has_ended_takes_no_more(
    governed: AuditLog, service: Database, made: Backlog, database: FreshDatabase
) -> None:
    await record(governed, service, SIGNER, made, [0])
    ended = await cancel(governed, service, made.batch, BY)
    assert (ended.state, ended.rows, ended.progress.slices) == ("cancelled", None, 1)
    assert ended.ended_at is not None
    assert await cancel(governed, service, made.batch, BY) == ended
    with pytest.raises(ActRefused, match="the batch has ended"):
        await record(governed, service, SIGNER, made, [1])
    assert await record(governed, service, SIGNER, made, [0]) == [False]
    with pytest.raises(ActRefused, match="it is `cancelled`"):
        await finish(governed, service, made.batch, BY, rows=ROWS)
    assert_verified(database)


async def test_a_batch_is_done_when_all_its_rows_are_recorded(
    governed: AuditLog, service: Database, made: Backlog
) -> None:
    await record(governed, service, SIGNER, made, [0, 2])
    for count in (2 * ROWS, 3 * ROWS):
        with pytest.raises(ActRefused, match=r"not all rows|are recorded"):
            await finish(governed, service, made.batch, BY, rows=count)
    await record(governed, service, SIGNER, made, [1])
    done = await finish(governed, service, made.batch, BY, rows=3 * ROWS)
    tables = [made.table(number).to_pylist() for number in range(3)]
    outcomes = [row["outcome"] for table in tables for row in table]
    assert done.progress.outcomes == {name: outcomes.count(name) for name in done.progress.outcomes}
    assert done.progress.refused == outcomes.count(None) == 6
    with pytest.raises(NotFound):
        await finish(governed, service, uuid_utils.compat.uuid7(), BY, rows=0)


async def test_ends_wait_for_slices_under_way(governed: AuditLog, service: Database, made: Backlog) -> None:
    """So what an end tells is what is recorded, and nothing follows it."""

    async def write() -> int:
        try:
            return sum(await record(governed, service, SIGNER, made, range(20)))
        except ActRefused:
            return 0

    writing = asyncio.create_task(write())
    while len(await rows(service, "SELECT FROM batch_slice")) < 3:  # noqa: ASYNC110 - another process is watched
        await asyncio.sleep(0.01)
    ended = await cancel(governed, service, made.batch, BY)
    await writing
    assert await find(service, made.batch) == ended
    assert 3 <= ended.progress.slices <= 20


async def test_why_a_batch_failed_is_told(governed: AuditLog, service: Database, made: Backlog) -> None:
    failed = await fail(governed, service, made.batch, BY, problem="the file ends in the middle")
    assert (failed.state, failed.problem) == ("failed", "the file ends in the middle")


async def test_a_batch_begins_under_the_ruleset_in_force_alone(governed: AuditLog, service: Database) -> None:
    with pytest.raises(Overtaken):
        await begin(governed, Input("csv"), BY, ruleset="sha256:" + "11" * 32)
    assert await listed(service) == ()


async def test_a_slice_under_another_ruleset_is_refused(
    governed: AuditLog, service: Database, made: Backlog
) -> None:
    other = replace(made, run=made.run._replace(ruleset="sha256:" + "11" * 32))
    with pytest.raises(RecordRefused):
        await record(governed, service, SIGNER, other, [0])
    assert await rows(service, "SELECT FROM batch_slice") == []


async def test_a_batch_that_goes_on_in_a_later_month(
    governed: AuditLog, service: Database, decider: Decider
) -> None:
    """Its decisions stand in the month in which it began, its slices in that of their own records."""
    made = await started(governed, decider, batch=made_in(LATER)["id"])
    assert await record(governed, service, SIGNER, made, [0]) == [True]
    [table] = await read_back(service, made)
    assert table.equals(made.table(0))
    found = await rows(
        service, "SELECT tableoid::regclass::text, count(*) FROM record WHERE channel = 'batch' GROUP BY 1"
    )
    assert ("record_2031_03", ROWS - 2) in found
    assert len(found) == 2


async def test_batches_are_listed_newest_first(
    governed: AuditLog, service: Database, decider: Decider
) -> None:
    batches = [
        await started(governed, decider, Input("csv", 7), actor=actor) for actor in ("system", PRINCIPAL) * 2
    ]
    newest = [made.batch for made in reversed(batches)]
    assert [one.id for one in await listed(service)] == newest
    assert [one.id for one in await listed(service, limit=2, before=newest[0])] == newest[1:3]
    assert {one.actor for one in await listed(service, mine=PRINCIPAL)} == {PRINCIPAL}
    assert await find(service, newest[0], mine="system") is None
    assert await running_of(service, PRINCIPAL) == 2
    await cancel(governed, service, newest[0], By(PRINCIPAL, "http"))
    assert await running_of(service, PRINCIPAL) == 1


async def test_parts_wait_until_their_slices_are_recorded(
    governed: AuditLog, service: Database, decider: Decider
) -> None:
    batch = uuid_utils.compat.uuid7()
    assert await store_parts(service, batch, parts_of(3)) == 3
    with pytest.raises(Overtaken):
        await started(governed, decider, Input("jsonl", 3 * ROWS, 4), batch=batch)
    made = await started(governed, decider, Input("jsonl", 3 * ROWS, 3), batch=batch)
    loaded = await load_part(service, batch, 1)
    assert loaded == StoredPart(1, ROWS, ROWS, b"\n".join(lines_of(1)))
    await record(governed, service, SIGNER, made, [1])
    assert await load_part(service, batch, 1) is None
    assert await waiting_parts(service, batch) == [0, 2]
    await delete_parts(service, batch)
    assert await waiting_parts(service, batch) == [0, 2]
    await cancel(governed, service, batch, BY)
    assert await waiting_parts(service, batch) == []


async def test_parts_of_what_did_not_begin_are_swept_away(service: Database) -> None:
    async def broken() -> AsyncIterator[StoredPart]:
        async for part in parts_of(2):
            yield part
        raise OSError("the upload was cut off")

    old, new = made_in(date(2025, 1, 1))["id"], uuid_utils.compat.uuid7()
    with pytest.raises(StorageUnavailable):
        await store_parts(service, new, broken())
    assert await waiting_parts(service, new) == []
    for batch in (old, new):
        await store_parts(service, batch, parts_of(1))
    await delete_strays(service)
    assert (await waiting_parts(service, old), await waiting_parts(service, new)) == ([], [0])
    await delete_parts(service, new)
    assert await waiting_parts(service, new) == []


STEPS = (
    "UPDATE batch SET state = 'running', ended_by = NULL",
    "UPDATE batch SET rows = 1",
    "DELETE FROM batch",
    "TRUNCATE batch CASCADE",
    "UPDATE batch_slice SET rows = rows",
    "DELETE FROM batch_slice",
    "TRUNCATE batch_slice",
)


async def test_the_database_lets_nobody_change_what_was_recorded(
    governed: AuditLog, service: Database, made: Backlog, database: FreshDatabase
) -> None:
    await record(governed, service, SIGNER, made, [0])
    await cancel(governed, service, made.batch, BY)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        for step in STEPS:
            with pytest.raises(
                (psycopg.errors.RestrictViolation, psycopg.DatabaseError), match=r"append-only|ended"
            ):
                owner.execute(step.encode())


async def test_the_database_takes_no_row_that_no_record_announces(
    governed: AuditLog, made: Backlog, database: FreshDatabase
) -> None:
    record_id = (await governed.append(remark(subject=made.batch))).id
    changes: list[tuple[str, tuple[Any, ...]]] = [
        (
            "INSERT INTO batch_slice VALUES (%s, 0, %s, 0, 1, 1, 0, 1, 0, 0, %s)",
            (made.batch, record_id, bytes(32)),
        ),
        ("UPDATE batch SET state = 'cancelled', ended_by = %s", (record_id,)),
        ("INSERT INTO batch SELECT %s, actor, ruleset, format, state FROM batch", (record_id,)),
    ]
    with psycopg.connect(database.service_url) as connection:
        for change, parameters in changes:
            connection.execute(change.encode(), parameters)
            with pytest.raises(psycopg.errors.ForeignKeyViolation, match="no record announces"):
                connection.commit()
