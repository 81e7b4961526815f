import asyncio
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
import uuid_utils.compat

from eligibility.errors import (
    NotFound,
    Overtaken,
    RecordRefused,
    StorageUnavailable,
    UnacceptableRequest,
)
from eligibility.receipt import receipt_document
from eligibility.storage.database import Database
from eligibility.storage.decisions import Filters, decision, list_decisions
from eligibility.storage.entries import Earlier, Entry, Recorded
from eligibility.storage.erasure import erase, texts_of_decisions, texts_of_reference
from eligibility.storage.holds import holds, release, set_hold
from eligibility.storage.log import AuditLog
from eligibility.storage.receipts import proof_of
from eligibility.storage.retention import Class, Month, drop, months, was_dropped
from eligibility.storage.rulesets import genesis
from tests.conftest import FreshDatabase
from tests.storage import making
from tests.storage.making import RULESET, made_in
from tests.storage.test_append_only import partitions
from tests.storage.test_erasure import LOGINS, REFUSED, announce, commit
from tests.storage.test_log import check_chain, rows

MARCH, APRIL, MAY = date(2025, 3, 1), date(2025, 4, 1), date(2025, 5, 1)
CLASSES: tuple[Class, ...] = ("texts", "decisions", "accesses")

SHAPE = """
    SELECT array(SELECT tgname::text FROM pg_trigger WHERE tgrelid = c.oid ORDER BY 1),
           array(SELECT contype::text FROM pg_constraint WHERE conrelid = c.oid ORDER BY 1),
           array(SELECT regexp_replace(pg_get_indexdef(indexrelid), ' INDEX .* USING ', '')
                 FROM pg_index WHERE indrelid = c.oid ORDER BY 1)
    FROM pg_class c WHERE relname = %(name)s
"""


@pytest.fixture
async def governed(log: AuditLog, service: Database) -> AuditLog:
    await genesis(log, service, RULESET, "2026.1", b"{}")
    return log


@pytest.fixture
async def entries(governed: AuditLog) -> dict[str, Entry]:
    """Records of March and April 2025 and of now, in one block."""
    made = {
        "march": making.keyed("march", **made_in(MARCH)),
        "march, erased": making.decision(**made_in(MARCH)),
        "march, without texts": making.decision(**made_in(MARCH), private=None),
        "review": making.remark(**made_in(MARCH), kind="review.comment", private={"text": "looked at"}),
        "access": making.remark(**made_in(MARCH), kind="access", facts={"decisions": []}),
        "export": making.remark(**made_in(MARCH), kind="export"),
        "april": making.keyed("april", **made_in(APRIL)),
        "now": making.keyed("now"),
    }
    await asyncio.gather(*map(governed.append, made.values()))
    return made


async def dropped(log: AuditLog, service: Database, of: Class, before: date = APRIL) -> Month:
    [month] = await months(service, of, before)
    await drop(log, month)
    return month


async def kept(service: Database) -> dict[str, int]:
    counts = await rows(service, "SELECT kind, count(*) FROM record GROUP BY kind")
    return dict(counts)


async def test_texts_of_a_month_go_and_its_decisions_stay(
    governed: AuditLog, service: Database, entries: dict[str, Entry]
) -> None:
    gone = await texts_of_decisions(service, [entries["march, erased"].id])
    await erase(governed, service, gone, reason=None, actor="system", channel="cli")
    before = await kept(service)

    month = await dropped(governed, service, "texts")

    assert (month.month, month.records) == (MARCH, 2)  # with that of the review
    assert await kept(service) == {**before, "retention": 1}
    left = {record for (record,) in await rows(service, "SELECT record FROM private")}
    assert left >= {entries[name].id for name in ("april", "now")}
    assert not left & {entries[name].id for name in ("march", "march, erased", "review")}
    found = {name: await decision(service, entry.id) for name, entry in entries.items()}
    [(at,)] = await rows(service, "SELECT at FROM record WHERE kind = 'retention'")
    erased_at = {name: each.erased_at for name, each in found.items() if each is not None}
    assert erased_at["march"] == at
    assert erased_at.pop("march, erased") not in {None, at}
    assert {name for name, each in erased_at.items() if each is None} == {
        "march, without texts",
        "april",
        "now",
    }
    assert await governed.append(making.keyed("march")) == Earlier(entries["march"].id)
    assert await rows(service, "SELECT count(*) FROM dropped_leaf") == [(0,)]
    await check_chain(service)


async def test_decisions_of_a_month_go_with_their_texts_and_keys_and_leave_their_leaves(
    governed: AuditLog, service: Database, entries: dict[str, Entry]
) -> None:
    [(first, last)] = await rows(
        service,
        "SELECT min(first + position), max(first + position) FROM record JOIN block ON block = block.id "
        "WHERE kind = 'decision' AND record.at < '2025-04-01'",
    )
    before = await kept(service)

    month = await dropped(governed, service, "decisions")

    assert month == Month(MARCH, "decisions", 3, first, last, None)
    assert await kept(service) == {**before, "decision": 2, "retention": 1}
    [(body,)] = await rows(service, "SELECT convert_from(body, 'UTF8') FROM record WHERE kind = 'retention'")
    assert (
        f'"facts":{{"class":"decisions","first_sequence":{first},"last_sequence":{last},'
        '"month":"2025-03-01","records":3}'
    ) in body
    decided = [entries[name].id for name in ("march", "march, erased", "march, without texts")]
    assert set(await rows(service, "SELECT record, class FROM dropped_leaf")) == {
        (record, "decisions") for record in decided
    }
    for record in decided:
        assert await decision(service, record) is None
        assert await was_dropped(service, record)
    assert not await was_dropped(service, entries["april"].id)
    private = {record for (record,) in await rows(service, "SELECT record FROM private")}
    assert private >= {entries[name].id for name in ("review", "april", "now")}
    assert not private & set(decided)
    await check_chain(service)


async def test_what_stays_in_a_block_keeps_its_receipt(
    governed: AuditLog, service: Database, entries: dict[str, Entry]
) -> None:
    await dropped(governed, service, "decisions")
    proof = await proof_of(service, entries["now"].id)
    assert proof is not None
    document = receipt_document(proof.record, proof.keys, None)
    assert len(document["proof"]) == 3
    assert await proof_of(service, entries["march"].id) is None


async def test_lists_go_past_what_was_dropped_and_its_idempotency_keys_decide_anew(
    governed: AuditLog, service: Database, entries: dict[str, Entry]
) -> None:
    first = await list_decisions(service, Filters(), limit=1)
    await dropped(governed, service, "decisions")

    page = await list_decisions(service, Filters(), limit=1)
    assert page == first
    seen = []
    cursor = None
    while True:
        page = await list_decisions(service, Filters(), cursor=cursor, limit=1)
        seen += [found.id for found in page.decisions]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [entries["now"].id, entries["april"].id]
    assert isinstance(await governed.append(making.keyed("march")), Recorded)
    assert await governed.append(making.keyed("april")) == Earlier(entries["april"].id)


async def test_accesses_of_a_month_go_and_its_decisions_stay(
    governed: AuditLog, service: Database, entries: dict[str, Entry]
) -> None:
    before = await kept(service)
    month = await dropped(governed, service, "accesses")
    assert month.records == 2
    del before["access"], before["export"]
    assert await kept(service) == {**before, "retention": 1}
    assert not await was_dropped(service, entries["access"].id)
    assert await governed.append(making.keyed("march")) == Earlier(entries["march"].id)
    await check_chain(service)


async def test_each_class_of_a_month_goes_once_and_its_table_is_like_any_other(
    governed: AuditLog, service: Database, entries: dict[str, Entry], database: FreshDatabase
) -> None:
    for of in CLASSES:
        await dropped(governed, service, of)
    for of in CLASSES:
        assert await months(service, of, APRIL) == ()
    assert entries["review"].id in {record for (record,) in await rows(service, "SELECT id FROM record")}
    await check_chain(service)

    shapes: dict[str, set[str]] = {"record": set(), "private": set()}
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        for name in partitions(owner):
            shape = owner.execute(SHAPE, {"name": name}).fetchone()
            shapes[name.split("_")[0]].add(repr(shape))
        assert {parent: len(different) for parent, different in shapes.items()} == {"record": 1, "private": 1}
        for change in ("DELETE FROM record_2025_03", "TRUNCATE record_2025_03", "TRUNCATE private_2025_03"):
            with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
                owner.execute(change.encode())
    assert isinstance(await governed.append(making.remark(**made_in(MARCH))), Recorded)


async def test_what_was_dropped_is_out_of_reach_of_erasing(
    governed: AuditLog, service: Database, entries: dict[str, Entry]
) -> None:
    await dropped(governed, service, "decisions")
    with pytest.raises(NotFound):
        await texts_of_decisions(service, [entries["march"].id])
    found = await texts_of_reference(service, "crm-4711")
    assert set(found.decisions) == {entries["april"].id, entries["now"].id}


async def test_months_that_are_held_are_told_and_not_dropped(
    governed: AuditLog, service: Database, entries: dict[str, Entry]
) -> None:
    hold = await set_hold(governed, MARCH, MARCH, "a case in court")
    [march, april] = await months(service, "decisions", MAY)
    assert (march.hold and march.hold.id, april.hold) == (hold, None)
    with pytest.raises(RecordRefused) as refused:
        await drop(governed, march)
    assert f"the legal hold {hold} keeps" in str(refused.value.__cause__)
    await drop(governed, april)

    await release(governed, hold)
    await dropped(governed, service, "decisions")
    [told] = await holds(service)
    assert (told.first, told.last, told.reason) == (MARCH, MARCH, "a case in court")
    assert told.released_at is not None
    with pytest.raises(NotFound):
        await release(governed, hold)
    assert not await was_dropped(service, entries["now"].id)
    await check_chain(service)


async def test_what_was_counted_otherwise_is_not_dropped(
    governed: AuditLog, service: Database, entries: dict[str, Entry]
) -> None:
    [month] = await months(service, "decisions", APRIL)
    await governed.append(making.decision(**made_in(MARCH)))
    with pytest.raises(Overtaken):
        await drop(governed, month)
    assert await decision(service, entries["march"].id) is not None
    assert await rows(service, "SELECT count(*) FROM dropped_leaf") == [(0,)]


async def test_only_months_that_are_far_enough_in_the_past_can_go(service: Database, log: AuditLog) -> None:
    await log.ensure_ready()
    now = datetime.now(UTC).date().replace(day=1)
    last = date(now.year - (now.month == 1), (now.month - 2) % 12 + 1, 1)
    assert await months(service, "decisions", last) == ()
    with pytest.raises(UnacceptableRequest, match=f"give `{last:%Y-%m}` or an earlier one"):
        await months(service, "decisions", now)


async def test_a_long_reader_stops_retention_soon_and_wholly_and_retention_stops_nobody(
    governed: AuditLog, service: Database, entries: dict[str, Entry], database: FreshDatabase
) -> None:
    [month] = await months(service, "decisions", APRIL)
    with psycopg.connect(database.service_url) as reader:
        reader.execute("SELECT count(*) FROM record")
        with pytest.raises(StorageUnavailable, match="try again when it is done"):
            await drop(governed, month)
        assert isinstance(await governed.append(making.decision()), Recorded)
    assert await decision(service, entries["march"].id) is not None
    await drop(governed, month)
    await check_chain(service)


async def test_decisions_go_on_while_months_are_dropped(
    governed: AuditLog, service: Database, entries: dict[str, Entry]
) -> None:
    async def decide() -> int:
        made = 0
        while not dropping.done():
            await governed.append(making.decision())
            made += 1
        return made

    async def drop_all() -> None:
        for of in CLASSES:
            for month in await months(service, of, MAY):
                await drop(governed, month)

    dropping = asyncio.create_task(drop_all())
    made = await decide()
    await dropping
    page = await list_decisions(service, Filters(), limit=200)
    assert len(page.decisions) == min(made + 1, 200)
    assert page.decisions[-1].id == entries["now"].id or made >= 200
    await check_chain(service)


async def state(service: Database) -> Any:
    return await rows(
        service,
        "SELECT (SELECT count(*) FROM record), (SELECT count(*) FROM private), "
        "(SELECT count(*) FROM idempotency), (SELECT count(*) FROM dropped_leaf), "
        "(SELECT count(*) FROM retention)",
    )


@LOGINS
async def test_the_database_refuses_each_misuse(
    service: Database, entries: dict[str, Entry], database: FreshDatabase, login: str
) -> None:
    before = await state(service)
    this_month = datetime.now(UTC).date()
    with psycopg.connect(getattr(database, login)) as connection:
        for kind, told in (
            ("", ""),
            ("remark", ""),
            ("retention", '2025-04-01","decisions'),
            ("retention", MARCH),
        ):
            record = uuid_utils.compat.uuid7()
            connection.execute("SELECT retain(%s, 'decisions', %s)", (MARCH, record))
            if kind:
                announce(connection, record, kind, told)
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                connection.commit()
        for month, of, words in (
            (this_month, "decisions", "another whole one has passed"),
            (date(2030, 1, 1), "texts", "another whole one has passed"),
            (MARCH, "rulesets", 'no class of records "rulesets"'),
            (MARCH, "", "no class of records"),
        ):
            with pytest.raises(psycopg.Error, match=words):
                connection.execute("SELECT retain(%s, %s, %s)", (month, of, entries["now"].id))
            connection.rollback()
        for month in (date(2020, 1, 1), MAY):
            row = connection.execute(
                "SELECT retain(%s, 'decisions', %s)", (month, entries["now"].id)
            ).fetchone()
            assert row == (0,)
        connection.commit()
        for statement in (
            "DELETE FROM idempotency",
            "INSERT INTO retention VALUES (gen_random_uuid(), '2025-03-01', 'texts')",
        ):
            with pytest.raises(REFUSED):
                commit(connection, statement)
            connection.rollback()
    assert await state(service) == before


@LOGINS
async def test_holds_and_what_retention_left_cannot_be_changed(
    governed: AuditLog, service: Database, entries: dict[str, Entry], database: FreshDatabase, login: str
) -> None:
    await dropped(governed, service, "decisions")
    hold = await set_hold(governed, APRIL, MAY, "a case in court")
    another = entries["now"].id
    changes: list[tuple[str, tuple[UUID, ...]]] = [
        ("UPDATE retention SET made_by = made_by", ()),
        ("DELETE FROM retention", ()),
        ("TRUNCATE retention", ()),
        ("UPDATE dropped_leaf SET leaf = leaf", ()),
        ("DELETE FROM dropped_leaf", ()),
        ("TRUNCATE dropped_leaf", ()),
        ("DELETE FROM legal_hold", ()),
        ("TRUNCATE legal_hold", ()),
        ("UPDATE legal_hold SET last_month = first_month", ()),
        ("UPDATE legal_hold SET released_by = NULL", ()),
        ("UPDATE legal_hold SET released_by = %s", (hold,)),
        ("UPDATE legal_hold SET released_by = %s", (another,)),
        ("UPDATE legal_hold SET released_by = gen_random_uuid()", ()),
        ("INSERT INTO legal_hold VALUES (gen_random_uuid(), '2025-01-01', '2025-02-01')", ()),
        ("INSERT INTO legal_hold VALUES (%s, '2025-01-01', '2025-02-01')", (another,)),
        ("INSERT INTO legal_hold VALUES (gen_random_uuid(), '2025-01-01', '2025-02-01', %s)", (hold,)),
    ]
    with psycopg.connect(getattr(database, login), autocommit=True) as connection:
        for change, parameters in changes:
            with pytest.raises(REFUSED):
                connection.execute(change.encode(), parameters)
        for first, last in (("2025-02-01", "2025-01-01"), ("2025-01-02", "2025-02-01")):
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute("INSERT INTO legal_hold VALUES (gen_random_uuid(), %s, %s)", (first, last))
    [told] = await holds(service)
    assert (told.id, told.released_at) == (hold, None)
