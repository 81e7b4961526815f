"""Engine and second evaluator, held against each other.

The engine decides complete rows. Where facts are unknown, rows are chosen that show all that can vary: each
rule firing and not firing, each outcome, each change of the outcome by one fact. On every row, and in sum
over all of them, the engine must find what the second evaluator says of all rows at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any as Anything

from eligibility.atoms import Kept
from eligibility.conditions import Atom
from eligibility.diagram import TRUE
from eligibility.engine import Firing
from eligibility.errors import EvaluatorsDisagree
from eligibility.layout import Layout, kept_by
from eligibility.semantics import Verdict
from eligibility.trial import Trial
from eligibility.unknowns import turns

logger = logging.getLogger(__name__)
Run = Callable[[Sequence[Atom]], Firing]


class _Row:
    """A row where each unknown fact has a value."""

    def __init__(self, layout: Layout, values: Mapping[int, int]) -> None:
        """Give the variables these values; those left out may have any."""
        self.holds: Callable[[int], bool] = Kept(
            lambda function: layout.space.at(function, values)
        ).__getitem__
        """Whether a function is true here."""
        self.atoms = [atom for atom, function in layout.open if self.holds(function)]
        """The atoms about unknown facts that are true."""


def decide_rows(trial: Trial, verdict: Verdict, run: Run) -> list[Firing]:
    """Let the engine decide, and see that it agrees. `run` fires its rules for the atoms that are true.

    Raises:
        EvaluatorsDisagree: they differ; the row is logged.
        EngineFailure: the engine refused to work.
    """
    said = _said(verdict)
    if not trial.variables:
        firing = run(trial.certain)
        _agree(trial, firing, [table.keys() for table in said])
        return [firing]
    certain = [{key for key, function in table.items() if function == TRUE} for table in said]
    varying = [[entry for entry in table.items() if entry[1] != TRUE] for table in said]
    firings = []
    for row in _rows_for(trial, verdict):
        firing = run([*trial.certain, *row.atoms])
        here: list[AbstractSet[Anything]] = [
            keys.union([key for key, function in entries if row.holds(function)]) if entries else keys
            for keys, entries in zip(certain, varying, strict=True)
        ]
        _agree(trial, firing, here)
        firings.append(firing)
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


def _agree(trial: Trial, firing: Firing, said: list[AbstractSet[Anything]]) -> None:
    if len(firing.outcomes) != 1 or list(firing.found) != said:
        logger.error(
            "the evaluators disagree on %r: engine %r, semantics %r",
            trial.questions.document(trial.cells),
            [sorted(map(str, found)) for found in firing.found],
            [sorted(map(str, table)) for table in said],
        )
        raise EvaluatorsDisagree("the two evaluators do not agree, so nothing was decided")


def _rows_for(trial: Trial, verdict: Verdict) -> tuple[_Row, ...]:
    """Rows that between them show all that can vary."""
    functions = {function: None for table in _said(verdict) for function in table.values()}
    functions.pop(TRUE, None)
    return _rows(trial.layout, tuple(functions), tuple(verdict.outcomes.items()))


@kept_by
def _rows(
    layout: Layout, varying: tuple[int, ...], outcomes: tuple[tuple[str, int], ...]
) -> tuple[_Row, ...]:
    """Rows that between them show these functions true and false, and each turn of the outcome.

    If the functions say where rules fire and conclusions hold, and the engine finds in each row what holds
    there, then what it finds in all rows is certain, and what it finds in some is all that is possible.

    Raises EvaluatorsDisagree where such rows are not found.
    """
    space = layout.space
    wanted = [side for function in varying for side in (function, space.negate(function))]
    rows: list[_Row] = []
    for function in (*wanted, *(side for turn in turns(layout, outcomes) for side in turn.where)):
        if not any(row.holds(function) for row in rows):
            rows.append(_Row(layout, space.witness(function)))
    if any({row.holds(function) for row in rows} != {True, False} for function in varying):
        raise EvaluatorsDisagree("no rows were found that show all that can vary: nothing was decided")
    return tuple(rows) or (_Row(layout, {}),)
