"""Results of an earlier run, read back from their file: JSONL, CSV or Parquet, slim or whole."""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import chain
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv as arrow_csv
from pyarrow import json as arrow_json

from eligibility.backlog.answers import LISTS
from eligibility.backlog.comparing_sides import Side, results_side
from eligibility.backlog.csv_cells import LIST_SEPARATOR
from eligibility.backlog.csv_rows import rows_of
from eligibility.backlog.form import RESULTS
from eligibility.backlog.formats import Compression, Format
from eligibility.backlog.heads import text_of
from eligibility.backlog.lines import lines_of, pieces_of
from eligibility.backlog.streams import Broken, blocks, seekable
from eligibility.backlog.tally import OUTCOMES
from eligibility.defusing import restored
from eligibility.errors import BacklogRefused, Fault

_ROWS: Final = 8_192
"""Rows that are read at once, or fewer where they are long."""

_READ: Final = tuple(name for name in RESULTS.names if name not in {"id", "error"})
"""The columns that are compared; `id` is left out of results that were not recorded."""

_FAULTS: Final = (pa.ArrowException, BacklogRefused, Broken, OSError, UnicodeDecodeError)
"""What is raised where a file is not what it should be."""

_TABLE: Final = pa.schema([(name, RESULTS.field(name).type) for name in _READ])


def earlier_results(
    source: BinaryIO, form: Format, compression: Compression, name: str
) -> Generator[Side, None, None]:
    """The rows of a file of results, called `name`, by line and a piece at a time.

    Raises BacklogRefused at once where the file is none of that form, or holds no results; later, where it
    cannot be read on.
    """
    try:
        tables = _parquet(source, compression) if form == "parquet" else _text(source, form, compression)
        sides = _sides(tables)
        first = next(sides, None)
    except _FAULTS as error:
        raise _refused(name, error) from error
    return _later([] if first is None else [first], sides, name)


def _later(first: Iterable[Side], others: Iterator[Side], name: str) -> Generator[Side, None, None]:
    try:
        yield from chain(first, others)
    except _FAULTS as error:
        raise _refused(name, error) from error


def _refused(name: str, error: Exception) -> BacklogRefused:
    detail = f"`{name}` cannot be compared with: {error}".partition("\n")[0]
    return BacklogRefused([Fault("", detail)])


def _sides(tables: Iterable[Any]) -> Iterator[Side]:
    """The tables with what is not compared left empty, once it is seen that they are results."""
    last = 0
    for table in tables:
        lines = table["line"].combine_chunks()
        _check_order(lines, last)
        last = lines[-1].as_py() if len(lines) else last
        yield results_side(_whole(table))


def _check_order(lines: Any, last: int) -> None:
    """See that each line follows those before. Raises BacklogRefused."""
    if lines.null_count:
        raise _no_results(f"a row after line {last} has no `line`")
    before = pa.concat_arrays([pa.array([last], pa.int64()), lines.slice(0, max(len(lines) - 1, 0))])
    wrong = pc.indices_nonzero(pc.less_equal(lines, before.slice(0, len(lines))))
    if len(wrong):
        line, other = lines[wrong[0].as_py()], before[wrong[0].as_py()]
        raise _no_results(f"line {line} stands after line {other}: put them in the order of their lines")


def _whole(table: Any) -> Any:
    """The table with the columns of RESULTS. Raises BacklogRefused where a row can be none of results."""
    outcome = table["outcome"]
    is_decided = outcome.is_valid()
    is_good = pc.or_(pc.invert(is_decided), pc.is_in(outcome, value_set=pa.array(OUTCOMES)))
    for name in LISTS:
        is_good = pc.and_(is_good, pc.or_(pc.invert(is_decided), table[name].is_valid()))
    is_good = pc.and_(is_good, pc.not_equal(is_decided, table["is_refused"]))
    if not pc.all(is_good).as_py() and table.num_rows:
        line = table["line"].filter(pc.invert(is_good))[0].as_py()
        raise _no_results(f"what it says of line {line} is neither a decision nor why there is none")
    error = pa.array([{"detail": "", "errors": []}], RESULTS.field("error").type)
    errors = error.take(pc.if_else(table["is_refused"], 0, None).cast(pa.int32()))
    columns = {name: table[name] for name in _READ}
    columns |= {"id": pa.nulls(table.num_rows, pa.string()), "error": errors}
    return pa.table([columns[name] for name in RESULTS.names], schema=RESULTS)


def _no_results(why: str) -> BacklogRefused:
    return BacklogRefused([Fault("", f"it holds no results as they were written: {why}")])


def _text(source: BinaryIO, form: Format, compression: Compression) -> Iterator[Any]:
    found = blocks(source, compression)
    lines = lines_of(chain([text_of(next(found, b""), form)], found))
    if form == "jsonl":
        return map(_from_json, pieces_of(lines, _ROWS))
    first = next(lines, None)
    if first is None:
        return iter(())
    separator = _separator(first[0])
    rows = rows_of(chain([first[1:]], lines), separator)
    return map(partial(_from_csv, first[0], separator), pieces_of(rows, _ROWS))


def _from_json(lines: list[bytes]) -> Any:
    text = b"\n".join(lines)
    text.decode()
    schema = pa.schema([*_TABLE, ("error", pa.struct([("detail", pa.string())]))])
    table = arrow_json.read_json(
        pa.BufferReader(text),
        read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(text) + 1),
        parse_options=arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )
    return table.append_column("is_refused", table["error"].is_valid())


def _separator(header: bytes) -> str:
    """What separates the cells of a header that names the columns of results. Raises BacklogRefused."""
    text = header.decode()
    separator = next((one for one in ",;\t" if one in text), ",")
    names = next(csv.reader([text], delimiter=separator), [])
    missing = [name for name in (*_READ, "error") if name not in names]
    if missing:
        raise _no_results(f"it has no column `{missing[0]}`")
    return separator


def _from_csv(header: bytes, separator: str, rows: list[bytes]) -> Any:
    text = pa.BufferReader(b"\n".join([header, *rows, b""]))
    types = {name: pa.string() for name in (*_READ, "error")} | {"line": pa.int64()}
    table = arrow_csv.read_csv(
        text,
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=text.size() + 1),
        parse_options=arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=types, include_columns=list(types), null_values=[""], strings_can_be_null=True
        ),
    )
    columns = {name: table[name].combine_chunks() for name in table.column_names}
    is_refused, is_decided = columns.pop("error").is_valid(), columns["outcome"].is_valid()
    columns["request_id"] = _by_text(columns["request_id"], restored, pa.string())
    for name in LISTS:
        cells = pc.if_else(is_decided, pc.fill_null(columns[name], ""), None)
        columns[name] = _by_text(cells, _list, RESULTS.field(name).type)
    return pa.table({**columns, "is_refused": is_refused})


def _by_text(texts: Any, read: Any, kind: Any) -> Any:
    """What a function reads from texts, each distinct one read once; null stays null."""
    encoded = texts.dictionary_encode()
    return pa.array([read(text) for text in encoded.dictionary.to_pylist()], kind).take(encoded.indices)


def _list(cell: str) -> list[str]:
    return cell.split(LIST_SEPARATOR) if cell else []


def _parquet(source: BinaryIO, compression: Compression) -> Iterator[Any]:
    held = ExitStack()
    file = pq.ParquetFile(pa.PythonFile(seekable(source, compression, held), mode="r"))
    missing = [name for name in (*_READ, "error") if name not in file.schema_arrow.names]
    if missing:
        raise _no_results(f"it has no column `{missing[0]}`")
    return _from_parquet(file, held)


def _from_parquet(file: Any, held: ExitStack) -> Iterator[Any]:
    with held:
        for batch in file.iter_batches(_ROWS, columns=[*_READ, "error"], use_threads=False):
            table = pa.Table.from_batches([batch])
            yield table.select(_READ).cast(_TABLE).append_column("is_refused", table["error"].is_valid())
