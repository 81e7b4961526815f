"""Connections to the database: who we are there, and whether it is ready."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any, Self

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from eligibility.errors import LogBehind, SettingsInvalid, StorageUnavailable
from eligibility.storage import migrate
from eligibility.storage.failures import translated
from eligibility.storage.urls import host_count, libpq_url, sqlalchemy_url

CONNECT_SECONDS = 3
STATEMENT_SECONDS = 5
"""A dead database must turn into a 503 within seconds, never into a hang."""

_CONNECT_SECONDS_EACH = 2
"""Where there are several hosts, so that one that is gone leaves time for the others."""

CONNECT_ARGUMENTS: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "application_name": "eligibility",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 1000 * STATEMENT_SECONDS,
    "options": f"-c statement_timeout={STATEMENT_SECONDS}s -c timezone=UTC "
    "-c synchronous_commit=on -c client_min_messages=warning",
}
"""Durability is not left to the settings of a role or a database; nor is hearing that it was given up."""

_WHO = text(
    """
    SELECT current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
           EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
                   AND pg_has_role(current_user, c.relowner, 'MEMBER'))
    """
)


@dataclass
class Acknowledged:
    """The last block that this process saw committed, by its number and hash; zeros before any."""

    block: int = 0
    hash: bytes = bytes(32)

    def note(self, block: int, block_hash: bytes) -> None:
        """Take note of a block that was committed."""
        if block > self.block:
            self.block, self.hash = block, block_hash

    async def require(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Refuse a server without that block. Raises LogBehind or an error of psycopg."""
        wanted = replace(self)  # a later block may be noted while we ask for this one
        if wanted.block:
            cursor = await connection.execute("SELECT hash FROM block WHERE number = %s", (wanted.block,))
            row = await cursor.fetchone()
            wanted.require_at(*((wanted.block, bytes(row[0])) if row else (0, b"")))

    def require_at(self, last: int, last_hash: bytes) -> None:
        """Refuse a log that ends with this block, if it is an earlier one than was acknowledged, or another.

        Then it is a copy that is not up to date, or one that has gone its own way. Raises LogBehind.
        """
        if last < self.block or (last == self.block and last_hash != self.hash):
            raise LogBehind(
                "the database lacks records that were acknowledged: it may be a copy that is not up to date",
                retry_after=5,
            )


@dataclass(frozen=True)
class Database:
    """A pool of connections for reading, and the URL that it was made from.

    Every connection, of the pool or not, leads to a server that has what was `acknowledged`.
    """

    url: str
    engine: AsyncEngine
    acknowledged: Acknowledged

    @classmethod
    def open(cls, url: str, *, pool_size: int = 5) -> Self:
        """Prepare the pool; nothing is connected yet. Raises SettingsInvalid."""
        acknowledged = Acknowledged()

        async def connect() -> psycopg.AsyncConnection[Any]:
            connection = await _connect(url, acknowledged)
            await connection.set_autocommit(False)
            return connection

        engine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=STATEMENT_SECONDS,
            pool_pre_ping=True,  # a server that was restarted is not an error of the next request
            async_creator=connect,
        )
        return cls(url, engine, acknowledged)

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

    async def connect_raw(self) -> psycopg.AsyncConnection[Any]:
        """A connection of its own, outside the pool, in autocommit. Raises StorageUnavailable."""
        with translated():
            return await _connect(self.url, self.acknowledged)

    async def ready(self) -> str | None:
        """Return when the service can work: connected, migrated, head row readable.

        Returns the fingerprint of the key that signs the log, None while it has none. Raises
        StorageUnavailable saying what is missing.
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
                head_row = (await connection.execute(text("SELECT key FROM head"))).one_or_none()
                if head_row is None:
                    raise StorageUnavailable("the database has lost the row that heads the log")
        key: str | None = head_row.key
        return key

    async def check_service_role(self) -> None:
        """Refuse to work as superuser or as owner of the tables, whom nothing keeps from rewriting the log.

        Raises SettingsInvalid or StorageUnavailable.
        """
        with translated():
            async with asyncio.timeout(STATEMENT_SECONDS), self.engine.connect() as connection:
                await check_service_role(connection)


async def _connect(url: str, acknowledged: Acknowledged) -> psycopg.AsyncConnection[Any]:
    """Connect, in autocommit, to the first host that can be used. Raises LogBehind, or as psycopg does."""
    hosts = host_count(url)
    seconds = CONNECT_SECONDS if hosts == 1 else _CONNECT_SECONDS_EACH
    async with asyncio.timeout(seconds * hosts + 1):
        connection = await psycopg.AsyncConnection.connect(
            libpq_url(url), autocommit=True, **(CONNECT_ARGUMENTS | {"connect_timeout": seconds})
        )
        try:
            await acknowledged.require(connection)
        except BaseException:
            await connection.close()
            raise
    return connection


async def check_service_role(connection: AsyncConnection) -> None:
    """Raise SettingsInvalid where the connection's role could change the log."""
    name, is_superuser, is_owner = (await connection.execute(_WHO)).one()
    if is_superuser or is_owner:
        what = "a superuser" if is_superuser else "the owner of the tables"
        raise SettingsInvalid(
            f"`ELIGIBILITY_DATABASE_URL` logs in as `{name}`, {what}, who could rewrite the log: "
            "use the service's own role, whose name ends in `_service`"
        )
