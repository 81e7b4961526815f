"""Results as JSONL: the line of `contract` for each row, its members in a fixed order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson
import pyarrow.compute as pc

from eligibility.backlog.answers import Said
from eligibility.backlog.result_lines import Layout, filled
from eligibility.backlog.result_rows import Error, Rows

_ESCAPED: Final = '["\\\\\\x00-\\x1f]'
"""Characters that a JSON text cannot hold as they are."""


def _text(answer: Said | Error) -> str:
    """The members that follow the id."""
    members = answer._asdict() if isinstance(answer, Said) else {"error": answer}
    return "," + orjson.dumps(members).decode()[1:-1]


def _pieces(rows: Rows, answers: Any) -> Sequence[Any]:
    head = ('{"line":', pc.cast(rows.lines, "string"), ',"request_id":', _names(rows.request_ids))
    pieces: list[Any] = [*head]
    if rows.ids.null_count < len(rows.ids):
        pieces.append(_member(',"id":"', rows.ids, '"'))
    pieces.append(answers)
    if rows.decisions is not None:
        pieces.append(_member(',"decision":', rows.decisions, ""))
    return [*pieces, "}\n"]


def _names(request_ids: Any) -> Any:
    if request_ids.null_count == len(request_ids):
        return "null"
    inside = filled(request_ids, _ESCAPED, lambda text: orjson.dumps(text)[1:-1].decode())
    return pc.fill_null(pc.binary_join_element_wise('"', inside, '"', ""), "null")


def _member(before: str, values: Any, after: str) -> Any:
    """A member of the line, left out where its value is null."""
    return pc.fill_null(pc.binary_join_element_wise(before, values, after, ""), "")


JSON_LINES: Final = Layout(b"", _text, _pieces)
