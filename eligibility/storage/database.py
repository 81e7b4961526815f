"""Connections to the database: who we are there, and whether it is ready."""

import asyncio
from dataclasses import dataclass
from typing import Any, Self

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from eligibility.errors import SettingsInvalid, StorageUnavailable
from eligibility.storage import migrate
from eligibility.storage.failures import translated
from eligibility.storage.urls import libpq_url, sqlalchemy_url

CONNECT_SECONDS = 3
STATEMENT_SECONDS = 5
"""A dead database must turn into a 503 within seconds, never into a hang."""

CONNECT_ARGUMENTS: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "application_name": "eligibility",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 1000 * STATEMENT_SECONDS,
    "options": f"-c statement_timeout={STATEMENT_SECONDS}s -c timezone=UTC",
}

_WHO = text(
    """
    SELECT current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
           EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
                   AND pg_has_role(current_user, c.relowner, 'MEMBER'))
    """
)


@dataclass(frozen=True)
class Database:
    """A pool of connections for reading, and the URL that it was made from."""

    url: str
    engine: AsyncEngine

    @classmethod
    def open(cls, url: str, *, pool_size: int = 5) -> Self:
        """Prepare the pool; nothing is connected yet. Raises SettingsInvalid."""
        engine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=STATEMENT_SECONDS,
            pool_pre_ping=True,  # a server that was restarted is not an error of the next request
            connect_args=CONNECT_ARGUMENTS,
        )
        return cls(url, engine)

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

    async def connect_raw(self) -> psycopg.AsyncConnection[Any]:
        """A connection of its own, outside the pool, in autocommit. Raises StorageUnavailable."""
        with translated():
            async with asyncio.timeout(CONNECT_SECONDS + 1):
                return await psycopg.AsyncConnection.connect(
                    libpq_url(self.url), autocommit=True, **CONNECT_ARGUMENTS
                )

    async def ready(self) -> None:
        """Return when the service can work: connected, migrated, head row readable.

        Raises StorageUnavailable saying what is missing.
        """
        head = migrate.newest_revision()
        with translated():
            async with asyncio.timeout(STATEMENT_SECONDS), self.engine.connect() as connection:
                if not await connection.scalar(text("SELECT to_regclass('public.alembic_version')")):
                    raise StorageUnavailable("the database is empty: run `eligibility db upgrade`")
                revision = await connection.scalar(text("SELECT version_num FROM alembic_version"))
                if revision != head:
                    raise StorageUnavailable(
                        f"the database is at revision `{revision}` and the service needs `{head}`: "
                        "run `eligibility db upgrade`"
                    )
                if await connection.scalar(text("SELECT block FROM head")) is None:
                    raise StorageUnavailable("the database has lost the row that heads the log")

    async def check_service_role(self) -> None:
        """Refuse to work as superuser or as owner of the tables, whom nothing keeps from rewriting the log.

        Raises SettingsInvalid or StorageUnavailable.
        """
        with translated():
            async with asyncio.timeout(STATEMENT_SECONDS), self.engine.connect() as connection:
                await check_service_role(connection)


async def check_service_role(connection: AsyncConnection) -> None:
    """Raise SettingsInvalid where the connection's role could change the log."""
    name, is_superuser, is_owner = (await connection.execute(_WHO)).one()
    if is_superuser or is_owner:
        what = "a superuser" if is_superuser else "the owner of the tables"
        raise SettingsInvalid(
            f"`ELIGIBILITY_DATABASE_URL` logs in as `{name}`, {what}, who could rewrite the log: "
            "use the service's own role, whose name ends in `_service`"
        )
