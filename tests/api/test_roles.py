"""Who may do what: every route, for every role, for callers without a key and for keys that do not work."""

from typing import Any, Literal

import httpx
import pytest
from litestar import Litestar, get
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from api.app import HANDLERS, create_app
from api.auth import guard
from api.dashboard.handlers import HANDLERS as PAGES
from api.dashboard.sessions import is_of_dashboard
from api.openapi import path_of
from api.problems import answer_error
from api.roles import ROUTES, allowed
from eligibility.settings import Settings
from tests.api.bodies import permitted
from tests.api.serving import Server, Who

Method = Literal["DELETE", "GET", "HEAD", "POST"]

ROLES: tuple[Who, ...] = ("portal", "reviewer", "approver", "auditor", "monitor", "admin")
EVERYBODY: set[str] = {"nobody", *ROLES}

# Written out here a second time, from the contract, so that a slip in the table shows.
EXPECTED: dict[tuple[Method, str], set[str]] = {
    ("POST", "/v1/decisions"): {"portal", "reviewer", "approver", "admin"},
    ("GET", "/v1/decisions"): {"portal", "reviewer", "approver", "auditor", "admin"},
    ("GET", "/v1/decisions/{identifier}"): {"portal", "reviewer", "approver", "auditor", "admin"},
    ("POST", "/v1/batches"): {"portal", "reviewer", "approver", "admin"},
    ("GET", "/v1/batches"): {"portal", "reviewer", "approver", "auditor", "admin"},
    ("GET", "/v1/batches/{identifier}"): {"portal", "reviewer", "approver", "auditor", "admin"},
    ("GET", "/v1/batches/{identifier}/results"): {"portal", "reviewer", "approver", "auditor", "admin"},
    ("GET", "/v1/batches/{identifier}/refused"): {"portal", "reviewer", "approver", "auditor", "admin"},
    ("POST", "/v1/batches/{identifier}/cancel"): {"portal", "reviewer", "approver", "admin"},
    ("POST", "/v1/erasures"): {"admin"},
    ("GET", "/v1/decisions/{identifier}/receipt"): {"portal", "reviewer", "approver", "auditor", "admin"},
    ("GET", "/v1/audit/checkpoint"): {"reviewer", "approver", "auditor", "admin", "monitor"},
    ("GET", "/v1/audit/export"): {"reviewer", "approver", "auditor", "admin"},
    ("POST", "/v1/decisions/{identifier}/replay"): {"reviewer", "approver", "auditor", "admin"},
    ("POST", "/v1/decisions/{identifier}/reviews"): {"portal", "reviewer", "approver", "admin"},
    ("GET", "/v1/reviews"): {"reviewer", "approver", "auditor", "admin"},
    ("GET", "/v1/reviews/{identifier}"): {"reviewer", "approver", "auditor", "admin"},
    ("POST", "/v1/reviews/{identifier}/claim"): {"reviewer", "approver", "admin"},
    ("POST", "/v1/reviews/{identifier}/release"): {"reviewer", "approver", "admin"},
    ("POST", "/v1/reviews/{identifier}/hand-over"): {"reviewer", "approver", "admin"},
    ("POST", "/v1/reviews/{identifier}/attachments"): {"reviewer", "approver", "admin"},
    ("GET", "/v1/reviews/{identifier}/attachments/{attachment}"): {
        *("reviewer", "approver", "auditor", "admin"),
    },
    ("POST", "/v1/reviews/assign"): {"reviewer", "approver", "admin"},
    ("GET", "/v1/precedents"): {"reviewer", "approver", "auditor", "admin"},
    ("POST", "/v1/precedents"): {"reviewer", "approver", "admin"},
    ("DELETE", "/v1/precedents/{identifier}"): {"reviewer", "approver", "admin"},
    ("GET", "/v1/precedents/{identifier}/case"): {"reviewer", "approver", "auditor", "admin"},
    ("POST", "/v1/what-if"): {"portal", "reviewer", "approver", "admin"},
    ("GET", "/v1/policy"): {"portal", "reviewer", "approver", "auditor", "admin"},
    ("GET", "/v1/policy/{view}"): {"portal", "reviewer", "approver", "auditor", "admin"},
    ("GET", "/v1/rulesets"): {"reviewer", "approver", "auditor", "admin"},
    ("GET", "/v1/rulesets/{digest}"): {"reviewer", "approver", "auditor", "admin"},
    ("GET", "/v1/rulesets/{digest}/impact"): {"reviewer", "approver", "auditor", "admin"},
    ("POST", "/v1/rulesets"): {"reviewer", "approver", "admin"},
    ("POST", "/v1/rulesets/{digest}/checks"): {"reviewer", "approver", "admin"},
    ("POST", "/v1/rulesets/{digest}/impact"): {"reviewer", "approver", "admin"},
    ("POST", "/v1/rulesets/{digest}/impact/{group}/sign-off"): {"reviewer", "approver", "admin"},
    ("POST", "/v1/rulesets/{digest}/proposal"): {"reviewer", "approver", "admin"},
    ("POST", "/v1/rulesets/{digest}/withdrawal"): {"reviewer", "approver", "admin"},
    ("POST", "/v1/rulesets/{digest}/approval"): {"approver", "admin"},
    ("POST", "/v1/rulesets/{digest}/activation"): {"approver", "admin"},
    ("DELETE", "/v1/rulesets/{digest}/activation"): {"approver", "admin"},
    ("GET", "/health/live"): EVERYBODY,
    ("GET", "/health/ready"): EVERYBODY,
    ("GET", "/schema/openapi.json"): EVERYBODY,
    ("GET", "/schema/openapi.yaml"): EVERYBODY,
    ("GET", "/schema/problems"): EVERYBODY,
}
CALLS = [(*call, who) for call in EXPECTED for who in ("nobody", *ROLES)]
NO_SUCH: dict[tuple[Method, str], int] = {
    **{call: 404 for call in EXPECTED if "/v1/rulesets/" in call[1] or "/v1/batches/" in call[1]},
    ("POST", "/v1/batches"): 415,
    ("POST", "/v1/rulesets"): 422,
    ("POST", "/v1/decisions/{identifier}/reviews"): 422,
    ("POST", "/v1/reviews/{identifier}/claim"): 409,
    ("POST", "/v1/reviews/{identifier}/release"): 409,
    ("POST", "/v1/reviews/{identifier}/hand-over"): 422,
    ("POST", "/v1/reviews/{identifier}/attachments"): 422,
    ("GET", "/v1/reviews/{identifier}/attachments/{attachment}"): 404,
    ("POST", "/v1/reviews/assign"): 422,
    ("POST", "/v1/precedents"): 422,
    ("DELETE", "/v1/precedents/{identifier}"): 404,
    ("GET", "/v1/precedents/{identifier}/case"): 404,
}
"""What those who may are answered, where the call would act on what is not there."""

WITH_KEY = [call for call, who in EXPECTED.items() if "nobody" not in who]


def routes(app: Litestar) -> set[tuple[str, str]]:
    return {
        (str(method), path_of(route))
        for route in app.routes
        if isinstance(route, HTTPRoute) and not is_of_dashboard(route.path)
        for method in route.methods
        if method not in {"HEAD", "OPTIONS"}
    }


@pytest.fixture(scope="session")
def decided(portal: httpx.Client) -> str:
    identifier: str = portal.post("/v1/decisions", json=permitted()).json()["id"]
    return identifier


def call(client: httpx.Client, method: str, route: str, decided: str) -> httpx.Response:
    path = route.replace("{identifier}", decided).replace("{view}", "facts")
    path = path.replace("{digest}", f"sha256:{64 * '0'}").replace("{group}", "1")
    path = path.replace("{attachment}", decided)
    return client.request(method, path, json=_body(route, decided) if method == "POST" else None)


def _body(route: str, decided: str) -> Any:
    if route == "/v1/erasures":
        return {"decisions": [decided]}
    if route.endswith("/impact"):
        return {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    if route == "/v1/rulesets":
        return {"files": {"../outside.yaml": ""}, "reason": "to see"}
    return {"reason": "to see"} if route.startswith("/v1/rulesets/") else permitted()


@pytest.mark.parametrize("method,route,who", CALLS, ids=str)
def test_a_role_may_do_what_the_contract_says_and_nothing_else(
    server: Server, decided: str, method: Method, route: str, who: Who
) -> None:
    with server.client(who) as client:
        answer = call(client, method, route, decided)
    if who in EXPECTED[method, route]:
        assert answer.status_code in {200, 201, NO_SUCH.get((method, route))}
    else:
        assert answer.status_code == (401 if who == "nobody" else 403)
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method,route,who", [c for c in CALLS if c[0] == "GET"], ids=str)
def test_head_is_for_those_who_may_get(
    server: Server, decided: str, method: Method, route: str, who: Who
) -> None:
    with server.client(who) as client:
        head = call(client, "HEAD", route, decided)
    may = who in EXPECTED[method, route]
    assert head.status_code == (NO_SUCH.get((method, route), 200) if may else 401 if who == "nobody" else 403)
    assert head.content == b""


@pytest.mark.parametrize("method,route", WITH_KEY, ids=str)
@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param("Bearer elk_unknown", id="an unknown key"),
        pytest.param("Bearer", id="no key"),
        pytest.param("Basic YWRtaW46YWRtaW4=", id="another scheme"),
        pytest.param("elk_unknown", id="no scheme"),
        pytest.param("Bearer \xff\xfe", id="bytes that are no text"),
        pytest.param("Bearer " + "k" * 4000, id="a very long key"),
        pytest.param("Bearer '; DROP TABLE api_key; --", id="words of the database"),
    ],
)
def test_a_key_that_does_not_work_is_refused(
    server: Server, decided: str, method: Method, route: str, authorization: str
) -> None:
    with server.client("nobody") as client:
        client.headers["authorization"] = authorization.encode("latin-1").decode("latin-1")
        answer = call(client, method, route, decided)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="eligibility", error="invalid_token"'
    assert answer.json()["type"] == "/schema/problems#key-needed"


def test_without_a_key_the_answer_says_how_to_send_one(server: Server) -> None:
    answer = httpx.get(f"{server.url}/v1/decisions")
    assert answer.headers["www-authenticate"] == 'Bearer realm="eligibility"'
    assert "Authorization: Bearer" in answer.json()["detail"]


def test_two_keys_at_once_are_refused(server: Server) -> None:
    both = [("authorization", f"Bearer {server.keys['admin']}"), ("authorization", "Bearer elk_other")]
    assert httpx.get(f"{server.url}/v1/decisions", headers=both).status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(server: Server, scheme: str) -> None:
    headers = {"authorization": f"{scheme} {server.keys['portal']}"}
    assert httpx.get(f"{server.url}/v1/policy", headers=headers).status_code == 200


def test_the_table_has_every_route_and_no_other(server: Server) -> None:
    app = create_app(Settings.from_environment({"ELIGIBILITY_DATA_DIR": str(server.settings.data_dir)}))
    calls = {call for call in ROUTES if not is_of_dashboard(call[1])}  # pages have a test of their own
    assert routes(app) == calls == set(EXPECTED)
    assert (
        len(HANDLERS) - len(PAGES) == len(EXPECTED) + 4
    )  # and those that answer OPTIONS where several share a path


@pytest.mark.parametrize("method,route", EXPECTED, ids=str)
def test_options_names_the_methods_of_a_route(server: Server, method: Method, route: str) -> None:
    answer = httpx.options(server.url + route.replace("{identifier}", "x").replace("{view}", "x"))
    named = {method for method, path in EXPECTED if path == route}
    wanted = {"OPTIONS", *named, *({"HEAD"} if "GET" in named else ())}
    assert set(answer.headers["allow"].split(", ")) == wanted
    assert method in wanted


def test_a_route_that_is_not_in_the_table_is_closed() -> None:
    @get("/v1/forgotten")
    async def forgotten() -> str:
        raise AssertionError("this must never be reached")

    app = Litestar(
        [forgotten], guards=[guard], exception_handlers={Exception: answer_error}, logging_config=None
    )
    with TestClient(app) as client:
        answer = client.get("/v1/forgotten", headers={"authorization": "Bearer elk_any"})
    assert answer.status_code == 403
    assert allowed("GET", "/v1/forgotten") == frozenset()


def test_details_of_health_are_for_those_who_watch(server: Server) -> None:
    told: dict[Any, bool] = {}
    for who in ("nobody", *ROLES):
        with server.client(who) as client:
            told[who] = "log" in client.get("/health/ready").json()
    assert {who for who, details in told.items() if details} == {"monitor", "auditor", "admin"}
    assert set(httpx.get(f"{server.url}/health/ready").json()) == {"status"}
