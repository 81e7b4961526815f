"""What is unknown is laid out once for many requests, and each is told what it would be told alone."""

from random import Random
from typing import Any

import pytest

from eligibility import decider as deciding
from eligibility.decider import Decider
from eligibility.engine import engine_for
from eligibility.errors import RequestRefused
from eligibility.evaluation import evaluate
from eligibility.facts import EligibilityRequest
from eligibility.layout import Layout, kept_by
from eligibility.reading import request_from
from eligibility.ruleset import Ruleset
from eligibility.semantics import Semantics
from eligibility.trial import Trial
from tests.properties.requests import document
from tests.properties.sizes import sized


def requests(ruleset: Ruleset, seed: int, count: int) -> list[EligibilityRequest]:
    found: list[EligibilityRequest] = []
    random = Random(seed)
    while len(found) < count:
        try:
            found.append(request_from(document(random), ruleset.vocabulary))
        except RequestRefused:
            continue
    return found


def alone(ruleset: Ruleset, request: EligibilityRequest) -> Any:
    """What is evaluated of a request in a space of its own."""
    generation = request.facts["model.generation"]
    questions = Decider(ruleset).questions[generation]
    semantics = Semantics(ruleset.program(generation))
    trial = Trial(questions, questions.cells(request))
    return evaluate(trial, semantics, engine_for(ruleset, generation)).content


@pytest.mark.parametrize("most, largest", [(128, 200), (2, 30), (1, 0)], ids=["usual", "little", "nothing"])
def test_what_was_laid_out_before_makes_no_difference(
    ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch, most: int, largest: int
) -> None:
    monkeypatch.setattr(deciding, "LAYOUTS", most)
    monkeypatch.setattr(deciding, "LARGEST_LAYOUT", largest)
    some = requests(ruleset, 11, sized(60, 3_000))
    wanted = [alone(ruleset, request) for request in some]
    for order in (range(len(some)), reversed(range(len(some)))):
        one, other = Decider(ruleset), Decider(ruleset)
        for place in order:
            assert one.decide(some[place]).evaluation.content == wanted[place]
            assert other.evaluated(some[place]).content == wanted[place]


def test_no_more_layouts_are_kept_than_were_wanted(ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "LAYOUTS", 4)
    monkeypatch.setattr(deciding, "LARGEST_LAYOUT", 30)
    decider = Decider(ruleset)
    for request in requests(ruleset, 12, 200):
        decider.decide(request)
        kept = [*decider._layouts._newer.values(), *decider._layouts._older.values()]
        assert len(kept) <= 4


def test_what_is_worked_out_of_a_layout_is_kept_with_it(ruleset: Ruleset) -> None:
    asked: list[tuple[Layout, int]] = []

    @kept_by
    def worked_out(layout: Layout, number: int) -> int:
        asked.append((layout, number))
        return number + 1

    questions = Decider(ruleset).questions["llama-4"]
    request = request_from(
        {"model": {"generation": "llama-4"}, "entity": {"kind": "company"}}, ruleset.vocabulary
    )
    one, other = (Layout(questions, questions.cells(request)) for _ in range(2))
    before = len(one)
    assert [worked_out(one, 1), worked_out(one, 1), worked_out(one, 2), worked_out(other, 1)] == [2, 2, 3, 2]
    assert asked == [(one, 1), (one, 2), (other, 1)]
    assert len(one) == before + 2
