"""What is certain and what is missing, held to the solver: it knows all completions of a partial request."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

import pytest
import z3

from eligibility.decider import Decider
from eligibility.facts import EligibilityRequest
from eligibility.proving.requests import values
from eligibility.proving.scenes import Scene
from eligibility.proving.variables import Choice, Facts, Members, Term
from eligibility.reading import request_from
from tests.properties.brute_force import listed, unknown
from tests.properties.requests import document
from tests.properties.sizes import sized

BATCHES = 10
Table = Mapping[Any, Term]


class Partial(NamedTuple):
    """A partial request before the solver: its scene, and what follows from it, known facts filled in."""

    scene: Scene
    request: EligibilityRequest
    outcomes: Table
    findings: Table
    form: Term

    def can(self, *terms: Term) -> bool:
        """Whether some completion makes all of these true."""
        return self.scene.prover.model(*terms) is not None


def partial(scene: Scene, request: EligibilityRequest) -> Partial:
    given = values(scene.facts, request.facts)
    reading = scene.reading

    def filled(term: Term) -> Term:
        return z3.simplify(z3.substitute(term, *given))

    return Partial(
        scene,
        request,
        {name: filled(term) for name, term in reading.outcomes.items()},
        {made: filled(term) for made, term in reading.made.items()},
        filled(z3.And(*scene.facts.form)),
    )


def terms_of(fact: str, facts: Facts) -> Sequence[Term]:
    """The terms that stand for an unknown fact."""
    if not fact.startswith("entity.affiliates["):
        return [*facts.terms(fact), *([facts.stated] if fact == "model.multimodal" else [])]
    place, member = fact.removeprefix("entity.affiliates[").split("].")
    match facts.affiliates[int(place)].variables[f"entity.affiliates[].{member}"]:
        case Choice(_, term):
            return [term]
        case Members(terms, _):
            return list(terms.values())
    raise AssertionError(fact)


def outcomes_seen(fact: str, known: Partial) -> frozenset[str]:
    """The outcomes that are seen when this fact alone changes, where the change changes the outcome."""
    terms = terms_of(fact, known.scene.facts)
    otherwise = [(term, z3.FreshConst(term.sort())) for term in terms]
    form = z3.substitute(known.form, *otherwise)
    return frozenset(
        outcome
        for outcome, term in known.outcomes.items()
        if known.can(known.form, term, form, z3.Not(z3.substitute(term, *otherwise)))
    )


def of_sort(random: Random, decider: Decider, *, uncertain: bool) -> EligibilityRequest:
    """A generated request with unknown facts; with or without missing ones, by turns."""
    while True:
        request = request_from(document(random), decider.ruleset.vocabulary)
        if unknown(request.facts) and bool(decider.decide(request).document()["missing_facts"]) == uncertain:
            return request


@pytest.mark.parametrize("seed", range(BATCHES))
def test_certain_and_missing_are_what_the_solver_says(
    decider: Decider, scenes: Mapping[str, Scene], seed: int
) -> None:
    random = Random(f"partial {seed}")
    for turn in range(sized(80, 5_000) // BATCHES):
        request = of_sort(random, decider, uncertain=turn % 3 > 0)
        decision = decider.decide(request)
        answer = decision.document()
        known = partial(scenes[request.facts["model.generation"]], request)
        possible = {name for name, term in known.outcomes.items() if known.can(known.form, term)}

        missing = {one["fact"]: frozenset(one["outcomes"]) for one in answer["missing_facts"]}
        assert bool(missing) == (len(possible) > 1), request.document
        if not missing:
            assert possible == {decision.outcome}, request.document
        askable = [fact for fact in unknown(request.facts) if listed(fact, request.facts)]
        seen = {fact: outcomes_seen(fact, known) for fact in askable}
        assert missing == {fact: outcomes for fact, outcomes in seen.items() if outcomes}, request.document

        certain = {made for made, term in known.findings.items() if not known.can(known.form, z3.Not(term))}
        assert certain == set(decision.evaluation.findings), request.document
