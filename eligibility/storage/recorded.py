"""Recorded decisions by the evaluations that they share, as of one moment, streamed."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg

from eligibility.storage.database import Database
from eligibility.storage.entries import DECISION
from eligibility.storage.failures import translated
from eligibility.storage.records import hash_bytes, hash_text

ROWS: Final = 512
"""Rows that are fetched at once."""

_FACTS: Final = 2_048
"""The same of facts, most of which take little to deal with."""

_STATEMENT_SECONDS = 120
"""How long a query may take that looks at every decision of a period."""

_EVALUATIONS = """
    SELECT e.key, e.ruleset, e.cells, e.content, shared.decisions, uuid_send(shared.example)
    FROM (
        SELECT evaluation_key AS key, count(*) AS decisions, min(id::text COLLATE "C")::uuid AS example
        FROM record WHERE kind = %(kind)s AND id >= %(first)s AND id < %(end)s
        GROUP BY evaluation_key
    ) shared JOIN evaluation e ON e.key = shared.key
    WHERE %(ruleset)s::bytea IS NULL OR e.ruleset = %(ruleset)s
"""
_RULESETS = """
    SELECT DISTINCT e.ruleset FROM evaluation e
    WHERE EXISTS (
        SELECT FROM record r WHERE r.evaluation_key = e.key
        AND r.kind = %(kind)s AND r.id >= %(first)s AND r.id < %(end)s
    )
"""
_DECISIONS = """
    SELECT uuid_send(r.id), r.evaluation_key, r.body, p.content
    FROM record r LEFT JOIN private p ON p.record = r.id AND p.record >= %(first)s AND p.record < %(end)s
    WHERE r.kind = %(kind)s AND r.id >= %(first)s AND r.id < %(end)s AND r.evaluation_key = ANY(%(keys)s)
"""


@dataclass(frozen=True)
class Period:
    """A span of time: `from_` belongs to it, `to` does not, and None leaves an end open."""

    from_: datetime | None = None
    to: datetime | None = None

    @property
    def bounds(self) -> dict[str, UUID]:
        """The ids, UUIDv7, between which records of this time lie."""
        return {
            "first": first_id(self.from_) if self.from_ else UUID(int=0),
            "end": first_id(self.to) if self.to else UUID(int=2**128 - 1),
        }


class SharedEvaluation(NamedTuple):
    """A distinct evaluation of a period: its key, what it was made of, and how many decisions share it.

    `example` is the id of the first of these, in binary.
    """

    evaluation: bytes
    ruleset: str
    cells: bytes
    content: bytes
    decisions: int
    example: bytes


class KeptFacts(NamedTuple):
    """What is kept of a decision's facts: the envelope, and the private texts, if there still are any.

    `id` is in binary, `body` the envelope as it is stored.
    """

    id: bytes
    evaluation: bytes
    body: bytes
    private: bytes | None


class Snapshot:
    """The records as they stood at one moment."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], period: Period) -> None:
        self._connection = connection
        self._period = period

    async def rulesets(self) -> list[str]:
        """The digests that the period's decisions were made under, sorted. Raises StorageUnavailable."""
        found = [row[0] async for rows in self._portions(_RULESETS, {}) for row in rows]
        return sorted(map(hash_text, found))

    async def evaluations(self, ruleset: str | None = None) -> AsyncGenerator[list[SharedEvaluation]]:
        """The distinct evaluations of the period's decisions, in portions; or those made under one ruleset.

        Raises StorageUnavailable.
        """
        digest = None if ruleset is None else hash_bytes(ruleset)
        async for rows in self._portions(_EVALUATIONS, {"ruleset": digest}):
            yield [SharedEvaluation(row[0], hash_text(row[1]), *row[2:]) for row in rows]

    async def decisions(self, evaluations: Collection[bytes]) -> AsyncGenerator[list[KeptFacts]]:
        """The facts of the decisions that share these evaluations, in portions. Raises StorageUnavailable."""
        async for rows in self._portions(_DECISIONS, {"keys": list(evaluations)}, _FACTS):
            yield list(map(KeptFacts._make, rows))

    async def _portions(
        self, query: str, parameters: dict[str, Any], at_once: int = ROWS
    ) -> AsyncGenerator[Sequence[tuple[Any, ...]]]:
        with translated():
            async with self._connection.cursor(name="recorded", binary=True) as cursor:
                given = {"kind": DECISION, **self._period.bounds, **parameters}
                await cursor.execute(query.encode(), given)
                while rows := await cursor.fetchmany(at_once):
                    yield rows


@asynccontextmanager
async def snapshot(database: Database, period: Period) -> AsyncIterator[Snapshot]:
    """The decisions of a period as they stand now, whatever is recorded or erased meanwhile.

    Raises StorageUnavailable.
    """
    connection = await database.connect_raw()
    try:
        with translated():
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            await connection.execute(f"SET LOCAL statement_timeout = '{_STATEMENT_SECONDS}s'".encode())
        yield Snapshot(connection, period)
    finally:
        await asyncio.shield(connection.close())


def first_id(at: datetime) -> UUID:
    """The smallest UUIDv7 that is made in the millisecond of a moment, which has a time zone."""
    milliseconds = int(at.astimezone(UTC).timestamp() * 1000)
    return UUID(int=milliseconds << 80)
