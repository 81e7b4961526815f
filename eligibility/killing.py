"""Trying the mutants of a policy on its cases: a case kills a mutant where it no longer comes out as it says.

What comes of a mutant is told by the second evaluator alone; `shortcut` says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal, NamedTuple

from eligibility.atoms import Questions
from eligibility.cases import DECIDED, Case, Result, check
from eligibility.conditions import atoms_of
from eligibility.errors import EligibilityError
from eligibility.facts import EligibilityRequest
from eligibility.loading import anything
from eligibility.mutants import Mutant
from eligibility.parsing import Faults
from eligibility.reading import request_from
from eligibility.ruleset import Program, Rule, Ruleset
from eligibility.semantics import Semantics
from eligibility.shortcut import answer
from eligibility.soundness import unsound
from eligibility.trial import Trial


@dataclass(frozen=True)
class Fate:
    """What became of a mutant.

    `refused`: loading it would fail, as `why` says. `killed`: by the case that `why` names. `survived`: no
    case notices it.
    """

    mutant: Mutant
    kind: Literal["refused", "killed", "survived"]
    why: str


class _Tried(NamedTuple):
    """A case as mutants are tried on it: the request, and the words by which it may be about a mutant."""

    case: Case
    request: EligibilityRequest
    generation: str
    text: str


class _Evaluator(NamedTuple):
    """One generation of a mutant, ready to evaluate."""

    questions: Questions
    semantics: Semantics


def fates(ruleset: Ruleset, results: Sequence[Result], mutants: Sequence[Mutant]) -> Iterator[Fate]:
    """Try every mutant, in their order. `results` are those of the cases under the policy itself.

    Cases that expect a refusal kill nothing: what requests may say is none of the things changed.
    """
    own = {name: _evaluator(ruleset, name) for name in ruleset.generations}
    cases = [_tried(result, ruleset, own) for result in results if result.status == DECIDED]
    for mutant in mutants:
        yield _fate(mutant, cases)


def _evaluator(ruleset: Ruleset, generation: str) -> _Evaluator:
    program = ruleset.program(generation)
    return _Evaluator(Questions(ruleset, program), Semantics(program))


def _tried(result: Result, ruleset: Ruleset, own: Mapping[str, _Evaluator]) -> _Tried:
    case = result.case
    request = request_from(case.request, ruleset.vocabulary)
    generation: str = request.facts["model.generation"]
    questions, semantics = own[generation]
    trial = Trial(questions, questions.cells(request))
    fired = list(semantics.judge(trial.atoms, trial.space).rules)
    return _Tried(case, request, generation, json.dumps([case.request, case.expect, fired]))


def _fate(mutant: Mutant, cases: Sequence[_Tried]) -> Fate:
    fault = next(unsound(mutant.document), None)
    if fault is not None:
        return Fate(mutant, "refused", fault.detail)
    try:
        ruleset = mutant.ruleset()
    except Faults as faults:
        return Fate(mutant, "refused", str(faults))
    # no file says when a rule is evaluated, so that loading could not refuse to evaluate it earlier
    never = None if mutant.early else next(_never_firing(mutant, ruleset), None)
    if never is not None:
        return Fate(mutant, "refused", f"`{never}` can never fire")
    concerned = [tried for tried in cases if tried.generation in mutant.generations]
    concerned.sort(key=lambda tried: -sum(words in tried.text for words in mutant.mentions))
    evaluator = cache(partial(_evaluator, ruleset))
    killer = next((tried for tried in concerned if _kills(tried, evaluator(tried.generation))), None)
    return Fate(mutant, "killed", killer.case.name) if killer else Fate(mutant, "survived", "")


def _never_firing(mutant: Mutant, ruleset: Ruleset) -> Iterator[str]:
    """The rules that fire for no values of the facts any more; loading refuses a ruleset for them.

    Only what can have become so is looked at, which takes a fraction of the time: the changed rules, and
    those that name what these conclude. The outcomes are left out unless their own rules are changed, since
    for them to be never given, next to nothing else could be left of a policy.
    """
    for generation in mutant.generations:
        changed = [rule for rule in ruleset.rules if rule.id in mutant.rules]
        program = _resting_on(changed, ruleset.program(generation))
        questions = Questions(ruleset, program)
        trial = Trial(questions, anything(questions))
        fires = Semantics(program).judge(trial.atoms, trial.space).rules
        yield from (rule.id for rule in program.rules if rule.id not in fires)


def _resting_on(changed: Sequence[Rule], program: Program) -> Program:
    """The part of a program that rests on some rules, with all that this part rests on itself.

    The changed rules need not be part of it: one for a generation less still has others name what it made.
    """
    wanted = list(changed)
    for rule in wanted:  # it grows while it is gone through
        for other in program.rules:
            if other not in wanted and rule.then.name in other.names:
                wanted.append(other)
    for rule in wanted:
        for other in program.rules:
            needed = other.then.name in rule.names or (rule.effects and other.then.kind == "finding")
            if needed and other not in wanted:
                wanted.append(other)
    rules = tuple(rule for rule in program.rules if rule in wanted)
    atoms = dict.fromkeys(atom for rule in rules for atom in atoms_of(rule.when))
    return Program(program.generation, rules, tuple(atoms))


def _kills(tried: _Tried, evaluator: _Evaluator) -> bool:
    try:
        came = answer(evaluator.questions, evaluator.semantics, tried.request)
    except EligibilityError:
        return True
    return bool(check(tried.case.expect, DECIDED, came))
