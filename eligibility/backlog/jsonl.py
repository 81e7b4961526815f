"""Lines of JSON to tables: Arrow reads what it is sure to read as one by one; the rest is left alone.

Arrow refuses what breaks the types, repeated and unknown members, numbers with a point or an exponent, NaN,
halves of surrogate pairs. It does not look at UTF-8, and a line is nothing to it: blank ones are passed over.
So each line must begin and end as an object does, and there must be as many objects as lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

_BLANKS: Final = b" \t\r"
_FEWEST: Final = 8
"""Of so few lines, all are left alone where Arrow refuses one; of more, each half is tried."""

_USERS: Final = re.compile(
    rb'("monthly_active_users"[ \t]*:[ \t]*)'
    rb"(-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,20})?(?:[eE][+]?[0-9]{1,2})?)(?=[ \t\r]*[,}])"
)
"""Such a number where it is a member's: within a text, its name would not end with a bare quote."""

_READ: Final = pa.scalar(value=True)


def read_text(text: bytes, schema: Any) -> tuple[pa.Table, Any, Any]:
    """A table with the columns of `schema`, the lines, and which of them were read into it."""
    body = text.removesuffix(b"\n")
    lines = pc.split_pattern(pa.array([body], pa.binary()), b"\n").flatten()
    ends = pc.or_(pc.ends_with(lines, b"}"), pc.ends_with(lines, b"}\r"))
    if pc.all(pc.and_(pc.starts_with(lines, b"{"), ends)).as_py():
        table = _table(body, schema)
        if table is not None and table.num_rows == len(lines):
            return table, lines, pa.repeat(_READ, len(lines))
    table, is_read = read_lines(lines.to_pylist(), schema)
    return table, lines, pa.array(is_read)


def read_lines(lines: Sequence[bytes], schema: Any) -> tuple[pa.Table, list[bool]]:
    """The same of lines that were told apart already; those that were not read are null in the table."""
    found = list(_read(lines, [_is_shaped(line) for line in lines], schema))
    tables = [table for table, _ in found]
    read = [is_read for table, is_read in found for _ in range(table.num_rows)]
    return pa.concat_tables(tables) if tables else schema.empty_table(), read


def _is_shaped(line: bytes) -> bool:
    """Whether a line begins and ends as an object does."""
    bare = line.strip(_BLANKS)
    return bare[:1] == b"{" and bare[-1:] == b"}"


def _read(lines: Sequence[bytes], shaped: Sequence[bool], schema: Any) -> Iterator[tuple[pa.Table, bool]]:
    table = _table(b"\n".join(lines), schema) if all(shaped) else None
    if table is not None and table.num_rows == len(lines):
        yield table, True
    elif len(lines) <= _FEWEST:
        yield _nulls(len(lines), schema), False
    else:
        half = len(lines) // 2
        yield from _read(lines[:half], shaped[:half], schema)
        yield from _read(lines[half:], shaped[half:], schema)


def _table(text: bytes, schema: Any) -> pa.Table | None:
    table = _as_it_is(text, schema)
    if table is None:
        other = _USERS.sub(_as_whole, text)
        return _as_it_is(other, schema) if other != text else None
    return table


def _as_it_is(text: bytes, schema: Any) -> pa.Table | None:
    try:
        _see_utf8(text)
        return arrow_json.read_json(
            pa.BufferReader(text),
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(text) + 1),
            parse_options=arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
        )
    except pa.ArrowInvalid:
        return None


def _see_utf8(text: bytes) -> None:
    """Raise ArrowInvalid where a text is not UTF-8."""
    offsets = pa.array([0, len(text)], pa.int32()).buffers()[1]
    pa.StringArray.from_buffers(1, offsets, pa.py_buffer(text)).validate(full=True)


def _as_whole(found: re.Match[bytes]) -> bytes:
    """The number of users, where it is whole, as Arrow takes it: programs also write `700000000.0`."""
    number = Decimal(found[2].decode())
    whole = int(number)
    return found[1] + str(whole).encode() if whole == number else found[0]


def _nulls(rows: int, schema: Any) -> pa.Table:
    return pa.Table.from_arrays([pa.nulls(rows, field.type) for field in schema], schema=schema)
