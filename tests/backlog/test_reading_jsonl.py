"""Lines of JSON: in a table they say what each says by itself."""

import json
import re
from random import Random
from typing import Any

import pytest

from eligibility.backlog.answers import Answer
from eligibility.backlog.deciding import BacklogDecider
from eligibility.decider import Decider
from eligibility.errors import RequestRefused
from eligibility.reading import read_request
from eligibility.ruleset import Ruleset
from tests.backlog.reading import decided, errors, facts_of_line, facts_of_rows, read
from tests.properties.requests import document
from tests.properties.sizes import sized

SMALLEST = b'{"model":{"generation":"llama-4"},"entity":{"kind":"company"}}'
SNIPPETS = [
    *(b",", b":", b"{", b"}", b"[", b"]", b'"', b"\\", b" ", b"\t", b"\r", b"\n", b"\x00", b"\xff", b"\xc3"),
    *(b"null", b"true", b"-0", b"1e3", b"1.0", b"7e8", b"0x1F", b"01", b"NaN", b"-Infinity", b"/**/", b"//"),
    *(b'"monthly_active_users":7E8,', b'"monthly_active_users":1.50,', b"7e-1", b"1.00,"),
    *(b'"x":1,', b'"model":null,', b'"request_id":"r",', b'"kind":"company",', b'"relation":null,', b"{},"),
    *(b"\\u0000", b"\\ud800", b"\\ud83d\\ude00", b"\\u006d", b"\xef\xbb\xbf", b"[" * 70, b"null,", b"}\n{"),
]
ODD_LINES = [
    b"",
    b"  ",
    b"null",
    b"[]",
    SMALLEST + SMALLEST,
    SMALLEST + b",",
    SMALLEST[:-1],
    b"\xef\xbb\xbf" + SMALLEST,
    b"{}",
    b'{"\\u006dodel":{"generation":"llama-4"},"entity":{"kind":"company"}}',
    b'{"model":{"generation":"llama-4"},"\\u006dodel":null,"entity":{"kind":"company"}}',
    b'{"model":{"generation":"llama-4"},"entity":{"kind":"company","affiliates":[null]}}',
    b'{"model":{"generation":"llama-4"},"entity":{"kind":"company","affiliates":[{"relation":"x"}]}}',
    b'{"model":{"generation":"llama-4"},"entity":{"kind":"company","affiliates":[{"a":1}]}}',
    b'{"model":{"generation":"llama-4"},"entity":{"kind":"company","name":"\\u0000"}}',
    b'{"model":{"generation":"llama-4"},"entity":{"kind":"company","name":"\x00"}}',
    b'{"model":{"generation":"llama-4"},"entity":{"kind":"company","name":"\xff"}}',
    b'{"model":{"generation":"llama-4"},"entity":{"kind":"company","monthly_active_users":-0}}',
    b'{"model":{"generation":"llama-4"},"entity":{"kind":"company","monthly_active_users":7E+08}}',
    b'{"model":{"generation":"llama-4"},"entity":{"kind":"company","monthly_active_users":1e999999999}}',
    b'{"model":{"generation":"llama-4"},"entity":{"kind":"company","monthly_active_users":1.0}}',
    b'{"model":{"generation":"llama-4"},"entity":{"kind":"company"},"use":{"purposes":[null]}}',
    b'{"model":{"generation":"llama-4"},"entity":{"kind":"company"},"use":null}',
    b'{"model":{"generation":"llama-4"},"entity":{"kind":"company"},"use":' + b"[" * 70 + b"]" * 70 + b"}",
    b"\t" + SMALLEST + b" ",
]


@pytest.fixture(scope="module")
def backlog(decider: Decider) -> BacklogDecider:
    return BacklogDecider(decider)


def _mutated(random: Random, line: bytes) -> bytes:
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        place = random.choice([match.start() for match in re.finditer(rb'[,:{}"\[\]]|$', line)])
        place += random.choice((0, 1))
        end = place + random.choice((0, 0, 0, 1, 2, 9))
        line = line[:place] + random.choice([*SNIPPETS, line[place : place + 20], b""]) + line[end:]
    return line


def _line(random: Random) -> bytes:
    if random.random() < 0.1:
        return random.choice(ODD_LINES)
    value = document(random)
    if random.random() < 0.5:
        value["request_id"] = random.choice(("r-1", "", " ", None, "\U0001f600"))
    if random.random() < 0.3:
        value[random.choice(("model", "entity", "use"))] = random.choice((None, {}, [], "x"))
    separators = random.choice(((",", ":"), (", ", ": ")))
    written = json.dumps(value, ensure_ascii=random.random() < 0.5, separators=separators)
    return _mutated(random, written.encode())


def _file(random: Random) -> bytes:
    end = random.choice((b"\n", b"\n", b"\r\n"))
    return end.join([SMALLEST, *(_line(random) for _ in range(random.choice((1, 2, 5, 12))))]) + b"\n"


@pytest.mark.parametrize("seed", range(8))
def test_a_table_says_what_each_line_says(ruleset: Ruleset, seed: int) -> None:
    random = Random(seed)
    for _ in range(sized(60, 2_000)):
        data = _file(random)
        lines = data.removesuffix(b"\n").split(b"\n")
        table = read(data, "jsonl")
        assert table["text"].to_pylist() == lines
        each = [facts_of_line(line, ruleset.vocabulary) for line in lines]
        assert list(facts_of_rows(table, ruleset.vocabulary)) == each


def test_a_table_is_decided_as_each_line_is(
    ruleset: Ruleset, decider: Decider, backlog: BacklogDecider
) -> None:
    random = Random(9)
    for _ in range(sized(60, 2_000)):
        found = decided(_file(random), "jsonl", backlog)
        answers = [found.answers[place] for place in found.which.to_pylist()]
        lines = found.requests["text"].to_pylist()
        assert list(map(_said, answers)) == [_said_alone(line, ruleset, decider) for line in lines]


def _said(answer: Answer) -> Any:
    return answer.refused.errors if answer.evaluation is None and answer.refused else answer.evaluation


def _said_alone(line: bytes, ruleset: Ruleset, decider: Decider) -> Any:
    try:
        request = read_request(line, ruleset.vocabulary, member_allowed_request_id=True)
    except RequestRefused as refused:
        return tuple((each.pointer, each.detail) for each in refused.problems)
    return decider.decide(request).evaluation


@pytest.mark.parametrize("line", ODD_LINES, ids=range(len(ODD_LINES)))
def test_an_odd_line_says_the_same_among_others_as_alone(ruleset: Ruleset, line: bytes) -> None:
    table = read(b"\n".join([SMALLEST] * 9 + [line] + [SMALLEST] * 9) + b"\n", "jsonl")
    alone = facts_of_line(line, ruleset.vocabulary)
    usual = facts_of_line(SMALLEST, ruleset.vocabulary)
    assert list(facts_of_rows(table, ruleset.vocabulary)) == [*[usual] * 9, alone, *[usual] * 9]


def test_usual_lines_are_read_at_once_and_one_odd_line_takes_few_with_it() -> None:
    data = b"\n".join([SMALLEST] * 500 + [b"{]"] + [SMALLEST] * 500)
    assert read(data, "jsonl")["is_read"].to_pylist().count(False) <= 8
    assert all(read(data.replace(b"{]", SMALLEST), "jsonl")["is_read"].to_pylist())


def test_whole_numbers_are_read_at_once_however_they_are_written() -> None:
    line = SMALLEST[:-2] + b',"monthly_active_users": %b}}'
    numbers = [b"5", b"7E+08", b"700000000.0", b"1.2e6 ", b"-0.0", b"0e0"]
    table = read(b"\n".join(line % number for number in numbers), "jsonl")
    assert all(table["is_read"].to_pylist())
    found = [entity["monthly_active_users"] for entity in table["entity"].to_pylist()]
    assert found == [5, 700_000_000, 700_000_000, 1_200_000, 0, 0]


def test_lines_are_counted_from_one_with_blank_ones(backlog: BacklogDecider) -> None:
    data = SMALLEST + b"\r\n\r\n" + SMALLEST
    assert read(data, "jsonl")["line"].to_pylist() == [1, 2, 3]
    assert errors(data, "jsonl", backlog) == [None, [("", "the body is empty: send a JSON object")], None]


def test_a_line_that_is_too_long_is_refused_by_itself(backlog: BacklogDecider) -> None:
    long = SMALLEST[:-1] + b" " * 2**20 + b"}"
    found = errors(b"\n".join([SMALLEST, long, SMALLEST]), "jsonl", backlog)
    words = f"`a line of {len(long)} bytes: at most 1048576 are read`"
    assert found == [None, [("", f"a request must be an object, not {words}")], None]
