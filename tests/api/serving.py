"""Real server processes for tests, and the keys to use them with."""

import asyncio
import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import httpx

from eligibility.settings import Settings
from eligibility.storage.database import Database
from eligibility.storage.keys import Keys, Kind, Role
from eligibility.storage.log import AuditLog
from eligibility.storage.secret_files import service_secret
from eligibility.storage.signing_keys import signer
from tests.cli.running import NO_CERTIFICATES

ROOT = Path(__file__).parent.parent.parent
ADMIN_KEY = "the admin key of these tests"
PATIENCE = 30.0

Who = Literal["portal", "other_portal", "reviewer", "approver", "auditor", "monitor", "admin", "nobody"]

_PRINCIPALS: Mapping[Who, tuple[Kind, Role]] = {
    "portal": ("system", "portal"),
    "other_portal": ("system", "portal"),
    "reviewer": ("person", "reviewer"),
    "approver": ("person", "approver"),
    "auditor": ("person", "auditor"),
    "monitor": ("system", "monitor"),
    "admin": ("person", "admin"),
}


@dataclass(frozen=True)
class Process:
    """A process that another started for us: `alive` is closed at its other end when it ends."""

    pid: int
    alive: socket.socket

    def has_ended(self, patience: float = 0) -> bool:
        """Whether it ends within so many seconds."""
        return bool(select.select([self.alive], [], [], patience)[0])

    def send_signal(self, number: signal.Signals) -> None:
        if not self.has_ended():
            os.kill(self.pid, number)


@cache
def _forks() -> socket.socket:
    """The process that forks servers, by what it is asked through."""
    ours, theirs = socket.socketpair()
    program = [sys.executable, str(ROOT / "tests" / "api" / "serve_one.py"), str(theirs.fileno())]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(program, cwd=ROOT, env=env, pass_fds=[theirs.fileno()])
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait(PATIENCE)

    atexit.register(end)
    return ours


def _start(listening: socket.socket, log: int, env: Mapping[str, str]) -> Process:
    """Start a server that logs there."""
    alive, its_end = socket.socketpair()
    with its_end:
        words = json.dumps({**os.environ, "PYTHONPATH": str(ROOT), **env}).encode()
        socket.send_fds(_forks(), [words], [listening.fileno(), log, its_end.fileno()])
    return Process(int(_forks().recv(100)), alive)


@dataclass
class Server:
    """A server process, and a key for each kind of caller."""

    url: str
    process: Process
    settings: Settings
    log_file: Path
    keys: dict[Who, str] = field(default_factory=dict)

    def headers(self, who: Who) -> dict[str, str]:
        return {} if who == "nobody" else {"authorization": f"Bearer {self.keys[who]}"}

    def client(self, who: Who = "portal", *, timeout: float = 30) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, headers=self.headers(who), timeout=timeout, verify=NO_CERTIFICATES
        )

    def async_client(self, who: Who = "portal") -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.url, headers=self.headers(who), timeout=30, verify=NO_CERTIFICATES
        )

    def logged(self) -> str:
        return self.log_file.read_text(encoding="utf-8")


def environment(database_url: str, data_dir: Path) -> dict[str, str]:
    return {
        "ELIGIBILITY_DATABASE_URL": database_url,
        "ELIGIBILITY_DATA_DIR": str(data_dir),
        "ELIGIBILITY_ADMIN_KEY": ADMIN_KEY,
    }


@contextmanager
def serving(
    database_url: str, data_dir: Path, keys: dict[Who, str] | None = None, **changes: str
) -> Iterator[Server]:
    """A server process that answers; its keys are made unless those of another server are given.

    `changes` are settings of its own.
    """
    given = environment(database_url, data_dir) | changes
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    data_dir.mkdir(exist_ok=True)
    log_file = data_dir / f"server-{time.monotonic_ns()}.log"
    with listening, log_file.open("wb") as log:
        process = _start(listening, log.fileno(), given)
    server = Server(url, process, Settings.from_environment(given), log_file)
    try:
        _wait_until_alive(server)
        server.keys = keys or asyncio.run(_make_keys(server.settings))
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        has_ended = process.has_ended(PATIENCE)
        if not has_ended:
            process.send_signal(signal.SIGKILL)
        process.alive.close()
        assert has_ended, f"the server did not stop:\n{server.logged()}"


def _wait_until_alive(server: Server) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert not server.process.has_ended(), f"the server ended:\n{server.logged()}"
        try:
            if httpx.get(f"{server.url}/health/live", timeout=1, verify=NO_CERTIFICATES).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise AssertionError(f"the server did not come up:\n{server.logged()}")


async def _make_keys(settings: Settings) -> dict[Who, str]:
    assert settings.database_url is not None
    secret, signing = service_secret(settings), signer(settings)
    database = Database.open(settings.database_url)
    keys = Keys(database, secret)
    made: dict[Who, str] = {}
    async with AuditLog(database, secret, signing) as log:
        for who, (kind, role) in _PRINCIPALS.items():
            _, made[who] = await keys.create(log, name=f"test-{who}", kind=kind, role=role)
    await database.close()
    return made
