"""What quotes texts of a backlog can be erased, and is dropped under retention; the log goes on holding."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from eligibility.backlog.committed import ERASED
from eligibility.decider import Decider
from eligibility.errors import ActRefused, Held, NotFound
from eligibility.storage.batch_parts import StoredPart, store_parts, waiting_parts
from eligibility.storage.batches import By, Input, cancel
from eligibility.storage.database import Database
from eligibility.storage.erasure import erase, texts_of_batch
from eligibility.storage.holds import set_hold
from eligibility.storage.log import AuditLog
from eligibility.storage.retention import drop, months
from tests.conftest import FreshDatabase
from tests.storage.backlogs import ROWS, Backlog, govern, read_back, record, started
from tests.storage.conftest import SIGNER
from tests.storage.making import made_in, remark
from tests.storage.test_batches import assert_verified
from tests.storage.test_erasure import everything
from tests.storage.test_log import rows

BY = By("system", "cli")
MARCH, APRIL = date(2025, 3, 1), date(2025, 4, 1)
SOURCE = "requests of Example Robotics.jsonl"


@pytest.fixture
async def governed(log: AuditLog, service: Database, decider: Decider) -> AuditLog:
    await govern(log, service, decider.ruleset)
    return log


async def two_slices(log: AuditLog, service: Database, decider: Decider, **changes: Any) -> Backlog:
    """A batch with two slices."""
    made = await started(log, decider, Input("jsonl", source=SOURCE), **changes)
    await record(log, service, SIGNER, made, [0, 1])
    return made


def without_texts(made: Backlog, *, refusals: bool) -> list[list[dict[str, Any]]]:
    """The rows of the two slices less what the callers called them; and less the faults of those refused."""
    tables: list[list[dict[str, Any]]] = [made.table(number).to_pylist() for number in range(2)]
    for row in (row for table in tables for row in table):
        if row["error"] is None or not refusals:
            row["request_id"] = None
        if row["error"] is not None and not refusals:
            row["error"] = ERASED.document()
    return tables


async def test_everything_private_of_a_batch_is_erased(
    governed: AuditLog, service: Database, decider: Decider, database: FreshDatabase
) -> None:
    made, other = [await two_slices(governed, service, decider) for _ in range(2)]
    [(decision,)] = await rows(service, "SELECT max(id::text)::uuid FROM record WHERE kind = 'decision'")
    await governed.append(remark(kind="remark", subject=decision, private={"text": "looked at"}))
    with pytest.raises(ActRefused, match="is running: cancel it"):
        await texts_of_batch(service, made.batch)
    for batch in (made, other):
        await cancel(governed, service, batch.batch, BY)

    texts = await texts_of_batch(service, other.batch)
    await erase(governed, service, texts, reason=None, actor="system", channel="cli")

    assert (len(texts.decisions), len(texts.others)) == (await _with_texts(other), 2 + 1 + 1)
    assert [table.to_pylist() for table in await read_back(service, other)] == without_texts(
        other, refusals=False
    )
    assert all(
        table.equals(made.table(number)) for number, table in enumerate(await read_back(service, made))
    )
    with pytest.raises(NotFound, match="has no texts any more"):
        await texts_of_batch(service, other.batch)
    assert_verified(database)
    texts = await texts_of_batch(service, made.batch)
    await erase(governed, service, texts, reason=None, actor="system", channel="cli")
    left = everything(database)
    assert not [text for text in (SOURCE, "llama-9", 'request_id":"1: ') if text in left]
    assert_verified(database)


async def _with_texts(made: Backlog) -> int:
    """How many decisions of the two slices have private texts."""
    private = [made.slice(number).copied.private for number in range(2)]
    # each slice has the texts of its refusals beside those of decisions
    return sum((copied or b"").count((4).to_bytes(2) + (16).to_bytes(4)) - 1 for copied in private)


async def test_whole_decisions_without_their_texts(
    governed: AuditLog, service: Database, decider: Decider
) -> None:
    made = await two_slices(governed, service, decider)
    before = [table.to_pylist() for table in await read_back(service, made, full=True)]
    await cancel(governed, service, made.batch, BY)
    texts = await texts_of_batch(service, made.batch)
    await erase(governed, service, texts, reason=None, actor="system", channel="cli")
    after = [table.to_pylist() for table in await read_back(service, made, full=True)]
    for one, other in zip(before, after, strict=True):
        for was, row in zip(one, other, strict=True):
            assert (was["decision"] is None) == (row["decision"] is None)
            assert (was["outcome"], was["findings"]) == (row["outcome"], row["findings"])


async def test_a_batch_that_does_not_exist(service: Database) -> None:
    with pytest.raises(NotFound, match="there is no batch"):
        await texts_of_batch(service, made_in(MARCH)["id"])


async def test_texts_of_a_batch_are_dropped_with_the_month(
    governed: AuditLog, service: Database, decider: Decider, database: FreshDatabase
) -> None:
    """Its decisions are of the month in which it began; its slices here of a later one, as they were made."""

    async def part() -> AsyncIterator[StoredPart]:
        yield StoredPart(0, 0, ROWS, b"{}")

    made = await two_slices(governed, service, decider, batch=made_in(MARCH)["id"])
    await store_parts(service, made.batch, part())
    [month] = await months(service, "texts", APRIL)
    assert month.records == await _with_texts(made) + 1

    await drop(governed, month)

    assert [table.to_pylist() for table in await read_back(service, made)] == without_texts(
        made, refusals=True
    )
    assert await waiting_parts(service, made.batch) == []
    assert SOURCE not in everything(database)
    assert_verified(database)


async def test_what_is_left_when_the_decisions_of_a_batch_are_dropped(
    governed: AuditLog, service: Database, decider: Decider, database: FreshDatabase
) -> None:
    made = await two_slices(governed, service, decider, batch=made_in(MARCH)["id"])
    later = await two_slices(governed, service, decider)
    [month] = await months(service, "decisions", APRIL)
    await drop(governed, month)
    with pytest.raises(NotFound, match="retention has dropped them"):
        await read_back(service, made)
    assert len(await read_back(service, later)) == 2
    assert_verified(database)


async def test_slices_of_a_month_that_was_dropped_are_recorded(
    governed: AuditLog, service: Database, decider: Decider, database: FreshDatabase
) -> None:
    made = await two_slices(governed, service, decider, batch=made_in(MARCH)["id"])
    [month] = await months(service, "texts", APRIL)
    await drop(governed, month)
    await record(governed, service, SIGNER, made, [2])
    *_, table = await read_back(service, made)
    assert table.equals(made.table(2))
    assert_verified(database)


async def test_what_a_hold_keeps_is_not_erased(
    governed: AuditLog, service: Database, decider: Decider
) -> None:
    made = await two_slices(governed, service, decider, batch=made_in(MARCH)["id"])
    await cancel(governed, service, made.batch, BY)
    await set_hold(governed, MARCH, MARCH, "a lawsuit", actor="system", channel="cli")
    texts = await texts_of_batch(service, made.batch)
    with pytest.raises(Held):
        await erase(governed, service, texts, reason=None, actor="system", channel="cli")
    assert all(
        table.equals(made.table(number)) for number, table in enumerate(await read_back(service, made))
    )
