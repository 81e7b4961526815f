"""Rows of Parquet files: their columns checked, and brought into one form, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from eligibility.backlog.columns import COLUMNS, REQUEST_ID
from eligibility.backlog.form import AFFILIATE, TYPES
from eligibility.backlog.lines import MOST_BYTES
from eligibility.backlog.parquet_types import faults_of
from eligibility.domains import FACTS
from eligibility.errors import BacklogRefused, Fault

_BUFFER: Final = 2**16
"""Bytes of a column that are read ahead."""


class Rows(NamedTuple):
    """An open file whose columns are right."""

    file: Any


def opened(source: BinaryIO) -> Rows:
    """Open a file and check its columns. Raises BacklogRefused.

    Facts are nested columns (`entity` with its member `kind`) or flat ones (`entity.kind`).
    """
    try:
        file = parquet.ParquetFile(source, pre_buffer=False, buffer_size=_BUFFER)
        schema = file.schema_arrow
    except (pa.ArrowException, OSError) as error:
        detail = "this is no whole Parquet file: it was cut off, is damaged, or is something else"
        raise BacklogRefused([Fault("", detail)]) from error
    faults = faults_of(schema)
    if faults:
        raise BacklogRefused(faults)
    return Rows(file)


def contents(rows: Rows, most: int) -> Iterator[tuple[int, memoryview]]:
    """The rows in streams of Arrow's, so many in each at most, with their number. Raises BacklogRefused."""
    for table in _tables(rows.file, most):
        yield table.num_rows, stream_of(table)


def _tables(file: Any, most: int) -> Iterator[pa.Table]:
    """Tables of as many rows, or fewer where these are large, across the groups of rows in the file."""
    waiting: list[pa.Table] = []
    for batch in _batches(file, at_once(file, most)):
        waiting.append(pa.Table.from_batches([batch]))
        rows = sum(table.num_rows for table in waiting)
        if rows >= most or sum(table.nbytes for table in waiting) > MOST_BYTES:
            table = pa.concat_tables(waiting)
            yield from _in_bounds(table.slice(0, most))
            waiting = [table.slice(most)]
    if waiting:
        yield from _in_bounds(pa.concat_tables(waiting))


def at_once(file: Any, most: int) -> int:
    """How many rows are read at once: fewer where they are large, as the file describes them."""
    groups = (file.metadata.row_group(number) for number in range(file.num_row_groups))
    largest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(most, int(MOST_BYTES / max(largest, 1))))


def _batches(file: Any, rows: int) -> Iterator[Any]:
    batches = file.iter_batches(batch_size=rows, use_threads=False)
    read = 0
    while True:
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError) as error:
            detail = f"the Parquet file is damaged some rows after row {read}"
            raise BacklogRefused([Fault("", detail)]) from error
        if batch is None:
            return
        yield batch
        read += batch.num_rows


def _in_bounds(table: pa.Table) -> Iterator[pa.Table]:
    if table.num_rows > 1 and table.nbytes > MOST_BYTES:
        half = table.num_rows // 2
        yield from _in_bounds(table.slice(0, half))
        yield from _in_bounds(table.slice(half))
    elif table.num_rows:
        yield table


def stream_of(table: pa.Table) -> memoryview:
    """Rows in right columns as a stream of Arrow's, with a column for each fact."""
    arrays = dict(leaf for name in table.column_names for leaf in _leaves(name, table[name].combine_chunks()))
    batch = pa.record_batch({path: _plain(path, array) for path, array in arrays.items()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return memoryview(sink.getvalue()).cast("B")


def _plain(path: str, array: Any) -> Any:
    """A column as pieces hold it: numbers as they are, since not each may be whole."""
    kind = "text" if path == REQUEST_ID else FACTS[path].kind
    if kind == "affiliates":
        return array.cast(pa.list_(AFFILIATE))
    if kind == "number":
        return _without_remains(array)
    plain = array.cast(TYPES[kind])
    return _without_remains(plain) if kind == "boolean" else plain


def _without_remains(array: Any) -> Any:
    """The same, with nothing left of what stood where nulls are: equal rows give equal bytes."""
    if not array.null_count:
        return array
    nothing = pa.scalar(value=False) if pa.types.is_boolean(array.type) else pa.scalar(0, array.type)
    return pc.if_else(array.is_valid(), pc.fill_null(array, nothing), pa.scalar(None, array.type))


def _leaves(path: str, array: Any) -> Iterator[tuple[str, Any]]:
    if not pa.types.is_struct(array.type):
        if path in COLUMNS:
            yield path, array
        return
    for field, inner in zip(array.type, array.flatten(), strict=True):
        yield from _leaves(f"{path}.{field.name}", inner)
