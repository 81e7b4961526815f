"""A table of requests is decided as each of its requests would be by itself."""

import gc
from copy import deepcopy
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from eligibility.backlog.deciding import BacklogDecider
from eligibility.decider import Decider
from eligibility.domains import TESTS
from eligibility.reading import request_from
from eligibility.ruleset import Ruleset
from tests.backlog.tables import Row, golden, one_by_one, table, texts, together
from tests.properties.requests import AFFILIATES, VALUES, complete, document, set_fact
from tests.properties.sizes import sized

CASES = Path(__file__).parent.parent / "data" / "golden.jsonl"
GOLDEN = golden(CASES)
LONG = "x" * 501


def with_fact(fact: str, value: Any, **changes: Any) -> Row:
    made = complete("llama-4", "company", **changes)
    set_fact(made, fact, value)
    return made


def test_golden_cases(backlog: BacklogDecider, decider: Decider) -> None:
    assert together(backlog, table(GOLDEN)) == [one_by_one(decider, request) for request in GOLDEN]


def test_golden_cases_as_texts(backlog: BacklogDecider, decider: Decider) -> None:
    requests = golden(CASES, refused=True)
    found = together(backlog, texts([orjson.dumps(request) for request in requests]))
    assert found == [one_by_one(decider, request) for request in requests]


def test_golden_cases_in_tables_of_one(backlog: BacklogDecider, decider: Decider) -> None:
    for request in GOLDEN:
        assert together(backlog, table([request])) == [one_by_one(decider, request)]


@pytest.mark.parametrize("seed", range(3))
def test_generated_requests(seed: int, backlog: BacklogDecider, decider: Decider) -> None:
    random = Random(seed)
    requests = [document(random) for _ in range(sized(300, 10_000))]
    for number, request in enumerate(requests):
        if number % 3:
            request["request_id"] = f"row {number}"
    assert together(backlog, table(requests)) == [one_by_one(decider, request) for request in requests]


def test_every_value_of_every_fact(backlog: BacklogDecider, decider: Decider) -> None:
    requests = [with_fact(fact, value) for fact, values in VALUES.items() for value in (*values, None)]
    requests += [with_fact("entity.affiliates", value) for value in AFFILIATES]
    requests += [
        {
            **request,
            "model": {"generation": "llama-3.2"},
            "entity": {**request["entity"], "kind": "individual"},
        }
        for request in deepcopy(requests)
    ]
    assert together(backlog, table(requests)) == [one_by_one(decider, request) for request in requests]


@pytest.mark.parametrize(
    "fact, value",
    [
        ("model.generation", "llama-5"),
        ("model.generation", None),
        ("entity.kind", None),
        ("entity.kind", " "),
        ("entity.name", LONG),
        ("entity.name", "a\0b"),
        ("entity.name", "\u2003 \t"),
        ("entity.name", "株式会社"),
        ("entity.name", "x" * 500),
        ("entity.reference", ""),
        ("use.description", "x" * 10_001),
        ("use.description", "x" * 9_000),
        ("entity.principal_place_of_business", "UK"),
        ("entity.principal_place_of_business", ""),
        ("entity.monthly_active_users", -1),
        ("entity.monthly_active_users", 2**53),
        ("use.activities", []),
        ("use.activities", ["use", "use", "develop"]),
        ("use.activities", ["use", None]),
        ("use.activities", ["use", ""]),
        ("use.activities", [""]),
        ("use.activities", ["use\x1fdevelop"]),
        ("use.purposes", ["world_domination"]),
        ("use.distribution_regions", ["US"] * 100),
        ("use.distribution_regions", ["US"] * 101),
        ("use.languages", ["not a tag"]),
        ("use.on_behalf_of", "employer"),
        ("model.multimodal", False),
        ("model.name", "Llama-2-7b"),
        ("entity.affiliates", [None]),
        ("entity.affiliates", [{}] * 100),
        ("entity.affiliates", [{}] * 101),
        ("entity.affiliates", [{"relation": "sister"}]),
        ("entity.affiliates", [{"relation": "parent"}, {"principal_place_of_business": "XX"}]),
        ("entity.affiliates", [{"involved_in": ["development", ""]}]),
        ("entity.affiliates", [{"involved_in": ["development", None]}, {}]),
    ],
)
def test_values_at_the_edge(fact: str, value: Any, backlog: BacklogDecider, decider: Decider) -> None:
    """Among others in good form, so that only the odd row is read by itself."""
    requests = [complete("llama-4", "company"), with_fact(fact, value), complete("llama-3", "company")]
    found = together(backlog, table(requests))
    assert found == [one_by_one(decider, without_nulls(request)) for request in requests]


def without_nulls(value: Any) -> Any:
    """In a table, null and absent are one; within lists it stays."""
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", ["", " ", "a", "\u00e4\u2028", "x" * 500])
def test_the_callers_own_name_is_handed_back(name: str, backlog: BacklogDecider) -> None:
    [row] = together(backlog, table([{**GOLDEN[0], "request_id": name}]))
    assert row["request_id"] == (name if name.strip() else None)
    assert row["outcome"]


@pytest.mark.parametrize("name", [LONG, "a\0"])
def test_a_name_that_is_none_is_refused(name: str, backlog: BacklogDecider) -> None:
    [row] = together(backlog, table([{**GOLDEN[0], "request_id": name}]))
    assert [error["pointer"] for error in row["error"]["errors"]] == ["/request_id"]


def test_lines_that_no_column_holds_are_read_by_themselves(backlog: BacklogDecider, decider: Decider) -> None:
    requests: list[Any] = [
        with_fact("entity.monthly_active_users", 7.0e8),
        with_fact("entity.monthly_active_users", "many"),
        {**GOLDEN[0], "colour": "blue", "request_id": "r1"},
        {"request_id": "r2"},
        [],
        None,
        GOLDEN[1],
    ]
    found = together(backlog, texts([orjson.dumps(request) for request in requests]))
    assert found == [one_by_one(decider, request) for request in requests]


def test_what_is_no_json_is_refused(backlog: BacklogDecider) -> None:
    rows = together(backlog, texts([b"", b"{", b'{"a":1,"a":2}', b"\xff"]))
    assert all(row["error"]["errors"][0]["pointer"] == "" for row in rows)
    assert not any(row["outcome"] for row in rows)


def test_numbers_are_asked_about_by_limits_alone() -> None:
    """Else classes of numbers would not be ranges, as they are taken to be."""
    assert TESTS["number"] == ("above",)


@pytest.mark.parametrize("users", [0, 700_000_000, 700_000_001, 2**53 - 1])
def test_both_sides_of_a_limit(users: int, backlog: BacklogDecider, decider: Decider) -> None:
    requests = [complete("llama-4", "company", entity__monthly_active_users=n) for n in (1, users, users)]
    assert together(backlog, table(requests)) == [one_by_one(decider, request) for request in requests]


def test_affiliates_count_in_any_order(backlog: BacklogDecider, decider: Decider) -> None:
    known = [
        {"principal_place_of_business": "DE", "involved_in": ["development"]},
        {"principal_place_of_business": "US", "involved_in": []},
    ]
    missing = [{"involved_in": ["development"]}, {"principal_place_of_business": "DE"}, {}]
    lists = [order for some in (known, [*known, *missing]) for order in permutations(some)]
    requests = [with_fact("entity.affiliates", list(each)) for each in lists]
    found = together(backlog, table(requests))
    assert found == [one_by_one(decider, request) for request in requests]


def test_what_is_explained_later_is_what_would_have_been_explained_at_once(
    backlog: BacklogDecider, ruleset: Ruleset
) -> None:
    random, another = Random(21), Decider(ruleset)
    requests = [document(random) for _ in range(sized(60, 2_000))]
    decided = backlog.decide(table(requests))
    for request, place in zip(requests, decided.which.to_pylist(), strict=True):
        later = decided.answers[place].evaluation
        at_once = another.decide(request_from(request, ruleset.vocabulary)).evaluation
        assert later is not None
        assert (later.key, later.content) == (at_once.key, at_once.content)


def test_facts_that_decide_nothing_do_not_part_rows(backlog: BacklogDecider) -> None:
    """Names, references and users on the same side of the threshold are of one class."""
    requests = [
        complete("llama-4", "company", entity__name=f"name {n}", entity__monthly_active_users=n)
        for n in range(50)
    ]
    assert len(backlog.decide(table(requests)).answers) == 1


@pytest.mark.parametrize("seed", range(3))
def test_slim_answers_say_the_same(seed: int, backlog: BacklogDecider, decider: Decider) -> None:
    random, slim = Random(seed), BacklogDecider(decider, slim=True)
    rows = table([document(random) for _ in range(sized(300, 10_000))])
    decided = slim.decide(rows)
    assert decided.table().equals(backlog.decide(rows).table())
    assert all(answer.evaluation is None for answer in decided.answers)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.99])
def test_where_deciders_begin_makes_no_difference(share: float, ruleset: Ruleset) -> None:
    random = Random(7)
    one, other = BacklogDecider(Decider(ruleset)), BacklogDecider(Decider(ruleset), begins_at=share)
    for _ in range(3):
        rows = table([document(random) for _ in range(sized(100, 5_000))])
        assert one.decide(rows).table().equals(other.decide(rows).table())


def test_the_status_of_an_obligation_parts_rows_where_it_is_told(
    backlog: BacklogDecider, decider: Decider
) -> None:
    requests = [
        complete("llama-4", "company", use__attribution={"licence_copy": has_copy, "notice_file": has_file})
        for has_copy in (True, False, None)
        for has_file in (True, False, None)
    ]
    assert len(backlog.decide(table(requests)).answers) == 9
    assert len(BacklogDecider(decider, slim=True).decide(table(requests)).answers) == 1


def test_no_text_is_remembered(ruleset: Ruleset) -> None:
    backlog = BacklogDecider(Decider(ruleset))
    name = f"nobody else is number {id(backlog)}"
    backlog.decide(table([complete("llama-4", "company", entity__name=name, model__name=name)]))
    held = [each for each in gc.get_objects() if isinstance(each, dict | list | tuple) and holds(each, name)]
    assert not held


def holds(collection: Any, text: str) -> bool:
    """Whether it is an entry, or the name of one."""
    entries = [*collection, *(collection.values() if isinstance(collection, dict) else ())]
    return any(isinstance(entry, str) and entry == text for entry in entries)


def test_an_empty_table(backlog: BacklogDecider) -> None:
    assert together(backlog, table([])) == []
