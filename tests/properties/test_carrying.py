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
from tests.rules.differences import changed

REQUESTS = sized(30, 2_000)
ASK_NOTHING_ELSE = {
    *("add rule", "drop condition", "effect", "negate condition", "remove rule"),
    *("rename rule", "review", "reword"),
}
"""Changes after which every question is one that was asked before."""

Words = dict[str, Any]


def _asks(value: Any, fact: str) -> Iterator[Words]:
    """Every condition that asks about a fact, wherever it stands."""
    if isinstance(value, dict):
        if fact in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _asks(one, fact)


def turned_assurances(words: Words) -> None:
    """Ask of assurances the other way round: a no then stands for another yes, or for what does not count."""
    for fact in (fact for fact in words["facts"] if fact.startswith("use.assurances.")):
        for asked in list(_asks(words["rules"], fact)):
            asked["not"] = {fact: {"is": not asked.pop(fact)["is"]}}


def other_involvement(words: Words) -> None:
    """Ask of affiliates that had no bearing, and of no country."""
    for asked in list(_asks(words["rules"], "entity.affiliates")):
        asked["entity.affiliates"] = {"some": {"involved_in": {"has": "development"}}}


def other_activities(words: Words) -> None:
    """Ask for the absence of activities where their presence was asked for, and for others."""
    for asked in list(_asks(words["rules"], "use.activities")):
        if "has_only" in asked["use.activities"]:
            asked["use.activities"] = {"has_only": ["use", "develop"]}
        elif asked["use.activities"] == {"has": "fine_tune"}:
            asked["use.activities"] = {"has": "develop"}


def known_derivatives(words: Words) -> None:
    """Take up models that were derivatives, some under a modality that was said to be another."""
    for generation, name in (("llama-4", "acme/tuned-llama"), ("llama-3.2", "Llama-4")):
        words["generations"][generation]["models"].append({"name": name, "multimodal": False})


def asked_names(words: Words) -> None:
    """Ask about texts that no rule asked about."""
    copied = deepcopy(next(one for one in words["rules"] if "finding" in one["then"]))
    for number, asked in enumerate((_NAME, _SECTOR)):
        then = {"finding": f"asked-{number}", "effect": "note"}
        words["rules"].append({**copied, "id": f"asked-{number}", "when": [asked], "then": then})


_NAME = {"model.name": {"is_derivative": True}}
_SECTOR = {"use.critical_infrastructure.sector": {"given": True}}
OTHERWISE = (turned_assurances, other_involvement, other_activities, known_derivatives, asked_names)
"""Drafts that ask what recorded cells do not answer, each of another sort of fact."""


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


def draft_of(ruleset: Ruleset, name: str, random: Random) -> Ruleset:
    change = next((change for change in OTHERWISE if change.__name__ == name), None)
    return changed(ruleset, change) if change else mutated(ruleset, random, [name])


ALIKE = sized(4, 100)
DRAFTS = (*MUTATIONS, *(change.__name__ for change in OTHERWISE))
ASK_MORE = (
    *("threshold", "region", "presumed", "languages"),
    *(one.__name__ for one in OTHERWISE if one is not turned_assurances),
)
"""Drafts that leave something open, each of another sort of fact."""


@pytest.mark.parametrize("name", DRAFTS)
def test_what_recorded_cells_answer_is_what_the_facts_say(ruleset: Ruleset, name: str) -> None:
    random = Random(name)
    both = Both(ruleset, draft_of(ruleset, name, random))
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


@pytest.mark.parametrize("name", DRAFTS)
def test_for_erased_texts_recorded_cells_answer_as_the_texts_would(ruleset: Ruleset, name: str) -> None:
    random = Random(f"erased {name}")
    both = Both(ruleset, draft_of(ruleset, name, random))
    answered = 0
    for request, carrier, cells in read(both, random):
        facts, private = split_private(
            request.document, lambda given: ruleset.vocabulary.model(given) is not None
        )
        found = carrier.without_texts(flatten(facts), cells)
        if isinstance(found, Unanswered) or not private:
            continue
        answered += 1
        assert found == both.afresh(request)
    assert bool(answered) is (name != "asked_names")


@pytest.mark.parametrize("name", ASK_MORE)
def test_what_is_read_of_facts_settles_what_recorded_cells_leave_open(ruleset: Ruleset, name: str) -> None:
    random = Random(f"settled {name}")
    both = Both(ruleset, draft_of(ruleset, name, random))
    settled: dict[Any, Any] = {}
    for written in alike(random):
        request = request_from(written, both.old.vocabulary)
        generation = request.facts["model.generation"]
        carrier, cells = both.carriers[generation], both.questions[0][generation].cells(request)
        found = carrier.carry(cells)
        if isinstance(found, Unanswered):
            read_of = carrier.settling(found.facts).read
            facts, private = split_private(
                request.document, lambda given: ruleset.vocabulary.model(given) is not None
            )
            told = both.afresh(request)
            assert settled.setdefault((generation, cells, read_of(request.document)), told) == told
            if private:
                without = carrier.without_texts(flatten(facts), cells)
                assert settled.setdefault((generation, cells, "erased", read_of(facts)), without) == without
    assert settled


def alike(random: Random) -> Iterator[dict[str, Any]]:
    """Requests that are alike but for one or two facts, so that many have the same recorded cells."""
    for generation in ("llama-3.2", "llama-4"):
        for base in bases(generation, random.choice(KINDS)):
            near = list(neighbours(base))
            for one in random.sample(near, min(ALIKE, len(near))):
                yield one
                yield from random.sample(list(neighbours(one)), 2)


def test_cells_are_read_back_as_they_were_written(ruleset: Ruleset) -> None:
    random = Random(7)
    for request, carrier, cells in read(Both(ruleset, ruleset), random):
        assert carrier.old.cells_of(carrier.old.document(cells)) == cells
        assert carrier.carry(cells) == cells
        assert carrier.without_texts({}, cells) == cells, request
