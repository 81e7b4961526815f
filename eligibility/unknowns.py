"""What unknown facts can change: exactly, as section 5 of the policy defines it.

Everything here is read off functions of the unknown facts, which stand for every combination of the values
that a well-formed request could give.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

from eligibility.atoms import UNKNOWN
from eligibility.diagram import FALSE, TRUE
from eligibility.domains import DECLARED_BY
from eligibility.semantics import Key, Made, Verdict
from eligibility.trial import Slot, Trial


class Missing(NamedTuple):
    """An unknown fact that can change the outcome, and the outcomes seen when it alone changes."""

    slot: Slot
    outcomes: tuple[str, ...]


class Reach(NamedTuple):
    """What holds in every combination of the unknown facts, and what in some."""

    outcomes: tuple[str, ...]
    missing: tuple[Missing, ...]
    findings: tuple[Made, ...]
    possible_findings: tuple[Made, ...]
    obligations: tuple[str, ...]
    possible_obligations: tuple[tuple[str, tuple[Slot, ...]], ...]
    licensor: str | None


def reach(trial: Trial, verdict: Verdict) -> Reach:
    """Find what is certain, what is possible, and which unknown facts matter."""
    outcomes = tuple(sorted(name for name, function in verdict.outcomes.items() if function != FALSE))
    certain = tuple(made for made, function in verdict.findings.items() if function == TRUE)
    licensor = next((name for name, function in verdict.licensors.items() if function == TRUE), None)
    return Reach(
        outcomes=outcomes,
        missing=tuple(_missing(trial, verdict)) if len(outcomes) > 1 else (),
        findings=tuple(sorted(certain, key=_by_effect)),
        possible_findings=tuple(sorted(_possible(verdict.findings), key=_by_effect)),
        obligations=tuple(name for name, function in verdict.obligations.items() if function == TRUE),
        possible_obligations=tuple(
            (name, tuple(_depends_on(trial, verdict.obligations[name])))
            for name in _possible(verdict.obligations)
        ),
        licensor=licensor,
    )


EFFECTS = ("prohibits", "contact", "exempts", "note")


def _by_effect(made: Made) -> tuple[int, str, str]:
    name, effect, reason = made
    return EFFECTS.index(effect), name, reason or ""


def _possible(table: Mapping[Key, int]) -> list[Key]:
    return [key for key, function in table.items() if function not in {FALSE, TRUE}]


def _listed(trial: Trial) -> dict[Slot, frozenset[int]]:
    """The unknown facts that may be listed: those whose declaring fact, if they have one, is known."""
    slots = trial.slots()
    return {slot: numbers for slot, numbers in slots.items() if _declaring(slot) not in slots}


def _declaring(slot: Slot) -> Slot | None:
    declared = DECLARED_BY.get(slot[0])
    return (declared[0], UNKNOWN) if declared else None


def _missing(trial: Trial, verdict: Verdict) -> Iterator[Missing]:
    space = trial.space
    for slot, variables in _listed(trial).items():
        concerned = {
            outcome: function
            for outcome, function in verdict.outcomes.items()
            if not variables.isdisjoint(space.support(function))
        }
        # where, in terms of the other facts, some value of this one leads to the outcome
        somewhere = {outcome: space.some(function, variables) for outcome, function in concerned.items()}
        seen = {
            outcome
            for pair in combinations(somewhere, 2)
            if space.both(somewhere[pair[0]], somewhere[pair[1]]) != FALSE
            for outcome in pair
        }
        if seen:
            yield Missing(slot, tuple(sorted(seen)))


def _depends_on(trial: Trial, function: int) -> Iterator[Slot]:
    support = trial.space.support(function)
    return (slot for slot, variables in _listed(trial).items() if not variables.isdisjoint(support))
