"""The log's writer: one per process, recording what is asked of it in blocks.

What came while the group before was written shares one transaction; here, nothing waits for company. Whoever
appends is answered only when the commit is durable.
"""

import asyncio
import logging
import secrets
import select
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from types import TracebackType
from typing import NamedTuple, Self
from uuid import UUID

import psycopg
import uuid_utils.compat

from eligibility.errors import RecordRefused, StorageError, StorageUnavailable
from eligibility.storage.blocks import Dropped, Memory, Result, write
from eligibility.storage.chaining import Connection
from eligibility.storage.database import Database
from eligibility.storage.entries import (
    SALT_BYTES,
    Earlier,
    Entry,
    Prepared,
    Recorded,
    Statement,
    month_of,
    prepare,
)
from eligibility.storage.failures import from_database
from eligibility.storage.key_rotation import key_genesis
from eligibility.storage.signing_keys import Signer, signing_key_missing

logger = logging.getLogger(__name__)

WRITE_SECONDS = 6.0
"""Longer than a statement may take, so that the database's own time-out comes first where it still works."""
_MOST_WAITING = 1024
"""Fewer than a block may hold, so that one takes all that wait."""

_MONTHS_AHEAD = 2
_LIBRARY_ERRORS = (psycopg.Error, OSError)


class _Waiting(NamedTuple):
    prepared: Prepared
    answer: asyncio.Future[Recorded | Earlier]


class AuditLog:
    """Appends to the log. Use it as an async context manager, within one event loop."""

    def __init__(self, database: Database, secret: bytes, signer: Signer) -> None:
        self._database = database
        self._secret = secret
        self._signer = signer
        self._is_opened = False
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._is_closing = False
        self._connection: Connection | None = None
        self._memory = Memory(database.acknowledged)
        self._months: set[date] = set()
        self._one_at_a_time = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None
        self._complaint: str | None = None
        self._written = 0
        self._abandoned: set[asyncio.Task[dict[Prepared, Result]]] = set()

    @property
    def backlog(self) -> int:
        """How many entries wait to be taken up by the writer."""
        return len(self._waiting)

    @property
    def written(self) -> int:
        """How many entries the writer has seen to since it began."""
        return self._written

    async def append(self, entry: Entry) -> Recorded | Earlier:
        """Record an entry, durably.

        Raises ValueError for facts that cannot be written; StorageUnavailable where it is not known to be
        recorded; RulesetReplaced, IdempotencyConflict, Overtaken, RecordRefused where it is not.
        """
        return await self.enter([entry])[0]

    def enter(self, entries: Sequence[Entry]) -> list[asyncio.Future[Recorded | Earlier]]:
        """Put entries in line, to be recorded together; for each a future of what `append` returns or raises.

        Raises StorageUnavailable where none is put there.
        """
        if self._writer is None:
            raise StorageUnavailable("the log is closed: the service is starting or stopping")
        if len(self._waiting) >= _MOST_WAITING:
            raise StorageUnavailable("too many decisions are waiting to be recorded", retry_after=2)
        loop, answers = asyncio.get_running_loop(), list[asyncio.Future[Recorded | Earlier]]()
        salts = secrets.token_bytes(SALT_BYTES * len(entries))  # to draw each costs as much as its hashes
        for place, entry in enumerate(entries):
            answer: asyncio.Future[Recorded | Earlier] = loop.create_future()
            answers.append(answer)
            salt = salts[SALT_BYTES * place : SALT_BYTES * (place + 1)]
            try:
                self._waiting.append(_Waiting(prepare(entry, self._secret, salt), answer))
            except Exception as error:  # noqa: BLE001 - raised where the future is awaited
                answer.set_exception(error)
        self._arrived.set()
        return answers

    def require_key(self, active: str | None) -> None:
        """See that the key that signs the log, if it has one, is here. Raises SigningKeyMissing."""
        if active is not None and self._signer.find(active) is None:
            raise signing_key_missing(active, self._signer)

    async def ensure_ready(self) -> None:
        """See that the log has its key, and this month and the next two their partitions.

        Writing does this by itself; call it at the start, so that what is amiss is noticed then. Raises
        SigningKeyMissing where another key than ours is active, StorageUnavailable.
        """
        await self._attempt((), seconds=WRITE_SECONDS)

    async def append_aside(self, entry: Entry) -> Recorded | Earlier:
        """Record an entry whose own statements may take long, over a connection of its own.

        Nobody waits for it but its caller, unless for locks that it takes. Raises as `append` does.
        """
        await self.ensure_ready()
        prepared = prepare(entry, self._secret)
        connection = await self._database.connect_raw()
        try:
            await connection.execute("SET statement_timeout = 0")
            await connection.execute("SET lock_timeout = '5s'")
            results = await write(connection, [prepared], self._memory, self._signer)
        except Dropped as dropped:
            raise dropped.failures[prepared] from None
        except _LIBRARY_ERRORS as error:
            raise from_database(error) from error
        finally:
            await connection.close()
        result = results[prepared]
        if isinstance(result, StorageError):
            raise result
        return result

    async def __aenter__(self) -> Self:
        self._is_closing = False
        self._writer = asyncio.create_task(self._run(), name="log-writer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Record what is waiting, then stop."""
        writer, self._writer = self._writer, None
        self._is_closing = True
        self._arrived.set()
        if writer is not None:
            await asyncio.gather(writer, return_exceptions=True)
        await asyncio.gather(*self._abandoned, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()

    async def _run(self) -> None:
        """Write what is waiting, again and again, one group at a time, until the log closes."""
        while await self._arrived.wait():
            group, self._waiting = self._waiting, []
            self._arrived.clear()
            if not group:
                return
            try:
                await self._answer(group)
            except Exception as error:
                logger.exception("the log's writer failed")
                _resolve_all(
                    group, StorageUnavailable(f"the log could not be written: {type(error).__name__}")
                )
            if self._is_closing:
                self._arrived.set()

    async def _answer(self, group: list[_Waiting]) -> None:
        """Record a group and answer everyone in it; what one entry is at fault for harms no other."""
        rest = group
        while rest:
            try:
                results = await self._attempt([waiting.prepared for waiting in rest], seconds=WRITE_SECONDS)
            except Dropped as dropped:
                _resolve_some(rest, dropped.failures)
                rest = [waiting for waiting in rest if waiting.prepared not in dropped.failures]
            except RecordRefused as error:
                await self._answer_one_by_one(rest, error)
                return
            except StorageError as error:
                self._complain(len(rest), str(error.__cause__ or error))
                _resolve_all(rest, error)
                return
            else:
                self._complain(len(rest), None)
                self._written += len(rest)
                _resolve_some(rest, results)
                return

    def _complain(self, entries: int, of: str | None) -> None:
        """Log why entries were not recorded; once, and not for every group until the cause has gone."""
        if of != self._complaint:
            self._complaint = of
            if of is None:
                logger.warning("the log is written to again")
            else:
                logger.warning("a group of %d was not recorded: %s", entries, of)

    async def _answer_one_by_one(self, group: list[_Waiting], error: RecordRefused) -> None:
        """Find out which of the group the database refused, and record the others."""
        if len(group) == 1:
            logger.warning("a record was refused: %s", error.__cause__ or error)
            _resolve(group[0], error)
            return
        for index, waiting in enumerate(group):
            if self._connection is None:  # lost on the way: to try on would keep everyone waiting
                _resolve_all(group[index:], StorageUnavailable("the database does not answer"))
                return
            await self._answer([waiting])

    async def _attempt(self, group: Sequence[Prepared], *, seconds: float) -> dict[Prepared, Result]:
        """One try at a time, within `seconds`. One that hangs is left to end by itself, with its connection.

        Raises Dropped or StorageError.
        """
        async with self._one_at_a_time:
            return await self._attempt_alone(group, seconds)

    async def _attempt_alone(self, group: Sequence[Prepared], seconds: float) -> dict[Prepared, Result]:
        attempt = asyncio.create_task(self._write(group))
        try:
            done, _ = await asyncio.wait({attempt}, timeout=seconds)
        except asyncio.CancelledError:
            attempt.cancel()
            raise
        if not done:
            self._connection = None
            self._abandoned.add(attempt)
            attempt.add_done_callback(self._forget)
            attempt.cancel()
            raise StorageUnavailable("the database does not answer: try again shortly")
        return attempt.result()

    def _forget(self, attempt: asyncio.Task[dict[Prepared, Result]]) -> None:
        self._abandoned.discard(attempt)
        if not attempt.cancelled() and attempt.exception() is not None:
            logger.warning("an abandoned write ended: %s", attempt.exception())

    async def _write(self, group: Sequence[Prepared]) -> dict[Prepared, Result]:
        connection = self._connection
        if connection is not None and _has_ended(connection):
            self._connection = None
            await connection.close()
            connection = None
        if connection is None:
            connection = self._connection = await self._database.connect_raw()
        try:
            await self._prepare(connection, group)
            return await write(connection, group, self._memory, self._signer) if group else {}
        except _LIBRARY_ERRORS as error:
            raise from_database(error) from error
        finally:
            if connection.closed or connection is not self._connection:
                await connection.close()
                if connection is self._connection:
                    self._connection = None

    async def _prepare(self, connection: Connection, group: Sequence[Prepared]) -> None:
        """Give a new log its key, and make the partitions of the group's months and of those that follow."""
        wanted = {
            _later(month, n)
            for month in {month_of(uuid_utils.compat.uuid7()), *_months(group)}
            for n in range(_MONTHS_AHEAD + 1)
        }
        while not (self._is_opened and wanted <= self._months):
            rows = await (await connection.execute("SELECT month FROM partition")).fetchall()
            self._months = {row[0] for row in rows}
            entries = [_announcement(month) for month in sorted(wanted - self._months)]
            active = await (await connection.execute("SELECT key FROM head")).fetchone()
            if active is not None and active[0] is None:
                entries.insert(0, key_genesis(self._signer.key))
            elif active is not None:
                self.require_key(active[0])
            try:
                if entries:
                    prepared = [prepare(entry, self._secret) for entry in entries]
                    await write(connection, prepared, self._memory, self._signer)
            except Dropped:
                continue  # another process did so first: look again
            self._is_opened = True


def _resolve_some(group: list[_Waiting], results: Mapping[Prepared, Result]) -> None:
    for waiting in group:
        if waiting.prepared in results:
            _resolve(waiting, results[waiting.prepared])


def _resolve_all(group: list[_Waiting], error: StorageError) -> None:
    for waiting in group:
        _resolve(waiting, error)


def _has_ended(connection: Connection) -> bool:
    """Whether the server has closed an idle connection: then there is something to read, its end.

    Seen before anything is sent, this costs nobody an answer; afterwards nobody could tell whether a
    transaction was committed.
    """
    if connection.closed or connection.broken:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _resolve(waiting: _Waiting, result: Result) -> None:
    if waiting.answer.done():  # the caller has gone; the record stays
        return
    if isinstance(result, StorageError):
        waiting.answer.set_exception(result)
    else:
        waiting.answer.set_result(result)


def _months(group: Sequence[Prepared]) -> set[date]:
    """The months of the records: of all where the earliest and the latest are not of the same."""
    numbers = [p.entry.id.int for p in group]
    ends = {month_of(UUID(int=number)) for number in (min(numbers), max(numbers))} if numbers else set()
    return ends if len(ends) < 2 else {p.month for p in group}  # noqa: PLR2004 - two are not the same


def _later(month: date, months: int) -> date:
    count = month.year * 12 + month.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def _announcement(month: date) -> Entry:
    """The record of a new partition, which makes it too."""
    record = uuid_utils.compat.uuid7()
    make = Statement("SELECT 1 WHERE make_partitions(%s::date, %s)", (month, record), rows=1)
    return Entry(
        kind="partition.made",
        id=record,
        at=datetime.now(UTC),
        actor="system",
        channel="system",
        facts={"month": month.isoformat()},
        also=(make,),
    )
