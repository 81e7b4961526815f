"""The laws of the shipped policy are proved."""

import json
from typing import Any

import pytest
from click.testing import Result

from eligibility.proving.laws import LAWS
from eligibility.ruleset import Ruleset


@pytest.fixture(scope="module")
def answer(proved: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(proved.stdout)
    return found


@pytest.mark.parametrize("place, law", list(enumerate(law.id for law in LAWS)))
def test_a_law_is_proved(answer: dict[str, Any], ruleset: Ruleset, place: int, law: str) -> None:
    proof = answer["laws"][place]
    assert proof["law"] == law
    assert proof["holds"] is True, proof
    assert proof["breaches"] == proof["not_proved"] == []
    assert proof["checks"] >= len(ruleset.generations)


def test_a_policy_that_is_proved_ends_with_0_and_says_which_it_is(
    proved: Result, answer: dict[str, Any], ruleset: Ruleset
) -> None:
    assert proved.exit_code == 0
    assert proved.stderr == ""
    assert list(answer) == ["version", "digest", "proved", "seconds", "laws"]
    assert answer["proved"] is True
    assert (answer["version"], answer["digest"]) == (ruleset.version, ruleset.digest)
