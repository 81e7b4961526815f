"""Recorded decisions, decided again over HTTP."""

import asyncio
import copy
import json
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from api.problems import Refusal
from api.replay_schemas import Replay
from api.turns import Turns
from eligibility.building import build
from eligibility.canonical import canonical
from eligibility.ruleset import SEMANTICS, Ruleset
from eligibility.storage.records import hash_bytes
from tests.api.bodies import permitted
from tests.api.serving import Server
from tests.conftest import FreshDatabase
from tests.rules.differences import USERS, rule

Words = dict[str, Any]


def kept(database: FreshDatabase, ruleset: Ruleset, change: Callable[[Words], None]) -> str:
    """The digest of a changed policy that the database keeps from now on, as it keeps former ones."""
    document: Words = copy.deepcopy(dict(ruleset.document))
    change(document)
    made = build(document)
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(
            "INSERT INTO ruleset (digest, version, document, loaded_at, loaded_by) "
            "VALUES (%s, %s, %s, now(), 'test') ON CONFLICT DO NOTHING",
            (hash_bytes(made.digest), made.version, canonical(dict(made.document))),
        )
    return made.digest


def no_users(document: Words) -> None:
    document["version"] = "no users"
    for one in document["rules"]:
        for part in one["when"]:
            if isinstance(part, dict) and USERS in part:
                part[USERS] = {"above": 0}


def more_models(document: Words) -> None:
    document["generations"]["llama-4"]["models"].append({"name": "acme/tuned", "multimodal": False})


def other_semantics(document: Words) -> None:
    document["semantics"] = SEMANTICS + 1


def decided(client: httpx.Client, **model: Any) -> Words:
    body = permitted()
    body["model"].update(model)
    answer = client.post("/v1/decisions", json=body)
    assert answer.status_code == 201, answer.text
    decision: Words = answer.json()
    return decision


def replayed(client: httpx.Client, decision: Words, **query: str) -> Words:
    answer = client.post(f"/v1/decisions/{decision['id']}/replay", params=query)
    assert answer.status_code == 200, answer.text
    Replay.model_validate_json(answer.content, strict=True)
    found: Words = answer.json()
    return found


def told(decision: Words) -> Words:
    return {name: value for name, value in decision.items() if name not in {"id", "decided_at"}}


def test_under_the_recorded_ruleset_everything_is_the_same_and_the_look_is_recorded(
    own_server: Server, database: FreshDatabase
) -> None:
    with own_server.client("portal") as portal, own_server.client("auditor") as auditor:
        decision = decided(portal)
        found = replayed(auditor, decision)
    assert found["recorded"] == decision
    assert told(found["replayed"]) == told(decision)
    assert found["same"] is True
    assert found["differences"] is None
    with psycopg.connect(database.superuser_url) as connection:
        rows = connection.execute("SELECT body FROM record WHERE kind = 'access'").fetchall()
    assert [json.loads(row[0])["facts"]["decisions"] for row in rows] == [[decision["id"]]]


def test_under_another_ruleset_what_differs_is_said_by_rule(
    own_server: Server, database: FreshDatabase, ruleset: Ruleset
) -> None:
    digest = kept(database, ruleset, no_users)
    with own_server.client("reviewer") as reviewer:
        decision = decided(reviewer)
        found = replayed(reviewer, decision, ruleset=digest)
    assert decision["outcome"] == "permitted"
    assert found["recorded"] == decision
    assert found["replayed"]["outcome"] == "contact_meta"
    assert found["replayed"]["ruleset"] == {"version": "no users", "digest": digest}
    assert found["same"] is False
    differences = found["differences"]
    assert differences["outcomes"] == {"before": "permitted", "after": "contact_meta"}
    threshold = rule(dict(ruleset.document), "licence.mau-threshold")
    assert {
        "rule": "licence.mau-threshold",
        "title": threshold["title"],
        "concludes": {"kind": "finding", "name": "licence.mau-threshold"},
    } in differences["rules"]["only_after"]
    [finding] = differences["findings"]
    assert finding["after"] == {"effect": "contact", "reason": "separate_licence"}
    assert finding["rules"] == ["licence.mau-threshold"]


def test_of_erased_texts_the_record_answers_as_far_as_it_does(
    own_server: Server, database: FreshDatabase, ruleset: Ruleset
) -> None:
    asks_names = kept(database, ruleset, more_models)
    asks_users = kept(database, ruleset, no_users)
    with own_server.client("reviewer") as reviewer:
        decision = decided(reviewer, name="acme/tuned", multimodal=True)
        refused = replayed(reviewer, decision, ruleset=asks_names)
        with psycopg.connect(database.owner_url) as owner:
            owner.execute("DELETE FROM private")
        assert replayed(reviewer, decision)["same"] is True
        other = replayed(reviewer, decision, ruleset=asks_users)
        unknown = replayed(reviewer, decision, ruleset=asks_names)
    assert refused["replayed"] is None
    assert refused["differences"]["what"] == "refused"
    assert refused["differences"]["reasons"] == [{"fact": "model.name", "code": None}]
    assert other["replayed"]["outcome"] == "contact_meta"
    assert unknown["replayed"] is None
    assert unknown["differences"]["what"] == "undecidable"
    assert unknown["differences"]["facts"] == ["model.name"]


def test_rulesets_that_cannot_be_used_are_refused_in_words(
    own_server: Server, database: FreshDatabase, ruleset: Ruleset
) -> None:
    later = kept(database, ruleset, other_semantics)
    with own_server.client("auditor") as auditor, own_server.client("portal") as portal:
        path = f"/v1/decisions/{decided(portal)['id']}/replay"
        absent = auditor.post(path, params={"ruleset": "sha256:" + "00" * 32})
        strange = auditor.post(path, params={"ruleset": "2026.11"})
        meaning = auditor.post(path, params={"ruleset": later})
    assert absent.status_code == 404
    assert "no ruleset" in absent.json()["detail"]
    assert strange.status_code == meaning.status_code == 422
    assert strange.json()["errors"][0]["pointer"] == "/ruleset"
    assert f"semantics {SEMANTICS + 1}" in meaning.json()["errors"][0]["detail"]


async def test_more_than_may_wait_are_told_to_come_back() -> None:
    turns, opened, begun = Turns("replays", at_once=1, waiting=1), asyncio.Event(), asyncio.Event()
    done: list[int] = []

    async def work(number: int) -> None:
        async with turns.turn():
            begun.set()
            await opened.wait()
            done.append(number)

    tasks = [asyncio.create_task(work(number)) for number in range(2)]
    await begun.wait()
    with pytest.raises(Refusal, match="too many replays"):
        await work(2)
    opened.set()
    await asyncio.gather(*tasks)
    assert done == [0, 1]
    await work(3)
    assert done == [0, 1, 3]
