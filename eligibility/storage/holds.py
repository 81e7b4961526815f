"""Legal holds: months of records of which nothing may be erased or dropped, until the hold is released."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import orjson
import uuid_utils.compat
from sqlalchemy import Row, select

from eligibility.errors import NotFound, Overtaken
from eligibility.storage import tables
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.decisions import storable
from eligibility.storage.entries import Entry, Statement
from eligibility.storage.failures import translated
from eligibility.storage.log import AuditLog
from eligibility.storage.records import SYSTEM

SET = "hold.set"
RELEASED = "hold.released"


@dataclass(frozen=True)
class Hold:
    """A hold on the months from `first` to `last`, both included and given by their first days.

    `reason` is None where it was erased, `released_at` while the hold is in force.
    """

    id: UUID
    first: date
    last: date
    reason: str | None
    set_at: datetime
    released_at: datetime | None

    def keeps(self, month: date) -> bool:
        """Whether records of that month, given by its first day, must stay."""
        return self.released_at is None and self.first <= month <= self.last


_set_by, _released_by = tables.record.alias("set_by"), tables.record.alias("released_by")
_HOLDS = (
    select(
        tables.legal_hold,
        _set_by.c.at.label("set_at"),
        _released_by.c.at.label("released_at"),
        tables.private.c.content,
    )
    .join_from(tables.legal_hold, _set_by, _set_by.c.id == tables.legal_hold.c.id)
    .outerjoin(_released_by, _released_by.c.id == tables.legal_hold.c.released_by)
    .outerjoin(tables.private, tables.private.c.record == tables.legal_hold.c.id)
    .order_by(tables.legal_hold.c.id)
)


async def holds(database: Database) -> tuple[Hold, ...]:
    """Every hold that was ever set, oldest first. Raises StorageUnavailable."""
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            return tuple(_hold(row) for row in await connection.execute(_HOLDS))


def keeping(found: Iterable[Hold], month: date) -> Hold | None:
    """One of the holds that keeps records of that month, if there is one."""
    return next((hold for hold in found if hold.keeps(month)), None)


async def set_hold(
    log: AuditLog, first: date, last: date, reason: str, *, actor: str = SYSTEM, channel: str = "cli"
) -> UUID:
    """Keep the months from `first` to `last`, given by their first days; the hold's id.

    From the return on, nothing of them is taken away: an erasure or retention at work is waited for, within
    seconds. Raises UnacceptableRequest for a reason that no text can be, StorageUnavailable.
    """
    identifier = uuid_utils.compat.uuid7()
    keep = Statement(
        "INSERT INTO legal_hold (id, first_month, last_month) VALUES (%s, %s, %s)",
        (identifier, first, last),
        rows=1,
    )
    await log.append_aside(
        Entry(
            kind=SET,
            id=identifier,
            at=datetime.now(UTC),
            actor=actor,
            channel=channel,
            facts={"from": first.isoformat(), "to": last.isoformat()},
            private={"reason": storable(reason)},
            also=(keep,),
        )
    )
    return identifier


async def release(log: AuditLog, hold: UUID, *, actor: str = SYSTEM, channel: str = "cli") -> None:
    """End a hold. Raises NotFound for one that is not in force, StorageUnavailable."""
    identifier = uuid_utils.compat.uuid7()
    end = Statement(
        "UPDATE legal_hold SET released_by = %s WHERE id = %s AND released_by IS NULL",
        (identifier, hold),
        rows=1,
    )
    entry = Entry(
        kind=RELEASED,
        id=identifier,
        at=datetime.now(UTC),
        actor=actor,
        channel=channel,
        facts={"hold": str(hold)},
        also=(end,),
    )
    try:
        await log.append(entry)
    except Overtaken:
        raise NotFound(f"there is no hold `{hold}` in force: `audit holds` lists them") from None


def _hold(row: Row[Any]) -> Hold:
    return Hold(
        id=row.id,
        first=row.first_month,
        last=row.last_month,
        reason=None if row.content is None else orjson.loads(row.content)["reason"],
        set_at=row.set_at,
        released_at=row.released_at,
    )
