"""Compressing a stream so that the same content is the same bytes, whatever pieces it came in."""

from __future__ import annotations

import zlib
from typing import Final, Protocol

import pyarrow as pa

from eligibility.backlog.formats import Compression
from eligibility.parquet_sink import Sink

BLOCK: Final = 2**20
"""Bytes that are handed to the compressor at once: pieces of other sizes would show in what it makes."""

_GZIP: Final = zlib.MAX_WBITS | 16
_LEVEL: Final = 6


class Compressor(Protocol):
    """Takes content piece by piece. What it gives, in a row, is the compressed content."""

    def add(self, content: bytes) -> bytes:
        """Take some content; give what is ready of the compressed form, which may be nothing."""

    def end(self) -> bytes:
        """The rest of the compressed form."""


def compressor(compression: Compression) -> Compressor:
    """What compresses so; None leaves the content as it is."""
    if compression is None:
        return _AsItIs()
    return _InBlocks(_Gzip() if compression == "gzip" else _Zstd())


class _AsItIs:
    def add(self, content: bytes) -> bytes:
        return content

    def end(self) -> bytes:
        return b""


class _InBlocks:
    """Hands content to a compressor in blocks of one size."""

    def __init__(self, within: Compressor) -> None:
        self._within = within
        self._waiting = bytearray()

    def add(self, content: bytes) -> bytes:
        self._waiting += content
        whole = len(self._waiting) - len(self._waiting) % BLOCK
        with memoryview(self._waiting) as waiting:
            ready = [
                self._within.add(bytes(waiting[start : start + BLOCK])) for start in range(0, whole, BLOCK)
            ]
        del self._waiting[:whole]
        return b"".join(ready)

    def end(self) -> bytes:
        return self._within.add(bytes(self._waiting)) + self._within.end()


class _Gzip:
    """One member, with neither a time nor a name in its header."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)

    def add(self, content: bytes) -> bytes:
        return self._stream.compress(content)

    def end(self) -> bytes:
        return self._stream.flush()


class _Zstd:
    """One frame: readers may stop at the end of the first."""

    def __init__(self) -> None:
        self._sink = Sink()
        self._stream = pa.CompressedOutputStream(pa.PythonFile(self._sink, mode="w"), "zstd")

    def add(self, content: bytes) -> bytes:
        self._stream.write(content)
        return self._sink.taken()

    def end(self) -> bytes:
        self._stream.close()
        return self._sink.taken()
