"""Reasons beyond a decision: what would change it, why not something else, which facts force it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any as Anything

from eligibility.counterfactuals import Smallest, check, combinations_of, counterfactuals
from eligibility.decider import Decider
from eligibility.facts import EligibilityRequest
from eligibility.landscape import Landscape
from eligibility.reasons import told_counterfactuals, told_sufficient, told_why_not
from eligibility.ruleset import Ruleset
from eligibility.smallest import Changes
from eligibility.sufficient import sufficient_reasons
from eligibility.why_not import why_not
from eligibility.wording import Subject

MOST_NODES = 200_000
"""Nodes of diagrams after which they are built anew; some 40 MB. A search adds some tens."""


@dataclass(frozen=True)
class Asked:
    """Which reasons are asked for. `why_not` names findings and outcomes."""

    counterfactuals: bool = False
    kind_may_change: bool = False
    sufficient_reasons: bool = False
    why_not: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to find."""
        return self.counterfactuals or self.sufficient_reasons or bool(self.why_not)


@dataclass(frozen=True)
class Found:
    """Reasons as callers get them, and the changes they tell, each with what it leads to: to be checked."""

    document: dict[str, Anything]
    changes: tuple[tuple[Changes, str], ...]


class Reasoner:
    """Finds reasons under one ruleset. Not for several threads at once."""

    def __init__(self, ruleset: Ruleset) -> None:
        """Lay out the landscape when it is first needed."""
        self.ruleset = ruleset
        self._landscape: Landscape | None = None

    def landscape(self) -> Landscape:
        """The landscape of the ruleset, built anew where searches have filled it."""
        if self._landscape is None or len(self._landscape.space) > MOST_NODES:
            self._landscape = Landscape([self.ruleset])
        return self._landscape

    def find(self, request: EligibilityRequest, outcome: str, asked: Asked) -> Found:
        """Find what is asked for about a request that was decided; a search that is too long says so."""
        landscape = self.landscape()
        generation = request.facts["model.generation"]
        questions = next(one for one in landscape.programs if one.generation == generation)
        subject = Subject(questions, request.facts)
        document: dict[str, Anything] = {}
        leads: list[tuple[Smallest, str]] = []
        if asked.counterfactuals:
            others = counterfactuals(landscape, request, outcome, kind_may_change=asked.kind_may_change)
            leads += [(found, name) for name, found in others.items()]
            document["counterfactuals"] = told_counterfactuals(subject, others)
        if asked.why_not:
            sets = {name: why_not(landscape, request, name) for name in asked.why_not}
            leads += [(found, name) for name, found in sets.items()]
            document["why_not"] = [told_why_not(subject, name, found) for name, found in sets.items()]
        if asked.sufficient_reasons:
            sufficient = sufficient_reasons(landscape, request, outcome)
            document["sufficient_reasons"] = told_sufficient(subject, sufficient)
        return Found(document, tuple(_all_changes(leads)))


def _all_changes(leads: list[tuple[Smallest, str]]) -> Iterator[tuple[Changes, str]]:
    for found, name in leads:
        for way in found.ways:
            for changes in combinations_of(way):
                yield changes, name


def checked(decider: Decider, request: EligibilityRequest, found: Found) -> dict[str, Anything]:
    """The reasons, each change of which was decided and led where it is said to lead.

    Raises:
        EvaluatorsDisagree: one did not, or the two evaluators differ.
        EngineFailure: the engine refused to work.
    """
    for changes, name in found.changes:
        check(decider, request, changes, name)
    return found.document
