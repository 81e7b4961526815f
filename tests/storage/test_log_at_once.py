"""Who writes alone records in one statement, which does nothing where it does not fit."""

import asyncio
from typing import Any

import psycopg
import pytest

from eligibility.errors import RulesetReplaced
from eligibility.storage import blocks
from eligibility.storage.database import Database
from eligibility.storage.entries import Earlier, Recorded
from eligibility.storage.log import AuditLog
from eligibility.storage.records import hash_bytes
from eligibility.storage.rulesets import genesis
from tests.conftest import FreshDatabase
from tests.storage.conftest import SECRET, SIGNER
from tests.storage.making import OTHER_RULESET, RULESET, decision, keyed, remark
from tests.storage.test_log import check_chain, rows, write_alone

COUNTED = """
    SELECT (SELECT count(*) FROM record), (SELECT count(*) FROM private), (SELECT count(*) FROM idempotency),
           (SELECT count(*) FROM block)
"""
WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE wait_event = 'transactionid' AND datname = current_database()
"""


@pytest.fixture
async def governed(log: AuditLog, service: Database) -> AuditLog:
    """A log with a ruleset in force."""
    assert await genesis(log, service, RULESET, "2026.1", b"{}") is None
    return log


async def is_waiting(service: Database) -> None:
    """Return once somebody waits for a row."""
    for _ in range(1_000):
        if await rows(service, WAITING) != [(0,)]:
            return
        await asyncio.sleep(0.01)
    pytest.fail("nobody waits")


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> list[psycopg.Error]:
    """What the database refused meanwhile, of what was asked over connections of psycopg."""
    refused: list[psycopg.Error] = []
    execute = psycopg.AsyncConnection.execute

    async def watched(*arguments: Any, **options: Any) -> Any:
        try:
            return await execute(*arguments, **options)
        except psycopg.Error as error:
            refused.append(error)
            raise

    monkeypatch.setattr(psycopg.AsyncConnection, "execute", watched)
    return refused


async def test_who_writes_alone_takes_one_statement(
    governed: AuditLog, service: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_alone(governed)
    with monkeypatch.context() as patch:
        patch.delattr(blocks, "_write_in_steps")
        entries = [decision(), decision(private={}), keyed("k"), keyed("l", private={}), remark()]
        for entry in entries:
            assert await governed.append(entry) == Recorded(entry.id, governed._memory.left.next_sequence - 1)  # type: ignore[union-attr]  # it has written
        recorded = await asyncio.gather(*(governed.append(keyed(f"k{n}")) for n in range(20)))
        assert all(isinstance(each, Recorded) for each in recorded)
    assert await rows(service, "SELECT count(*) FROM idempotency") == [(22,)]
    await check_chain(service)


async def test_a_statement_does_nothing_where_it_does_not_fit(
    governed: AuditLog,
    service: Database,
    monkeypatch: pytest.MonkeyPatch,
    refusals: list[psycopg.Error],
) -> None:
    """Where a key was used before, or another has written: no records, texts or new keys, and no error."""
    first = keyed("used")
    await governed.append(first)
    await write_alone(governed)
    before = await rows(service, COUNTED)
    written = blocks._write_at_once

    async def at_once(*arguments: Any) -> Any:
        sealed = await written(*arguments)
        assert sealed is None
        assert await rows(service, COUNTED) == before
        return sealed

    monkeypatch.setattr(blocks, "_write_at_once", at_once)
    new, again = keyed("new"), keyed("used")
    assert await asyncio.gather(governed.append(new), governed.append(again)) == [
        Recorded(new.id, governed._memory.left.next_sequence - 1),  # type: ignore[union-attr]  # it has written
        Earlier(first.id),
    ]
    async with AuditLog(service, SECRET, SIGNER) as another:
        await another.append(remark())
    before = await rows(service, COUNTED)
    assert isinstance(await governed.append(keyed("newer")), Recorded)
    assert not refusals
    await check_chain(service)


@pytest.mark.parametrize("has_key", [True, False])
async def test_of_a_statement_that_is_refused_nothing_stays(
    has_key: bool,
    governed: AuditLog,
    service: Database,
    database: FreshDatabase,
    refusals: list[psycopg.Error],
) -> None:
    """Where the head is replaced after the statement has looked at it."""
    await write_alone(governed)
    before = await rows(service, COUNTED)
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("UPDATE head SET ruleset = %s", (hash_bytes(OTHER_RULESET),))
        entry = keyed("k", private={"use": {}}) if has_key else decision()
        appending = asyncio.create_task(governed.append(entry))
        await is_waiting(service)
        connection.commit()
    with pytest.raises(RulesetReplaced):
        await appending
    assert [type(error) for error in refusals] == [psycopg.errors.NotNullViolation]
    assert await rows(service, COUNTED) == before


async def test_who_wrote_alone_sees_what_others_write(
    governed: AuditLog, service: Database, database: FreshDatabase
) -> None:
    """Also where it no longer looks at the head before it chains a block to it."""
    for n in range(15):
        await governed.append(decision(private={"use": {"description": "x"}} if n % 2 else {}))
    assert governed._memory.head_for(()) is not None
    async with AuditLog(service, SECRET, SIGNER) as another:
        for _ in range(3):
            await another.append(decision())
            await governed.append(decision())
        assert governed._memory.head_for(()) is None
        for _ in range(15):
            await governed.append(decision())
        assert governed._memory.head_for(()) is not None
        with psycopg.connect(database.superuser_url) as connection:
            connection.execute("UPDATE head SET ruleset = %s", (hash_bytes(OTHER_RULESET),))
        with pytest.raises(RulesetReplaced):
            await governed.append(decision())
    await check_chain(service)
