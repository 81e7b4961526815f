"""Cases of reviews and their steps: each step is a record, with its row in the same transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
import uuid_utils.compat
from sqlalchemy import Row, text

from eligibility.recording import moment_of
from eligibility.review import Case, Kind, Policy
from eligibility.ruleset_life import Actor
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.entries import Entry, Statement
from eligibility.storage.failures import translated
from eligibility.storage.log import AuditLog
from eligibility.storage.records import SYSTEM, principal_id

PREFIX: Final = "review."
"""How the kinds of records of steps begin."""

POLICY_SET: Final = "reviews.set"
PORTION: Final = 5000
"""Records that are looked through for cases at a time."""

CASE_COLUMNS: Final = """
    c.decision, c.opened_at, c.channel, c.generation, c.outcome, c.causes, c.reasons, c.state, c.number,
    c.outcome_in_force, c.due, c.paused_at, c.proposer, c.proposed_outcome, c.closed_at,
    CASE WHEN c.held_until > now() THEN c.holder END AS holder,
    CASE WHEN c.held_until > now() THEN c.held_until END AS held_until,
    coalesce(c.due < now() AND c.state IN ('open', 'proposed'), false) AS is_overdue
"""
_CASE = text(f"SELECT {CASE_COLUMNS} FROM review_case c WHERE c.decision = :decision")  # noqa: S608 - our own names
_OPENING = text(
    """
    SELECT o.decision, o.opened_at, o.channel, o.generation, o.outcome, o.causes, o.reasons,
           CASE o.causes WHEN '{}' THEN 'closed' ELSE 'open' END AS state, 0 AS number,
           o.outcome AS outcome_in_force, o.due, NULL::timestamptz AS paused_at, NULL::uuid AS proposer,
           NULL AS proposed_outcome, CASE o.causes WHEN '{}' THEN o.opened_at END AS closed_at,
           NULL::uuid AS holder, NULL::timestamptz AS held_until, coalesce(o.due < now(), false) AS is_overdue
    FROM review_openings() o WHERE o.decision = :decision
    """
)
_STEPS = text(
    """
    SELECT s.number, s.record, s.kind, s.actor, s.outcome, p.name, r.body, t.content,
           a.record IS NOT NULL AS is_kept
    FROM review_step s JOIN record r ON r.id = s.record
    LEFT JOIN principal p ON p.id = s.actor LEFT JOIN private t ON t.record = s.record
    LEFT JOIN review_attachment a ON a.record = s.record
    WHERE s.decision = :decision ORDER BY s.number
    """
)
_IN_FORCE = text(
    """
    SELECT c.decision, c.outcome_in_force, (
        SELECT count(*) FROM review_step s WHERE s.decision = c.decision AND s.kind <> ALL(:without)
    ) AS reviews
    FROM review_case c WHERE c.decision = ANY(:decisions) AND c.number > 0
    """
)
_POLICY = text(
    """
    SELECT q.* FROM review_policy q JOIN record r ON r.id = q.record JOIN block b ON b.id = r.block
    ORDER BY b.number DESC, r.position DESC LIMIT 1
    """
)


class Word(NamedTuple):
    """What somebody says with a step: a coded `reason` and a text, which can be erased.

    `facts` and `texts` are what else belongs to the step, `also` what is stored with it.
    """

    kind: Kind
    reason: str
    text: str
    outcome: str | None = None
    facts: Mapping[str, Any] = {}
    texts: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Taken:
    """A step that was taken. `by` is a name, if it is known; `text` is None where it was erased.

    `facts` are those of its record, `texts` the private ones, empty where they were erased. `is_kept` says of
    a step that attached a file whether the file is still there.
    """

    number: int
    id: UUID
    kind: Kind
    actor: UUID
    by: str | None
    at: datetime
    outcome: str | None
    facts: Mapping[str, Any]
    texts: Mapping[str, Any]
    is_kept: bool

    @property
    def text(self) -> str | None:
        """What was said."""
        value = self.texts.get("text")
        return value if isinstance(value, str) else None


async def find_case(database: Database, decision: UUID) -> Case | None:
    """The case of a decision, also of one that nobody had to look at; None where there is no such decision.

    Raises StorageUnavailable.
    """
    key = {"decision": decision}
    rows = await rows_of(database, _CASE, key) or await rows_of(database, _OPENING, key)
    return case_of(rows[0]) if rows else None


async def steps_of(database: Database, decision: UUID) -> tuple[Taken, ...]:
    """The steps of a decision's case, oldest first. Raises StorageUnavailable."""
    return tuple(_taken(row) for row in await rows_of(database, _STEPS, {"decision": decision}))


async def in_force(
    database: Database, decisions: Collection[UUID], *, without: Collection[Kind] = ()
) -> dict[UUID, tuple[str, int]]:
    """The outcome in force, and how many reviews there are `without` some kinds; of decisions that have any.

    Raises StorageUnavailable.
    """
    values = {"decisions": list(decisions), "without": list(without)}
    rows = await rows_of(database, _IN_FORCE, values)
    return {row.decision: (row.outcome_in_force, row.reviews) for row in rows}


async def fill(database: Database, *, portions: int = 20) -> int:
    """Open the cases of what was recorded since, in some portions at most; how many records were looked at.

    Raises StorageUnavailable.
    """
    seen = 0
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS * portions), database.engine.connect() as connection:
            for _ in range(portions):
                found = await connection.scalar(text("SELECT fill_reviews(:most)"), {"most": PORTION})
                await connection.commit()
                seen += found or 0
                if not found:
                    break
    return seen


def step_entry(decision: UUID, expected: int, word: Word, actor: Actor, record: UUID | None = None) -> Entry:
    """The record of a step, with what moves the case, which must be at the number `expected`."""
    identifier = record or uuid_utils.compat.uuid7()
    facts = {"number": expected + 1, "reason": word.reason, **word.facts}
    if word.outcome is not None:
        facts["outcome"] = word.outcome
    move = Statement(
        "SELECT 1 WHERE move_review(%s, %s, %s, %s, %s, %s)",
        (decision, expected, identifier, word.kind, principal_id(actor.principal), word.outcome),
        rows=1,
    )
    return Entry(
        kind=f"{PREFIX}{word.kind}",
        id=identifier,
        at=moment_of(identifier),
        actor=actor.principal,
        channel=actor.channel,
        subject=decision,
        facts=facts,
        private={"text": word.text, **word.texts},
        also=(move,),
    )


async def policy_in_force(database: Database) -> Policy:
    """What was last asked of reviews. Raises StorageUnavailable."""
    rows = await rows_of(database, _POLICY, {})
    return Policy(**{each.name: getattr(rows[0], each.name) for each in fields(Policy)}) if rows else Policy()


async def keep_policy(log: AuditLog, database: Database, policy: Policy) -> bool:
    """Ask this of reviews of what is decided from now on; whether that is new. Raises StorageUnavailable."""
    if await policy_in_force(database) == policy:
        return False
    identifier, facts = uuid_utils.compat.uuid7(), asdict(policy)
    insert = Statement(
        "INSERT INTO review_policy (record, sample_percent, separate_licence, case_by_case, clarification, "
        "disputed, sampled) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (identifier, *facts.values()),
    )
    at = moment_of(identifier)
    await log.append(
        Entry(POLICY_SET, identifier, at, actor=SYSTEM, channel=SYSTEM, facts=facts, also=(insert,))
    )
    return True


async def rows_of(database: Database, query: Any, parameters: Mapping[str, object]) -> Sequence[Row[Any]]:
    """The rows of a query that only reads. Raises StorageUnavailable."""
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            return (await connection.execute(query, parameters)).all()


def case_of(row: Row[Any]) -> Case:
    """The case in a row that has its columns."""
    values = {each.name: getattr(row, each.name) for each in fields(Case)}
    return Case(**values | {"causes": tuple(row.causes), "reasons": tuple(row.reasons)})


def _taken(row: Row[Any]) -> Taken:
    return Taken(
        number=row.number,
        id=row.record,
        kind=row.kind,
        actor=row.actor,
        by=row.name,
        at=moment_of(row.record),
        outcome=row.outcome,
        facts=orjson.loads(row.body)["facts"],
        texts={} if row.content is None else orjson.loads(row.content),
        is_kept=row.is_kept,
    )
