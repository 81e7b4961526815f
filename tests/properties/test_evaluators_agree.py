"""`Decider.decide` refuses where its two evaluators differ; here both are held to the hand-written oracle."""

from copy import deepcopy
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings

from eligibility.decider import Decider
from eligibility.reading import request_from
from tests.properties.brute_force import unknown
from tests.properties.comparing import said
from tests.properties.oracle import GENERATIONS, answer, assumptions
from tests.properties.requests import KINDS, bases, document, documents, neighbours
from tests.properties.sizes import FULL, sized

BATCHES = 20
EACH = sized(3_000, 200_000) // BATCHES


@pytest.mark.parametrize("seed", range(BATCHES))
def test_both_evaluators_and_the_oracle_agree_on_generated_requests(decider: Decider, seed: int) -> None:
    random = Random(seed)
    complete = 0
    for _ in range(EACH):
        request = request_from(document(random), decider.ruleset.vocabulary)
        decision = decider.decide(request)
        if not unknown(request.facts):
            complete += 1
            assert said(decision) == answer(request.facts), request.document
    assert complete > EACH / 3


def tried(generation: str, kind: str) -> list[dict[str, object]]:
    """The requests to step from: all, or every other one, and the rest for the next kind or generation."""
    every = list(bases(generation, kind))
    return every if FULL else every[(GENERATIONS.index(generation) + KINDS.index(kind)) % 2 :: 2]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_they_agree_on_both_sides_of_every_boundary(decider: Decider, generation: str, kind: str) -> None:
    complete = 0
    for base in tried(generation, kind):
        for neighbour in neighbours(base):
            request = request_from(neighbour, decider.ruleset.vocabulary)
            decision = decider.decide(request)
            if not unknown(request.facts):
                complete += 1
                assert said(decision) == answer(request.facts), request.document
    assert complete > sized(250, 500)


@given(documents())
@settings(max_examples=sized(100, 5_000), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_assumptions_are_the_presumed_facts_that_count_and_were_not_given(
    decider: Decider, body: dict[str, object]
) -> None:
    request = request_from(body, decider.ruleset.vocabulary)
    listed = decider.decide(request).document()["assumptions"]
    assert {one["fact"]: one["value"] for one in listed} == assumptions(request.facts)
    assert len(listed) == len(assumptions(request.facts))


def test_deciding_leaves_the_request_as_it_was(decider: Decider) -> None:
    request = request_from(document(Random(1)), decider.ruleset.vocabulary)
    before = deepcopy((request.document, request.facts))
    decider.decide(request).document()
    assert (request.document, request.facts) == before
