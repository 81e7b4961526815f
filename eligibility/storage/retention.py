"""Retention: dropping whole months of records, or of their texts, when they need not be kept any longer.

Of a dropped record its leaf stays, so that its block and its neighbours can still be proved. What shows how
the log itself came about (rulesets, keys, erasures, holds, reviews, retention) is never dropped.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal
from uuid import UUID

import psycopg
import uuid_utils.compat
from sqlalchemy import select

from eligibility.errors import Fault, StorageUnavailable, UnacceptableRequest
from eligibility.review import KINDS as REVIEWS
from eligibility.storage import tables
from eligibility.storage.batch_slices import SLICE
from eligibility.storage.batches import STARTED
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.entries import DECISION, Entry, Statement
from eligibility.storage.failures import translated
from eligibility.storage.holds import Hold, holds, keeping
from eligibility.storage.log import AuditLog
from eligibility.storage.precedents import MADE
from eligibility.storage.records import SYSTEM
from eligibility.storage.reviews import PREFIX

RETENTION = "retention"

Class = Literal["texts", "decisions", "accesses"]
KINDS: Mapping[Class, tuple[str, ...]] = {
    "texts": (DECISION, STARTED, SLICE, *(f"{PREFIX}{kind}" for kind in REVIEWS), MADE),
    "decisions": (DECISION,),
    "accesses": ("access", "export"),
}
"""The classes that can be dropped, and the kinds of records in each.

Of the first, only texts go: those of decisions, and of backlogs, reviews and precedents those about them.
"""

_NEWEST = "SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') - interval '1 month')::date"
_MONTHS = "SELECT month FROM partition WHERE month < %s ORDER BY month"
_WITH_TEXTS = "JOIN private p ON p.record = r.id"
_COUNT = """
    SELECT count(*), min(b.first + r.position), max(b.first + r.position)
    FROM record r JOIN block b ON b.id = r.block {texts}
    WHERE r.id >= %s AND r.id < %s AND r.kind = ANY(%s)
"""


@dataclass(frozen=True)
class Month:
    """A month of a class, given by its first day, that has something to drop; `hold` is one that keeps it.

    `records` is how many records go (or lose their texts), between these places of the log.
    """

    month: date
    of: Class
    records: int
    first_sequence: int
    last_sequence: int
    hold: Hold | None


async def months(database: Database, of: Class, before: date) -> tuple[Month, ...]:
    """The months before that one, given by its first day, that have something of the class, oldest first.

    Raises UnacceptableRequest where they are not far enough in the past, StorageUnavailable.
    """
    found = []
    connection = await database.connect_raw()
    try:
        with translated():
            await connection.execute("SET statement_timeout = 0")
            [newest] = await _one(connection, _NEWEST)
            if before > newest:
                raise UnacceptableRequest([Fault("", _too_young(before, newest))])
            all_holds = await holds(database)
            rows = await (await connection.execute(_MONTHS, (before,))).fetchall()
            for (month,) in rows:
                query = _COUNT.format(texts=_WITH_TEXTS if of == "texts" else "")
                bounds = first_id(month), first_id(_next(month))
                count, first, last = await _one(connection, query, (*bounds, list(KINDS[of])))
                if count:
                    found.append(Month(month, of, count, first, last, keeping(all_holds, month)))
    finally:
        await connection.close()
    return tuple(found)


async def drop(log: AuditLog, month: Month, *, actor: str = SYSTEM, channel: str = "cli") -> UUID:
    """Drop a month; the record that says so.

    It may take minutes, and stops the others only for the moment in which the tables are exchanged. Raises
    Overtaken where there is other than was counted, RecordRefused where a hold was set meanwhile,
    StorageUnavailable where it is not possible now; then nothing is dropped.
    """
    identifier = uuid_utils.compat.uuid7()
    dropping = Statement(
        "SELECT 1 WHERE retain(%s, %s, %s) = %s",
        (month.month, month.of, identifier, month.records),
        rows=1,
    )
    entry = Entry(
        kind=RETENTION,
        id=identifier,
        at=datetime.now(UTC),
        actor=actor,
        channel=channel,
        facts={
            "month": month.month.isoformat(),
            "class": month.of,
            "records": month.records,
            "first_sequence": month.first_sequence,
            "last_sequence": month.last_sequence,
        },
        also=(dropping,),
    )
    try:
        await log.append_aside(entry)
    except StorageUnavailable as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
            raise StorageUnavailable(
                f"something that takes long reads or writes the log, so {month.month:%Y-%m} could not be "
                "dropped: try again when it is done",
                retry_after=60,
            ) from error.__cause__
        raise
    return identifier


async def was_dropped(database: Database, record: UUID) -> bool:
    """Whether there was a decision of that id, dropped under retention. Raises StorageUnavailable."""
    leaf = tables.dropped_leaf.c
    query = select(leaf.record).where(leaf.record == record, leaf["class"] == "decisions")
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            return (await connection.scalar(query)) is not None


def first_id(month: date) -> UUID:
    """The least UUIDv7 that can be made in a month, given by its first day."""
    milliseconds = int(datetime(month.year, month.month, 1, tzinfo=UTC).timestamp()) * 1000
    return UUID(int=milliseconds << 80)


def _next(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


async def _one(connection: psycopg.AsyncConnection[Any], sql: str, parameters: Any = ()) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = await (await connection.execute(sql.encode(), parameters)).fetchone()
    assert row is not None  # noqa: S101  # aggregates and constants always have their one row
    return row


def _too_young(before: date, newest: date) -> str:
    return (
        f"`{before:%Y-%m}` is too late: a month can go when another whole one has passed since, "
        f"so give `{newest:%Y-%m}` or an earlier one"
    )
