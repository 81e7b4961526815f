"""Recorded evaluations and decisions, sorted by what a draft changes about them: the work of `elsewhere`.

Like changes are one group, known by a number to whoever asks. A group's document is handed out once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from eligibility.again import Before, Decides, Given, Recorded
from eligibility.atoms import Cells
from eligibility.canonical import canonical
from eligibility.carrying import Unanswered
from eligibility.refusing import Refused
from eligibility.replay import Again, Changed, NotDecidable

UNCHANGED: Final = 0
ASK_FACTS: Final = -1
"""In place of a group: the recorded cells do not answer what the draft asks, so the facts must."""


class Numbered(NamedTuple):
    """For each row the number of its group, and the canonical documents of new groups, in order."""

    numbers: list[int]
    new: list[bytes]


class Groups:
    """The groups that were found under one draft, numbered from 1."""

    def __init__(self, decides: Decides) -> None:
        """Find none yet."""
        self._decides = decides
        self._numbers: dict[bytes, int] = {}
        self._new: list[bytes] = []
        self._open: dict[bytes, Recorded] = {}
        self._seen: dict[tuple[bytes, Cells | Refused | Unanswered], int] = {}

    def evaluations(self, rows: Sequence[tuple[bytes, Recorded]]) -> Numbered:
        """Sort distinct evaluations by their recorded cells. Those that need facts are kept, for `decisions`.

        Raises EvaluatorsDisagree, EngineFailure.
        """
        return self._numbered([self._evaluation(key, recorded) for key, recorded in rows])

    def decisions(self, rows: Sequence[tuple[bytes, Given]]) -> Numbered:
        """Sort decisions, each with the key of its evaluation, by their facts.

        Raises EvaluatorsDisagree, EngineFailure.
        """
        return self._numbered([self._decision(key, given) for key, given in rows])

    def _numbered(self, numbers: list[int]) -> Numbered:
        new, self._new = self._new, []
        return Numbered(numbers, new)

    def _evaluation(self, key: bytes, recorded: Recorded) -> int:
        if recorded.ruleset == self._decides.ruleset.digest:
            content = self._decides.content(recorded.cells)
            return self._number(self._decides.as_recorded(recorded, content))
        before = self._decides.before(recorded)
        found = self._decides.carried(before)
        if isinstance(found, Unanswered):
            self._open[key] = recorded
            return ASK_FACTS
        return self._number(self._decides.decide(before, found))

    def _decision(self, key: bytes, given: Given) -> int:
        def before() -> Before:
            return self._decides.before(self._open[key])

        found = self._decides.cells(given, before)
        seen = (key, found)
        if seen not in self._seen:
            self._seen[seen] = self._number(self._again(before, found))
        return self._seen[seen]

    def _again(self, before: Callable[[], Before], found: Cells | Refused | Unanswered) -> Again:
        if isinstance(found, Unanswered):
            return NotDecidable(found.facts)
        return self._decides.decide(before(), found)

    def _number(self, again: Again | None) -> int:
        if again is None or (isinstance(again, Changed) and not again):
            return UNCHANGED
        document = canonical(again.essence())
        if document not in self._numbers:
            self._numbers[document] = len(self._numbers) + 1
            self._new.append(document)
        return self._numbers[document]
