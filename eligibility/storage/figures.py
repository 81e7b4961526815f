"""What the log comes to: decisions by day, outcome and rule; causes of cases; what changed lately."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Row, text

from eligibility.export import EXPORT
from eligibility.storage.database import Database
from eligibility.storage.erasure import ERASURE
from eligibility.storage.failures import translated
from eligibility.storage.key_rotation import ROTATED
from eligibility.storage.precedents import ENDED, MADE
from eligibility.storage.records import SYSTEM, actor_of
from eligibility.storage.retention import RETENTION
from eligibility.storage.reviews import POLICY_SET, PREFIX, rows_of
from eligibility.storage.ruleset_moves import ACTIVATED

OVERRIDDEN: Final = f"{PREFIX}agree"
"""The kind of the records by which another outcome comes into force."""

CHANGES: Final = (
    *(ACTIVATED, "ruleset.proposed", "ruleset.scheduled", "ruleset.unscheduled", OVERRIDDEN, MADE, ENDED),
    *(POLICY_SET, ROTATED, ERASURE, EXPORT, RETENTION),
)
"""The kinds of records that say of a change."""

COUNTING_SECONDS: Final = 60
"""How long counting may take: the first time it reads every decision of the period."""

_ALL: Final = "record r WHERE r.id >= :first"
_LATER: Final = """block b JOIN record r ON r.block = b.id
    WHERE b.number > :after AND b.number <= :block AND r.id >= :first"""
# Each evaluation is read once, however many decisions point at it; and only those with findings at all.
_COUNT: Final = """
    WITH counted AS MATERIALIZED (
        SELECT (r.at AT TIME ZONE 'UTC')::date AS day, r.outcome, r.evaluation_key AS key, count(*) AS number
        FROM {of} AND r.kind = 'decision' GROUP BY 1, 2, 3
    ), fired AS MATERIALIZED (
        SELECT e.key, step.rule FROM evaluation e CROSS JOIN LATERAL (
            SELECT DISTINCT each ->> 'rule' AS rule
            FROM jsonb_array_elements(convert_from(e.content, 'UTF8')::jsonb -> 'steps') each
            WHERE each ->> 'concludes' = ANY(e.findings) AND each ->> 'rule' <> ''
        ) step WHERE e.findings <> '{{}}' AND e.key IN (SELECT key FROM counted)
    )
    SELECT day, outcome, NULL AS rule, sum(number)::bigint AS number FROM counted GROUP BY 1, 2
    UNION ALL
    SELECT day, NULL, rule, sum(number)::bigint FROM counted JOIN fired USING (key) GROUP BY 1, 3
"""
_CAUSES: Final = text(
    """
    SELECT cause, sum(c.number)::bigint AS number FROM (
        SELECT causes, count(*) AS number FROM review_case WHERE state <> 'closed' GROUP BY 1
    ) c, unnest(c.causes) cause GROUP BY 1
    """
)
# Sorted after they are found: walking back by id instead would read every decision in between.
_CHANGED: Final = text(
    """
    WITH found AS MATERIALIZED (SELECT * FROM record WHERE kind = ANY(:kinds) AND id >= :first)
    SELECT f.id, f.kind, f.at, f.actor, f.subject, f.body, p.name, s.outcome_in_force
    FROM found f LEFT JOIN principal p ON p.id = f.actor LEFT JOIN review_case s ON s.decision = f.subject
    ORDER BY f.id DESC LIMIT :most
    """
)
_FAILED: Final = text(
    """
    SELECT b.id, b.problem, r.at FROM batch b LEFT JOIN record r ON r.id = b.ended_by
    WHERE b.state = 'failed' AND b.id >= :first ORDER BY b.id DESC LIMIT :most
    """
)


@dataclass(frozen=True)
class Days:
    """How many decisions there are by day (UTC) and outcome; by day and rule, of rules that made a finding.

    A decision in a backlog counts on the day when the backlog began. `block` is the last that was counted.
    """

    outcomes: Mapping[date, Counter[str]]
    rules: Mapping[date, Counter[str]]
    block: int


@dataclass(frozen=True)
class Change:
    """Something that changed what holds. `by` is a name, or an id where there is none.

    `facts` and `ruleset` are those of its record, `outcome` the one in force of a decision that it is about.
    """

    id: UUID
    kind: str
    at: datetime
    by: str
    subject: UUID | None
    facts: Mapping[str, Any]
    ruleset: str | None
    outcome: str | None


@dataclass(frozen=True)
class Failed:
    """A backlog that failed, why, and when."""

    id: UUID
    problem: str | None
    at: datetime | None


async def count_days(database: Database, since: date, before: Days | None = None) -> Days:
    """Count from that day on; where it was counted before, only what was recorded since is added.

    Raises StorageUnavailable.
    """
    with translated():
        async with asyncio.timeout(COUNTING_SECONDS), database.engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            await connection.execute(text(f"SET LOCAL statement_timeout = '{COUNTING_SECONDS}s'"))
            block: int = await connection.scalar(text("SELECT block FROM head")) or 0
            values: dict[str, object] = {"first": first_id(since)}
            if before is not None:
                values |= {"after": before.block, "block": block}
            query = text(_COUNT.format(of=_ALL if before is None else _LATER))
            rows = (await connection.execute(query, values)).all()
    return _added(before, rows, since, block)


def _added(before: Days | None, rows: Sequence[Row[Any]], since: date, block: int) -> Days:
    outcomes, rules = (
        {day: Counter(counts) for day, counts in known.items() if day >= since}
        for known in (({}, {}) if before is None else (before.outcomes, before.rules))
    )
    for row in rows:
        kind, name = (outcomes, row.outcome) if row.rule is None else (rules, row.rule)
        kind.setdefault(row.day, Counter())[name] += row.number
    return Days(outcomes, rules, block)


async def causes(database: Database) -> dict[str, int]:
    """How many cases that are not closed have each cause; one may have several. Raises StorageUnavailable."""
    return {row.cause: row.number for row in await rows_of(database, _CAUSES, {})}


async def changes(database: Database, since: date, *, most: int = 10) -> tuple[Change, ...]:
    """What changed since that day, newest first. Raises StorageUnavailable."""
    values = {"kinds": list(CHANGES), "first": first_id(since), "most": most}
    return tuple(_change(row) for row in await rows_of(database, _CHANGED, values))


def _change(row: Row[Any]) -> Change:
    envelope = orjson.loads(row.body)  # packed are those of decisions alone
    actor = actor_of(row.actor)
    return Change(
        id=row.id,
        kind=row.kind,
        at=row.at,
        by=SYSTEM if actor == SYSTEM else row.name or actor,
        subject=row.subject,
        facts=envelope.get("facts") or {},
        ruleset=envelope.get("ruleset"),
        outcome=row.outcome_in_force,
    )


async def failed_batches(database: Database, since: date, *, most: int = 5) -> tuple[Failed, ...]:
    """Backlogs begun since that day that failed, newest first. Raises StorageUnavailable."""
    rows = await rows_of(database, _FAILED, {"first": first_id(since), "most": most})
    return tuple(Failed(row.id, row.problem, row.at) for row in rows)


def first_id(day: date) -> UUID:
    """What the ids (UUIDv7) of a day's records are not below."""
    milliseconds = int(datetime.combine(day, time(), UTC).timestamp() * 1000)
    return UUID(int=milliseconds << 80)
