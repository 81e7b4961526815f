"""The quick look at the form of a request lets nothing through that the form itself refuses."""

from copy import deepcopy
from random import Random
from typing import Any

import pytest

from eligibility.facts import BacklogLine, RequestBody
from eligibility.quick_form import is_surely_good
from eligibility.ruleset import Ruleset
from tests.properties.requests import document
from tests.properties.sizes import sized

ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**53, 1.0, 1.5, "", " ", "DE", "EU", "xx", "a\x00b", "llama-9", "spam"),
    *("true", "1", 1, b"DE", [], ["x"], {}),
)
"""Values that fit into some places, and not into most."""


def is_good(value: dict[str, Any], ruleset: Ruleset) -> bool:
    try:
        RequestBody.__pydantic_validator__.validate_python(value, context=ruleset.vocabulary)
    except ValueError:
        return False
    return True


def _members(value: Any) -> list[tuple[Any, Any]]:
    """Every place within a value where another could stand."""
    places = list(value.items() if isinstance(value, dict) else enumerate(value))
    return [(value, key) for key, _ in places] + [
        place for _, inner in places if isinstance(inner, dict | list) for place in _members(inner)
    ]


def test_what_it_takes_is_in_good_form(ruleset: Ruleset) -> None:
    random = Random(11)
    for _ in range(sized(2_000, 50_000)):
        value = deepcopy(document(random))
        assert is_surely_good(value, RequestBody, ruleset.vocabulary)
        holder, key = random.choice(_members(value))
        holder[key] = deepcopy(random.choice(ODD))
        assert is_good(value, ruleset) or not is_surely_good(value, RequestBody, ruleset.vocabulary)


@pytest.mark.parametrize(
    "change",
    [
        {"model": {}},
        {"model": {"generation": "llama-9"}},
        {"model": {"generation": "llama-4", "size": 4}},
        {"use": {"purposes": ["general", "no such purpose"]}},
        {"use": {"purposes": []}},
        {"request_id": "x"},
        {"unknown": None},
    ],
    ids=str,
)
def test_it_refuses_what_the_form_refuses(ruleset: Ruleset, change: dict[str, Any]) -> None:
    value = {"model": {"generation": "llama-4"}, "entity": {"kind": "company"}, **change}
    assert not is_good(value, ruleset)
    assert not is_surely_good(value, RequestBody, ruleset.vocabulary)


def test_a_line_of_a_backlog_may_have_a_name(ruleset: Ruleset) -> None:
    value = {
        "request_id": "x",
        "model": {"generation": "llama-4"},
        "entity": {"kind": "company"},
        "use": None,
    }
    assert is_surely_good(value, BacklogLine, ruleset.vocabulary)
