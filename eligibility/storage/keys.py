"""Principals and their API keys. Of a key, only an HMAC under the service's secret is kept."""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import Row, Select, select

from eligibility.canonical import timestamp
from eligibility.errors import NotFound, Overtaken, RecordRefused
from eligibility.storage import tables
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.entries import Entry, Statement
from eligibility.storage.failures import translated
from eligibility.storage.log import AuditLog
from eligibility.storage.records import NIL, SYSTEM, hash_text, mac

logger = logging.getLogger(__name__)

Kind = Literal["person", "system"]
Role = Literal["portal", "reviewer", "approver", "auditor", "monitor", "admin"]

PREFIX = "elk_"
CACHE_SECONDS = 2.0
"""How long a revoked key may still work."""
_MOST_CACHED = 10_000
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True)
class Key:
    """An API key as it is known to the service; the key itself is not."""

    id: UUID
    principal: UUID
    name: str
    kind: Kind
    role: Role
    label: str
    bootstrap: bool
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def works(self, at: datetime) -> bool:
        """Whether it lets anybody in at that time."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


_KEYS = select(tables.api_key, tables.principal.c.name, tables.principal.c.kind).join_from(
    tables.api_key, tables.principal
)


class Keys:
    """The keys of one log. Changes of them are records of it."""

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._secret = secret
        self._cache: dict[bytes, tuple[float, Key | None]] = {}
        self._looking: dict[bytes, asyncio.Task[Key | None]] = {}

    def mac(self, key: str) -> bytes:
        """What is kept of a key."""
        return mac(self._secret, "api-key", key.encode())

    async def find(self, key: str) -> Key | None:
        """The key that this is, if it works now; a look-up is remembered for CACHE_SECONDS.

        Raises StorageUnavailable.
        """
        name, now = sha256(key.encode()).digest(), time.monotonic()
        until, found = self._cache.get(name, (0.0, None))
        if now >= until:
            found = await self._looked_up(name, self.mac(key))
        return found if found is not None and found.works(datetime.now(UTC)) else None

    async def _looked_up(self, name: bytes, key_mac: bytes) -> Key | None:
        """Look a key up once, however many requests with it wait, and remember it under its hash."""
        looking = self._looking.get(name)
        if looking is None:
            looking = self._looking[name] = asyncio.create_task(self._look_up(name, key_mac))
            looking.add_done_callback(lambda _: self._looking.pop(name))
        return await asyncio.shield(looking)

    async def _look_up(self, name: bytes, key_mac: bytes) -> Key | None:
        until = time.monotonic() + CACHE_SECONDS
        found = await self._by_mac(key_mac)
        if len(self._cache) >= _MOST_CACHED:
            self._cache.clear()
        self._cache[name] = (until, found)
        return found

    async def list(self) -> tuple[Key, ...]:
        """All keys, revoked ones too, oldest first. Raises StorageUnavailable."""
        return tuple(key_of(row) for row in await self._rows(_KEYS.order_by(tables.api_key.c.created_at)))

    async def create(  # noqa: PLR0913  # all that a key is
        self,
        log: AuditLog,
        *,
        name: str,
        kind: Kind,
        role: Role,
        label: str = "",
        expires: datetime | None = None,
        actor: str = "system",
        channel: str = "cli",
    ) -> tuple[Key, str]:
        """Make a key for the principal of that name, who is made too if unknown; with the key, to show once.

        Raises RecordRefused where the name belongs to a principal of the other kind, StorageUnavailable.
        """
        secret = PREFIX + secrets.token_urlsafe(32)
        principal = await self._principal(log, name, kind, actor, channel)
        key = Key(
            id=uuid_utils.compat.uuid7(),
            principal=principal,
            name=name,
            kind=kind,
            role=role,
            label=label,
            bootstrap=False,
            created_at=datetime.now(UTC),
            expires_at=expires,
            revoked_at=None,
        )
        await self.insert(log, key, secret, actor=actor, channel=channel)
        return key, secret

    async def insert(
        self,
        log: AuditLog,
        key: Key,
        secret: str,
        *,
        actor: str,
        channel: str,
        replaces_bootstrap: bool = False,
    ) -> None:
        """Keep a key that is made already, revoking the former bootstrap keys if it replaces them."""
        insert = Statement(
            "INSERT INTO api_key (id, principal, role, label, mac, bootstrap, created_at, expires_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (mac) DO NOTHING",
            (
                *(key.id, key.principal, key.role, key.label, self.mac(secret)),
                *(key.bootstrap, key.created_at, key.expires_at),
            ),
            rows=1,
        )
        revoke = Statement(
            "UPDATE api_key SET revoked_at = %s WHERE bootstrap AND revoked_at IS NULL", (key.created_at,)
        )
        facts: dict[str, Any] = {
            "key": str(key.id),
            "principal": str(key.principal),
            "role": key.role,
            # binds the row that lets the key in to this record, without telling what it is compared with
            "mac": hash_text(sha256(self.mac(secret)).digest()),
        }
        if key.expires_at is not None:
            facts["expires"] = timestamp(key.expires_at)
        if replaces_bootstrap:
            facts["revokes"] = "former bootstrap keys"
        await log.append(
            Entry(
                kind="key.created",
                id=uuid_utils.compat.uuid7(),
                at=key.created_at,
                actor=actor,
                channel=channel,
                facts=facts,
                private={"label": key.label} if key.label else None,
                also=(revoke, insert) if replaces_bootstrap else (insert,),
            )
        )
        self._cache.clear()

    async def revoke(self, log: AuditLog, key: UUID, *, actor: str = "system", channel: str = "cli") -> None:
        """Revoke a key; elsewhere it may work for CACHE_SECONDS more.

        Raises NotFound for one that does not exist or is revoked already, StorageUnavailable.
        """
        at = datetime.now(UTC)
        statement = Statement(
            "UPDATE api_key SET revoked_at = %s WHERE id = %s AND revoked_at IS NULL", (at, key), rows=1
        )
        try:
            await log.append(
                Entry(
                    kind="key.revoked",
                    id=uuid_utils.compat.uuid7(),
                    at=at,
                    actor=actor,
                    channel=channel,
                    facts={"key": str(key)},
                    also=(statement,),
                )
            )
        except Overtaken:
            raise NotFound(f"there is no key `{key}` that could be revoked") from None
        self._cache.clear()

    async def by_secret(self, secret: str) -> Key | None:
        """The key that this is, working or not, looked up afresh. Raises StorageUnavailable."""
        return await self._by_mac(self.mac(secret))

    async def principal(
        self, log: AuditLog, name: str, kind: Kind, *, actor: str = "system", channel: str = "system"
    ) -> UUID:
        """The principal of that name, made and recorded if unknown. Raises as `create` does."""
        return await self._principal(log, name, kind, actor, channel)

    async def _principal(self, log: AuditLog, name: str, kind: Kind, actor: str, channel: str) -> UUID:
        found = await self._rows(select(tables.principal).where(tables.principal.c.name == name))
        if not found:
            at, made = datetime.now(UTC), uuid_utils.compat.uuid7()
            statement = Statement(
                "INSERT INTO principal (id, name, kind, created_at) VALUES (%s, %s, %s, %s) "
                "ON CONFLICT (name) DO NOTHING",
                (made, name, kind, at),
                rows=1,
            )
            entry = Entry(
                kind="principal.created",
                id=uuid_utils.compat.uuid7(),
                at=at,
                actor=actor,
                channel=channel,
                facts={"principal": str(made), "kind": kind},
                private={"name": name},
                also=(statement,),
            )
            try:
                await log.append(entry)
            except Overtaken:  # another process made it at the same time
                return await self._principal(log, name, kind, actor, channel)
            return made
        if found[0].kind != kind:
            raise RecordRefused(f"`{name}` is a {found[0].kind}: give the other another name")
        principal: UUID = found[0].id
        return principal

    async def _by_mac(self, key_mac: bytes) -> Key | None:
        rows = await self._rows(_KEYS.where(tables.api_key.c.mac == key_mac))
        return key_of(rows[0]) if rows else None

    async def _rows(self, query: Select[Any]) -> "tuple[Row[Any], ...]":
        with translated():
            async with asyncio.timeout(STATEMENT_SECONDS), self._database.engine.connect() as connection:
                return tuple(await connection.execute(query))


def key_of(row: Row[Any]) -> Key:
    """The key that a row of keys and their principals is."""
    return Key(
        id=row.id,
        principal=row.principal,
        name=row.name,
        kind=row.kind,
        role=row.role,
        label=row.label,
        bootstrap=row.bootstrap,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


async def names_of(database: Database, principals: Collection[UUID]) -> dict[UUID, str]:
    """The names of principals, of those that there are. Raises StorageUnavailable."""
    query = select(tables.principal.c.id, tables.principal.c.name).where(
        tables.principal.c.id.in_(principals)
    )
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            return {row.id: row.name for row in await connection.execute(query)}


async def principal_named(database: Database, who: str) -> UUID | None:
    """The principal of that name or id, nil for `system`; None where there is none.

    Raises StorageUnavailable.
    """
    if who == SYSTEM:
        return NIL
    named = tables.principal.c.name == who
    if _UUID.fullmatch(who):
        named |= tables.principal.c.id == UUID(who)
    query = select(tables.principal.c.id).where(named)
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            return await connection.scalar(query)
