"""The database and the log, for commands: those that are configured, or the embedded ones.

Beside a running `serve` its embedded database is shared; otherwise it is started for the command.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from eligibility.settings import Settings
from eligibility.storage import migrate
from eligibility.storage.database import Database
from eligibility.storage.embedded import start_or_join
from eligibility.storage.keys import Keys
from eligibility.storage.log import AuditLog
from eligibility.storage.secret_files import service_secret
from eligibility.storage.signing_keys import Signer, signer


@dataclass(frozen=True)
class Opened:
    """What commands work with."""

    database: Database
    log: AuditLog
    keys: Keys
    signer: Signer


@contextmanager
def service_login(settings: Settings) -> Iterator[str]:
    """The service's login to the database, for as long as the context lasts.

    An embedded one that this process starts is migrated; one that another process runs is left as it is.
    Raises StorageUnavailable.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    with start_or_join(settings.data_dir) as server:
        if server.is_ours and not migrate.is_current(server.owner_url):
            migrate.upgrade(server.owner_url)
        yield server.service_url


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Database]:
    """The database behind a login, for commands that change nothing. Raises StorageUnavailable."""
    database = Database.open(url)
    try:
        await database.ready()
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def opened(url: str, settings: Settings) -> AsyncIterator[Opened]:
    """The log behind a login, checked as `serve` checks it. Raises SettingsInvalid, StorageUnavailable."""
    secret, signing = service_secret(settings), signer(settings)
    database = Database.open(url)
    try:
        await database.check_service_role()
        await database.ready()
        async with AuditLog(database, secret, signing) as log:
            yield Opened(database, log, Keys(database, secret), signing)
    finally:
        await database.close()


async def check_login(url: str) -> None:
    """See that the database can be used, as a role that cannot rewrite the log.

    Raises SettingsInvalid, StorageUnavailable.
    """
    database = Database.open(url)
    try:
        await database.check_service_role()
        await database.ready()
    finally:
        await database.close()
