"""The bytes of a file in blocks, decompressed as they are read."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO, Final

import pyarrow as pa

from eligibility.backlog.formats import Compression
from eligibility.errors import BacklogRefused, Fault

BLOCK: Final = 2**20
"""Bytes that are read at once."""


class Broken(Exception):
    """A compressed file cannot be read on. `str()` says why, without saying where."""


def blocks(source: BinaryIO, compression: Compression) -> Iterator[bytes]:
    """What a file holds, in blocks of up to 1 MiB. Raises Broken."""
    if compression is None:
        while block := source.read(BLOCK):
            yield block
        return
    stream = pa.CompressedInputStream(pa.PythonFile(source, mode="r"), compression)
    while block := _decompressed(stream, compression):
        yield block


def _decompressed(stream: Any, compression: str) -> bytes:
    try:
        block: bytes = stream.read(BLOCK)
    except OSError as error:
        if "Truncated" in str(error):
            why = f"the {compression} file ends too early: it was cut off"
        else:
            why = f"the {compression} file is damaged, or is no {compression} file"
        raise Broken(why) from error
    return block


def seekable(source: BinaryIO, compression: Compression, held: ExitStack) -> BinaryIO:
    """A file that can be read from any place: the source itself, or a temporary copy until `held` ends.

    Raises BacklogRefused.
    """
    if compression is None and source.seekable():
        return source
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - `held` closes it
    held.callback(copy.close)
    try:
        if compression is None:
            shutil.copyfileobj(source, copy, BLOCK)
        else:
            copy.writelines(blocks(source, compression))
    except Broken as broken:
        raise BacklogRefused([Fault("", str(broken))]) from broken
    copy.seek(0, io.SEEK_SET)
    return copy
