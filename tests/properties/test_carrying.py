"""Recorded cells under another ruleset, held against reading the facts afresh."""

from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

import pytest

from eligibility.atoms import Cells, Questions
from eligibility.carrying import Carrier, Unanswered
from eligibility.errors import UnacceptableRequest
from eligibility.facts import EligibilityRequest
from eligibility.reading import flatten, request_from
from eligibility.refusing import Refused, refused
from eligibility.ruleset import Ruleset
from eligibility.storage.records import split_private
from tests.properties.mutations import MUTATIONS, mutated
from tests.properties.requests import KINDS, bases, document, neighbours
from tests.properties.sizes import sized

REQUESTS = sized(150, 2_000)
ASK_NOTHING_ELSE = {
    *("add rule", "drop condition", "effect", "negate condition", "remove rule"),
    *("rename rule", "review", "reword"),
}
"""Changes after which every question is one that was asked before."""


def requests(random: Random) -> Iterator[dict[str, Any]]:
    """Generated requests, and complete ones with one fact at each of its values or left out."""
    near = [
        request
        for generation in ("llama-3.2", "llama-4")
        for base in bases(generation, random.choice(KINDS))
        for request in neighbours(base)
    ]
    yield from random.sample(near, REQUESTS)
    yield from (document(random) for _ in range(REQUESTS))


class Both:
    """Two rulesets, and the carriers between them."""

    def __init__(self, old: Ruleset, new: Ruleset) -> None:
        self.old, self.new = old, new
        self.questions = [
            {name: Questions(one, program) for name, program in one.programs.items()} for one in (old, new)
        ]
        self.carriers = {
            name: Carrier(questions, self.questions[1][name]) for name, questions in self.questions[0].items()
        }

    def afresh(self, request: EligibilityRequest) -> Cells | Refused:
        """What the new ruleset makes of the facts; and what it refuses is what reading a request refuses."""
        found = refused(request.facts, self.new.vocabulary)
        try:
            request_from(deepcopy(request.document), self.new.vocabulary)
        except UnacceptableRequest:
            assert found is not None
            return found
        assert found is None
        return self.questions[1][request.facts["model.generation"]].cells(request)


def read(both: Both, random: Random) -> Iterator[tuple[EligibilityRequest, Carrier, Cells]]:
    for written in requests(random):
        request = request_from(written, both.old.vocabulary)
        generation = request.facts["model.generation"]
        yield request, both.carriers[generation], both.questions[0][generation].cells(request)


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_recorded_cells_answer_is_what_the_facts_say(ruleset: Ruleset, name: str) -> None:
    random = Random(name)
    both = Both(ruleset, mutated(ruleset, random, [name]))
    answered = 0
    for request, carrier, cells in read(both, random):
        found = carrier.carry(cells)
        if isinstance(found, Unanswered):
            assert found.facts
            continue
        answered += 1
        assert found == both.afresh(request)
    if name in ASK_NOTHING_ELSE:
        assert answered == 2 * REQUESTS


@pytest.mark.parametrize("name", MUTATIONS)
def test_for_erased_texts_recorded_cells_answer_as_the_texts_would(ruleset: Ruleset, name: str) -> None:
    random = Random(f"erased {name}")
    both = Both(ruleset, mutated(ruleset, random, [name]))
    answered = 0
    for request, carrier, cells in read(both, random):
        facts, private = split_private(
            request.document, lambda given: ruleset.vocabulary.model(given) is not None
        )
        found = carrier.without_texts(flatten(facts), cells)
        assert private or found == both.afresh(request)
        if isinstance(found, Unanswered):
            continue
        answered += 1
        assert found == both.afresh(request)
    assert answered > REQUESTS


def test_cells_are_read_back_as_they_were_written(ruleset: Ruleset) -> None:
    random = Random(7)
    for request, carrier, cells in read(Both(ruleset, ruleset), random):
        assert carrier.old.cells_of(carrier.old.document(cells)) == cells
        assert carrier.carry(cells) == cells
        assert carrier.without_texts({}, cells) == cells, request
