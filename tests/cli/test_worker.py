"""The processes that decide backlogs: started by the service or beside it, replaced, and told to stop."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from eligibility.commands.opening import service_login
from eligibility.settings import Settings
from tests.api.backlogs import ended, jsonl, requests, results, uploaded, working
from tests.cli.running import ROOT, Service, command, environment, running, until

SLICE = 4095
WORN = Path(__file__).parent / "worn"


@pytest.fixture(scope="module")
def without(reachable_dir: Path) -> Iterator[Service]:
    """A service that decides no backlogs by itself."""
    with running(reachable_dir / "data-without", ELIGIBILITY_BATCH_WORKERS="0") as service:
        yield service


@pytest.fixture
def client(without: Service) -> Iterator[httpx.Client]:
    with without.client() as client:
        yield client


def settings(service: Service) -> Settings:
    return Settings.from_environment({"ELIGIBILITY_DATA_DIR": str(service.data_dir)})


def test_the_service_decides_backlogs_by_itself(service: Service) -> None:
    with service.client() as client:
        worker = until(lambda: service.child("eligibility.batch_worker"), "a batch worker")
        assert worker is not None
        assert ended(client, uploaded(client, jsonl(requests(9))))["decided"] == 9

        os.kill(worker, signal.SIGKILL)

        assert ended(client, uploaded(client, jsonl(requests(9))))["decided"] == 9
        assert service.child("eligibility.batch_worker") not in {None, worker}
        assert "a batch worker ended by SIGKILL: starting another" in service.said()
        assert client.get("/health/ready").status_code == 200


def test_a_backlog_goes_on_once_the_database_is_back(service: Service) -> None:
    with service.client() as client:
        place = uploaded(client, jsonl(requests(4 * SLICE)))
        until(lambda: client.get(place).json()["decided"] > 0, "some of it is decided")
        server = service.postgres()
        assert server is not None

        os.kill(server, signal.SIGKILL)

        until(lambda: client.get(place).status_code == 200, "the database is back")
        assert ended(client, place)["decided"] == 4 * SLICE
        assert [line["line"] for line in results(client, place)] == list(range(1, 4 * SLICE + 1))


def test_where_nobody_decides_a_backlog_waits_for_a_worker(
    without: Service, client: httpx.Client, tmp_path: Path
) -> None:
    place = uploaded(client, jsonl(requests(9)))
    assert without.child("eligibility.batch_worker") is None
    assert (client.get(place).json()["state"], results(client, place)) == ("running", [])

    with working(settings(without), tmp_path, path=[WORN]) as workers:
        [first] = until(workers.children, "a batch worker")
        assert ended(client, place)["decided"] == 9

        until(lambda: set(workers.children()) - {first}, "one that is worn makes room for another")

        workers.process.terminate()
        assert workers.process.wait(60) == 0
        assert workers.said().endswith("stopped\n")
        assert "ended" not in workers.said()


def test_a_worker_that_is_told_to_stop_lets_its_slices_end(
    without: Service, client: httpx.Client, tmp_path: Path
) -> None:
    place = uploaded(client, jsonl(requests(4 * SLICE)))
    with working(settings(without), tmp_path) as workers:
        until(lambda: client.get(place).json()["decided"] > 0, "some of it is decided")
        workers.process.terminate()
        assert workers.process.wait(60) == 0
        assert "Traceback" not in workers.said()
    batch = client.get(place).json()
    with service_login(settings(without)) as login, psycopg.connect(login) as database:
        query = "SELECT status::text, attempts, count(*) FROM procrastinate_jobs GROUP BY 1, 2"
        waiting = (4 * SLICE - batch["decided"]) // SLICE
        assert database.execute(query).fetchall() == ([("todo", 0, waiting)] if waiting else [])
        assert database.execute("SELECT count(*) FROM procrastinate_workers").fetchone() == (0,)

    with working(settings(without), tmp_path):
        assert ended(client, place)["decided"] == 4 * SLICE


def test_a_worker_that_cannot_run_says_why(data_dir: Path) -> None:
    nowhere = environment(data_dir, ELIGIBILITY_DATABASE_URL="postgresql://a:b@127.0.0.1:1/c")
    done = command("worker", env=nowhere)
    assert done.returncode == 3
    assert "the database does not answer" in done.stderr

    by_hand = [sys.executable, "-m", "eligibility.batch_worker"]
    done = subprocess.run(
        by_hand, cwd=ROOT, env=environment(data_dir), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "a worker belongs to a service: run `eligibility worker`\n"
