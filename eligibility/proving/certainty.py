"""Law: missing facts are sound and complete, so that an outcome reported as certain is certain.

What is certain, possible and missing is read off decision diagrams: an outcome is certain where its diagram
is constant, and a fact is missing where the diagrams, with all else fixed, change along its variables.
Diagrams are canonical, so these readings are exact of the functions that the diagrams stand for. It remains
that the functions are the right ones. That is shown here, for each sort of applicant and each way a model can
be told:

- *nothing is overlooked*: for every request, each diagram, followed along the values of that request, ends in
  what the rules say of it. So no completion of a partial request leads anywhere that was not tried;
- *nothing is made up*: every value that is tried for a fact is one that a well-formed request can give. The
  form binds no two facts together but those that are held fixed here (applicant, on whose behalf, model), so
  values that can be given one by one can be given together;
- *one affiliate may be tried for all that are alike* (`alike`): what two of them add up to, one alone can
  add, and one of them adds least.

Diagrams are taken of requests that tell the applicant and the model and leave everything else open, presumed
facts too. A request that tells more has the same diagrams with the variables of what it tells held fixed.
What it thereby leaves undeclared answers with no instead, on which, by the first point, nothing hangs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any as Anything

import z3

from eligibility.atoms import COUNTRY_MEMBER, UNKNOWN, Cells, Question, Questions, is_applicable
from eligibility.diagram import FALSE, TRUE, Space
from eligibility.domains import FACTS, NATURAL_PERSONS
from eligibility.errors import UnacceptableRequest
from eligibility.facts import EligibilityRequest
from eligibility.layout import Slot, Variable
from eligibility.proving.breaches import Finding
from eligibility.proving.requests import holds_in, values
from eligibility.proving.scenes import Scene
from eligibility.proving.translation import answer, said
from eligibility.proving.variables import (
    ALWAYS,
    DERIVATIVE,
    NAME,
    NEVER,
    NEVER_EMPTY,
    STATED,
    Facts,
    Members,
    Term,
    all_of,
    any_of,
    domain,
)
from eligibility.reading import request_from
from eligibility.semantics import Semantics, Verdict
from eligibility.trial import Trial

HELD_FIXED = ("entity.kind", "use.on_behalf_of", NAME, STATED)


@dataclass(frozen=True)
class Situation:
    """A request that tells only applicant and model, what it holds fixed, and the service's view of it."""

    request: EligibilityRequest
    fixed: Term
    trial: Trial
    verdict: Verdict

    @property
    def told(self) -> str:
        """The situation in words."""
        facts = self.request.facts
        return ", ".join(f"{path}: {facts[path]}".lower() for path in HELD_FIXED if path in facts)


def certain_is_certain(scene: Scene) -> Iterator[Finding]:
    """Diagrams that say something else than the rules, and values tried that nobody can give."""
    for situation in _situations(scene):
        yield from _overlooked(situation, scene)
        yield from _made_up(situation, scene)


def _situations(scene: Scene) -> Iterator[Situation]:
    """Every sort of applicant with every way of telling the model, as far as rules tell them apart."""
    questions = Questions(scene.ruleset, scene.program)
    semantics = Semantics(scene.program)
    seen = set()
    for told in _told(scene):
        try:
            request = request_from(told, scene.ruleset.vocabulary)
        except UnacceptableRequest:
            continue
        kind = request.facts["entity.kind"]
        cells = _opened(questions, request)
        key = (cells, kind in NATURAL_PERSONS, request.facts.get("use.on_behalf_of"))
        if key not in seen:
            seen.add(key)
            trial = Trial(questions, cells)
            fixed = _fixed(scene.facts, request)
            yield Situation(request, fixed, trial, semantics.judge(trial.atoms, trial.space))


def _told(scene: Scene) -> Iterator[dict[str, Anything]]:
    """Requests that tell an applicant and a model, acceptable or not."""
    modalities = {
        model.multimodal: model.name
        for model in scene.ruleset.vocabulary.models.values()
        if model.generation == scene.generation
    }
    names = (None, DERIVATIVE, *modalities.values())
    for kind in FACTS["entity.kind"].values:
        for on_behalf_of in ("self", "employer") if kind in NATURAL_PERSONS else (None,):
            for name, stated in product(names, (None, False, True)):
                yield {
                    "model": {"generation": scene.generation, "name": name, "multimodal": stated},
                    "entity": {"kind": kind},
                    "use": {"on_behalf_of": on_behalf_of},
                }


def _opened(questions: Questions, request: EligibilityRequest) -> Cells:
    """The cells of a request, with everything open that it does not tell and that can have a bearing."""
    cells = questions.cells(request)
    asked = [
        UNKNOWN if question.fact not in HELD_FIXED and is_applicable(question.fact, request.facts) else cell
        for question, cell in zip(questions.asked, cells.asked, strict=True)
    ]
    affiliates = ((UNKNOWN, UNKNOWN),) * len(questions.some)
    return cells._replace(asked=tuple(asked), affiliates=affiliates)


def _fixed(facts: Facts, request: EligibilityRequest) -> Term:
    """The applicant and the model of a request, and as many affiliates as are tried."""
    held = [term for path in HELD_FIXED for term in facts.terms(path)] + [facts.stated]
    told = [
        term == value for term, value in values(facts, request.facts) if any(term.eq(other) for other in held)
    ]
    return all_of([*told, *(affiliate.exists for affiliate in facts.affiliates)])


def _overlooked(situation: Situation, scene: Scene) -> Iterator[Finding]:
    """Requests for which a diagram says something else than the rules."""
    has = cache(lambda number, value: _has(situation.trial, number, value, scene.facts))
    follow = _follower(situation.trial.space, has)
    compared = list(_compared(situation.verdict, scene))
    differ = [(what, z3.Xor(follow(function), term)) for what, function, term in compared]
    model = scene.prover.model(situation.fixed, any_of([term for _, term in differ]))
    if model is None:
        return
    wrong = [(what, term) for what, term in differ if holds_in(model, term)]
    what, term = wrong[0]
    detail = (
        f"in `{scene.generation}` ({situation.told}) trying what is unknown says something else"
        f" about the {what} than the rules do"
    )
    yield Finding(detail, scene.example(situation.fixed, term))


def _compared(verdict: Verdict, scene: Scene) -> Iterator[tuple[str, int, Term]]:
    """What is concluded, in words, with the service's function of it and the term of the rules."""
    reading = scene.reading
    pairs: tuple[tuple[str, dict[Anything, int], dict[Anything, Term]], ...] = (
        ("outcome", verdict.outcomes, reading.outcomes),
        ("finding", verdict.findings, reading.made),
        ("obligation", verdict.obligations, reading.obligations),
        ("licensor", verdict.licensors, reading.licensors),
    )
    for kind, functions, terms in pairs:
        for key in dict.fromkeys((*functions, *terms)):
            name = key[0] if isinstance(key, tuple) else key
            yield f"{kind} `{name}`", functions.get(key, FALSE), terms.get(key, NEVER)


Test = Callable[[int, int], Term]
"""Whether a variable of a diagram, by its number, has a value."""


def _follower(space: Space, test: Test) -> Callable[[int], Term]:
    """What turns a diagram into a term."""
    done: dict[int, Term] = {FALSE: NEVER, TRUE: ALWAYS}

    def follow(function: int) -> Term:
        if function not in done:
            variable = min(space.support(function))
            leads: dict[int, list[Term]] = {}
            for value, branch in enumerate(space.branches(function, variable)):
                leads.setdefault(branch, []).append(test(variable, value))
            done[function] = any_of(
                [z3.And(any_of(tests), follow(branch)) for branch, tests in leads.items()]
            )
        return done[function]

    return follow


def _has(trial: Trial, number: int, value: int, facts: Facts) -> Term:
    """Whether the facts have what a variable of a trial stands for at a value."""
    variable = trial.variables[number]
    path, place = variable.slot
    of = facts.affiliates[place].variables if place != UNKNOWN else facts.variables
    if variable.code is not None:
        term = of[path].terms[variable.code]
        return term if value else z3.Not(term)
    question = _question(trial.questions, variable.slot)
    cell = variable.cells[value]
    answers = [
        said(atom, facts) if place == UNKNOWN else answer(atom, of[path], facts) for atom in question.atoms
    ]
    return all_of([term if cell >> bit & 1 else z3.Not(term) for bit, term in enumerate(answers)])


def _question(questions: Questions, slot: Slot) -> Question:
    path, place = slot
    if place == UNKNOWN:
        return questions.by_fact[path]
    return questions.country if path == COUNTRY_MEMBER else questions.involvement


def _made_up(situation: Situation, scene: Scene) -> Iterator[Finding]:
    """Values that are tried and that no request can give."""
    trial = situation.trial
    for slot, numbers in trial.layout.slots.items():
        variables = {number: trial.variables[number] for number in sorted(numbers)}
        if slot[1] == UNKNOWN and all(variable.code is not None for variable in variables.values()):
            made_up = _unreal_list(slot[0], variables, situation, scene)
        else:
            made_up = _unreal_value(variables, situation, scene)
        if made_up:
            where = f"in `{scene.generation}` ({situation.told})"
            yield Finding(f"{where} a value is tried for `{slot[0]}` that no request can give")


def _unreal_value(variables: dict[int, Variable], situation: Situation, scene: Scene) -> bool:
    """Whether some values of the variables of a fact are those of no request; each is looked for."""
    choices = [[(number, value) for value in range(variable.size)] for number, variable in variables.items()]
    return any(
        scene.prover.model(
            situation.fixed, *(_has(situation.trial, number, value, scene.facts) for number, value in choice)
        )
        is None
        for choice in product(*choices)
    )


def _unreal_list(path: str, variables: dict[int, Variable], situation: Situation, scene: Scene) -> bool:
    """Whether some values of the variables of a list are those of no list.

    For every way of setting the variables there has to be a list that answers all questions as the diagrams
    do. The lists looked at are the codes whose variables are set, and those with one code more.
    """
    codes = domain(path, scene.ruleset).values
    chosen = {str(variable.code): z3.Bool(f"chosen {variable.code}") for variable in variables.values()}

    def is_chosen(number: int, value: int) -> Term:
        term = chosen[str(variables[number].code)]
        return term if value else z3.Not(term)

    follow = _follower(situation.trial.space, is_chosen)
    said_of = {atom: follow(situation.trial.atoms[atom]) for atom in scene.program.questions[path]}

    def is_list(more: str | None) -> Term:
        terms = {code: ALWAYS if code == more else chosen.get(code, NEVER) for code in codes}
        members = Members(terms, str)
        agree = [answer(atom, members, scene.facts) == term for atom, term in said_of.items()]
        return all_of([*agree, any_of(list(terms.values()))] if path in NEVER_EMPTY else agree)

    unmatched = [z3.Not(is_list(None))]
    further = sorted(codes, key=lambda code: code in chosen, reverse=True)
    while (model := scene.prover.model(*unmatched)) is not None:
        more = next((code for code in reversed(further) if holds_in(model, is_list(code))), None)
        if more is None:
            return True
        further.remove(more)
        unmatched.append(z3.Not(is_list(more)))
    return False
