"""The recorded run of `eligibility batch`: begun or found again, gone through, ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
import uuid_utils.compat

from eligibility.backlog.comparing import Compared
from eligibility.backlog.comparing_sides import Side
from eligibility.backlog.cutting import Piece
from eligibility.backlog.formats import Format
from eligibility.backlog.going_on import Begun, begun, note
from eligibility.backlog.reading import read_piece
from eligibility.backlog.recorded import Backlog, Log, Say, recorded
from eligibility.backlog.recording import Run
from eligibility.backlog.sharing_out import shared_out
from eligibility.backlog.slice_making import Making, Plan
from eligibility.backlog.tally import Tally
from eligibility.building import build
from eligibility.canonical import canonical
from eligibility.commands.batch_files import STREAM
from eligibility.commands.opening import Opened, opened
from eligibility.company import Company
from eligibility.decider import Decider
from eligibility.errors import BacklogRefused, Fault, NotFound, StorageUnavailable
from eligibility.loading import load_rules, shipped_rules
from eligibility.rules_folder import read_folder
from eligibility.ruleset import Ruleset
from eligibility.settings import Settings
from eligibility.storage import batches, rulesets
from eligibility.storage.batch_reading import SliceReader, StoredSlice, reading_slices
from eligibility.storage.batch_slices import SliceWriter
from eligibility.storage.records import SYSTEM

US: Final = batches.By(SYSTEM, "cli")


class Wanted(NamedTuple):
    """A run: its files and formats (in words, for the note), and the batch to go on with if it is named.

    `company` makes slices; where there is none, this process does.
    """

    source: Path
    out: Path
    form: Format
    reading: str
    writing: str
    full: bool
    resume: UUID | None
    company: Sequence[Company[Piece, Any]] = ()
    compared: bool = False


Begin = Callable[[Ruleset], None]
Take = Callable[[Iterable[Any], Tally, Side | Compared | None], None]


async def run(
    settings: Settings, url: str, wanted: Wanted, pieces: Iterator[Piece], begin: Begin, take: Take, say: Say
) -> tuple[Ruleset, UUID]:
    """Go through a backlog until all of it is recorded; its ruleset and its batch.

    `begin` is told the ruleset before any portion is taken. Raises BacklogRefused, NotFound, StorageError.
    """
    async with opened(url, settings) as store:
        batch, ruleset = await batch_of(settings, store, wanted, say)
        begin(ruleset)
        pinned, read = Run(batch.id, batch.ruleset, batch.actor), partial(read_piece, wanted.form)
        making = Making(pinned, read, wanted.full, wanted.compared)
        plan = Plan(canonical(dict(ruleset.document)), making)
        make, rows = partial(shared_out, plan=plan, company=wanted.company, takes_part=False), 0
        with ThreadPoolExecutor(1, "making") as thread:
            backlog = Backlog(pieces, making, make, thread, Decider(ruleset))
            async with _log(store, batch.id) as log, aclosing(recorded(backlog, log, say)) as portions:
                async for portion in portions:
                    # in a thread: comparing may have to wait for others, which the database must not
                    await asyncio.to_thread(take, portion.tables, portion.tally, portion.side)
                    rows += portion.tally.rows
        await batches.finish(store.log, store.database, batch.id, US, rows=rows)
        return ruleset, batch.id


@asynccontextmanager
async def _log(store: Opened, batch: UUID) -> AsyncIterator[Log]:
    async with (
        SliceWriter(store.log, store.database, store.signer) as writer,
        reading_slices(store.database) as reader,
    ):
        yield Log(writer, reader, await _before(reader, batch))


async def _before(reader: SliceReader, batch: UUID) -> dict[int, StoredSlice]:
    """All slices that are recorded, by number."""
    found: dict[int, StoredSlice] = {}
    while some := await reader.slices(batch, start=max(found, default=-1) + 1):
        found |= {one.number: one for one in some}
    return found


async def batch_of(
    settings: Settings, store: Opened, wanted: Wanted, say: Say
) -> tuple[batches.Batch, Ruleset]:
    """The batch to go on with, or a new one. Raises BacklogRefused, NotFound, StorageError."""
    left = _left(wanted)
    if left is not None:
        found = await batches.find(store.database, left)
        if found is not None:
            say(f"going on with batch {found.id}: {found.progress.rows:,} rows are recorded")
            return found, await _ruleset(settings, store, found.ruleset)
        if wanted.resume is not None:
            raise NotFound(f"there is no batch {left}")
    return await _begun(settings, store, wanted, say)


def _left(wanted: Wanted) -> UUID | None:
    """The batch that was begun before, if one was. Raises BacklogRefused."""
    if wanted.resume is not None or wanted.out == STREAM:
        return wanted.resume
    left = begun(wanted.out)
    if left is not None and left[1:] != (wanted.reading, wanted.writing, wanted.full):
        asked = f"read as {left.reading}, written as {left.writing}{', in full' if left.full else ''}"
        detail = (
            f"a run into `{wanted.out.name}` was begun that is {asked}: ask for the same, or use another name"
        )
        raise BacklogRefused([Fault("", detail)])
    return None if left is None else left.batch


async def _begun(
    settings: Settings, store: Opened, wanted: Wanted, say: Say
) -> tuple[batches.Batch, Ruleset]:
    """Begin a batch under the ruleset in force. Its id is noted first, so that it is not lost."""
    folder = settings.rules_dir or shipped_rules()
    shipped, files = load_rules(folder), read_folder(folder)
    document = canonical(dict(shipped.document))
    await rulesets.genesis(store.log, store.database, shipped.digest, shipped.version, document, files)
    digest = await rulesets.in_force(store.database)
    if digest is None:
        raise StorageUnavailable("no ruleset is in force: start the service once")
    ruleset = await _ruleset(settings, store, digest, shipped)
    identifier = uuid_utils.compat.uuid7()
    if wanted.out != STREAM:
        note(wanted.out, Begun(identifier, wanted.reading, wanted.writing, wanted.full))
    what = batches.Input(wanted.form, source=wanted.source.name)
    await batches.begin(store.log, what, US, ruleset=digest, batch=identifier)
    found = await batches.find(store.database, identifier)
    if found is None:
        raise StorageUnavailable("the batch that was begun cannot be found: try again")
    if wanted.out == STREAM:
        say(f"batch {identifier}: after an interruption, `--resume {identifier}` goes on with it")
    return found, ruleset


async def _ruleset(settings: Settings, store: Opened, digest: str, shipped: Ruleset | None = None) -> Ruleset:
    """The ruleset of a digest; the one in the folder spares building it again where it is the same."""
    if shipped is None:
        shipped = load_rules(settings.rules_dir or shipped_rules())
    if shipped.digest == digest:
        return shipped
    return build(orjson.loads((await rulesets.load(store.database, digest)).document))
