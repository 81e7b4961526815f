"""Precedents over HTTP: made from overrides, shown on like decisions, taken away as cases, and ended."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from eligibility.cases import load_cases, run
from eligibility.decider import Decider
from eligibility.storage.embedded import EmbeddedPostgres
from tests.api.bodies import permitted
from tests.api.problems import problem
from tests.api.serving import Server, serving
from tests.conftest import fresh_database

SOON = (datetime.now(UTC) + timedelta(days=90)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(scope="module")
def office(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with (
        fresh_database(postgres) as database,
        serving(database.service_url, tmp_path_factory.mktemp("office")) as server,
    ):
        yield server


def overridden(reviewer: httpx.Client, approver: httpx.Client) -> str:
    about: str = reviewer.post("/v1/decisions", json=permitted()).json()["id"]
    word = {"reason": "wrong_facts", "text": "it is not so", "number": 0, "outcome": "prohibited"}
    assert (
        reviewer.post(f"/v1/decisions/{about}/reviews", json={"kind": "override", **word}).status_code == 201
    )
    word = {"kind": "agree", "reason": "agreed", "text": "seen", "number": 1}
    assert approver.post(f"/v1/decisions/{about}/reviews", json=word).status_code == 201
    return about


def asked(about: str, **changes: Any) -> dict[str, Any]:
    return {"decision": about, "facts": ["entity.kind"], "text": "all alike", "expires": SOON, **changes}


def test_an_override_becomes_a_precedent_that_changes_no_outcome(
    office: Server, decider: Decider, tmp_path: Path
) -> None:
    with office.client("reviewer") as reviewer, office.client("approver") as approver:
        about = overridden(reviewer, approver)
        made = reviewer.post("/v1/precedents", json=asked(about))
        assert made.status_code == 201, made.text
        precedent = made.json()
        assert precedent["outcome"] == "prohibited"
        assert set(precedent["pattern"]) == {"model.generation", "entity.kind"}

        like = reviewer.post("/v1/decisions", json=permitted(name="Another Inc.")).json()
        assert like["outcome"] == "permitted"
        case = reviewer.get(f"/v1/reviews/{like['id']}").json()
        assert [each["id"] for each in case["precedents"]] == [precedent["id"]]
        unlike = reviewer.post("/v1/decisions", json=permitted(kind="government_agency")).json()["id"]
        assert reviewer.get(f"/v1/reviews/{unlike}").json()["precedents"] == []

        path = f"/v1/precedents/{precedent['id']}"
        saved = reviewer.get(f"{path}/case", params={"as": "file"})
        assert saved.headers["content-type"] == "application/yaml"
        assert saved.text == reviewer.get(f"{path}/case").json()["yaml"]
        assert "Example Robotics" not in saved.text
        (tmp_path / "cases").mkdir()
        (tmp_path / "cases" / "precedent.yaml").write_text(saved.text)
        [written] = load_cases(tmp_path, decider.ruleset)
        assert written.expect == {"outcome": "prohibited"}
        assert run(decider, written).answer["outcome"] == "permitted"

        ended = approver.delete(path)
        assert ended.status_code == 200
        assert (ended.json()["active"], ended.json()["ended_at"] is None) == (False, False)
        assert approver.delete(path).status_code == 409
        [listed] = reviewer.get("/v1/precedents").json()["precedents"]
        assert listed == ended.json()
        assert reviewer.get(f"/v1/reviews/{like['id']}").json()["precedents"] == []


def test_what_cannot_be_a_precedent_is_refused(office: Server) -> None:
    with office.client("reviewer") as reviewer, office.client("approver") as approver:
        untouched = reviewer.post("/v1/decisions", json=permitted()).json()["id"]
        detail = problem(reviewer.post("/v1/precedents", json=asked(untouched)), 409)["detail"]
        assert "override that is in force" in detail
        about = overridden(reviewer, approver)
        late = (datetime.now(UTC) + timedelta(days=731)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for changes, pointer in (
            ({"facts": ["entity.name"]}, "/facts/0"),
            ({"expires": late}, "/expires"),
            ({"expires": "2020-01-01T00:00:00Z"}, "/expires"),
            ({"text": ""}, "/text"),
            ({"decision": "x"}, "/decision"),
        ):
            document = problem(reviewer.post("/v1/precedents", json=asked(about, **changes)), 422)
            assert document["errors"][0]["pointer"] == pointer
        nothing = "01982c3e-5a00-7000-8000-000000000001"
        assert reviewer.post("/v1/precedents", json=asked(nothing)).status_code == 404
        assert reviewer.delete(f"/v1/precedents/{nothing}").status_code == 404
