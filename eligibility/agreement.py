"""Engine and second evaluator, held against each other.

The engine decides complete rows. Where facts are unknown, rows are chosen that show all that can vary: each
rule firing and not firing, each outcome, each change of the outcome by one fact. On every row, and in sum
over all of them, the engine must find what the second evaluator says of all rows at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import combinations
from typing import Any as Anything

from eligibility.conditions import Atom
from eligibility.diagram import FALSE, TRUE
from eligibility.engine import Firing
from eligibility.errors import EvaluatorsDisagree
from eligibility.semantics import Verdict
from eligibility.trial import Trial

logger = logging.getLogger(__name__)
Run = Callable[[Sequence[Atom]], Firing]
Row = Mapping[int, int]
"""Values of the variables that stand for unknown facts; those left out may have any."""


def decide_rows(trial: Trial, verdict: Verdict, run: Run) -> list[Firing]:
    """Let the engine decide, and see that it agrees. `run` fires its rules for the atoms that are true.

    Raises:
        EvaluatorsDisagree: they differ; the row is logged.
        EngineFailure: the engine refused to work.
    """
    certain = [atom for atom, function in trial.atoms.items() if function == TRUE]
    said = _said(verdict)
    if not trial.variables:
        firing = run(certain)
        _agree(trial, firing, [table.keys() for table in said])
        return [firing]
    space = trial.space
    open_atoms = [(atom, function) for atom, function in trial.atoms.items() if function not in {FALSE, TRUE}]
    firings = []
    for row in _rows(trial, verdict):
        firing = run([*certain, *(atom for atom, function in open_atoms if space.at(function, row))])
        _agree(
            trial,
            firing,
            [{key for key, function in table.items() if space.at(function, row)} for table in said],
        )
        firings.append(firing)
    _agree_in_sum(trial, verdict, firings)
    return firings


def _said(verdict: Verdict) -> list[Mapping[Anything, int]]:
    """What the second evaluator says, in the order in which `Firing.found` is compared with it."""
    return [
        verdict.rules,
        verdict.derived,
        verdict.findings,
        verdict.obligations,
        verdict.licensors,
        verdict.outcomes,
    ]


def _agree(trial: Trial, firing: Firing, said: Sequence[AbstractSet[Anything]]) -> None:
    if len(firing.outcomes) != 1 or any(
        found != table for found, table in zip(firing.found, said, strict=True)
    ):
        logger.error(
            "the evaluators disagree on %r: engine %r, semantics %r",
            trial.questions.document(trial.cells),
            [sorted(map(str, found)) for found in firing.found],
            [sorted(map(str, table)) for table in said],
        )
        raise EvaluatorsDisagree("the two evaluators do not agree, so nothing was decided")


def _agree_in_sum(trial: Trial, verdict: Verdict, firings: Sequence[Firing]) -> None:
    """What the engine found in all rows must be what is certain; what it found in some, what is possible."""
    for place, table in enumerate(_said(verdict)):
        found = [firing.found[place] for firing in firings]
        certain = {key for key, function in table.items() if function == TRUE}
        if frozenset.intersection(*found) != certain or frozenset.union(*found) != table.keys():
            logger.error(
                "the evaluators disagree in sum over %d rows of %r",
                len(firings),
                trial.questions.document(trial.cells),
            )
            raise EvaluatorsDisagree(
                "the two evaluators do not agree on what is certain: nothing was decided"
            )


def _rows(trial: Trial, verdict: Verdict) -> list[Row]:
    """Values of the unknown facts that between them show all that can vary."""
    space = trial.space
    varying = {function: None for table in _said(verdict) for function in table.values() if function != TRUE}
    wanted = [side for function in varying for side in (function, space.negate(function))]
    rows: list[Row] = []
    for function in (*wanted, *_changes(trial, verdict)):
        if not any(space.at(function, row) for row in rows):
            rows.append(space.witness(function))
    return rows or [{}]


def _changes(trial: Trial, verdict: Verdict) -> Iterator[int]:
    """Where a change of one unknown fact changes the outcome, both before and after the change."""
    space = trial.space
    for variables in trial.slots().values():
        concerned = {
            outcome: function
            for outcome, function in verdict.outcomes.items()
            if not variables.isdisjoint(space.support(function))
        }
        somewhere = {outcome: space.some(function, variables) for outcome, function in concerned.items()}
        for one, other in combinations(concerned, 2):
            where = space.both(somewhere[one], somewhere[other])
            if where != FALSE:
                yield space.both(where, concerned[one])
                yield space.both(where, concerned[other])
