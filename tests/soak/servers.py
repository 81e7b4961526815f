"""PostgreSQL servers for tests that stop, fill and replace them: as the embedded one, with a free hand."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from eligibility.storage import embedded_install, migrate
from eligibility.storage.embedded import DATABASE, _end_with_parent
from eligibility.storage.roles import create_roles_sql, role_names
from tests.cli.running import PATIENCE, descendants, free_port, until

PASSWORD = "for-one-test"
OWNER, SERVICE = role_names(DATABASE)
_SMALL = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "max_connections": "60",
}


def url(role: str, *ports: int, database: str = DATABASE, **parameters: str) -> str:
    """The login of a role, to the first of several servers that can be used."""
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    words = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"postgresql://{role}:{PASSWORD}@{hosts}/{database}?{words}"


@dataclass
class Server:
    """One server, which runs or does not."""

    home: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.account = embedded_install.choose_account(self.home / "data")
        self.programs = embedded_install.binaries(self.home, self.account)

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def superuser_url(self) -> str:
        return url("postgres", self.port)

    def run(self, program: str, *arguments: str, folder: Path | None = None) -> None:
        """Run a program to its end as the server's account; it is one of the server's, or in a folder."""
        subprocess.run(
            [(folder or self.programs) / program, *arguments],
            env=embedded_install.ENVIRONMENT,
            cwd=self.home,
            check=True,
            capture_output=True,
            **self.account.run_as(),  # type: ignore[call-overload]  # a mapping of its own arguments
        )

    def start(self, **parameters: str) -> None:
        """Start it and wait until it lets people in."""
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    self.programs / "postgres",
                    *("-D", self.data, f"--port={self.port}"),
                    *(f"--{name}={value}" for name, value in (_SMALL | parameters).items()),
                ],
                env=embedded_install.ENVIRONMENT,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent(),  # noqa: PLW1509  # as the embedded one does
                **self.account.run_as(),  # type: ignore[call-overload]  # a mapping of its own arguments
            )
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(url("postgres", self.port, database="postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                assert self.process.poll() is None, (self.home / "server.log").read_text()[-2000:]
                assert time.monotonic() < deadline
                time.sleep(0.02)
            else:
                return

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to all of its processes, as befalls them where it befalls the machine."""
        assert self.process is not None
        for pid in (self.process.pid, *(child.pid for child in descendants(self.process.pid))):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT lets it write a checkpoint first, SIGQUIT and SIGKILL do not."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(PATIENCE)

    def sql(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements as superuser; the rows of the last."""
        rows: list[tuple[object, ...]] = []
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
                rows = cursor.fetchall() if cursor.description else []
        return rows


def empty_server(home: Path) -> Server:
    """A server that has not been started, with nothing in it but what PostgreSQL brings."""
    home.mkdir(mode=0o755)
    server = Server(home)
    embedded_install.initialise(server.programs, server.data, server.account, PASSWORD)
    return server


def migrated(server: Server) -> Server:
    """The same server, which runs, with the roles and the tables of the service."""
    statements = create_roles_sql(DATABASE, owner_password=PASSWORD, service_password=PASSWORD)
    with psycopg.connect(url("postgres", server.port, database="postgres"), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
    migrate.upgrade(url(OWNER, server.port))
    return server


def standby_of(primary: Server, home: Path, *, name: str) -> Server:
    """A replica, of that name, of a server that runs. It is in step."""
    home.mkdir(mode=0o755)
    standby = Server(home)
    copy_and_follow(standby, primary, name)
    return standby


def copy_and_follow(standby: Server, primary: Server, name: str) -> None:
    """Make a server a replica of another, whatever it was before, and start it."""
    shutil.rmtree(standby.data, ignore_errors=True)
    if standby.account.uid is not None:
        shutil.chown(standby.home, standby.account.uid)
    login = url("postgres", primary.port, database="postgres", application_name=name)
    standby.run("pg_basebackup", f"--pgdata={standby.data}", f"--dbname={login}", "-R", "--checkpoint=fast")
    standby.start()
    following = "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'"
    until(lambda: (name,) in primary.sql(following), "the replica follows")


@contextmanager
def stopped_after(*servers: Server) -> Iterator[None]:
    """Servers that do not outlive a test."""
    try:
        yield
    finally:
        for server in servers:
            server.stop()
