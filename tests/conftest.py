import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest

from eligibility.decider import Decider
from eligibility.landscape import Landscape
from eligibility.loading import load_rules, shipped_rules
from eligibility.ruleset import Ruleset
from eligibility.storage import migrate
from eligibility.storage.embedded import DATABASE, EmbeddedPostgres, start_or_join
from eligibility.storage.roles import role_names

_numbers = count(1)


def pytest_configure() -> None:
    """Let Ctrl-C end what tests start: a run in the background of a shell ignores it, and so would they."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def ruleset() -> Ruleset:
    """The policy as it is shipped."""
    return load_rules(shipped_rules())


@pytest.fixture(scope="session")
def decider(ruleset: Ruleset) -> Decider:
    """A decider that remembers what other tests asked."""
    return Decider(ruleset)


@pytest.fixture(scope="session")
def landscape(ruleset: Ruleset) -> Landscape:
    """Every well-formed request, under the policy as it is shipped."""
    return Landscape([ruleset])


@dataclass(frozen=True)
class FreshDatabase:
    """A migrated database of one test's own: the logins of its owner, the service and a superuser."""

    name: str
    owner_url: str
    service_url: str
    superuser_url: str


@pytest.fixture(scope="session")
def reachable_dir() -> Iterator[Path]:
    """A folder that the embedded server's account can enter: pytest's own are closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="eligibility-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_dir(reachable_dir: Path) -> Path:
    """A data directory with a migrated database, whose server does not run: to be copied."""
    folder = reachable_dir / "migrated"
    with start_or_join(folder) as server:
        migrate.upgrade(server.owner_url)
    for left in ("port", "state.json"):  # or all copies would want one port
        (folder / "postgres" / left).unlink()
    return folder


def copied_dir(migrated_dir: Path, folder: Path) -> Path:
    """A data directory that was used before, in a sixth of the time that making one takes."""
    subprocess.run(["cp", "-a", migrated_dir, folder], check=True)  # noqa: S607 - wherever it is
    return folder


@pytest.fixture(scope="session")
def postgres(reachable_dir: Path, migrated_dir: Path) -> Iterator[EmbeddedPostgres]:
    """One embedded server for the whole run, its own database migrated and left alone as a template."""
    with start_or_join(copied_dir(migrated_dir, reachable_dir / "session")) as server:
        yield server


@pytest.fixture
def database(postgres: EmbeddedPostgres) -> Iterator[FreshDatabase]:
    """A fresh, migrated, empty database."""
    with fresh_database(postgres) as made:
        yield made


@contextmanager
def fresh_database(postgres: EmbeddedPostgres) -> Iterator[FreshDatabase]:
    """A fresh, migrated, empty database, for tests that share one."""
    owner, service = role_names(DATABASE)
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres.url("postgres", "postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {DATABASE} OWNER {owner}".encode())
    yield FreshDatabase(
        name, postgres.url(owner, name), postgres.url(service, name), postgres.url("postgres", name)
    )
    with psycopg.connect(postgres.url("postgres", "postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
