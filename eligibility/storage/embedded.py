"""The embedded PostgreSQL: started as a child, stopped with its parent, shared by whoever comes second.

Everything lives in the folder `postgres` of the data directory:

    lock            held while a server runs, by it and by the process that started it, whose number is in it
    state.json      who holds the lock and at which port, there once the server accepts connections
    port            the port of the last start, taken again where it is free
    passwords.json  of the superuser and of the two roles, for this account only
    data/           the cluster, owned by the account that the server runs as
    server.log      what the server says

The lock is the truth: it goes when its holders go, however they end, so that a stale file deceives nobody.
A child made by `fork` without `exec` would hold it too; start workers by `spawn`.
"""

import ctypes
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from eligibility.errors import StorageUnavailable
from eligibility.storage import embedded_install
from eligibility.storage.embedded_orphans import (
    adopt_orphans,
    end_orphans,
    forget_dead,
    hurry_abandoned,
    runs,
    write_owner,
)
from eligibility.storage.roles import create_roles_sql, role_names
from eligibility.storage.secret_files import read_or_create, write_private

DATABASE = "eligibility"
_HOST = "127.0.0.1"
_PAUSE = 0.005
_PR_SET_PDEATHSIG = 1
_LARGEST_LOG = 4 * 1024 * 1024
_PARAMETERS = {
    "listen_addresses": _HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
}
_SUPERVISED = {**_PARAMETERS, "restart_after_crash": "off"}
"""Where somebody starts another, a server that lost a process ends: by itself, PostgreSQL 18 tries again and
again where its disk is full, and may then wait for ever for one of its processes."""


@dataclass
class EmbeddedPostgres:
    """A running server, ours (`is_ours`: this process started it) or joined.

    As a context manager it stops the server at the end, if it is ours.
    """

    data_dir: Path
    port: int
    passwords: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    lock: int | None = None

    @property
    def is_ours(self) -> bool:
        """Whether this process started the server, and so stops it."""
        return self.lock is not None

    @property
    def owner_url(self) -> str:
        """The owner's login, for migrations."""
        return self.url(role_names(DATABASE)[0], DATABASE)

    @property
    def service_url(self) -> str:
        """The service's login."""
        return self.url(role_names(DATABASE)[1], DATABASE)

    def url(self, role: str, database: str) -> str:
        """The login of `role` to `database`. The password goes to no server that asks for it in the clear."""
        password = self.passwords[role]
        return f"postgresql://{role}:{password}@{_HOST}:{self.port}/{database}?require_auth=scram-sha-256"

    def alive(self) -> bool:
        """Whether the server runs and accepts connections."""
        if self.process is not None and self.process.poll() is not None:
            return False
        return _accepts(self.port)

    def restart(self, *, unless: Callable[[], bool] = lambda: False) -> None:
        """Start again a server that has died, at the same port if it is free, or join whoever did so first.

        Call it from the main thread. Recovery may take long; it is given up where `unless` says so. Raises
        StorageUnavailable.
        """
        if self.alive():
            return
        self.stop()
        again = start_or_join(self.data_dir, unless=unless, is_supervised=True)
        self.port, self.process, self.lock = again.port, again.process, again.lock

    def stop(self) -> None:
        """Stop the server if it is ours, politely first, and let go of the lock."""
        process, lock = self.process, self.lock
        self.process = self.lock = None
        if process is not None:
            for number, patience in ((signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
                if process.poll() is None:
                    process.send_signal(number)
                    try:
                        process.wait(patience)
                    except subprocess.TimeoutExpired:
                        continue
            end_orphans(self.data_dir / "postgres" / "data")
        if lock is not None:
            os.close(lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_or_join(
    data_dir: Path,
    *,
    patience: float = 30.0,
    unless: Callable[[], bool] = lambda: False,
    is_supervised: bool = False,
) -> EmbeddedPostgres:
    """Start the embedded server of `data_dir`, or join the one that runs there.

    `patience` is how long to wait, in seconds, for another process that holds the data directory without
    answering; all waiting is given up where `unless` says so. `is_supervised`: whoever asks will `restart` it
    where it ends; else it goes on by itself where it loses a process. Starting, unlike joining, must be done
    from the main thread: the server ends with the thread that started it. Raises StorageUnavailable.
    """
    home = data_dir / "postgres"
    try:
        home.mkdir(mode=0o755 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        begun = time.monotonic()
        while time.monotonic() < begun + patience and not unless():
            lock = _try_lock(home / "lock")
            if lock is not None:
                return _start(data_dir, home, lock, unless, is_supervised=is_supervised)
            joined = _try_join(data_dir, home)
            if joined is not None:
                return joined
            hurry_abandoned(home, time.monotonic() - begun)
            time.sleep(0.02)
    except PermissionError as error:
        message = (
            f"cannot use `{error.filename}`: {error.strerror}; it belongs to another account, "
            "set `ELIGIBILITY_DATA_DIR` to a folder of your own"
        )
        raise StorageUnavailable(message) from error
    except OSError as error:
        message = f"the embedded PostgreSQL in `{data_dir}` could not be started: {error.strerror}"
        raise StorageUnavailable(message) from error
    holder = (_read_state(home) or {}).get("owner", "unknown")
    message = (
        f"the data directory `{data_dir}` is held by process {holder}, whose PostgreSQL does not answer: "
        "stop that process, or set `ELIGIBILITY_DATA_DIR` to another folder"
    )
    raise StorageUnavailable(message)


def _try_lock(path: Path) -> int | None:
    """Take the lock, None where another holds it. The descriptor is the lock."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    write_owner(handle)
    return handle


def _read_state(home: Path) -> dict[str, int] | None:
    try:
        state: dict[str, int] = json.loads((home / "state.json").read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    return state


def _try_join(data_dir: Path, home: Path) -> EmbeddedPostgres | None:
    """The server of whoever holds the lock, None while it lets nobody in or is about to end."""
    state = _read_state(home)
    if state is None or not runs(state["owner"]):  # without its owner the server is shutting down
        return None
    server = EmbeddedPostgres(data_dir, state["port"], _passwords(home))
    try:
        psycopg.connect(server.service_url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return None
    return server


def _start(
    data_dir: Path, home: Path, lock: int, unless: Callable[[], bool], *, is_supervised: bool
) -> EmbeddedPostgres:
    """Start the server under the lock, which is let go if that fails."""
    server = EmbeddedPostgres(data_dir, 0, {}, lock=lock)
    try:
        (home / "state.json").unlink(missing_ok=True)  # a former holder's: until ours answers there is none
        _require_main_thread()
        adopt_orphans()
        end_orphans(home / "data")
        forget_dead(home / "data")
        server.passwords = _passwords(home)
        account = embedded_install.choose_account(home / "data")
        embedded_install.require_reachable(home, account)
        programs = embedded_install.binaries(home, account)
        if not (home / "data").exists():
            embedded_install.initialise(programs, home / "data", account, server.passwords["postgres"])
        embedded_install.require_same_version(home / "data")
        _run(server, home, programs, account, unless, _SUPERVISED if is_supervised else _PARAMETERS)
        _ensure_roles(server)
        write_private(home / "port", str(server.port))
        write_private(home / "state.json", json.dumps({"owner": os.getpid(), "port": server.port}))
    except BaseException:
        server.stop()
        raise
    return server


def _require_main_thread() -> None:
    if threading.current_thread() is not threading.main_thread():
        message = "the embedded PostgreSQL must be started from the main thread: it ends with the thread"
        raise StorageUnavailable(message)


def _run(
    server: EmbeddedPostgres,
    home: Path,
    programs: Path,
    account: embedded_install.Account,
    unless: Callable[[], bool],
    parameters: Mapping[str, str],
) -> None:
    """Run `postgres` until it is ready, at another port if its own is taken meanwhile."""
    log = home / "server.log"
    if log.exists() and log.stat().st_size > _LARGEST_LOG:
        log.replace(home / "server.log.1")
    said = ""
    for port in (_last_port(home), 0, 0):
        server.port = port or _free_port()
        begins_at = log.stat().st_size if log.exists() else 0
        with open(log, "ab", opener=_private) as output:  # Path.open takes no opener
            server.process = subprocess.Popen(
                [
                    programs / "postgres",
                    "-D",
                    home / "data",
                    f"--port={server.port}",
                    *(f"--{name}={value}" for name, value in parameters.items()),
                ],
                env=embedded_install.ENVIRONMENT,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in our terminal is for us; the server is stopped after us
                preexec_fn=_end_with_parent(),  # noqa: PLW1509  # started before there are other threads
                pass_fds=() if server.lock is None else (server.lock,),
                **account.run_as(),  # type: ignore[call-overload]  # a mapping of its own arguments
            )
        if _wait_until_ready(server.process, home / "data" / "postmaster.pid", unless):
            return
        said = log.read_bytes()[begins_at:].decode(errors="replace")
        if "Address already in use" not in said:
            break
    server.stop()
    message = f"the embedded PostgreSQL did not start, as `{log}` says: {said.strip()[-1000:]}"
    raise StorageUnavailable(message)


def _private(path: str, flags: int) -> int:
    """Open a file for this account only: what the server complains of may quote private data."""
    return os.open(path, flags, 0o600)


def _end_with_parent() -> Callable[[], None] | None:
    """What the child does before it becomes `postgres`: ask for a signal at the death of its parent.

    It runs after the change of account, which would clear the request. SIGINT is PostgreSQL's fast shutdown.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up before the fork
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask


def _wait_until_ready(process: subprocess.Popen[bytes], pid_file: Path, unless: Callable[[], bool]) -> bool:
    """Wait for the word `ready` of this very process in its file; False where it ends instead.

    There is no other limit: after a crash much may have to be recovered, and to stop it would only be to
    begin again.
    """
    while process.poll() is None and not unless():
        try:
            lines = pid_file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            lines = []
        if lines and lines[0] == str(process.pid) and lines[-1].strip() == "ready":
            return True
        time.sleep(_PAUSE)
    return False


def _passwords(home: Path) -> dict[str, str]:
    """The passwords of the superuser and both roles, made at the first start."""

    def make() -> str:
        return json.dumps({role: secrets.token_urlsafe(24) for role in ("postgres", *role_names(DATABASE))})

    passwords: dict[str, str] = json.loads(read_or_create(home / "passwords.json", make))
    return passwords


def _ensure_roles(server: EmbeddedPostgres) -> None:
    """Make what of the roles and their database is not there yet: all of it at the first start."""
    owner, service = role_names(DATABASE)
    statements = create_roles_sql(
        DATABASE, owner_password=server.passwords[owner], service_password=server.passwords[service]
    )
    try:
        with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
            there = connection.execute(
                "SELECT rolname FROM pg_roles UNION ALL SELECT datname || '.' FROM pg_database"
            ).fetchall()
            names = {row[0] for row in there}
            makes = (owner, service, f"{DATABASE}.")
            for statement, name in zip(statements, (*makes, None, None), strict=True):
                if name not in names:
                    connection.execute(statement.encode())
    except psycopg.Error as error:
        message = f"the embedded PostgreSQL in `{server.data_dir}` does not let us in: {error}"
        raise StorageUnavailable(message) from error


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((_HOST, port), timeout=2).close()
    except OSError:
        return False
    return True


def _last_port(home: Path) -> int:
    """The port of the last start if it is free, else 0."""
    try:
        port = int((home / "port").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return 0
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((_HOST, port))
        except OSError:
            return 0
    return port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
    return port
