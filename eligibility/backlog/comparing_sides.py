"""What the rows of one run were told, ready to be held against those of another."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from eligibility.backlog.answers import Answer, Refused, Said
from eligibility.backlog.committed import Committed, Stored
from eligibility.backlog.deciding import Decided
from eligibility.backlog.form import in_one
from eligibility.backlog.result_rows import rows_of
from eligibility.evaluation import Content, Evaluation


class Telling(NamedTuple):
    """What rows that are alike were told: `said` is None where they were refused.

    `evaluated` is the evaluation, or its content, as it is or as JSON; `key` tells evaluations of one ruleset
    apart. Both are None where only results are known.
    """

    said: Said | None
    key: Hashable = None
    evaluated: Evaluation | Content | bytes | None = None

    @property
    def content(self) -> Content | None:
        """The content of the evaluation, which takes a while where it was not wanted before."""
        if isinstance(self.evaluated, bytes):
            content: Content = orjson.loads(self.evaluated)
            return content
        return self.evaluated.content if isinstance(self.evaluated, Evaluation) else self.evaluated


class Side(NamedTuple):
    """Some rows of a run, by ascending lines: `which` has the place of each one's telling in `tellings`."""

    lines: Any
    request_ids: Any
    ids: Any
    which: Any
    tellings: Sequence[Telling]

    def slice(self, start: int, length: int | None = None) -> Side:
        """Some of the rows, one after the other."""
        return self._each(lambda column: column.slice(start, length))

    def take(self, rows: Any) -> Side:
        """The rows of these numbers."""
        return self._each(lambda column: column.take(rows))

    def _each(self, change: Callable[[Any], Any]) -> Side:
        lines, request_ids, ids, which = map(change, self[:4])
        return Side(lines, request_ids, ids, which, self.tellings)

    def until(self, line: int) -> int:
        """How many of the first rows are of this line or an earlier one."""
        return int(pc.sum(pc.less_equal(self.lines, line)).as_py() or 0)

    def portable(self) -> Side:
        """The same rows, in little that has to be copied to be sent to another process."""
        return self._replace(tellings=[_portable(telling) for telling in self.tellings])


def _portable(telling: Telling) -> Telling:
    content = telling.content
    return telling if content is None else telling._replace(evaluated=orjson.dumps(dict(content)))


def decided_side(decided: Decided, ids: Any = None) -> Side:
    """What was just decided; `ids` as for `Decided.table`."""
    given = pa.nulls(len(decided.which), pa.string()) if ids is None else ids
    lines, tellings = in_one(decided.requests["line"]), [_telling(answer) for answer in decided.answers]
    return Side(lines, decided.request_ids, given, decided.which, tellings)


def _telling(answer: Answer) -> Telling:
    told, evaluation = answer
    if isinstance(told, Refused):
        return Telling(None)
    if evaluation is None:
        return Telling(told)
    return Telling(told, (evaluation.generation, evaluation.cells), evaluation)


def results_side(results: Any) -> Side:
    """The rows of a table with the columns of RESULTS."""
    rows = rows_of(results)
    tellings = [Telling(said if isinstance(said, Said) else None) for said in rows.answers]
    return Side(rows.lines, rows.request_ids, rows.ids, rows.which, tellings)


def committed_side(committed: Committed, stored: Stored, results: Any) -> Side:
    """A slice that was read back, and the table of results that it was rendered to."""
    rows, first = results_side(results), stored.slice.first
    keys = {int.from_bytes(decision.id[11:]) - first: decision.evaluation for decision in stored.decisions}
    seen: dict[tuple[int, bytes | None], int] = {}
    which = [
        seen.setdefault((place, keys.get(row)), len(seen)) for row, place in enumerate(rows.which.to_pylist())
    ]
    tellings = list(_with_contents(committed, rows, seen))
    return rows._replace(which=pa.array(which, pa.int32()), tellings=tellings)


def _with_contents(
    committed: Committed, rows: Side, seen: Mapping[tuple[int, bytes | None], int]
) -> Iterator[Telling]:
    for place, key in seen:
        telling = rows.tellings[place]
        yield telling if key is None else telling._replace(key=key, evaluated=committed.content(key))
