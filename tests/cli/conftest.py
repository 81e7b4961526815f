from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from eligibility.storage.embedded import EmbeddedPostgres
from tests.cli.running import Service, environment, running
from tests.conftest import FreshDatabase, copied_dir, fresh_database

_numbers = count(1)


@pytest.fixture
def data_dir(reachable_dir: Path) -> Path:
    """A data directory of one test's own, where the embedded server's account can reach it."""
    return reachable_dir / f"data-{next(_numbers)}"


@pytest.fixture
def used_dir(migrated_dir: Path, reachable_dir: Path) -> Path:
    """The same, with a database that was set up before."""
    return copied_dir(migrated_dir, reachable_dir / f"data-{next(_numbers)}")


@pytest.fixture(scope="module")
def service(migrated_dir: Path, reachable_dir: Path) -> Iterator[Service]:
    """A service that the tests of a module share, and leave running."""
    with running(copied_dir(migrated_dir, reachable_dir / f"data-{next(_numbers)}")) as service:
        yield service


@pytest.fixture(scope="module")
def module_database(postgres: EmbeddedPostgres) -> Iterator[FreshDatabase]:
    """A database of a file's own, for commands beside it."""
    with fresh_database(postgres) as made:
        yield made


@pytest.fixture(scope="module")
def env(module_database: FreshDatabase, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of commands, with the service's login to the database."""
    return environment(tmp_path_factory.mktemp("data"), ELIGIBILITY_DATABASE_URL=module_database.service_url)
