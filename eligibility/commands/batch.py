"""`eligibility batch`: a backlog, from one file into another, with progress and a summary."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple
from uuid import UUID

import click
from rich.console import Console

from eligibility.backlog.cutting import cut
from eligibility.backlog.formats import Compression, Format, format_of
from eligibility.backlog.tally import Tally
from eligibility.backlog.unrecorded import ROWS, Portion, Wanted, unrecorded
from eligibility.backlog.writing import result_writer
from eligibility.canonical import canonical
from eligibility.commands.batch_output import STREAM, Output, cut_off, target
from eligibility.commands.batch_progress import Counted, Progress
from eligibility.commands.batch_recorded import Resumable, recorded
from eligibility.commands.batch_summary import show
from eligibility.commands.failures import DONE, NO
from eligibility.commands.output import console, print_json
from eligibility.loading import load_rules, shipped_rules
from eligibility.settings import Settings

INTERRUPTED: Final = 130
"""The exit code of what was interrupted from the keyboard, as shells have it."""


class Asked(NamedTuple):
    """What was typed. Files may be STREAM; formats are None where names say them."""

    source: Path
    out: Path
    read: Format | None
    written: Format | None
    full: bool
    dry_run: bool
    rules: Path | None
    processes: int
    resume: UUID | None
    overwrite: bool
    report: Path | None
    as_json: bool


class _Formats(NamedTuple):
    read: Format
    unpacking: Compression
    written: Format
    packing: Compression

    @property
    def in_words(self) -> tuple[str, str]:
        """What is read and what is written, as a note about a run has it."""
        return f"{self.read} {self.unpacking}", f"{self.written} {self.packing}"


class _Done(NamedTuple):
    """What came of it: numbers, seconds, the policy, and the batch where it was recorded."""

    tally: Tally
    seconds: float
    policy: str
    batch: UUID | None


def batch(settings: Settings, asked: Asked) -> int:
    """Decide a backlog, and record it unless it is a dry run; the exit code.

    Exits with 1 where a line was refused. Raises UsageError, BacklogRefused, RulesetInvalid, SettingsInvalid,
    StorageError.
    """
    formats = _formats(asked)
    _check_files(asked)
    gc.freeze()  # what stays for good need not be looked through again and again
    gc.set_threshold(100_000, 50, 1_000)
    try:
        done = _unrecorded(settings, asked, formats) if asked.dry_run else _recorded(settings, asked, formats)
    except BrokenPipeError:
        console(stderr=True).print("error: whoever read the output has gone: the results were cut")
        cut_off()
        return NO
    except (KeyboardInterrupt, asyncio.CancelledError):
        words = "start again" if asked.dry_run else "the same command goes on where it stopped"
        console(stderr=True).print(f"interrupted: {words}")
        return INTERRUPTED
    _tell(asked, done)
    return NO if done.tally.refused else DONE


def _formats(asked: Asked) -> _Formats:
    """The formats of both files. Raises BacklogRefused."""
    return _Formats(*_format(asked.source, asked.read), *_format(asked.out, asked.written))


def _format(file: Path, given: Format | None) -> tuple[Format, Compression]:
    if file == STREAM:
        return given or "jsonl", None
    if given is None:
        return format_of(file.name)
    return given, COMPRESSIONS.get(file.suffix.removeprefix(".").lower())


def _check_files(asked: Asked) -> None:
    """See that nothing is written over, least of all what is read. Raises UsageError."""
    if asked.out == STREAM:
        return
    if asked.source != STREAM and asked.out.exists() and asked.out.samefile(asked.source):
        raise click.UsageError("OUT is IN itself: give the results another name")
    if asked.out.exists() and not asked.overwrite:
        raise click.UsageError(f"`{asked.out}` exists: give another name, or `--overwrite`")


def _unrecorded(settings: Settings, asked: Asked, formats: _Formats) -> _Done:
    ruleset = load_rules(asked.rules or settings.rules_dir or shipped_rules())
    document = canonical(dict(ruleset.document))
    wanted = Wanted(formats.read, formats.written, asked.full)
    with _source(asked.source) as source, Progress(source) as progress, target(asked.out) as write:
        output = _output(write, asked, formats)
        tally = Tally()
        pieces = cut(source, formats.read, formats.unpacking, ROWS)
        for portion in unrecorded(pieces, document, wanted, processes=asked.processes):
            output.add(portion.results)
            tally = tally.merged(portion.tally)
            progress.show(tally)
        output.end()
    return _Done(tally, progress.seconds, Policy(ruleset.version, ruleset.digest), None)


def _recorded(settings: Settings, asked: Asked, formats: _Formats) -> _Done:
    wanted = Wanted(formats.read, formats.written, asked.full)
    note = Note(asked.out, in_words(formats), asked.full)
    with (
        _source(asked.source) as source,
        Progress(source) as progress,
        target(asked.out) as write,
        service_login(settings) as url,
    ):
        output = _output(write, asked, formats)
        pieces = cut(source, formats.read, formats.unpacking, LARGEST_SLICE)
        begun = note.left() if asked.resume is None else asked.resume
        ...
    note.take_away()


def _output(write: Write, asked: Asked, formats: _Formats) -> Output:
    return Output(write, result_writer(formats.written, full=asked.full), formats.packing)


@contextmanager
def _source(source: Path) -> Iterator[Counted]:
    """The file to read. Raises UsageError."""
    if source == STREAM:
        yield Counted(sys.stdin.buffer, None)
        return
    try:
        file = source.open("rb")
    except OSError as error:
        raise click.UsageError(f"`{source}` cannot be read: {error.strerror}") from error
    with file:
        yield Counted(file, source.stat().st_size)
