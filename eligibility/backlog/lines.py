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
    rest, dropped = b"", 0
    for block in blocks:
        *lines, last = block.split(b"\n")
        if lines:
            length = dropped + len(rest) + len(lines[0])
            lines[0] = rest + lines[0] if length <= LONGEST else _too_long(length)
            rest, dropped = b"", 0
            yield lines
        rest += last
        if len(rest) + dropped > LONGEST:
            rest, dropped = b"", dropped + len(rest)
    if dropped or rest:
        yield [_too_long(dropped + len(rest)) if dropped else rest]


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


def _fitting(lines: list[bytes]) -> int:
    """How many of the first lines fit into a piece: one at least."""
    sums = accumulate(map(len, lines))
    return max(1, next(place for place, total in enumerate(sums) if total > MOST_BYTES))
