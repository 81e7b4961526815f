"""Rows in PostgreSQL's binary COPY format, each written in one piece.

A field is its length in four bytes and its value as the type is sent in binary: UUIDs and bytes as they are,
texts in UTF-8.
"""

from collections.abc import Iterable, Sequence

_START = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"


def framed(rows: Iterable[bytes]) -> bytes:
    """All that is sent for rows."""
    return b"".join((_START, *rows, _END))


def binary_row(row: Sequence[bytes | None]) -> bytes:
    """A row, the values of which are in binary already."""
    return len(row).to_bytes(2) + b"".join(map(binary_value, row))


def binary_value(value: bytes | None) -> bytes:
    """A value within a row."""
    return _NULL if value is None else len(value).to_bytes(4) + value
