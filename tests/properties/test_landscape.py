"""A landscape says of every request what deciding it says."""

from random import Random

import pytest

from eligibility.decider import Decider
from eligibility.diagram import FALSE
from eligibility.landscape import OUTCOMES, Landscape
from eligibility.reading import request_from
from eligibility.standing import Standing
from eligibility.witness import witness
from tests.properties.brute_force import unknown
from tests.properties.oracle import GENERATIONS
from tests.properties.requests import KINDS, bases, document, neighbours
from tests.properties.sizes import sized


def row_of(landscape: Landscape, facts: dict[str, object]) -> dict[int, int]:
    """The values of all variables for a complete request."""
    standing = Standing(landscape, facts, kind_may_change=False)
    [applicant] = standing.here(1, presumes_users=False)
    presumes_users = standing.presumes_users(applicant)
    row: dict[int, int] = {}
    for place, field in enumerate(landscape.fields):
        first = landscape.first[place]
        named = standing.codes(place) if field.codes else None
        if field.codes:
            row.update((first + number, int(is_named)) for number, is_named in enumerate(named or ()))
        else:
            # where it may have several values it does not count for this applicant
            row[first] = min(standing.here(place, presumes_users=presumes_users))
    return row


def holds(landscape: Landscape, decider: Decider, body: dict[str, object]) -> bool:
    """See that the landscape agrees about a request, if it is complete."""
    request = request_from(body, decider.ruleset.vocabulary)
    if unknown(request.facts):
        return False
    made, row = decider.decide(request), row_of(landscape, request.facts)
    at = landscape.space.at
    assert [name for name in OUTCOMES if at(landscape.outcomes[name], row)] == [made.outcome], body
    program = next(
        place
        for place, one in enumerate(landscape.programs)
        if one.generation == request.facts["model.generation"]
    )
    verdict = landscape.verdicts[program]
    assert at(landscape.where[program], row), body
    assert {key for key, function in verdict.findings.items() if at(function, row)} == set(
        made.evaluation.findings
    ), body
    if made.outcome == "permitted":
        due = {one["obligation"] for one in made.evaluation.content["obligations"]}
        assert {name for name, function in verdict.obligations.items() if at(function, row)} == due, body
    licensors = [name for name, function in verdict.licensors.items() if at(function, row)]
    assert licensors == [made.evaluation.content["licensor"]], body
    return True


@pytest.mark.parametrize("seed", range(4))
def test_it_agrees_with_decisions_about_generated_requests(
    landscape: Landscape, decider: Decider, seed: int
) -> None:
    random = Random(seed)
    complete = sum(holds(landscape, decider, document(random)) for _ in range(sized(500, 25_000)))
    assert complete > 50


@pytest.mark.parametrize("generation", GENERATIONS)
def test_it_agrees_on_both_sides_of_every_boundary(
    landscape: Landscape, decider: Decider, generation: str
) -> None:
    kinds = KINDS if sized(0, 1) else ("researcher", "company")
    complete = sum(
        holds(landscape, decider, neighbour)
        for kind in kinds
        for base in bases(generation, kind)
        for neighbour in neighbours(base)
    )
    assert complete > 1_000


def test_the_witness_of_every_conclusion_is_decided_as_it_says(
    landscape: Landscape, decider: Decider
) -> None:
    witnesses = 0
    for where, verdict, questions in zip(
        landscape.where, landscape.verdicts, landscape.programs, strict=True
    ):
        for rule, function in verdict.rules.items():
            fires = landscape.space.both(where, function)
            assert fires != FALSE, (questions.generation, rule)
            request = request_from(witness(landscape, fires), decider.ruleset.vocabulary)
            content = decider.decide(request).evaluation.content
            assert request.facts["model.generation"] == questions.generation
            assert rule in {step["rule"] for step in content["steps"]}, request.document
            assert not unknown(request.facts), request.document
            witnesses += 1
    assert witnesses > 400


def test_where_nothing_holds_there_is_no_witness(landscape: Landscape) -> None:
    with pytest.raises(ValueError, match="nothing makes this function true"):
        witness(landscape, FALSE)
