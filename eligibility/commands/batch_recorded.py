"""The recorded run of `eligibility batch`: found again or begun, gone through, ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import orjson
import uuid_utils.compat

from eligibility.backlog.cutting import cut
from eligibility.backlog.going_on import Begun, begun, note, place
from eligibility.backlog.recorded import Backlog, Log, Portion, Say, recorded
from eligibility.backlog.recording import Run
from eligibility.building import build
from eligibility.canonical import canonical
from eligibility.commands.batch_output import STREAM
from eligibility.commands.batch_progress import Counted
from eligibility.commands.opening import Opened, opened
from eligibility.decider import Decider
from eligibility.errors import BacklogRefused, Fault
from eligibility.loading import load_rules, shipped_rules
from eligibility.rules_folder import read_folder
from eligibility.ruleset import Ruleset
from eligibility.settings import Settings
from eligibility.storage import rulesets
from eligibility.storage.batch_results import Results
from eligibility.storage.batch_slices import LARGEST_SLICE, SliceWriter
from eligibility.storage.batches import Batch, begin, find, finish
from eligibility.storage.records import SYSTEM

_CHANNEL = "cli"


class Wanted(NamedTuple):
    """A run: which files, how they are read and written, and the batch to go on with where it is named."""

    source: Path
    out: Path
    reading: str
    writing: str
    full: bool
    resume: UUID | None


class Told(NamedTuple):
    """What goes on: `say` is told what may concern people, `take` gets every portion in its order."""

    say: Say
    take: Callable[[Portion], object]


async def run(
    settings: Settings, url: str, wanted: Wanted, source: Counted, told: Told
) -> tuple[UUID, Ruleset]:
    """Go through a backlog until all of it is recorded; the batch, and the ruleset it was decided under.

    Raises BacklogRefused, StorageError.
    """
    form, compression = wanted.reading
    pieces = cut(source, form, compression, LARGEST_SLICE)  # refused before anything begins
    async with opened(url, settings) as store:
        ruleset, batch = await _batch(settings, store, wanted, told.say)
        rows = 0
        backlog = Backlog(pieces, form, Run(batch.id, batch.ruleset, batch.actor), ..., wanted.full)
