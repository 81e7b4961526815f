"""What workers of a cluster do: decide a portion, record it, and put by its results, to be joined.

Settings come from the environment of the worker's own process, and are never sent to it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import pyarrow as pa
from pyarrow import parquet

from eligibility.backlog.at_hand import at_hand
from eligibility.backlog.form import DECISION, RESULTS
from eligibility.backlog.lake_pieces import part_of, pieces_of
from eligibility.backlog.lake_plan import File, Portion
from eligibility.backlog.recorded import Backlog, Log, recorded
from eligibility.backlog.recording import Run
from eligibility.backlog.sharing_out import made_here
from eligibility.backlog.slice_making import Making, SliceMaker
from eligibility.backlog.tally import Tally, tally_decided, tally_of
from eligibility.backlog.whole import whole_tables
from eligibility.backlog.writing import result_writer
from eligibility.commands.opening import opened, service_login
from eligibility.errors import ClusterFailed, NotFound, SettingsInvalid
from eligibility.settings import Settings
from eligibility.storage import batches
from eligibility.storage.batch_reading import SliceReader, StoredSlice, reading_slices
from eligibility.storage.batch_slices import SliceWriter

logger = logging.getLogger(__name__)

Take = Callable[[Iterable[Any], Tally], None]

PARTS: Final = ".parts"
"""The folder within the output where results of portions wait to be joined."""

_ROWS: Final = 32_768


class Job(NamedTuple):
    """What all portions of a run have in common.

    `document` is the ruleset's; `run` is None where nothing is recorded; `is_here` says that workers run on
    the machine that began the run, and so find an embedded database.
    """

    folder: Path
    out: Path
    document: bytes
    run: Run | None
    full: bool
    is_here: bool

    @property
    def schema(self) -> Any:
        """The columns of results."""
        return RESULTS.append(DECISION) if self.full else RESULTS


def decide(job: Job, portion: Portion) -> Tally:
    """Decide a portion and put its results among the parts, once they are recorded.

    Raises BacklogRefused, ClusterFailed, SettingsInvalid, StorageError, EngineFailure.
    """
    tally = Tally()
    with _whole(job, _part(job, portion)) as out, pa.ipc.new_stream(out, job.schema) as stream:

        def take(tables: Iterable[Any], some: Tally) -> None:
            nonlocal tally
            for table in tables:
                stream.write_table(table)
            tally = tally.merged(some)

        if job.run is None:
            _go_through(job, portion, take)
        else:
            asyncio.run(_record(job, job.run, portion, take))
    return _named(tally, portion.file)


def join(job: Job, file: File, portions: Sequence[Portion]) -> None:
    """Make the results of a file from its parts: it is there as a whole, or not at all."""
    writer = result_writer("parquet", full=job.full)
    with _whole(job, job.out / file.name) as out:
        out.write(writer.start())
        for portion in portions:
            with pa.OSFile(str(_part(job, portion))) as source, pa.ipc.open_stream(source) as stream:
                for batch in stream:
                    out.write(writer.write(pa.Table.from_batches([batch])))
        out.write(writer.end())


def count(job: Job, file: File) -> Tally:
    """The tally of a file whose results are complete."""
    tally = Tally()
    with parquet.ParquetFile(job.out / file.name) as results:
        for batch in results.iter_batches(_ROWS, columns=RESULTS.names):
            tally = tally.merged(tally_of(pa.Table.from_batches([batch])))
    return _named(tally, file)


def _named(tally: Tally, file: File) -> Tally:
    """The same, with the file of each refused line: lines are counted in each file anew."""
    refused = [
        one._replace(why=one.why._replace(detail=f"in `{file.name}`: {one.why.detail}"))
        for one in tally.first_refused
    ]
    return Tally(**{**vars(tally), "first_refused": tuple(refused)})


def _part(job: Job, portion: Portion) -> Path:
    return job.out / PARTS / f"{portion.number:09}.arrow"


@contextmanager
def _whole(job: Job, place: Path) -> Iterator[Any]:
    """A file that gets its name when it is complete. Its owner alone may read it."""
    if not (job.out / PARTS).is_dir():
        raise ClusterFailed(
            f"`{job.out}` is not there where a worker runs: give a folder that all machines share"
        )
    with tempfile.NamedTemporaryFile(dir=job.out / PARTS, delete=False) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(place)


def _go_through(job: Job, portion: Portion, take: Take) -> None:
    """Decide, and record nothing."""
    hand = at_hand(job.document)
    for piece in pieces_of(job.folder, portion):
        requests = part_of(portion.file, piece).requests
        decided = hand.thread.submit(hand.decider.decide, requests).result()
        tables = whole_tables(hand.decider.decider, decided) if job.full else [decided.table()]
        take(tables, tally_decided(decided))


async def _record(job: Job, run: Run, portion: Portion, take: Take) -> None:
    """Decide and record; what was recorded before is read back."""
    settings = Settings.from_environment()
    if settings.database_url is None and not job.is_here:
        raise SettingsInvalid(
            "ELIGIBILITY_DATABASE_URL: not set where a worker runs: give all workers that of the log"
        )
    hand = at_hand(job.document)
    with service_login(settings) as url:
        async with (
            opened(url, settings) as store,
            SliceWriter(store.log, store.database, store.signer) as writer,
            reading_slices(store.database) as reader,
        ):
            if await batches.find(store.database, run.batch) is None:
                raise NotFound(f"a worker's log has no batch {run.batch}: give all workers the same database")
            before = await _before(reader, run.batch, portion)
            making = Making(run, partial(part_of, portion.file), job.full)
            make = partial(made_here, make=SliceMaker(hand.decider, making).make)
            pieces = pieces_of(job.folder, portion)
            backlog = Backlog(pieces, making, make, hand.thread, hand.decider.decider)
            async with aclosing(recorded(backlog, Log(writer, reader, before), logger.warning)) as made:
                async for one in made:
                    take(one.tables, one.tally)


async def _before(reader: SliceReader, batch: UUID, portion: Portion) -> dict[int, StoredSlice]:
    """The slices of a portion that are recorded already."""
    end = portion.file.number + portion.end
    found = await reader.slices(batch, start=portion.number)
    return {one.number: one for one in found if one.number < end}
