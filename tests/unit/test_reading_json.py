import json
import time
from decimal import Decimal
from typing import Any

import pytest

from eligibility.errors import RequestRefused, UnacceptableRequest, UnreadableRequest
from eligibility.facts import Vocabulary
from eligibility.reading import DEEPEST, parse_json, read_request, request_from
from eligibility.scalars import MOST_USERS
from tests.unit.refusing import pointers, put, users

# ---- bytes


@pytest.mark.parametrize(
    "body, detail",
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ("{}".encode("utf-16"), "UTF-16"),
        ("{}".encode("utf-16-le"), "UTF-16"),
        ("{}".encode("utf-16-be"), "UTF-16"),
        ("{}".encode("utf-32"), "UTF-16 or UTF-32"),
        (b'{"a": "\xff"}', "not UTF-8: byte 8"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8: byte 8"),
        (b"{", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b'{"a": 1} x', "line 1, column 10"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 01}', "not JSON"),
        (b'{"a": +1}', "not JSON"),
        (b'{"a": .5}', "not JSON"),
        (b'{"a": "\n"}', "not JSON"),
        (b'{"a": "\\x"}', "not JSON"),
        (b'{"a": NaN}', "`NaN`"),
        (b"[Infinity]", "`Infinity`"),
        (b"-Infinity", "`-Infinity`"),
        (b'{"a": 1, "b": 2, "a": 1}', "`a` stands more than once"),
        (b'{"model": {"name": null, "\\u006eame": "x"}}', "`name` stands more than once"),
        (b'{"a": "\\ud800"}', "half a surrogate pair"),
    ],
)
def test_bytes_that_are_no_json_are_unreadable_and_the_reason_is_given(body: bytes, detail: str) -> None:
    with pytest.raises(UnreadableRequest) as caught:
        parse_json(body)
    assert caught.value.status == 400
    assert detail in str(caught.value)


@pytest.mark.parametrize(
    "body, pointer",
    [
        (b'{"a": {"b/c": ["x", "\\udfff"]}}', "/a/b~1c/1"),
        (b'{"a": {"\\uD800": 1}}', "/a"),
        (b'"\\ude00\\ud83d"', ""),
    ],
)
def test_half_a_surrogate_pair_is_found_wherever_it_stands(body: bytes, pointer: str) -> None:
    with pytest.raises(UnreadableRequest) as caught:
        parse_json(body)
    assert [fault.pointer for fault in caught.value.problems] == [pointer]


@pytest.mark.parametrize(
    "body, value",
    [
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\\\ud800"', "\\ud800"),
        ('"😀é"'.encode(), "😀é"),
        (b" [1, true, null]\r\n", [1, True, None]),
        (b'{"a": {"a": 1}, "b": {"a": 1}}', {"a": {"a": 1}, "b": {"a": 1}}),
        (b"0.1", Decimal("0.1")),
        (b"7e8", Decimal("7e8")),
        (b"700000000.00000001", Decimal("700000000.00000001")),
        (b"9007199254740993", 9007199254740993),
        (b"-12", -12),
        (b"1" * 5_000, Decimal("1" * 5_000)),
        (b"1e400", Decimal("1e400")),
        (b"1e9999999999999999999", Decimal("Infinity")),
        (b"-1E+9999999999999999999", Decimal("-Infinity")),
        (b"0.00e9999999999999999999", Decimal(0)),
    ],
)
def test_json_is_read_exactly(body: bytes, value: object) -> None:
    assert parse_json(body) == value


def test_an_unholdable_fraction_is_not_taken_for_zero() -> None:
    value = parse_json(b"1e-9999999999999999999")

    assert isinstance(value, Decimal)
    assert value.is_nan()


@pytest.mark.parametrize("opening, closing", [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
def test_nesting_is_read_to_a_limit_and_refused_beyond(opening: bytes, closing: bytes) -> None:
    levels = DEEPEST // opening.count(b"[" if opening == b"[" else b"{") // (2 if b"[{" in opening else 1)

    assert parse_json(opening * levels + b"1" + closing * levels)
    for deeper in (levels + 1, 1_000, 100_000):
        with pytest.raises(UnreadableRequest, match="nested too deep"):
            parse_json(opening * deeper + b"1" + closing * deeper)
        with pytest.raises(UnreadableRequest, match="nested too deep"):
            parse_json(opening * deeper)


def test_brackets_beside_each_other_or_in_texts_are_no_depth() -> None:
    assert parse_json(b"[" + b",".join([b"[]"] * 200) + b"]") == [[]] * 200
    assert parse_json(json.dumps("[{" * 200 + '"').encode()) == "[{" * 200 + '"'
    assert parse_json(json.dumps({"\\": '\\"' + "[" * 200}).encode()) == {"\\": '\\"' + "[" * 200}


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100 + b'"' + b'\\"' * 300_000,
        b"[" * 500_000,
        b'{"entity": {"monthly_active_users": ' + b"9" * 500_000 + b"}}",
        b'{"entity": {"monthly_active_users": 1' + b"0" * 500_000 + b"e999999999}}",
        b"{" + b",".join(b'"k%d":0' % number for number in range(50_000)) + b"}",
        b'{"' + b"k" * 500_000 + b'": 1}',
        b'{"use": {"purposes": [' + b'"spamm",' * 60_000 + b'"x"]}}',
        b'{"model": {"name": "' + b" " * 500_000 + b'"}}',
    ],
    ids=[
        *("quotes after depth", "depth", "digits", "digits and an exponent", "members", "a long member"),
        *("purposes", "a long blank"),
    ],
)
def test_hostile_bodies_are_refused_within_a_second(body: bytes, vocabulary: Vocabulary) -> None:
    started = time.process_time()
    with pytest.raises(RequestRefused) as caught:
        read_request(body, vocabulary)
    assert time.process_time() - started < 1
    assert sum(len(str(fault)) for fault in caught.value.problems) < 1_000_000


# ---- numbers


@pytest.mark.parametrize(
    "written, number",
    [
        ("0", 0),
        ("-0", 0),
        ("-0.0", 0),
        ("0e999999999", 0),
        ("0e9999999999999999999", 0),
        ("7e8", 700_000_000),
        ("7E+08", 700_000_000),
        ("700000000.0", 700_000_000),
        ("7000000000e-1", 700_000_000),
        ("0.7e9", 700_000_000),
        ("9007199254740991", MOST_USERS),
        ("9007199254740991.000", MOST_USERS),
        ("9.007199254740991e15", MOST_USERS),
        ("1" + "0" * 5_000 + "e-5000", 1),
    ],
)
def test_a_whole_number_may_be_written_in_many_ways(
    written: str, number: int, vocabulary: Vocabulary
) -> None:
    request = read_request(users(written), vocabulary)

    assert request.facts["entity.monthly_active_users"] == number
    assert type(request.document["entity"]["monthly_active_users"]) is int


@pytest.mark.parametrize(
    "written, detail",
    [
        ("-1", "must not be negative"),
        ("-1e999999999", "must not be negative"),
        ("-1e99999999999999999999", "must not be negative"),
        ("0.5", "fraction"),
        ("700000000.00000001", "fraction"),
        ("1e-999999999", "fraction"),
        ("1e-99999999999999999999", "fraction"),
        ("9007199254740990.5", "fraction"),
        ("9007199254740992", "at most 9007199254740991"),
        ("9007199254740993", "at most 9007199254740991"),
        ("9007199254740992.0", "at most 9007199254740991"),
        ("1" * 5_000, "at most 9007199254740991"),
        ("1e999999999", "at most 9007199254740991"),
        ("1e99999999999999999999", "at most 9007199254740991"),
        ('"1000"', "not the text `1000`: write it without quotes"),
        ('""', "write it without quotes"),
        ("true", "not `true`"),
        ("[1]", "not a list"),
        ("{}", "not an object"),
    ],
)
def test_other_numbers_of_users_are_refused(written: str, detail: str, vocabulary: Vocabulary) -> None:
    with pytest.raises(UnacceptableRequest) as caught:
        read_request(users(written), vocabulary)
    (fault,) = caught.value.problems
    assert fault.pointer == "/entity/monthly_active_users"
    assert detail in fault.detail


@pytest.mark.parametrize("value, number", [(7e8, 700_000_000), (0.0, 0)])
def test_a_float_of_another_reader_counts_where_it_is_whole(
    value: float, number: int, body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    put(body, "entity.monthly_active_users", value)

    assert request_from(body, vocabulary).facts["entity.monthly_active_users"] == number


@pytest.mark.parametrize("value", [0.5, float("nan"), float("inf"), float("-inf"), 1e300])
def test_other_floats_are_refused(value: float, body: dict[str, Any], vocabulary: Vocabulary) -> None:
    put(body, "entity.monthly_active_users", value)

    assert pointers(body, vocabulary) == ["/entity/monthly_active_users"]


@pytest.mark.parametrize("sign", [1, -1])
def test_integers_too_long_to_be_printed_are_refused_like_others(
    sign: int, body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    put(body, "entity.monthly_active_users", sign * 10**5_000)

    assert pointers(body, vocabulary) == ["/entity/monthly_active_users"]
