"""Laws of any request: what weighs more, what never helps, and that what is certain stays certain."""

from copy import deepcopy
from random import Random
from typing import Any

import pytest

from eligibility.decider import Decider, Decision
from eligibility.reading import request_from
from tests.properties.brute_force import filled, unknown
from tests.properties.oracle import CODES, THRESHOLD
from tests.properties.requests import document, set_fact
from tests.properties.sizes import sized

RANK = ("permitted", "contact_meta", "prohibited")
BATCHES = 4
EACH = sized(320, 20_000) // BATCHES


def decide(decider: Decider, body: dict[str, Any]) -> Decision:
    return decider.decide(request_from(body, decider.ruleset.vocabulary))


def rank(decider: Decider, body: dict[str, Any]) -> int:
    return RANK.index(decide(decider, body).outcome)


@pytest.mark.parametrize("seed", range(BATCHES))
def test_a_prohibition_is_never_outvoted_nor_a_contact_overlooked(decider: Decider, seed: int) -> None:
    random = Random(seed)
    for _ in range(EACH):
        told = decide(decider, document(random)).document()
        effects = {made["effect"] for made in told["findings"]}
        if "prohibits" in effects:
            assert told["outcome"] == "prohibited"
        elif "contact" in effects or told["missing_facts"]:
            assert told["outcome"] != "permitted"
        assert bool(told["contact"]) == (told["outcome"] == "contact_meta")
        assert bool(told["recourse"]) == (told["outcome"] == "prohibited")
        if told["outcome"] != "permitted":
            assert not told["obligations"]
            assert not told["possible_obligations"]
        if told["outcome"] != "contact_meta":
            assert not told["missing_facts"]


@pytest.mark.parametrize("seed", range(BATCHES))
def test_declaring_a_further_purpose_never_improves_the_outcome(decider: Decider, seed: int) -> None:
    random, tried = Random(10 + seed), 0
    while tried < EACH:
        body = document(random)
        purposes = body.get("use", {}).get("purposes")
        if not purposes:
            continue
        tried += 1
        before = rank(decider, body)
        purposes.append(random.choice(CODES))
        assert rank(decider, body) >= before, body


@pytest.mark.parametrize("seed", range(BATCHES))
def test_more_users_never_improve_the_outcome(decider: Decider, seed: int) -> None:
    random = Random(20 + seed)
    for _ in range(EACH):
        body = document(random)
        ranks = []
        for users in (0, THRESHOLD, THRESHOLD + 1, 2**53 - 1):
            set_fact(body, "entity.monthly_active_users", users)
            ranks.append(rank(decider, body))
        assert ranks == sorted(ranks), body
        assert ranks[0] == ranks[1]
        assert ranks[2] == ranks[3]


@pytest.mark.parametrize("seed", range(BATCHES))
def test_learning_a_fact_overturns_nothing_that_was_certain(decider: Decider, seed: int) -> None:
    random, tried = Random(30 + seed), 0
    while tried < EACH:
        body = document(random)
        before = decide(decider, body)
        values = unknown(before.request.facts)
        if not values:
            continue
        tried += 1
        fact = random.choice(sorted(values))
        value = random.choice(values[fact])
        learnt = deepcopy(body)
        if fact.startswith("entity.affiliates["):
            affiliates = filled(before.request.facts, {fact: value})["entity.affiliates"]
            learnt["entity"]["affiliates"] = [
                {name: list(item) if isinstance(item, tuple) else item for name, item in affiliate.items()}
                for affiliate in affiliates
            ]
        elif fact == "model.multimodal":
            if (
                "name" not in learnt["model"]
                or decider.ruleset.vocabulary.model(learnt["model"]["name"]) is None
            ):
                learnt["model"]["multimodal"] = value
        else:
            set_fact(learnt, fact, list(value) if isinstance(value, tuple) else value)
        after = decide(decider, learnt)
        assert set(before.evaluation.findings) <= set(after.evaluation.findings)
        missing = {one["fact"]: one["outcomes"] for one in before.document()["missing_facts"]}
        if before.outcome != "contact_meta" or not missing:
            assert after.outcome == before.outcome
