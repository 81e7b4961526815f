"""A file to pieces: some rows each, so that memory stays flat and each piece can be read by itself."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from typing import Any, BinaryIO, Final, NamedTuple, SupportsIndex

from eligibility.backlog import parquet_rows
from eligibility.backlog.csv_rows import header_of, rows_of
from eligibility.backlog.formats import Compression, Format
from eligibility.backlog.heads import text_of
from eligibility.backlog.lines import lines_of, pieces_of, pieces_of_text, texts_of
from eligibility.backlog.streams import Broken, blocks, seekable
from eligibility.errors import BacklogRefused, Fault

_BESIDE: Final = 5
"""The protocol of `pickle` from which parts can lie beside the whole."""


class Piece(NamedTuple):
    """Some rows of a file: a small file of its own, the same whenever the file is cut into as many rows.

    `number` counts pieces and `first` the rows before this one, both from 0. `content` is lines of JSON;
    rows of CSV after the header; or, of Parquet, a stream of Arrow's with a column for each fact.
    """

    number: int
    first: int
    count: int  # type: ignore[assignment]  # nobody needs the method that tuples have by this name
    content: bytes | memoryview

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        """Its parts; the content by itself where that can be, so that it need not be copied to be sent."""
        can_be = int(protocol) >= _BESIDE
        content = pickle.PickleBuffer(self.content) if can_be else bytes(self.content)
        return Piece, (self.number, self.first, self.count, content)

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the content."""
        return hashlib.sha256(self.content).digest()


def cut(source: BinaryIO, form: Format, compression: Compression, rows: int) -> Iterator[Piece]:
    """Cut a file into pieces of so many rows, or fewer where they are long, as they are asked for.

    The source may be a pipe; Parquet is then copied to a temporary file. A compressed source is closed at
    the end.

    Raises BacklogRefused at once where the file is none of that form, or has wrong columns; later, where it
    cannot be read on.
    """
    if form == "parquet":
        with ExitStack() as held:
            file = parquet_rows.opened(seekable(source, compression, held))
            return _parquet_pieces(file, rows, held.pop_all())
    found = blocks(source, compression)
    try:
        head = text_of(next(found, b""), form)
    except Broken as broken:
        raise BacklogRefused([Fault("", str(broken))]) from broken
    everything = chain([head], found)
    if form == "jsonl":
        return _text_pieces(pieces_of_text(texts_of(everything), rows), lines_before=0)
    lines = lines_of(everything)
    first = next(lines, None)
    if first is None:
        return iter(())
    header = header_of(first[0])
    joined = rows_of(chain([first[1:]], lines), header.separator)
    start = first[0] + b"\n"
    texts = ((len(some), start + b"\n".join(some) + b"\n") for some in pieces_of(joined, rows))
    return _text_pieces(texts, lines_before=1)


def _text_pieces(texts: Iterable[tuple[int, bytes]], lines_before: int) -> Iterator[Piece]:
    first = 0
    try:
        for number, (count, text) in enumerate(texts):
            yield Piece(number, first, count, text)
            first += count
    except Broken as broken:
        detail = f"{broken}, some lines after line {first + lines_before}"
        raise BacklogRefused([Fault("", detail)]) from broken


def _parquet_pieces(file: parquet_rows.Rows, rows: int, held: ExitStack) -> Iterator[Piece]:
    first = 0
    with held:
        for number, (count, content) in enumerate(parquet_rows.contents(file, rows)):
            yield Piece(number, first, count, content)
            first += count
