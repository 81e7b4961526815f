"""What came of a backlog, in numbers. Tallies of its parts add up to that of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from eligibility.backlog.answers import LISTS, Refused, Said
from eligibility.backlog.deciding import Decided
from eligibility.backlog.result_rows import Rows, rows_decided, rows_of
from eligibility.wording import pattern_of

OUTCOMES: Final = ("permitted", "prohibited", "contact_meta")

COUNTED: Final = ("outcomes", *LISTS)
"""What rows are counted by."""

MOST_REFUSED: Final = 100
"""Refused lines that are kept to be shown."""


class RefusedLine(NamedTuple):
    """A line that was refused, by its number in the file, with the caller's name for it if that was good."""

    line: int
    request_id: str | None
    why: Refused


@dataclass(frozen=True)
class Tally:
    """Numbers of rows: of all, of those refused, and of those decided by what they were told.

    A row counts once for each name that it was told. Facts that were missing are counted by their path,
    those of affiliates by that of any (`entity.affiliates[].relation`). `first_refused` are the refused
    lines with the lowest numbers, and may quote what they hold.
    """

    rows: int = 0
    refused: int = 0
    outcomes: Mapping[str, int] = field(default_factory=Counter)
    findings: Mapping[str, int] = field(default_factory=Counter)
    obligations: Mapping[str, int] = field(default_factory=Counter)
    missing_facts: Mapping[str, int] = field(default_factory=Counter)
    contact_reasons: Mapping[str, int] = field(default_factory=Counter)
    first_refused: tuple[RefusedLine, ...] = ()

    @property
    def decided(self) -> int:
        """Rows that were decided."""
        return self.rows - self.refused

    def merged(self, other: Tally) -> Tally:
        """The tally of both; no line may be in both."""
        counts = {name: Counter(getattr(self, name)) + Counter(getattr(other, name)) for name in COUNTED}
        first = sorted([*self.first_refused, *other.first_refused], key=lambda refused: refused.line)
        rows, refused = self.rows + other.rows, self.refused + other.refused
        return Tally(rows, refused, **counts, first_refused=tuple(first[:MOST_REFUSED]))

    def document(self) -> dict[str, Any]:
        """The numbers as JSON, the greatest first; no texts of callers."""
        return {
            "rows": self.rows,
            "decided": self.decided,
            "refused": self.refused,
            "outcomes": {outcome: self.outcomes.get(outcome, 0) for outcome in OUTCOMES},
            **{name: dict(by_frequency(getattr(self, name))) for name in LISTS},
        }


def by_frequency(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Names with their numbers, the greatest first, like ones by name."""
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


def tally_decided(decided: Decided) -> Tally:
    """The tally of what was just decided."""
    return _tally(rows_decided(decided))


def tally_of(results: Any) -> Tally:
    """The tally of a table with the columns of RESULTS."""
    return _tally(rows_of(results))


def _tally(rows: Rows) -> Tally:
    told, errors, refused = Counter[Said](), list[int](), 0
    for place, count in _counted(rows.which):
        answer = rows.answers[place]
        if isinstance(answer, Said):
            told[answer] += count
        else:
            refused += count
            errors.append(place)
    counts: dict[str, Counter[str]] = {name: Counter() for name in COUNTED}
    for said, count in told.items():
        counts["outcomes"][said.outcome] += count
        for column, names in zip(LISTS, said[1:], strict=True):
            for name in _patterns(names) if column == "missing_facts" else names:
                counts[column][name] += count
    return Tally(len(rows.which), refused, **counts, first_refused=tuple(_first_refused(rows, errors)))


def _patterns(paths: Iterable[str]) -> Iterable[str]:
    """The paths of facts, those of affiliates as those of any, each once."""
    return dict.fromkeys(map(pattern_of, paths))


def _counted(which: Any) -> Iterator[tuple[int, int]]:
    """The places of answers, with how many rows got each."""
    values, counts = which.value_counts().flatten()
    return zip(values.to_pylist(), counts.to_pylist(), strict=True)


def _first_refused(rows: Rows, errors: list[int]) -> Iterator[RefusedLine]:
    """The first of the rows that got one of these answers."""
    if not errors:
        return
    is_refused = pc.is_in(rows.which, value_set=pa.array(errors, rows.which.type))
    first = pc.indices_nonzero(is_refused).slice(0, MOST_REFUSED)
    columns = (rows.lines, rows.request_ids, rows.which)
    for line, request_id, place in zip(*(one.take(first).to_pylist() for one in columns), strict=True):
        error: Any = rows.answers[place]
        faults = tuple((fault["pointer"], fault["detail"]) for fault in error["errors"])
        yield RefusedLine(line, request_id, Refused(error["detail"], faults))
