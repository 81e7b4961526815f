"""Reading the whole log for its verification: as one moment shows it, in pieces of a bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import psycopg
from psycopg import sql

from eligibility.chain import Header
from eligibility.storage.database import CONNECT_ARGUMENTS
from eligibility.storage.failures import translated
from eligibility.storage.urls import libpq_url

RECORDS_AT_ONCE = 1024
_BLOCKS_AT_ONCE = 2048
_ROWS_AT_ONCE = 4096

Connection: TypeAlias = psycopg.Connection[Any]
RecordRow: TypeAlias = tuple[Any, ...]
"""In the order of `_RECORDS`. Ids are as envelopes write them, the body is as it is stored.

Times are as envelopes write them but for the end, which is `AD` in place of `Z`, so that no other era looks
like ours. The last is actor and id in binary.
"""

_RECORDS = b"""
    SELECT b.place, r.position, r.id::text, r.kind,
           to_char(r.at, 'YYYY-MM-DD"T"HH24:MI:SS.USBC'), r.actor::text, r.channel, r.evaluation_key,
           r.outcome, r.generation, r.subject::text, r.body, r.leaf,
           p.salt, p.content, p.entity_reference, x.made_by, uuid_send(r.actor) || uuid_send(r.id)
    FROM unnest(%s) WITH ORDINALITY b (id, place) JOIN record r ON r.block = b.id
    LEFT JOIN private p ON p.record = r.id LEFT JOIN erased x ON x.record = r.id
    ORDER BY b.place, r.position
"""
_ACTS = """
    SELECT b.first + r.position, b.number, r.id, r.kind, r.at, r.actor::text, r.channel, r.body, p.content
    FROM record r JOIN block b ON b.id = r.block LEFT JOIN private p ON p.record = r.id
    WHERE r.kind = ANY(%s) ORDER BY 1
"""
_BLOCK = "number, id, first, count, root, previous, hash, at, key, signature FROM block"
_EVALUATIONS = """
    SELECT key, ruleset, cells, content, content_hash, outcome, findings,
           EXISTS (SELECT FROM record r WHERE r.evaluation_key = e.key) FROM evaluation e
"""
_USED_KEYS = """
    SELECT uuid_send(i.key_mac), uuid_send(i.body_mac), i.record::text, r.body, p.content
    FROM idempotency i LEFT JOIN record r ON r.id = i.record LEFT JOIN private p ON p.record = i.record
"""
_STRAY_RECORDS = """
    SELECT r.id FROM record r WHERE NOT EXISTS (SELECT FROM block b WHERE b.id = r.block)
"""
_STRAY_TEXTS = """
    SELECT p.record FROM private p WHERE NOT EXISTS (
        SELECT FROM record r JOIN block b ON b.id = r.block WHERE r.id = p.record
    )
"""
_LOST_KEYS = """
    SELECT r.id FROM record r JOIN private p ON p.record = r.id
    WHERE r.kind = 'decision' AND position('"idempotency_key":'::bytea IN p.content) > 0
    AND NOT EXISTS (SELECT FROM idempotency i WHERE i.record = r.id)
"""
_BOUNDED = (
    "CASE WHEN {0} < '0002-01-01Z' THEN '0002-01-01Z' "
    "WHEN {0} > '9000-01-01Z' THEN '9000-01-01Z' ELSE {0} END"
)
"""A time that this language can tell, whatever somebody has put there."""

_CASES = f"""
    SELECT r.id, b.number, {_BOUNDED.format("r.at")}, r.channel, r.generation, r.outcome, r.evaluation_key,
           c.decision, {_BOUNDED.format("c.opened_at")}, c.channel, c.generation, c.outcome, c.causes,
           c.reasons, c.state, c.number, c.outcome_in_force, {_BOUNDED.format("c.due")},
           {_BOUNDED.format("c.paused_at")}, c.proposer, c.proposed_outcome, {_BOUNDED.format("c.closed_at")}
    FROM record r JOIN block b ON b.id = r.block LEFT JOIN review_case c ON c.decision = r.id
    CROSS JOIN LATERAL sha256(uuid_send(r.id)) AS h
    WHERE r.kind = 'decision' AND (
        c.decision IS NOT NULL OR r.outcome = 'contact_meta' OR r.id = ANY(%s::uuid[])
        OR (get_byte(h, 0) * 16777216::bigint + get_byte(h, 1) * 65536 + get_byte(h, 2) * 256
            + get_byte(h, 3)) * 100 < %s * 4294967296
    )
"""  # noqa: S608 - our own names
_STRAY_CASES = """
    SELECT c.decision FROM review_case c
    WHERE NOT EXISTS (SELECT FROM record r WHERE r.id = c.decision AND r.kind = 'decision')
"""
_ATTACHMENTS = """
    SELECT record::text, decision::text, media_type, size, octet_length(content),
           encode(sha256(content), 'hex')
    FROM review_attachment
"""
_REPEATED_KEYS = "SELECT record FROM idempotency GROUP BY record HAVING count(*) > 1"
_SETTINGS = (
    # every piece is small: index by index is right for each, whatever the statistics say
    "SET LOCAL enable_hashjoin = off",
    "SET LOCAL enable_mergejoin = off",
    "SET LOCAL max_parallel_workers_per_gather = 0",
    "SET LOCAL cursor_tuple_fraction = 1",
)
_FOR_WHOLE_TABLES = ("SET LOCAL enable_hashjoin = on", "SET LOCAL enable_mergejoin = on")


class BlockRow(NamedTuple):
    """A row of `block`."""

    number: int
    id: UUID
    first: int
    count: int  # type: ignore[assignment]  # the column's name; values of a row are not counted
    root: bytes
    previous: bytes
    hash: bytes
    at: datetime
    key: str | None
    signature: bytes | None

    @property
    def header(self) -> Header:
        """The header that the columns make."""
        return Header(self.number, self.first, self.count, self.root, self.previous, self.at, self.key)


class HeadRow(NamedTuple):
    """The row of `head`."""

    block: int
    next_sequence: int
    hash: bytes
    ruleset: bytes | None
    key: str | None


class Act(NamedTuple):
    """A record that other tables follow from. `private` is the content of its private row, if it is there."""

    sequence: int
    block: int
    id: UUID
    kind: str
    at: datetime
    actor: str
    channel: str
    body: bytes
    private: bytes | None


class CaseRow(NamedTuple):
    """A decision; `case` are the columns of its case in the order of `_CASES`, None where it has none."""

    id: UUID
    block: int
    at: datetime
    channel: str
    generation: str | None
    outcome: str
    evaluation_key: bytes
    case: tuple[Any, ...] | None


class EvaluationRow(NamedTuple):
    """A row of `evaluation`, and whether a record names it."""

    key: bytes
    ruleset: bytes
    cells: bytes
    content: bytes
    content_hash: bytes
    outcome: str
    findings: list[str]
    is_named: bool


class UsedKey(NamedTuple):
    """A row of `idempotency` beside the record it points at, whose body is None where there is none.

    MACs are 16 bytes, the body is as it is stored.
    """

    key_mac: bytes
    body_mac: bytes
    record: str
    body: bytes | None
    private: bytes | None


class DroppedLeaf(NamedTuple):
    """What retention left of a record."""

    block: UUID
    position: int
    leaf: bytes
    record: UUID
    record_class: str


class LogReader:
    """Reads the log over one connection, which is in a transaction that shows one moment."""

    def __init__(self, connection: Connection) -> None:
        """Read over this connection."""
        self._connection = connection
        self._streams = 0
        self._cursor = connection.cursor(binary=True)
        for setting in _SETTINGS:
            self._cursor.execute(setting)
        self._has_dropped = bool(self._all("SELECT FROM dropped_leaf LIMIT 1"))

    def snapshot(self) -> str:
        """A name under which other connections see the same moment, for as long as this one is open."""
        return str(self._value("SELECT pg_export_snapshot()"))

    def head(self) -> HeadRow | None:
        """The head, None where its row is gone."""
        rows = self._all("SELECT block, next_sequence, hash, ruleset, key FROM head")
        return HeadRow(*rows[0]) if rows else None

    def last_block(self) -> int:
        """The greatest number of a block, 0 where there is none."""
        return int(self._value("SELECT coalesce(max(number), 0) FROM block"))

    def blocks_of(self, first: int, last: int | None) -> tuple[int, int]:
        """The numbers of the first and last block with records of these sequences; (1, 0) of none."""
        query = "SELECT min(number), max(number) FROM block WHERE first + count > %s AND first <= %s"
        low, high = self._all(query, (first, 2**62 if last is None else last))[0]
        return (1, 0) if low is None else (low, high)

    def block(self, number: int) -> BlockRow | None:
        """The block of that number."""
        return next(map(BlockRow._make, self._all(f"SELECT {_BLOCK} WHERE number = %s", (number,))), None)

    def blocks(self, first: int, last: int) -> Iterator[list[BlockRow]]:
        """The blocks of these numbers in order, in pieces with at most RECORDS_AT_ONCE records."""
        piece: list[BlockRow] = []
        records = 0
        while True:
            rows = self._all(
                f"SELECT {_BLOCK} WHERE number BETWEEN %s AND %s ORDER BY number LIMIT %s",
                (first, last, _BLOCKS_AT_ONCE),
            )
            for block in map(BlockRow._make, rows):
                if piece and records + block.count > RECORDS_AT_ONCE:
                    yield piece
                    piece, records = [], 0
                piece.append(block)
                records += block.count
                first = block.number + 1
            if len(rows) < _BLOCKS_AT_ONCE:
                break
        if piece:
            yield piece

    def records(self, blocks: Sequence[UUID]) -> list[list[RecordRow]]:
        """The records of each of these blocks, in the order of positions."""
        found: list[list[RecordRow]] = [[] for _ in blocks]
        for row in self._cursor.execute(_RECORDS, (list(blocks),)).fetchall():
            found[row[0] - 1].append(row)
        return found

    def dropped(self, blocks: Sequence[UUID]) -> dict[UUID, list[DroppedLeaf]]:
        """What retention left of records of these blocks, by block."""
        found: dict[UUID, list[DroppedLeaf]] = {}
        if self._has_dropped:
            query = "SELECT block, position, leaf, record, class FROM dropped_leaf WHERE block = ANY(%s)"
            for row in self._all(query, (list(blocks),)):
                found.setdefault(row[0], []).append(DroppedLeaf(*row))
        return found

    def evaluations(self, keys: Sequence[bytes]) -> dict[bytes, tuple[bytes, bytes, str]]:
        """Of each evaluation that is stored under one of the keys: hash of the content, ruleset, outcome."""
        query = "SELECT key, content_hash, ruleset, outcome FROM evaluation WHERE key = ANY(%s)"
        return {row[0]: (row[1], row[2], row[3]) for row in self._all(query, (list(keys),))}

    def cells(self, key: bytes) -> bytes | None:
        """The cells of an evaluation."""
        rows = self._all("SELECT cells FROM evaluation WHERE key = %s", (key,))
        return bytes(rows[0][0]) if rows else None

    def acts(self, kinds: Sequence[str]) -> Iterator[Act]:
        """The records of these kinds, by sequence."""
        return map(Act._make, self._stream(_ACTS, (list(kinds),)))

    def all_evaluations(self) -> Iterator[EvaluationRow]:
        """Every evaluation, those of one ruleset together."""
        return map(EvaluationRow._make, self._stream(f"{_EVALUATIONS} ORDER BY e.ruleset, e.key"))

    def evaluation(self, key: bytes) -> EvaluationRow | None:
        """The evaluation of that key."""
        return next(map(EvaluationRow._make, self._all(f"{_EVALUATIONS} WHERE e.key = %s", (key,))), None)

    def used_keys(self) -> Iterator[UsedKey]:
        """Every idempotency key that was used."""
        return map(UsedKey._make, self._stream(_USED_KEYS))

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """All rows of a small table."""
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        return self._all(sql.SQL("SELECT {} FROM {}").format(names, sql.Identifier(table)))

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self._value(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))))

    def rulesets(self) -> dict[bytes, tuple[str, bytes]]:
        """Version and document of every ruleset that is kept, by digest."""
        rows = self._all("SELECT digest, version, document FROM ruleset")
        return {bytes(digest): (version, bytes(document)) for digest, version, document in rows}

    def blocks_before_the_first(self) -> list[int]:
        """The numbers of blocks that stand before block 1, where none can."""
        return [row[0] for row in self._all("SELECT number FROM block WHERE number < 1 ORDER BY number")]

    def stray_records(self) -> Iterator[UUID]:
        """Records of blocks that do not exist."""
        return (row[0] for row in self._stream(_STRAY_RECORDS))

    def stray_texts(self) -> Iterator[UUID]:
        """Private rows of records that do not exist, or not in any block."""
        return (row[0] for row in self._stream(_STRAY_TEXTS))

    def lost_keys(self) -> Iterator[UUID]:
        """Decisions with an idempotency key that is not in the table of used keys."""
        return (row[0] for row in self._stream(_LOST_KEYS))

    def repeated_keys(self) -> Iterator[UUID]:
        """Decisions with more than one idempotency key."""
        return (row[0] for row in self._stream(_REPEATED_KEYS))

    def cases(self, reviewed: Sequence[str], percent: int) -> Iterator[CaseRow]:
        """Every decision that may have a case, with its columns if it has one.

        These are those `reviewed`, those that say to get in contact, and at least so many per cent of the
        others, which `review.is_sampled` finds among them.
        """
        rows = self._stream(_CASES, (list(reviewed), percent))
        return (CaseRow._make((*row[:7], None if row[7] is None else row[7:])) for row in rows)

    def stray_cases(self) -> Iterator[UUID]:
        """Cases of what is no decision of the log."""
        return (row[0] for row in self._stream(_STRAY_CASES))

    def case_progress(self) -> int:
        """The block up to which decisions must have their cases."""
        return int(self._value("SELECT coalesce(max(block), 0) FROM review_progress"))

    def contact_evaluations(self) -> Iterator[tuple[bytes, bytes]]:
        """Key and content of each evaluation that is a reason to get in contact."""
        query = "SELECT key, content FROM evaluation WHERE outcome = 'contact_meta'"
        return ((bytes(row[0]), bytes(row[1])) for row in self._stream(query))

    def attachments(self) -> Iterator[tuple[Any, ...]]:
        """Of each file that is attached: record, decision, type, size as said, as it is, and digest."""
        return self._stream(_ATTACHMENTS)

    def erased_by(self, record: UUID) -> set[UUID]:
        """The records whose texts were erased by the act that this record is of."""
        return {row[0] for row in self._all("SELECT record FROM erased WHERE made_by = %s", (record,))}

    def dropped_counts(self) -> dict[tuple[date, str], int]:
        """How many records retention has dropped, by month and class."""
        month = "date_trunc('month', uuid_extract_timestamp(record) AT TIME ZONE 'UTC')::date"
        query = f"SELECT {month}, class, count(*) FROM dropped_leaf GROUP BY 1, 2"  # noqa: S608 - as above
        return {(row[0], row[1]): row[2] for row in self._all(query)}

    def _value(self, query: str | sql.Composed, parameters: Sequence[object] = ()) -> Any:
        return self._all(query, parameters)[0][0]

    def _all(self, query: str | sql.Composed, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        text = query.encode() if isinstance(query, str) else query
        return self._cursor.execute(text, parameters).fetchall()

    def _stream(self, query: str, parameters: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a whole table, some thousands at a time."""
        for setting in _FOR_WHOLE_TABLES:
            self._cursor.execute(setting)
        self._streams += 1
        with self._connection.cursor(f"stream_{self._streams}") as cursor:
            cursor.itersize = _ROWS_AT_ONCE
            cursor.execute(query.encode(), parameters, binary=True)
            for setting in _SETTINGS:
                self._cursor.execute(setting)
            yield from cursor


@contextmanager
def reading_log(url: str, snapshot: str | None = None) -> Iterator[LogReader]:
    """Read the log behind a login as it is now, or as the `snapshot` of another reader shows it.

    Raises StorageUnavailable or RecordRefused, also for what the reader does within the context.
    """
    arguments = {**CONNECT_ARGUMENTS, "options": "-c statement_timeout=0 -c timezone=UTC"}
    with translated(), psycopg.connect(libpq_url(url), **arguments) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        if snapshot is not None:
            connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
        yield LogReader(connection)
        connection.rollback()
