"""Precedents as the database keeps them: each made by a record of a person, and ended by another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
import uuid_utils.compat
from sqlalchemy import Row, text

from eligibility.canonical import canonical, timestamp
from eligibility.precedents import GENERATION, Precedent, State, matching
from eligibility.recording import moment_of
from eligibility.ruleset_life import Actor
from eligibility.storage.database import Database
from eligibility.storage.decisions import StoredDecision, decisions_of
from eligibility.storage.entries import Entry, Statement
from eligibility.storage.log import AuditLog
from eligibility.storage.reviews import rows_of

MADE: Final = "precedent.made"
ENDED: Final = "precedent.ended"

_PRECEDENTS: Final = """
    SELECT p.*, n.name, t.content,
           p.ended_by IS NULL AND p.expires_at > now()
               AND coalesce(c.outcome_in_force = p.outcome, false) AS is_active
    FROM precedent p JOIN record r ON r.id = p.record LEFT JOIN principal n ON n.id = r.actor
    LEFT JOIN private t ON t.record = p.record LEFT JOIN review_case c ON c.decision = p.decision
"""
_ALL: Final = text(f"{_PRECEDENTS} ORDER BY p.record DESC LIMIT :most")
_ONE: Final = text(f"{_PRECEDENTS} WHERE p.record = :record")
_OF_GENERATION: Final = text(
    f"{_PRECEDENTS} WHERE p.generation = :generation AND p.expires_at > now() ORDER BY p.record"
)
_STATES: Final[Mapping[State, str]] = {
    "ended": "p.ended_by IS NOT NULL",
    "expired": "p.ended_by IS NULL AND p.expires_at <= now()",
    "active": "p.ended_by IS NULL AND p.expires_at > now() AND c.outcome_in_force = p.outcome",
    "lapsed": "p.ended_by IS NULL AND p.expires_at > now() AND c.outcome_in_force IS DISTINCT FROM p.outcome",
}
# Walking back by id from the newest: it takes the same time however long the log.
_LIKE: Final = text(
    """
    WITH newest AS MATERIALIZED (
        SELECT n.id, n.evaluation_key AS key FROM (
            SELECT id, kind, generation, evaluation_key FROM record ORDER BY id DESC LIMIT :most_records
        ) n WHERE n.kind = 'decision' AND n.generation = :generation ORDER BY n.id DESC LIMIT :most_decisions
    ), evaluated AS MATERIALIZED (
        SELECT key, convert_from(cells, 'UTF8')::jsonb AS cells FROM evaluation
        WHERE key IN (SELECT key FROM newest)
    ), alike AS (
        SELECT key FROM evaluated e WHERE NOT EXISTS (
            SELECT FROM jsonb_each(CAST(:pattern AS jsonb)) p WHERE e.cells -> p.key IS DISTINCT FROM p.value
        )
    )
    SELECT (SELECT count(*) FROM newest) AS looked_at,
           ARRAY(SELECT id FROM newest JOIN alike USING (key) ORDER BY id DESC LIMIT :most) AS found
    """
)
_MOST_RECORDS: Final = 20_000
_MOST_DECISIONS: Final = 2_000

_MAKE: Final = """
    INSERT INTO precedent (record, decision, generation, pattern, outcome, expires_at)
    VALUES (%s, %s, %s, %s, %s, %s)
"""
_END: Final = "UPDATE precedent SET ended_by = %s WHERE record = %s AND ended_by IS NULL"


@dataclass(frozen=True)
class Wanted:
    """Which precedents to list; None is any."""

    state: State | None = None
    generation: str | None = None
    outcome: str | None = None


@dataclass(frozen=True)
class Like:
    """The newest decisions that are like a precedent, of so many of its generation `looked_at`."""

    decisions: tuple[StoredDecision, ...]
    looked_at: int


async def make(
    log: AuditLog,
    stored: StoredDecision,
    pattern: Mapping[str, Any],
    outcome: str,
    *,
    expires: datetime,
    why: str,
    actor: Actor,
) -> UUID:
    """Make a precedent of a decision whose outcome in force is that one; its id.

    Raises ActRefused where the database finds none of it right, StorageUnavailable.
    """
    identifier = uuid_utils.compat.uuid7()
    insert = Statement(
        _MAKE,
        (identifier, stored.id, pattern[GENERATION], canonical(dict(pattern)), outcome, expires),
        rows=1,
    )
    await log.append(
        Entry(
            kind=MADE,
            id=identifier,
            at=moment_of(identifier),
            actor=actor.principal,
            channel=actor.channel,
            subject=stored.id,
            facts={"pattern": dict(pattern), "outcome": outcome, "expires": timestamp(expires)},
            private={"text": why},
            also=(insert,),
        )
    )
    return identifier


async def end(log: AuditLog, precedent: UUID, actor: Actor) -> None:
    """End a precedent. Raises Overtaken where it has ended already, StorageUnavailable."""
    identifier = uuid_utils.compat.uuid7()
    await log.append(
        Entry(
            kind=ENDED,
            id=identifier,
            at=moment_of(identifier),
            actor=actor.principal,
            channel=actor.channel,
            subject=precedent,
            facts={},
            also=(Statement(_END, (identifier, precedent), rows=1),),
        )
    )


async def listed(database: Database, *, most: int = 1000) -> tuple[Precedent, ...]:
    """The precedents, newest first, those that have ended too. Raises StorageUnavailable."""
    return tuple(_precedent(row) for row in await rows_of(database, _ALL, {"most": most}))


async def page_of(
    database: Database, wanted: Wanted, *, before: UUID | None = None, limit: int
) -> tuple[Precedent, ...]:
    """Some precedents, newest first, those made before that one. Raises StorageUnavailable."""
    values: dict[str, object] = {"most": limit}
    conditions = ["true"]
    if wanted.state is not None:
        conditions.append(_STATES[wanted.state])
    for column, value in (("generation", wanted.generation), ("outcome", wanted.outcome)):
        if value is not None:
            conditions.append(f"p.{column} = :{column}")
            values[column] = value
    if before is not None:
        conditions.append("p.record < :before")
        values["before"] = before
    query = text(f"{_PRECEDENTS} WHERE {' AND '.join(conditions)} ORDER BY p.record DESC LIMIT :most")
    return tuple(_precedent(row) for row in await rows_of(database, query, values))


async def like(database: Database, precedent: Precedent, *, most: int = 20) -> Like:
    """The newest decisions that are like a precedent, active or not. Raises StorageUnavailable."""
    values = {
        "generation": precedent.pattern[GENERATION],
        "pattern": canonical(dict(precedent.pattern)).decode(),
        "most_records": _MOST_RECORDS,
        "most_decisions": _MOST_DECISIONS,
        "most": most,
    }
    [row] = await rows_of(database, _LIKE, values)
    found = await decisions_of(database, row.found)
    return Like(tuple(found[each] for each in sorted(found, reverse=True)), row.looked_at)


async def find(database: Database, precedent: UUID) -> Precedent | None:
    """The precedent of that id. Raises StorageUnavailable."""
    rows = await rows_of(database, _ONE, {"record": precedent})
    return _precedent(rows[0]) if rows else None


async def precedents_for(database: Database, cells: Mapping[str, Any]) -> list[Precedent]:
    """The precedents, neither ended nor expired, that a decision with these cells is like.

    Raises StorageUnavailable.
    """
    rows = await rows_of(database, _OF_GENERATION, {"generation": cells[GENERATION]})
    return matching((each for each in map(_precedent, rows) if each.is_active), cells)


def _precedent(row: Row[Any]) -> Precedent:
    return Precedent(
        id=row.record,
        decision=row.decision,
        pattern=orjson.loads(row.pattern),
        outcome=row.outcome,
        expires_at=row.expires_at,
        made_at=moment_of(row.record),
        made_by=row.name,
        text=None if row.content is None else orjson.loads(row.content).get("text"),
        ended_at=None if row.ended_by is None else moment_of(row.ended_by),
        is_active=row.is_active,
    )
