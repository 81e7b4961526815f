"""Finding decisions by words of their texts and of what was said of them, by facts, people, time and more.

A search goes through the log backwards, part by part, and passes over parts whose filter says that what is
looked for cannot be in them. Where what is there is seldom what is looked for, it ends after a time, says how
far back it has looked, and goes on from there by its cursor.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.decisions import StoredDecision, cursor_of, decisions_of, sequence_of
from eligibility.storage.failures import translated
from eligibility.storage.search_parts import ONE_BY_ONE, SEARCHED
from eligibility.storage.sought import Sought, conditions, few_cases, filter_tests, period
from eligibility.words import Looked

SECONDS: Final = 0.06
"""After so long a search looks at no further part of the log."""

RECORDS_AT_ONCE: Final = 1024
_FIRST_LOOK: Final = 512
"""Records that are looked at first, and later: most that is looked for is not far."""

_PARTS_FIRST: Final = 8
_PARTS_AT_ONCE: Final = 256
"""Parts whose filters are looked into at once: few at first, then ever more."""

_FEW: Final = 500


class Hit(NamedTuple):
    """Something that was found: a decision, or a batch. `kind` and `record` say by the texts of what.

    `sequence` is where that record stands.
    """

    sequence: int
    record: UUID
    kind: str
    at: datetime
    decision: StoredDecision | None
    batch: UUID | None


@dataclass(frozen=True)
class Found:
    """What a search has come to, newest first, and the cursor to go on, None at the end of the log.

    `looked_back_to` is the time of the last record that was looked at, where time ran out before the page
    was full.
    """

    hits: tuple[Hit, ...]
    next_cursor: str | None
    looked_back_to: datetime | None


class _Row(NamedTuple):
    sequence: int
    record: UUID
    kind: str
    at: datetime
    subject: UUID | None


_PARTS: Final = """
    SELECT s.first, s.last, (s.words IS NULL OR ({words})) AND (
        s.earliest IS NULL OR (s.earliest < coalesce(:until, 'infinity'::timestamptz)
                               AND s.latest >= coalesce(:since, '-infinity'::timestamptz))) AS may_be
    FROM search_part s WHERE s.first < :before ORDER BY s.first DESC LIMIT :most
"""
_BETWEEN: Final = """
    r.block = ANY(ARRAY(
        SELECT k.id FROM block k WHERE k.first <= :high AND k.first + k.count > :low AND k.first > :low - 4096
    )) AND b.first + r.position BETWEEN :low AND :high
"""
_CHOSEN: Final = """
    SELECT b.first + r.position AS sequence, r.id, r.kind, r.at, r.id AS subject
    FROM record r JOIN block b ON b.id = r.block {joins}
    WHERE (r.kind = 'decision') IS TRUE AND {where} ORDER BY sequence DESC LIMIT :limit
"""
_WITH_TEXTS: Final = """
    SELECT b.first + r.position AS sequence, r.id, r.kind, r.at,
           CASE r.kind WHEN 'decision' THEN r.id WHEN 'batch.started' THEN r.id ELSE r.subject END AS subject,
           r.actor, p.content
    FROM record r JOIN block b ON b.id = r.block JOIN private p ON p.record = r.id
    WHERE {where} AND (r.kind = 'decision' OR r.kind LIKE ANY(:kinds)) ORDER BY sequence DESC
"""
_HEAD: Final = text("SELECT next_sequence FROM head")
_TIME: Final = text(
    """
    SELECT b.at FROM block b WHERE b.first <= :sequence ORDER BY b.first DESC LIMIT 1
    """
)


async def find(
    database: Database, sought: Sought, *, cursor: str | None, limit: int, seconds: float = SECONDS
) -> Found:
    """A page of what is looked for, newest first.

    Raises UnacceptableRequest for the cursor, StorageUnavailable.
    """
    before = None if cursor is None else sequence_of(cursor)
    deadline = time.monotonic() + seconds
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            await connection.execute(ONE_BY_ONE)
            if before is None:
                before = (await connection.scalar(_HEAD)) or 1
            search = _Search(connection, sought, limit)
            few = await search.few()
            if few is not None:
                rows, reached = await search.among(few, before), 1
            else:
                rows, reached = await search.back_from(before, deadline)
            is_full = len(rows) > limit
            rows = rows[:limit]
            reached = rows[-1].sequence if is_full else reached
            at = None if is_full or reached <= 1 else await connection.scalar(_TIME, {"sequence": reached})
    made = await decisions_of(
        database, [row.subject for row in rows if row.subject and not _is_of_batch(row)]
    )
    hits = [
        Hit(
            row.sequence,
            row.record,
            row.kind,
            row.at,
            None if _is_of_batch(row) else made[row.subject],
            row.subject if _is_of_batch(row) else None,
        )
        for row in rows
        if row.subject is not None and (_is_of_batch(row) or row.subject in made)
    ]
    return Found(tuple(hits), cursor_of(reached) if reached > 1 else None, at)


async def find_all(database: Database, sought: Sought, *, at_once: int) -> AsyncIterator[tuple[Hit, ...]]:
    """Everything that is looked for, in pieces. Raises StorageUnavailable."""
    cursor = None
    while True:
        found = await find(database, sought, cursor=cursor, limit=at_once, seconds=1)
        if found.hits:
            yield found.hits
        cursor = found.next_cursor
        if cursor is None:
            return


def _is_of_batch(row: _Row | Row[Any]) -> bool:
    return row.kind.startswith("batch.")


class _Search:
    """One search, over one connection."""

    def __init__(self, connection: AsyncConnection, sought: Sought, limit: int) -> None:
        self._connection = connection
        self._sought = sought
        self._limit = limit
        self._conditions = conditions(sought)
        self._time = period(sought)
        self._looked = Looked(sought.phrases)

    async def few(self) -> list[UUID] | None:
        """The decisions that it must be one of, where reviews say so and they are few; else None."""
        condition = few_cases(self._sought)
        if condition is None:
            return None
        query = f"SELECT c.decision FROM review_case c WHERE {condition} LIMIT {_FEW + 1}"  # noqa: S608 - our own names
        ids = list((await self._connection.scalars(text(query), self._conditions.values)).all())
        return ids if len(ids) <= _FEW else None

    async def among(self, few: list[UUID], before: int) -> list[_Row]:
        """What is looked for among these decisions and what was said of them."""
        where, values = "b.first + r.position < :before", {"before": before}
        if not self._sought.phrases:
            return await self._chosen(f"r.id = ANY(:ids) AND {where}", {"ids": few, **values})
        said = f"(r.id = ANY(:ids) OR r.subject = ANY(:ids)) AND {where}"
        return await self._with_texts(said, {"ids": few, **values})

    async def back_from(self, before: int, deadline: float) -> tuple[list[_Row], int]:
        """What is looked for before a sequence, and the sequence from which on everything was looked at."""
        found: list[_Row] = []
        size, looked_at = _FIRST_LOOK, 0
        async for low, high in self._ranges(before, deadline):
            top = high
            while top >= low:
                bottom = max(low, top - size + 1)
                found += await self._within(bottom, top)
                looked_at += top - bottom + 1
                is_late = time.monotonic() > deadline and looked_at >= _FIRST_LOOK
                if len(found) > self._limit or is_late:
                    return found, bottom
                if top - bottom + 1 == size:
                    size = RECORDS_AT_ONCE
                top = bottom - 1
        return found, self._reached

    async def _ranges(self, before: int, deadline: float) -> AsyncIterator[tuple[int, int]]:
        """Where it can be, backwards: parts whose filter allows it, and what is in no part yet."""
        query = text(_PARTS.format(words=filter_tests(self._sought)))
        since, until = self._time
        self._reached = before
        most = _PARTS_FIRST
        while True:
            values = {"before": before, "since": since, "until": until, "most": most}
            parts = (await self._connection.execute(query, values)).all()
            most = min(4 * most, _PARTS_AT_ONCE)
            for part in parts:
                if part.last < before - 1:  # only the newest records are in no part
                    yield part.last + 1, before - 1
                if part.may_be:
                    yield part.first, min(part.last, before - 1)
                before = self._reached = part.first
            if not parts:
                if before > 1:
                    yield 1, before - 1
                self._reached = 1
                return
            if time.monotonic() > deadline:
                return

    async def _within(self, low: int, high: int) -> list[_Row]:
        values = {"low": low, "high": high}
        if self._sought.phrases:
            return await self._with_texts(_BETWEEN, values)
        return await self._chosen(_BETWEEN, values)

    async def _chosen(self, where: str, values: Mapping[str, object], limit: int | None = None) -> list[_Row]:
        """Decisions among those described that are as they are looked for, apart from their texts."""
        conditions = self._conditions
        query = _CHOSEN.format(joins=conditions.joins, where=" AND ".join((where, *conditions.where)))
        given = {**conditions.values, **values, "limit": limit or self._limit + 1}
        return [_Row(*row) for row in await self._connection.execute(text(query), given)]

    async def _with_texts(self, where: str, values: Mapping[str, object]) -> list[_Row]:
        """Records among those described whose texts have the words, and what they are about as well."""
        query = text(_WITH_TEXTS.format(where=where))
        rows = (await self._connection.execute(query, {**values, "kinds": list(SEARCHED)})).all()
        matching = [row for row in rows if self._looked.is_in(row.content)]
        of_batches = {row.id for row in matching if _is_of_batch(row) and self._is_batch_meant(row)}
        about = list({row.subject for row in matching if row.subject and not _is_of_batch(row)})
        meant = set(about)
        if about and self._conditions.where:
            meant = {row.record for row in await self._chosen("r.id = ANY(:ids)", {"ids": about}, len(about))}
        return [
            _Row(*row[:5])
            for row in matching
            if row.id in of_batches or (row.subject in meant and not _is_of_batch(row))
        ]

    def _is_batch_meant(self, row: Row[Any]) -> bool:
        """Whether a batch is looked for as well: where nothing is asked that only decisions have."""
        since, until = self._sought.since, self._sought.until
        return (
            set(self._conditions.values) <= {"actor", "since", "until"}
            and (self._sought.actor in {None, row.actor})
            and (since is None or row.at >= since)
            and (until is None or row.at < until)
        )
