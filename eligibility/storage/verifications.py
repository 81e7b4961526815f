"""Verifications that were started from pages: who wanted what, how far each is, and what it came to.

They help people, and prove nothing: whoever has the database can write what they like here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
import uuid_utils.compat
from sqlalchemy import Row, insert, select, text, update

from eligibility.recording import moment_of
from eligibility.storage import tables
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.failures import translated
from eligibility.storage.reviews import rows_of
from eligibility.storage.search_tables import verification

_SILENT: Final = timedelta(seconds=60)
_FIRST_OF_LAST: Final = text(
    """
    SELECT b.first FROM block b
    WHERE b.number = greatest(1, (SELECT h.block FROM head h) - :blocks + 1)
    """
)


@dataclass(frozen=True)
class Verification:
    """A verification: what was wanted, and its `report` (see `verdicts.Report.document`) once it has ended.

    `problem` says why it came to nothing; `is_running` that it was heard of lately.
    """

    id: UUID
    started_by: str
    started_at: datetime
    wanted: Mapping[str, Any]
    records: int
    done: int
    ended_at: datetime | None
    problem: str | None
    report: Mapping[str, Any] | None
    is_running: bool


async def begin(database: Database, by: UUID, wanted: Mapping[str, Any], records: int) -> UUID:
    """Note that somebody started one that looks at so many records. Raises StorageUnavailable."""
    identifier = uuid_utils.compat.uuid7()
    row = {
        "id": identifier,
        "started_by": by,
        "wanted": orjson.dumps(wanted),
        "records": records,
        "done": 0,
        "seen_at": datetime.now(UTC),
    }
    await _change(database, insert(verification).values(row))
    return identifier


async def note(database: Database, identifier: UUID, done: int) -> None:
    """Note how far it is. Raises StorageUnavailable."""
    change = update(verification).where(verification.c.id == identifier)
    await _change(database, change.values(done=done, seen_at=datetime.now(UTC)))


async def end(
    database: Database, identifier: UUID, *, report: Mapping[str, Any] | None, problem: str | None = None
) -> None:
    """Note what it came to. Raises StorageUnavailable."""
    change = update(verification).where(verification.c.id == identifier)
    now = datetime.now(UTC)
    said = None if report is None else orjson.dumps(report)
    await _change(database, change.values(seen_at=now, ended_at=now, report=said, problem=problem))


async def newest(database: Database, limit: int) -> tuple[Verification, ...]:
    """The newest ones. Raises StorageUnavailable."""
    query = (
        select(verification, tables.principal.c.name)
        .outerjoin(tables.principal, tables.principal.c.id == verification.c.started_by)
        .order_by(verification.c.id.desc())
        .limit(limit)
    )
    return tuple(map(_of, await rows_of(database, query, {})))


async def first_of_last(database: Database, blocks: int) -> int:
    """The sequence with which the last so many blocks begin. Raises StorageUnavailable."""
    rows = await rows_of(database, _FIRST_OF_LAST, {"blocks": blocks})
    return rows[0].first if rows else 1


async def _change(database: Database, statement: Any) -> None:
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.begin() as connection:
            await connection.execute(statement)


def _of(row: Row[Any]) -> Verification:
    return Verification(
        id=row.id,
        started_by=row.name or str(row.started_by),
        started_at=moment_of(row.id),
        wanted=orjson.loads(row.wanted),
        records=row.records,
        done=min(row.done, row.records),
        ended_at=row.ended_at,
        problem=row.problem,
        report=None if row.report is None else orjson.loads(row.report),
        is_running=row.ended_at is None and datetime.now(UTC) - row.seen_at < _SILENT,
    )
