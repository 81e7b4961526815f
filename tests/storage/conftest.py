from collections.abc import AsyncIterator

import pytest

from eligibility.storage.database import Database
from eligibility.storage.log import AuditLog
from tests.conftest import FreshDatabase

SECRET = b"the secret of a service that lives for one test"


@pytest.fixture
async def service(database: FreshDatabase) -> AsyncIterator[Database]:
    """The database, as the service sees it."""
    opened = Database.open(database.service_url)
    yield opened
    await opened.close()


@pytest.fixture
async def log(service: Database) -> AsyncIterator[AuditLog]:
    async with AuditLog(service, SECRET) as opened:
        yield opened
