"""A database that is slow, hangs, is read-only, full or restarted: 503 meanwhile, then all goes on."""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from eligibility.storage.database import Database
from eligibility.storage.log import AuditLog
from eligibility.storage.signing_keys import Signer
from tests.cli.running import Service, descendants, running
from tests.properties.sizes import sized
from tests.soak.checking import check
from tests.soak.conftest import copy_of
from tests.soak.load import Load
from tests.soak.servers import SERVICE, Server, stopped_after, url
from tests.storage.conftest import SECRET
from tests.storage.making import remark

ROUNDS = sized(1, 20)
SEGMENT = 1024 * 1024
PRLIMIT = shutil.which("prlimit") or ""


@pytest.fixture(scope="module")
def server(reachable_dir: Path, template: Path) -> Iterator[Server]:
    """The server of the tests here, each of which mends it again."""
    made = copy_of(template, reachable_dir / "soak-faults")
    with stopped_after(made):
        made.start()
        yield made


@pytest.fixture(scope="module")
def service(reachable_dir: Path, server: Server) -> Iterator[Service]:
    login = url(SERVICE, server.port)
    with running(reachable_dir / "soak-faults-service", ELIGIBILITY_DATABASE_URL=login) as made:
        yield made


@contextmanager
def under_load(service: Service, server: Server) -> Iterator[Load]:
    """Callers before, during and after; at the end, all that they were told is in the log."""
    with Load([service.url], service.admin_key()) as load:
        load.goes_on()
        yield load
        load.goes_on()
    assert load.wrong == []
    assert set(load.statuses) <= {200, 201, 503}
    check(server.superuser_url, load.acknowledged)


def test_a_database_that_waits_for_a_lock(service: Service, server: Server) -> None:
    with under_load(service, server) as load:
        for _ in range(ROUNDS):
            with psycopg.connect(server.superuser_url) as other:
                other.execute("SELECT * FROM head FOR UPDATE")
                load.is_refused()
            load.goes_on()


def test_a_database_that_hangs(service: Service, server: Server) -> None:
    with under_load(service, server) as load:
        for _ in range(ROUNDS):
            server.signal_all(signal.SIGSTOP)
            try:
                load.is_refused()
            finally:
                server.signal_all(signal.SIGCONT)
            load.goes_on()


def test_a_database_that_is_read_only(service: Service, server: Server) -> None:
    with under_load(service, server) as load:
        for _ in range(ROUNDS):
            server.sql("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
            load.is_refused()
            server.sql("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
            load.goes_on()


def test_a_database_without_a_free_connection(service: Service, server: Server) -> None:
    with under_load(service, server) as load:
        for _ in range(ROUNDS):
            server.sql(
                f"ALTER ROLE {SERVICE} CONNECTION LIMIT 0",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
            )
            load.is_refused()
            server.sql(f"ALTER ROLE {SERVICE} CONNECTION LIMIT -1")
            load.goes_on()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["politely", "at once"])
def test_a_database_that_is_restarted(service: Service, server: Server, how: signal.Signals) -> None:
    with under_load(service, server) as load:
        for _ in range(ROUNDS):
            server.stop(how)
            load.is_refused()
            server.start()
            load.goes_on()


def limit_files(server: Server, size: str) -> None:
    """Let no file of a server that runs grow beyond so many bytes."""
    assert server.process is not None
    for pid in (server.process.pid, *(child.pid for child in descendants(server.process.pid))):
        try:
            server.run("prlimit", f"--pid={pid}", f"--fsize={size}:", folder=Path(PRLIMIT).parent)
        except subprocess.CalledProcessError:
            if Path(f"/proc/{pid}").exists():  # some come and go, as those that vacuum
                raise


async def fill(service: Service, server: Server) -> None:
    """Record so much that the table of records is larger than a segment of the write-ahead log."""
    database = Database.open(url(SERVICE, server.port))
    signer = Signer(service.data_dir / "signing-key", may_create=False)
    async with AuditLog(database, SECRET, signer) as log:
        large = (remark(facts={"filler": secrets.token_hex(900)}) for _ in range(1000))
        await asyncio.gather(*map(log.append, large))
    await database.close()


@pytest.mark.skipif(not PRLIMIT, reason="only Linux limits the files of processes that run")
def test_a_database_whose_files_cannot_grow(service: Service, server: Server) -> None:
    """What PostgreSQL meets is an error of the system when it needs a new page, as on a disk that is full.

    The write-ahead log goes on in segments that are as large as files may be.
    """
    os.truncate(server.home / "server.log", 0)  # which can grow no further either, and should tell
    with under_load(service, server) as load:
        asyncio.run(fill(service, server))
        for _ in range(ROUNDS):
            limit_files(server, str(SEGMENT))
            load.is_refused()
            limit_files(server, "unlimited")
            load.goes_on()
    assert "File too large" in (server.home / "server.log").read_text()
