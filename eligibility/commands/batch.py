"""`eligibility batch`: a backlog, from one file into another, with progress and a summary."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

import click

from eligibility.backlog.cutting import Piece, cut
from eligibility.backlog.formats import Compression, Format, format_of
from eligibility.backlog.going_on import forget
from eligibility.backlog.sharing_out import keep_little
from eligibility.backlog.tally import Tally
from eligibility.backlog.unrecorded import ROWS, Wanted, unrecorded
from eligibility.backlog.writing import result_writer
from eligibility.canonical import canonical
from eligibility.commands.batch_files import STREAM, Output, cut_off, opened, target
from eligibility.commands.batch_progress import Progress
from eligibility.commands.batch_summary import show, show_comparison
from eligibility.commands.failures import DONE, NO
from eligibility.commands.output import console, print_json
from eligibility.company import Company
from eligibility.loading import load_rules, shipped_rules
from eligibility.ruleset import Ruleset
from eligibility.settings import Settings

if TYPE_CHECKING:  # what works with the database is large, and a dry run does without
    from eligibility.backlog.comparing import Compared
    from eligibility.backlog.comparing_sides import Side
    from eligibility.backlog.recorded import Say
    from eligibility.commands.batch_comparison import Asked as AskedComparison
    from eligibility.commands.batch_comparison import Comparing
    from eligibility.commands.batch_recorded import Begin, Take

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
    resume: UUID | None
    overwrite: bool
    report: Path | None
    against: AskedComparison | None
    as_json: bool


class _Formats(NamedTuple):
    read: Format
    unpacking: Compression
    written: Format
    packing: Compression


class _Done(NamedTuple):
    """What came of it; `batch` is None where nothing was recorded, `comparison` where none was asked for."""

    tally: Tally
    started: datetime
    seconds: float
    ruleset: Ruleset
    batch: UUID | None
    comparison: dict[str, Any] | None


def batch(settings: Settings, asked: Asked, company: Sequence[Company[Piece, Any]]) -> int:
    """Decide a backlog, and record it unless it is a dry run; the exit code.

    A company helps, if there is one. Exits with 1 where a line was refused, whether or not rows differ from
    an earlier run. Raises UsageError, BacklogRefused, NotFound, RulesetInvalid, SettingsInvalid,
    StorageError.
    """
    formats = _formats(asked)
    _check_files(asked)
    keep_little()
    try:
        done = _done(settings, asked, formats, company)
    except BrokenPipeError:
        console(stderr=True).print("error: whoever read the output has gone: the results were cut")
        cut_off()
        return NO
    except KeyboardInterrupt:
        words = "nothing was recorded" if asked.dry_run else "the same command goes on where it stopped"
        console(stderr=True).print(f"interrupted: {words}")
        return INTERRUPTED
    _tell(asked, done)
    gc.freeze()  # so that nothing is looked through once more at the end, which takes tenths of a second
    return NO if done.tally.refused else DONE


def _formats(asked: Asked) -> _Formats:
    """The formats of both files. Raises BacklogRefused."""
    return _Formats(*_format(asked.source, asked.read), *_format(asked.out, asked.written))


def _format(file: Path, given: Format | None) -> tuple[Format, Compression]:
    return (given or "jsonl", None) if file == STREAM else format_of(file.name, given)


def _check_files(asked: Asked) -> None:
    """See that nothing is written over, least of all what is read. Raises UsageError."""
    files = (asked.out, asked.report, asked.against and asked.against.differences)
    written = [file for file in files if file is not None and file != STREAM]
    for number, file in enumerate(written):
        if file.resolve() in {other.resolve() for other in written[:number]}:
            raise click.UsageError(f"`{file}` is to be written twice: give each file a name of its own")
        if not file.exists():
            continue
        if asked.source != STREAM and file.samefile(asked.source):
            raise click.UsageError(f"`{file}` is IN itself: give the results another name")
        if not asked.overwrite:
            raise click.UsageError(f"`{file}` exists: give another name, or `--overwrite`")


def _done(
    settings: Settings, asked: Asked, formats: _Formats, company: Sequence[Company[Piece, Any]]
) -> _Done:
    started, tally = datetime.now(UTC), Tally()
    with ExitStack() as stack:
        source = stack.enter_context(opened(asked.source))
        # first, since it may be refused
        pieces = cut(source, formats.read, formats.unpacking, _at_once(asked))
        url = _login(settings, stack) if _needs_database(asked) else None
        against = None if asked.against is None else _comparing(asked.against, url, stack)
        progress = stack.enter_context(Progress(None if asked.source == STREAM else source))
        write = stack.enter_context(target(asked.out))
        output = Output(write, result_writer(formats.written, full=asked.full), formats.packing)

        def take(results: Iterable[Any], some: Tally, compared: Side | Compared | None) -> None:
            nonlocal tally
            for each in results:
                output.add(each)
            tally = tally.merged(some)
            if against is not None and compared is not None:
                against.add(compared)
            progress.show(tally)

        going = _Going(pieces, formats, company, against, take, progress.say)
        if asked.dry_run or url is None:
            ruleset, recorded_as = _unrecorded(settings, asked, going), None
        else:
            ruleset, recorded_as = _recorded(settings, url, asked, going)
        output.end()
        comparison = None if against is None else against.end()
    forget(asked.out)
    return _Done(tally, started, progress.seconds, ruleset, recorded_as, comparison)


class _Going(NamedTuple):
    """A run on its way: what it reads, who helps, what it is compared with, and where its results go."""

    pieces: Iterator[Piece]
    formats: _Formats
    company: Sequence[Company[Piece, Any]]
    against: Comparing | None
    take: Take
    say: Say


def _at_once(asked: Asked) -> int:
    """How many rows are decided together."""
    if asked.dry_run:
        return ROWS
    from eligibility.storage.batch_slices import LARGEST_SLICE  # noqa: PLC0415 - as said above

    return LARGEST_SLICE


def _login(settings: Settings, stack: ExitStack) -> str:
    from eligibility.commands.opening import service_login  # noqa: PLC0415 - as said above

    return stack.enter_context(service_login(settings))


def _comparing(asked: AskedComparison, url: str | None, stack: ExitStack) -> Comparing:
    from eligibility.commands.batch_comparison import comparing  # noqa: PLC0415 - as said above

    return stack.enter_context(comparing(asked, url))


def _needs_database(asked: Asked) -> bool:
    """Whether anything is recorded, or what is compared with is."""
    return not asked.dry_run or (asked.against is not None and asked.against.previous.is_stored)


def _unrecorded(settings: Settings, asked: Asked, going: _Going) -> Ruleset:
    formats, against = going.formats, going.against
    ruleset = load_rules(asked.rules or settings.rules_dir or shipped_rules())
    if against is not None:
        against.begin(ruleset)
    wanted = Wanted(
        formats.read, formats.written, asked.full, None if against is None else against.of_dry_run
    )
    document = canonical(dict(ruleset.document))
    for portion in unrecorded(going.pieces, document, wanted, going.company):
        going.take([portion.results], portion.tally, portion.compared)
    return ruleset


def _recorded(settings: Settings, url: str, asked: Asked, going: _Going) -> tuple[Ruleset, UUID]:
    import asyncio  # noqa: PLC0415 - as said above

    from eligibility.commands import batch_recorded  # noqa: PLC0415 - as said above

    formats, against = going.formats, going.against
    wanted = batch_recorded.Wanted(
        source=asked.source,
        out=asked.out,
        form=formats.read,
        reading=f"{formats.read}, {formats.unpacking or 'plain'}",
        writing=f"{formats.written}, {formats.packing or 'plain'}",
        full=asked.full,
        resume=asked.resume,
        company=going.company,
        compared=against is not None,
    )
    begin: Begin = _nothing if against is None else against.begin
    with ExitStack() as stack:
        pieces = going.pieces
        if against is not None:
            pieces = stack.enter_context(against.beside(pieces, formats.read))
        return asyncio.run(batch_recorded.run(settings, url, wanted, pieces, begin, going.take, going.say))


def _nothing(_ruleset: Ruleset) -> None:
    """What has to be done where nothing is compared."""


def _tell(asked: Asked, done: _Done) -> None:
    """Write the report, and sum up; beside results that go to the output, where errors are told."""
    if asked.report is not None:
        _report(asked, asked.report, done)
    is_beside = asked.out == STREAM
    if asked.as_json and not is_beside:
        print_json(_document(asked, done))
        return
    out = console(stderr=is_beside)
    show(out, done.tally, done.seconds)
    if asked.against is not None and done.comparison is not None:
        show_comparison(out, done.comparison, asked.against.differences)
    out.print()
    recorded_as = "Not recorded" if done.batch is None else f"Recorded as batch {done.batch}"
    out.print(f"{recorded_as}. Policy {done.ruleset.version}, {done.ruleset.digest}.", style="dim")


def _report(asked: Asked, file: Path, done: _Done) -> None:
    from eligibility.backlog.report import Run, page  # noqa: PLC0415 - what draws is large, and not always wanted

    run = Run(asked.source.name, asked.out.name, done.batch, done.started, done.seconds)
    file.write_text(page(run, done.tally, done.ruleset, done.comparison), encoding="utf-8")


def _document(asked: Asked, done: _Done) -> dict[str, Any]:
    return {
        "file": str(asked.out),
        "batch": None if done.batch is None else str(done.batch),
        "ruleset": {"version": done.ruleset.version, "digest": done.ruleset.digest},
        "seconds": round(done.seconds, 3),
        **done.tally.document(),
        **({} if done.comparison is None else {"comparison": done.comparison}),
    }
