"""One idempotency key, one decision: for repeats, for many at once, and across server processes."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.bodies import permitted, prohibited
from tests.api.serving import Server, serving
from tests.conftest import FreshDatabase

AT_ONCE = 25


def keyed(key: str) -> dict[str, str]:
    return {"idempotency-key": key}


def test_a_repeated_request_gets_the_first_decision(portal: httpx.Client) -> None:
    first = portal.post("/v1/decisions", json=permitted(), headers=keyed("repeat"))
    again = portal.post("/v1/decisions", json=permitted(), headers=keyed("repeat"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert list(again.json()) == list(first.json())
    assert again.headers["location"] == first.headers["location"]


def test_requests_without_a_key_are_decided_each_time(portal: httpx.Client) -> None:
    first, second = (portal.post("/v1/decisions", json=permitted()).json() for _ in range(2))
    assert first["id"] != second["id"]
    differing = {member for member in first if first[member] != second[member]}
    assert differing - {"decided_at"} == {"id"}


def test_the_same_facts_otherwise_written_are_the_same_request(portal: httpx.Client) -> None:
    body = permitted()
    first = portal.post("/v1/decisions", json=body, headers=keyed("rewritten"))
    body["use"]["activities"] = body["use"]["activities"][::-1] * 2
    body["entity"]["monthly_active_users"] = 1_200_000.0
    body["entity"]["domicile"] = None
    body = dict(reversed(body.items()))
    again = portal.post(
        "/v1/decisions",
        content=json.dumps(body, indent=3),
        headers={**keyed("rewritten"), "content-type": "application/json"},
    )
    assert again.status_code == 200
    assert again.json() == first.json()


def test_other_facts_under_the_same_key_are_409(portal: httpx.Client) -> None:
    portal.post("/v1/decisions", json=permitted(), headers=keyed("reused"))
    answer = portal.post("/v1/decisions", json=prohibited(), headers=keyed("reused"))
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/schema/problems#key-reused"


def test_private_texts_count_as_facts(portal: httpx.Client) -> None:
    portal.post("/v1/decisions", json=permitted(name="One"), headers=keyed("texts"))
    other = portal.post("/v1/decisions", json=permitted(name="Two"), headers=keyed("texts"))
    assert other.status_code == 409


def test_keys_belong_to_their_principal(server: Server) -> None:
    with server.client("portal") as one, server.client("other_portal") as other:
        first = one.post("/v1/decisions", json=permitted(), headers=keyed("shared"))
        second = other.post("/v1/decisions", json=prohibited(), headers=keyed("shared"))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]


@pytest.mark.parametrize("key", ["!", "~" * 255, 'a"b\\c', "a,b;c=d"])
def test_every_visible_character_may_stand_in_a_key(portal: httpx.Client, key: str) -> None:
    first = portal.post("/v1/decisions", json=permitted(), headers=keyed(key))
    again = portal.post("/v1/decisions", json=permitted(), headers=keyed(key))
    assert (first.status_code, again.status_code) == (201, 200)


async def test_of_many_at_once_one_is_recorded_and_all_get_it(server: Server) -> None:
    async with server.async_client() as portal:
        answers = await asyncio.gather(
            *(portal.post("/v1/decisions", json=permitted(), headers=keyed("crowd")) for _ in range(AT_ONCE))
        )
    assert sorted(answer.status_code for answer in answers) == [200] * (AT_ONCE - 1) + [201]
    assert len({answer.content for answer in answers}) == 1


async def test_of_many_at_once_with_different_facts_one_wins(server: Server) -> None:
    bodies = [permitted(monthly_active_users=n) for n in range(AT_ONCE)]
    async with server.async_client() as portal:
        answers = await asyncio.gather(
            *(portal.post("/v1/decisions", json=body, headers=keyed("contest")) for body in bodies)
        )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (AT_ONCE - 1)


@pytest.fixture
def two_servers(database: FreshDatabase, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    data_dir = tmp_path / "server"
    with (
        serving(database.service_url, data_dir) as one,
        serving(database.service_url, data_dir, one.keys) as other,
    ):
        yield one, other


async def test_two_server_processes_keep_one_record(two_servers: tuple[Server, Server]) -> None:
    one, other = two_servers
    async with one.async_client() as first, other.async_client() as second:
        answers = await asyncio.gather(
            *(
                client.post("/v1/decisions", json=permitted(), headers=keyed(f"key-{n % 5}"))
                for n in range(50)
                for client in (first, second)
            )
        )
        listed = (await second.get("/v1/decisions?limit=200")).json()["decisions"]
    assert {answer.status_code for answer in answers} == {200, 201}
    assert [answer.status_code for answer in answers].count(201) == 5
    assert {answer.json()["id"] for answer in answers} == {each["id"] for each in listed}
    assert len(listed) == 5
