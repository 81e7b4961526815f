"""Lines of a text, and pieces of them: bounded in rows and bytes, whatever a file holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

LONGEST: Final = 2**20
"""Bytes of a line, or of a row that goes over several lines."""

MOST_BYTES: Final = 8 * 2**20
"""Bytes of a piece; the line that would pass this bound begins the next one."""


def lines_of(blocks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """All lines without their line feed, some at a time. One that is too long is replaced by a remark."""
    return (text[:-1].split(b"\n") for text in texts_of(blocks))


def texts_of(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same as texts of some whole lines each, with a line feed after every line."""
    rest, dropped = b"", 0
    for block in blocks:
        start, end = 0, block.rfind(b"\n") + 1
        if end:
            first = block.find(b"\n")
            length = dropped + len(rest) + first
            if length > LONGEST:
                yield _too_long(length) + b"\n"
                rest, start = b"", first + 1
            if start < end:
                yield rest + block[start:end]
            rest, dropped = b"", 0
        rest += block[end:]
        if len(rest) + dropped > LONGEST:
            rest, dropped = b"", dropped + len(rest)
    if dropped or rest:
        yield (_too_long(dropped + len(rest)) if dropped else rest) + b"\n"


def _too_long(length: int) -> bytes:
    """A remark in place of a line, which is refused with these words: a text in JSON and in CSV alike."""
    return b'"a line of %d bytes: at most %d are read"' % (length, LONGEST)


def pieces_of(groups: Iterable[list[bytes]], rows: int) -> Iterator[list[bytes]]:
    """The same lines, in pieces of so many rows, or fewer where they are long. Hangs on the lines alone."""
    waiting: list[bytes] = []
    size = 0
    for lines in groups:
        waiting += lines
        size += sum(map(len, lines))
        while len(waiting) >= rows or size > MOST_BYTES:
            count = min(rows, _fitting(waiting)) if size > MOST_BYTES else rows
            piece, waiting = waiting[:count], waiting[count:]
            size -= sum(map(len, piece))
            yield piece
    if waiting:
        yield waiting


def pieces_of_text(texts: Iterable[bytes], rows: int) -> Iterator[tuple[int, bytes]]:
    """Texts of whole lines in the same pieces, each with the number of its lines."""
    waiting: list[bytes] = []
    count = size = 0
    for some in texts:
        text = some
        while text:
            lines = text.count(b"\n")
            if count + lines > rows or size + len(text) - lines > MOST_BYTES:
                taken, text, lines = _cut(text, rows - count, MOST_BYTES - size, is_first=not count)
            else:
                taken, text = text, b""
            waiting.append(taken)
            count, size = count + lines, size + len(taken) - lines
            if text or count == rows:
                yield count, b"".join(waiting)
                waiting, count, size = [], 0, 0
    if waiting:
        yield count, b"".join(waiting)


def _cut(text: bytes, most: int, space: int, *, is_first: bool) -> tuple[bytes, bytes, int]:
    """The lines that still fit into a piece (one at least if it `is_first`), the rest, and how many fit."""
    lines = text[:-1].split(b"\n", most)
    fitting = sum(total <= space for total in accumulate(map(len, lines[:most])))
    number = max(fitting, 1) if is_first else fitting
    end = sum(map(len, lines[:number])) + number
    return text[:end], text[end:], number


def _fitting(lines: list[bytes]) -> int:
    """How many of the first lines fit into a piece: one at least."""
    sums = accumulate(map(len, lines))
    return max(1, next(place for place, total in enumerate(sums) if total > MOST_BYTES))
