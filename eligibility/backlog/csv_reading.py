"""Pieces of CSV to tables of requests: at once where all rows are in good form, else row by row."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from eligibility.backlog.columns import REQUEST_ID, json_object, remark, requests_of
from eligibility.backlog.csv_cells import Kind, Unfit, kind_of
from eligibility.backlog.csv_rows import Header, header_of, rows_of
from eligibility.backlog.form import AFFILIATE, TYPES
from eligibility.backlog.jsonl import read_lines
from eligibility.domains import AFFILIATES, FACTS

_HEADER_AND_ONE: Final = 2
"""The line of the first row."""

_AS_THEY_ARE: Final = {"code", "country"}
_TEXTS: Final = {"text", "model_name"}
_PLAIN_NUMBER: Final = r"^[0-9]{1,18}$"
_WRAPPED: Final = pa.schema([("v", pa.list_(AFFILIATE))])

Unread = dict[int, bytes]


def read_csv(content: bytes, count: int, first: int) -> pa.Table:
    """Read rows of CSV after a header. What cannot be read is told by the text of its row."""
    line, _, body = content.partition(b"\n")
    header = header_of(line)
    unread: Unread = {}
    table = _at_once(body, header) if _is_in_form(body, header.separator) else None
    if table is None or table.num_rows != count:
        table = _one_by_one(body, header, unread)
    columns: dict[str, Any] = {}
    unfit: set[int] = set()
    for name in header.names:
        columns[name], rows = _column(name, table[name].combine_chunks())
        unfit.update(rows)
    for row in unfit:
        [cells] = table.slice(row, 1).to_pylist()
        unread[row] = _json_of(cells)
    return requests_of(columns, count, first + _HEADER_AND_ONE, unread)


def _is_in_form(body: bytes, separator: str) -> bool:
    """Whether every quote has its place: then no two readers of CSV can read it otherwise.

    Quotes begin and end quoted cells in turn; two that follow each other stand for one.
    """
    if b"\x00" in body or body.count(b"\r") != body.count(b"\r\n"):
        return False
    if b'"' not in body:
        return True
    parts = body.split(b'"')
    before = {separator.encode(), b"\n"}
    outside = set(parts[2:-1:2])
    outside.discard(b"")
    begins = {part[:1] for part in outside} | {parts[-1][:1]}
    ends = {part[-1:] for part in outside} | {parts[0][-1:] or b"\n"}
    return len(parts) % 2 == 1 and begins <= before | {b"\r"} and ends <= before


def _at_once(body: bytes, header: Header) -> pa.Table | None:
    try:
        return arrow_csv.read_csv(
            pa.BufferReader(body),
            read_options=arrow_csv.ReadOptions(
                use_threads=False, block_size=len(body) + 1, column_names=header.names
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=header.separator, newlines_in_values=True, ignore_empty_lines=False
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header.names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:
        return None


def _one_by_one(body: bytes, header: Header, unread: Unread) -> pa.Table:
    """The rows that can be read, and the others as rows of nulls, with why in `unread`."""
    lines = body.removesuffix(b"\n").split(b"\n")
    rows: list[Sequence[str | None]] = []
    for line in (row for group in rows_of([lines], header.separator) for row in group):
        cells = _cells(line, header)
        if isinstance(cells, str):
            unread[len(rows)] = remark(cells)
            cells = [None] * len(header.names)
        rows.append(cells)
    columns = zip(*rows, strict=True)
    return pa.table(
        {name: pa.array(cells, pa.string()) for name, cells in zip(header.names, columns, strict=True)}
    )


def _cells(line: bytes, header: Header) -> Sequence[str | None] | str:
    """The cells of a row, or why there are none."""
    try:
        [cells] = csv.reader([line.decode()], delimiter=header.separator, strict=True)
    except UnicodeDecodeError as error:
        return f"a row that is not UTF-8 at its byte {error.start + 1}"
    except (csv.Error, ValueError) as error:
        is_long = "field limit" in str(error)
        return "a row with too long a cell" if is_long else "a row whose quotes do not match"
    if len(cells) in {0, len(header.names)}:
        return [cell or None for cell in cells] or [None] * len(header.names)
    if len(cells) == 1 and cells[0].startswith("a line of "):
        return cells[0]
    return f"a row of {len(cells)} cells under a header of {len(header.names)}"


def _column(name: str, cells: Any) -> tuple[Any, Sequence[int]]:
    """A column of values, and the rows whose cells it cannot hold."""
    kind = "text" if name == REQUEST_ID else FACTS[name].kind
    if cells.null_count == len(cells):
        return None, ()
    if kind in _AS_THEY_ARE or (kind in _TEXTS and not _any(pc.match_substring(cells, "'"))):
        return cells, ()
    if kind == "number" and not _any(pc.invert(pc.match_substring_regex(cells, _PLAIN_NUMBER))):
        return cells.cast(pa.int64()), ()
    distinct = cells.dictionary_encode()
    texts = distinct.dictionary.to_pylist()
    values, unfit = _affiliates(texts) if name == AFFILIATES else _values(texts, kind_of(kind), TYPES[kind])
    rows = pc.indices_nonzero(pc.is_in(distinct.indices, value_set=pa.array(unfit, pa.int32())))
    return values.take(distinct.indices), rows.to_pylist()


def _any(found: Any) -> bool:
    return bool(pc.any(found).as_py())


def _values(texts: Sequence[str], kind: Kind, form: Any) -> tuple[Any, list[int]]:
    """The values of distinct cells, and the places of those that have none."""
    values, unfit = [], []
    for place, text in enumerate(texts):
        try:
            values.append(kind.value(text))
        except Unfit:
            values.append(None)
            unfit.append(place)
    return pa.array(values, form), unfit


def _affiliates(texts: Sequence[str]) -> tuple[Any, list[int]]:
    """The same of cells that hold JSON: each becomes a line of it."""
    lines = [b'{"v":%b}' % text.strip().encode() if "\n" not in text else b"" for text in texts]
    table, is_read = read_lines(lines, _WRAPPED)
    return table["v"].combine_chunks(), [place for place, read in enumerate(is_read) if not read]


def _json_of(cells: Mapping[str, str | None]) -> bytes:
    """A request as cells say it; what no column can hold is a text, so that it is refused by its name."""
    return json_object({name: _fragment(name, cell) for name, cell in cells.items() if cell})


def _fragment(name: str, cell: str) -> str:
    return kind_of("text" if name == REQUEST_ID else FACTS[name].kind).json(cell)
