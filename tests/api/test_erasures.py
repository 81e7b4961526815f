"""Erasing over HTTP, and what is told of decisions that were erased or dropped."""

import asyncio
from datetime import date
from typing import Any

import httpx
import psycopg
import pytest

from api.erasures import Erasure
from eligibility.storage.database import Database
from eligibility.storage.holds import release, set_hold
from eligibility.storage.log import AuditLog
from eligibility.storage.retention import drop, months
from eligibility.storage.secret_files import service_secret
from eligibility.storage.signing_keys import signer
from tests.api.bodies import permitted, prohibited
from tests.api.problems import problem
from tests.api.serving import Server
from tests.storage import making

MARCH, APRIL = date(2025, 3, 1), date(2025, 4, 1)


def decide(client: httpx.Client, body: dict[str, Any], key: str | None = None) -> dict[str, Any]:
    answer = client.post("/v1/decisions", json=body, headers={"idempotency-key": key} if key else {})
    assert answer.status_code in {200, 201}, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_texts_are_erased_by_reference_and_everything_else_goes_on(server: Server) -> None:
    with server.client("portal") as portal, server.client("admin") as admin:
        body = permitted(reference="crm-forget-1", name="A Name To Forget")
        decision, other = (
            decide(portal, body, "first-key"),
            decide(portal, prohibited(reference="crm-forget-2")),
        )

        erasing = {"reference": "crm-forget-1", "reason": "asked for by A Name To Forget"}
        answer = admin.post("/v1/erasures", json=erasing)
        assert answer.status_code == 201
        Erasure.model_validate_json(answer.content, strict=True)
        erasure = answer.json()
        assert (erasure["decisions"], erasure["others"]) == (1, 0)
        assert erasure["from"] == erasure["to"] == decision["decided_at"]

        assert server.settings.database_url is not None
        with psycopg.connect(server.settings.database_url) as connection:
            row = connection.execute(
                "SELECT name, channel FROM record r JOIN principal p ON p.id = actor WHERE r.id = %s",
                erasure["erasures"],
            ).fetchone()
        assert row == ("test-admin", "http")

        again = portal.get(f"/v1/decisions/{decision['id']}").json()
        assert again["erased_at"] > decision["decided_at"]
        assert again["outcome"] == "permitted"
        assert {"name", "reference"} & set(again["request"]["entity"]) == set()
        assert "A Name" not in str(again)
        [last, first] = portal.get("/v1/decisions?limit=2").json()["decisions"]
        assert (last["id"], first["id"]) == (other["id"], decision["id"])
        assert first["entity"] == {"kind": "company", "name": None, "reference": None}
        assert portal.get("/v1/decisions?entity_reference=crm-forget-1").json()["decisions"] == []
        repeated = decide(portal, body, "first-key")
        assert (repeated["id"], repeated["outcome"]) == (decision["id"], "permitted")
        assert decide(portal, permitted(reference="crm-forget-3")).keys() == decision.keys()

        told = problem(admin.post("/v1/erasures", json=erasing), 404)
        assert told["detail"] == "there is nothing to erase: no decision has texts under this reference"
        assert "crm-forget-1" not in server.logged()


def test_texts_are_erased_by_ids(server: Server) -> None:
    with server.client("portal") as portal, server.client("admin") as admin:
        ids = [decide(portal, permitted())["id"] for _ in range(3)]
        wrong = "01982c3e-5a00-7000-8000-000000000001"
        told = problem(admin.post("/v1/erasures", json={"decisions": [ids[0], wrong]}), 404)
        assert f"`{wrong}`" in told["detail"]
        answer = admin.post("/v1/erasures", json={"decisions": [ids[0], ids[2].upper()]})
        assert answer.json()["decisions"] == 2
        erased = [portal.get(f"/v1/decisions/{each}").json()["erased_at"] is not None for each in ids]
        assert erased == [True, False, True]


@pytest.mark.parametrize(
    "body, pointers",
    [
        ([], {""}),
        ({}, {""}),
        ({"reason": "because"}, {""}),
        ({"reference": "a", "decisions": ["01982c3e-5a00-7000-8000-000000000001"]}, {""}),
        ({"reference": 7}, {"/reference"}),
        ({"reference": " "}, {"/reference"}),
        ({"reference": "r" * 501}, {"/reference"}),
        ({"reference": "a", "reason": {}}, {"/reason"}),
        ({"reference": "a", "yes": True}, {"/yes"}),
        ({"decisions": "all"}, {"/decisions"}),
        ({"decisions": []}, {"/decisions"}),
        ({"decisions": ["x", 1, "01982c3e-5a00-7000-8000-000000000001"]}, {"/decisions/0", "/decisions/1"}),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_its_place(
    server: Server, body: object, pointers: set[str]
) -> None:
    with server.client("admin") as admin:
        document = problem(admin.post("/v1/erasures", json=body), 422)
    assert {fault["pointer"] for fault in document["errors"]} == pointers


def test_what_is_held_is_kept_and_what_was_dropped_is_told_to_those_who_may_see_all(
    own_server: Server,
) -> None:
    async def prepared() -> tuple[str, str]:
        """A decision of long ago, and a hold on its month."""
        settings = own_server.settings
        assert settings.database_url is not None
        database = Database.open(settings.database_url)
        async with AuditLog(database, service_secret(settings), signer(settings)) as log:
            entry = making.decision(**making.made_in(MARCH), pinned=True)
            await log.append(entry)
            hold = await set_hold(log, MARCH, MARCH, "a case in court")
        await database.close()
        return str(entry.id), str(hold)

    async def drop_it(hold: str) -> None:
        settings = own_server.settings
        assert settings.database_url is not None
        database = Database.open(settings.database_url)
        async with AuditLog(database, service_secret(settings), signer(settings)) as log:
            [march] = await months(database, "decisions", APRIL)
            assert march.hold is not None
            assert str(march.hold.id) == hold
            await release(log, march.hold.id)
            await drop(log, march)
        await database.close()

    with own_server.client("admin") as admin, own_server.client("portal") as portal:
        identifier, hold = asyncio.run(prepared())
        told = problem(admin.post("/v1/erasures", json={"decisions": [identifier]}), 409)
        assert told["type"] == "/schema/problems#held"
        assert told["detail"] == f"the legal hold `{hold}` keeps `{identifier}`: nothing was erased"

        asyncio.run(drop_it(hold))
        path = f"/v1/decisions/{identifier}"
        assert "dropped" in problem(admin.get(path), 404)["detail"]
        assert "dropped" not in problem(portal.get(path), 404)["detail"]
        listed = admin.get("/v1/decisions?limit=200").json()["decisions"]
        assert identifier not in {each["id"] for each in listed}
