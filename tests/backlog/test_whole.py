"""Whole decisions of a backlog are what each request gets when it is asked by itself."""

from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import orjson
import pytest

from eligibility.backlog.deciding import BacklogDecider
from eligibility.backlog.whole import AT_ONCE, whole_tables
from eligibility.canonical import canonical_of_request
from eligibility.reading import request_from
from eligibility.recall import recalled
from tests.backlog.results import decided, ids_of, whole
from tests.backlog.tables import golden, table, texts
from tests.properties.requests import AFFILIATES, complete, document
from tests.properties.sizes import sized

GOLDEN = golden(Path(__file__).parent.parent / "data" / "golden.jsonl")
AT = datetime(2026, 8, 1, 12, 30, 0, 250_000, tzinfo=UTC)


def alone(backlog: BacklogDecider, request: Any) -> bytes:
    """What a request gets by itself, with the members of its objects in the order of the alphabet."""
    request = orjson.loads(canonical_of_request(request))
    vocabulary = backlog.decider.ruleset.vocabulary
    read = request_from(request, vocabulary, member_allowed_request_id=True)
    return backlog.decider.decide(read).json()


@pytest.mark.parametrize("as_texts", [False, True])
def test_golden_cases(as_texts: bool, backlog: BacklogDecider) -> None:
    given = texts([orjson.dumps(request) for request in GOLDEN]) if as_texts else table(GOLDEN)
    found = whole(backlog, backlog.decide(given))["decision"].to_pylist()
    assert [text.encode() for text in found] == [alone(backlog, request) for request in GOLDEN]


def test_generated_requests(backlog: BacklogDecider) -> None:

    random = Random(5)
    requests = [document(random) for _ in range(sized(200, 5_000))]
    requests += [complete("llama-4", "company", entity__affiliates=value) for value in AFFILIATES]
    found = whole(backlog, backlog.decide(table(requests)))["decision"].to_pylist()
    assert [text.encode() for text in found] == [alone(backlog, request) for request in requests]


def test_each_says_its_own_values(backlog: BacklogDecider) -> None:
    """Rows of one class share an evaluation, and each has its own values in its decision."""
    countries = ("DE", "FR", "IE")
    requests = [
        complete("llama-4", "company", entity__principal_place_of_business=country) for country in countries
    ]
    made = backlog.decide(table(requests))
    assert len(made.answers) == 1
    found = whole(backlog, made)["decision"].to_pylist()
    assert [f'"value":"{country}"' in text for country, text in zip(countries, found, strict=True)] == [
        True
    ] * 3
    assert len(set(found)) == 3


def test_a_record_reads_as_the_table_did(backlog: BacklogDecider) -> None:
    """What was written by the process that decided, another that has only records can write again."""
    random, decider = Random(6), backlog.decider
    requests = [document(random) for _ in range(100)]
    made = backlog.decide(texts([orjson.dumps(request) for request in requests]))
    ids = ids_of(made)
    [found] = whole_tables(decider, made, ids, AT)
    for row, text in enumerate(found["decision"].to_pylist()):
        evaluation = made.answers[made.which[row].as_py()].evaluation
        assert evaluation
        recorded = orjson.loads(canonical_of_request(made.alone[row].document))
        again = recalled(evaluation.questions, evaluation.content, recorded, UUID(ids[row].as_py()), AT)
        assert text.encode() == orjson.dumps(again)


def test_recorded_ones_say_their_id_and_time(backlog: BacklogDecider) -> None:
    made = decided(backlog, 12)
    ids = ids_of(made)
    [found] = whole_tables(backlog.decider, made, ids, AT)
    plain = whole(backlog, made)["decision"].to_pylist()
    for identifier, text, without in zip(ids.to_pylist(), found["decision"].to_pylist(), plain, strict=True):
        assert (identifier is None) == (text is None)
        if text is not None:
            read = orjson.loads(text)
            assert UUID(read.pop("id")) == UUID(identifier)
            assert read.pop("decided_at") == "2026-08-01T12:30:00.250000Z"
            assert read == orjson.loads(without)


def test_refused_rows_have_none(backlog: BacklogDecider) -> None:
    made = decided(backlog, 60)
    found = whole(backlog, made)
    assert found["decision"].is_null().equals(found["outcome"].is_null())
    assert found["decision"].null_count


def test_a_long_table_comes_in_portions(backlog: BacklogDecider) -> None:
    made = backlog.decide(table([GOLDEN[0]] * (AT_ONCE + 1)))
    tables = list(whole_tables(backlog.decider, made))
    assert [each.num_rows for each in tables] == [AT_ONCE, 1]
    assert tables[1]["line"].to_pylist() == [AT_ONCE + 1]
