import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.soak.servers import Server, empty_server, migrated, stopped_after

pytest.register_assert_rewrite("tests.soak.checking")  # whose assertions should say what they found

_numbers = count(1)


@pytest.fixture
def folder(reachable_dir: Path) -> Path:
    """A folder of one test's own, where the servers' account can reach it."""
    made = reachable_dir / f"soak-{next(_numbers)}"
    made.mkdir(mode=0o755)
    return made


@pytest.fixture(scope="session")
def template(reachable_dir: Path) -> Path:
    """The folder of a server with empty tables, which does not run: to be copied."""
    server = empty_server(reachable_dir / "soak-template")
    with stopped_after(server):
        server.start()
        migrated(server)
    server.run("pg_resetwal", "--wal-segsize=1", f"--pgdata={server.data}")  # small files, for a small disk
    return server.home


def copy_of(template: Path, home: Path) -> Server:
    """A server with empty tables, not yet started."""
    subprocess.run(["cp", "-a", template, home], check=True)  # noqa: S607 - wherever it is
    return Server(home)


@pytest.fixture
def primary(folder: Path, template: Path) -> Iterator[Server]:
    """A server that runs, with empty tables."""
    server = copy_of(template, folder / "primary")
    with stopped_after(server):
        server.start()
        yield server
