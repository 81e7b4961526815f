"""Reading the log for exports: block after block, in flat memory, on a connection of its own.

The blocks are read in small chunks, each in a short transaction. An export ends before the record that
announces it, and the log only grows, so the chunks belong to one state of it; but no old snapshot is held,
so that what is erased or dropped during a long export leaves no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import psycopg

from eligibility.chain import Header
from eligibility.errors import NotFound
from eligibility.storage.database import CONNECT_ARGUMENTS
from eligibility.storage.entries import DECISION
from eligibility.storage.failures import translated
from eligibility.storage.packing import unpacked
from eligibility.storage.records import hash_bytes
from eligibility.storage.urls import libpq_url

STATEMENT_SECONDS = 120
"""Long enough to look through a large log for where a period begins and ends."""

APPLICATION = "eligibility export"
_CHUNK = 1000
"""Records whose blocks are read at once; the last of these blocks may hold more."""

_ROWS = 200
"""Rows that are taken over at once: a thread that answers requests waits no longer than for these."""

_OPTIONS = f"-c statement_timeout={STATEMENT_SECONDS}s -c timezone=UTC -c default_transaction_read_only=on"
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

_BOUNDS = """
    SELECT min(b.first), max(b.first + b.count) FROM block b JOIN (
        SELECT DISTINCT block FROM record
        WHERE at >= coalesce(%(since)s::timestamptz, '-infinity')
        AND at < coalesce(%(until)s::timestamptz, 'infinity')
        AND kind = coalesce(%(kind)s, kind)
    ) r ON r.block = b.id
    WHERE b.first < %(before)s
"""
_BLOCKS = """
    SELECT id, number, first, count, root, previous, at, key, signature FROM block
    WHERE first >= %(low)s AND first < %(high)s ORDER BY first
"""
_RECORDS = """
    SELECT r.block, r.position, r.id, r.body, r.evaluation_key, p.name
    FROM record r LEFT JOIN principal p ON p.id = r.actor
    WHERE r.block = ANY(%(blocks)s)
    AND r.at >= coalesce(%(since)s::timestamptz, '-infinity')
    AND r.at < coalesce(%(until)s::timestamptz, 'infinity')
    AND r.kind = coalesce(%(kind)s, r.kind)
"""
_PRIVATE = "SELECT record, salt, content FROM private WHERE record = ANY(%(records)s)"
_WITH_PRIVATE = "SELECT record, NULL, NULL FROM private WHERE record = ANY(%(records)s)"
_EVALUATIONS = "SELECT key, content FROM evaluation WHERE key = ANY(%(keys)s)"
_LEAVES = """
    SELECT block, position, leaf FROM record WHERE block = ANY(%(blocks)s)
    UNION ALL SELECT block, position, leaf FROM dropped_leaf WHERE block = ANY(%(blocks)s)
"""
_RULESET = "SELECT document FROM ruleset WHERE digest = %(digest)s"


@dataclass(frozen=True)
class Wanted:
    """Which records are wanted, by their time (`since` is included, `until` is not) and kind; None is any.

    Without `texts`, no private text and no name of a person is read; `proofs` asks for the blocks' leaves.
    """

    since: datetime | None = None
    until: datetime | None = None
    kind: str | None = DECISION
    texts: bool = True
    proofs: bool = False


@dataclass(frozen=True)
class Opening:
    """What opens the commitment of a record to its private texts: the salt, and their canonical JSON."""

    salt: bytes
    content: bytes


@dataclass(frozen=True)
class ExportedRecord:
    """A record as an export reads it. `body` is what its leaf is a hash of.

    `evaluation` is the content of the evaluation that it rests on. `has_texts` says that its private texts
    are kept; they stand in `opening` where they were wanted.
    """

    position: int
    body: bytes
    requested_by: str | None
    evaluation: Mapping[str, Any] | None
    has_texts: bool
    opening: Opening | None


@dataclass(frozen=True)
class ExportedBlock:
    """A block with those of its records that are wanted, in their order.

    `leaves` are those of all its records, where proofs are wanted and none is missing; else empty.
    """

    header: Header
    signature: bytes | None
    records: tuple[ExportedRecord, ...]
    leaves: tuple[bytes, ...]


@dataclass(frozen=True)
class Chunk:
    """Some blocks, oldest first, and how much of the way is done with them, from 0 to 1."""

    blocks: tuple[ExportedBlock, ...]
    done: float


class Source:
    """The log before one of its records, as far as it is wanted."""

    def __init__(self, connection: psycopg.Connection[Any], wanted: Wanted, before: int) -> None:
        self._cursor = connection.cursor(binary=True)
        self._wanted = wanted
        self._before = before
        self._matching = {"since": wanted.since, "until": wanted.until, "kind": wanted.kind, "before": before}

    def chunks(self) -> Iterator[Chunk]:
        """All that is wanted, in the log's order. Raises StorageUnavailable."""
        first, end = self._bounds()
        low = first
        while low < end:
            with translated():
                self._cursor.execute(_BEGIN)
                blocks, low = self._blocks(low, min(low + _CHUNK, end))
                self._cursor.execute("COMMIT")
            yield Chunk(blocks, min(1.0, (low - first) / (end - first)))

    def ruleset(self, digest: str) -> bytes:
        """The canonical JSON of a recorded ruleset. Raises NotFound, StorageUnavailable."""
        with translated():
            rows = self._rows(_RULESET, digest=hash_bytes(digest))
        for (document,) in rows:
            return bytes(document)
        raise NotFound(f"there is no ruleset `{digest}`")

    def _bounds(self) -> tuple[int, int]:
        """The first sequence to look at, and that after the last."""
        if self._wanted == Wanted(None, None, None, self._wanted.texts, self._wanted.proofs):
            return 1, self._before
        with translated():
            [(first, end)] = self._rows(_BOUNDS, **self._matching)
        return (1, 1) if first is None else (first, min(end, self._before))

    def _blocks(self, low: int, high: int) -> tuple[tuple[ExportedBlock, ...], int]:
        """The blocks that begin within the bounds, and where the next one begins."""
        rows = self._rows(_BLOCKS, low=low, high=high)
        if not rows:
            return (), high
        signatures = {row[0]: row[-1] for row in rows}
        headers = {row[0]: Header(*row[1:-1]) for row in rows}
        found = self._records(headers)
        touched = [block for block in headers if block in found]
        leaves = self._leaves(touched) if self._wanted.proofs else {}
        made = []
        for block in touched:
            header, held = headers[block], leaves.get(block, {})
            whole = tuple(held[position] for position in range(header.count) if position in held)
            records = tuple(sorted(found[block], key=lambda record: record.position))
            made.append(
                ExportedBlock(header, signatures[block], records, whole if len(whole) == header.count else ())
            )
        return tuple(made), max(header.next_sequence for header in headers.values())

    def _records(self, headers: Mapping[UUID, Header]) -> dict[UUID, list[ExportedRecord]]:
        """The records that are wanted, by their block."""
        rows = [
            row
            for row in self._rows(_RECORDS, blocks=list(headers), **self._matching)
            if headers[row[0]].first + row[1] < self._before
        ]
        keys = list({row[4] for row in rows if row[4] is not None})
        contents = {
            key: orjson.loads(content)
            for key, content in (self._rows(_EVALUATIONS, keys=keys) if keys else ())
        }
        statement = _PRIVATE if self._wanted.texts else _WITH_PRIVATE
        private = (
            {row[0]: row for row in self._rows(statement, records=[row[2] for row in rows])} if rows else {}
        )
        found: dict[UUID, list[ExportedRecord]] = {}
        for block, position, identifier, body, evaluation, name in rows:
            texts = private.get(identifier)
            opening = None if texts is None or texts[1] is None else Opening(texts[1], texts[2])
            record = ExportedRecord(
                position=position,
                body=unpacked(body),
                requested_by=name if self._wanted.texts else None,
                evaluation=None if evaluation is None else contents[evaluation],
                has_texts=texts is not None,
                opening=opening,
            )
            found.setdefault(block, []).append(record)
        return found

    def _leaves(self, blocks: Sequence[UUID]) -> dict[UUID, dict[int, bytes]]:
        """The leaves of all records of some blocks, wanted, dropped or neither, by block and position."""
        found: dict[UUID, dict[int, bytes]] = {}
        for block, position, leaf in self._rows(_LEAVES, blocks=list(blocks)) if blocks else ():
            found.setdefault(block, {})[position] = leaf
        return found

    def _rows(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        self._cursor.execute(statement.encode(), parameters)
        rows: list[tuple[Any, ...]] = []
        while some := self._cursor.fetchmany(_ROWS):
            rows += some
        return rows


@contextmanager
def reading(url: str, wanted: Wanted, before: int) -> Iterator[Source]:
    """The log before the record of that sequence, to be read by one thread. Raises StorageUnavailable."""
    arguments = {**CONNECT_ARGUMENTS, "application_name": APPLICATION, "options": _OPTIONS}
    with translated():
        connection = psycopg.connect(libpq_url(url), autocommit=True, **arguments)
    try:
        yield Source(connection, wanted, before)
    finally:
        connection.close()
