"""The call that the application answers by itself is answered as the framework would answer it."""

import httpx
import pytest

from tests.api.bodies import permitted
from tests.api.problems import problem


@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/decisions/", "//v1/decisions", "/v1/%64ecisions"])
def test_an_address_written_otherwise_leads_there_too(portal: httpx.Client, path: str) -> None:
    answer = portal.post(str(portal.base_url) + path, json=permitted())
    assert answer.status_code == 201
    assert answer.json()["outcome"] == "permitted"
    assert answer.headers["location"] == f"/v1/decisions/{answer.json()['id']}"


@pytest.mark.parametrize("host", ["localhost", "[::1]:8000", "bücher.example".encode("idna").decode(), ""])
def test_any_host_that_can_be_one_will_do(portal: httpx.Client, host: str) -> None:
    assert portal.post("/v1/decisions", json=permitted(), headers={"host": host}).status_code == 201


@pytest.mark.parametrize("host", ["a/b", 'a"b', "a b", "<a>"])
def test_a_host_that_cannot_be_one_is_400(portal: httpx.Client, host: str) -> None:
    problem(portal.post("/v1/decisions", json=permitted(), headers={"host": host}), 400)
