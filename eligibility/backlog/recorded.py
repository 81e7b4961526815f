"""Deciding a backlog and recording it, slice by slice, so that it goes on wherever it was interrupted.

While one slice is written, the next is decided, in a thread of its own. What was recorded before is not
decided again: its results are read back from the log, so that the output is the same however often a run
was interrupted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import Any, Final, NamedTuple
from uuid import UUID

import pyarrow as pa

from eligibility.backlog.cutting import Piece
from eligibility.backlog.deciding import BacklogDecider, Decided
from eligibility.backlog.form import Part
from eligibility.backlog.formats import Format
from eligibility.backlog.ids import ids_of
from eligibility.backlog.reading import read_piece
from eligibility.backlog.recording import Run, slice_of
from eligibility.backlog.tally import Tally, tally_decided, tally_of
from eligibility.backlog.whole import whole_tables
from eligibility.decider import Decider
from eligibility.errors import BacklogRefused, Fault, StorageUnavailable
from eligibility.recording import moment_of
from eligibility.storage.batch_results import Results
from eligibility.storage.batch_slices import Slice, SliceWriter

_PAUSES: Final = (1, 2, 4, 8, *([15] * 40))
"""Seconds to wait before each further try with a database that does not answer: some ten minutes in all."""

Say = Callable[[str], object]


class Portion(NamedTuple):
    """Results of a slice that is recorded: tables with the columns of RESULTS (and DECISION)."""

    tables: tuple[Any, ...]
    tally: Tally


class _Decided(NamedTuple):
    """A slice that is not recorded yet, as far as is known, and what its results will be."""

    slice: Slice
    portion: Portion


class Backlog(NamedTuple):
    """What is to be decided and how: pieces of a form, under the ruleset of the decider, in a run."""

    pieces: Iterator[Piece]
    form: Format
    run: Run
    decider: Callable[[], Decider]
    full: bool


class Log(NamedTuple):
    """Where it is recorded, and read back."""

    writer: SliceWriter
    results: Results
    recorded: Mapping[int, bytes]
    """What the slices that were recorded before were made from, SHA-256, by number."""


async def recorded(backlog: Backlog, log: Log, say: Say) -> AsyncIterator[Portion]:
    """The results of all pieces in order, each once it is recorded.

    Raises BacklogRefused where the file is not the one that the run began with, or cannot be read on;
    StorageUnavailable where the database does not come back; ActRefused where the batch has ended.
    """
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, "decider") as thread:
        made = _made(backlog, log.recorded)
        upcoming = loop.run_in_executor(thread, next, made, None)
        try:
            while (ready := await upcoming) is not None:
                upcoming = loop.run_in_executor(thread, next, made, None)
                yield await _portion(ready, backlog, log, say)
        finally:
            await asyncio.wait([upcoming])


async def _portion(ready: _Decided | int, backlog: Backlog, log: Log, say: Say) -> Portion:
    if isinstance(ready, _Decided):
        if await _patiently(lambda: log.writer.write(ready.slice), say):
            return ready.portion
        ready = ready.slice.number  # somebody else has recorded it meanwhile
    number = ready
    tables = await _patiently(lambda: log.results.of(number, full=backlog.full), say)
    return Portion(tables, _tally(tables))


async def _patiently(attempt: Callable[[], Any], say: Say) -> Any:
    """Try, and try again while the database does not answer."""
    for pause in _PAUSES:
        try:
            return await attempt()
        except StorageUnavailable as error:
            say(f"waiting for the database: {error}")
            await asyncio.sleep(max(pause, error.retry_after))
    return await attempt()


def _made(backlog: Backlog, before: Mapping[int, bytes]) -> Iterator[_Decided | int]:
    """Slices that are decided, or the numbers of those that are recorded. Everything here is one thread's."""
    maker, seen = BacklogDecider(backlog.decider()), 0
    for piece in backlog.pieces:
        seen = piece.number + 1
        if piece.number not in before:
            yield _decided(maker, read_piece(backlog.form, piece), backlog)
        elif before[piece.number] == piece.digest:
            yield piece.number
        else:
            raise _another_file(backlog, f"differs after row {piece.first}")
    if seen <= max(before, default=-1):
        raise _another_file(backlog, "ends before what is recorded of it does")


def _another_file(backlog: Backlog, how: str) -> BacklogRefused:
    detail = f"the file is not the one that batch {backlog.run.batch} began with: it {how}"
    return BacklogRefused([Fault("", f"{detail}; give that file, or begin a new batch")])


def _decided(maker: BacklogDecider, part: Part, backlog: Backlog) -> _Decided:
    decided = maker.decide(part.requests)
    batch = backlog.run.batch
    made = slice_of(backlog.run, part, decided, maker.decider.ruleset.vocabulary)
    ids = _ids(batch, part.first, decided)
    if backlog.full:
        tables = tuple(whole_tables(maker.decider, decided, ids, moment_of(batch)))
    else:
        tables = (decided.table(ids),)
    return _Decided(made, Portion(tables, tally_decided(decided)))


def _ids(batch: UUID, first: int, decided: Decided) -> Any:
    """The ids of the rows as texts, null where refused."""
    start = ids_of(batch).text
    refused = [answer.refused is not None for answer in decided.answers]
    places = enumerate(decided.which.to_pylist(), first)
    return pa.array([None if refused[place] else f"{start}{row:010x}" for row, place in places], pa.string())


def _tally(tables: Sequence[Any]) -> Tally:
    return reduce(Tally.merged, map(tally_of, tables), Tally())
