"""Reading back what is recorded of batches: their slices, and the decisions in each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
import psycopg

from eligibility.storage.database import Database
from eligibility.storage.failures import translated
from eligibility.storage.packing import unpacked

_SLICES: Final = """
    SELECT number, record, first, line, rows, refused, source FROM batch_slice
    WHERE batch = %b AND number >= %b ORDER BY number LIMIT %b
"""
# ids of a slice are a range of both keys; apart, for just after a batch the database takes such a range to be
# empty, and would join the two by looking at each row of one for each row of the other
_DECISIONS: Final = "SELECT uuid_send(id), evaluation_key FROM record WHERE id >= %b AND id <= %b ORDER BY id"
_TEXTS: Final = "SELECT uuid_send(record), content FROM private WHERE record >= %b AND record <= %b"
_BODIES: Final = "SELECT body FROM record WHERE id >= %b AND id <= %b ORDER BY id"
_SOME_BODIES: Final = "SELECT body FROM record WHERE id = ANY(%b::uuid[]) ORDER BY id"
_EVALUATIONS: Final = "SELECT key, content FROM evaluation WHERE key = ANY(%b::bytea[])"
_PRIVATE: Final = "SELECT content FROM private WHERE record = %b"

_MOST_SLICES: Final = 1000


class StoredSlice(NamedTuple):
    """A slice that is recorded: its place among the rows and lines of the batch, and what it was read from.

    `source` is the SHA-256 of what was read.
    """

    number: int
    record: UUID
    first: int
    line: int
    rows: int
    refused: int
    source: bytes


class StoredDecision(NamedTuple):
    """A decision of a slice. `private` is its canonical JSON, None where there is none, or it was erased."""

    id: bytes
    evaluation: bytes
    private: bytes | None


class SliceReader:
    """Reads slices over one connection, one question at a time."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Read over this connection."""
        self._connection = connection

    async def slices(self, batch: UUID, *, start: int = 0) -> tuple[StoredSlice, ...]:
        """The next slices that are recorded of a batch, from that number on: a thousand at most.

        Raises StorageUnavailable.
        """
        rows = await self._all(_SLICES, (batch, start, _MOST_SLICES))
        return tuple(map(StoredSlice._make, rows))

    async def decisions(self, first: UUID, last: UUID) -> list[StoredDecision]:
        """The decisions with ids of this range, both ends included, by id. Raises StorageUnavailable."""
        rows = await self._all(_DECISIONS, (first, last))
        texts = dict(await self._all(_TEXTS, (first, last)))
        return [StoredDecision(identifier, key, texts.get(identifier)) for identifier, key in rows]

    async def envelopes(self, first: UUID, last: UUID) -> list[bytes]:
        """The canonical bytes of their records, by id. Raises StorageUnavailable."""
        return [unpacked(body) for (body,) in await self._all(_BODIES, (first, last))]

    async def envelopes_of(self, decisions: Iterable[UUID]) -> list[bytes]:
        """The canonical bytes of some records, by id. Raises StorageUnavailable."""
        return [unpacked(body) for (body,) in await self._all(_SOME_BODIES, (list(decisions),))]

    async def contents(self, evaluations: Collection[bytes]) -> dict[bytes, bytes]:
        """The canonical contents of evaluations, by key. Raises StorageUnavailable."""
        return dict(await self._all(_EVALUATIONS, (list(evaluations),))) if evaluations else {}

    async def refusals(self, made: StoredSlice) -> dict[int, dict[str, Any]] | None:
        """What was refused, by row within the slice: `request_id` and `error`; None where it was erased.

        Raises StorageUnavailable.
        """
        if not made.refused:
            return {}
        rows = await self._all(_PRIVATE, (made.record,))
        if not rows:
            return None
        return {one.pop("row"): one for one in orjson.loads(rows[0][0])["refused"]}

    async def _all(self, query: str, parameters: Any) -> list[tuple[Any, ...]]:
        with translated():
            async with self._connection.cursor(binary=True) as cursor:
                await cursor.execute(query.encode(), parameters)
                return await cursor.fetchall()


@asynccontextmanager
async def reading_slices(database: Database) -> AsyncIterator[SliceReader]:
    """Read over a connection of one's own. Raises StorageUnavailable."""
    connection = await database.connect_raw()
    try:
        yield SliceReader(connection)
    finally:
        await asyncio.shield(connection.close())
