"""Rows as the rules that decide them see them: coarser than classes, which the rules of all generations part.

A row is decided by the rules of one generation, and some facts count for some applicants only. So a value is
reduced further, to its *sight*: what a request of the row's sort shows that has this fact and no other. Cells
are found fact by fact, so rows of one sort whose sights are equal have equal cells.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from eligibility.atoms import UNKNOWN, Cells, Questions, acts_for_employer
from eligibility.backlog.classes import ABSENT, Column, Numbers
from eligibility.domains import AFFILIATES, DECLARED_BY, NATURAL_PERSONS, ORGANISATIONS
from eligibility.facts import EligibilityRequest

_SORTED_BY: Final = ("model.generation", "entity.kind", "use.on_behalf_of")
"""The facts that say of which sort a row is."""

_BY_CLASS: Final = frozenset({"model.name", "model.multimodal", "use.on_behalf_of"})
"""Facts of which more counts than cells show: they can contradict each other, or what else the row says."""

_CODES: Final = 2**8
"""More than there are classes of a fact that sorts rows."""

_CLASSES: Final = 2**40
"""More than there are classes of any fact."""

NOTHING: Final = 0
"""The sight of a fact that shows what its absence would show."""


class _Sort(NamedTuple):
    """Rows about which the same is asked, and what those see of which nothing else is known."""

    questions: Questions
    facts: Mapping[str, Any]
    absent: Cells


class Sights:
    """What rows show to the rules of their generation. Numbers stay the same."""

    def __init__(
        self, programs: Mapping[str, Questions], paths: Sequence[str], *, statuses: bool = True
    ) -> None:
        """See these facts as these generations do, without the statuses of obligations if nobody asks."""
        self._programs = programs
        self._statuses = statuses
        self._sorts: list[_Sort | None] = [None]
        self._sort_numbers: dict[tuple[str, bool, bool], int] = {}
        self._sort_codes: dict[int, int] = {}
        self._numbers: dict[str, dict[Hashable, int]] = {path: {} for path in paths}
        self._codes: dict[str, dict[int, int]] = {path: {} for path in paths}

    def of(self, columns: Mapping[str, Column], rows: int) -> tuple[Numbers, dict[str, Numbers]]:
        """The number of each row's sort, and by path those of its sights.

        What is odd is seen as absent. Rows that lack what every request needs are of one sort, and show
        nothing. A path that is missing shows nothing in any row.
        """
        sorts = self._sorts_of([columns.get(path) for path in _SORTED_BY], rows)
        codes = pc.multiply(sorts.array, _CLASSES)
        return sorts, {path: self._sights(path, column, codes) for path, column in columns.items()}

    def _sorts_of(self, columns: Sequence[Column | None], rows: int) -> Numbers:
        codes = pa.repeat(pa.scalar(0, pa.int64()), rows)
        for column in columns:
            codes = pc.multiply(codes, _CODES)
            if column is not None:
                codes = pc.add(codes, column.given.array)

        def find(first: Any, _codes: Sequence[int]) -> list[int]:
            values = [[None] * len(first) if column is None else _values(column, first) for column in columns]
            return [
                self._sort({path: value for path, value in zip(_SORTED_BY, each, strict=True) if value})
                for each in zip(*values, strict=True)
            ]

        return _numbers(codes, self._sort_codes, find)

    def _sort(self, facts: Mapping[str, Any]) -> int:
        """The number of a sort, which these facts show."""
        if "model.generation" not in facts or "entity.kind" not in facts:
            return 0
        generation, is_natural = facts["model.generation"], facts["entity.kind"] in NATURAL_PERSONS
        key = generation, is_natural, acts_for_employer(facts)
        number = self._sort_numbers.get(key)
        if number is None:
            number = self._sort_numbers[key] = len(self._sorts)
            kind = (NATURAL_PERSONS if is_natural else ORGANISATIONS)[0]
            fewest = {"model.generation": generation, "entity.kind": kind}
            if acts_for_employer(facts):
                fewest["use.on_behalf_of"] = "employer"
            questions = self._programs[generation]
            self._sorts.append(_Sort(questions, fewest, self._cells(questions, fewest)))
        return number

    def _sights(self, path: str, column: Column, sorts: Any) -> Numbers:
        """The sights of a column; the number of each row's sort is given as a multiple of _CLASSES."""
        if path in _BY_CLASS:
            return column.given

        def find(first: Any, codes: Sequence[int]) -> list[int]:
            return [
                self._sight(path, self._sorts[code // _CLASSES], code % _CLASSES, value)
                for code, value in zip(codes, _values(column, first), strict=True)
            ]

        return _numbers(pc.add(sorts, column.given.array), self._codes[path], find)

    def _sight(self, path: str, sort: _Sort | None, number: int, value: Any) -> int:
        """The number of what a value shows; the number of its class is given, too."""
        if sort is None or number == ABSENT:
            return NOTHING
        cells = self._cells(sort.questions, {**sort.facts, path: value})
        # which codes a list names may let other facts count, whether or not a rule asks for the codes
        declared = tuple(code in value for fact, code in DECLARED_BY.values() if fact == path)
        if cells == sort.absent and not declared:
            return NOTHING
        by_place = (
            number if path == AFFILIATES and any(UNKNOWN in pair for pair in cells.affiliates) else None
        )
        numbers = self._numbers[path]
        return numbers.setdefault((cells, declared, by_place), len(numbers) + 1)

    def _cells(self, questions: Questions, facts: dict[str, Any]) -> Cells:
        return questions.cells(EligibilityRequest({}, facts), statuses=self._statuses)


def _numbers(
    codes: Any, known: dict[int, int], find: Callable[[Any, Sequence[int]], Sequence[int]]
) -> Numbers:
    """The number of each row, from its code; `find` finds those not known, from its first row."""
    encoded = codes.dictionary_encode()
    distinct = encoded.dictionary.to_pylist()
    new = [code for code in distinct if code not in known]
    if new:
        first = pc.index_in(pa.array(new, pa.int64()), value_set=codes)
        known.update(zip(new, find(first, new), strict=True))
    numbers = [known[code] for code in distinct]
    return Numbers(pa.array(numbers, pa.int64()).take(encoded.indices), max(numbers, default=NOTHING))


def _values(column: Column, rows: Any) -> list[Any]:
    """The values of some rows, None where they are absent."""
    classes = column.classes.take(rows).to_pylist()
    return [
        value if number > ABSENT else None for number, value in zip(classes, column.values(rows), strict=True)
    ]
