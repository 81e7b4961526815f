"""Evaluation: what a ruleset says of a row of cells. A pure function of (ruleset digest, cells).

The rule engine decides. Where facts are unknown it decides a set of complete rows that, between them, show
everything that can vary: each rule firing and not firing, each outcome, each missing fact changing the
outcome. The second evaluator (`semantics`) says what holds over *all* rows. The two must agree on each row
and in sum; if they do not, there is no answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any as Anything
from typing import NamedTuple

from eligibility.agreement import Run, decide_rows
from eligibility.answering import STATUSES
from eligibility.atoms import Cells, Questions
from eligibility.canonical import canonical
from eligibility.compiler import Alternative, Compiled
from eligibility.diagram import TRUE
from eligibility.engine import Engine
from eligibility.graph import alternatives_under, steps_of
from eligibility.layout import slot_name
from eligibility.semantics import Made, Semantics, Verdict
from eligibility.trial import Trial
from eligibility.unknowns import Reach, reach

CLARIFICATION = "clarification"


Content = Mapping[str, Anything]


class Agreed(NamedTuple):
    """What both evaluators say of what the rules ask, whatever the status of obligations is."""

    outcome: str
    found: Reach
    fired: tuple[Alternative, ...]
    """The ways in which rules fired for certain, in their order: what the explanation is told of."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What follows from a row of cells, by ids and slots, without the values of any request.

    `explained` is the content, where it was wanted at once.
    """

    cells: Cells
    questions: Questions
    semantics: Semantics
    compiled: Compiled
    agreed: Agreed
    explained: Content | None = None

    @property
    def outcome(self) -> str:
        """`permitted`, `prohibited` or `contact_meta`."""
        return self.agreed.outcome

    @property
    def found(self) -> Reach:
        """All that is certain, and all that is possible."""
        return self.agreed.found

    @property
    def generation(self) -> str:
        """The generation whose rules were applied."""
        return self.questions.generation

    @property
    def findings(self) -> tuple[Made, ...]:
        """The findings that are certain."""
        return self.found.findings

    @property
    def contact_reasons(self) -> list[str]:
        """Why to get in contact, in alphabetical order."""
        return contact_reasons(self.found, self.outcome)

    @property
    def content(self) -> Content:
        """What is recorded.

        It says all that a decision says, but for the words (which the ruleset has) and the values (which the
        request has). Most of it is the explanation; where that was not wanted at once, it is made each time,
        which costs as much as the second evaluator, and kept nowhere, since it is large.
        """
        if self.explained is not None:
            return self.explained
        trial = Trial(self.questions, self.cells)
        verdict = self.semantics.judge(trial.atoms, trial.space)
        return _content(trial, verdict, self.agreed, self.compiled)

    @property
    def ruleset(self) -> str:
        """The digest of the ruleset."""
        return self.questions.ruleset.digest

    @property
    def cells_document(self) -> Mapping[str, Anything]:
        """The cells as JSON."""
        return self.questions.document(self.cells)

    @cached_property
    def key(self) -> bytes:
        """SHA-256 of the canonical JSON of ruleset digest and cells: what the evaluation is a function of."""
        return hashlib.sha256(
            canonical({"ruleset": self.ruleset, "cells": dict(self.cells_document)})
        ).digest()

    @property
    def cells_bytes(self) -> bytes:
        """The canonical JSON of the cells."""
        return canonical(dict(self.cells_document))

    @property
    def content_bytes(self) -> bytes:
        """The canonical JSON of the content."""
        return _written(self)

    @cached_property
    def content_hash(self) -> bytes:
        """SHA-256 of the canonical JSON of the content: what a record in the log names."""
        return hashlib.sha256(self.content_bytes).digest()


@lru_cache(1024)
def _written(evaluation: Evaluation) -> bytes:
    """The canonical JSON of the content, which is asked for again soon or not at all."""
    return canonical(dict(evaluation.content))


def evaluate(trial: Trial, semantics: Semantics, engine: Engine) -> Evaluation:
    """Evaluate a row of cells with both evaluators, and explain what they say.

    Raises:
        EvaluatorsDisagree: they differ; the row is logged.
        EngineFailure: the engine refused to work.
    """
    verdict = semantics.judge(trial.atoms, trial.space)
    agreed = _agreed(trial, verdict, engine.run)
    content = _content(trial, verdict, agreed, engine.compiled)
    return Evaluation(trial.cells, trial.questions, semantics, engine.compiled, agreed, content)


def agree(trial: Trial, semantics: Semantics, run: Run) -> Agreed:
    """Evaluate a row of cells with both evaluators, and explain nothing. `run` asks the engine.

    Raises as `evaluate`.
    """
    return _agreed(trial, semantics.judge(trial.atoms, trial.space), run)


def _agreed(trial: Trial, verdict: Verdict, run: Run) -> Agreed:
    found = reach(trial, verdict)
    firings = decide_rows(trial, verdict, run)
    outcome = found.outcomes[0] if len(found.outcomes) == 1 else "contact_meta"
    ways = {way for firing in firings for way in firing.alternatives if verdict.rules[way.rule.id] == TRUE}
    return Agreed(outcome, found, tuple(sorted(ways, key=attrgetter("place"))))


def _content(trial: Trial, verdict: Verdict, agreed: Agreed, compiled: Compiled) -> dict[str, Anything]:
    outcome, found, fired = agreed
    permitted = outcome == "permitted"
    statuses = statuses_of(trial)
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
        "contact_reasons": contact_reasons(found, outcome),
        "licensor": found.licensor,
        "steps": [step.document() for step in steps_of(trial, verdict, fired, compiled)],
        "alternatives": alternatives_under(trial, verdict, found, outcome),
    }


def contact_reasons(found: Reach, outcome: str) -> list[str]:
    """The reasons of the certain contacts, and clarification where facts are missing (policy, section 5)."""
    if outcome != "contact_meta":
        return []
    reasons = {reason for _, effect, reason in found.findings if effect == "contact" and reason}
    if found.missing:
        reasons.add(CLARIFICATION)
    elif not reasons:
        reasons = {reason for _, effect, reason in found.possible_findings if effect == "contact" and reason}
    return sorted(reasons)


def statuses_of(trial: Trial) -> dict[str, str]:
    """The status of each obligation that has one, as the facts show it."""
    known = zip(trial.questions.statuses, trial.cells.statuses, strict=True)
    return {obligation: STATUSES[cell] for (obligation, _), cell in known}
