"""Deciding a backlog and recording it, slice by slice, so that it goes on wherever it was interrupted.

While one slice is written, others are made, in a thread of its own and in other processes. What was recorded
before is not decided again: its results are read back from the log, so that the output is the same however
often a run was interrupted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Final, NamedTuple

from eligibility.backlog.committed import Committed
from eligibility.backlog.comparing_sides import committed_side
from eligibility.backlog.cutting import Piece
from eligibility.backlog.slice_making import Making, Portion, Ready
from eligibility.backlog.tally import tally_of
from eligibility.decider import Decider
from eligibility.errors import BacklogRefused, Fault, StorageUnavailable
from eligibility.storage.batch_reading import SliceReader, StoredSlice
from eligibility.storage.batch_slices import SliceWriter

_PAUSES: Final = (1, 2, 4, 8, *([15] * 40))
"""Seconds to wait before each further try with a database that does not answer: some ten minutes in all."""

Say = Callable[[str], object]
Make = Callable[[Iterator[Piece | StoredSlice]], Iterator[Ready | StoredSlice]]
"""Makes slices of pieces; those that are recorded stay as they are, in their places."""


class Backlog(NamedTuple):
    """What is to be decided: pieces, of which slices are to be made in one thread.

    `decider` renders what is read back.
    """

    pieces: Iterator[Piece]
    making: Making
    make: Make
    thread: Executor
    decider: Decider


class Log(NamedTuple):
    """Where slices are recorded, and read back from; and those that were recorded before, by number."""

    writer: SliceWriter
    reader: SliceReader
    before: Mapping[int, StoredSlice]


async def recorded(backlog: Backlog, log: Log, say: Say) -> AsyncGenerator[Portion]:
    """The results of all pieces in order, each once it is recorded.

    Raises BacklogRefused where the file is not the one that the run began with, or cannot be read on;
    StorageUnavailable where the database does not come back; ActRefused where the batch has ended.
    """
    loop = asyncio.get_running_loop()
    run, committed = backlog.making.run, Committed(backlog.decider)
    made = _made(backlog, log)
    upcoming = loop.run_in_executor(backlog.thread, next, made, None)
    try:
        while (ready := await upcoming) is not None:
            upcoming = loop.run_in_executor(backlog.thread, next, made, None)
            if isinstance(ready, StoredSlice):
                yield await _read_back(ready, backlog, log, committed)
            elif await _patiently(partial(log.writer.write, ready.slice), say):
                yield ready.portion
            else:  # somebody else has recorded it meanwhile
                [found, *_] = await log.reader.slices(run.batch, start=ready.slice.number)
                yield await _read_back(found, backlog, log, committed)
    finally:
        await asyncio.wait([upcoming])
        await loop.run_in_executor(backlog.thread, made.close)


async def _read_back(found: StoredSlice, backlog: Backlog, log: Log, committed: Committed) -> Portion:
    making = backlog.making
    stored = await committed.read(log.reader, making.run.batch, found, full=making.full)
    table = committed.table(stored, full=making.full)
    side = committed_side(committed, stored, table) if making.compared else None
    return Portion((table,), tally_of(table), side)


async def _patiently(attempt: Callable[[], Awaitable[bool]], say: Say) -> bool:
    """Try, and try again while the database does not answer."""
    for pause in _PAUSES:
        try:
            return await attempt()
        except StorageUnavailable as error:
            say(f"waiting for the database: {error}")
            await asyncio.sleep(max(pause, error.retry_after))
    return await attempt()


def _made(backlog: Backlog, log: Log) -> Generator[Ready | StoredSlice]:
    """Slices that are ready, or those that are recorded. All of it is one thread's work."""
    yield from backlog.make(_looked_up(backlog, log))


def _looked_up(backlog: Backlog, log: Log) -> Iterator[Piece | StoredSlice]:
    """Pieces, or the slices that are recorded of them."""
    seen = 0
    for piece in backlog.pieces:
        seen, found = piece.number + 1, log.before.get(piece.number)
        if found is not None and found.source != piece.digest:
            raise _another_file(backlog, f"differs after row {piece.first}")
        yield piece if found is None else found
    if seen <= max(log.before, default=-1):
        raise _another_file(backlog, "ends before what is recorded of it does")


def _another_file(backlog: Backlog, how: str) -> BacklogRefused:
    detail = f"the file is not the one that batch {backlog.making.run.batch} began with: it {how}"
    return BacklogRefused([Fault("", f"{detail}; give that file, or begin a new batch")])
