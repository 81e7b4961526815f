"""The queue of cases: pages of it by due date or age, counts, and who holds which case for how long."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Row, text

from eligibility.errors import ActRefused, Fault, NotFound, UnacceptableRequest
from eligibility.review import REVIEWING, Case
from eligibility.storage.database import Database
from eligibility.storage.failures import translated
from eligibility.storage.reviews import CASE_COLUMNS, case_of, rows_of

Order = Literal["due", "opened"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ORDERS: Final[dict[Order, str]] = {"due": "c.due", "opened": "c.opened_at"}
_COUNTS: Final = text(
    """
    SELECT count(*) FILTER (WHERE state = 'open') AS open,
           count(*) FILTER (WHERE state = 'waiting') AS waiting,
           count(*) FILTER (WHERE state = 'proposed') AS proposed,
           count(*) FILTER (WHERE state <> 'waiting' AND due < now()) AS overdue,
           count(*) FILTER (WHERE held_until > now()) AS held
    FROM review_case WHERE state <> 'closed'
    """
)
_REVIEWERS: Final = """
    FROM principal p WHERE p.kind = 'person' AND EXISTS (
        SELECT FROM api_key k WHERE k.principal = p.id AND k.role = ANY(:roles) AND k.revoked_at IS NULL
        AND (k.expires_at IS NULL OR k.expires_at > now()))
"""
_MAY_HOLD: Final = f"EXISTS (SELECT {_REVIEWERS} AND p.id = :to)"
_PEOPLE: Final = text(f"SELECT p.id, p.name {_REVIEWERS} ORDER BY p.name")
_LEASE: Final = text(
    f"""
    UPDATE review_case SET holder = :to, held_until = now() + :lease
    WHERE decision = ANY(:decisions) AND state <> 'closed' AND {_MAY_HOLD}
    AND (holder IS NULL OR held_until <= now() OR holder = :by)
    RETURNING decision
    """  # noqa: S608 - our own words
)
_HAND_OVER: Final = text(
    f"""
    UPDATE review_case SET holder = :to, held_until = now() + :lease
    WHERE decision = ANY(:decisions) AND state <> 'closed' AND {_MAY_HOLD}
    AND holder = :by AND held_until > now()
    RETURNING decision
    """  # noqa: S608 - our own words
)
_RELEASE: Final = text(
    """
    UPDATE review_case SET holder = NULL, held_until = NULL
    WHERE decision = :decision AND holder = :by RETURNING decision
    """
)
_HELD: Final = text(
    """
    SELECT holder, count(*) AS number FROM review_case
    WHERE holder IS NOT NULL AND held_until > now() GROUP BY holder
    """
)
_PERSON: Final = text("SELECT id FROM principal WHERE kind = 'person' AND (name = :who OR id::text = :who)")


@dataclass(frozen=True)
class Wanted:
    """Which cases to list; None is any. Without `state` all that are not closed.

    `holder` is a person's id, `nobody` those that nobody holds.
    """

    state: str | None = None
    cause: str | None = None
    reason: str | None = None
    generation: str | None = None
    outcome: str | None = None
    channel: str | None = None
    holder: UUID | None = None
    nobody: bool = False
    overdue: bool | None = None
    order: Order = "due"


@dataclass(frozen=True)
class Page:
    """Some cases, and the cursor of those after them, None at the end."""

    cases: tuple[Case, ...]
    next_cursor: str | None


async def page_of_queue(database: Database, wanted: Wanted, *, cursor: str | None, limit: int) -> Page:
    """A page of the queue. Raises UnacceptableRequest for the cursor, StorageUnavailable."""
    column = _ORDERS["opened"] if wanted.state == "closed" else _ORDERS[wanted.order]
    conditions, values = _conditions(wanted)
    if cursor is not None:
        conditions.append(f"({column}, c.decision) > (:after, :after_decision)")
        values["after"], values["after_decision"] = _place_of(cursor)
    query = text(
        f"SELECT {CASE_COLUMNS} FROM review_case c WHERE {' AND '.join(conditions)} "  # noqa: S608 - our own names
        f"ORDER BY {column}, c.decision LIMIT :most"
    )
    rows = await rows_of(database, query, {**values, "most": limit + 1})
    page = tuple(case_of(row) for row in rows[:limit])
    return Page(page, _cursor_of(rows[limit - 1], column) if len(rows) > limit else None)


def _conditions(wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    values: dict[str, Any] = {}
    conditions = ["c.state <> 'closed'" if wanted.state is None else "c.state = :state"]
    if wanted.state not in {None, "closed"}:
        conditions.append("c.state <> 'closed'")  # which the index by due dates is for
    if wanted.state is not None:
        values["state"] = wanted.state
    equal = {"generation": wanted.generation, "outcome": wanted.outcome, "channel": wanted.channel}
    for name, value in equal.items():
        if value is not None:
            conditions.append(f"c.{name} = :{name}")
            values[name] = value
    for name, list_, member in (("cause", "causes", wanted.cause), ("reason", "reasons", wanted.reason)):
        if member is not None:
            conditions.append(f":{name} = ANY(c.{list_})")
            values[name] = member
    if wanted.holder is not None:
        conditions.append("c.holder = :holder AND c.held_until > now()")
        values["holder"] = wanted.holder
    if wanted.nobody:
        conditions.append("(c.holder IS NULL OR c.held_until <= now())")
    if wanted.overdue is not None:
        late = "(c.due < now() AND c.state IN ('open', 'proposed'))"
        conditions.append(late if wanted.overdue else f"NOT {late}")
    return conditions, values


async def counts(database: Database) -> dict[str, int]:
    """How many cases are open, waiting, proposed; overdue or held. Raises StorageUnavailable."""
    [row] = await rows_of(database, _COUNTS, {})
    return dict(row._mapping)  # noqa: SLF001 - the documented way to a row's columns


async def held_by_person(database: Database) -> dict[UUID, int]:
    """How many cases each person holds, of those who hold any. Raises StorageUnavailable."""
    return {row.holder: row.number for row in await rows_of(database, _HELD, {})}


async def person(database: Database, who: str) -> UUID:
    """The person of that name or id. Raises NotFound, StorageUnavailable."""
    rows = await rows_of(database, _PERSON, {"who": who})
    if not rows:
        raise NotFound(f"there is no person `{who[:80]}`")
    identifier: UUID = rows[0].id
    return identifier


async def reviewers(database: Database) -> dict[UUID, str]:
    """The names of all who may hold cases, sorted. Raises StorageUnavailable."""
    return {row.id: row.name for row in await rows_of(database, _PEOPLE, {"roles": sorted(REVIEWING)})}


async def assign(
    database: Database, decisions: Collection[UUID], to: UUID, *, by: UUID, lease: timedelta
) -> set[UUID]:
    """Let a person hold cases that nobody holds, or that `by` does; those that they hold now.

    Raises StorageUnavailable.
    """
    return await _held(database, _LEASE, decisions, to, by, lease)


async def claim(database: Database, decision: UUID, by: UUID, lease: timedelta) -> None:
    """Hold a case, or hold it for longer. Raises ActRefused, StorageUnavailable."""
    if not await _held(database, _LEASE, [decision], by, by, lease):
        raise ActRefused(
            "the case cannot be held: it is closed, somebody else holds it, or you are no person who reviews"
        )


async def hand_over(database: Database, decision: UUID, to: UUID, *, by: UUID, lease: timedelta) -> None:
    """Let another person hold a case that `by` holds. Raises ActRefused, StorageUnavailable."""
    if not await _held(database, _HAND_OVER, [decision], to, by, lease):
        raise ActRefused(
            "the case cannot be handed over: only who holds it can, to a person with a key to review"
        )


async def release(database: Database, decision: UUID, by: UUID) -> None:
    """Hold a case no longer. Raises ActRefused, StorageUnavailable."""
    with translated():
        async with database.engine.begin() as connection:
            rows = (await connection.execute(_RELEASE, {"decision": decision, "by": by})).all()
    if not rows:
        raise ActRefused("the case cannot be released: you do not hold it")


async def _held(
    database: Database, query: Any, decisions: Collection[UUID], to: UUID, by: UUID, lease: timedelta
) -> set[UUID]:
    values = {"decisions": list(decisions), "to": to, "by": by, "lease": lease, "roles": sorted(REVIEWING)}
    with translated():
        async with database.engine.begin() as connection:
            return {row.decision for row in await connection.execute(query, values)}


def _cursor_of(row: Row[Any], column: str) -> str:
    at: datetime = row.due if column == _ORDERS["due"] else row.opened_at
    micros = (at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(micros.to_bytes(8) + row.decision.bytes).decode().rstrip("=")


def _place_of(cursor: str) -> tuple[datetime, UUID]:
    try:
        read = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        return _EPOCH + timedelta(microseconds=int.from_bytes(read[:8])), UUID(bytes=read[8:])
    except (binascii.Error, ValueError, OverflowError):
        wrong = Fault("", f"`{cursor[:80]}` is no cursor: take `next` of the page before")
        raise UnacceptableRequest([wrong]) from None
