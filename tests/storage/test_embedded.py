import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from eligibility.errors import StorageUnavailable
from eligibility.storage import embedded_install, embedded_orphans
from eligibility.storage.embedded import start_or_join
from tests.conftest import copied_dir

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from eligibility.storage.embedded import start_or_join
server = start_or_join(Path(sys.argv[1]))
print(server.port, server.is_ours, server.process and server.process.pid, flush=True)
time.sleep(600)
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who runs the server as another account")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals the death of a parent")


@pytest.fixture
def empty() -> Iterator[Path]:
    """A data directory that the server's account can reach, and no server was started in."""
    path = Path(tempfile.mkdtemp(prefix="eligibility-embedded-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def folder(empty: Path, migrated_dir: Path) -> Path:
    """The same, and one was started and stopped."""
    return copied_dir(migrated_dir, empty / "used")


@pytest.fixture
def holder(folder: Path) -> Iterator["Callable[[], tuple[subprocess.Popen[str], int, bool, int]]"]:
    """Starts another process that starts or joins the server and holds on to it."""
    children: list[subprocess.Popen[str]] = []

    def start() -> tuple[subprocess.Popen[str], int, bool, int]:
        child = subprocess.Popen(
            [sys.executable, "-c", HOLDER, folder], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        children.append(child)
        assert child.stdout is not None
        port, is_ours, pid = child.stdout.readline().split()
        return child, int(port), is_ours == "True", 0 if pid == "None" else int(pid)

    yield start
    for child in children:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def wait_until(true: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def test_the_first_start_makes_the_roles_and_the_second_finds_the_data(empty: Path) -> None:
    with start_or_join(empty) as server:
        assert server.is_ours
        with psycopg.connect(server.owner_url) as owner:
            owner.execute("CREATE TABLE kept (n int)")
        with psycopg.connect(server.service_url) as service:
            row = service.execute(
                "SELECT current_user, rolsuper, rolcreaterole, rolcreatedb, rolinherit "
                "FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            assert row == ("eligibility_service", False, False, False, False)
        urls = server.owner_url, server.service_url
    assert not server.alive()
    with start_or_join(empty) as again:
        assert (again.owner_url, again.service_url) == urls
        with psycopg.connect(again.owner_url) as owner:
            assert owner.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_it_is_durable_and_speaks_only_to_those_with_a_password_on_loopback(folder: Path) -> None:
    with (
        start_or_join(folder) as server,
        psycopg.connect(server.url("postgres", "eligibility")) as admin,
    ):
        for name, value in {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "server_encoding": "UTF8",
            "TimeZone": "UTC",
            "data_checksums": "on",
        }.items():
            assert admin.execute(f"SHOW {name}".encode()).fetchone() == (value,)
        host = f"host=127.0.0.1 port={server.port} dbname=eligibility"
        for login in ("user=postgres", "user=postgres password=", "user=eligibility_owner password=guess"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(f"{host} {login}")


def test_secrets_and_logs_are_for_this_account_only(empty: Path) -> None:
    with start_or_join(empty):
        home = empty / "postgres"
        for name in ("passwords.json", "state.json", "lock", "server.log", "port"):
            assert (home / name).stat().st_mode & 0o077 == 0
        assert (home / "data").stat().st_mode & 0o077 == 0
        assert not (home / "initdb-password").exists()


def test_the_second_on_one_data_directory_shares_it(folder: Path) -> None:
    with start_or_join(folder) as first:
        with start_or_join(folder) as second:
            assert not second.is_ours
            assert second.service_url == first.service_url
            assert answers(second.service_url)
        assert first.alive()


def test_several_at_once_end_up_with_one_server(
    folder: Path,
    holder: Callable[[], tuple[subprocess.Popen[str], int, bool, int]],
) -> None:
    shutil.rmtree(folder / "postgres")  # so that they set it up as well
    found: list[tuple[int, bool]] = []
    threads = [threading.Thread(target=lambda: found.append(holder()[1:3])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({port for port, _ in found}) == 1
    assert sorted(is_ours for _, is_ours in found) == [False, False, False, True]


@on_linux
def test_kill_9_of_the_parent_stops_the_server_and_nothing_stale_fools_the_next(
    folder: Path, holder: Callable[[], tuple[subprocess.Popen[str], int, bool, int]]
) -> None:
    child, port, is_ours, pid = holder()
    assert is_ours
    child.send_signal(signal.SIGKILL)
    child.wait()
    with start_or_join(folder) as next_one:  # at once: it waits for the old server's end by itself
        assert next_one.is_ours
        assert next_one.port == port
        assert not runs(pid)
        assert answers(next_one.service_url)


@on_linux
def test_it_survives_a_kill_9_of_the_server_and_starts_again_at_the_same_port(folder: Path) -> None:
    with start_or_join(folder) as server:
        before = server.service_url
        assert server.process is not None
        server.process.kill()
        wait_until(lambda: not server.alive())
        server.restart()
        assert server.is_ours
        assert server.service_url == before
        assert answers(before)


@on_linux
def test_a_server_that_loses_one_of_its_processes_ends_and_is_started_again(folder: Path) -> None:
    with start_or_join(folder, is_supervised=True) as server:
        assert server.process is not None
        with psycopg.connect(server.owner_url) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)
            server.process.wait(20)
        server.restart()
        with psycopg.connect(server.owner_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_nobody_supervises_goes_on_where_it_loses_a_process(folder: Path) -> None:
    with start_or_join(folder) as server:
        with psycopg.connect(server.owner_url) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)
        wait_until(lambda: answers(server.owner_url))
        assert server.process is not None
        assert server.process.poll() is None


def test_what_a_killed_server_leaves_behind_does_not_keep_it_from_starting_again(folder: Path) -> None:
    with start_or_join(folder) as server, psycopg.connect(server.service_url) as connection:
        stuck = connection.info.backend_pid
        os.kill(stuck, signal.SIGSTOP)  # as one that waits for ever for another
        assert server.process is not None
        server.process.kill()
        wait_until(lambda: not server.alive())
        server.restart()
        assert answers(server.service_url)
        assert not Path(f"/proc/{stuck}").exists()


@on_linux
def test_a_server_that_hangs_after_its_owner_was_killed_is_ended(
    folder: Path,
    holder: Callable[[], tuple[subprocess.Popen[str], int, bool, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sooner = ((1.0, signal.SIGKILL), (0.5, signal.SIGQUIT))
    monkeypatch.setattr(embedded_orphans, "_HURRIED_AFTER", sooner)
    child, _, _, pid = holder()
    os.kill(pid, signal.SIGSTOP)  # so that it does not shut down when its owner ends
    child.kill()
    child.wait()
    with start_or_join(folder) as next_one:
        assert next_one.is_ours
        assert not runs(pid)
        assert answers(next_one.service_url)


@on_linux
def test_a_server_that_nobody_has_buried_is_not_taken_for_one_that_runs(folder: Path) -> None:
    with subprocess.Popen(["/bin/true"]) as dead:  # which has ended, and nobody has asked yet how
        wait_until(lambda: " Z " in Path(f"/proc/{dead.pid}/stat").read_text())
        note = folder / "postgres" / "data" / "postmaster.pid"
        note.write_text(f"{dead.pid}\n{note.parent}\n")
        with start_or_join(folder) as server:
            assert answers(server.service_url)


def test_a_holder_that_lives_is_not_hurried(
    folder: Path,
    holder: Callable[[], tuple[subprocess.Popen[str], int, bool, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedded_orphans, "_HURRIED_AFTER", ((0.0, signal.SIGKILL),))
    child, _, _, pid = holder()
    (folder / "postgres" / "state.json").unlink()  # as if it had not got as far yet
    with pytest.raises(StorageUnavailable, match="held by process"):
        start_or_join(folder, patience=0.5)
    assert runs(pid)
    assert child.poll() is None


def test_one_that_had_joined_takes_over_when_the_owner_ends(
    folder: Path, holder: Callable[[], tuple[subprocess.Popen[str], int, bool, int]]
) -> None:
    child, _, _, _ = holder()
    with start_or_join(folder) as joined:
        assert joined.lock is None
        child.kill()
        child.wait()
        wait_until(lambda: not joined.alive())
        joined.restart()
        assert joined.is_ours
        assert answers(joined.service_url)


def test_a_stale_state_file_deceives_nobody(folder: Path) -> None:
    state = folder / "postgres" / "state.json"
    state.write_text(json.dumps({"owner": os.getpid(), "port": 1}))
    with start_or_join(folder) as server:
        assert server.is_ours
        assert json.loads(state.read_text())["port"] == server.port


def test_a_holder_that_does_not_answer_is_named(folder: Path) -> None:
    home = folder / "postgres"
    (home / "state.json").write_text(json.dumps({"owner": 4711, "port": 1}))
    with (home / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StorageUnavailable, match="held by process 4711"):
            start_or_join(folder, patience=0.2)


def test_another_port_is_taken_where_the_last_one_is_in_use(folder: Path) -> None:
    with start_or_join(folder) as elsewhere:
        taken = elsewhere.port
        other = folder / "other"
        other.mkdir()
        (other / "postgres").mkdir()
        (other / "postgres" / "port").write_text(str(taken))
        with start_or_join(other) as server:
            assert server.port != taken
            assert answers(server.service_url)


def test_data_of_another_major_version_are_refused(folder: Path) -> None:
    (folder / "postgres" / "data" / "PG_VERSION").write_text("15\n")
    with pytest.raises(StorageUnavailable, match="written by PostgreSQL 15"):
        start_or_join(folder)
    (folder / "postgres" / "data" / "PG_VERSION").write_text("18\n")
    with start_or_join(folder) as server:  # the refusal let go of the lock
        assert server.alive()


def test_a_server_that_does_not_start_says_why(folder: Path) -> None:
    (folder / "postgres" / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(StorageUnavailable, match="no_such_setting"):
        start_or_join(folder)


def test_a_half_made_data_directory_is_made_anew(empty: Path) -> None:
    (empty / "postgres" / "data.new").mkdir(parents=True)
    (empty / "postgres" / "data.new" / "PG_VERSION").write_text("18\n")
    with start_or_join(empty) as server:
        assert answers(server.service_url)


def test_roles_missing_after_an_interrupted_start_are_made(folder: Path) -> None:
    with (
        start_or_join(folder) as server,
        psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as admin,
    ):
        admin.execute("DROP DATABASE eligibility")
        admin.execute("DROP ROLE eligibility_service")
    with start_or_join(folder) as server:
        assert answers(server.service_url)
        assert answers(server.owner_url)


def test_it_is_started_from_the_main_thread_only(empty: Path) -> None:
    errors: list[Exception] = []

    def start() -> None:
        try:
            start_or_join(empty)
        except StorageUnavailable as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(errors[0])


@as_root
def test_a_place_that_the_servers_account_cannot_reach_is_named_with_the_remedy(empty: Path) -> None:
    closed = empty / "home"
    closed.mkdir(mode=0o700)
    with pytest.raises(StorageUnavailable) as refused:
        start_or_join(closed / "data")
    assert f"may not enter `{closed}`" in str(refused.value)
    assert f"chmod o+x {closed}" in str(refused.value)


@as_root
def test_binaries_out_of_reach_are_copied(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = embedded_install.first_closed_folder

    def closed(path: Path, account: embedded_install.Account) -> Path | None:
        return path if "site-packages" in path.parts else asked(path, account)

    monkeypatch.setattr(embedded_install, "first_closed_folder", closed)
    with start_or_join(empty) as server:
        assert answers(server.service_url)
        assert server.process is not None
        args = server.process.args
        assert isinstance(args, list)
        assert str(args[0]).startswith(str(empty))


@as_root
def test_root_runs_it_as_another_account(empty: Path) -> None:
    with start_or_join(empty) as server:
        assert server.process is not None
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
        assert "0" not in uids
