"""Solver, engine and second evaluator give one answer to requests of which nothing is unknown."""

from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

import pytest
import z3

from eligibility.decider import Decider
from eligibility.domains import FACTS, MEMBER
from eligibility.errors import UnacceptableRequest
from eligibility.facts import EligibilityRequest
from eligibility.proving.requests import request_of, truths, values
from eligibility.proving.scenes import Scene
from eligibility.proving.variables import DERIVATIVE, NEVER_EMPTY
from eligibility.reading import request_from
from eligibility.ruleset import Ruleset
from tests.properties.brute_force import unknown
from tests.properties.oracle import GENERATIONS, PERSONS
from tests.properties.requests import KINDS, complete, document, neighbours, set_fact
from tests.properties.sizes import sized

BATCHES = 10


class Said(NamedTuple):
    """What follows from a request."""

    outcomes: frozenset[str]
    findings: frozenset[tuple[str, str, str | None]]
    obligations: frozenset[str]
    licensors: frozenset[str]


def solved(scene: Scene, request: EligibilityRequest) -> Said:
    """What the solver makes of it."""
    reading = scene.reading
    tables = (reading.outcomes, reading.made, reading.obligations, reading.licensors)
    given = values(scene.facts, request.facts)
    keys: list[list[Any]] = [list(table) for table in tables]
    found = truths([term for table in tables for term in table.values()], given)
    assert None not in found, request.document
    answers = iter(found)
    return Said(*(frozenset(key for key in names if next(answers)) for names in keys))


def decided(decider: Decider, request: EligibilityRequest) -> Said:
    """What both evaluators make of it: they agree, or there is no decision."""
    evaluation = decider.decide(request).evaluation
    content = evaluation.content
    return Said(
        frozenset({evaluation.outcome}),
        frozenset(evaluation.findings),
        frozenset(due["obligation"] for due in content["obligations"]),
        frozenset({content["licensor"]}),
    )


def agree(decider: Decider, scenes: Mapping[str, Scene], body: dict[str, Any]) -> bool:
    """Compare the two, if nothing about the request is unknown."""
    request = request_from(body, decider.ruleset.vocabulary)
    if unknown(request.facts):
        return False
    solution = solved(scenes[request.facts["model.generation"]], request)
    decision = decided(decider, request)
    if decision.outcomes != {"permitted"}:
        solution = solution._replace(obligations=frozenset())  # listed where the use is permitted only
    assert solution == decision, request.document
    return True


@pytest.mark.parametrize("seed", range(BATCHES))
def test_on_generated_requests(decider: Decider, scenes: Mapping[str, Scene], seed: int) -> None:
    random, compared = Random(f"proving {seed}"), 0
    while compared < sized(800, 100_000) // BATCHES:
        compared += agree(decider, scenes, document(random))


@pytest.mark.parametrize("generation", GENERATIONS)
def test_on_both_sides_of_boundaries(decider: Decider, scenes: Mapping[str, Scene], generation: str) -> None:
    random, compared = Random(generation), 0
    for kind in KINDS:
        for body in some_of(random, list(neighbours(complete(generation, kind)))):
            compared += agree(decider, scenes, body)
    assert compared > 50


def some_of(random: Random, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return random.sample(bodies, min(len(bodies), sized(8, 1_000)))


@pytest.mark.parametrize("generation", GENERATIONS)
def test_requests_made_of_models_say_what_the_models_say(
    decider: Decider, scenes: Mapping[str, Scene], generation: str
) -> None:
    scene = scenes[generation]
    for rule in scene.program.rules:
        for wanted in (True, False):
            model = scene.prover.model(scene.reading.fires[rule.id] == z3.BoolVal(wanted))
            if model is None:
                continue  # rules without a condition always fire
            body = request_of(scene.facts, model)
            request = request_from(body, decider.ruleset.vocabulary)
            assert not unknown(request.facts)
            assert truths([scene.reading.fires[rule.id]], values(scene.facts, request.facts)) == [wanted]
            assert agree(decider, scenes, body)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_examples_are_plain(scenes: Mapping[str, Scene], generation: str) -> None:
    scene = scenes[generation]
    example = scene.example(scene.reading.outcomes["permitted"])
    assert example is not None
    assert example["entity"]["kind"] == "company"
    assert example["entity"]["principal_place_of_business"] == "US"
    assert example["use"]["activities"] == ["use"]
    assert example["use"]["purposes"] == ["general"]
    assert "affiliates" not in example["entity"]


@pytest.mark.parametrize("path", NEVER_EMPTY)
def test_lists_that_are_never_empty_are_refused_where_they_are(ruleset: Ruleset, path: str) -> None:
    body = complete("llama-4", "company", **{path.replace(".", "__"): []})
    with pytest.raises(UnacceptableRequest):
        request_from(body, ruleset.vocabulary)


@pytest.mark.parametrize("kind", ["codes", "regions", "languages"])
def test_other_lists_may_be_empty(ruleset: Ruleset, kind: str) -> None:
    lists = [path for path, domain in FACTS.items() if domain.kind == kind and path not in NEVER_EMPTY]
    for path in lists:
        body = complete("llama-4", "company", entity__affiliates=[{"involved_in": []}])
        if not path.startswith(MEMBER):
            set_fact(body, path, [])
        request_from(body, ruleset.vocabulary)
    assert lists


def test_every_name_of_the_catalogue_is_one_of_its_own_generation(scenes: Mapping[str, Scene]) -> None:
    for generation, scene in scenes.items():
        name = scene.facts.variables["model.name"]
        for model in scene.ruleset.vocabulary.models.values():
            found = scene.prover.model(name.among([model.name]))
            assert (found is not None) == (model.generation == generation)


def test_a_modality_that_contradicts_the_model_is_no_request(scenes: Mapping[str, Scene]) -> None:
    for generation, scene in scenes.items():
        facts, released = scene.facts, scene.ruleset.vocabulary.modality[generation]
        name, stated = facts.variables["model.name"], facts.variables["model.multimodal"]
        for multimodal in (True, False):
            says = (facts.stated, stated == z3.BoolVal(multimodal))
            unnamed = scene.prover.model(*says, name.among([None]))
            assert (unnamed is not None) == (released in {None, multimodal})
            assert scene.prover.model(*says, name.among([DERIVATIVE])) is not None


def test_only_natural_persons_act_for_an_employer(scenes: Mapping[str, Scene]) -> None:
    for scene in scenes.values():
        employer = scene.facts.variables["use.on_behalf_of"].among(["employer"])
        for kind in KINDS:
            found = scene.prover.model(scene.facts.variables["entity.kind"].among([kind]), employer)
            assert (found is not None) == (kind in PERSONS)
