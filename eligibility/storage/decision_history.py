"""What became of a decision, and what was decided before on the same applicant or the same facts.

Each question is answered by an index, and reads a bounded number of rows however large the log is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from eligibility.recording import moment_of
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.decisions import StoredDecision
from eligibility.storage.entries import DECISION
from eligibility.storage.failures import translated
from eligibility.storage.reviews import rows_of
from eligibility.storage.tables import IS_LOOK, SEEN

MOST_EVENTS: Final = 50
"""Events that are told, of each kind: looks, and acts."""

MOST_EXPORTS: Final = 500
"""Exports that are looked through for those that a decision was in."""

MOST_EARLIER: Final = 10
"""Earlier decisions that are told."""

MOST_SORTED: Final = 500
"""Decisions of one applicant, or on the same facts, that are put in order; of more, only the nearest are."""

NEARBY: Final = 5_000
"""Records before a decision that are looked through, where very many are alike."""

_LOOKS: Final = text(
    f"""
    WITH seen AS MATERIALIZED (
        SELECT r.id, r.kind, r.actor, r.channel, r.body FROM record r
        WHERE {IS_LOOK} AND {SEEN} @> ARRAY[CAST(:decision AS text)]
        AND (CAST(:actor AS uuid) IS NULL OR r.actor = :actor)
    )
    SELECT s.*, p.name FROM seen s LEFT JOIN principal p ON p.id = s.actor ORDER BY s.id DESC LIMIT :most
    """  # noqa: S608 - our own expressions
)
_ACTS: Final = text(
    """
    SELECT r.id, r.kind, r.actor, r.channel, r.body, p.name
    FROM (
        SELECT * FROM record WHERE subject = :decision AND kind NOT IN ('access', 'decision')
        UNION ALL SELECT * FROM record WHERE id = (SELECT made_by FROM erased WHERE record = :decision)
    ) r LEFT JOIN principal p ON p.id = r.actor
    ORDER BY r.id DESC LIMIT :most
    """
)
_EXPORTS: Final = text(
    """
    WITH made AS MATERIALIZED (
        SELECT r.id, r.kind, r.actor, r.channel, r.body FROM record r
        WHERE r.kind = 'export' AND r.id > :decision
    )
    SELECT m.*, p.name FROM made m LEFT JOIN principal p ON p.id = m.actor ORDER BY m.id DESC LIMIT :most
    """
)
_OF_APPLICANT: Final = text(
    "SELECT record AS id FROM private WHERE entity_reference = :value AND record < :before LIMIT :most"
)
_ON_FACTS: Final = text(
    "SELECT id FROM record WHERE evaluation_key = :value AND id < :before LIMIT :most",
)
_NEAR_OF_APPLICANT: Final = text(
    """
    SELECT id FROM (
        SELECT record AS id, entity_reference AS value FROM private WHERE record < :before
        ORDER BY record DESC LIMIT :nearby
    ) near WHERE value = :value ORDER BY id DESC LIMIT :most
    """
)
_NEAR_ON_FACTS: Final = text(
    """
    SELECT id FROM (
        SELECT id, evaluation_key AS value FROM record WHERE id < :before ORDER BY id DESC LIMIT :nearby
    ) near WHERE value = :value ORDER BY id DESC LIMIT :most
    """
)
_TOLD: Final = text(
    """
    SELECT r.id, r.outcome, coalesce(c.outcome_in_force, r.outcome) AS outcome_in_force, r.generation,
           p.name AS requested_by
    FROM record r LEFT JOIN principal p ON p.id = r.actor LEFT JOIN review_case c ON c.decision = r.id
    WHERE r.id = ANY(:ids) AND r.kind = :kind ORDER BY r.id DESC
    """
)


class Event(NamedTuple):
    """Something that was done with a decision, as its record says; `by` is a name, if it is known."""

    id: UUID
    kind: str
    at: datetime
    actor: UUID
    by: str | None
    channel: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class EarlierDecision:
    """A decision that was made before another."""

    id: UUID
    at: datetime
    outcome: str
    outcome_in_force: str
    generation: str
    requested_by: str | None


@dataclass(frozen=True)
class EarlierDecisions:
    """Decisions before another, newest first. `number` counts them all; of too many it is None.

    Then only those among the NEARBY records before it are found.
    """

    decisions: tuple[EarlierDecision, ...]
    number: int | None


@dataclass(frozen=True)
class Around:
    """What the log has around a decision, events newest first.

    `looks` at it; `acts` on it: steps of its review, precedents, its erasure. Of each there are the newest
    MOST_EVENTS, and one more where there are more. The `exports` that it was in, as far as their kinds and
    times tell, of the newest MOST_EXPORTS. `of_applicant` is what was decided before under the same
    reference, None where none is known; `on_facts` what was decided before on facts that no rule tells from
    these, under the same ruleset.
    """

    looks: tuple[Event, ...]
    acts: tuple[Event, ...]
    exports: tuple[Event, ...]
    of_applicant: EarlierDecisions | None
    on_facts: EarlierDecisions


async def around(database: Database, decision: StoredDecision) -> Around:
    """Read it, over one connection. Raises StorageUnavailable."""
    reference = decision.facts.get("entity", {}).get("reference")
    about, of_applicant = {"decision": decision.id, "most": MOST_EVENTS + 1}, None
    looking = {"decision": str(decision.id), "actor": None, "most": MOST_EVENTS + 1}
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            looks = (await connection.execute(_LOOKS, looking)).all()
            acts = (await connection.execute(_ACTS, about)).all()
            exporting = about | {"most": MOST_EXPORTS}
            exports = map(_event, (await connection.execute(_EXPORTS, exporting)).all())
            on_facts = await _earlier(
                connection, decision.id, decision.evaluation_key, _ON_FACTS, _NEAR_ON_FACTS
            )
            if reference is not None:
                of_applicant = await _earlier(
                    connection, decision.id, reference, _OF_APPLICANT, _NEAR_OF_APPLICANT
                )
    return Around(
        tuple(map(_event, looks)),
        tuple(map(_event, acts)),
        tuple(event for event in exports if _holds(event.facts, decision.at)),
        of_applicant,
        on_facts,
    )


async def last_look(database: Database, decision: UUID, actor: UUID) -> datetime | None:
    """When somebody last looked at a decision. Raises StorageUnavailable."""
    values = {"decision": str(decision), "actor": actor, "most": 1}
    rows = await rows_of(database, _LOOKS, values)
    return moment_of(rows[0].id) if rows else None


def _holds(export: dict[str, Any], at: datetime) -> bool:
    """Whether an export was of what was decided at a time."""
    since, until = export.get("from"), export.get("to")
    return (
        export.get("kind") in {DECISION, "all"}
        and (since is None or datetime.fromisoformat(since) <= at)
        and (until is None or at < datetime.fromisoformat(until))
    )


async def _earlier(
    connection: AsyncConnection, before: UUID, value: object, some: TextClause, near: TextClause
) -> EarlierDecisions:
    values = {"value": value, "before": before}
    found = (await connection.execute(some, values | {"most": MOST_SORTED + 1})).scalars().all()
    number = len(found)
    ids: Sequence[UUID] = sorted(found, reverse=True)[:MOST_EARLIER]
    if number > MOST_SORTED:
        nearest = values | {"nearby": NEARBY, "most": MOST_EARLIER}
        ids = (await connection.execute(near, nearest)).scalars().all()
    rows = (await connection.execute(_TOLD, {"ids": ids, "kind": DECISION})).all() if ids else ()
    told = tuple(
        EarlierDecision(
            row.id,
            moment_of(row.id),
            row.outcome,
            row.outcome_in_force,
            row.generation,
            row.requested_by,
        )
        for row in rows
    )
    return EarlierDecisions(told, number if number <= MOST_SORTED else None)


def _event(row: Row[Any]) -> Event:
    facts = orjson.loads(row.body).get("facts", {})
    return Event(row.id, row.kind, moment_of(row.id), row.actor, row.name, row.channel, facts)
