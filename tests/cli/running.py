"""The service as people start it, in real processes, and commands beside it."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
from click.testing import CliRunner

from eligibility.cli import main

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of services without TLS: by default each reads all the certificates there are, for 20 ms."""

REQUEST: dict[str, Any] = {
    "model": {"generation": "llama-4"},
    "entity": {"kind": "individual", "domicile": "US", "reference": "crm-12"},
    "use": {"activities": ["use"], "purposes": ["general"], "critical_infrastructure": {"role": "none"}},
}

Found = TypeVar("Found")


def until(look: Callable[[], Found], what: str, *, patience: float = PATIENCE) -> Found:
    """Look again and again until there is something; what it is."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {patience:g} seconds")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def environment(data_dir: Path, **changes: str) -> dict[str, str]:
    """The environment of commands: nothing of the settings of whoever runs the tests."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ELIGIBILITY_")}
    return clean | {"ELIGIBILITY_DATA_DIR": str(data_dir)} | changes


def command(
    *arguments: str, env: Mapping[str, str], text: str = "", patience: float = PATIENCE
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "eligibility", *arguments],
        cwd=ROOT,
        env=env,
        input=text,
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )


def in_process(*arguments: str, env: Mapping[str, str], text: str = "") -> subprocess.CompletedProcess[str]:
    """The same within this process, which saves starting Python and importing everything."""
    changes = {**dict.fromkeys(name for name in os.environ if name not in env), **env}
    done = CliRunner(env=changes).invoke(main, arguments, input=text)
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


@dataclass(frozen=True)
class Process:
    """A process, as the system knows it."""

    pid: int
    parent: int
    state: str
    words: str


def processes() -> list[Process]:
    """Every process that has not ended; one that nobody has buried yet has ended."""
    if Path("/proc/self/stat").exists():
        found = [process for entry in Path("/proc").glob("[0-9]*") for process in _from_proc(entry)]
    else:
        listing = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,state=,args="],  # noqa: S607 - wherever it is
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        rows = [line.split(None, 3) for line in listing.splitlines()]
        found = [Process(int(row[0]), int(row[1]), row[2][0], row[-1]) for row in rows]
    return [process for process in found if process.state not in {"Z", "X"}]


def _from_proc(entry: Path) -> Iterator[Process]:
    try:
        state, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
        words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return  # it ended meanwhile
    yield Process(int(entry.name), int(parent), state, words)


def descendants(pid: int) -> list[Process]:
    every = processes()
    found = [process for process in every if process.parent == pid]
    return found + [later for process in found for later in descendants(process.pid)]


@dataclass
class Service:
    """A service that runs, with its output so far."""

    process: subprocess.Popen[bytes]
    port: int
    env: dict[str, str]
    output: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data_dir(self) -> Path:
        return Path(self.env["ELIGIBILITY_DATA_DIR"])

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def admin_key(self) -> str:
        return (self.data_dir / "admin-key").read_text(encoding="utf-8").strip()

    def client(self, key: str | None = None, *, timeout: float = 20) -> httpx.Client:
        headers = {"authorization": f"Bearer {key or self.admin_key()}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=timeout, verify=NO_CERTIFICATES)

    def child(self, words: str) -> int | None:
        """The process that the service itself started under such a command."""
        mine = [process for process in processes() if process.parent == self.process.pid]
        return next((process.pid for process in mine if words in process.words), None)

    def worker(self) -> int | None:
        return self.child("eligibility.worker")

    def postgres(self) -> int | None:
        return self.child("bin/postgres")

    def command(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command beside the service. It belongs to no process of its own."""
        return in_process(*arguments, env=self.env, text=text)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def started(data_dir: Path, said_in: Path | None = None, /, **changes: str) -> Iterator[Service]:
    """A service that was started, ready or not; ended at the end. It speaks into a file in that folder."""
    data_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
    port = free_port()
    env = environment(data_dir, ELIGIBILITY_PORT=str(port), PYTHONUNBUFFERED="1") | changes
    output = (said_in or data_dir) / f"output-{port}.txt"
    with lasting("serve", env, output) as process:
        yield Service(process, int(env["ELIGIBILITY_PORT"]), env, output)


@contextmanager
def lasting(name: str, env: Mapping[str, str], output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs until it is ended, as it is at the end; all that it says goes into a file."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "eligibility", name],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE)


@contextmanager
def running(data_dir: Path, said_in: Path | None = None, /, **changes: str) -> Iterator[Service]:
    """A service that has said that it is ready, into a file in that folder."""
    with started(data_dir, said_in, **changes) as service:

        def is_ready() -> bool:
            assert service.process.poll() is None, f"the service ended:\n{service.said()}"
            return "Stop with Ctrl-C" in service.said()

        until(is_ready, "the service is ready")
        yield service
