import atexit
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from eligibility.decider import Decider
from eligibility.storage.database import Database
from eligibility.storage.embedded import EmbeddedPostgres
from eligibility.storage.log import AuditLog
from eligibility.storage.rulesets import genesis
from eligibility.storage.signing_keys import Signer
from tests.conftest import FreshDatabase, fresh_database
from tests.storage import making
from tests.storage.exporting import Exports, exports_of
from tests.storage.logs import MadeLog, make_log
from tests.storage.making import RULESET
from tests.storage.reviewing import Reviewing, reviewing

_folder = tempfile.TemporaryDirectory(prefix="eligibility-signing-")
atexit.register(_folder.cleanup)

SECRET = making.SECRET
SIGNER = Signer(Path(_folder.name) / "signing-key", may_create=True)


@pytest.fixture
async def service(database: FreshDatabase) -> AsyncIterator[Database]:
    """The database, as the service sees it."""
    opened = Database.open(database.service_url)
    yield opened
    await opened.close()


@pytest.fixture
async def log(service: Database) -> AsyncIterator[AuditLog]:
    async with AuditLog(service, SECRET, SIGNER) as opened:
        yield opened


@pytest.fixture(scope="session")
def made(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory, decider: Decider
) -> Iterator[MadeLog]:
    """A log of some blocks with everything in it, which tests leave as it is."""
    with fresh_database(postgres) as database:
        yield make_log(database, tmp_path_factory.mktemp("keys"), decider)


@pytest.fixture(scope="module")
def superuser(made: MadeLog) -> Iterator[psycopg.Connection[Any]]:
    """A connection to that log with all rights."""
    with psycopg.connect(made.database.superuser_url, options="-c timezone=UTC") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield connection


@pytest.fixture
async def exports(log: AuditLog, service: Database, decider: Decider) -> Exports:
    return await exports_of(log, service, decider, SECRET)


@pytest.fixture
async def reviews(log: AuditLog, service: Database) -> Reviewing:
    """A log with a ruleset in force, and people who review."""
    await genesis(log, service, RULESET, "2026.1", b"{}")
    return await reviewing(service, log)
