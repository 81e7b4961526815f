from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.soak.servers import Server, empty_server, migrated, stopped_after

_numbers = count(1)


@pytest.fixture
def folder(reachable_dir: Path) -> Path:
    """A folder of one test's own, where the servers' account can reach it."""
    made = reachable_dir / f"soak-{next(_numbers)}"
    made.mkdir(mode=0o755)
    return made


@pytest.fixture
def primary(folder: Path) -> Iterator[Server]:
    """A server that runs, with empty tables."""
    server = empty_server(folder / "primary")
    with stopped_after(server):
        server.start()
        yield migrated(server)
