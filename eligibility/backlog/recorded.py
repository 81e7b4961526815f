"""Deciding a backlog and recording it, slice by slice, so that it goes on wherever it was interrupted.

While one slice is written, the next is decided, in a thread of its own. What was recorded before is not
decided again: its results are read back from the log, so that the output is the same however often a run
was interrupted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Any, Final, NamedTuple
from uuid import UUID

import pyarrow as pa

from eligibility.backlog.committed import Committed
from eligibility.backlog.comparing_sides import Side, committed_side, decided_side
from eligibility.backlog.cutting import Piece
from eligibility.backlog.deciding import BacklogDecider, Decided
from eligibility.backlog.form import Part
from eligibility.backlog.ids import ids_of
from eligibility.backlog.recording import Known, Run, slice_of
from eligibility.backlog.tally import Tally, tally_decided, tally_of
from eligibility.backlog.whole import whole_tables
from eligibility.errors import BacklogRefused, Fault, StorageUnavailable
from eligibility.recording import moment_of
from eligibility.storage.batch_reading import SliceReader, StoredSlice
from eligibility.storage.batch_slices import Slice, SliceWriter

_PAUSES: Final = (1, 2, 4, 8, *([15] * 40))
"""Seconds to wait before each further try with a database that does not answer: some ten minutes in all."""

Say = Callable[[str], object]


class Portion(NamedTuple):
    """Results of a slice that is recorded: tables with the columns of RESULTS, and DECISION where wanted.

    `side` is what is to be compared with another run, where that is wanted.
    """

    tables: tuple[Any, ...]
    tally: Tally
    side: Side | None = None


class _Decided(NamedTuple):
    """A slice that is not recorded yet, as far as is known, and what its results will be."""

    slice: Slice
    portion: Portion


class Backlog(NamedTuple):
    """What is to be decided: pieces, in a run, by a decider of its ruleset, perhaps in full.

    `read` makes tables of pieces. `thread` is the one that the decider belongs to. With `compared`, portions
    have what can be compared with another run.
    """

    pieces: Iterator[Piece]
    read: Callable[[Piece], Part]
    run: Run
    decider: BacklogDecider
    thread: Executor
    full: bool
    compared: bool = False


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
    committed = Committed(backlog.decider.decider)
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
                [found, *_] = await log.reader.slices(backlog.run.batch, start=ready.slice.number)
                yield await _read_back(found, backlog, log, committed)
    finally:
        await asyncio.wait([upcoming])


async def _read_back(made: StoredSlice, backlog: Backlog, log: Log, committed: Committed) -> Portion:
    stored = await committed.read(log.reader, backlog.run.batch, made, full=backlog.full)
    table = committed.table(stored, full=backlog.full)
    side = committed_side(committed, stored, table) if backlog.compared else None
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


def _made(backlog: Backlog, log: Log) -> Iterator[_Decided | StoredSlice]:
    """Slices that are decided, or those that are recorded. All of it is one thread's work."""
    seen = 0
    for piece in backlog.pieces:
        seen, found = piece.number + 1, log.before.get(piece.number)
        if found is None:
            yield _decided(backlog.read(piece), backlog, log.writer.known)
        elif found.source == piece.digest:
            yield found
        else:
            raise _another_file(backlog, f"differs after row {piece.first}")
    if seen <= max(log.before, default=-1):
        raise _another_file(backlog, "ends before what is recorded of it does")


def _another_file(backlog: Backlog, how: str) -> BacklogRefused:
    detail = f"the file is not the one that batch {backlog.run.batch} began with: it {how}"
    return BacklogRefused([Fault("", f"{detail}; give that file, or begin a new batch")])


def _decided(part: Part, backlog: Backlog, known: Known) -> _Decided:
    maker = backlog.decider
    decided = maker.decide(part.requests)
    batch = backlog.run.batch
    made = slice_of(backlog.run, part, decided, maker.decider.ruleset.vocabulary, known)
    ids = _ids(batch, part.first, decided)
    if backlog.full:
        tables = tuple(whole_tables(maker.decider, decided, ids, moment_of(batch)))
    else:
        tables = (decided.table(ids),)
    side = decided_side(decided, ids) if backlog.compared else None
    return _Decided(made, Portion(tables, tally_decided(decided), side))


def _ids(batch: UUID, first: int, decided: Decided) -> Any:
    """The ids of the rows as texts, null where refused."""
    start = ids_of(batch).text
    refused = [answer.refused is not None for answer in decided.answers]
    places = enumerate(decided.which.to_pylist(), first)
    return pa.array([None if refused[place] else f"{start}{row:010x}" for row, place in places], pa.string())
