"""The files of a backlog: what is read, and the results, which get their name once they are complete."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from eligibility.backlog.compressing import compressor
from eligibility.backlog.formats import Compression
from eligibility.backlog.writing import ResultWriter

STREAM: Final = Path("-")
"""Stands for the standard input or output."""

_SUFFIX: Final = ".part"
Write = Callable[[bytes], object]


@contextmanager
def opened(source: Path) -> Iterator[BinaryIO]:
    """The file to read. Raises UsageError."""
    if source == STREAM:
        yield sys.stdin.buffer
        return
    try:
        file = source.open("rb")
    except OSError as error:
        raise click.UsageError(f"`{source}` cannot be read: {error.strerror}") from error
    with file:
        yield file


class Output:
    """Results on their way out: written in their format, then compressed."""

    def __init__(self, write: Write, writer: ResultWriter, compression: Compression) -> None:
        """Begin the file."""
        self._write = write
        self._writer = writer
        self._compressor = compressor(compression)
        self._put(writer.start())

    def add(self, results: Any) -> None:
        """Add lines as they are written, or a table of results."""
        self._put(results if isinstance(results, bytes) else self._writer.write(results))

    def end(self) -> None:
        """End the file."""
        self._put(self._writer.end())
        self._send(self._compressor.end())

    def _put(self, data: bytes) -> None:
        self._send(self._compressor.add(data))

    def _send(self, data: bytes) -> None:
        if not data:
            return
        try:
            self._write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise click.ClickException(f"the results cannot be written: {error.strerror}") from error


@contextmanager
def target(out: Path) -> Iterator[Write]:
    """Where to write; a file gets its name when the context ends well. Its owner alone may read it.

    Raises UsageError where it cannot be written.
    """
    if out == STREAM:
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    part = out.with_name(f".{out.name}{_SUFFIX}")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise click.UsageError(f"`{out}` cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file.write
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    part.replace(out)


def cut_off() -> None:
    """See that closing an output nobody reads any more does not fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
