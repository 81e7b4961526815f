"""Rows in PostgreSQL's binary COPY format, written in one piece.

A field is its length in four bytes and its value as the type is sent in binary: UUIDs and bytes as they are,
texts in UTF-8.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

_START = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def binary_rows(rows: Iterable[Sequence[bytes | None]]) -> bytes:
    """All that is sent for these rows, the values of which are in binary already."""
    parts = [_START]
    for row in rows:
        parts.append(len(row).to_bytes(2))
        for value in row:
            if value is None:
                parts.append(_NULL)
            else:
                parts.append(len(value).to_bytes(4))
                parts.append(value)
    parts.append(_END)
    return b"".join(parts)


def framed(rows: Iterable[bytes]) -> bytes:
    """All that is sent for rows each of which is in one piece already."""
    return b"".join((_START, *rows, _END))


def binary_row(row: Sequence[bytes | None]) -> bytes:
    """A row in one piece."""
    return len(row).to_bytes(2) + b"".join(map(binary_value, row))


def binary_value(value: bytes | None) -> bytes:
    """A value within a row."""
    return _NULL if value is None else len(value).to_bytes(4) + value


def binary_time(at: datetime) -> bytes:
    """A `timestamptz`: microseconds since the beginning of 2000."""
    return ((at - _EPOCH) // _MICROSECOND).to_bytes(8, signed=True)


def binary_text(text: str | None) -> bytes | None:
    """A `text`, or NULL."""
    return None if text is None else text.encode()
