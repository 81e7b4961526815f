"""Decisions read again and listed: as they were answered, for those who may, with a trace of who looked."""

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from api.schemas import DecisionList, Hypothetical, RecordedDecision
from tests.api.bodies import permitted, prohibited, unclear
from tests.api.serving import Server, Who
from tests.conftest import FreshDatabase

OTHERS: tuple[Who, ...] = ("reviewer", "approver", "auditor", "admin")


def decide(client: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/v1/decisions", json=body)
    assert answer.status_code == 201
    decision: dict[str, Any] = answer.json()
    return decision


def listed(client: httpx.Client, **query: Any) -> list[str]:
    answer = client.get("/v1/decisions", params=query)
    assert answer.status_code == 200, answer.text
    DecisionList.model_validate_json(answer.content, strict=True)
    return [each["id"] for each in answer.json()["decisions"]]


def accesses(database: FreshDatabase) -> list[list[str]]:
    with psycopg.connect(database.superuser_url) as connection:
        rows = connection.execute("SELECT body FROM record WHERE kind = 'access' ORDER BY at, id").fetchall()
    return [json.loads(row[0])["facts"]["decisions"] for row in rows]


def test_a_decision_says_when_it_was_made_and_where_it_is(portal: httpx.Client) -> None:
    answer = portal.post("/v1/decisions", json=permitted())
    decision = answer.json()
    assert answer.headers["location"] == f"/v1/decisions/{decision['id']}"
    assert answer.headers["cache-control"] == "no-store"
    milliseconds = UUID(decision["id"]).int >> 80
    assert UUID(decision["id"]).version == 7
    assert decision["decided_at"].endswith(f"{milliseconds % 1000:03}000Z")


@pytest.mark.parametrize(
    "body", [permitted(), prohibited(), unclear()], ids=["permitted", "prohibited", "unclear"]
)
def test_a_decision_reads_again_member_by_member(portal: httpx.Client, body: dict[str, Any]) -> None:
    decision = decide(portal, body)
    answer = portal.get(f"/v1/decisions/{decision['id']}")
    RecordedDecision.model_validate_json(answer.content, strict=True)
    again = answer.json()
    assert {member: again[member] for member in decision} == decision
    assert set(again) - set(decision) == {"request", "erased_at", "reviews", "outcome_in_force", "recorded"}
    assert again["erased_at"] is None
    assert again["reviews"] == []
    assert again["outcome_in_force"] == decision["outcome"]
    assert again["recorded"]["channel"] == "http"
    assert again["recorded"]["requested_by"] == "test-portal"
    assert again["recorded"]["sequence"] > 0


def test_the_request_is_shown_as_it_was_given_with_its_sets_sorted(portal: httpx.Client) -> None:
    body = permitted()
    body["use"]["distribution_regions"] = ["US", "EU", "US"]
    decision = decide(portal, body)
    body["use"]["distribution_regions"] = ["EU", "US"]
    assert portal.get(f"/v1/decisions/{decision['id']}").json()["request"] == body


def test_an_id_is_read_in_any_case(portal: httpx.Client) -> None:
    identifier = decide(portal, permitted())["id"]
    assert portal.get(f"/v1/decisions/{identifier.upper()}").json()["id"] == identifier


@pytest.mark.parametrize(
    "body", [permitted(), prohibited(), unclear()], ids=["permitted", "prohibited", "unclear"]
)
def test_what_if_answers_as_a_decision_would_and_records_nothing(
    own_server: Server, body: dict[str, Any]
) -> None:
    with own_server.client("portal") as portal:
        answer = portal.post("/v1/what-if", json=body)
        assert answer.status_code == 200
        Hypothetical.model_validate_json(answer.content, strict=True)
        assert "location" not in answer.headers
        assert listed(portal) == []
        decision = decide(portal, body)
    for member in set(decision) - {"id", "decided_at"}:
        assert answer.json()[member] == decision[member]
    assert "id" not in answer.json()


def test_a_portal_sees_its_own_decisions_only(server: Server) -> None:
    with server.client("portal") as one, server.client("other_portal") as other:
        mine, theirs = decide(one, permitted()), decide(other, permitted())
        assert one.get(f"/v1/decisions/{theirs['id']}").status_code == 404
        assert other.get(f"/v1/decisions/{mine['id']}").status_code == 404
        assert theirs["id"] not in listed(one, limit=200)
        assert listed(other, requested_by="test-portal") == []
        unknown = one.get("/v1/decisions/01982c3e-5a00-7000-8000-000000000001").json()
        hidden = one.get(f"/v1/decisions/{theirs['id']}").json()
    assert {**unknown, "instance": None} == {**hidden, "instance": None}


@pytest.mark.parametrize("who", OTHERS)
def test_everybody_else_who_may_read_sees_all_decisions(server: Server, who: Who) -> None:
    with server.client("portal") as portal, server.client(who) as reader:
        decision = decide(portal, permitted())
        assert listed(reader)[0] == decision["id"]
        assert reader.get(f"/v1/decisions/{decision['id']}").json()["id"] == decision["id"]


def test_a_line_of_the_list_says_what_the_decision_was(portal: httpx.Client) -> None:
    decision = decide(portal, unclear(name="Anybody", reference="r-1", affiliates=[{}, {"involved_in": []}]))
    [line] = portal.get("/v1/decisions", params={"limit": 1}).json()["decisions"]
    assert line == {
        "id": decision["id"],
        "outcome": "contact_meta",
        "generation": "llama-3.2",
        "findings": [finding["finding"] for finding in decision["findings"]],
        "missing_facts": [missing["fact"] for missing in decision["missing_facts"]],
        "entity": {"kind": "company", "name": "Anybody", "reference": "r-1"},
        "requested_by": "test-portal",
        "channel": "http",
        "decided_at": decision["decided_at"],
        "outcome_in_force": "contact_meta",
        "reviews": 0,
    }
    assert line["missing_facts"]


def test_filters_find_what_they_name_and_nothing_else(own_server: Server) -> None:
    with own_server.client("portal") as portal, own_server.client("reviewer") as reviewer:
        good = decide(portal, permitted(reference="a"))
        bad = decide(portal, prohibited(reference="b"))
        open_ = decide(reviewer, unclear(reference="a"))
        everything = [open_["id"], bad["id"], good["id"]]
        wanted: list[tuple[dict[str, Any], list[str]]] = [
            ({}, everything),
            ({"outcome": "permitted"}, [good["id"]]),
            ({"outcome": "prohibited"}, [bad["id"]]),
            ({"outcome": "contact_meta"}, [open_["id"]]),
            ({"generation": "llama-4"}, [bad["id"], good["id"]]),
            ({"finding": "licence.eu-multimodal"}, [bad["id"]]),
            ({"finding": "licence.eu-distribution"}, [good["id"]]),
            ({"entity_reference": "a"}, [open_["id"], good["id"]]),
            ({"entity_reference": "A"}, []),
            ({"entity_reference": "a", "generation": "llama-4"}, [good["id"]]),
            ({"requested_by": "test-reviewer"}, [open_["id"]]),
            ({"requested_by": "nobody of this name"}, []),
            ({"review": "none"}, everything),
            ({"review": "confirm"}, []),
            ({"from": bad["decided_at"], "to": open_["decided_at"]}, [bad["id"]]),
            ({"from": "2000-01-01T00:00:00+01:00", "to": "2001-01-01T00:00:00Z"}, []),
            ({"from": "2001-01-01T00:00:00.5Z", "limit": 2}, everything[:2]),
        ]
        for query, expected in wanted:
            assert listed(reviewer, **query) == expected, query


def test_pages_have_neither_gaps_nor_repeats_while_decisions_arrive(own_server: Server) -> None:
    with own_server.client("portal") as portal:
        made = [decide(portal, permitted(reference=str(n)))["id"] for n in range(23)]
        seen: list[str] = []
        cursor: str | None = None
        while True:
            page = portal.get(
                "/v1/decisions", params={"limit": 5, **({"cursor": cursor} if cursor else {})}
            ).json()
            seen += [each["id"] for each in page["decisions"]]
            cursor = page["next"]
            if cursor is None:
                break
            decide(portal, prohibited())
    assert seen == made[::-1]


async def test_pages_keep_their_order_while_many_decide_at_once(own_server: Server) -> None:
    async with own_server.async_client("portal") as portal:
        answers = await asyncio.gather(*(portal.post("/v1/decisions", json=permitted()) for _ in range(60)))
        seen: list[str] = []
        query: dict[str, Any] = {"limit": 7}
        while True:
            page = (await portal.get("/v1/decisions", params=query)).json()
            seen += [each["id"] for each in page["decisions"]]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        sequences = [
            (await portal.get(f"/v1/decisions/{identifier}")).json()["recorded"]["sequence"]
            for identifier in seen
        ]
    assert sorted(seen) == sorted(answer.json()["id"] for answer in answers)
    assert sequences == sorted(sequences, reverse=True)
    assert len(set(sequences)) == 60


def test_that_somebody_looked_at_others_decisions_is_recorded_once_for_each_request(
    own_server: Server, database: FreshDatabase
) -> None:
    with own_server.client("portal") as portal, own_server.client("reviewer") as reviewer:
        theirs = [decide(portal, permitted())["id"] for _ in range(2)]
        mine = decide(reviewer, permitted())["id"]
        assert accesses(database) == []

        reviewer.get(f"/v1/decisions/{mine}")
        portal.get(f"/v1/decisions/{theirs[0]}")
        portal.get("/v1/decisions")
        reviewer.get("/v1/decisions", params={"requested_by": "test-reviewer"})
        reviewer.get("/v1/decisions/01982c3e-5a00-7000-8000-000000000001")
        assert accesses(database) == []

        reviewer.get(f"/v1/decisions/{theirs[0]}")
        assert accesses(database) == [[theirs[0]]]
        reviewer.get("/v1/decisions")
        assert accesses(database) == [[theirs[0]], [theirs[1], theirs[0]]]


def test_texts_stand_apart_from_the_log(own_server: Server, database: FreshDatabase) -> None:
    with own_server.client("portal") as portal:
        body = permitted(name="A name to forget")
        body["model"]["name"] = "Our-Derivative"
        portal.post("/v1/decisions", json=body, headers={"idempotency-key": "a-key-to-forget"})
    with psycopg.connect(database.superuser_url) as connection:
        [(record,)] = connection.execute("SELECT body FROM record WHERE kind = 'decision'").fetchall()
        [(private,)] = connection.execute(
            "SELECT p.content FROM private p JOIN record r ON r.id = p.record WHERE r.kind = 'decision'"
        ).fetchall()
    for text in (b"A name to forget", b"Our-Derivative", b"a-key-to-forget", b"crm-4711", b"repair robots"):
        assert text not in record
        assert text in private
