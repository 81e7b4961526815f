import atexit
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eligibility.decider import Decider
from eligibility.storage.database import Database
from eligibility.storage.log import AuditLog
from eligibility.storage.signing_keys import Signer
from tests.conftest import FreshDatabase
from tests.storage.exporting import Exports, exports_of

_folder = tempfile.TemporaryDirectory(prefix="eligibility-signing-")
atexit.register(_folder.cleanup)

SIGNER = Signer(Path(_folder.name) / "signing-key", may_create=True)
SECRET = b"the secret of a service that lives for one test"


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


@pytest.fixture
async def exports(log: AuditLog, service: Database, decider: Decider) -> Exports:
    return await exports_of(log, service, decider, SECRET)
