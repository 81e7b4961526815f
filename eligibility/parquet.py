"""Lines as Parquet: typed columns, compressed, in groups of rows. A file that was cut lacks its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any as Anything

import pyarrow as pa
import pyarrow.parquet as pq

from eligibility.exported import Kind, Line, json_text
from eligibility.parquet_sink import GROUP_ROWS, Sink

GROUP_BYTES = 64 * 2**20
"""A group of rows ends here, or at GROUP_ROWS if that comes first; so much is held in memory."""

_TYPES: Mapping[Kind, Anything] = {
    "number": pa.int64(),
    "text": pa.string(),
    "time": pa.timestamp("us", tz="UTC"),
    "flag": pa.bool_(),
    "list": pa.list_(pa.string()),
    "json": pa.string(),
}


class Parquet:
    """Nested facts are JSON texts, times are in UTC."""

    def __init__(self, columns: Mapping[str, Kind]) -> None:
        self._columns = columns
        self._schema = pa.schema([(name, _TYPES[kind]) for name, kind in columns.items()])
        self._sink = Sink()
        self._writer = pq.ParquetWriter(pa.PythonFile(self._sink, mode="w"), self._schema, compression="zstd")
        self._waiting: list[Anything] = []

    def start(self) -> bytes:
        """The mark that a file begins with."""
        return self._sink.taken()

    def write(self, lines: Sequence[Line]) -> bytes:
        """A group of rows, once enough of them wait."""
        arrays = [
            pa.array([_value(line[name], kind) for line in lines], type=_TYPES[kind])
            for name, kind in self._columns.items()
        ]
        self._waiting.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        rows = sum(batch.num_rows for batch in self._waiting)
        if rows >= GROUP_ROWS or sum(batch.nbytes for batch in self._waiting) >= GROUP_BYTES:
            self._write_group()
        return self._sink.taken()

    def end(self, summary: Mapping[str, Anything]) -> bytes:
        """The last group, and the description of all of them; the summary stands among its metadata."""
        if self._waiting:
            self._write_group()
        self._writer.add_key_value_metadata({"eligibility": json_text(summary)})
        self._writer.close()
        return self._sink.taken()

    def _write_group(self) -> None:
        table = pa.Table.from_batches(self._waiting, schema=self._schema)
        self._writer.write_table(table, row_group_size=table.num_rows)
        self._waiting = []


def _value(value: Anything, kind: Kind) -> Anything:
    if value is None:
        return None
    if kind == "json":
        return json_text(value)
    return datetime.fromisoformat(value) if kind == "time" else value
