import asyncio
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
import pytest
import uuid_utils.compat

from eligibility.errors import Held, NotFound, Overtaken, RecordRefused, UnacceptableRequest
from eligibility.storage.database import Database
from eligibility.storage.decisions import Filters, StoredDecision, decision, list_decisions
from eligibility.storage.entries import Earlier, Entry, Recorded, Statement, month_of
from eligibility.storage.erasure import MOST_AT_ONCE, Texts, erase, texts_of_decisions, texts_of_reference
from eligibility.storage.holds import release, set_hold
from eligibility.storage.keys import Keys
from eligibility.storage.log import AuditLog
from eligibility.storage.rulesets import genesis
from tests.conftest import FreshDatabase
from tests.storage import making
from tests.storage.conftest import SECRET, SIGNER
from tests.storage.making import RULESET
from tests.storage.test_log import check_chain, rows

SECRETS = (
    b"Example Robotics",
    b"crm-4711",
    b"key-of-a-caller",
    b"line-of-a-backlog",
    b"what a reviewer said",
)


@pytest.fixture
async def governed(log: AuditLog, service: Database) -> AuditLog:
    await genesis(log, service, RULESET, "2026.1", b"{}")
    return log


def with_texts(**changes: Any) -> Entry:
    return making.keyed(
        "key-of-a-caller",
        private={
            "entity": {"name": "Example Robotics", "reference": "crm-4711"},
            "request_id": "line-of-a-backlog",
            "idempotency_key": "key-of-a-caller",
        },
        **changes,
    )


async def erased(
    log: AuditLog, service: Database, texts: Texts, reason: str | None = None
) -> tuple[UUID, ...]:
    return await erase(log, service, texts, reason=reason, actor="system", channel="cli")


async def read(service: Database, identifier: UUID) -> StoredDecision:
    found = await decision(service, identifier)
    assert found is not None
    return found


def everything(database: FreshDatabase) -> str:
    """Every row of every table and partition."""
    with psycopg.connect(database.superuser_url) as connection:
        names = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        ).fetchall()
        assert len(names) > 15
        return repr([connection.execute(f"SELECT * FROM {name}".encode()).fetchall() for (name,) in names])  # noqa: S608  # names of tables cannot be bound


async def test_everything_private_is_gone_from_every_table(
    governed: AuditLog, service: Database, database: FreshDatabase
) -> None:
    entry, other = with_texts(), making.decision(private={"entity": {"reference": "crm-4712"}})
    review = making.remark(kind="review.comment", subject=entry.id, private={"text": "what a reviewer said"})
    for each in (entry, other, review):
        await governed.append(each)
    [(salt,)] = await rows(service, "SELECT salt FROM private WHERE record = :id", id=entry.id)
    before = everything(database)
    assert all(secret.decode() in before for secret in SECRETS)
    assert repr(salt) in before

    texts = await texts_of_reference(service, "crm-4711")
    assert (texts.decisions, texts.others) == ((entry.id,), (review.id,))
    [made] = await erased(governed, service, texts)

    after = everything(database)
    assert not any(secret.decode() in after for secret in SECRETS)
    assert repr(salt) not in after
    assert "crm-4712" in after
    [(body, kind)] = await rows(service, "SELECT body, kind FROM record WHERE id = :id", id=made)
    assert kind == "erasure"
    assert f'"facts":{{"records":["{entry.id}","{review.id}"]}}'.encode() in body
    await check_chain(service)


async def test_an_erased_decision_still_reads_lists_and_answers_its_idempotency_key(
    governed: AuditLog, service: Database
) -> None:
    entry = with_texts()
    await governed.append(entry)
    before = await read(service, entry.id)
    assert before.erased_at is None

    [made] = await erased(governed, service, await texts_of_decisions(service, [entry.id]))

    after = await read(service, entry.id)
    assert after.private is None
    assert after.facts == {"model": {"generation": "llama-4"}, "entity": {"kind": "company"}}
    assert [(after.erased_at,)] == await rows(service, "SELECT at FROM record WHERE id = :id", id=made)
    assert (after.body, after.leaf, after.evaluation) == (before.body, before.leaf, before.evaluation)
    page = await list_decisions(service, Filters())
    assert page.decisions == (after,)
    assert not (await list_decisions(service, Filters(entity_reference="crm-4711"))).decisions
    assert await governed.append(with_texts()) == Earlier(entry.id)


async def test_the_reason_stands_in_no_fact_and_can_be_erased_itself(
    governed: AuditLog, service: Database, database: FreshDatabase
) -> None:
    entry = with_texts()
    await governed.append(entry)
    texts = await texts_of_reference(service, "crm-4711")
    [made] = await erased(governed, service, texts, "asked for by Example Robotics")
    assert "Example Robotics" in everything(database)
    [(body,)] = await rows(service, "SELECT body FROM record WHERE id = :id", id=made)
    assert b"Robotics" not in body

    await erased(governed, service, await texts_of_decisions(service, [made]))
    assert "Example Robotics" not in everything(database)


async def test_many_are_erased_in_records_of_so_many_each(governed: AuditLog, service: Database) -> None:
    entries = [making.decision() for _ in range(MOST_AT_ONCE + 10)]
    await asyncio.gather(*map(governed.append, entries))
    texts = await texts_of_reference(service, "crm-4711")
    assert (texts.first, texts.last) == (entries[0].at, entries[-1].at)
    made = await erased(governed, service, texts)
    counts = await rows(service, "SELECT made_by, count(*) FROM erased GROUP BY made_by ORDER BY made_by")
    assert counts == [(made[0], MOST_AT_ONCE), (made[1], 10)]
    await check_chain(service)


async def test_what_is_gone_cannot_be_erased_again(governed: AuditLog, service: Database) -> None:
    entry = with_texts()
    await governed.append(entry)
    texts = await texts_of_reference(service, "crm-4711")
    await erased(governed, service, texts)
    with pytest.raises(NotFound, match="nothing to erase"):
        await texts_of_reference(service, "crm-4711")
    with pytest.raises(NotFound, match="nothing to erase"):
        await texts_of_decisions(service, [entry.id])
    with pytest.raises(Overtaken):
        await erased(governed, service, texts)
    assert await rows(service, "SELECT count(*) FROM record WHERE kind = 'erasure'") == [(1,)]


async def test_of_two_erasures_at_once_in_two_writers_one_takes_place(
    governed: AuditLog, service: Database
) -> None:
    await asyncio.gather(*(governed.append(making.decision()) for _ in range(40)))
    texts = await texts_of_reference(service, "crm-4711")
    async with AuditLog(service, SECRET, SIGNER) as another:
        answers = await asyncio.gather(
            erased(governed, service, texts), erased(another, service, texts), return_exceptions=True
        )
    assert sorted(type(answer).__name__ for answer in answers) == ["Overtaken", "tuple"]
    assert await rows(service, "SELECT count(*) FROM erased") == [(40,)]
    await check_chain(service)


async def test_what_does_not_exist_is_named_and_nothing_erased(governed: AuditLog, service: Database) -> None:
    entry, unknown = with_texts(), uuid_utils.compat.uuid7()
    await governed.append(entry)
    with pytest.raises(NotFound, match=f"there is no decision `{unknown}`"):
        await texts_of_decisions(service, [entry.id, unknown])
    with pytest.raises(NotFound):
        await texts_of_reference(service, "CRM-4711")
    with pytest.raises(UnacceptableRequest):
        await texts_of_reference(service, "crm\0")
    assert (await read(service, entry.id)).private is not None


async def test_the_names_of_those_who_use_keys_are_not_among_them(
    governed: AuditLog, service: Database
) -> None:
    await Keys(service, SECRET).create(governed, name="Ada", kind="person", role="admin", label="of Ada")
    named = await rows(service, "SELECT id FROM record WHERE kind IN ('principal.created', 'key.created')")
    with pytest.raises(NotFound):
        await texts_of_decisions(service, [identifier for (identifier,) in named])


async def test_a_held_month_is_not_erased_and_the_error_says_what_is_held(
    governed: AuditLog, service: Database
) -> None:
    held = with_texts(**making.made_in(date(2025, 3, 1)))
    free = making.decision()
    await asyncio.gather(governed.append(held), governed.append(free))
    hold = await set_hold(governed, date(2025, 2, 1), date(2025, 3, 1), "a case in court")

    texts = await texts_of_reference(service, "crm-4711")
    with pytest.raises(Held, match=f"the legal hold `{hold}` keeps `{held.id}`: nothing was erased"):
        await erased(governed, service, texts)
    assert (await read(service, free.id)).private is not None

    await release(governed, hold)
    await erased(governed, service, texts)
    assert (await read(service, held.id)).private is None
    await check_chain(service)


def announce(connection: psycopg.Connection[Any], record: UUID, kind: str, told: object = "") -> None:
    """A record as the service may insert it, outside of any block."""
    body = f'{{"facts":"{told}"}}'.encode()
    connection.execute(
        "INSERT INTO record (id, block, position, kind, at, actor, channel, body, leaf) "
        "VALUES (%s, %s, 0, %s, now(), %s, 'cli', %s, %s)",
        (record, record, kind, record, body, b"l" * 32),
    )


def commit(connection: psycopg.Connection[Any], statement: str) -> None:
    connection.execute(statement.encode())
    connection.commit()


@pytest.fixture
async def victim(governed: AuditLog) -> UUID:
    return (await governed.append(with_texts())).id


LOGINS = pytest.mark.parametrize("login", ["service_url", "owner_url"])
REFUSED = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.RestrictViolation,
    psycopg.errors.ForeignKeyViolation,
)


@LOGINS
async def test_texts_go_by_the_function_only_and_not_unless_a_record_announces_it(
    database: FreshDatabase, victim: UUID, login: str
) -> None:
    with psycopg.connect(getattr(database, login)) as connection:
        for kind, told in (("", None), ("remark", victim), ("erasure", "another")):
            record = uuid_utils.compat.uuid7()
            assert connection.execute("SELECT erase_private(%s, %s)", ([victim], record)).fetchone() == (1,)
            if kind:
                announce(connection, record, kind, told)
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                connection.commit()
        for statement in (
            "DELETE FROM private",
            "INSERT INTO erased SELECT record, record FROM private",
            "INSERT INTO erased SELECT record, record FROM private; DELETE FROM private",
        ):
            with pytest.raises(REFUSED):
                commit(connection, statement)
            connection.rollback()
        left = connection.execute("SELECT count(*) FROM private WHERE record = %s", (victim,)).fetchone()
        assert left == (1,)


@LOGINS
async def test_marks_of_erasures_cannot_be_changed(
    database: FreshDatabase, governed: AuditLog, service: Database, victim: UUID, login: str
) -> None:
    await erased(governed, service, await texts_of_decisions(service, [victim]))
    with psycopg.connect(getattr(database, login), autocommit=True) as connection:
        for statement in (b"UPDATE erased SET made_by = record", b"DELETE FROM erased", b"TRUNCATE erased"):
            with pytest.raises(REFUSED):
                connection.execute(statement)


async def test_the_database_itself_refuses_to_erase_what_is_held(
    database: FreshDatabase, governed: AuditLog, victim: UUID
) -> None:
    month = month_of(victim)
    hold = await set_hold(governed, month, month, "a case in court")
    for login in (database.service_url, database.owner_url):
        with (
            psycopg.connect(login) as connection,
            pytest.raises(psycopg.errors.RestrictViolation, match=f"the legal hold {hold} keeps"),
        ):
            connection.execute("SELECT erase_private(%s, %s)", ([victim], victim))
    erasing = Statement("SELECT erase_private(%s::uuid[], %s)", ([victim], victim))
    answers = await asyncio.gather(
        governed.append(making.decision()),
        governed.append(making.remark(also=(erasing,))),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [Recorded, RecordRefused]  # it harms no other


async def test_an_erasure_that_meets_retention_at_work_keeps_nobody_waiting(
    database: FreshDatabase, governed: AuditLog, service: Database, victim: UUID
) -> None:
    texts = await texts_of_decisions(service, [victim])
    with psycopg.connect(database.service_url) as other:
        other.execute("SELECT pg_advisory_xact_lock(7104226013)")
        answers = await asyncio.gather(
            erased(governed, service, texts), governed.append(making.decision()), return_exceptions=True
        )
    assert [type(answer) for answer in answers] == [Overtaken, Recorded]
    await erased(governed, service, texts)
