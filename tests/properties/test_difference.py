"""What the difference of two rulesets says of every request, held against deciding requests under both."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

import pytest

from eligibility.atoms import UNKNOWN
from eligibility.decider import Decider
from eligibility.difference import Difference, difference
from eligibility.errors import EvaluatorsDisagree, UnacceptableRequest
from eligibility.facts import EligibilityRequest
from eligibility.reading import request_from
from eligibility.ruleset import Ruleset
from tests.properties.mutations import MUTATIONS, mutated
from tests.properties.requests import KINDS, bases, document, neighbours
from tests.properties.sizes import sized

REQUESTS = sized(80, 2_000)
"""Generated requests that each pair of rulesets decides."""

BY_CHANCE = {"drop condition", "negate condition", "effect", "generations", "languages", "remove model"}
"""Changes that may come to nothing: of a condition that another implies, of one of several like models."""

Told = tuple[tuple[str, str], Any]
"""An entry of a decision, and its answer without the status of obligations."""


def unknown(decider: Decider, request: EligibilityRequest) -> set[str]:
    """The facts that one ruleset asks about and that are neither given nor presumed nor derived."""
    questions = decider.questions[request.facts["model.generation"]]
    cells = questions.cells(request)
    found = {one.fact for one, cell in zip(questions.asked, cells.asked, strict=True) if cell == UNKNOWN}
    pairs = [cell for pair in cells.affiliates for cell in pair]
    return found | ({"entity.affiliates"} if UNKNOWN in pairs else set())


def are_complete(both: Sequence[tuple[Decider, EligibilityRequest]]) -> bool:
    """Whether nothing is unknown but what only one of two rulesets presumes, or knows of a model."""
    old, new = (unknown(*one) for one in both)
    before, after = (decider.ruleset.presumed for decider, _ in both)
    own = {fact for fact in {*before, *after} if before.get(fact) != after.get(fact)} | {"model.multimodal"}
    return not old & new and old | new <= own


def read(decider: Decider, written: Mapping[str, Any]) -> EligibilityRequest | None:
    try:
        return request_from(written, decider.ruleset.vocabulary)
    except UnacceptableRequest:
        return None


def told(decision: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = {("outcome", ""): decision["outcome"]}
    found["licensor", ""] = decision["licensor"]
    for made in decision["findings"]:
        found["finding", made["finding"]] = (made["effect"], made["reason"])
    for due in decision["obligations"]:
        found["obligation", due["obligation"]] = due["value"]
    return found


def reported(found: Difference) -> Iterator[tuple[str, Told, Told]]:
    """Every change that is reported: for each generation the entry with both answers."""
    shown = [*found.moves, *(one for rule in found.rules for one in rule.shown)]
    shown += [one for omitted in found.left_out for one in omitted.shown]
    for one in shown:
        entry, before, after = one.change
        if entry[0] == "obligation":
            before, after = (answer and answer.value for answer in (before, after))
        for generation in one.generations:
            yield generation, (entry, before), (entry, after)


def requests(random: Random) -> Iterator[dict[str, Any]]:
    """Generated requests, and complete ones with one fact at each of its values or left out."""
    generation, kind = random.choice(("llama-3", "llama-3.2", "llama-4")), random.choice(KINDS)
    near = [request for base in bases(generation, kind) for request in neighbours(base)]
    yield from random.sample(near, min(REQUESTS, len(near)))
    yield from (document(random) for _ in range(REQUESTS))


def differing(old: Ruleset, new: Ruleset, random: Random) -> Iterator[tuple[str, Told, Told]]:
    """What requests of which everything is known, to one of the two at least, are told otherwise.

    Where only one accepts a request, that is told as a change of the entry `accepted`.
    """
    deciders = [Decider(old), Decider(new)]
    for written in requests(random):
        read_by = [read(decider, written) for decider in deciders]
        if (read_by[0] is None) != (read_by[1] is None):
            yield written["model"]["generation"], (("accepted", ""), read_by[0]), (("accepted", ""), None)
        both = [(one, request) for one, request in zip(deciders, read_by, strict=True) if request]
        if len(both) < 2 or not are_complete(both):
            continue
        try:
            before, after = (told(decider.decide(request).document()) for decider, request in both)
        except EvaluatorsDisagree:
            continue  # a ruleset that gives it no single outcome, which is a change of outcome
        for entry in {**before, **after}:
            if before.get(entry) != after.get(entry) and _is_said(entry, before, after):
                generation = written["model"]["generation"]
                yield generation, (entry, before.get(entry)), (entry, after.get(entry))


def _is_said(entry: tuple[str, str], *decisions: Mapping[tuple[str, str], Any]) -> bool:
    """Obligations are compared where both permit."""
    permitted = all(decision["outcome", ""] == "permitted" for decision in decisions)
    return entry[0] != "obligation" or permitted


@pytest.mark.parametrize("seed", range(sized(8, 80)))
def test_whatever_requests_are_told_otherwise_is_in_the_difference(ruleset: Ruleset, seed: int) -> None:
    random = Random(seed)
    names = random.choices(list(MUTATIONS), k=random.choice((1, 1, 2)))
    new = mutated(ruleset, random, names)

    found = difference(ruleset, new)

    known = set(reported(found))
    for generation, before, after in differing(ruleset, new, random):
        assert not found.equal, names
        if before[0] == ("accepted", ""):
            assert any(generation in one.generations for one in found.accepted), (names, generation)
        else:
            assert (generation, before, after) in known, (names, generation, before, after)


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_sort_of_change_is_worked_out_and_its_requests_are_decided(ruleset: Ruleset, name: str) -> None:
    new = mutated(ruleset, Random(name), [name])

    found = difference(ruleset, new)

    assert not found.unproved
    if name in {"reword", "rename rule"}:
        assert found.equal
    elif name not in BY_CHANCE:
        assert not found.equal
