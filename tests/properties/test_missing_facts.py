"""Unknown facts: what is certain, possible and missing, held to trying every combination."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

import pytest

from eligibility.decider import Decider
from eligibility.reading import request_from
from tests.properties.brute_force import PAIRED_PURPOSES, answer_unknown, size, unknown
from tests.properties.comparing import said
from tests.properties.oracle import (
    ASSURANCES,
    GENERATIONS,
    MODALITY,
    PERSONS,
    THRESHOLD,
)
from tests.properties.requests import KINDS, complete, document
from tests.properties.sizes import FULL, sized

BATCHES = 10
MOST_COMBINATIONS = sized(4_000, 20_000)


def holds(decider: Decider, body: dict[str, Any], tried: Mapping[str, Sequence[Any]] | None = None) -> None:
    """Compare a decision with brute force."""
    request = request_from(body, decider.ruleset.vocabulary)
    assert said(decider.decide(request)) == answer_unknown(request.facts, tried), request.document


@pytest.mark.parametrize("seed", range(BATCHES))
def test_generated_requests_with_few_unknown_facts(decider: Decider, seed: int) -> None:
    random, compared = Random(1_000 + seed), 0
    while compared < sized(25, 300):
        body = document(random)
        tried = unknown(request_from(body, decider.ruleset.vocabulary).facts)
        if tried and size(tried) <= MOST_COMBINATIONS:
            holds(decider, body, tried)
            compared += 1


PATHS = (
    *("entity__domicile", "entity__principal_place_of_business", "entity__employer__kind"),
    *("entity__employer__principal_place_of_business", "entity__employer__relationship"),
    *(
        "entity__monthly_active_users",
        "use__activities",
        "use__purposes",
        "use__critical_infrastructure__role",
    ),
    *("use__output_model__target", "use__output_model__distributed"),
    *(f"use__assurances__{assurance}" for assurance in ASSURANCES),
)


def settings_of(kind: str) -> Iterator[dict[str, Any]]:
    """Requests in which each fact of `PATHS` counts for something."""
    busy = [*("fine_tune", "distribute_model", "improve_other_model")]
    assured = [*ASSURANCES.values()]
    yield {"use__purposes": assured}
    yield {"use__activities": busy}
    yield {"use__capacity": "end_user", "entity__monthly_active_users": THRESHOLD + 1}
    if kind in PERSONS:
        employed = {"use__on_behalf_of": "employer", "entity__domicile": "FR"}
        yield employed
        yield {**employed, "use__activities": busy, "use__purposes": ["spam"]}
        yield {**employed, "use__critical_infrastructure__role": "operation", "use__capacity": "end_user"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_pair_of_unknown_facts(decider: Decider, generation: str, kind: str) -> None:
    random = Random(f"{generation} {kind}")
    for changes in settings_of(kind):
        pairs = [(one, other) for one in PATHS for other in PATHS if one <= other]
        for pair in pairs if FULL else random.sample(pairs, 6):
            holds(decider, complete(generation, kind, **{**changes, **dict.fromkeys(pair)}))


AFFILIATED: Sequence[list[dict[str, Any]]] = (
    [{}],
    [{}, {}],
    [{"involved_in": ["development"]}] * 2,
    [{"involved_in": ["distribution"]}] * 3,
    [{"involved_in": []}, {"involved_in": []}],
    [{"principal_place_of_business": "DE"}, {"principal_place_of_business": "FR"}],
    [{"principal_place_of_business": "DE"}, {"principal_place_of_business": "US"}],
    [{"principal_place_of_business": "DE"}, {}],
    [{"principal_place_of_business": "DE", "involved_in": ["distribution"]}, {}],
    [
        {"principal_place_of_business": "DE", "involved_in": ["distribution"]},
        {"involved_in": ["development"]},
    ],
    [{"principal_place_of_business": "DE", "involved_in": []}, {"principal_place_of_business": "IT"}],
    [{"principal_place_of_business": "DE", "involved_in": []}, {"involved_in": ["distribution"]}, {}],
)


@pytest.mark.parametrize("affiliates", AFFILIATED)
@pytest.mark.parametrize("country", ["US", "FR", None])
def test_several_affiliates_alike_and_different(
    decider: Decider, affiliates: list[dict[str, Any]], country: str | None
) -> None:
    for multimodal in (True, None, False):
        changes = {"entity__affiliates": affiliates, "entity__principal_place_of_business": country}
        holds(decider, complete("llama-3.2", "company", **changes, model__multimodal=multimodal))
    for kind, extra in (("company", {}), ("individual", {"entity__domicile": country})):
        body = complete(
            "llama-4", kind, entity__affiliates=affiliates, **extra, use__activities=["distribute_model"]
        )
        holds(decider, body)


@pytest.mark.parametrize("capacity", [None, "licensee", "end_user"])
@pytest.mark.parametrize("generation", GENERATIONS)
def test_unknown_activities_with_the_output_model_partly_given(
    decider: Decider, generation: str, capacity: str | None
) -> None:
    for target in (None, "llama_derivative", "other_llm", "other_ai_model"):
        for distributed in (None, False, True):
            for kind in ("company", "government_agency"):
                given = {"use__output_model__target": target, "use__output_model__distributed": distributed}
                body = complete(generation, kind, use__activities=None, use__capacity=capacity, **given)
                holds(decider, body)
                body["entity"]["monthly_active_users"] = THRESHOLD + 1
                holds(decider, body)


@pytest.mark.parametrize("kind", ["company", "researcher", "academic_institution"])
@pytest.mark.parametrize("generation", GENERATIONS)
def test_unknown_purposes_with_assurances_partly_given(decider: Decider, generation: str, kind: str) -> None:
    random = Random(f"{generation} {kind}")
    for _ in range(sized(4, 40)):
        given = {f"use__assurances__{name}": random.choice((None, True, False)) for name in ASSURANCES}
        others = {path: None for path in random.sample(PATHS[:-4], 2) if path != "use__activities"}
        holds(decider, complete(generation, kind, **{**others, **given, "use__purposes": None}))


def test_pairs_of_purposes_show_nothing_that_single_ones_do_not(decider: Decider) -> None:
    for generation in GENERATIONS:
        for kind in ("company", "researcher") if FULL else ("researcher",):
            body = complete(generation, kind, use__purposes=None, entity__monthly_active_users=None)
            facts = request_from(body, decider.ruleset.vocabulary).facts
            tried = unknown(facts, PAIRED_PURPOSES)
            assert answer_unknown(facts, tried) == answer_unknown(facts)
            holds(decider, body, tried)


def test_an_unknown_employer(decider: Decider) -> None:
    members = PATHS[2:5]
    for generation in GENERATIONS:
        for kind in PERSONS:
            for purpose in ("general", "military_warfare", "spam"):
                for domicile in ("FR", "US", None):
                    changes = {
                        "use__on_behalf_of": "employer",
                        "entity__domicile": domicile,
                        "use__purposes": [purpose],
                    }
                    holds(decider, complete(generation, kind, **changes, **dict.fromkeys(members)))


TELLING: dict[str, Sequence[Any]] = {
    "entity.employer.kind": ("company", "government_agency"),
    "use.critical_infrastructure.role": ("none", "operation"),
    "use.output_model.target": ("llama_derivative", "other_llm"),
    "use.activities": (("use",), ("develop",), ("improve_other_model",)),
    "use.purposes": tuple((code,) for code in ("general", "spam", "military_warfare", "impersonation")),
}
"""Fewer values, one of each sort; every other value is like one of them, as the tests above show."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_nothing_known_but_generation_and_kind(decider: Decider, generation: str, kind: str) -> None:
    bodies: list[dict[str, Any]] = [{"model": {"generation": generation}, "entity": {"kind": kind}}]
    if kind in PERSONS:
        bodies.append({**bodies[0], "use": {"on_behalf_of": "employer"}})
    for body in bodies:
        facts = request_from(body, decider.ruleset.vocabulary).facts
        tried = {fact: TELLING.get(fact, values) for fact, values in unknown(facts).items()}
        for assurance, code in ASSURANCES.items():
            if code != "impersonation":
                del tried[f"use.assurances.{assurance}"]
        del tried["use.output_model.distributed"]
        if MODALITY[GENERATIONS.index(generation)] is False:
            tried = {
                fact: values for fact, values in tried.items() if not fact.endswith(("domicile", "business"))
            }
        decision = said(decider.decide(request_from(body, decider.ruleset.vocabulary)))
        expected = answer_unknown(facts, tried)
        assert decision == expected, body
        assert decision.outcome == "contact_meta"
        assert "clarification" in decision.reasons
