"""What unknown facts can change: exactly, as section 5 of the policy defines it.

Everything here is read off functions of the unknown facts, which stand for every combination of the values
that a well-formed request could give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from eligibility.diagram import FALSE, TRUE
from eligibility.layout import Layout, Slot, kept_by
from eligibility.semantics import Made, Verdict
from eligibility.trial import Trial


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
    outcomes = tuple(sorted(verdict.outcomes))
    findings = sorted(verdict.findings.items(), key=_by_effect)
    licensor = next((name for name, function in verdict.licensors.items() if function == TRUE), None)
    return Reach(
        outcomes=outcomes,
        missing=tuple(_missing(trial, verdict)) if len(outcomes) > 1 else (),
        findings=tuple([made for made, function in findings if function == TRUE]),
        possible_findings=tuple([made for made, function in findings if function != TRUE]),
        obligations=tuple([name for name, function in verdict.obligations.items() if function == TRUE]),
        possible_obligations=tuple(
            [
                (name, tuple(_depends_on(trial, function)))
                for name, function in verdict.obligations.items()
                if function != TRUE
            ]
        ),
        licensor=licensor,
    )


EFFECTS = ("prohibits", "contact", "exempts", "note")


def _by_effect(finding: tuple[Made, int]) -> tuple[int, str, str]:
    (name, effect, reason), _ = finding
    return EFFECTS.index(effect), name, reason or ""


class Turn(NamedTuple):
    """Where a change of one unknown fact alone turns one outcome into another."""

    slot: Slot
    outcomes: tuple[str, str]
    where: tuple[int, int]
    """Where the one is the outcome and the other could be, and the other way round."""


@kept_by
def turns(layout: Layout, outcomes: tuple[tuple[str, int], ...]) -> tuple[Turn, ...]:
    """All that unknown facts can turn, one at a time, where outcomes hold as their functions say."""
    return tuple(_turns(layout, outcomes))


def _turns(layout: Layout, outcomes: Sequence[tuple[str, int]]) -> Iterator[Turn]:
    space = layout.space
    for slot, variables in layout.slots.items():
        # of each outcome: where, in terms of the other facts, some value of this one leads to it
        concerned = [
            (outcome, function, space.some(function, variables))
            for outcome, function in outcomes
            if not variables.isdisjoint(space.support(function))
        ]
        for (one, of_one, near_one), (other, of_other, near_other) in combinations(concerned, 2):
            where = space.both(near_one, near_other)
            if where != FALSE:
                yield Turn(slot, (one, other), (space.both(where, of_one), space.both(where, of_other)))


def _missing(trial: Trial, verdict: Verdict) -> Iterator[Missing]:
    seen: dict[Slot, set[str]] = {}
    for turn in turns(trial.layout, tuple(verdict.outcomes.items())):
        if turn.slot in trial.layout.listed:
            seen.setdefault(turn.slot, set()).update(turn.outcomes)
    return (Missing(slot, tuple(sorted(outcomes))) for slot, outcomes in seen.items())


def _depends_on(trial: Trial, function: int) -> Iterator[Slot]:
    support = trial.space.support(function)
    return (slot for slot, variables in trial.layout.listed.items() if not variables.isdisjoint(support))
