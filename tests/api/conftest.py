from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from eligibility.storage.embedded import EmbeddedPostgres
from tests.api.serving import Server, serving
from tests.conftest import FreshDatabase, fresh_database


@pytest.fixture(scope="session")
def server(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that do not need a log of their own."""
    with (
        fresh_database(postgres) as database,
        serving(database.service_url, tmp_path_factory.mktemp("server")) as running,
    ):
        yield running


@pytest.fixture(scope="session")
def portal(server: Server) -> Iterator[httpx.Client]:
    with server.client("portal") as client:
        yield client


@pytest.fixture
def own_server(database: FreshDatabase, tmp_path: Path) -> Iterator[Server]:
    """A server of one test's own, whose log is empty."""
    with serving(database.service_url, tmp_path / "server") as running:
        yield running
