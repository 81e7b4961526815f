from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.cli.running import Service, running
from tests.conftest import copied_dir

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
