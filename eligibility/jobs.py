"""Deciding the slices of uploaded backlogs: what a worker does with each job of the queue.

A job may be done twice, or begun by a worker that dies: a slice is recorded once, by its batch and number.
What is at fault itself is not tried for ever: after some tries its rows are tried apart, in processes that
may die of them, and those that cannot be decided are recorded as refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, TypeVar
from uuid import UUID

from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.jobs import Job

from eligibility.backlog.cutting import Piece
from eligibility.backlog.deciding import BacklogDecider
from eligibility.backlog.isolating import decided_without, poisoned, unread
from eligibility.backlog.parts import unpacked
from eligibility.backlog.reading import read_piece
from eligibility.backlog.recording import Run, slice_of
from eligibility.building import rebuilt
from eligibility.decider import Decider
from eligibility.errors import ActRefused, RulesetInvalid, StorageUnavailable
from eligibility.storage import batches, rulesets
from eligibility.storage.batch_parts import load_part
from eligibility.storage.batch_slices import Slice, SliceWriter
from eligibility.storage.batches import Batch, By
from eligibility.storage.database import Database
from eligibility.storage.log import AuditLog
from eligibility.storage.queue import QUEUE, SLICE
from eligibility.storage.records import SYSTEM
from eligibility.storage.signing_keys import Signer
from eligibility.storage.slice_rows import BATCH

logger = logging.getLogger(__name__)

TRIES: Final = 3
"""How often a slice is tried as it is, before its rows are tried apart."""

HOPELESS: Final = 9
"""How often it is tried at all: then its rows are refused without a look at them."""

MOST_RULESETS: Final = 4
"""Rulesets that a process decides under, before it makes room by ending: the engine never lets one go."""

_LONGEST_PAUSE_SECONDS: Final = 30
_US: Final = By(SYSTEM, BATCH)

Made = TypeVar("Made")


class _Later(BaseRetryStrategy):
    """Whatever a job ended with, it is tried again: when to give up is for `Slices` to say."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:  # noqa: ARG002 - as called
        """When to try again."""
        return RetryDecision(retry_in={"seconds": min(2**job.attempts, _LONGEST_PAUSE_SECONDS)})


def take_up(app: App) -> None:
    """Let the queue know what is done with its jobs."""
    app.task(name=SLICE, queue=QUEUE, pass_context=True, retry=_Later())(_decide_slice)


async def _decide_slice(context: JobContext, *, batch: str, number: int) -> None:
    slices: Slices = context.additional_context["slices"]
    await slices.decide(UUID(batch), number, context.job.attempts)


class Slices:
    """Decides and records slices, under the rulesets that their batches pinned. One event loop owns it."""

    def __init__(self, database: Database, log: AuditLog, signer: Signer) -> None:
        """Record in this log, in blocks that the signer signs."""
        self.database = database
        self.is_worn = asyncio.Event()
        """Set once the process holds as many rulesets as it should: it is to end, and another to begin."""
        self._log = log
        self._writer = SliceWriter(log, database, signer)
        self._writing = asyncio.Lock()
        self._deciders: dict[str, BacklogDecider] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="deciding")

    async def decide(self, batch: UUID, number: int, tries: int) -> None:
        """Decide and record one slice, `tries` times begun before; and end the batch, if it is the last.

        While the database is away it waits. Raises whatever else keeps the slice from being recorded.
        """
        is_waiting = False
        while True:
            try:
                return await self._decide(batch, number, tries)
            except StorageUnavailable as error:
                if not is_waiting:  # once, not every second
                    logger.warning("slice %d of batch %s waits: %s", number, batch, error)
                is_waiting = True
                await asyncio.sleep(error.retry_after)

    async def close(self) -> None:
        """Let what is under way end."""
        await asyncio.to_thread(self._thread.shutdown)
        await self._writer.close()

    async def _decide(self, identifier: UUID, number: int, tries: int) -> None:
        batch = await batches.find(self.database, identifier)
        if batch is None or batch.state != "running":
            return
        with suppress(ActRefused):  # it has ended meanwhile
            part = await load_part(self.database, identifier, number)
            if part is not None:
                piece = await self._in_thread(lambda: unpacked(part))
                await self._record(batch, piece, tries)
                batch = await batches.find(self.database, identifier) or batch
            if batch.state == "running" and batch.rows == batch.progress.rows:
                await batches.finish(self._log, self.database, identifier, _US, rows=batch.rows)

    async def _record(self, batch: Batch, piece: Piece, tries: int) -> None:
        """Record a slice, without the rows that cannot be decided once it was tried often enough."""
        all_rows = frozenset(range(piece.count))
        left_out = frozenset[int]()
        try:
            if tries >= HOPELESS:
                left_out = all_rows
            elif tries >= TRIES:
                left_out = await poisoned(await self._document(batch), batch.format, piece)
            await self._record_without(batch, piece, left_out)
        except (StorageUnavailable, ActRefused):
            raise
        except RulesetInvalid as error:
            await batches.fail(self._log, self.database, batch.id, _US, problem=str(error))
        except Exception:
            if tries < TRIES + 1:
                raise
            logger.exception("slice %d of batch %s is refused", piece.number, batch.id)
            await self._record_without(batch, piece, all_rows)

    async def _record_without(self, batch: Batch, piece: Piece, left_out: frozenset[int]) -> None:
        """Record a slice of which some rows are refused without being looked at."""
        if left_out:
            logger.warning(
                "%d rows of slice %d of batch %s cannot be decided", len(left_out), piece.number, batch.id
            )
        document = b"" if batch.ruleset in self._deciders else await self._document(batch)
        made = await self._in_thread(lambda: self._made(batch, document, piece, left_out))
        async with self._writing:
            await self._writer.write(made)

    def _made(self, batch: Batch, document: bytes, piece: Piece, left_out: frozenset[int]) -> Slice:
        """What is recorded of a slice; in the thread that decides."""
        decider = self._deciders.get(batch.ruleset)
        if decider is None:
            decider = self._deciders[batch.ruleset] = BacklogDecider(Decider(rebuilt(document)))
        is_read = len(left_out) < piece.count  # otherwise not even reading it may be survived
        part = read_piece(batch.format, piece) if is_read else unread(batch.format, piece)
        decided = decided_without(decider, part.requests, left_out)
        run = Run(batch.id, batch.ruleset, batch.actor)
        return slice_of(run, part, decided, decider.decider.ruleset.vocabulary, self._writer.known)

    async def _document(self, batch: Batch) -> bytes:
        """The ruleset that decides a batch, as the database keeps it."""
        return (await rulesets.load(self.database, batch.ruleset)).document

    async def _in_thread(self, work: Callable[[], Made]) -> Made:
        made = await asyncio.get_running_loop().run_in_executor(self._thread, work)
        if len(self._deciders) >= MOST_RULESETS:
            self.is_worn.set()
        return made
