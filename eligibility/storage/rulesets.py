"""Versions of the policy: kept for ever, one of them in force."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import uuid_utils.compat
from sqlalchemy import select

from eligibility.errors import ActRefused, NotFound, Overtaken
from eligibility.storage import tables
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.entries import Entry, Statement
from eligibility.storage.failures import translated
from eligibility.storage.log import AuditLog
from eligibility.storage.records import hash_bytes, hash_text
from eligibility.storage.ruleset_moves import (
    ACTIVATED,
    LOADED,
    move_statement,
    source_digest,
    source_statement,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredRuleset:
    """A version of the policy. `document` is its canonical JSON."""

    digest: str
    version: str
    document: bytes
    loaded_at: datetime
    loaded_by: str


async def load(database: Database, digest: str) -> StoredRuleset:
    """The ruleset of that digest. Raises NotFound, StorageUnavailable."""
    query = select(tables.ruleset).where(tables.ruleset.c.digest == hash_bytes(digest))
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"there is no ruleset `{digest}`")
    return StoredRuleset(hash_text(row.digest), row.version, row.document, row.loaded_at, row.loaded_by)


async def in_force(database: Database) -> str | None:
    """The digest of the ruleset in force, None on an empty log. Raises StorageUnavailable."""
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            digest = await connection.scalar(select(tables.head.c.ruleset))
    return None if digest is None else hash_text(digest)


async def save(  # noqa: PLR0913  # all that a draft is
    log: AuditLog,
    digest: str,
    version: str,
    document: bytes,
    *,
    actor: str,
    channel: str,
    files: Mapping[str, str] | None = None,
    reason: str | None = None,
) -> bool:
    """Keep a ruleset as a draft, with the files that it was loaded from; False where it was kept already.

    Raises StorageUnavailable.
    """
    at, record = datetime.now(UTC), uuid_utils.compat.uuid7()
    try:
        await log.append(
            Entry(
                kind=LOADED,
                id=record,
                at=at,
                actor=actor,
                channel=channel,
                ruleset=digest,
                facts=_facts(version, files),
                private={"reason": reason} if reason else None,
                also=(
                    _keep(digest, version, document, at, actor, rows=1),
                    *([] if files is None else [source_statement(digest, files, record)]),
                    move_statement(digest, "loaded", actor, record),
                ),
            )
        )
    except Overtaken:
        return False
    return True


async def genesis(
    log: AuditLog,
    database: Database,
    digest: str,
    version: str,
    document: bytes,
    files: Mapping[str, str] | None = None,
) -> str | None:
    """Put the policy in force on an empty log, as a recorded act of `system`.

    On a log that has one in force, that stays: another one given is kept as a draft, and a warning is
    returned. Safe when several processes start at once. Raises StorageUnavailable.
    """
    current = await in_force(database)
    if current is None:
        try:
            await _activate_first(log, digest, version, document, files)
        except (Overtaken, ActRefused):  # by another process that started with us
            current = await in_force(database)
            if current is None:
                raise
        else:
            return None
    if current == digest:
        return None
    await save(log, digest, version, document, actor="system", channel="system", files=files)
    warning = (
        f"the rules folder (version {version}, {digest}) differs from the ruleset in force ({current}): "
        "it is kept as a draft, and what is in force decides"
    )
    logger.warning(warning)
    return warning


async def _activate_first(
    log: AuditLog, digest: str, version: str, document: bytes, files: Mapping[str, str] | None
) -> None:
    at, record = datetime.now(UTC), uuid_utils.compat.uuid7()
    await log.append(
        Entry(
            kind=ACTIVATED,
            id=record,
            at=at,
            actor="system",
            channel="system",
            ruleset=digest,
            facts=_facts(version, files),
            also=(
                _keep(digest, version, document, at, "system"),
                *([] if files is None else [source_statement(digest, files, record)]),
                move_statement(digest, "activated", "system", record),
            ),
        )
    )


def _facts(version: str, files: Mapping[str, str] | None) -> dict[str, str]:
    return {"version": version, **({} if files is None else {"source": source_digest(files)})}


def _keep(
    digest: str, version: str, document: bytes, at: datetime, actor: str, *, rows: int | None = None
) -> Statement:
    return Statement(
        "INSERT INTO ruleset (digest, version, document, loaded_at, loaded_by) "
        "VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (hash_bytes(digest), version, document, at, actor),
        rows=rows,
    )
