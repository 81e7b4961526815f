"""What would change a decision: all smallest changes of facts that lead to each other outcome.

Smallest means fewest facts: no change of fewer facts leads to that outcome. Of a list of codes, only those
lists are told that differ in fewest codes. A fact that was unknown and is given has changed; to take a fact
back is no change. Each change is decided, by both evaluators, before it is shown.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, product
from math import prod

from eligibility.decider import Decider
from eligibility.documents import with_facts
from eligibility.errors import EvaluatorsDisagree
from eligibility.facts import EligibilityRequest
from eligibility.landscape import OUTCOMES, Landscape
from eligibility.reading import request_from
from eligibility.smallest import Changes, Functions, Search, TooLong
from eligibility.standing import Standing

logger = logging.getLogger(__name__)

MOST_WAYS = 5_000
"""Ways to an outcome that are looked at before those that are alike are put together."""

MOST_TOLD = 300
"""Changes told for one outcome, choices multiplied out; more would not be read."""

Way = tuple[tuple[Changes, ...], ...]
"""One change: for each part of it, the values to choose from, any of which will do with any of the others."""


@dataclass(frozen=True)
class Smallest:
    """The smallest changes that lead to a goal. Empty and complete: none does."""

    ways: tuple[Way, ...]
    complete: bool

    @property
    def facts_changed(self) -> int | None:
        """How many facts each of the changes changes; None where there is none."""
        return len(facts_of(self.ways[0])) if self.ways else None


def counterfactuals(
    landscape: Landscape, request: EligibilityRequest, outcome: str, *, kind_may_change: bool = False
) -> dict[str, Smallest]:
    """For each outcome but the one decided: the smallest changes that lead there, not checked yet."""
    standing = Standing(landscape, request.facts, kind_may_change=kind_may_change)
    search = Search(standing, outcome_functions(landscape))
    return {other: smallest(search, (GOALS[other],), request) for other in OUTCOMES if other != outcome}


def outcome_functions(landscape: Landscape) -> Functions:
    """Where it is certain to be permitted, and where prohibited; where neither, Meta is to be asked."""
    return landscape.outcomes["permitted"], landscape.outcomes["prohibited"]


GOALS: Mapping[str, Functions] = {"permitted": (1, 0), "contact_meta": (0, 0), "prohibited": (0, 1)}
"""What the two functions of outcomes are for each outcome."""


def smallest(search: Search, goals: Sequence[Functions], request: EligibilityRequest) -> Smallest:
    """The smallest changes that lead to any of some goals, those that are alike told as one."""
    try:
        fewest = search.least(goals)
        if fewest is None:
            return Smallest((), complete=True)
        found = chain.from_iterable(search.ways(goal, fewest) for goal in goals)
        some = tuple(islice(found, MOST_WAYS + 1))
    except TooLong:
        return Smallest((), complete=False)
    if len(some) > MOST_WAYS:
        return Smallest((), complete=False)
    groups: dict[frozenset[str], list[Way]] = {}
    for way in some:
        groups.setdefault(facts_of(way), []).append(way)
    return _told(way for group in _in_order(groups) for way in _merged(_least_different(group, request)))


def _in_order(groups: Mapping[frozenset[str], list[Way]]) -> Iterator[list[Way]]:
    return (group for _, group in sorted(groups.items(), key=lambda item: sorted(item[0])))


def _told(ways: Iterable[Way]) -> Smallest:
    """As many ways as are told, the last of them with one choice each where there would be too many."""
    told: list[Way] = []
    count, complete = 0, True
    for way in ways:
        if count == MOST_TOLD:
            return Smallest(tuple(told), complete=False)
        choices = prod(len(part) for part in way)
        if count + choices > MOST_TOLD:
            told.append(tuple(part[:1] for part in way))
            count, complete = count + 1, False
        else:
            told.append(way)
            count += choices
    return Smallest(tuple(told), complete)


def facts_of(way: Way) -> frozenset[str]:
    """The facts that a change changes."""
    return frozenset(fact for part in way for fact, _ in part[0])


def combinations_of(way: Way) -> Iterator[Changes]:
    """Every change that a way stands for."""
    for chosen in product(*way):
        yield tuple(change for changes in chosen for change in changes)


def _least_different(group: Sequence[Way], request: EligibilityRequest) -> list[Way]:
    """Of changes of the same facts, those whose lists differ in fewest entries from what they were."""
    weights = [sum(_weight(part[0], request) for part in way) for way in group]
    return [way for way, weight in zip(group, weights, strict=True) if weight == min(weights)]


def _weight(changes: Changes, request: EligibilityRequest) -> int:
    return sum(
        len(set(value) ^ set(request.facts.get(fact, ())))
        for fact, value in changes
        if isinstance(value, list) and fact.startswith("use.")
    )


def _merged(ways: Sequence[Way]) -> Sequence[Way]:
    """Ways that differ in one part only are one, with more to choose from."""
    for place in range(len(ways[0])):
        alike: dict[str, list[Way]] = {}
        for way in ways:
            others = (way[:place], way[place + 1 :], [fact for fact, _ in way[place][0]])
            alike.setdefault(repr(others), []).append(way)
        ways = [_choosing(group, place) for group in alike.values()]
    return ways


def _choosing(group: Sequence[Way], place: int) -> Way:
    choices = tuple(changes for way in group for changes in way[place])
    return (*group[0][:place], choices, *group[0][place + 1 :])


def check(decider: Decider, request: EligibilityRequest, changes: Changes, name: str) -> None:
    """Decide a change, and see that it leads to an outcome, or to a finding, of that name.

    Raises:
        EvaluatorsDisagree: it does not; it is logged.
        EngineFailure: the engine refused to work.
    """
    document = with_facts(request.document, changes)
    made = decider.decide(request_from(document, decider.ruleset.vocabulary))
    if name not in {made.outcome, *(finding for finding, _, _ in made.evaluation.findings)}:
        logger.error("a change was to lead to %s and does not: %r", name, document)
        raise EvaluatorsDisagree("a change does not lead where it should, so nothing is told")
