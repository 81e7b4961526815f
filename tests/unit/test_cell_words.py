"""Cells in words: each of a decision's cells is said, and what is said can be told apart."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from eligibility.cell_words import in_words
from eligibility.decider import Decider
from eligibility.precedents import STATES, Precedent
from eligibility.reading import read_request
from tests.api.bodies import permitted, prohibited, unclear

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def said_of(decider: Decider, body: Mapping[str, Any]) -> dict[str, str]:
    made = decider.decide(read_request(orjson.dumps(body), decider.ruleset.vocabulary))
    cells = orjson.loads(made.evaluation.cells_bytes)
    words = in_words(decider.questions[body["model"]["generation"]], cells)
    assert {each.fact for each in words} == set(cells)
    assert words[0].fact == "model.generation"
    assert all(each.label and each.said for each in words)
    return {each.label: each.said for each in words}


def test_what_the_rules_see_is_said_in_the_words_of_the_ruleset(decider: Decider) -> None:
    said = said_of(decider, permitted())
    assert said["generation of the model"] == "Llama 4"
    assert said["whether the model is multimodal"] == "yes"
    assert said["monthly active users"].startswith("not above 700,000,000")
    assert said["activities"] == "names distribute product"
    assert said["purposes"] == "nothing that the rules ask about"
    assert said["whether Meta has terminated the licence"] == "no, or it does not apply"
    assert said["affiliates"].startswith("one whose place is in the EU, and whose involvement")
    assert said["status of the obligation “A copy of the licence”"] == "met"


def test_other_cells_are_said_otherwise(decider: Decider) -> None:
    one, other = said_of(decider, permitted()), said_of(decider, prohibited())
    assert {label for label in one if one[label] != other[label]} == {
        "country of the principal place of business"
    }
    assert other["country of the principal place of business"] == "in the EU"


def test_what_is_unknown_is_said_to_be(decider: Decider) -> None:
    said = said_of(decider, unclear())
    assert said["purposes"] == "not known"
    assert said["affiliates"] == "none that matters to the rules"


MADE = Precedent(UUID(int=1), UUID(int=2), {}, "permitted", NOW + DAY, NOW - DAY, None, None)


@pytest.mark.parametrize(
    "changes,state",
    [
        ({}, "active"),
        ({"is_active": False}, "lapsed"),
        ({"is_active": False, "expires_at": NOW - DAY}, "expired"),
        ({"is_active": False, "expires_at": NOW - DAY, "ended_at": NOW - 2 * DAY}, "ended"),
    ],
)
def test_what_became_of_a_precedent(changes: dict[str, Any], state: str) -> None:
    assert state in STATES
    assert replace(MADE, **changes).state == state
