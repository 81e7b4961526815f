"""What became of a decision, and what was decided before on the same applicant or the same facts.

Each question is answered by an index, and reads a bounded number of rows however large the log is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Row, text

from eligibility.recording import moment_of
from eligibility.storage.database import Database
from eligibility.storage.decisions import StoredDecision
from eligibility.storage.entries import DECISION
from eligibility.storage.reviews import rows_of
from eligibility.storage.tables import SEEN

MOST_EVENTS: Final = 50
"""Events that are told, of each kind: looks, acts, exports."""

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
        WHERE r.kind = 'access' AND {SEEN} @> ARRAY[CAST(:decision AS text)]
        AND (CAST(:actor AS uuid) IS NULL OR r.actor = :actor)
    )
    SELECT s.*, p.name FROM seen s LEFT JOIN principal p ON p.id = s.actor ORDER BY s.id DESC LIMIT :most
    """  # noqa: S608 - our own expression
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


async def looks_at(database: Database, decision: UUID) -> list[Event]:
    """Who looked at a decision, newest first; the newest MOST_EVENTS, and one more where there are more.

    Raises StorageUnavailable.
    """
    values = {"decision": str(decision), "actor": None, "most": MOST_EVENTS + 1}
    return [_event(row) for row in await rows_of(database, _LOOKS, values)]


async def last_look(database: Database, decision: UUID, actor: UUID) -> datetime | None:
    """When somebody last looked at a decision. Raises StorageUnavailable."""
    values = {"decision": str(decision), "actor": actor, "most": 1}
    rows = await rows_of(database, _LOOKS, values)
    return moment_of(rows[0].id) if rows else None


async def acts_on(database: Database, decision: UUID) -> list[Event]:
    """What was done about a decision: steps of its review, precedents, erasure; as `looks_at`."""
    rows = await rows_of(database, _ACTS, {"decision": decision, "most": MOST_EVENTS + 1})
    return [_event(row) for row in rows]


async def exports_of(database: Database, decision: StoredDecision) -> list[Event]:
    """The exports that a decision was in, as far as they can be told by kind and time; as `looks_at`."""
    rows = await rows_of(database, _EXPORTS, {"decision": decision.id, "most": MOST_EVENTS + 1})
    return [event for event in map(_event, rows) if _holds(event.facts, decision.at)]


def _holds(export: dict[str, Any], at: datetime) -> bool:
    since, until = export.get("from"), export.get("to")
    return (
        export.get("kind") in {DECISION, "all"}
        and (since is None or datetime.fromisoformat(since) <= at)
        and (until is None or at < datetime.fromisoformat(until))
    )


async def earlier_of_applicant(database: Database, decision: StoredDecision) -> EarlierDecisions | None:
    """What was decided before under the same reference; None where no reference is known.

    Raises StorageUnavailable.
    """
    reference = decision.facts.get("entity", {}).get("reference")
    if reference is None:
        return None
    return await _earlier(database, decision.id, reference, _OF_APPLICANT, _NEAR_OF_APPLICANT)


async def earlier_on_facts(database: Database, decision: StoredDecision) -> EarlierDecisions:
    """What was decided before on facts that no rule tells from these, under the same ruleset.

    Raises StorageUnavailable.
    """
    return await _earlier(database, decision.id, decision.evaluation_key, _ON_FACTS, _NEAR_ON_FACTS)


async def _earlier(database: Database, before: UUID, value: object, some: Any, near: Any) -> EarlierDecisions:
    values = {"value": value, "before": before}
    found = [row.id for row in await rows_of(database, some, values | {"most": MOST_SORTED + 1})]
    number = len(found)
    ids: Sequence[UUID] = sorted(found, reverse=True)[:MOST_EARLIER]
    if number > MOST_SORTED:
        nearest = values | {"nearby": NEARBY, "most": MOST_EARLIER}
        ids = [row.id for row in await rows_of(database, near, nearest)]
    rows = await rows_of(database, _TOLD, {"ids": ids, "kind": DECISION}) if ids else ()
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
