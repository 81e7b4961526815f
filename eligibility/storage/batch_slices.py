"""Recording slices of backlogs: each in one transaction and one block, once.

A slice is claimed by its batch and number, so that whoever tries it again, after a crash or beside another
process, finds that it is there. The head of the log is locked at the very end, as for any group of entries.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self
from uuid import UUID

import psycopg

from eligibility.chain import LARGEST_BLOCK, Header
from eligibility.errors import StorageUnavailable
from eligibility.storage.block_statements import WAIT_FOR_REPLICAS
from eligibility.storage.blocks import (
    Memory,
    evaluated_differently,
    heard,
    store_evaluations,
)
from eligibility.storage.chaining import Connection, chain, lock_head, told_of_blocks
from eligibility.storage.database import Database
from eligibility.storage.entries import Prepared, StoredEvaluation
from eligibility.storage.failures import from_database
from eligibility.storage.log import AuditLog
from eligibility.storage.signing_keys import Signer
from eligibility.storage.slice_rows import Rows

SLICE: Final = "batch.slice"
"""The kind of the record that ends the block of a slice."""

LARGEST_SLICE: Final = LARGEST_BLOCK - 1
OUTCOMES: Final = ("permitted", "prohibited", "contact_meta")

SLICE_SECONDS: Final = 30.0
"""How long recording a slice may take before it is given up. A single statement has less."""

_CLAIM = """
    INSERT INTO batch_slice (batch, number, record, first, line, rows, refused, permitted, prohibited,
                             contact_meta, source)
    VALUES (%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b) ON CONFLICT (batch, number) DO NOTHING RETURNING 1
"""
_DELETE_PART = "DELETE FROM batch_part WHERE batch = %b AND number = %b"
_COPY_RECORDS = """
    COPY record (id, block, position, kind, at, actor, channel, evaluation_key, outcome, generation, subject,
                 body, leaf) FROM STDIN (FORMAT BINARY)
"""
_COPY_PRIVATE = "COPY private (record, salt, content, entity_reference) FROM STDIN (FORMAT BINARY)"
_LIBRARY_ERRORS = (psycopg.Error, OSError)


@dataclass(frozen=True)
class Slice:
    """What was decided about some rows of a backlog, ready to be recorded.

    `number` counts the slices of the batch and `first` the rows before this one, both from 0; `line` is the
    line of the first row. `rows` were read, of which `refused` were not decided; `outcomes` counts the
    others. `source` is the SHA-256 of what was read. `record` says all this in the log. `evaluations` are
    those that are not known to be stored.
    """

    batch: UUID
    number: int
    first: int
    line: int
    rows: int
    refused: int
    outcomes: Mapping[str, int]
    source: bytes
    record: Prepared
    evaluations: Mapping[bytes, StoredEvaluation]
    copied: Rows


class SliceWriter:
    """Records slices, one at a time, over a connection of its own. Use it as an async context manager."""

    def __init__(self, log: AuditLog, database: Database, signer: Signer) -> None:
        """Write into this log, in blocks that the signer signs."""
        self._log = log
        self._database = database
        self._signer = signer
        self._memory = Memory(database.acknowledged)
        self._connection: Connection | None = None

    def known(self, evaluation: bytes) -> bytes | None:
        """The hash of an evaluation's content, by its key, where it is known to be stored."""
        return self._memory.evaluations.get(evaluation)

    async def write(self, made: Slice) -> bool:
        """Record a slice durably; False where it was recorded before.

        Raises StorageUnavailable where it is not known to be recorded: to try again finds out. Raises
        ActRefused where the batch has ended, RecordRefused; then it is not recorded.
        """
        try:
            async with asyncio.timeout(SLICE_SECONDS):
                await self._log.ensure_ready()
                if self._connection is None:
                    self._connection = await self._database.connect_raw()
                return await self._write(self._connection, made)
        except TimeoutError:
            await self.close()
            raise StorageUnavailable("the database does not answer: try again shortly") from None
        except _LIBRARY_ERRORS as error:
            await self.close()
            raise from_database(error) from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection; the next slice opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.shield(connection.close())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self.close()

    async def _write(self, connection: Connection, made: Slice) -> bool:
        sealed: Header | None = None
        stored = dict[bytes, bytes]()
        with heard(connection) as warnings, told_of_blocks():
            async with connection.transaction():
                if await _claimed(connection, made):
                    await _copy(connection, _COPY_RECORDS, made.copied.records)
                    if made.copied.private is not None:
                        await _copy(connection, _COPY_PRIVATE, made.copied.private)
                    await connection.execute(_DELETE_PART, (made.batch, made.number))
                    await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
                    # this late, since whoever else has the same new evaluation waits from here to the end
                    stored = await store_evaluations(connection, made.evaluations, self._memory)
                    if any(stored[key] != one.content_hash for key, one in made.evaluations.items()):
                        raise evaluated_differently()
                    head = await lock_head(connection, self._memory.acknowledged)
                    copied = made.copied
                    sealed = await chain(connection, head, copied.block, copied.leaves, self._signer)
                else:
                    await connection.execute(WAIT_FOR_REPLICAS)
                warnings.clear()  # of the commit alone is to be heard
            if warnings:
                raise StorageUnavailable("not known to be on a replica yet: try again shortly", retry_after=2)
        if sealed is None:
            return False
        self._memory.acknowledged.note(sealed.number, sealed.hash)
        self._memory.remember(stored)
        return True


async def _claimed(connection: Connection, made: Slice) -> bool:
    """Claim the slice; False where it is recorded. Waits for whoever is recording it."""
    claim = (
        *(made.batch, made.number, made.record.entry.id, made.first, made.line, made.rows, made.refused),
        *(made.outcomes.get(outcome, 0) for outcome in OUTCOMES),
        made.source,
    )
    cursor = await connection.execute(_CLAIM, claim)
    return await cursor.fetchone() is not None


async def _copy(connection: Connection, statement: str, rows: bytes) -> None:
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write(rows)
