"""Whatever comes in is answered with a 4xx that says what is wrong, and nothing is recorded."""

import gzip
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.incoming import LARGEST_BODY
from tests.api.bodies import permitted
from tests.api.problems import problem
from tests.api.serving import Server

DECIDING = ("/v1/decisions", "/v1/what-if")
JSON = {"content-type": "application/json"}
both = pytest.mark.parametrize("path", DECIDING)


UNREADABLE = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"  \n", id="blanks"),
    pytest.param(b"{", id="half an object"),
    pytest.param(b"{'model': 1}", id="single quotes"),
    pytest.param(b'{"model": {}} {}', id="two values"),
    pytest.param(b'{"model": {}, "model": {}}', id="a repeated member"),
    pytest.param(b'{"model": NaN}', id="NaN"),
    pytest.param(b'{"model": Infinity}', id="Infinity"),
    pytest.param(b"[" * 100_000, id="deep nesting"),
    pytest.param(b'{"a":' * 40_000, id="deeply nested objects"),
    pytest.param(b"[" * 80 + b"]" * 80, id="nested deeper than is read"),
    pytest.param(b"\xef\xbb\xbf{}", id="a byte order mark"),
    pytest.param('{"model": {}}'.encode("utf-16"), id="UTF-16"),
    pytest.param('{"model": {}}'.encode("utf-32"), id="UTF-32"),
    pytest.param(b'{"model": "\xe9"}', id="Latin-1"),
    pytest.param(b"\x00" * 50, id="NULs"),
    pytest.param(gzip.compress(b"{}"), id="compressed bytes"),
    pytest.param(b'{"entity": {"name": "\\ud800"}}', id="a lone surrogate"),
    pytest.param(b'{"\\udfff": 1}', id="a lone surrogate in the name of a member"),
    pytest.param(b'{"model": "a\nb"}', id="a line break inside a text"),
]


@both
@pytest.mark.parametrize("body", UNREADABLE)
def test_a_body_that_is_no_json_is_400(portal: httpx.Client, path: str, body: bytes) -> None:
    document = problem(portal.post(path, content=body, headers=JSON), 400)
    assert document["type"] == "/schema/problems#unreadable"
    assert document["errors"][0]["detail"]


UNACCEPTABLE = [
    pytest.param([], "", id="a list"),
    pytest.param(None, "", id="null"),
    pytest.param("text", "", id="a text"),
    pytest.param({}, "/model/generation", id="an empty object"),
    pytest.param({"model": {"generation": "llama-9"}}, "/model/generation", id="no such generation"),
    pytest.param(permitted(name="a\0b"), "/entity/name", id="NUL"),
    pytest.param(permitted(name="n" * 501), "/entity/name", id="a long text"),
    pytest.param(permitted(monthly_active_users=-1), "/entity/monthly_active_users", id="a negative number"),
    pytest.param(permitted(monthly_active_users="7"), "/entity/monthly_active_users", id="a number as text"),
    pytest.param(permitted(monthly_active_users=2**53), "/entity/monthly_active_users", id="2^53"),
    pytest.param(permitted(principal_place_of_business="UK"), "/entity/principal_place_of_business", id="UK"),
    pytest.param(permitted(principal_place_of_business="us"), "/entity/principal_place_of_business", id="us"),
    pytest.param(permitted(affiliates=[{}] * 101), "/entity/affiliates", id="a long list"),
    pytest.param(permitted(nickname="x"), "/entity/nickname", id="an unknown member"),
    pytest.param({**permitted(), "request_id": "1"}, "/request_id", id="request_id"),
    pytest.param({**permitted(), "a/b~c": "1"}, "/a~1b~0c", id="a member with slash and tilde"),
    pytest.param(
        {**permitted(), "model": {"generation": "llama-4", "name": "Llama-2-7b"}},
        "/model/name",
        id="contradiction",
    ),
]


@both
@pytest.mark.parametrize("body,pointer", UNACCEPTABLE)
def test_a_body_that_breaks_the_form_is_422_with_a_pointer(
    portal: httpx.Client, path: str, body: object, pointer: str
) -> None:
    document = problem(portal.post(path, content=json.dumps(body), headers=JSON), 422)
    assert pointer in [error["pointer"] for error in document["errors"]]


NUMBERS = [
    "1e400",
    "1" * 5000,
    "1e999999999999999999999",
    "-1e-9999999999",
    "0." + "0" * 5000 + "1",
    "700000000.00000001",
]


@both
@pytest.mark.parametrize("number", NUMBERS, ids=lambda text: text[:30])
def test_numbers_that_no_count_of_users_can_be_are_422(portal: httpx.Client, path: str, number: str) -> None:
    text = json.dumps(permitted(monthly_active_users=0)).replace(
        '"monthly_active_users": 0', f'"monthly_active_users": {number}'
    )
    document = problem(portal.post(path, content=text, headers=JSON), 422)
    assert [error["pointer"] for error in document["errors"]] == ["/entity/monthly_active_users"]


def test_all_faults_are_named_at_once(portal: httpx.Client) -> None:
    body = permitted(kind="firm", monthly_active_users=-1, principal_place_of_business="XX")
    document = problem(portal.post("/v1/decisions", json=body), 422)
    assert {error["pointer"] for error in document["errors"]} == {
        "/entity/kind",
        "/entity/monthly_active_users",
        "/entity/principal_place_of_business",
    }


@both
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no type"),
        pytest.param({"content-type": "text/plain"}, id="plain text"),
        pytest.param({"content-type": "application/x-www-form-urlencoded"}, id="a form"),
        pytest.param({"content-type": "application/json; charset=utf-16"}, id="another encoding"),
        pytest.param({"content-type": "application/json; charset=latin-1"}, id="Latin-1"),
        pytest.param({"content-type": "application/jsonl"}, id="lines"),
        pytest.param({"content-type": "application/problem+json"}, id="a problem"),
        pytest.param({**JSON, "content-encoding": "gzip"}, id="compressed"),
        pytest.param({**JSON, "content-encoding": "identity, gzip"}, id="compressed after all"),
    ],
)
def test_other_types_of_bodies_are_415(portal: httpx.Client, path: str, headers: dict[str, str]) -> None:
    problem(portal.post(path, content=json.dumps(permitted()).encode(), headers=headers), 415)


@both
@pytest.mark.parametrize(
    "content_type",
    [
        *("application/json", "Application/JSON", "application/json; charset=utf-8"),
        *("application/json;charset=UTF-8", 'application/json; charset="utf-8"'),
    ],
)
def test_json_may_be_called_by_all_its_names(portal: httpx.Client, path: str, content_type: str) -> None:
    headers = {"content-type": content_type, "content-encoding": "identity"}
    answer = portal.post(path, content=json.dumps(permitted()).encode(), headers=headers)
    assert answer.status_code in {200, 201}


def padded(size: int) -> bytes:
    body = json.dumps(permitted()).encode()
    return body + b" " * (size - len(body))


def in_pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 10_000):
        yield body[start : start + 10_000]


@both
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_256_kib_is_read_and_one_byte_more_is_413(
    portal: httpx.Client, path: str, chunked: bool
) -> None:
    for size, expected in ((LARGEST_BODY, {200, 201}), (LARGEST_BODY + 1, {413})):
        body = padded(size)
        answer = portal.post(path, content=in_pieces(body) if chunked else body, headers=JSON)
        assert answer.status_code in expected


def test_a_body_that_never_ends_is_413(server: Server) -> None:
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as connection:
        connection.sendall(
            b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\nAuthorization: Bearer "
            + server.keys["portal"].encode()
            + b"\r\n\r\n"
        )
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        try:
            for _ in range(1000):
                connection.sendall(chunk)
        except OSError:  # it has stopped listening, as it should
            pass
        assert b" 413 " in connection.recv(1000).splitlines()[0]


def test_a_body_that_breaks_off_harms_nobody(server: Server, portal: httpx.Client) -> None:
    parts = urlsplit(server.url)
    for _ in range(3):
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as connection:
            connection.sendall(
                b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: 1000\r\nAuthorization: Bearer "
                + server.keys["portal"].encode()
                + b"\r\n\r\n{"
            )
    assert portal.post("/v1/decisions", json=permitted()).status_code == 201
    assert "Traceback" not in server.logged()


@pytest.mark.parametrize(
    "key", ["", "k" * 256, "two words", "tab\tbed", "caf\xe9"], ids=["empty", "long", "blank", "tab", "é"]
)
def test_an_idempotency_key_that_cannot_be_used_is_400(portal: httpx.Client, key: str) -> None:
    headers = [(b"idempotency-key", key.encode("latin-1"))]
    document = problem(portal.post("/v1/decisions", json=permitted(), headers=headers), 400)
    assert "1 to 255 visible ASCII characters" in document["detail"]


def test_two_idempotency_keys_are_400(portal: httpx.Client) -> None:
    headers = [("idempotency-key", "one"), ("idempotency-key", "two")]
    problem(portal.post("/v1/decisions", json=permitted(), headers=headers), 400)


def test_refused_requests_leave_nothing_behind(own_server: Server) -> None:
    with own_server.client("portal") as portal:
        for body in (b"", b"{}", b"[", b'{"model": 1}', b"\xff"):
            assert 400 <= portal.post("/v1/decisions", content=body, headers=JSON).status_code < 500
        assert portal.get("/v1/decisions").json() == {"decisions": [], "next": None}


def test_a_refused_request_uses_up_no_idempotency_key(portal: httpx.Client) -> None:
    headers = {"idempotency-key": "refused-first"}
    problem(portal.post("/v1/decisions", json=permitted(kind="firm"), headers=headers), 422)
    assert portal.post("/v1/decisions", json=permitted(), headers=headers).status_code == 201


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=st.binary(max_size=400))
def test_no_bytes_whatsoever_bring_about_a_fault(portal: httpx.Client, body: bytes) -> None:
    problem(portal.post("/v1/decisions", content=body, headers=JSON), portal_status(portal, body))


def portal_status(portal: httpx.Client, body: bytes) -> int:
    """Both ways of asking must refuse alike."""
    status = portal.post("/v1/what-if", content=body, headers=JSON).status_code
    assert status in {400, 422}
    return status


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    section=st.sampled_from(["model", "entity", "use"]),
    member=st.sampled_from(
        ["name", "kind", "purposes", "affiliates", "monthly_active_users", "languages", "x"]
    ),
    value=_values,
)
def test_no_value_in_any_place_brings_about_a_fault(
    portal: httpx.Client, section: str, member: str, value: object
) -> None:
    body = permitted()
    body[section][member] = value
    answer = portal.post("/v1/what-if", json=body)
    if answer.status_code != 200:
        problem(answer, 422)
