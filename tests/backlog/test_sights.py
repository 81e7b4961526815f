"""What rows show to the rules of their generation: all that counts for them, and little else."""

from collections.abc import Hashable, Sequence
from copy import deepcopy
from random import Random
from typing import Any

import pytest

from eligibility.backlog.classes import Classes
from eligibility.backlog.deciding import BacklogDecider
from eligibility.backlog.form import PATHS, in_one, leaves
from eligibility.backlog.sights import Sights
from eligibility.decider import Decider
from eligibility.errors import RequestRefused
from eligibility.reading import request_from
from tests.backlog.tables import Row, table
from tests.properties.oracle import GENERATIONS
from tests.properties.requests import AFFILIATES, VALUES, complete, document, set_fact
from tests.properties.sizes import sized

SORTS: dict[str, Row] = {
    "company": {"entity": {"kind": "company"}},
    "individual": {"entity": {"kind": "individual"}},
    "employed": {"entity": {"kind": "researcher"}, "use": {"on_behalf_of": "employer"}},
}
VALUES_OF_ALL = {**VALUES, "entity.affiliates": AFFILIATES}
READ_BESIDE = {"model.generation", "model.name", "model.multimodal", "entity.kind", "use.on_behalf_of"}
"""Facts that can contradict others, or say what is asked of them."""


def changed(request: Row, fact: str, value: Any) -> Row:
    made = deepcopy(request)
    set_fact(made, fact, value)
    return made


def seen(decider: Decider, requests: Sequence[Row]) -> list[tuple[int, ...]]:
    """The sort and the sights of each request."""
    classes = Classes(tuple(decider.questions.values()), decider.ruleset.vocabulary)
    rows = table(requests)
    arrays = {name: in_one(rows[name]) for name in ("model", "entity", "use")}
    columns = {
        path: classes.column(path, array) for path, array in leaves(arrays) if path not in classes.idle
    }
    paths = [path for path in PATHS if path in columns]
    sorts, sights = Sights(decider.questions, paths).of(columns, len(requests))
    columns_of_numbers = (sorts, *(sights[path] for path in paths))
    return list(zip(*(each.array.to_pylist() for each in columns_of_numbers), strict=True))


def read(decider: Decider, request: Row) -> Hashable:
    """What is evaluated for a request: the generation and the cells, or nothing where it is refused."""
    try:
        found = request_from(request, decider.ruleset.vocabulary)
    except RequestRefused:
        return None
    generation = found.facts["model.generation"]
    return generation, decider.questions[generation].cells(found)


def check(decider: Decider, requests: Sequence[Row]) -> None:
    found: dict[tuple[int, ...], Hashable] = {}
    for request, key in zip(requests, seen(decider, requests), strict=True):
        cells = read(decider, request)
        assert found.setdefault(key, cells) == cells, request
    assert len(found) < len(requests)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_requests_that_look_alike_have_the_same_cells(generation: str, sort: str, decider: Decider) -> None:
    """Every value of every fact, alone and beside each value of those that say what counts."""
    start = {"model": {"generation": generation}, **SORTS[sort]}
    first = (*sorted(READ_BESIDE & VALUES.keys()), "use.purposes", "use.activities")
    starts = [start, *(changed(start, fact, each) for fact in first for each in VALUES[fact])]
    check(
        decider,
        [
            changed(one, fact, each)
            for one in starts
            for fact in VALUES_OF_ALL
            for each in VALUES_OF_ALL[fact]
        ],
    )


@pytest.mark.parametrize("seed", range(3))
def test_generated_requests_that_look_alike_have_the_same_cells(seed: int, decider: Decider) -> None:
    random = Random(seed)
    requests = [document(random) for _ in range(sized(500, 20_000))]
    facts = list(VALUES_OF_ALL)
    check(decider, [changed(each, random.choice(facts), None) for each in requests for _ in range(4)])


def answers_to(backlog: BacklogDecider, requests: list[Row]) -> int:
    return len(backlog.decide(table(requests)).answers)


def test_what_is_presumed_looks_like_what_is_said(backlog: BacklogDecider) -> None:
    start = complete("llama-4", "company")
    assert answers_to(backlog, [changed(start, "entity.licence_terminated", v) for v in (None, False)]) == 1
    assert answers_to(backlog, [changed(start, "entity.licence_terminated", v) for v in (None, True)]) == 2


def test_what_a_generation_does_not_ask_parts_no_rows(decider: Decider) -> None:
    idle = 0
    for generation, questions in decider.questions.items():
        shown = {status.fact for _, (status, _) in questions.statuses}
        start = complete(generation, "company")
        for fact in set(VALUES) - READ_BESIDE - shown - questions.by_fact.keys():
            assert (
                len(set(seen(decider, [changed(start, fact, each) for each in (*VALUES[fact], None)]))) == 1
            )
            idle += len(VALUES[fact]) > 1
    assert idle


def test_an_assurance_counts_where_a_purpose_calls_for_it(backlog: BacklogDecider) -> None:
    start = complete("llama-4", "company")
    purposes = (["general"], ["general", "professional_practice"])
    requests = [changed(start, "use.purposes", each) for each in purposes]
    requests += [changed(each, "use.assurances.licensed_professional", False) for each in requests]
    outcomes = backlog.decide(table(requests)).table()["outcome"].to_pylist()
    assert outcomes[2] == outcomes[0] != outcomes[3]
