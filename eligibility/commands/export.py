"""`eligibility audit export`: records of the log, into a file that appears once it is complete."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from eligibility.commands.failures import DONE, NO
from eligibility.commands.opening import opened, service_login
from eligibility.commands.output import console, print_json
from eligibility.export import Piece, announce
from eligibility.export import export as export_log
from eligibility.export_formats import FORMATS, Format
from eligibility.settings import Settings
from eligibility.storage.entries import Recorded
from eligibility.storage.exporting import Wanted
from eligibility.storage.records import SYSTEM

_OUTPUT = Path("-")
_GZIP = ".gz"
_CHANNEL = "cli"
_QUIET_SECONDS = 2.0
_GZIP_WINDOW = 31  # zlib's largest window, and its sign for gzip's header

Write = Callable[[bytes], object]


@dataclass(frozen=True)
class _Sum:
    """What has been written."""

    records: int
    bytes: int


def export(settings: Settings, out: Path, wanted: Wanted, *, form: Format | None, as_json: bool) -> int:
    """Record that records are exported, then write them. A file gets its name when it is complete.

    Exits with 1 where whoever reads the output has gone. Raises UsageError, SettingsInvalid, StorageError.
    """
    written, is_zipped = _form(out, form)
    try:
        with service_login(settings) as url, _target(out) as write:
            recorded = asyncio.run(_announced(url, settings, wanted, written))
            pieces = _shown(export_log(url, wanted, written, recorded))
            done = _write(_zipped(pieces) if is_zipped else pieces, write)
    except BrokenPipeError:
        console(stderr=True).print("error: whoever read the output has gone: the export was cut")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else closing it fails once more
        return NO
    _tell(out, done, recorded, as_json=as_json)
    return DONE


def _form(out: Path, given: Format | None) -> tuple[Format, bool]:
    """The format and whether it is zipped. Raises UsageError."""
    is_zipped = out.suffix == _GZIP
    suffix = (out.with_suffix("") if is_zipped else out).suffix.removeprefix(".")
    form = given or next((form for form in FORMATS if form == suffix), None)
    if form is None and out == _OUTPUT:
        form = FORMATS[0]
    if form is None:
        names = ", ".join(f"`.{form}`" for form in FORMATS)
        raise click.UsageError(
            f"`{out.name}` does not say its format: end it with {names}, or give `--format`"
        )
    if is_zipped and form == "parquet":
        raise click.UsageError("Parquet is compressed already: leave `.gz` out")
    return form, is_zipped


@contextmanager
def _target(out: Path) -> Iterator[Write]:
    """Where to write: the output, or a file beside OUT that takes its place at the end.

    It is readable by its owner alone. Raises UsageError where it cannot be written.
    """
    if out == _OUTPUT:
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    try:
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.", suffix=".part")
    except OSError as error:
        raise click.UsageError(f"`{out}` cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file.write
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(out)
    finally:
        Path(name).unlink(missing_ok=True)


async def _announced(url: str, settings: Settings, wanted: Wanted, form: Format) -> Recorded:
    async with opened(url, settings) as store:
        return await announce(store.log, wanted, form, actor=SYSTEM, channel=_CHANNEL)


def _shown(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces, with a bar on a terminal that shows how far they are, once they take long."""
    out, began = console(stderr=True), time.monotonic()
    columns = (
        TextColumn("exporting"),
        BarColumn(),
        TextColumn("{task.fields[records]:,} records"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as bar:
        task = bar.add_task("", total=1.0, records=0, visible=False)
        for piece in pieces:
            is_slow = time.monotonic() - began > _QUIET_SECONDS
            bar.update(task, completed=piece.done, records=piece.records, visible=is_slow)
            yield piece


def _zipped(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces, compressed as one file of gzip."""
    zipped, last = zlib.compressobj(wbits=_GZIP_WINDOW), Piece(b"", 0, 0.0)
    for piece in pieces:
        yield piece._replace(data=zipped.compress(piece.data))
        last = piece
    yield last._replace(data=zipped.flush())


def _write(pieces: Iterator[Piece], write: Write) -> _Sum:
    records = size = 0
    for piece in pieces:
        try:
            write(piece.data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise click.ClickException(f"the export cannot be written: {error.strerror}") from error
        records, size = piece.records, size + len(piece.data)
    return _Sum(records, size)


def _tell(out: Path, done: _Sum, recorded: Recorded, *, as_json: bool) -> None:
    """Sum up; beside records that go to the output, where errors are told."""
    is_beside = out == _OUTPUT
    if as_json and not is_beside:
        print_json({"file": str(out), **asdict(done), "export": str(recorded.id)})
        return
    records = "1 record" if done.records == 1 else f"{done.records:,} records"
    where = "" if is_beside else f" in {out}"
    console(stderr=is_beside).print(f"{records}, {done.bytes:,} bytes{where}; recorded as {recorded.id}")
