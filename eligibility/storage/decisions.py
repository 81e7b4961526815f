"""Reading decisions back."""

import asyncio
import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson
from sqlalchemy import Date, Row, Select, case, cast, exists, func, or_, select

from eligibility.errors import Fault, UnacceptableRequest
from eligibility.review import Kind
from eligibility.storage import tables
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.entries import DECISION
from eligibility.storage.failures import translated
from eligibility.storage.records import SYSTEM, actor_of, facts_of, hash_text, principal_id

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DEFAULT_LIMIT = 50
LARGEST_LIMIT = 200

_record, _block, _private = tables.record, tables.block, tables.private
_evaluation, _principal = tables.evaluation, tables.principal
_about = tables.record.alias("about")
_SEQUENCE = (_block.c.first + _record.c.position).label("sequence")


@dataclass(frozen=True)
class StoredDecision:
    """A decision as it stands in the log.

    `envelope` is what its leaf is a hash of; `evaluation` and `cells` are what it was decided from, stored
    under `evaluation_key`, which all decisions on the same cells under the same ruleset have. `private` is
    empty where it had no texts, and None where they were erased, at `erased_at`.
    """

    id: UUID
    sequence: int
    at: datetime
    actor: str
    requested_by: str | None
    channel: str
    ruleset: str
    outcome: str
    generation: str
    body: bytes
    leaf: bytes
    envelope: Mapping[str, Any]
    evaluation_key: bytes
    evaluation: Mapping[str, Any]
    cells: Mapping[str, Any]
    private: Mapping[str, Any] | None
    erased_at: datetime | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """The facts as given, without texts that were erased, nor ids that are no facts."""
        return facts_of(self.envelope, self.private)

    @property
    def request_id(self) -> str | None:
        """What the backlog called the request, unless that was erased."""
        value = (self.private or {}).get("request_id")
        return value if isinstance(value, str) else None


@dataclass(frozen=True)
class Filters:
    """Which decisions to list; None is any. `from_` is included, `to` is not. `mine` is a principal's id.

    `requested_by` is a principal's id or name; `review` is `none` or what kind of word a reviewer has said.
    """

    outcome: str | None = None
    generation: str | None = None
    finding: str | None = None
    entity_reference: str | None = None
    requested_by: str | None = None
    from_: datetime | None = None
    to: datetime | None = None
    review: Literal["none"] | Kind | None = None
    mine: str | None = None


@dataclass(frozen=True)
class Page:
    """Some decisions, newest first, and the cursor of those after them, None at the end."""

    decisions: tuple[StoredDecision, ...]
    next_cursor: str | None


_made = tables.record.alias("made")
_ERASED_AT = func.coalesce(
    select(_made.c.at)
    .join_from(tables.erased, _made, _made.c.id == tables.erased.c.made_by)
    .where(tables.erased.c.record == _record.c.id)
    .scalar_subquery(),
    select(func.min(_made.c.at))
    .join_from(tables.retention, _made, _made.c.id == tables.retention.c.made_by)
    .where(
        tables.retention.c["class"] == "texts",
        tables.retention.c.month
        == cast(
            func.date_trunc("month", func.timezone("UTC", func.uuid_extract_timestamp(_record.c.id))), Date
        ),
    )
    .scalar_subquery(),
)

_DECISIONS = (
    select(
        _record,
        _SEQUENCE,
        _principal.c.name.label("requested_by"),
        _evaluation.c.content.label("evaluation_content"),
        _evaluation.c.cells,
        _evaluation.c.ruleset,
        _private.c.content.label("private_content"),
        case((_private.c.record.is_(None), _ERASED_AT)).label("erased_at"),
    )
    .join_from(_record, _block, _record.c.block == _block.c.id)
    .join(_evaluation, _record.c.evaluation_key == _evaluation.c.key)
    .outerjoin(_private, _private.c.record == _record.c.id)
    .outerjoin(_principal, _principal.c.id == _record.c.actor)
    .where(_record.c.kind == DECISION)
)


async def decision(database: Database, record: UUID, *, mine: str | None = None) -> StoredDecision | None:
    """The decision of that id, None where there is none, or none of the principal `mine`.

    Raises StorageUnavailable.
    """
    query = _DECISIONS.where(_record.c.id == record)
    if mine is not None:
        query = query.where(_record.c.actor == principal_id(mine))
    rows = await _rows(database, query)
    return _decision(rows[0]) if rows else None


async def decisions_of(database: Database, records: Collection[UUID]) -> dict[UUID, StoredDecision]:
    """The decisions of these ids, of those that there are. Raises StorageUnavailable."""
    rows = await _rows(database, _DECISIONS.where(_record.c.id.in_(records))) if records else ()
    return {row.id: _decision(row) for row in rows}


async def list_decisions(
    database: Database, filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page:
    """A page of decisions, newest first.

    Raises UnacceptableRequest for cursor, limit or filters, and StorageUnavailable.
    """
    if not 1 <= limit <= LARGEST_LIMIT:
        raise UnacceptableRequest([Fault("", f"`limit` is {limit}: give a number from 1 to {LARGEST_LIMIT}")])
    query = _filtered(_DECISIONS, filters)
    if cursor is not None:
        before = sequence_of(cursor)
        query = query.where(_block.c.first <= before, before > _SEQUENCE)
    query = query.order_by(_block.c.first.desc(), _record.c.position.desc()).limit(limit + 1)
    rows = await _rows(database, query)
    more = len(rows) > limit
    page = tuple(_decision(row) for row in rows[:limit])
    return Page(page, cursor_of(page[-1].sequence) if more else None)


def _filtered(query: Select[Any], filters: Filters) -> Select[Any]:
    equal = {
        _record.c.outcome: filters.outcome,
        _record.c.generation: filters.generation,
        _private.c.entity_reference: filters.entity_reference,
    }
    for column, value in equal.items():
        if value is not None:
            query = query.where(column == storable(value))
    if filters.mine is not None:
        query = query.where(_record.c.actor == principal_id(filters.mine))
    if filters.finding is not None:
        query = query.where(_evaluation.c.findings.contains([storable(filters.finding)]))
    if filters.requested_by is not None:
        who = storable(filters.requested_by)
        is_id = who == SYSTEM or _UUID.fullmatch(who)
        named = _principal.c.name == who
        query = query.where(or_(_record.c.actor == principal_id(who), named) if is_id else named)
    if filters.from_ is not None:
        query = query.where(_record.c.at >= filters.from_)
    if filters.to is not None:
        query = query.where(_record.c.at < filters.to)
    if filters.review is not None:
        said = "review.%" if filters.review == "none" else f"review.{filters.review}"
        reviewed = exists().where(_about.c.subject == _record.c.id, _about.c.kind.like(said))
        query = query.where(~reviewed if filters.review == "none" else reviewed)
    return query


def storable(value: str) -> str:
    """The value, if the database can hold such a text. Raises UnacceptableRequest."""
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise UnacceptableRequest([Fault("", "a text holds a character that no text here can hold")])
    return value


async def _rows(database: Database, query: Select[Any]) -> "tuple[Row[Any], ...]":
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            return tuple(await connection.execute(query))


def _decision(row: Row[Any]) -> StoredDecision:
    envelope = orjson.loads(row.body)
    erased = "private" in envelope and row.private_content is None
    return StoredDecision(
        id=row.id,
        sequence=row.sequence,
        at=row.at,
        actor=actor_of(row.actor),
        requested_by=row.requested_by,
        channel=row.channel,
        ruleset=hash_text(row.ruleset),
        outcome=row.outcome,
        generation=row.generation,
        body=row.body,
        leaf=row.leaf,
        envelope=envelope,
        evaluation_key=row.evaluation_key,
        evaluation=orjson.loads(row.evaluation_content),
        cells=orjson.loads(row.cells),
        private=None if erased else orjson.loads(row.private_content or b"{}"),
        erased_at=row.erased_at if erased else None,
    )


def cursor_of(sequence: int) -> str:
    """The cursor that leads to what stands before a sequence."""
    return base64.urlsafe_b64encode(str(sequence).encode()).decode().rstrip("=")


def sequence_of(cursor: str) -> int:
    """The sequence before which a cursor leads. Raises UnacceptableRequest."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    sequence = int(text) if text.isdigit() and len(text) < len(str(2**63)) else 0
    if cursor_of(sequence) != cursor:
        raise UnacceptableRequest(
            [Fault("", f"`{cursor[:80]}` is no cursor: take `next` of the page before")]
        )
    return sequence
