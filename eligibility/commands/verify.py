"""`eligibility audit verify`: whether the log is what it was."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from eligibility.commands.failures import DONE, NO
from eligibility.commands.opening import service_login
from eligibility.commands.output import console, indented, print_json
from eligibility.settings import Settings
from eligibility.storage.reading_log import LogReader, reading_log
from eligibility.storage.secret_files import known_service_secret
from eligibility.verifying.again import contents_elsewhere
from eligibility.verifying.anchors import pinned_fingerprint, read_checkpoints
from eligibility.verifying.blocks import Tell
from eligibility.verifying.verdicts import MOST_TOLD, SENTENCES, VERDICTS, Report
from eligibility.verifying.verification import Beside, Wanted, verify

QUIET = 2.0
"""Seconds before it is said how far things are."""


def verify_log(  # noqa: PLR0913  # the options of the command
    settings: Settings,
    *,
    first: int | None,
    last: int | None,
    checkpoints: tuple[Path, ...],
    key: str | None,
    with_meaning: bool,
    processes: int,
    as_json: bool,
) -> int:
    """Verify the log, or the records of a range of sequences, and tell the verdicts and every flaw.

    Raises SettingsInvalid for what was given, StorageError.
    """
    wanted = Wanted(
        first=first,
        last=last,
        checkpoints=tuple(found for path in checkpoints for found in read_checkpoints(path)),
        pinned=None if key is None else pinned_fingerprint(key),
        contents=contents_elsewhere if with_meaning else None,
        secret=known_service_secret(settings),
    )
    with (
        service_login(settings) as url,
        reading_log(url) as reader,
        _progress(_records(reader, wanted)) as tell,
    ):
        report = verify(reader, wanted, tell=tell, beside=Beside(processes, url) if processes > 1 else None)
    if as_json:
        print_json(report.document())
    else:
        _print(report, console())
    return DONE if report.holds else NO


def _records(reader: LogReader, wanted: Wanted) -> int:
    head = reader.head()
    end = head.next_sequence - 1 if head else 0
    return max(min(end, wanted.last or end) - (wanted.first or 1) + 1, 0)


@contextmanager
def _progress(records: int) -> Iterator[Tell]:
    """A bar on a terminal, once it takes a while: records, how many a second, time left."""
    columns = (
        TextColumn("records"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=console(stderr=True), transient=True)
    task = bar.add_task("", total=records, rate="")
    began = time.monotonic()

    def tell(more: int) -> None:
        seconds = time.monotonic() - began
        if bar.console.is_terminal and not bar.live.is_started and seconds > QUIET:
            bar.start()
        done = bar.tasks[task].completed + more
        bar.update(task, advance=more, rate=f"{done / max(seconds, 0.001):,.0f} a second")

    try:
        yield tell
    finally:
        if bar.live.is_started:
            bar.stop()


def _print(report: Report, out: Console) -> None:
    findings = report.findings
    for verdict in VERDICTS:
        notes = [note for note, about in findings.notes.items() if about == verdict]
        flaws = findings.counts[verdict]
        if verdict not in report.verdicts:
            out.print(Text.assemble(("– ", "bold yellow"), (verdict, "bold"), ": not examined"))
        elif flaws:
            many = "1 flaw" if flaws == 1 else f"{flaws} flaws"
            out.print(Text.assemble(("✗ ", "bold red"), (verdict, "bold"), f": failed, {many}"))
        else:
            out.print(Text.assemble(("✓ ", "bold green"), (verdict, "bold"), f": {SENTENCES[verdict]}"))
        for flaw in findings.flaws:
            if flaw.verdict == verdict:
                indented(out, 2, str(flaw))
        if flaws > MOST_TOLD:
            indented(out, 2, f"… and {flaws - MOST_TOLD} more")
        for note in notes:
            indented(out, 2, (note, "dim"))
    counts = findings.looked_at
    rate = counts["records"] / max(report.seconds, 0.001)
    seen = f"{counts['records']:,} records in {counts['blocks']:,} blocks"
    span = f", sequence {report.first} to {report.last}" if report.last else ""
    out.print(f"{seen}{span}: {report.seconds:.1f} s, {rate:,.0f} records a second")
