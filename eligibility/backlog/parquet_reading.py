"""Pieces of Parquet to tables of requests: columns as they are, but for rows with values that do not fit."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from eligibility.backlog.columns import json_object, remark, requests_of

_LARGEST: Final = 2**63 - 1
_USERS: Final = "entity.monthly_active_users"
"""The one fact that is a number."""


def read_rows(content: bytes | memoryview, first: int) -> pa.Table:
    """Read a stream of rows with a column for each fact."""
    with pa.ipc.open_stream(content) as stream:
        [batch] = stream
    columns: dict[str, Any] = {}
    unread: dict[int, bytes] = {}
    for path, array in zip(batch.schema.names, batch.columns, strict=True):
        columns[path], rows = _readable(array)
        unread |= dict.fromkeys(rows, remark(f"a row whose `{path}` is not UTF-8"))
    if _USERS in columns:
        numbers = columns[_USERS]
        columns[_USERS], rows = _whole(numbers)
        unread |= {row: _json_of(columns, row, numbers[row].as_py()) for row in rows if row not in unread}
    return requests_of(columns, batch.num_rows, first + 1, unread)


def _readable(array: Any) -> tuple[Any, list[int]]:
    """A column without texts that are none, and their rows: Parquet does not see to it."""
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        values: list[Any] = []
        unreadable = []
        for row, value in enumerate(array):
            try:
                values.append(value.as_py())
            except UnicodeDecodeError:
                values.append(None)
                unreadable.append(row)
        return pa.array(values, array.type), unreadable
    return array, []


def _whole(numbers: Any) -> tuple[Any, list[int]]:
    """A column of whole numbers, and the rows whose number is none, or too large for it."""
    try:
        return numbers.cast(pa.int64()), []
    except pa.ArrowInvalid:
        found = [_int(value) for value in numbers.to_pylist()]
    unfit = [row for row, value in enumerate(found) if value is None and numbers[row].is_valid]
    return pa.array(found, pa.int64()), unfit


def _int(value: float | Decimal | None) -> int | None:
    if value is None:
        return None
    number = Decimal(value)
    is_whole = number.is_finite() and abs(number) <= _LARGEST and number == int(number)
    return int(number) if is_whole else None


def _json_of(columns: dict[str, Any], row: int, number: float | Decimal) -> bytes:
    """The JSON of a row, with its number as it is."""
    values = {path: array[row].as_py() for path, array in columns.items()}
    fragments = {
        path: json.dumps(value, ensure_ascii=False) for path, value in values.items() if value is not None
    }
    written = json.dumps(number) if isinstance(number, (int, float)) else str(number)
    return json_object(fragments | {_USERS: written})
