"""Without a database there is no decision; with it back, all goes on and nothing acknowledged is lost."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from api.schemas import ProblemDocument
from eligibility.storage import migrate
from eligibility.storage.embedded import EmbeddedPostgres, start_or_join
from tests.api.bodies import permitted
from tests.api.serving import PATIENCE, Server, serving
from tests.conftest import FreshDatabase

REFUSE_COMMITS = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the disk is full' USING ERRCODE = '{state}'; END $$;
    CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON block DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION refuse();
"""
ALLOW_COMMITS = "DROP TRIGGER refuse ON block; DROP FUNCTION refuse();"


@pytest.fixture
def own_postgres(reachable_dir: Path) -> Iterator[EmbeddedPostgres]:
    """A server that this test alone may stop."""
    with start_or_join(reachable_dir / "outages") as server:
        migrate.upgrade(server.owner_url)
        yield server


def unavailable(answer: httpx.Response) -> str:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    problem = ProblemDocument.model_validate_json(answer.content, strict=True)
    for secret in ("psycopg", "sqlalchemy", "Traceback", "INSERT", "block_", "disk"):
        assert secret not in answer.text
    return problem.detail


def test_a_stopped_database_means_503_and_its_return_means_decisions(
    own_postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    with serving(own_postgres.service_url, tmp_path / "server") as server, server.client("portal") as portal:
        keyed = {"idempotency-key": "before"}
        before = portal.post("/v1/decisions", json=permitted(), headers=keyed)
        assert before.status_code == 201
        assert portal.get("/health/ready").status_code == 200

        own_postgres.stop()
        unavailable(portal.post("/v1/decisions", json=permitted()))
        unavailable(portal.post("/v1/decisions", json=permitted(), headers=keyed))
        unavailable(portal.get("/v1/decisions"))
        unavailable(portal.get(before.headers["location"]))
        assert portal.get("/health/live").status_code == 200
        assert (
            unavailable(httpx.get(f"{server.url}/health/ready"))
            == "decisions cannot be recorded at the moment"
        )

        own_postgres.restart()
        deadline = time.monotonic() + PATIENCE
        while (after := portal.post("/v1/decisions", json=permitted())).status_code == 503:
            assert time.monotonic() < deadline, after.text
        assert after.status_code == 201
        again = portal.post("/v1/decisions", json=permitted(), headers=keyed)
        assert (again.status_code, again.json()) == (200, before.json())
        listed = [each["id"] for each in portal.get("/v1/decisions").json()["decisions"]]
        assert listed == [after.json()["id"], before.json()["id"]]
        assert portal.get("/health/ready").status_code == 200


@pytest.mark.parametrize("state", ["53100", "58030", "57014"], ids=["disk full", "broken disk", "cancelled"])
def test_a_decision_whose_commit_fails_is_not_answered(
    own_server: Server, database: FreshDatabase, state: str
) -> None:
    keyed = {"idempotency-key": "unlucky"}
    with (
        own_server.client("portal") as portal,
        psycopg.connect(database.superuser_url, autocommit=True) as superuser,
    ):
        superuser.execute(REFUSE_COMMITS.format(state=state).encode())
        unavailable(portal.post("/v1/decisions", json=permitted(), headers=keyed))
        count = b"SELECT count(*) FROM record WHERE kind = 'decision'"
        assert superuser.execute(count).fetchone() == (0,)
        assert portal.get("/v1/decisions").json()["decisions"] == []

        superuser.execute(ALLOW_COMMITS.encode())
        answer = portal.post("/v1/decisions", json=permitted(), headers=keyed)
        assert answer.status_code == 201
        assert superuser.execute(count).fetchone() == (1,)


def test_a_record_that_the_database_refuses_is_a_fault_of_ours_of_which_nothing_is_told(
    own_server: Server, database: FreshDatabase
) -> None:
    with (
        own_server.client("portal") as portal,
        psycopg.connect(database.superuser_url, autocommit=True) as superuser,
    ):
        superuser.execute(REFUSE_COMMITS.format(state="P0001").encode())
        answer = portal.post("/v1/decisions", json=permitted())
        assert answer.status_code == 500
        problem = answer.json()
        assert problem["type"] == "/schema/problems#fault"
        assert "disk" not in answer.text
        assert problem["instance"] in own_server.logged()
        assert portal.get("/v1/decisions").json()["decisions"] == []


def test_nobody_sees_others_decisions_where_that_cannot_be_recorded(
    own_server: Server, database: FreshDatabase
) -> None:
    with (
        own_server.client("portal") as portal,
        own_server.client("auditor") as auditor,
        psycopg.connect(database.superuser_url, autocommit=True) as superuser,
    ):
        location = portal.post("/v1/decisions", json=permitted()).headers["location"]
        superuser.execute(REFUSE_COMMITS.format(state="53100").encode())
        unavailable(auditor.get(location))
        unavailable(auditor.get("/v1/decisions"))
        unavailable(auditor.get("/v1/audit/export"))
        assert portal.get(location).status_code == 200
        superuser.execute(ALLOW_COMMITS.encode())
        assert auditor.get(location).status_code == 200


def test_health_tells_those_who_watch_what_is_wrong(own_server: Server, database: FreshDatabase) -> None:
    with (
        own_server.client("monitor") as monitor,
        psycopg.connect(database.superuser_url, autocommit=True) as superuser,
    ):
        details = monitor.get("/health/ready").json()
        assert details["database"] == {"migration": migrate.newest_revision()}
        assert details["log"]["backlog"] == 0
        assert details["log"]["next_sequence"] > 1
        assert details["ruleset"]["digest"] == details["ruleset"]["in_force"]

        superuser.execute("UPDATE alembic_version SET version_num = 'older'")
        answer = monitor.get("/health/ready")
        assert "`older`" in unavailable(answer)
        assert answer.json()["backlog"] == 0
        assert "older" not in unavailable(httpx.get(f"{own_server.url}/health/ready"))
