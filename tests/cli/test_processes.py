"""What the service survives, and what is left of it: every signal here is a real one."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

import httpx
import pytest

from tests.cli.running import (
    PATIENCE,
    REQUEST,
    ROOT,
    Service,
    descendants,
    environment,
    free_port,
    lasting,
    processes,
    running,
    started,
    until,
)

FULL = Path("/dev/full")


def gone(pids: set[int]) -> bool:
    return not pids & {process.pid for process in processes()}


def test_a_worker_that_is_killed_is_started_again_and_answers(service: Service) -> None:
    with service.client() as client:
        first = service.worker()
        assert first is not None
        subprocess.run(["/bin/sh", "-c", f"kill -9 {first}"], check=True)

        until(lambda: service.worker() not in {None, first}, "another worker")

        assert client.post("/v1/decisions", json=REQUEST).status_code == 201
        assert "a worker ended by SIGKILL: starting another" in service.said()


def test_a_worker_that_dies_again_and_again_ends_the_service(used_dir: Path) -> None:
    with running(used_dir) as service:

        def killed_them_all() -> bool:
            worker = service.worker()
            if worker is not None:
                subprocess.run(["/bin/sh", "-c", f"kill -9 {worker} 2>&1 || true"], check=True)
            return service.process.poll() is not None

        until(killed_them_all, "the service gives up")

        assert service.process.returncode == 3
        assert "error: a worker ended 5 times in a row soon after its start" in service.said()


@pytest.mark.skipif(not FULL.exists(), reason="only some systems have a file that is always full")
def test_an_output_that_cannot_be_written_does_not_end_it(used_dir: Path) -> None:
    port = free_port()
    env = environment(used_dir, ELIGIBILITY_PORT=str(port))
    with lasting("serve", env, FULL) as process:
        service = Service(process, port, env, FULL)

        def decides() -> bool:
            assert process.poll() is None
            try:
                with service.client() as client:
                    return client.post("/v1/decisions", json=REQUEST).status_code == 201
            except (OSError, httpx.TransportError):
                return False

        until(decides, "it decides")
        database = service.postgres()
        assert database is not None
        os.kill(database, signal.SIGKILL)
        until(lambda: service.postgres() not in {None, database}, "its database is started again")
        until(decides, "it decides again")


class Caller:
    """Asks for decisions without a pause, each under a key of its own, and keeps what it was answered."""

    def __init__(self, service: Service) -> None:
        self.acknowledged: list[str] = []
        self.statuses: list[int] = []
        self._service = service
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        with self._service.client() as client:
            while not self._stop.is_set():
                key = {"idempotency-key": f"try-{len(self.statuses)}"}
                try:
                    answer = client.post("/v1/decisions", json=REQUEST, headers=key)
                except httpx.TransportError:
                    self.statuses.append(0)
                    continue
                self.statuses.append(answer.status_code)
                if answer.status_code == 201:
                    self.acknowledged.append(answer.json()["id"])


def test_a_database_that_is_killed_comes_back_and_has_lost_nothing_acknowledged(service: Service) -> None:
    with Caller(service) as caller:
        until(lambda: len(caller.acknowledged) > 20, "some decisions")
        server = service.postgres()
        subprocess.run(["/bin/sh", "-c", f"kill -9 {server}"], check=True)
        until(lambda: 503 in caller.statuses, "a refusal while it is down")
        before = len(caller.acknowledged)
        until(lambda: len(caller.acknowledged) > before + 20, "decisions once it is back")

    assert set(caller.statuses) == {201, 503}
    assert service.postgres() not in {None, server}
    assert "the embedded PostgreSQL is back" in service.said()
    with service.client() as client:
        for identifier in caller.acknowledged:
            assert client.get(f"/v1/decisions/{identifier}").status_code == 200


def test_a_database_that_is_killed_again_at_once_comes_back_again(service: Service) -> None:
    before = service.said().count("PostgreSQL is back")
    with service.client() as client:
        for n in range(before + 1, before + 4):
            subprocess.run(["/bin/sh", "-c", f"kill -9 {service.postgres()}"], check=True)
            until(lambda: service.said().count("PostgreSQL is back") >= n, "it is back")  # noqa: B023 - at once
        until(lambda: client.post("/v1/decisions", json=REQUEST).status_code == 201, "a decision")


def test_killing_the_service_leaves_nothing_running(used_dir: Path) -> None:
    with running(used_dir, ELIGIBILITY_WORKERS="2") as service:
        family = {process.pid for process in descendants(service.process.pid)}
        assert len(family) > 4
        assert service.end(signal.SIGKILL) == -signal.SIGKILL

        until(lambda: gone(family), "all its processes are gone", patience=15)


def test_after_a_kill_the_service_starts_again_with_its_log(used_dir: Path) -> None:
    with running(used_dir) as service:
        with service.client() as client:
            made = client.post("/v1/decisions", json=REQUEST).json()["id"]
        service.end(signal.SIGKILL)
    with running(used_dir) as service, service.client() as client:
        assert client.get(f"/v1/decisions/{made}").json()["id"] == made
        assert "setting up" not in service.said()


def test_it_waits_for_one_who_holds_its_port_and_does_not_answer(used_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # as a worker whose supervisor was killed
        port = silent.getsockname()[1]
        with started(used_dir, ELIGIBILITY_PORT=str(port)) as service:
            until(lambda: "waiting for its end" in service.said(), "it waits")
            silent.close()
            until(lambda: "Stop with Ctrl-C" in service.said(), "it is ready")
            with service.client() as client:
                assert client.post("/v1/decisions", json=REQUEST).status_code == 201


def test_sigterm_ends_it_with_code_0_and_leaves_nothing_running(data_dir: Path) -> None:
    with running(data_dir) as service:
        family = {process.pid for process in descendants(service.process.pid)}

        assert service.end(signal.SIGTERM) == 0

        assert gone(family)
        assert service.said().endswith("stopped\n")
        assert "Traceback" not in service.said()


def test_ctrl_c_ends_it_likewise(used_dir: Path) -> None:
    with running(used_dir) as service:
        assert service.end(signal.SIGINT) == 0
        assert "Traceback" not in service.said()


def test_ctrl_c_while_it_starts_ends_it_too(data_dir: Path) -> None:
    with started(data_dir) as service:
        until(lambda: "setting up" in service.said(), "it has begun")
        assert service.end(signal.SIGINT) == 0
        assert "Traceback" not in service.said()


def test_what_is_in_flight_is_answered_before_it_ends(used_dir: Path) -> None:
    with running(used_dir) as service:
        with Caller(service) as caller:
            until(lambda: len(caller.acknowledged) > 20, "some decisions")
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(PATIENCE) == 0
            until(lambda: 0 in caller.statuses, "it does not listen any more")
        answered = [status for status in caller.statuses if status]
        assert set(answered) == {201}
    with running(used_dir) as service, service.client() as client:
        for identifier in caller.acknowledged:
            assert client.get(f"/v1/decisions/{identifier}").status_code == 200


def test_a_worker_is_not_to_be_started_by_hand(data_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eligibility.worker"],
        cwd=ROOT,
        env=environment(data_dir),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == "a worker belongs to a service: run `eligibility serve`\n"
