"""Columns of many rows as arrays in PostgreSQL's binary form, each written in one piece.

An element is its length in four bytes and its value as the type is sent in binary: UUIDs and bytes as they
are, texts in UTF-8.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

# the numbers by which PostgreSQL knows types
BYTES: Final = 17
INT: Final = 23
TEXT: Final = 25
TIME: Final = 1184
UUIDS: Final = 2950

_HEAD = struct.Struct("!iiIii")
_NULL = b"\xff\xff\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class BinaryArray(bytes):
    """An array that is sent as it is. The statement says its type: `%b::uuid[]`."""


class _AsItIs(Dumper):
    format = Format.BINARY

    def dump(self, obj: BinaryArray) -> bytes:
        return obj


psycopg.adapters.register_dumper(BinaryArray, _AsItIs)


def binary_array(element: int, values: Sequence[bytes | None]) -> BinaryArray:
    """An array of these values, which are in binary already. `element` is the type of each."""
    head = _HEAD.pack(1, 1, element, len(values), 1)  # of one dimension, with nulls, counted from 1
    present = [value for value in values if value is not None]
    if len(present) == len(values) and len(set(map(len, present))) == 1:  # as ids, hashes and times are
        length = len(present[0]).to_bytes(4)
        return BinaryArray(b"".join((head, length, length.join(present))))
    parts = [head]
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            parts.append(len(value).to_bytes(4))
            parts.append(value)
    return BinaryArray(b"".join(parts))


def binary_time(at: datetime) -> bytes:
    """A `timestamptz`: microseconds since the beginning of 2000."""
    return ((at - _EPOCH) // _MICROSECOND).to_bytes(8, signed=True)


def binary_text(text: str | None) -> bytes | None:
    """A `text`, or NULL."""
    return None if text is None else text.encode()
