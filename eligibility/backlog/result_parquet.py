"""Results as Parquet: typed columns, compressed with zstd, in groups of a fixed number of rows."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from eligibility.backlog.answers import LISTS
from eligibility.backlog.deciding import Decided
from eligibility.backlog.form import DECISION, RESULTS
from eligibility.parquet_sink import GROUP_ROWS, Sink

WHOLE_GROUP_ROWS: Final = 2_000
"""Rows of a group with whole decisions: some 20 MB, which are held in memory."""

_REPEATED: Final = ["outcome", *(f"{name}.list.element" for name in LISTS)]
"""Columns with few distinct values: a dictionary of others would be as large as they are."""


class ResultsParquet:
    """Writes tables of results; the last column is the JSON of the decision where they are written whole."""

    def __init__(self, *, full: bool) -> None:
        """Write nothing yet."""
        self._schema = RESULTS.append(DECISION) if full else RESULTS
        self._group = WHOLE_GROUP_ROWS if full else GROUP_ROWS
        self._sink = Sink()
        self._writer = pq.ParquetWriter(
            pa.PythonFile(self._sink, mode="w"), self._schema, compression="zstd", use_dictionary=_REPEATED
        )
        self._waiting = self._schema.empty_table()

    def start(self) -> bytes:
        """The mark that a file begins with."""
        return self._sink.taken()

    def write(self, results: Any) -> bytes:
        """The groups of rows that are full by now."""
        self._waiting = pa.concat_tables([self._waiting, results.select(self._schema.names)])
        while self._waiting.num_rows >= self._group:
            self._write_group()
        return self._sink.taken()

    def write_decided(self, decided: Decided, ids: Any = None) -> bytes:
        """The same for what was just decided; `ids` as for `Decided.table`. For slim rows only."""
        return self.write(decided.table(ids))

    def end(self) -> bytes:
        """The last group, and the description of all of them."""
        if self._waiting.num_rows:
            self._write_group()
        self._writer.close()
        return self._sink.taken()

    def _write_group(self) -> None:
        """Write rows in one piece: the ends of the pieces they came in would show in the file."""
        group = self._waiting.slice(0, self._group).combine_chunks()
        self._waiting = self._waiting.slice(self._group)
        self._writer.write_table(group, row_group_size=self._group)
