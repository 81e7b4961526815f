"""Every page, for every role: written out a second time, so that a slip in the table of roles shows."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Literal

import httpx
import pytest
from litestar.routes import HTTPRoute

from api.app import create_app
from api.dashboard.sessions import is_of_dashboard
from api.roles import ROUTES
from eligibility.settings import Settings
from tests.api.bodies import permitted
from tests.api.serving import Server, Who
from tests.dashboard.browsing import form_token, web

Method = Literal["GET", "POST"]

PEOPLE: tuple[Who, ...] = ("reviewer", "approver", "auditor", "admin")
EVERYBODY: set[Who] = {"nobody", *PEOPLE}
LOOKING: set[Who] = set(PEOPLE)
REVIEWING: set[Who] = {"reviewer", "approver", "admin"}
APPROVING: set[Who] = {"approver", "admin"}

_SIGNS = {("POST", "/dashboard/sign-in"), ("POST", "/dashboard/sign-out")}

EXPECTED: dict[tuple[Method, str], set[Who]] = {
    ("GET", "/dashboard/static/{name}"): EVERYBODY,
    ("GET", "/dashboard/sign-in"): EVERYBODY,
    ("POST", "/dashboard/sign-in"): EVERYBODY,
    ("POST", "/dashboard/sign-out"): LOOKING,
    ("GET", "/dashboard/help"): LOOKING,
    ("GET", "/dashboard"): LOOKING,
    ("GET", "/dashboard/pictures/decided.svg"): LOOKING,
    # decisions
    ("GET", "/dashboard/decisions"): LOOKING,
    ("GET", "/dashboard/decisions/{identifier}"): LOOKING,
    ("GET", "/dashboard/decisions/{identifier}/graph.svg"): LOOKING,
    ("GET", "/dashboard/decisions/{identifier}/receipt.json"): LOOKING,
    ("POST", "/dashboard/decisions/{identifier}/verification"): LOOKING,
    ("GET", "/dashboard/decisions/{identifier}/paper.html"): LOOKING,
    ("GET", "/dashboard/decisions/{identifier}/paper.pdf"): LOOKING,
    # queue and reviews
    ("GET", "/dashboard/queue"): LOOKING,
    ("POST", "/dashboard/queue/assign"): REVIEWING,
    ("POST", "/dashboard/queue/views"): REVIEWING,
    ("POST", "/dashboard/queue/views/{identifier}/delete"): REVIEWING,
    ("POST", "/dashboard/decisions/{identifier}/claim"): REVIEWING,
    ("POST", "/dashboard/decisions/{identifier}/release"): REVIEWING,
    ("POST", "/dashboard/decisions/{identifier}/hand-over"): REVIEWING,
    ("POST", "/dashboard/decisions/{identifier}/reviews"): REVIEWING,
    ("POST", "/dashboard/decisions/{identifier}/files"): REVIEWING,
    ("GET", "/dashboard/decisions/{identifier}/files/{attachment}"): LOOKING,
    # precedents
    ("GET", "/dashboard/precedents"): LOOKING,
    ("GET", "/dashboard/precedents/new"): REVIEWING,
    ("POST", "/dashboard/precedents/new"): REVIEWING,
    ("GET", "/dashboard/precedents/{identifier}"): LOOKING,
    ("GET", "/dashboard/precedents/{identifier}/case.yaml"): LOOKING,
    ("POST", "/dashboard/precedents/{identifier}/end"): REVIEWING,
    # rules
    ("GET", "/dashboard/rules"): LOOKING,
    ("GET", "/dashboard/rules/register"): LOOKING,
    ("GET", "/dashboard/rules/{name}"): LOOKING,
    ("GET", "/dashboard/rulesets"): LOOKING,
    ("GET", "/dashboard/rulesets/new"): REVIEWING,
    ("POST", "/dashboard/rulesets/new"): REVIEWING,
    ("GET", "/dashboard/rulesets/{digest}"): LOOKING,
    ("GET", "/dashboard/rulesets/{digest}/files.zip"): LOOKING,
    ("POST", "/dashboard/rulesets/{digest}/checks"): REVIEWING,
    ("POST", "/dashboard/rulesets/{digest}/impact"): REVIEWING,
    ("POST", "/dashboard/rulesets/{digest}/impact/{group}/sign-off"): REVIEWING,
    ("POST", "/dashboard/rulesets/{digest}/proposal"): REVIEWING,
    ("POST", "/dashboard/rulesets/{digest}/withdrawal"): REVIEWING,
    ("POST", "/dashboard/rulesets/{digest}/approval"): APPROVING,
    ("POST", "/dashboard/rulesets/{digest}/activation"): APPROVING,
    ("POST", "/dashboard/rulesets/{digest}/schedule"): APPROVING,
    ("POST", "/dashboard/rulesets/{digest}/cancellation"): APPROVING,
    # try it
    ("GET", "/dashboard/try"): REVIEWING,
    ("POST", "/dashboard/try"): REVIEWING,
    ("POST", "/dashboard/try/answer"): REVIEWING,
    # batches
    ("GET", "/dashboard/batches"): LOOKING,
    ("GET", "/dashboard/batches/new"): REVIEWING,
    ("POST", "/dashboard/batches/new"): REVIEWING,
    ("GET", "/dashboard/batches/template.jsonl"): REVIEWING,
    ("GET", "/dashboard/batches/template.csv"): REVIEWING,
    ("GET", "/dashboard/batches/template.parquet"): REVIEWING,
    ("GET", "/dashboard/batches/{identifier}"): LOOKING,
    ("GET", "/dashboard/batches/{identifier}/outcomes"): LOOKING,
    ("GET", "/dashboard/batches/{identifier}/results"): LOOKING,
    ("GET", "/dashboard/batches/{identifier}/refused"): LOOKING,
    ("GET", "/dashboard/batches/{identifier}/comparison"): LOOKING,
    ("GET", "/dashboard/batches/{identifier}/paper.html"): LOOKING,
    ("POST", "/dashboard/batches/{identifier}/cancel"): REVIEWING,
    # audit
    ("GET", "/dashboard/audit"): LOOKING,
    ("POST", "/dashboard/audit/verify"): {"auditor", "admin"},
    ("POST", "/dashboard/audit/export"): LOOKING,
    ("GET", "/dashboard/audit/checkpoint"): LOOKING,
    ("GET", "/dashboard/audit/acts"): {"auditor", "admin"},
    ("GET", "/dashboard/audit/accesses"): {"auditor", "admin"},
    # keys and people
    ("GET", "/dashboard/people"): {"admin"},
    ("POST", "/dashboard/people/keys"): {"admin"},
    ("GET", "/dashboard/people/keys/{identifier}"): {"admin"},
    ("POST", "/dashboard/people/keys/{identifier}/revocation"): {"admin"},
}
# Who signs in or out is somebody else afterwards, so that comes last.
CALLS = [(*call, who) for call in sorted(EXPECTED, key=_SIGNS.__contains__) for who in ("nobody", *PEOPLE)]

NO_DIGEST = f"sha256:{64 * '0'}"
ANSWERED = {200, 303, 400, 404, 409, 415, 422}
"""What those who may are answered, where they ask for nothing that is there, or send an empty form."""


@pytest.fixture(scope="session")
def decided(server: Server) -> str:
    with server.client("portal") as portal:
        identifier: str = portal.post("/v1/decisions", json=permitted()).json()["id"]
    return identifier


def path_of(route: str, decided: str) -> str:
    given = {"identifier": decided, "attachment": decided, "digest": NO_DIGEST, "name": "style.css"}
    return re.sub(r"{(\w+)}", lambda found: given.get(found[1], "1"), route)


@pytest.fixture(scope="module")
def visitors(server: Server) -> Iterator[dict[Who, tuple[httpx.Client, str]]]:
    """Each kind of visitor, signed in once, with the token of their forms."""
    with ExitStack() as stack:
        clients = {who: stack.enter_context(web(server, who)) for who in ("nobody", *PEOPLE)}
        yield {
            who: (client, form_token(client, "/dashboard/sign-in" if who == "nobody" else "/dashboard/help"))
            for who, client in clients.items()
        }


@pytest.mark.parametrize("method,route,who", CALLS, ids=str)
def test_a_page_is_for_those_who_may_see_it(
    visitors: dict[Who, tuple[httpx.Client, str]], decided: str, method: Method, route: str, who: Who
) -> None:
    path = path_of(route, decided)
    client, token = visitors[who]
    answer = client.get(path) if method == "GET" else client.post(path, data={"form": token})
    if who in EXPECTED[method, route]:
        assert answer.status_code in ANSWERED
    elif who == "nobody":
        assert answer.status_code == (401 if method == "POST" else 303)
        assert method == "POST" or answer.headers["location"].startswith("/dashboard/sign-in")
    else:
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("route", [route for method, route in EXPECTED if method == "POST"])
def test_nothing_is_done_without_the_token_of_a_form(server: Server, decided: str, route: str) -> None:
    path = path_of(route, decided)
    with web(server, "admin") as client:
        for data in ({}, {"form": 64 * "0"}):
            assert client.post(path, data=data).status_code in {400, 403, 415}
        elsewhere = {"origin": "https://elsewhere.example"}
        answer = client.post(path, data={"form": form_token(client, "/dashboard/help")}, headers=elsewhere)
        assert answer.status_code == 403


def test_the_table_has_every_page_and_no_other(server: Server) -> None:
    app = create_app(Settings.from_environment({"ELIGIBILITY_DATA_DIR": str(server.settings.data_dir)}))
    pages = {
        (str(method), route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute) and is_of_dashboard(route.path)
        for method in route.methods
        if method not in {"HEAD", "OPTIONS"}
    }
    assert pages == {call for call in ROUTES if is_of_dashboard(call[1])} == set(EXPECTED)
