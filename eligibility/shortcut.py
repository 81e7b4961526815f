"""What cases look at in a decision, by the second evaluator alone.

A mutant of a policy is tried on hundreds of cases, thousands of times in all. It needs no rule engine: before
any mutant is tried, the same cases were decided under the policy itself, where the two evaluators agreed on
each, and an engine costs time and memory that is never given back. Nothing is ever decided for a caller here.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any as Anything

from eligibility.answering import STATUSES
from eligibility.atoms import Questions
from eligibility.diagram import FALSE, TRUE
from eligibility.errors import EvaluatorsDisagree
from eligibility.evaluation import contact_reasons, statuses_of
from eligibility.facts import EligibilityRequest
from eligibility.layout import slot_name
from eligibility.semantics import Made, Semantics, Verdict
from eligibility.trial import Trial
from eligibility.unknowns import Reach, reach
from eligibility.wording import Subject


def answer(questions: Questions, semantics: Semantics, request: EligibilityRequest) -> dict[str, Anything]:
    """The members of a decision that expectations name, without words, reasons and explanation.

    Raises:
        EvaluatorsDisagree: not every row has exactly one outcome, which the engine would refuse.
    """
    trial = Trial(questions, questions.cells(request))
    verdict = semantics.judge(trial.atoms, trial.space)
    _see_one_outcome(trial, verdict)
    found = reach(trial, verdict)
    subject = Subject(questions, request.facts)
    outcome = found.outcomes[0] if len(found.outcomes) == 1 else "contact_meta"
    due = outcome == "permitted"
    return {
        "outcome": outcome,
        "findings": [_finding(made, questions, verdict) for made in found.findings],
        "obligations": _obligations(found, questions, trial, verdict) if due else [],
        "possible_obligations": [{"obligation": name} for name, _ in found.possible_obligations]
        if due
        else [],
        "missing_facts": [
            {"fact": path, "outcomes": missing.outcomes}
            for missing in found.missing
            for path in subject.paths(slot_name(missing.slot))
        ],
        "contact": {"reasons": contact_reasons(found, outcome)} if outcome == "contact_meta" else None,
        "assumptions": subject.assumptions(),
        "licensor": found.licensor,
    }


def _see_one_outcome(trial: Trial, verdict: Verdict) -> None:
    space, functions = trial.space, verdict.outcomes.values()
    pairs = combinations(functions, 2)
    if space.any_of(functions) != TRUE or any(space.both(one, other) != FALSE for one, other in pairs):
        raise EvaluatorsDisagree("a row has no outcome, or more than one")


def _rules(kind: str, name: str, questions: Questions, verdict: Verdict) -> list[str]:
    """The rules that gave a conclusion for certain; where none did, those that can."""
    rules = [rule.id for rule in questions.program.by_conclusion[kind, name]]
    return [rule for rule in rules if verdict.rules.get(rule) == TRUE] or rules


def _finding(made: Made, questions: Questions, verdict: Verdict) -> dict[str, Anything]:
    name, effect, reason = made
    rules = _rules("finding", name, questions, verdict)
    return {"finding": name, "effect": effect, "reason": reason, "rules": rules}


def _obligations(
    found: Reach, questions: Questions, trial: Trial, verdict: Verdict
) -> list[dict[str, Anything]]:
    statuses, program = statuses_of(trial), questions.program
    made = []
    for name in found.obligations:
        first = program.by_id[_rules("obligation", name, questions, verdict)[0]]
        value = (first.then.values or {}).get(program.generation.id)
        made.append({"obligation": name, "status": statuses.get(name, STATUSES[0]), "value": value})
    return made
