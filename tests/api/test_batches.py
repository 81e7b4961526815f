"""Backlogs over HTTP: uploaded, decided in worker processes, read back; and what is survived on the way."""

import csv
import gzip
import io
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import psycopg
import pyarrow.parquet as pq
import pytest

from eligibility.storage.embedded import EmbeddedPostgres
from tests.api.backlogs import (
    JSONL,
    Workers,
    as_csv,
    as_parquet,
    ended,
    jsonl,
    requests,
    results,
    uploaded,
    working,
)
from tests.api.bodies import permitted
from tests.api.serving import Server, serving
from tests.cli.running import command, environment, until
from tests.conftest import fresh_database

SLICE = 4095
MANY = 25 * SLICE
"""Rows that take some seconds, in which a batch can be cancelled."""
POISON = Path(__file__).parent / "poison"


@pytest.fixture(scope="module")
def batch_server(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("batches")
    with (
        fresh_database(postgres) as database,
        serving(database.service_url, folder, ELIGIBILITY_BATCHES_PER_KEY="50") as server,
    ):
        yield server


@pytest.fixture(scope="module")
def workers(batch_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with working(batch_server.settings, tmp_path_factory.mktemp("workers"), path=[POISON]) as running:
        yield running


@pytest.fixture(scope="module")
def client(batch_server: Server, workers: Workers) -> Iterator[httpx.Client]:
    assert workers.process.poll() is None
    with batch_server.client() as client:
        yield client


def slim(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results without what differs from batch to batch."""
    return [{name: value for name, value in line.items() if name not in {"id", "line"}} for line in lines]


@pytest.fixture(scope="module")
def from_jsonl(client: httpx.Client) -> str:
    """A batch of all kinds of lines, decided."""
    place = uploaded(client, jsonl(requests(60)) + b'{"model": {}}\n\n')
    assert ended(client, place)["state"] == "done"
    return place


def test_each_line_gets_its_decision_or_its_error(client: httpx.Client, from_jsonl: str) -> None:
    batch, lines = client.get(from_jsonl).json(), results(client, from_jsonl)

    assert (batch["rows"], batch["decided"], batch["refused"]) == (62, 60, 2)
    assert [line["line"] for line in lines] == list(range(1, 63))
    assert [line["request_id"] for line in lines[:60]] == [f"row-{n}" for n in range(60)]
    outcomes = Counter(line["outcome"] for line in lines[:60])
    assert batch["outcomes"] == outcomes
    assert set(outcomes) == {"permitted", "prohibited", "contact_meta"}
    pointers = [fault["pointer"] for fault in lines[60]["error"]["errors"]]
    assert "/model/generation" in pointers
    assert "empty" in lines[61]["error"]["detail"]
    assert batch["ended_at"] > batch["started_at"]
    assert batch["rows_per_second"] > 0


def test_a_row_is_decided_and_recorded_as_a_request_is(client: httpx.Client, from_jsonl: str) -> None:
    whole = results(client, from_jsonl, "?full=true")
    for line, request in zip(whole, requests(6), strict=False):
        recorded = client.get(f"/v1/decisions/{line['id']}").json()
        assert recorded["recorded"]["channel"] == "batch"
        assert recorded["request_id"] == request.pop("request_id")
        asked = client.post("/v1/decisions", json=request).json()
        own = {"id", "decided_at"}
        assert {**line["decision"], **dict.fromkeys(own, 0)} == {**asked, **dict.fromkeys(own, 0)}
        assert line["decision"].items() <= recorded.items()


def test_refused_lines_can_be_read_alone(client: httpx.Client, from_jsonl: str) -> None:
    answer = client.get(f"{from_jsonl}/refused")
    assert answer.headers["content-type"] == "application/jsonl"
    assert answer.content.splitlines() == client.get(f"{from_jsonl}/results").content.splitlines()[60:]


@pytest.mark.parametrize(
    "content, headers",
    [
        (gzip.compress(jsonl(requests(60)), mtime=0), {**JSONL, "content-encoding": "gzip"}),
        (as_csv(requests(60)), {"content-type": "text/csv; charset=UTF-8"}),
        (as_parquet(requests(60)), {"content-type": "application/vnd.apache.parquet"}),
    ],
    ids=["jsonl.gz", "csv", "parquet"],
)
def test_every_format_is_decided_alike(
    client: httpx.Client, from_jsonl: str, content: bytes, headers: dict[str, str]
) -> None:
    place = uploaded(client, content, headers)
    assert ended(client, place)["state"] == "done"
    assert slim(results(client, place)) == slim(results(client, from_jsonl)[:60])


def test_results_are_those_of_the_command_line(client: httpx.Client, from_jsonl: str, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(jsonl(requests(60)) + b'{"model": {}}\n\n')
    files = (str(tmp_path / "in.jsonl"), str(tmp_path / "out.jsonl"))

    done = command("batch", *files, "--dry-run", "--processes", "1", env=environment(tmp_path))

    assert done.returncode == 1, done.stderr
    lines = [orjson.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    assert slim(lines) == slim(results(client, from_jsonl))


def test_results_come_in_every_format(client: httpx.Client, from_jsonl: str) -> None:
    lines = results(client, from_jsonl)
    answer = client.get(f"{from_jsonl}/results", params={"format": "csv"})
    assert answer.headers["content-disposition"] == 'attachment; filename="results.csv"'
    assert answer.headers["batch-rows"] == "62"
    assert answer.headers["batch-state"] == "done"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["outcome"] for row in rows] == [line.get("outcome", "") for line in lines]
    content = client.get(f"{from_jsonl}/results", params={"format": "parquet"}).content
    assert pq.read_table(io.BytesIO(content))["id"].to_pylist() == [line.get("id") for line in lines]
    head = client.head(f"{from_jsonl}/results")
    assert (head.status_code, head.headers["batch-rows"]) == (200, "62")


def test_a_file_without_rows_is_done_at_once(client: httpx.Client) -> None:
    place = uploaded(client, b"")
    batch = ended(client, place)
    assert (batch["state"], batch["rows"], results(client, place)) == ("done", 0, [])


def test_a_worker_that_is_killed_gives_its_slice_to_another(client: httpx.Client, workers: Workers) -> None:
    count = 5 * SLICE + 1
    place = uploaded(client, jsonl(requests(count, name="Ö" * 100)))
    until(lambda: client.get(place).json()["decided"] > 0, "some of it is decided", patience=30)
    killed = workers.children()
    for child in killed:
        os.kill(child, signal.SIGKILL)
    assert client.get(place).json()["state"] == "running"

    assert ended(client, place)["decided"] == count

    lines = results(client, place)
    assert [line["request_id"] for line in lines] == [f"row-{n}" for n in range(count)]
    assert len({line["id"] for line in lines}) == count
    assert killed
    assert not set(killed) & set(workers.children())


def test_what_cannot_be_decided_is_refused_alone(client: httpx.Client, workers: Workers) -> None:
    rows = requests(4)
    rows[1]["entity"]["reference"] = "poison"
    rows[2]["entity"]["reference"] = "stumble"
    place = uploaded(client, jsonl(rows))

    batch = ended(client, place)

    assert (batch["state"], batch["decided"], batch["refused"]) == ("done", 2, 2)
    lines = results(client, place)
    assert [line["request_id"] for line in lines] == [row["request_id"] for row in rows]
    for line in lines[1:3]:
        assert line["error"] == {
            "detail": "the request could not be decided reliably, so it was not",
            "errors": [],
        }
    assert "a batch worker ended by SIGKILL" in workers.said()
    assert "2 rows of slice 0" in workers.said()


def test_a_batch_that_is_cancelled_goes_no_further(client: httpx.Client, batch_server: Server) -> None:
    place = uploaded(client, jsonl(requests(MANY)))
    until(lambda: client.get(place).json()["decided"] > 0, "some of it is decided", patience=30)

    answer = client.post(f"{place}/cancel")

    assert answer.status_code == 200
    batch = answer.json()
    assert batch["state"] == "cancelled"
    assert 0 < batch["decided"] < MANY
    assert client.post(f"{place}/cancel").json() == client.get(place).json()
    assert client.get(place).json()["decided"] == batch["decided"]
    read = client.get(f"{place}/results")
    assert len(read.content.splitlines()) == int(read.headers["batch-rows"]) <= batch["decided"]
    assert batch_server.settings.database_url is not None
    with psycopg.connect(batch_server.settings.database_url) as database:
        query = "SELECT count(*) FROM procrastinate_jobs WHERE args ->> 'batch' = %s AND status = 'todo'"
        assert database.execute(query, (batch["id"],)).fetchone() == (0,)
        query = "SELECT count(*) FROM batch_part WHERE batch = %s"
        assert database.execute(query, (batch["id"],)).fetchone() == (0,)


def test_others_batches_are_for_those_who_may_see_all(
    client: httpx.Client, batch_server: Server, from_jsonl: str
) -> None:
    with batch_server.client("other_portal") as other:
        for path in ("", "/results", "/refused"):
            assert other.get(from_jsonl + path).status_code == 404
        assert other.post(f"{from_jsonl}/cancel").status_code == 404
        assert other.get("/v1/batches").json() == {"batches": [], "next": None}
    with batch_server.client("auditor") as auditor:
        assert results(auditor, from_jsonl) == results(client, from_jsonl)
        looked = auditor.get("/v1/audit/export", params={"kind": "access"}).text
    assert from_jsonl.rsplit("/", 1)[1] in looked


def test_batches_are_listed_newest_first(client: httpx.Client, from_jsonl: str) -> None:
    listed = client.get("/v1/batches", params={"limit": 200}).json()
    ids = [batch["id"] for batch in listed["batches"]]
    assert listed["next"] is None
    assert ids == sorted(ids, reverse=True)
    assert from_jsonl.rsplit("/", 1)[1] in ids
    first = client.get("/v1/batches", params={"limit": 1}).json()
    rest = client.get("/v1/batches", params={"limit": 200, "cursor": first["next"]}).json()
    assert [batch["id"] for batch in first["batches"] + rest["batches"]] == ids


def test_a_batch_goes_on_under_the_ruleset_it_began_with(client: httpx.Client, from_jsonl: str) -> None:
    batch = client.get(from_jsonl).json()
    line = results(client, from_jsonl, "?full=true")[0]
    assert line["decision"]["ruleset"] == batch["ruleset"]
    assert line["decision"]["decided_at"] == batch["started_at"]
    assert client.post("/v1/what-if", json=permitted()).json()["ruleset"] == batch["ruleset"]
