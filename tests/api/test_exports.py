"""Exports over HTTP: recorded first, streamed, refused to portals, and noticed where they are cut."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import psycopg
import pyarrow.parquet as pq
import pytest

from api.export_schemas import ExportedLine
from eligibility.storage.exporting import APPLICATION
from tests.api.bodies import permitted, prohibited
from tests.api.problems import problem
from tests.api.serving import Server, Who
from tests.cli.running import until
from tests.conftest import FreshDatabase

PATH = "/v1/audit/export"
MAY: tuple[Who, ...] = ("reviewer", "approver", "auditor", "admin")


def exported(client: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    """The records of an export, whose end is checked."""
    answer = client.get(PATH, params=query)
    assert answer.status_code == 200, answer.text
    *lines, end = map(json.loads, answer.text.splitlines())
    records = [line for line in lines if line.keys() != {"block"}]
    assert end["end"]["records"] == len(records)
    return records


def recorded(database: FreshDatabase) -> list[dict[str, Any]]:
    """What is recorded of exports."""
    with psycopg.connect(database.superuser_url) as connection:
        rows = connection.execute("SELECT body FROM record WHERE kind = 'export' ORDER BY at, id").fetchall()
    return [json.loads(row[0]) for row in rows]


@pytest.fixture(scope="module")
def decided(portal: httpx.Client) -> list[str]:
    """Decisions that there are to export, one of them with a name that is a formula."""
    bodies = [permitted(name="=1+1"), prohibited()]
    return [portal.post("/v1/decisions", json=body).json()["id"] for body in bodies]


def test_decisions_are_exported_as_they_were_made(server: Server, decided: list[str]) -> None:
    with server.client("auditor") as auditor:
        lines = {line["id"]: line for line in exported(auditor)}
        assert set(decided) <= set(lines)
        for line in lines.values():
            ExportedLine.model_validate(line, strict=True)
        for identifier in decided:
            decision = auditor.get(f"/v1/decisions/{identifier}").json()
            line = lines[identifier]
            assert line["facts"] == decision["request"]
            assert line["findings"] == [finding["finding"] for finding in decision["findings"]]
            assert (line["sequence"], line["requested_by"]) == (
                decision["recorded"]["sequence"],
                "test-portal",
            )


@pytest.mark.usefixtures("decided")
def test_every_format_says_the_same_and_what_it_is(server: Server) -> None:
    with server.client("reviewer") as reviewer:
        lines = exported(reviewer, proofs="true")
        as_csv = reviewer.get(PATH, params={"format": "csv"})
        as_parquet = reviewer.get(PATH, params={"format": "parquet"})
    for line in lines:
        ExportedLine.model_validate(line, strict=True)
    assert as_csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert as_csv.headers["content-disposition"] == 'attachment; filename="export.csv"'
    assert as_csv.headers["cache-control"] == "no-store"
    assert "content-length" not in as_csv.headers
    rows = list(csv.DictReader(io.StringIO(as_csv.text, newline="")))
    assert [row["id"] for row in rows] == [line["id"] for line in lines]
    assert as_parquet.headers["content-type"] == "application/vnd.apache.parquet"
    table = pq.read_table(io.BytesIO(as_parquet.content))
    assert table.column("id").to_pylist() == [line["id"] for line in lines]


def test_an_export_is_recorded_and_a_request_for_headers_alone_is_none(
    own_server: Server, database: FreshDatabase
) -> None:
    with own_server.client("reviewer") as reviewer:
        reviewer.post("/v1/decisions", json=permitted())
        answer = reviewer.head(PATH, params={"format": "csv"})
        assert (answer.status_code, answer.content) == (200, b"")
        exported(reviewer, **{"from": "2026-01-01T00:00:00+01:00", "to": "2099-01-01T00:00:00Z"})
        principal = exported(reviewer)[0]["actor"]
    first, second = recorded(database)
    assert first["facts"] == {
        "from": "2025-12-31T23:00:00.000000Z",
        "to": "2099-01-01T00:00:00.000000Z",
        "format": "jsonl",
        "kind": "decision",
        "texts": True,
        "proofs": False,
    }
    assert (first["actor"], first["channel"]) == (principal, "http")
    assert second["facts"]["from"] is None


@pytest.mark.parametrize("who", MAY)
@pytest.mark.parametrize("kind", ["all", "access", "key.created", "review.comment", "decision"])
def test_records_of_other_kinds_are_for_those_who_watch_the_log(server: Server, who: Who, kind: str) -> None:
    with server.client(who) as client:
        answer = client.get(PATH, params={"kind": kind})
    if who in {"auditor", "admin"} or kind in {"review.comment", "decision"}:
        assert answer.status_code == 200
    else:
        problem(answer, 403)


@pytest.mark.usefixtures("decided")
def test_everything_is_exported_if_asked_for(server: Server) -> None:
    with server.client("admin") as admin:
        lines = exported(admin, kind="all", texts="false")
    for line in lines:
        ExportedLine.model_validate(line, strict=True)
    assert [line["sequence"] for line in lines] == list(range(1, len(lines) + 1))
    assert {"decision", "key.created", "ruleset.activated", "partition.made"} <= {
        line["kind"] for line in lines
    }
    assert not any(line["requested_by"] or "name" in line["facts"] for line in lines)


@pytest.mark.parametrize(
    "query,pointer",
    [
        ({"format": "xlsx"}, "/format"),
        ({"from": "yesterday"}, "/from"),
        ({"from": "2026-11-01"}, "/from"),
        ({"to": "2026-02-30T00:00:00Z"}, "/to"),
        ({"from": "2026-11-02T00:00:00Z", "to": "2026-11-01T00:00:00Z"}, "/to"),
        ({"from": "2026-11-02T00:00:00Z", "to": "2026-11-02T00:00:00Z"}, "/to"),
        ({"kind": "Decision"}, "/kind"),
        ({"kind": "x" * 200}, "/kind"),
        ({"kind": ""}, "/kind"),
        ({"proofs": "yes"}, "/proofs"),
        ({"texts": "1"}, "/texts"),
        ({"limit": "3"}, "/limit"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(server: Server, query: dict[str, str], pointer: str) -> None:
    with server.client("auditor") as auditor:
        document = problem(auditor.get(PATH, params=query), 422)
    assert [error["pointer"] for error in document["errors"]] == [pointer]


@contextmanager
def stalled(own_server: Server, database: FreshDatabase, exports: int = 1) -> Iterator[list[httpx.Response]]:
    """Exports that have begun to be sent and wait for a table that somebody has locked."""
    with (
        psycopg.connect(database.superuser_url, autocommit=True) as superuser,
        own_server.client("auditor") as auditor,
    ):
        auditor.get("/v1/decisions")  # the key is remembered
        superuser.execute("BEGIN")
        superuser.execute("LOCK TABLE private IN ACCESS EXCLUSIVE MODE")
        with ExitStack() as streams:
            answers = [streams.enter_context(auditor.stream("GET", PATH)) for _ in range(exports)]
            until(lambda: len(connections(database, "Lock")) == exports, "the exports wait for the lock")
            yield answers
        superuser.execute("ROLLBACK")  # if it is not reached, the end of the connection does the same


def connections(database: FreshDatabase, waits_for: str = "%") -> list[int]:
    """The processes of the database that serve exports, and wait for such a thing."""
    with psycopg.connect(database.superuser_url) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name = %s "
            "AND coalesce(wait_event_type, '') LIKE %s",
            (database.name, APPLICATION, waits_for),
        ).fetchall()
    return [row[0] for row in rows]


def test_an_export_that_is_cut_is_an_error_to_the_client(own_server: Server, database: FreshDatabase) -> None:
    with own_server.client("portal") as portal:
        portal.post("/v1/decisions", json=permitted())
    with stalled(own_server, database) as [answer]:
        assert answer.status_code == 200
        with psycopg.connect(database.superuser_url) as superuser:
            superuser.execute("SELECT pg_terminate_backend(%s)", connections(database))
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
    with own_server.client("auditor") as auditor:
        assert len(exported(auditor)) == 1


def test_decisions_are_made_and_read_while_exports_are_sent(
    own_server: Server, database: FreshDatabase
) -> None:
    with own_server.client("reviewer") as reviewer:
        reviewer.post("/v1/decisions", json=permitted())
        with stalled(own_server, database, exports=4):
            for _ in range(20):
                assert reviewer.post("/v1/what-if", json=permitted()).status_code == 200
                assert reviewer.get("/health/ready").status_code == 200
            refused = reviewer.get(PATH)
            assert "exports" in problem(refused, 503)["detail"]
            assert refused.headers["retry-after"] == "30"
        with own_server.client("auditor") as auditor:
            # the callers have gone: as soon as that is noticed, others may export
            until(lambda: auditor.get(PATH).status_code == 200, "an export is sent again")
        until(lambda: not connections(database), "the exports' connections are closed")
