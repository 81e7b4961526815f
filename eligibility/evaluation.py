"""Evaluation: what a ruleset says of a row of cells. A pure function of (ruleset digest, cells).

The rule engine decides. Where facts are unknown it decides a set of complete rows that, between them, show
everything that can vary: each rule firing and not firing, each outcome, each missing fact changing the
outcome. The second evaluator (`semantics`) says what holds over *all* rows. The two must agree on each row
and in sum; if they do not, there is no answer.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any as Anything

from eligibility.answering import STATUSES
from eligibility.atoms import Cells, Questions
from eligibility.conditions import Atom
from eligibility.diagram import FALSE, TRUE
from eligibility.engine import Engine, Firing
from eligibility.errors import EvaluatorsDisagree
from eligibility.graph import Step, alternatives_under, steps_of
from eligibility.ruleset import canonical
from eligibility.semantics import Made, Semantics, Verdict
from eligibility.trial import Trial, slot_name
from eligibility.unknowns import Reach, reach

log = logging.getLogger(__name__)
CLARIFICATION = "clarification"


@dataclass(frozen=True)
class Evaluation:
    """What follows from a row of cells, by ids and slots, without the values of any request.

    `content` is what is recorded: it says all that a decision says, but for the words (which the ruleset has)
    and the values (which the request has).
    """

    generation: str
    cells: Cells
    questions: Questions
    outcome: str
    findings: tuple[Made, ...]
    content: Mapping[str, Anything]
    steps: tuple[Step, ...]

    @property
    def ruleset(self) -> str:
        """The digest of the ruleset."""
        return self.questions.ruleset.digest

    @cached_property
    def cells_document(self) -> Mapping[str, Anything]:
        """The cells as JSON."""
        return self.questions.document(self.cells)

    @cached_property
    def key(self) -> bytes:
        """SHA-256 of the canonical JSON of ruleset digest and cells: what the evaluation is a function of."""
        return hashlib.sha256(canonical({"ruleset": self.ruleset, "cells": self.cells_document})).digest()

    @cached_property
    def content_bytes(self) -> bytes:
        """The canonical JSON of the content."""
        return canonical(self.content)

    @cached_property
    def content_hash(self) -> bytes:
        """SHA-256 of the canonical JSON of the content: what a record in the log names."""
        return hashlib.sha256(self.content_bytes).digest()


def evaluate(questions: Questions, semantics: Semantics, engine: Engine, cells: Cells) -> Evaluation:
    """Evaluate a row of cells with both evaluators.

    Raises:
        EvaluatorsDisagree: they differ; the row is logged.
        EngineFailure: the engine refused to work.
    """
    trial = Trial(questions, cells)
    verdict = semantics.judge(trial.atoms, trial.space)
    found = reach(trial, verdict)
    firings = [_decide(trial, verdict, engine, row) for row in _rows(trial, verdict)]
    _agree_in_sum(trial, verdict, firings)
    outcome = found.outcomes[0] if len(found.outcomes) == 1 else "contact_meta"
    steps = steps_of(trial, verdict, firings, engine.compiled)
    content = _content(trial, verdict, found, outcome, steps)
    return Evaluation(
        generation=questions.generation,
        cells=cells,
        questions=questions,
        outcome=outcome,
        findings=found.findings,
        content=content,
        steps=steps,
    )


def _rows(trial: Trial, verdict: Verdict) -> Iterator[Mapping[int, int]]:
    """Values of the unknown facts that between them show all that can vary."""
    if not trial.variables:
        yield {}
        return
    space = trial.space
    rows: list[Mapping[int, int]] = []
    tables = (verdict.rules, verdict.outcomes, verdict.findings, verdict.licensors)
    varying = [function for table in tables for function in table.values() if function not in {FALSE, TRUE}]
    wanted = [side for function in dict.fromkeys(varying) for side in (function, space.negate(function))]
    for function in (*wanted, *_changes(trial, verdict)):
        if not any(space.at(function, row) for row in rows):
            rows.append(space.witness(function))
    yield from rows or [{}]


def _changes(trial: Trial, verdict: Verdict) -> Iterator[int]:
    """Where a change of one unknown fact changes the outcome, both before and after the change."""
    space = trial.space
    for variables in trial.slots().values():
        reachable = {name: space.some(function, variables) for name, function in verdict.outcomes.items()}
        for one, other in combinations(reachable, 2):
            where = space.both(reachable[one], reachable[other])
            if where != FALSE and not variables.isdisjoint(space.support(verdict.outcomes[one])):
                yield space.both(where, verdict.outcomes[one])
                yield space.both(where, verdict.outcomes[other])


def _decide(trial: Trial, verdict: Verdict, engine: Engine, row: Mapping[int, int]) -> Firing:
    """Let the engine decide one complete row, and hold its answer against the second evaluator's."""
    if trial.variables:
        true_atoms = [atom for atom, function in trial.atoms.items() if trial.space.at(function, row)]
    else:
        true_atoms = [atom for atom, function in trial.atoms.items() if function == TRUE]
    firing = engine.run(true_atoms)
    _compare(
        "rules",
        {alternative.rule.id for alternative in firing.alternatives},
        verdict.rules,
        trial,
        row,
        true_atoms,
    )
    _compare("derived facts", firing.derived, verdict.derived, trial, row, true_atoms)
    _compare("findings", firing.findings, verdict.findings, trial, row, true_atoms)
    _compare("obligations", firing.obligations, verdict.obligations, trial, row, true_atoms)
    _compare("licensors", firing.licensors, verdict.licensors, trial, row, true_atoms)
    _compare("outcomes", firing.outcomes, verdict.outcomes, trial, row, true_atoms)
    return firing


def _compare(
    what: str,
    engine_says: Sequence[object] | set[str] | frozenset[str] | frozenset[Made],
    table: Mapping[Anything, int],
    trial: Trial,
    row: Mapping[int, int],
    true_atoms: Sequence[Atom],
) -> None:
    space = trial.space
    says = {
        key for key, function in table.items() if function == TRUE or (function and space.at(function, row))
    }
    if says != engine_says:
        pattern = [atom.id for atom in true_atoms]
        log.error(
            "evaluators disagree on %s: engine %r, semantics %r, true atoms %r",
            what,
            engine_says,
            says,
            pattern,
        )
        raise EvaluatorsDisagree(f"the two evaluators disagree on {what}, so nothing was decided")


def _agree_in_sum(trial: Trial, verdict: Verdict, firings: Sequence[Firing]) -> None:
    """What the engine found in all rows must be what is certain; what it found in some, what is possible."""
    fired = [frozenset(alternative.rule.id for alternative in firing.alternatives) for firing in firings]
    always, sometimes = frozenset.intersection(*fired), frozenset.union(*fired)
    certain = {rule for rule, function in verdict.rules.items() if function == TRUE}
    possible = {rule for rule, function in verdict.rules.items() if function != FALSE}
    outcomes = frozenset().union(*(firing.outcomes for firing in firings))
    reachable = {outcome for outcome, function in verdict.outcomes.items() if function != FALSE}
    single = all(len(firing.outcomes) == 1 for firing in firings)
    if always != certain or sometimes != possible or outcomes != reachable or not single:
        log.error(
            "evaluators disagree in sum over %d rows of %r",
            len(firings),
            trial.questions.document(trial.cells),
        )
        raise EvaluatorsDisagree("the two evaluators disagree on what is certain, so nothing was decided")


def _content(
    trial: Trial, verdict: Verdict, found: Reach, outcome: str, steps: Sequence[Step]
) -> dict[str, Anything]:
    permitted = outcome == "permitted"
    statuses = _statuses(trial)
    return {
        "outcome": outcome,
        "findings": [
            {"finding": name, "effect": effect, "reason": reason} for name, effect, reason in found.findings
        ],
        "obligations": [
            {"obligation": name, "status": statuses.get(name, STATUSES[0])} for name in found.obligations
        ]
        if permitted
        else [],
        "possible_obligations": [
            {"obligation": name, "depends_on": [slot_name(slot) for slot in slots]}
            for name, slots in found.possible_obligations
        ]
        if permitted
        else [],
        "missing": [
            {"fact": slot_name(missing.slot), "outcomes": list(missing.outcomes)} for missing in found.missing
        ],
        "contact_reasons": _contact_reasons(found, outcome),
        "licensor": found.licensor,
        "steps": [step.document() for step in steps],
        "alternatives": alternatives_under(trial, verdict, found, outcome),
    }


def _contact_reasons(found: Reach, outcome: str) -> list[str]:
    """The reasons of the certain contacts, and clarification where facts are missing (policy, section 5)."""
    if outcome != "contact_meta":
        return []
    reasons = {reason for _, effect, reason in found.findings if effect == "contact" and reason}
    if found.missing:
        reasons.add(CLARIFICATION)
    elif not reasons:
        reasons = {reason for _, effect, reason in found.possible_findings if effect == "contact" and reason}
    return sorted(reasons)


def _statuses(trial: Trial) -> dict[str, str]:
    questions = trial.questions
    start = len(questions.asked)
    return {
        obligation: STATUSES[cell]  # type: ignore[index]  # a status cell is an int
        for (obligation, _), cell in zip(questions.statuses, trial.cells[start:], strict=False)
    }
