"""What verification of the log finds: flaws, each in its place, and the verdicts they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any as Anything
from typing import Literal

Verdict = Literal["integrity", "completeness", "authenticity", "meaning"]
VERDICTS: tuple[Verdict, ...] = ("integrity", "completeness", "authenticity", "meaning")
SENTENCES: dict[Verdict, str] = {
    "integrity": "what is there is as it was written",
    "completeness": "nothing is missing, and nothing was added",
    "authenticity": "it was written by the holders of the log's keys",
    "meaning": "the recorded rules lead from the recorded facts to the recorded decisions",
}
MOST_TOLD = 100
"""Flaws of each verdict that are told; all are counted."""
_LONGEST = 200


@dataclass(frozen=True)
class Flaw:
    """One thing that is wrong: what, in plain words, and where, as far as it has a place.

    `column` is written `table.column`, `row` is the key of the row. `found` and `expected` are values as
    people read them.
    """

    verdict: Verdict
    what: str
    block: int | None = None
    sequence: int | None = None
    column: str | None = None
    row: str | None = None
    found: str | None = None
    expected: str | None = None

    def document(self) -> dict[str, Anything]:
        """The flaw as JSON, without what it does not have."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def __str__(self) -> str:
        places = (
            ("block", self.block),
            ("sequence", self.sequence),
            ("row", self.row),
            ("column", self.column),
        )
        where = ", ".join(f"{name} {value}" for name, value in places if value is not None)
        beside = [
            f"{name} {value}"
            for name, value in (("found", self.found), ("expected", self.expected))
            if value is not None
        ]
        return (f"{where}: " if where else "") + self.what + (f": {', '.join(beside)}" if beside else "")


@dataclass(frozen=True)
class Place:
    """Where something is looked at. `row` is the key of the row."""

    block: int | None = None
    sequence: int | None = None
    row: str | None = None

    def flaw(
        self, verdict: Verdict, column: str, what: str, found: object = None, expected: object = None
    ) -> Flaw:
        """A flaw here. Values are told where one of them is given."""
        told = found is not None or expected is not None
        return Flaw(
            *(verdict, what, self.block, self.sequence, column, self.row),
            *((_said(found), _said(expected)) if told else ()),
        )


def _said(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, datetime) else str(value)[:_LONGEST]


@dataclass
class Findings:
    """Flaws as they are found, and how much was looked at. All are counted, the first of each are kept."""

    flaws: list[Flaw] = field(default_factory=list)
    counts: Counter[Verdict] = field(default_factory=Counter)
    looked_at: Counter[str] = field(default_factory=Counter)
    notes: dict[str, Verdict] = field(default_factory=dict)

    def add(self, flaw: Flaw) -> None:
        """Note a flaw."""
        self.counts[flaw.verdict] += 1
        if self.counts[flaw.verdict] <= MOST_TOLD:
            self.flaws.append(flaw)

    def extend(self, flaws: Iterable[Flaw]) -> None:
        """Note several flaws."""
        for flaw in flaws:
            self.add(flaw)

    def note(self, verdict: Verdict, sentence: str) -> None:
        """Say what the verdict does not cover, or rests on."""
        self.notes.setdefault(sentence, verdict)

    def merge(self, others: Findings) -> None:
        """Take in what was found elsewhere, in a part of the log."""
        beyond = others.counts.copy()
        for flaw in others.flaws:
            self.add(flaw)
            beyond[flaw.verdict] -= 1
        self.counts.update(beyond)
        self.looked_at.update(others.looked_at)
        for sentence, verdict in others.notes.items():
            self.note(verdict, sentence)


@dataclass(frozen=True)
class Report:
    """What became of a verification. `first` and `last` are sequences, 0 and 0 of an empty log."""

    findings: Findings
    verdicts: tuple[Verdict, ...]
    first: int
    last: int
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether nothing was found to be wrong."""
        return not self.findings.counts.total()

    def document(self) -> dict[str, Anything]:
        """The report as JSON."""
        counts = self.findings.counts
        return {
            "holds": self.holds,
            "first": self.first,
            "last": self.last,
            "seconds": round(self.seconds, 3),
            "looked_at": dict(self.findings.looked_at),
            "verdicts": {
                verdict: {
                    "verdict": verdict_word(counts[verdict]) if verdict in self.verdicts else "not examined",
                    "flaws": counts[verdict],
                    "notes": [note for note, about in self.findings.notes.items() if about == verdict],
                }
                for verdict in VERDICTS
            },
            "flaws": [flaw.document() for flaw in self.findings.flaws],
        }


def verdict_word(flaws: int) -> str:
    """The verdict over something with that many flaws."""
    return "failed" if flaws else "holds"
