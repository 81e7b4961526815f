"""Order means nothing: of rules, of members and items as they are written; nor does repetition in lists."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from eligibility.building import build
from eligibility.decider import Decider
from eligibility.reading import request_from
from tests.properties.comparing import said
from tests.properties.oracle import Answer
from tests.properties.requests import document
from tests.properties.sizes import sized

AFFILIATES = "entity.affiliates["


def shuffled(random: Random, value: Any, path: str = "") -> Any:
    """The same JSON: members and items in another order, items of sets repeated, affiliates left alone."""
    if isinstance(value, Mapping):
        members = list(value.items())
        random.shuffle(members)
        return {name: shuffled(random, inner, f"{path}.{name}") for name, inner in members}
    if isinstance(value, list):
        items = [shuffled(random, item, path) for item in value]
        if not path.endswith("affiliates"):
            items += random.choices(items, k=random.randrange(3)) if items else []
            random.shuffle(items)
        return items
    return value


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rules_never_changes_a_decision(decider: Decider, seed: int) -> None:
    random = Random(seed)
    policy = deepcopy(dict(decider.ruleset.document))
    random.shuffle(policy["rules"])
    other = Decider(build(policy))
    for _ in range(sized(100, 5_000)):
        request = request_from(document(random), decider.ruleset.vocabulary)
        one, two = decider.decide(request).document(), other.decide(request).document()
        assert one == two


def test_the_order_and_repetition_of_what_is_written_never_change_a_decision(decider: Decider) -> None:
    random = Random(4)
    for _ in range(sized(400, 10_000)):
        body = document(random)
        one = request_from(body, decider.ruleset.vocabulary)
        other = request_from(shuffled(random, body), decider.ruleset.vocabulary)
        assert decider.decide(one).json() == decider.decide(other).json()


def moved(answer: Answer, places: Mapping[int, int]) -> Answer:
    """The answer with affiliates at other places."""

    def elsewhere(fact: str) -> str:
        if not fact.startswith(AFFILIATES):
            return fact
        place, member = fact.removeprefix(AFFILIATES).split("]")
        return f"{AFFILIATES}{places[int(place)]}]{member}"

    return replace(
        answer,
        missing={elsewhere(fact): outcomes for fact, outcomes in answer.missing.items()},
        possible={name: frozenset(map(elsewhere, facts)) for name, facts in answer.possible.items()},
    )


def test_the_order_of_affiliates_moves_nothing_but_their_indices(decider: Decider) -> None:
    random, several = Random(5), 0
    while several < sized(150, 3_000):
        body = document(random)
        affiliates = body["entity"].get("affiliates", [])
        if len(affiliates) < 2:
            continue
        several += 1
        order = list(range(len(affiliates)))
        random.shuffle(order)
        one = decider.decide(request_from(body, decider.ruleset.vocabulary))
        body["entity"]["affiliates"] = [affiliates[place] for place in order]
        other = decider.decide(request_from(body, decider.ruleset.vocabulary))
        assert moved(said(other), dict(enumerate(order))) == said(one)


def test_repeating_an_affiliate_changes_nothing_but_what_is_asked_of_it(decider: Decider) -> None:
    random, several = Random(6), 0
    while several < sized(150, 3_000):
        body = document(random)
        affiliates = body["entity"].get("affiliates", [])
        if not affiliates:
            continue
        several += 1
        one = said(decider.decide(request_from(body, decider.ruleset.vocabulary)))
        affiliates.append(affiliates[0])
        other = said(decider.decide(request_from(body, decider.ruleset.vocabulary)))
        last = f"{AFFILIATES}{len(affiliates) - 1}]"
        kept = {fact: outcomes for fact, outcomes in other.missing.items() if not fact.startswith(last)}
        possible = {
            name: frozenset(fact for fact in facts if not fact.startswith(last))
            for name, facts in other.possible.items()
        }
        assert replace(other, missing=kept, possible=possible) == one
