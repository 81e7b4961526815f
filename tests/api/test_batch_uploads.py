"""Uploads that are refused: wrong types, wrong columns, too much; and that nothing of them stays."""

import gzip
import socket
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from eligibility.storage.embedded import EmbeddedPostgres
from tests.api.backlogs import JSONL, as_parquet, jsonl, requests, uploaded
from tests.api.problems import problem
from tests.api.serving import Server, serving
from tests.conftest import fresh_database

CSV = {"content-type": "text/csv"}


@pytest.fixture(scope="module")
def small_server(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes little, and where nobody decides what it takes."""
    limits = {
        "ELIGIBILITY_BATCHES_PER_KEY": "2",
        "ELIGIBILITY_BATCH_LINES": "50",
        "ELIGIBILITY_BATCH_BYTES": "40000",
    }
    with (
        fresh_database(postgres) as database,
        serving(database.service_url, tmp_path_factory.mktemp("uploads"), None, **limits) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def client(small_server: Server) -> Iterator[httpx.Client]:
    with small_server.client("reviewer") as client:
        yield client


@pytest.mark.parametrize(
    "content, headers, status, words",
    [
        pytest.param(b"{}", {"content-type": "application/json"}, 415, "`application/jsonl`", id="json"),
        pytest.param(b"{}", {}, 415, "`?format=`", id="no type"),
        pytest.param(b"", {**CSV, "content-type": "text/csv; charset=latin1"}, 415, "UTF-8", id="latin-1"),
        pytest.param(b"", {**JSONL, "content-encoding": "br"}, 415, "`gzip` or `zstd`", id="brotli"),
        pytest.param(b"x", {**JSONL, "content-encoding": "gzip"}, 422, "gzip", id="no gzip"),
        pytest.param(
            gzip.compress(jsonl(requests(20)))[:-40],
            {**JSONL, "content-encoding": "gzip"},
            422,
            "cut off",
            id="cut gzip",
        ),
        pytest.param(b"PAR1", {"content-type": "application/vnd.apache.parquet"}, 422, "", id="cut parquet"),
        pytest.param(b"model.generation,entity.kinds\n", CSV, 422, "`entity.kind`", id="a near name"),
        pytest.param(
            as_parquet([{"model": {"generaton": "llama-4"}, "entity": {"kind": "individual"}}]),
            {"content-type": "application/vnd.apache.parquet"},
            422,
            "generation",
            id="a near name in parquet",
        ),
        pytest.param(jsonl(requests(51)), JSONL, 413, "more than 50 lines", id="lines"),
        pytest.param(b"{" + b" " * 40000 + b"}\n", JSONL, 413, "too large", id="bytes"),
        pytest.param(
            gzip.compress(b"{" + b" " * 330_000 + b"}\n"),
            {**JSONL, "content-encoding": "gzip"},
            413,
            "unpacked",
            id="bytes unpacked",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_and_leaves_nothing(
    client: httpx.Client,
    small_server: Server,
    content: bytes,
    headers: dict[str, str],
    status: int,
    words: str,
) -> None:
    answer = client.post("/v1/batches", content=content, headers=headers)
    told = problem(answer, status)
    assert words in str(told)
    if status == 422:
        assert told["errors"]
    assert client.get("/v1/batches").json() == {"batches": [], "next": None}
    assert small_server.settings.database_url is not None
    with psycopg.connect(small_server.settings.database_url) as database:
        assert database.execute("SELECT count(*) FROM batch_part").fetchone() == (0,)
        assert database.execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (0,)


def test_what_is_announced_to_be_too_large_is_not_even_read(small_server: Server) -> None:
    host, port = small_server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        key = small_server.headers("reviewer")["authorization"]
        connection.sendall(
            f"POST /v1/batches HTTP/1.1\r\nhost: {host}\r\nauthorization: {key}\r\n"
            "content-type: application/jsonl\r\ncontent-length: 40001\r\n\r\n".encode()
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_only_so_many_batches_of_one_caller_are_under_way(small_server: Server) -> None:
    with small_server.client("portal") as client, small_server.client("other_portal") as other:
        places = [uploaded(client, jsonl(requests(3))) for _ in range(2)]

        answer = client.post("/v1/batches", content=jsonl(requests(3)), headers=JSONL)

        assert "2 of your batches are under way" in problem(answer, 429)["detail"]
        assert int(answer.headers["retry-after"]) > 0
        uploaded(other, jsonl(requests(3)))
        assert client.post(f"{places[0]}/cancel").json()["state"] == "cancelled"
        uploaded(client, jsonl(requests(3)))


def test_the_format_may_be_said_in_the_address(client: httpx.Client) -> None:
    answer = client.post(
        "/v1/batches?format=csv", content=b"model.generation,entity.kind\nllama-4,individual\n"
    )
    assert answer.status_code == 202
    assert answer.json()["format"] == "csv"
    problem(client.post("/v1/batches?format=xml", content=b""), 422)
