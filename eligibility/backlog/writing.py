"""Results as JSONL, CSV or Parquet: tables in, bytes out, which do not show how the rows were cut."""

from __future__ import annotations

from typing import Any, Protocol

from eligibility.backlog.deciding import Decided
from eligibility.backlog.formats import Format
from eligibility.backlog.result_csv import csv_lines
from eligibility.backlog.result_jsonl import JSON_LINES
from eligibility.backlog.result_lines import Lines


class ResultWriter(Protocol):
    """Makes a file of results. Pieces may be empty; in a row they are the file."""

    def start(self) -> bytes:
        """What comes before the rows."""

    def write(self, results: Any) -> bytes:
        """Some rows, which follow those before: columns of RESULTS, and DECISION for whole decisions."""

    def write_decided(self, decided: Decided, ids: Any = None) -> bytes:
        """The same as `write(decided.table(ids))`, in less time where it can be. For slim rows only."""

    def end(self) -> bytes:
        """What comes after the rows."""


def result_writer(form: Format, *, full: bool) -> ResultWriter:
    """The writer of a format; with `full`, of whole decisions."""
    if form == "parquet":
        # it brings along what exports the log, and with that the database: dear to processes that write lines
        from eligibility.backlog.result_parquet import ResultsParquet  # noqa: PLC0415 - as said above

        return ResultsParquet(full=full)
    return Lines(JSON_LINES if form == "jsonl" else csv_lines(full=full))
