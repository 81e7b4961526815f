"""Every step, check, source and signature is what a record of the same transaction says."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import psycopg
import pytest
import uuid_utils.compat
from sqlalchemy import text

from eligibility.errors import RecordRefused
from eligibility.ruleset_life import IMPACT
from eligibility.storage.database import Database
from eligibility.storage.entries import Entry, Statement
from eligibility.storage.log import AuditLog
from eligibility.storage.records import hash_bytes, principal_id
from eligibility.storage.ruleset_life import life
from eligibility.storage.ruleset_moves import move_statement
from tests.storage.living import GROUPS, Living, living


@pytest.fixture
async def world(service: Database, log: AuditLog) -> Living:
    return await living(service, log)


@pytest.fixture
async def announcing(world: Living) -> AsyncIterator[psycopg.AsyncConnection]:
    async with await psycopg.AsyncConnection.connect(
        world.database.url.replace("postgresql+psycopg", "postgresql")
    ) as connection:
        yield connection


async def test_a_step_that_no_record_announces_is_not_taken(
    world: Living, announcing: psycopg.AsyncConnection
) -> None:
    draft = await world.draft()
    statement = move_statement(draft, "proposed", world.proposer.principal, uuid_utils.compat.uuid7())
    await announcing.execute(statement.sql.encode(), statement.parameters)
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="no record announces"):
        await announcing.commit()
    assert (await life(world.database, draft)).state == "draft"


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "remark"},
        {"actor": "approver"},
        {"ruleset": "first"},
        {"kind": "ruleset.withdrawn"},
    ],
    ids=str,
)
async def test_a_step_is_what_its_record_says(world: Living, changes: dict[str, str]) -> None:
    draft, record = await world.draft(), uuid_utils.compat.uuid7()
    actor = world.approver if "actor" in changes else world.proposer
    entry = Entry(
        kind=changes.get("kind", "ruleset.proposed"),
        id=record,
        at=datetime.now(UTC),
        actor=actor.principal,
        channel="http",
        ruleset=world.first if "ruleset" in changes else draft,
        also=(move_statement(draft, "proposed", world.proposer.principal, record),),
    )
    with pytest.raises(RecordRefused):
        await world.log.append(entry)
    assert (await life(world.database, draft)).state == "draft"


async def test_one_record_announces_one_step(world: Living) -> None:
    draft = await world.draft()
    await world.step(draft, "proposed", world.proposer)
    await world.step(draft, "withdrawn", world.approver)
    async with world.database.engine.connect() as connection:
        earlier = await connection.scalar(text("SELECT record FROM ruleset_step WHERE step = 'proposed'"))
    entry = Entry(
        kind="remark",
        id=uuid_utils.compat.uuid7(),
        at=datetime.now(UTC),
        actor="system",
        channel="http",
        also=(move_statement(draft, "proposed", world.proposer.principal, earlier),),
    )
    with pytest.raises(RecordRefused):
        await world.log.append(entry)


@pytest.mark.parametrize("table", ["ruleset_check", "ruleset_source", "impact_sign_off"])
async def test_a_check_a_source_and_a_signature_are_what_their_records_say(world: Living, table: str) -> None:
    draft, record = await world.draft(), uuid_utils.compat.uuid7()
    await world.checked(draft)
    impact = (await life(world.database, draft)).checks[IMPACT]
    digest = hash_bytes(draft)
    rows: dict[str, tuple[object, ...]] = {
        "ruleset_check": (record, digest, "tests", digest, True, b"{}"),
        "ruleset_source": (record, digest, b"{}"),
        "impact_sign_off": (record, digest, impact.id, GROUPS[0], principal_id(world.approver.principal)),
    }
    row = rows[table]
    insert = f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(row))})"  # noqa: S608  # names of tables
    entry = Entry(
        kind="ruleset.checked",
        id=record,
        at=datetime.now(UTC),
        actor=world.approver.principal,
        channel="http",
        ruleset=draft,
        facts={"check": "proof", "group": "another", "source": "another"},
        also=(Statement(insert, row),),
    )
    with pytest.raises(RecordRefused):
        await world.log.append(entry)
