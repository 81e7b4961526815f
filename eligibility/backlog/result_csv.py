"""Results as CSV: RFC 4180 in UTF-8. Lists are joined by `;`, what is null is empty, formulas are defused."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from eligibility.backlog.answers import LISTS, Said
from eligibility.backlog.csv_cells import LIST_SEPARATOR
from eligibility.backlog.form import DECISION
from eligibility.backlog.result_lines import Layout, filled
from eligibility.backlog.result_rows import Error, Rows
from eligibility.defusing import defused, defused_json

COLUMNS: Final = ("line", "request_id", "id", "outcome", *LISTS, "error", "errors")
"""The columns; whole decisions add `decision`. `errors` is JSON."""

_END: Final = "\r\n"
_NOT_PLAIN: Final = "^[^0-9A-Za-z]|[^0-9A-Za-z _./:#-]"
"""Texts that may have to be quoted or defused; most begin with a letter and hold few other characters."""


def _text(answer: Said | Error) -> str:
    """The cells from `outcome` to `errors`."""
    if isinstance(answer, Said):
        lists = (defused(LIST_SEPARATOR.join(names)) for names in answer[1:])
        return _cells(answer.outcome, *lists, "", "")
    errors = defused_json(orjson.dumps(answer["errors"]).decode())
    return _cells("", *("" for _ in LISTS), defused(answer["detail"]), errors)


def _pieces(rows: Rows, answers: Any) -> Sequence[Any]:
    pieces = [
        *(pc.cast(rows.lines, pa.string()), ","),
        *(_or_empty(filled(rows.request_ids, _NOT_PLAIN, lambda text: _cells(defused(text)))), ","),
        *(_or_empty(rows.ids), ","),
        answers,
    ]
    if rows.decisions is not None:
        cells = filled(rows.decisions, "", _json_cell)
        pieces += [",", _or_empty(cells)]
    return [*pieces, _END]


def _or_empty(texts: Any) -> Any:
    return pc.fill_null(texts, "")


def _json_cell(text: str) -> str:
    """A cell of JSON that holds texts, so that it needs quotes for certain."""
    doubled = defused_json(text).replace('"', '""')
    return f'"{doubled}"'


def _cells(*cells: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=_END).writerow(cells)
    return text.getvalue().removesuffix(_END)


def csv_lines(*, full: bool) -> Layout:
    """The layout, with a column for whole decisions or without."""
    columns = (*COLUMNS, DECISION.name) if full else COLUMNS
    return Layout(f"{_cells(*columns)}{_END}".encode(), _text, _pieces)
