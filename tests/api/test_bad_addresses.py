"""Addresses, methods and query parameters that do not exist or cannot be used."""

import httpx
import pytest

from tests.api.bodies import permitted
from tests.api.problems import problem

QUERIES = [
    pytest.param("limit=0", "/limit", "from 1 to 200", id="a limit of nothing"),
    pytest.param("limit=201", "/limit", "from 1 to 200", id="a limit too high"),
    pytest.param("limit=ten", "/limit", "from 1 to 200", id="a limit in words"),
    pytest.param("limit=" + "9" * 5000, "/limit", "from 1 to 200", id="a limit of many digits"),
    pytest.param("limit=%D9%A1", "/limit", "from 1 to 200", id="other digits"),
    pytest.param("limt=5", "/limt", "did you mean `limit`", id="an unknown parameter"),
    pytest.param("limit=5&limit=6", "/limit", "more than once", id="a parameter twice"),
    pytest.param("outcome=permited", "/outcome", "`permitted`", id="no such outcome"),
    pytest.param("outcome=", "/outcome", "`permitted`", id="a blank outcome"),
    pytest.param("generation=llama4", "/generation", "`llama-4`", id="no such generation"),
    pytest.param("finding=licence.eu-multimodl", "/finding", "`licence.eu-multimodal`", id="no such finding"),
    pytest.param("review=maybe", "/review", "`none`", id="no such review"),
    pytest.param("from=yesterday", "/from", "2026-11-24T21:00:00Z", id="no time"),
    pytest.param("from=2026-11-24T21:00:00", "/from", "zone", id="a time without its zone"),
    pytest.param("from=2026-11-24T21:00:00+01:00", "/from", "%2B", id="an unescaped plus"),
    pytest.param("to=2026-02-30T00:00:00Z", "/to", "2026-11-24T21:00:00Z", id="no such day"),
    pytest.param("to=9999-12-31T23:59:59-23:59", "/to", "2026-11-24T21:00:00Z", id="beyond all times"),
    pytest.param("cursor=zzzz", "/cursor", "`next`", id="no cursor"),
    pytest.param("cursor=%27%3B--", "/cursor", "`next`", id="no cursor at all"),
    pytest.param("entity_reference=%00", "/entity_reference", "1 to 500", id="NUL"),
    pytest.param("requested_by=" + "x" * 501, "/requested_by", "1 to 500", id="a long name"),
]


@pytest.mark.parametrize("query,pointer,words", QUERIES)
def test_a_parameter_that_cannot_be_used_is_422_and_says_what_can(
    portal: httpx.Client, query: str, pointer: str, words: str
) -> None:
    document = problem(portal.get(f"/v1/decisions?{query}"), 422)
    [error] = document["errors"]
    assert error["pointer"] == pointer
    assert words in error["detail"]


@pytest.mark.parametrize(
    "query", ["outcome=%ff", "outcome=%ed%a0%80", "&".join(f"a{n}=1" for n in range(60))]
)
def test_a_query_that_is_no_text_is_400(portal: httpx.Client, query: str) -> None:
    problem(portal.get(f"/v1/decisions?{query}"), 400)


@pytest.mark.parametrize(
    "method,path",
    [
        ("POST", "/v1/decisions"),
        *(
            ("GET", path)
            for path in (
                "/v1/policy",
                "/v1/policy/facts",
                "/v1/decisions/01982c3e-5a00-7000-8000-000000000001",
            )
        ),
    ],
)
def test_calls_without_parameters_refuse_them(portal: httpx.Client, method: str, path: str) -> None:
    answer = portal.request(method, f"{path}?pretty=true", json=permitted() if method == "POST" else None)
    document = problem(answer, 422)
    assert document["errors"] == [
        {"pointer": "/pretty", "detail": "unknown parameter `pretty`: this call takes none"}
    ]


@pytest.mark.parametrize(
    "identifier",
    [
        *("1", "{01982c3e-5a00-7000-8000-000000000001}", "urn:uuid:01982c3e-5a00-7000-8000-000000000001"),
        *(
            "01982c3e5a0070008000000000000001",
            "01982c3e-5a00-7000-8000-000000000001",
            "%00",
            "..%2f..",
            "%ff",
        ),
        "<script>",
    ],
)
def test_a_decision_that_does_not_exist_is_404(portal: httpx.Client, identifier: str) -> None:
    answer = portal.get(f"/v1/decisions/{identifier}")
    problem(answer, 404)
    assert "<script>" not in answer.text


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v2/decisions", "/docs", "/schema", "/v1/decisions/x/y", "/%ff", "/<b>"]
)
def test_an_address_that_does_not_exist_is_404(portal: httpx.Client, path: str) -> None:
    problem(portal.get(path), 404)


@pytest.mark.parametrize(
    "path,allowed",
    [
        ("/v1/decisions", "GET, HEAD, OPTIONS, POST"),
        ("/v1/decisions/x", "GET, HEAD, OPTIONS"),
        ("/v1/what-if", "OPTIONS, POST"),
        ("/v1/policy", "GET, HEAD, OPTIONS"),
        ("/v1/policy/facts", "GET, HEAD, OPTIONS"),
        ("/health/live", "GET, HEAD, OPTIONS"),
        ("/health/ready", "GET, HEAD, OPTIONS"),
        ("/schema/openapi.json", "GET, HEAD, OPTIONS"),
        ("/schema/openapi.yaml", "GET, HEAD, OPTIONS"),
        ("/schema/problems", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_405_and_names_those_that_are_allowed(
    portal: httpx.Client, path: str, allowed: str
) -> None:
    answer = portal.delete(path)
    problem(answer, 405)
    assert answer.headers["allow"] == allowed
