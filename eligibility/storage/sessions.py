"""Who is signed in. Of the token that a browser holds, only an HMAC under the service's secret is kept.

A session belongs to the key that it was begun with: it ends with that key, after some time without use, and
after LONGEST in any case.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update

from eligibility.storage import tables
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.failures import translated
from eligibility.storage.keys import Key, key_of
from eligibility.storage.records import mac
from eligibility.storage.session_tables import session

Means = Literal["key"]
"""How a person showed who they are. An OpenID Connect provider would be another."""

LONGEST: Final = timedelta(hours=12)
"""How long a session lasts at most."""

_SEEN_EVERY: Final = timedelta(minutes=1)
"""How exactly it is known when a session was last used."""


@dataclass(frozen=True)
class Session:
    """A session that is open: its key, when it began, and when it ends at the latest."""

    key: Key
    began_at: datetime
    ends_at: datetime


class Sessions:
    """The sessions of one service. `idle` is how long one lasts without use."""

    def __init__(self, database: Database, secret: bytes, idle: timedelta) -> None:
        self._database = database
        self._secret = secret
        self._idle = idle

    async def begin(self, key: Key, means: Means = "key") -> str:
        """Begin a session, and forget those that are over; its token. Raises StorageUnavailable."""
        token, now = secrets.token_urlsafe(32), datetime.now(UTC)
        row = {
            "token_mac": self._mac(token),
            "key": key.id,
            "means": means,
            "began_at": now,
            "seen_at": now,
            "ends_at": now + LONGEST,
        }
        with translated():
            async with asyncio.timeout(STATEMENT_SECONDS), self._database.engine.begin() as connection:
                await connection.execute(
                    delete(session).where((session.c.ends_at < now) | (session.c.seen_at < now - self._idle))
                )
                await connection.execute(insert(session).values(row))
        return token

    async def find(self, token: str) -> Session | None:
        """The open session of a token, which counts as used now. Raises StorageUnavailable."""
        now = datetime.now(UTC)
        query = (
            select(session.c.began_at, session.c.ends_at, session.c.seen_at)
            .add_columns(tables.api_key, tables.principal.c.name, tables.principal.c.kind)
            .join_from(session, tables.api_key, tables.api_key.c.id == session.c.key)
            .join(tables.principal, tables.principal.c.id == tables.api_key.c.principal)
            .where(session.c.token_mac == self._mac(token), session.c.ends_at > now)
            .where(session.c.seen_at > now - self._idle)
        )
        with translated():
            async with asyncio.timeout(STATEMENT_SECONDS), self._database.engine.connect() as connection:
                row = (await connection.execute(query)).one_or_none()
                if row is not None and row.seen_at < now - _SEEN_EVERY:
                    used = update(session).where(session.c.token_mac == self._mac(token))
                    await connection.execute(used.values(seen_at=now))
                    await connection.commit()
        if row is None:
            return None
        key = key_of(row)
        return Session(key, row.began_at, row.ends_at) if key.works(now) else None

    async def end(self, token: str) -> None:
        """End a session, if it is open. Raises StorageUnavailable."""
        with translated():
            async with asyncio.timeout(STATEMENT_SECONDS), self._database.engine.begin() as connection:
                await connection.execute(delete(session).where(session.c.token_mac == self._mac(token)))

    async def end_all(self, key: UUID) -> None:
        """End the sessions that were begun with a key. Raises StorageUnavailable."""
        with translated():
            async with asyncio.timeout(STATEMENT_SECONDS), self._database.engine.begin() as connection:
                await connection.execute(delete(session).where(session.c.key == key))

    async def open_by_key(self) -> dict[UUID, int]:
        """How many sessions are open, by the key that they were begun with. Raises StorageUnavailable."""
        now = datetime.now(UTC)
        query = (
            select(session.c.key, func.count().label("number"))
            .where(session.c.ends_at > now, session.c.seen_at > now - self._idle)
            .group_by(session.c.key)
        )
        with translated():
            async with asyncio.timeout(STATEMENT_SECONDS), self._database.engine.connect() as connection:
                return {row.key: row.number for row in await connection.execute(query)}

    def form_token(self, token: str) -> str:
        """What a form of ours carries, so that no other site can post in the name of who holds the token."""
        return mac(self._secret, "form", token.encode()).hex()

    def _mac(self, token: str) -> bytes:
        return mac(self._secret, "session", token.encode())
