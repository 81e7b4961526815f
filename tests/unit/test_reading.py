import json
import time
from decimal import Decimal
from typing import Any

import pytest

from eligibility.errors import Fault, RequestRefused, UnacceptableRequest, UnreadableRequest
from eligibility.facts import Vocabulary
from eligibility.reading import DEEPEST, parse_json, read_request, request_from
from eligibility.scalars import MOST_USERS


def put(body: dict[str, Any], path: str, value: object) -> None:
    *sections, leaf = path.split(".")
    for section in sections:
        body = body.setdefault(section, {})
    body[leaf] = value


def refusal(body: object, vocabulary: Vocabulary) -> tuple[Fault, ...]:
    with pytest.raises(UnacceptableRequest) as caught:
        request_from(body, vocabulary)
    assert caught.value.status == 422
    return caught.value.problems


def pointers(body: object, vocabulary: Vocabulary) -> list[str]:
    return [fault.pointer for fault in refusal(body, vocabulary)]


def users(written: str) -> bytes:
    request = '{"model":{"generation":"llama-4"},"entity":{"kind":"company","monthly_active_users":%s}}'
    return (request % written).encode()


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


# ---- absence


TEXTS = [
    "model.name",
    "entity.name",
    "entity.reference",
    "use.critical_infrastructure.sector",
    "use.critical_infrastructure.certification",
    "use.output_model.name",
    "use.description",
]


@pytest.mark.parametrize("path", TEXTS)
@pytest.mark.parametrize("blank", ["", " ", "\t\n\u00a0\u3000", None])
def test_a_blank_text_and_null_equal_absence(
    path: str, blank: str | None, body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    smallest = request_from(body, vocabulary)
    put(body, path, blank)

    assert request_from(body, vocabulary) == smallest


@pytest.mark.parametrize(
    "path", [*TEXTS, "entity.affiliates", "entity.employer", "use", "use.purposes", "use.capacity"]
)
def test_null_equals_absence(path: str, body: dict[str, Any], vocabulary: Vocabulary) -> None:
    smallest = request_from(body, vocabulary)
    put(body, path, None)

    assert request_from(body, vocabulary) == smallest


@pytest.mark.parametrize("path", ["use", "use.critical_infrastructure", "use.attribution", "entity.employer"])
def test_an_empty_object_equals_absence(path: str, body: dict[str, Any], vocabulary: Vocabulary) -> None:
    smallest = request_from(body, vocabulary)
    put(body, path, {})

    assert request_from(body, vocabulary) == smallest


@pytest.mark.parametrize("path", ["entity.affiliates", "entity.development_offices", "use.languages"])
def test_an_empty_list_is_an_answer(path: str, body: dict[str, Any], vocabulary: Vocabulary) -> None:
    put(body, path, [])

    assert request_from(body, vocabulary).facts[path] == ()


@pytest.mark.parametrize("path", TEXTS)
def test_texts_are_taken_as_written_up_to_their_limit(
    path: str, body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    limit = 10_000 if path == "use.description" else 500
    longest = " 😀" + "é" * (limit - 2)
    put(body, path, longest)
    assert request_from(body, vocabulary).facts[path] == longest

    put(body, path, longest + "x")
    (fault,) = refusal(body, vocabulary)
    assert fault.pointer == "/" + path.replace(".", "/")
    assert fault.detail == f"has {limit + 1} characters: at most {limit} are allowed"


@pytest.mark.parametrize("path", TEXTS)
@pytest.mark.parametrize("value", ["a\0b", "\0", "a\ud800", 5, True, [], {}, ["x"]])
def test_other_texts_are_refused(
    path: str, value: object, body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    put(body, path, value)

    assert pointers(body, vocabulary) == ["/" + path.replace(".", "/")]


@pytest.mark.parametrize(
    "value, pointer",
    [
        (None, ""),
        ([], ""),
        ("x", ""),
        (5, ""),
        (True, ""),
        ({"entity": {"kind": "company"}}, "/model/generation"),
        ({"model": None, "entity": {"kind": "company"}}, "/model/generation"),
        ({"model": {}, "entity": {"kind": "company"}}, "/model/generation"),
        ({"model": {"generation": None}, "entity": {"kind": "company"}}, "/model/generation"),
        ({"model": [], "entity": {"kind": "company"}}, "/model"),
        ({"model": "llama-4", "entity": {"kind": "company"}}, "/model"),
        ({"model": {"generation": ""}, "entity": {"kind": "company"}}, "/model/generation"),
        ({"model": {"generation": 4}, "entity": {"kind": "company"}}, "/model/generation"),
        ({"model": {"generation": "llama-5"}, "entity": {"kind": "company"}}, "/model/generation"),
        ({"model": {"generation": "Llama-4"}, "entity": {"kind": "company"}}, "/model/generation"),
        ({"model": {"generation": "llama-4"}}, "/entity/kind"),
        ({"model": {"generation": "llama-4"}, "entity": None}, "/entity/kind"),
        ({"model": {"generation": "llama-4"}, "entity": {"kind": None}}, "/entity/kind"),
        ({"model": {"generation": "llama-4"}, "entity": {"kind": " "}}, "/entity/kind"),
        ({"model": {"generation": "llama-4"}, "entity": 5}, "/entity"),
        ({"model": {"generation": "llama-4"}, "entity": {"kind": "firm"}}, "/entity/kind"),
    ],
)
def test_the_pointer_names_what_is_wrong_or_missing(
    value: object, pointer: str, vocabulary: Vocabulary
) -> None:
    assert pointers(value, vocabulary) == [pointer]


# ---- codes, lists and members


@pytest.mark.parametrize(
    "path, value, pointer",
    [
        ("use", [], "/use"),
        ("use", "general", "/use"),
        ("entity.domicile", [], "/entity/domicile"),
        ("entity.domicile", ["DE"], "/entity/domicile"),
        ("entity.trade_restricted", {}, "/entity/trade_restricted"),
        ("use.distribution_regions", [{}], "/use/distribution_regions/0"),
        ("use.critical_infrastructure", "none", "/use/critical_infrastructure"),
        ("use.critical_infrastructure.role", "", "/use/critical_infrastructure/role"),
        ("use.capacity", " ", "/use/capacity"),
        ("use.capacity", "Licensee", "/use/capacity"),
        ("use.on_behalf_of", "boss", "/use/on_behalf_of"),
        ("use.activities", "use", "/use/activities"),
        ("use.activities", [], "/use/activities"),
        ("use.activities", ["use", "sell"], "/use/activities/1"),
        ("use.activities", ["use", ""], "/use/activities/1"),
        ("use.activities", [["use"]], "/use/activities/0"),
        ("use.purposes", [], "/use/purposes"),
        ("use.purposes", {"general": True}, "/use/purposes"),
        ("use.purposes", ["general", None], "/use/purposes/1"),
        ("use.purposes", ["general", " "], "/use/purposes/1"),
        ("use.purposes", [5], "/use/purposes/0"),
        ("use.purposes", ["spam"] * 101, "/use/purposes"),
        ("use.assurances.licensed_professional", "true", "/use/assurances/licensed_professional"),
        ("use.assurances.licensed_professional", 1, "/use/assurances/licensed_professional"),
        ("use.output_model.target", "other", "/use/output_model/target"),
        ("use.output_model.distributed", "", "/use/output_model/distributed"),
        ("use.attribution.built_with_location", "header", "/use/attribution/built_with_location"),
        ("use.distribution_regions", ["DE", "XX"], "/use/distribution_regions/1"),
        ("use.distribution_regions", ["DE", None], "/use/distribution_regions/1"),
        ("use.distribution_regions", "EU", "/use/distribution_regions"),
        ("use.languages", ["en"] * 101, "/use/languages"),
        ("use.languages", [None], "/use/languages/0"),
        ("entity.development_offices", ["EU"], "/entity/development_offices/0"),
        ("entity.development_offices", ["worldwide"], "/entity/development_offices/0"),
        ("entity.development_offices", [""], "/entity/development_offices/0"),
        ("entity.employer", [], "/entity/employer"),
        ("entity.employer.kind", "individual", "/entity/employer/kind"),
        ("entity.employer.relationship", "boss", "/entity/employer/relationship"),
        ("entity.employer.principal_place_of_business", "", "/entity/employer/principal_place_of_business"),
        ("entity.affiliates", {}, "/entity/affiliates"),
        ("entity.affiliates", [{}, None], "/entity/affiliates/1"),
        ("entity.affiliates", ["DE"], "/entity/affiliates/0"),
        ("entity.affiliates", [{}] * 101, "/entity/affiliates"),
        ("entity.affiliates", [{"relation": "cousin"}], "/entity/affiliates/0/relation"),
        ("entity.affiliates", [{"involved_in": ["x"]}], "/entity/affiliates/0/involved_in/0"),
        (
            "entity.affiliates",
            [{"involved_in": None}, {"involved_in": [None]}],
            "/entity/affiliates/1/involved_in/0",
        ),
        ("entity.affiliates", [{"country": "DE"}], "/entity/affiliates/0/country"),
        ("entity.can_accept_licence", "yes", "/entity/can_accept_licence"),
        ("model.multimodal", 0, "/model/multimodal"),
        ("model.nmae", "x", "/model/nmae"),
        ("model.generation.x", "x", "/model/generation"),
        ("use.purpose", ["general"], "/use/purpose"),
        ("use.a/b~c", 1, "/use/a~1b~0c"),
        ("use.", 1, "/use/"),
        ("request_id", "r-1", "/request_id"),
        ("models", None, "/models"),
    ],
)
def test_each_fault_of_form_is_refused_at_its_place(
    path: str, value: object, pointer: str, body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    if path == "model.generation.x":
        body["model"]["generation"] = {}
    put(body, path, value)

    assert pointers(body, vocabulary) == [pointer]


@pytest.mark.parametrize(
    "path, value, detail",
    [
        ("entity.domicile", "de", "`de` is no country code: write `DE`"),
        ("entity.domicile", "UK", "`UK` is no country code: write `GB`"),
        ("entity.domicile", "uk", "`uk` is no country code: write `GB`"),
        ("entity.domicile", "DEU", "`DEU` is no country code: write `DE`"),
        ("entity.domicile", "Germany", "`Germany` is no country code: write `DE`"),
        ("entity.domicile", "XX", "`XX` is no country code: use an upper-case ISO 3166-1 alpha-2 code"),
        ("entity.domicile", "EU", "`EU` is no country: it is allowed in `use.distribution_regions` only"),
        ("entity.domicile", 49, "must be a country code, not a number"),
        ("use.distribution_regions", ["eu"], "`eu` is no region: write `EU`"),
        ("use.distribution_regions", ["Worldwide"], "`Worldwide` is no region: write `worldwide`"),
        ("use.distribution_regions", ["uk"], "`uk` is no country code: write `GB`, `EU` or `worldwide`"),
        (
            "use.purposes",
            ["Spamm"],
            "`Spamm` is not one of the 15 codes that the policy lists: did you mean `spam`?",
        ),
        ("use.purposes", ["general purpose"], "did you mean `general`?"),
        ("use.purposes", ["gambling"], "`gambling` is not one of the 15 codes that the policy lists"),
        ("use.purposes", [], "an empty list says nothing: say `general`"),
        ("use.activities", [], "an empty list says nothing: name at least one"),
        ("use.activities", "use", "must be a list, not `use`: write `[…]`"),
        ("use.activities", ["use", None], "`null` in a list is refused: leave the item out"),
        ("use.capacity", "user", "use `licensee`, `integrated_product_recipient` or `end_user`"),
        ("use.purpose", ["spam"], "unknown member `purpose`: did you mean `purposes`?"),
        ("use.output_model.x", 1, "unknown member `x`: the members are `target`, `distributed` and `name`"),
        (
            "entity.licence_terminated",
            "true",
            "must be `true` or `false`, not `true`: write it without quotes",
        ),
        ("entity.name", "a\0", "holds the character NUL: leave it out"),
        ("entity.name", 5, "must be a text, not a number"),
        ("use.languages", ["en_US"], "`en_US` is no well-formed language tag"),
        ("entity.affiliates", [{}] * 101, "has 101 entries: at most 100 are allowed"),
        ("request_id", "r", "`request_id` belongs to the lines of a backlog: leave it out"),
        ("model.generation", "llama-5", "`llama-5` is not allowed here: use `llama-2`, `llama-3`"),
        ("model.generation", None, "`generation` is missing: every request needs it"),
    ],
)
def test_a_refusal_says_what_would_be_right(
    path: str, value: object, detail: str, body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    put(body, path, value)

    (fault,) = refusal(body, vocabulary)
    assert detail in fault.detail


def test_lists_are_sets_shown_sorted(body: dict[str, Any], vocabulary: Vocabulary) -> None:
    put(body, "use.activities", ["use", "develop", "use"])
    put(body, "use.languages", ["pt-BR", "de", "DE", "de"])
    put(body, "use.purposes", ["spam"] * 100)
    put(body, "entity.development_offices", ["US", "DE"])

    request = request_from(body, vocabulary)

    assert request.document["use"]["activities"] == ["develop", "use"]
    assert request.facts["use.languages"] == ("DE", "de", "pt-BR")
    assert request.facts["use.purposes"] == ("spam",)
    assert request.facts["entity.development_offices"] == ("DE", "US")


def test_affiliates_keep_their_number_and_order(body: dict[str, Any], vocabulary: Vocabulary) -> None:
    twin = {
        "principal_place_of_business": "US",
        "involved_in": ["distribution", "development"],
        "relation": None,
    }
    put(body, "entity.affiliates", [{}, twin, {"relation": "parent"}, twin])

    request = request_from(body, vocabulary)

    alike = {"principal_place_of_business": "US", "involved_in": ["development", "distribution"]}
    assert request.document["entity"]["affiliates"] == [{}, alike, {"relation": "parent"}, alike]
    assert request.facts["entity.affiliates"][1]["involved_in"] == ("development", "distribution")


def test_what_is_not_applicable_stays_but_must_be_well_formed(
    body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    put(body, "entity.employer", {"kind": "company", "principal_place_of_business": "US"})
    put(body, "entity.domicile", "DE")
    assert request_from(body, vocabulary).facts["entity.employer.kind"] == "company"

    put(body, "entity.employer.principal_place_of_business", "us")
    assert pointers(body, vocabulary) == ["/entity/employer/principal_place_of_business"]


@pytest.mark.parametrize("given, kept", [("r-1", "r-1"), (" ", None), ("", None), (None, None)])
def test_a_line_of_a_backlog_may_have_a_request_id(
    given: str | None, kept: str | None, body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    line = json.dumps({"request_id": given, **body}).encode()

    request = read_request(line, vocabulary, member_allowed_request_id=True)

    assert request.request_id == kept
    assert request.document == body
    assert "request_id" not in request.facts


@pytest.mark.parametrize("given", [5, "x" * 501, "a\0", [], {}])
def test_a_request_id_is_a_text(given: object, body: dict[str, Any], vocabulary: Vocabulary) -> None:
    with pytest.raises(UnacceptableRequest) as caught:
        request_from({**body, "request_id": given}, vocabulary, member_allowed_request_id=True)
    assert [fault.pointer for fault in caught.value.problems] == ["/request_id"]


def test_all_faults_of_form_are_reported_at_once_and_contradictions_not_yet(vocabulary: Vocabulary) -> None:
    body = {
        "model": {"generation": "llama-5", "name": 5, "multimodal": "no", "size": 1},
        "entity": {
            "domicile": "de",
            "employer": {"kind": "researcher", "place": "US"},
            "affiliates": [{"country": "DE"}, None, {"involved_in": ["selling", None]}],
            "monthly_active_users": 0.5,
            "name": "\0",
        },
        "use": {
            "on_behalf_of": "employer",
            "activities": [],
            "purposes": ["spam", "fishing"],
            "languages": ["en", "?"],
            "distribution_regions": "EU",
            "description": "x" * 10_001,
        },
        "request_id": "1",
        "extra": None,
    }

    assert pointers(body, vocabulary) == [
        *("/model/generation", "/model/name", "/model/multimodal", "/model/size"),
        *(
            "/entity/kind",
            "/entity/name",
            "/entity/domicile",
            "/entity/employer/kind",
            "/entity/employer/place",
        ),
        *("/entity/affiliates/0/country", "/entity/affiliates/1"),
        *("/entity/affiliates/2/involved_in/0", "/entity/affiliates/2/involved_in/1"),
        *("/entity/monthly_active_users", "/use/activities", "/use/purposes/1", "/use/distribution_regions"),
        *("/use/languages/1", "/use/description", "/request_id", "/extra"),
    ]


# ---- contradictions


@pytest.mark.parametrize(
    "model, faults",
    [
        ({"generation": "llama-4", "multimodal": False}, ["/model/multimodal"]),
        ({"generation": "llama-4", "multimodal": False, "name": "  "}, ["/model/multimodal"]),
        ({"generation": "llama-3.3", "multimodal": True}, ["/model/multimodal"]),
        ({"generation": "llama-3.3", "name": "Llama-4-Scout-17B-16E"}, ["/model/name"]),
        (
            {"generation": "llama-3.2", "name": "meta-llama/LLAMA-3.2-11B-Vision", "multimodal": False},
            ["/model/name"],
        ),
        ({"generation": "llama-3.2", "name": "Llama-3.2-1B", "multimodal": True}, ["/model/name"]),
        ({"generation": "llama-4", "name": "Llama-4-Scout-17B-16E", "multimodal": False}, ["/model/name"]),
        (
            {"generation": "llama-3.3", "name": "Llama-4-Scout-17B-16E", "multimodal": False},
            ["/model/name", "/model/name"],
        ),
    ],
)
def test_a_model_that_contradicts_itself_is_refused(
    model: dict[str, Any], faults: list[str], vocabulary: Vocabulary
) -> None:
    assert pointers({"model": model, "entity": {"kind": "company"}}, vocabulary) == faults


@pytest.mark.parametrize(
    "model",
    [
        {"generation": "llama-4", "multimodal": True},
        {"generation": "llama-3.3", "multimodal": False},
        {"generation": "llama-3.2", "multimodal": False},
        {"generation": "llama-3.2", "multimodal": True},
        {"generation": "llama-3.2", "name": "Llama-3.2-11B-Vision", "multimodal": True},
        {"generation": "llama-3", "name": "Llama-3-8B"},
        {"generation": "llama-4", "name": "Scout-text-only", "multimodal": False},
        {"generation": "llama-4", "name": "someone/Llama-4-Scout-17B-16E", "multimodal": False},
        {"generation": "llama-2", "name": "Llava-like", "multimodal": True},
    ],
)
def test_a_model_that_does_not_is_taken(model: dict[str, Any], vocabulary: Vocabulary) -> None:
    assert (
        request_from({"model": model, "entity": {"kind": "company"}}, vocabulary).document["model"] == model
    )


@pytest.mark.parametrize(
    "kind", ["company", "academic_institution", "government_agency", "other_organization"]
)
def test_an_organisation_cannot_act_for_an_employer(
    kind: str, body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    put(body, "entity.kind", kind)
    put(body, "use.on_behalf_of", "employer")
    assert pointers(body, vocabulary) == ["/use/on_behalf_of"]

    put(body, "use.on_behalf_of", "self")
    assert request_from(body, vocabulary).facts["use.on_behalf_of"] == "self"


@pytest.mark.parametrize("kind", ["individual", "researcher"])
def test_a_natural_person_can(kind: str, body: dict[str, Any], vocabulary: Vocabulary) -> None:
    put(body, "entity.kind", kind)
    put(body, "use.on_behalf_of", "employer")

    assert request_from(body, vocabulary).facts["use.on_behalf_of"] == "employer"


def test_contradictions_are_reported_all_together(body: dict[str, Any], vocabulary: Vocabulary) -> None:
    put(body, "use.on_behalf_of", "employer")
    put(body, "model.multimodal", False)

    assert pointers(body, vocabulary) == ["/model/multimodal", "/use/on_behalf_of"]
