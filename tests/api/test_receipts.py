"""Receipts over HTTP: for whom, of what form, and with what trace; and the checkpoint."""

import asyncio
import json
from typing import Any

import httpx
import psycopg
import pytest

from api.log_schemas import Receipt, SignedBlock
from eligibility.storage.packing import packed, unpacked
from tests.api.bodies import permitted, prohibited, unclear
from tests.api.problems import problem
from tests.api.serving import Server, Who
from tests.conftest import FreshDatabase


def decide(client: httpx.Client, body: dict[str, Any]) -> str:
    answer = client.post("/v1/decisions", json=body)
    assert answer.status_code == 201
    return str(answer.json()["id"])


def receipt(client: httpx.Client, identifier: str, **query: str) -> dict[str, Any]:
    answer = client.get(f"/v1/decisions/{identifier}/receipt", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    Receipt.model_validate_json(answer.content, strict=True)
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    "body", [permitted(), prohibited(), unclear()], ids=["permitted", "prohibited", "unclear"]
)
def test_a_receipt_holds_the_record_and_what_it_was_decided_from(
    portal: httpx.Client, body: dict[str, Any]
) -> None:
    identifier = decide(portal, body)
    found, decision = receipt(portal, identifier), portal.get(f"/v1/decisions/{identifier}").json()
    record = found["record"]
    assert record["id"] == identifier
    assert record["outcome"] == decision["outcome"]
    assert record["at"] == decision["decided_at"]
    assert record["ruleset"] == decision["ruleset"]["digest"]
    assert found["sequence"] == decision["recorded"]["sequence"]
    told = [made["finding"] for made in found["evaluation"]["findings"]]
    assert told == [made["finding"] for made in decision["findings"]]
    assert found["keys"][-1]["key"] == found["block"]["key"]
    assert "texts" not in found


def test_texts_are_added_only_where_they_are_asked_for(portal: httpx.Client) -> None:
    body = permitted(name="A name to keep")
    identifier = decide(portal, body)
    assert "A name to keep" not in json.dumps(receipt(portal, identifier))
    assert "A name to keep" not in json.dumps(receipt(portal, identifier, texts="false"))
    texts = receipt(portal, identifier, texts="true")["texts"]["content"]
    assert texts["entity"] == {"name": "A name to keep", "reference": "crm-4711"}
    assert texts["use"] == {"description": body["use"]["description"]}


def test_a_decision_without_texts_has_none_to_add(portal: httpx.Client) -> None:
    found = receipt(portal, decide(portal, unclear()), texts="true")
    assert "texts" not in found
    assert "private" not in found["record"]


async def test_decisions_that_shared_a_block_have_receipts_of_it(server: Server) -> None:
    async with server.async_client() as client:
        made = await asyncio.gather(*(client.post("/v1/decisions", json=permitted()) for _ in range(24)))
    with server.client() as portal:
        found = [receipt(portal, answer.json()["id"]) for answer in made]
    places = {(each["block"]["number"], each["index"]) for each in found}
    assert len(places) == 24
    assert len({number for number, _ in places}) < 24
    assert any(each["proof"] for each in found)


@pytest.mark.parametrize("who", ["other_portal", "monitor", "nobody"])
def test_those_who_may_not_see_a_decision_get_no_receipt(
    server: Server, portal: httpx.Client, who: Who
) -> None:
    identifier = decide(portal, permitted())
    status = {"other_portal": 404, "monitor": 403, "nobody": 401}[who]
    with server.client(who) as client:
        problem(client.get(f"/v1/decisions/{identifier}/receipt"), status)


@pytest.mark.parametrize("identifier", ["d9a93b39-f973-436f-bef6-6d86ccd83b1d", "none", "%00"])
def test_what_is_no_decision_has_no_receipt(portal: httpx.Client, identifier: str) -> None:
    problem(portal.get(f"/v1/decisions/{identifier}/receipt"), 404)


@pytest.mark.parametrize("query", ["texts=yes", "texts=", "texts=true&texts=true", "text=true"])
def test_a_query_that_is_not_understood_is_refused(portal: httpx.Client, query: str) -> None:
    document = problem(portal.get(f"/v1/decisions/{decide(portal, unclear())}/receipt?{query}"), 422)
    assert document["errors"][0]["pointer"] == f"/{query[: query.index('=')]}"


def test_that_somebody_took_the_receipt_of_anothers_decision_is_recorded(
    own_server: Server, database: FreshDatabase
) -> None:
    with own_server.client("portal") as portal, own_server.client("auditor") as auditor:
        theirs = decide(portal, permitted())
        receipt(portal, theirs)
        problem(auditor.get(f"/v1/decisions/{theirs}/receipt?texts=maybe"), 422)
        assert accesses(database) == []
        receipt(auditor, theirs)
        assert accesses(database) == [[theirs]]


def accesses(database: FreshDatabase) -> list[list[str]]:
    with psycopg.connect(database.superuser_url) as connection:
        rows = connection.execute("SELECT body FROM record WHERE kind = 'access' ORDER BY at, id").fetchall()
    return [json.loads(row[0])["facts"]["decisions"] for row in rows]


def test_a_log_that_was_tampered_with_is_a_fault_and_tells_nobody_more(
    own_server: Server, database: FreshDatabase
) -> None:
    with own_server.client("portal") as portal:
        identifier = decide(portal, permitted())
        with psycopg.connect(database.superuser_url) as connection:
            connection.execute("SET session_replication_role = replica")
            [(body,)] = connection.execute("SELECT body FROM record WHERE id = %s", (identifier,)).fetchall()
            other = packed(unpacked(body).replace(b'"permitted"', b'"prohibited"'))
            connection.execute("UPDATE record SET body = %s WHERE id = %s", (other, identifier))
        document = problem(portal.get(f"/v1/decisions/{identifier}/receipt"), 500)
    assert "block" not in json.dumps(document)
    assert "does not hold together: the records do not lead to the block's root" in own_server.logged()


def test_the_checkpoint_is_the_newest_block(server: Server, portal: httpx.Client) -> None:
    with server.client("monitor") as monitor:
        before = monitor.get("/v1/audit/checkpoint")
        SignedBlock.model_validate_json(before.content, strict=True)
        block = receipt(portal, decide(portal, permitted()))["block"]
        after = monitor.get("/v1/audit/checkpoint").json()
        problem(monitor.get("/v1/audit/checkpoint?number=1"), 422)
    assert before.json()["number"] < block["number"] <= after["number"]
