"""Rows of results by what they say: the few distinct answers once, and for each row which of them it got."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from eligibility.backlog.answers import LISTS, Refused, Said
from eligibility.backlog.deciding import Decided
from eligibility.backlog.form import DECISION, in_one

_WITHIN, _BETWEEN = "\x1f", "\x1e"


Error = Mapping[str, Any]
"""Why a row was refused: `detail`, and `errors` with a pointer and a detail each."""


class Rows(NamedTuple):
    """Rows of results: `which` has the place of each one's answer in `answers`.

    `decisions` has the JSON of each decision, or is None where only what follows from it is wanted.
    """

    lines: Any
    request_ids: Any
    ids: Any
    which: Any
    answers: Sequence[Said | Error]
    decisions: Any = None

    def portions(self, most: int) -> Iterator[Rows]:
        """The same rows, at most so many at once."""
        for start in range(0, len(self.which), most):
            yield Rows(
                self.lines.slice(start, most),
                self.request_ids.slice(start, most),
                self.ids.slice(start, most),
                self.which.slice(start, most),
                self.answers,
                None if self.decisions is None else self.decisions.slice(start, most),
            )


def rows_of(results: Any) -> Rows:
    """The rows of a table with the columns of RESULTS, and `decision` where it has that."""
    columns = {name: results[name].combine_chunks() for name in results.column_names}
    lists = [pc.binary_join(columns[name], _WITHIN) for name in LISTS]
    encoded = pc.binary_join_element_wise(columns["outcome"], *lists, _BETWEEN).dictionary_encode()
    answers: list[Said | Error] = [_said(text) for text in encoded.dictionary.to_pylist()]
    which = encoded.indices
    if which.null_count:
        refused = which.is_null()
        places = range(len(answers), len(answers) + which.null_count)
        answers += columns["error"].filter(refused).to_pylist()
        which = pc.replace_with_mask(which, refused, pa.array(places, which.type))
    decisions = columns.get(DECISION.name)
    return Rows(columns["line"], columns["request_id"], columns["id"], which, answers, decisions)


def rows_decided(decided: Decided, ids: Any = None) -> Rows:
    """The rows of what was just decided; `ids` as for `Decided.table`."""
    told, which = decided.told
    given = pa.nulls(len(which), pa.string()) if ids is None else ids
    answers = [one.document() if isinstance(one, Refused) else one for one in told]
    return Rows(in_one(decided.requests["line"]), decided.request_ids, given, which, answers)


def _said(text: str) -> Said:
    outcome, *lists = text.split(_BETWEEN)
    return Said(outcome, *(tuple(names.split(_WITHIN)) if names else () for names in lists))
