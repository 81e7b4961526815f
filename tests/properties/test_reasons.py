"""Counterfactuals, why-nots and sufficient reasons keep what they promise, on generated requests."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from random import Random
from typing import Any

import pytest

from eligibility.atoms import Cells
from eligibility.counterfactuals import Smallest, combinations_of, counterfactuals, facts_of
from eligibility.decider import Decider, Decision
from eligibility.diagram import FALSE
from eligibility.documents import with_facts
from eligibility.errors import UnacceptableRequest
from eligibility.facts import EligibilityRequest
from eligibility.landscape import Landscape
from eligibility.reading import flatten, request_from
from eligibility.reasoner import Asked, Reasoner, checked
from eligibility.semantics import Semantics
from eligibility.sufficient import holding, sufficient_reasons
from eligibility.trial import Trial
from eligibility.why_not import why_not
from eligibility.witness import witness
from tests.properties.oracle import GENERATIONS
from tests.properties.requests import (
    AFFILIATES,
    COMMON,
    COUNTRIES,
    FLAGS,
    KINDS,
    VALUES,
    complete,
    document,
    set_fact,
)
from tests.properties.sizes import sized

BATCHES = 8
REQUESTS = sized(240, 100_000) // BATCHES
DECIDED = 2
"""Changes decided for each outcome; the service decides all that it tells."""

EXHAUSTIVE = sized(10, 5)
"""Of so many requests, one has every change of one fact tried against claims that more have to change."""

PAIRS = sized(2, 400)
"""Requests on which every change of two facts is tried."""

ALL_SINGLE = sized(12, 1_000)
"""Requests on which every change of one fact has to be told."""

CANDIDATES: dict[str, Sequence[Any]] = {
    **{fact: COMMON if values is COUNTRIES else values for fact, values in VALUES.items()},
    "entity.affiliates": AFFILIATES,
    "model.multimodal": FLAGS,
    "model.generation": GENERATIONS,
    "model.name": ("acme/tuned", "Llama-3.2-1B", "Llama-3.2-11B-Vision", "Llama-4-Scout-17B-16E"),
}
"""Values on all sides of whatever rules ask, for every fact that may change; what the applicant is stays."""


def single_changes(body: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A request with one fact given another value, as far as it can be."""
    for fact, values in CANDIDATES.items():
        for value in values:
            changed = deepcopy(dict(body))
            set_fact(changed, fact, value)
            if changed != body:
                yield fact, changed


Row = tuple[str, Cells]
"""A generation, and the cells of a request: all that its rules can see."""


class Plain:
    """The outcomes of requests by the second evaluator alone: without landscape, engine and words."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self._semantics = {name: Semantics(one) for name, one in decider.ruleset.programs.items()}
        self._known: dict[Row, str] = {}

    def row(self, body: Mapping[str, Any]) -> Row | None:
        """What rules see of a request, None where it contradicts itself."""
        try:
            request = request_from(dict(body), self._decider.ruleset.vocabulary)
        except UnacceptableRequest:
            return None
        generation = request.facts["model.generation"]
        return generation, self._decider.questions[generation].cells(request)

    def outcome(self, row: Row) -> str:
        if row not in self._known:
            trial = Trial(self._decider.questions[row[0]], row[1])
            verdict = self._semantics[row[0]].judge(trial.atoms, trial.space)
            possible = [name for name, function in verdict.outcomes.items() if function != FALSE]
            self._known[row] = possible[0] if len(possible) == 1 else "contact_meta"
        return self._known[row]

    def after_one(self, body: Mapping[str, Any]) -> dict[Row, tuple[str, dict[str, Any]]]:
        """What rules can see after one fact changed, each with the fact and the request then."""
        found: dict[Row, tuple[str, dict[str, Any]]] = {}
        for fact, changed in single_changes(body):
            row = self.row(changed)
            if row is not None:
                found.setdefault(row, (fact, changed))
        return found


def outcome_of(decider: Decider, body: Mapping[str, Any]) -> str | None:
    """The outcome, None where the request contradicts itself."""
    try:
        return decider.decide(request_from(dict(body), decider.ruleset.vocabulary)).outcome
    except UnacceptableRequest:
        return None


def leads(
    decider: Decider, random: Random, request: EligibilityRequest, found: Smallest, outcome: str
) -> None:
    """See that changes lead to the outcome, and change as many facts as they say."""
    told = [changes for way in found.ways for changes in combinations_of(way)]
    assert {len(dict(changes)) for changes in told} <= {found.facts_changed}, request.document
    for changes in random.sample(told, min(len(told), DECIDED)):
        assert all(fact != "entity.kind" and value is not None for fact, value in changes)
        body = with_facts(request.document, changes)
        assert outcome_of(decider, body) == outcome, (request.document, changes)


@pytest.mark.parametrize("seed", range(BATCHES))
def test_each_counterfactual_flips_as_it_says_and_no_smaller_one_exists(
    landscape: Landscape, decider: Decider, seed: int
) -> None:
    random = Random(seed)
    told = cut_short = 0
    for number in range(REQUESTS):
        request = request_from(document(random), decider.ruleset.vocabulary)
        made = decider.decide(request)
        found = counterfactuals(landscape, request, made.outcome)
        assert found.keys() == {"permitted", "contact_meta", "prohibited"} - {made.outcome}
        for outcome, smallest in found.items():
            # of what would be told more than MOST_TOLD times over, at least one change is
            assert smallest.complete or smallest.ways, request.document
            cut_short += not smallest.complete
            leads(decider, random, request, smallest, outcome)
            told += len(smallest.ways)
        further = {name for name, one in found.items() if one.facts_changed != 1}
        if further and number % EXHAUSTIVE == 0:
            plain = Plain(decider)
            for row, (_, changed) in plain.after_one(request.document).items():
                assert plain.outcome(row) not in further, (request.document, changed)
    assert told > REQUESTS
    assert cut_short <= REQUESTS / 100


@pytest.mark.parametrize("seed", range(4))
def test_changes_of_one_fact_are_all_told(landscape: Landscape, decider: Decider, seed: int) -> None:
    random = Random(1_000 + seed)
    for _ in range(ALL_SINGLE // 4):
        request = request_from(document(random), decider.ruleset.vocabulary)
        found = counterfactuals(landscape, request, decider.decide(request).outcome)
        told = {
            name: {fact.split("[")[0] for way in one.ways for fact in facts_of(way)}
            for name, one in found.items()
            if one.facts_changed == 1
        }
        for fact, changed in single_changes(request.document):
            outcome = outcome_of(decider, changed)
            if outcome in found:
                assert fact in told.get(outcome, ()), (request.document, fact, changed, outcome)


@pytest.mark.parametrize("seed", range(2))
def test_where_three_facts_have_to_change_no_two_will_do(
    landscape: Landscape, decider: Decider, seed: int
) -> None:
    random = Random(5_000 + seed)
    tried = 0
    while tried < PAIRS // 2:
        request = request_from(document(random), decider.ruleset.vocabulary)
        found = counterfactuals(landscape, request, decider.decide(request).outcome)
        further = {name for name, one in found.items() if one.facts_changed not in {1, 2}}
        if not further:
            continue
        tried += 1
        plain = Plain(decider)
        for _, changed in plain.after_one(request.document).values():
            for row, (_, twice) in plain.after_one(changed).items():
                assert plain.outcome(row) not in further, (request.document, twice)


@pytest.mark.parametrize("seed", range(BATCHES))
def test_a_sufficient_reason_forces_the_outcome_and_no_part_of_it_can_go(
    landscape: Landscape, decider: Decider, seed: int
) -> None:
    random = Random(2_000 + seed)
    reasons = 0
    for _ in range(REQUESTS):
        request = request_from(document(random), decider.ruleset.vocabulary)
        made = decider.decide(request)
        found = sufficient_reasons(landscape, request, made.outcome)
        assert found.complete, request.document
        reasons += len(found.sets)
        if not made.evaluation.content["missing"]:
            assert found.sets, request.document
        for facts in found.sets:
            others_do_not_matter(decider, random, made, facts)
            every_part_is_needed(landscape, decider, made, facts)
    assert reasons > REQUESTS / 4


def others_do_not_matter(decider: Decider, random: Random, made: Decision, facts: frozenset[str]) -> None:
    """Put the facts of a reason into another request: the outcome is the same."""
    held = {fact: value_of(decider, made, fact) for fact in facts}
    for _ in range(2):
        other = with_facts(document(random), held.items())
        outcome = outcome_of(decider, other)
        assert outcome in {made.outcome, None}, (made.request.document, facts, other)


def value_of(decider: Decider, made: Decision, fact: str) -> Any:
    """What a fact is, given, derived or presumed."""
    given = made.request.facts.get(fact)
    if given is not None:
        return given
    if fact == "model.multimodal":
        model = decider.ruleset.vocabulary.model(made.request.facts.get("model.name"))
        released = decider.ruleset.vocabulary.modality[made.request.facts["model.generation"]]
        return model.multimodal if model else released
    presumed = decider.ruleset.presumed[fact]
    return 0 if fact == "entity.monthly_active_users" else presumed


def every_part_is_needed(
    landscape: Landscape, decider: Decider, made: Decision, facts: frozenset[str]
) -> None:
    """Without any one of a reason's facts there is a request with another outcome."""
    space = landscape.space
    for left_out in facts:
        held = holding(landscape, made.request, facts - {left_out})
        elsewhere = space.both(held, space.negate(landscape.outcomes[made.outcome]))
        assert elsewhere != FALSE, (made.request.document, facts, left_out)
        body = witness(landscape, elsewhere)
        assert outcome_of(decider, body) != made.outcome, (made.request.document, facts, body)


@pytest.mark.parametrize("seed", range(BATCHES))
def test_what_stood_in_the_way_is_all_that_did(landscape: Landscape, decider: Decider, seed: int) -> None:
    random = Random(3_000 + seed)
    names = sorted({rule.then.name for rule in decider.ruleset.rules if rule.then.kind == "finding"})
    for _ in range(REQUESTS // 2):
        request = request_from(document(random), decider.ruleset.vocabulary)
        made = decider.decide(request)
        name = random.choice(names)
        found = why_not(landscape, request, name)
        # every finding can come about; of more than MOST_TOLD changes, at least one is told
        assert found.ways, (request.document, name)
        came_about = name in {finding for finding, _, _ in made.evaluation.findings}
        assert (found.ways == ((),)) is came_about, (request.document, name)
        for way in found.ways:
            for changes in combinations_of(way):
                body = with_facts(request.document, changes)
                then = decider.decide(request_from(body, decider.ruleset.vocabulary))
                assert name in {finding for finding, _, _ in then.evaluation.findings}, (body, name)


@pytest.mark.parametrize("seed", range(4))
def test_reasons_are_told_in_words_whatever_the_request(decider: Decider, seed: int) -> None:
    random = Random(4_000 + seed)
    reasoner = Reasoner(decider.ruleset)
    names = sorted({rule.then.name for rule in decider.ruleset.rules if rule.then.kind == "finding"})
    for _ in range(sized(10, 1_000)):
        request = request_from(document(random), decider.ruleset.vocabulary)
        asked = Asked(
            counterfactuals=True,
            kind_may_change=random.random() < 0.3,
            sufficient_reasons=True,
            why_not=(random.choice(names), random.choice(("permitted", "prohibited", "contact_meta"))),
        )
        found = reasoner.find(request, decider.decide(request).outcome, asked)
        told = checked(decider, request, found)
        texts = [
            change["text"] for one in told["counterfactuals"]["outcomes"] for change in one["changes"]
        ] + [one["text"] for why in told["why_not"] for one in why["sets"]]
        for text in texts:
            assert text.endswith("."), text
            assert not any(mark in text for mark in ("{", "None", "  ", "()", "\ue000", "\ue001")), text


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_of_applicant_is_changed_only_when_asked(
    landscape: Landscape, decider: Decider, kind: str
) -> None:
    body = complete("llama-4", kind, entity__principal_place_of_business="DE", entity__domicile="DE")
    set_fact(body, "use.purposes", ["weapons", "military_warfare"])
    request = request_from(body, decider.ruleset.vocabulary)
    made = decider.decide(request)
    kept = counterfactuals(landscape, request, made.outcome)
    freed = counterfactuals(landscape, request, made.outcome, kind_may_change=True)
    for outcome, found in kept.items():
        assert "entity.kind" not in {fact for way in found.ways for fact in facts_of(way)}
        assert (freed[outcome].facts_changed or 99) <= (found.facts_changed or 99)


def test_flattened_changes_are_the_facts_that_changed(landscape: Landscape, decider: Decider) -> None:
    random = Random(7)
    for _ in range(50):
        request = request_from(document(random), decider.ruleset.vocabulary)
        found = counterfactuals(landscape, request, decider.decide(request).outcome)
        for changes in (one for each in found.values() for way in each.ways for one in combinations_of(way)):
            body = with_facts(request.document, changes)
            after = request_from(body, decider.ruleset.vocabulary).facts
            differing = {
                fact for fact in {*after, *request.facts} if after.get(fact) != request.facts.get(fact)
            }
            assert differing == {fact.split("[")[0] for fact, _ in changes}
            assert flatten(body).keys() >= differing
