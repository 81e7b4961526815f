"""Two rulesets over one landscape: what each accepts, what each tells, and requests that show a difference.

Every request that is shown is read and decided under both rulesets first.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any as Anything
from typing import NamedTuple

from eligibility.answering import MET, OPEN, STATUSES, UNMET
from eligibility.comparing import OUTCOME, Answer, Change, Entry, Shows, Table, told
from eligibility.decider import Decider
from eligibility.diagram import TRUE
from eligibility.documents import with_facts
from eligibility.errors import EvaluatorsDisagree
from eligibility.landscape import Landscape
from eligibility.reading import request_from
from eligibility.ruleset import Program, Ruleset
from eligibility.semantics import Verdict
from eligibility.witness import witness

logger = logging.getLogger(__name__)

PURPOSES = "use.purposes"
OLD, NEW = 0, 1

Request = dict[str, Anything]


@dataclass(frozen=True)
class Shown:
    """A change, the generations in which it occurs, and a request that shows it, with both outcomes.

    The outcome is None where a ruleset gives the request no single outcome.
    """

    change: Change
    generations: tuple[str, ...]
    request: Request
    outcomes: tuple[str | None, str | None]


class Sides:
    """An old and a new ruleset, as functions of the same facts."""

    def __init__(self, old: Ruleset, new: Ruleset) -> None:
        """Lay out the facts, and read the rules of both."""
        self.rulesets = (old, new)
        self.landscape = Landscape(self.rulesets)
        self.space = self.landscape.space
        known = [(side, name) for side, ruleset in enumerate(self.rulesets) for name in ruleset.programs]
        self._programs = {key: number for number, key in enumerate(known)}
        self._accepted: dict[tuple[Anything, ...], int] = {}
        self.deciders = (Decider(old), Decider(new))

    @cached_property
    def generations(self) -> tuple[str, ...]:
        """The generations that both know, oldest first."""
        old, new = self.rulesets
        return tuple(name for name in new.generations if name in old.generations)

    def program(self, side: int, generation: str) -> Program:
        """The rules of one side for a generation."""
        return self.rulesets[side].programs[generation]

    def verdict(self, side: int, generation: str) -> Verdict:
        """When the rules of one side fire."""
        return self.landscape.verdicts[self._programs[side, generation]]

    def table(self, side: int, generation: str) -> Table:
        """What one side tells the requests of a generation."""
        return self._tables[side, generation]

    @cached_property
    def _tables(self) -> dict[tuple[int, str], Table]:
        return {key: told(self.program(*key), self.verdict(*key), self.space) for key in self._programs}

    def accepted(self, generation: str, sides: Sequence[int] = (OLD, NEW)) -> int:
        """The requests of a generation that all these sides accept."""
        key = (generation, *sides)
        if key not in self._accepted:
            found = self._purposes(sides)
            for side in sides:
                found = self.space.both(found, self.landscape.where[self._programs[side, generation]])
            self._accepted[key] = found
        return self._accepted[key]

    def _purposes(self, sides: Sequence[int]) -> int:
        """Where the purposes are such that each side knows them all."""
        field = next((field for field in self.landscape.fields if field.name == PURPOSES), None)
        if field is None:
            return TRUE
        foreign = [code for code in field.codes if not self._knows(code, sides)]
        found = self.space.negate(self.space.any_of(map(self.names, foreign)))
        if self._unnoticed(sides) is None:
            known = [code for code in field.codes if code not in foreign]
            found = self.space.both(found, self.space.any_of(map(self.names, known)))
        return found

    def _knows(self, purpose: str, sides: Iterable[int]) -> bool:
        return all(purpose in self.rulesets[side].vocabulary.purposes for side in sides)

    def _unnoticed(self, sides: Sequence[int]) -> str | None:
        """A purpose that each side knows and no rule notices: the plainest one."""
        noticed = self.landscape.fields[self.landscape.place(PURPOSES)].codes
        purposes = self.rulesets[sides[0]].vocabulary.purposes
        found = [one for one in purposes if one not in noticed and self._knows(one, sides)]
        return "general" if "general" in found else next(iter(found), None)

    def names(self, purpose: str) -> int:
        """Where the purposes name one that rules notice."""
        return self.landscape.present(self.landscape.place(PURPOSES), purpose)

    def request(self, function: int, sides: Sequence[int] = (OLD, NEW)) -> Request:
        """A request for which a function is true and that these sides accept.

        Raises:
            ValueError: there is none.
        """
        found = witness(self.landscape, function)
        field = next((field for field in self.landscape.fields if field.name == PURPOSES), None)
        if field is not None and found["use"]["purposes"] == [field.spare]:
            found["use"]["purposes"] = [self._unnoticed(sides)]
        return found

    def decide(self, side: int, request: Request) -> dict[str, Anything]:
        """What one side decides. Raises UnacceptableRequest, EvaluatorsDisagree, EngineFailure."""
        decider = self.deciders[side]
        return decider.decide(request_from(request, decider.ruleset.vocabulary)).document()

    def show(self, change: Change, generations: Sequence[str], request: Request) -> Shown:
        """A change with a request that shows it, once both sides have decided so.

        Raises:
            EvaluatorsDisagree: they do not; the request is logged.
            EngineFailure: the engine refused to work.
        """
        status = _status_shown(change)
        if status:
            request = with_facts(request, [(status.fact, status.value)])
        outcomes: list[str | None] = []
        for side, answer in enumerate((change.before, change.after)):
            if change.entry == OUTCOME and answer is None:
                outcomes.append(None)  # there is nothing to decide
                continue
            decision = self.decide(side, request)
            outcomes.append(decision["outcome"])
            if not _says(decision, change.entry, answer, status and STATUSES[status.cells[side]]):
                logger.error("a request was to show %r and does not: %r", change, request)
                raise EvaluatorsDisagree(
                    "a request does not show the difference that it should, so nothing is told"
                )
        return Shown(change, tuple(generations), request, (outcomes[OLD], outcomes[NEW]))


def _says(decision: Mapping[str, Anything], entry: Entry, answer: Answer, status: str | None) -> bool:
    """Whether a decision gives an entry this answer, and an obligation this status where one is asked for."""
    kind, name = entry
    if kind in {"outcome", "licensor"}:
        return bool(decision[kind] == answer)
    listed = {"finding": "findings", "obligation": "obligations"}[kind]
    one = next((one for one in decision[listed] if one[kind] == name), None)
    if one is None or answer is None:
        return one is answer
    if kind == "finding":
        return bool((one["effect"], one["reason"]) == answer)
    return bool(one["value"] == answer.value and status in {None, one["status"]})


class _Status(NamedTuple):
    """A value of a fact that shows two statuses of an obligation: one for each side, by their cells."""

    fact: str
    value: object
    cells: tuple[int, int]


def _status_shown(change: Change) -> _Status | None:
    """What makes a change of the status of an obligation appear, if the change is of that alone."""
    if change.entry[0] != "obligation" or None in {change.before, change.after}:
        return None
    if change.before.value != change.after.value:
        return None
    sides = (change.before.shows, change.after.shows)
    for shows in filter(None, sides):
        for value in _candidates(shows):
            before, after = (_cell(one, shows.fact, value) for one in sides)
            if before != after:
                return _Status(shows.fact, value, (before, after))
    return None


def _candidates(shows: Shows) -> list[object]:
    return [value for value, _ in sorted(shows.cells, key=str)] or [shows.start, "Another"]


def _cell(shows: Shows | None, fact: str, value: object) -> int:
    """The status where this fact has this value and no other fact is given."""
    if shows is None or shows.fact != fact:
        return OPEN
    if shows.start is not None:
        return MET if str(value).startswith(shows.start) else UNMET
    return shows.cell(value)


def without(request: Mapping[str, Anything], facts: Iterable[str]) -> Request:
    """A copy of a request that leaves facts out."""
    copy = deepcopy(dict(request))
    for fact in facts:
        *path, last = fact.split(".")
        members: Anything = copy
        for part in path:
            members = members.get(part, {})
        members.pop(last, None)
    return copy
