"""Parts of uploads that wait to be decided. Each is gone with the transaction that records its slice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg

from eligibility.storage.database import Database
from eligibility.storage.failures import translated
from eligibility.storage.recorded import first_id

_STORE: Final = "INSERT INTO batch_part (batch, number, first, rows, content) VALUES (%b, %b, %b, %b, %b)"
_LOAD: Final = "SELECT number, first, rows, content FROM batch_part WHERE batch = %b AND number = %b"
_WAITING: Final = "SELECT number FROM batch_part WHERE batch = %b ORDER BY number"
_DELETE: Final = "DELETE FROM batch_part WHERE batch = %b AND NOT EXISTS (SELECT FROM batch WHERE id = %b)"
_DELETE_STRAYS: Final = """
    DELETE FROM batch_part p WHERE p.batch < %b AND NOT EXISTS (SELECT FROM batch b WHERE b.id = p.batch)
"""
_STRAY: Final = timedelta(hours=24)


class StoredPart(NamedTuple):
    """A part as it was cut: its place among the parts, the rows before it, how many it has, and they."""

    number: int
    first: int
    rows: int
    content: bytes


async def store_parts(database: Database, batch: UUID, parts: AsyncIterable[StoredPart]) -> int:
    """Store the parts of a batch that is still to begin; how many there were.

    Whatever goes wrong, none is left: it is one transaction. Raises StorageUnavailable, and what `parts`
    raises.
    """
    count = 0
    connection = await database.connect_raw()
    try:
        with translated():
            async with connection.transaction(), connection.cursor() as cursor:
                async for part in parts:
                    await cursor.execute(_STORE, (batch, *part))
                    count += 1
    finally:
        await asyncio.shield(connection.close())
    return count


async def load_part(database: Database, batch: UUID, number: int) -> StoredPart | None:
    """A part that waits; None where its slice is recorded, or the batch has ended.

    Raises StorageUnavailable.
    """
    rows = await _all(database, _LOAD, (batch, number))
    return StoredPart(*rows[0]) if rows else None


async def waiting_parts(database: Database, batch: UUID) -> list[int]:
    """The numbers of the parts that wait. Raises StorageUnavailable."""
    return [number for (number,) in await _all(database, _WAITING, (batch,))]


async def delete_parts(database: Database, batch: UUID) -> None:
    """Delete the parts of a batch that did not begin. Raises StorageUnavailable."""
    await _all(database, _DELETE, (batch, batch))


async def delete_strays(database: Database) -> None:
    """Delete the parts of batches that did not begin within a day. Raises StorageUnavailable."""
    await _all(database, _DELETE_STRAYS, (first_id(datetime.now(UTC) - _STRAY),))


async def _all(database: Database, query: str, parameters: tuple[object, ...]) -> list[tuple[Any, ...]]:
    connection: psycopg.AsyncConnection[Any] = await database.connect_raw()
    try:
        with translated():
            async with connection.cursor(binary=True) as cursor:
                await cursor.execute(query.encode(), parameters)
                return await cursor.fetchall() if cursor.description else []
    finally:
        await asyncio.shield(connection.close())
