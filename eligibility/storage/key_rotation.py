"""Which key signs the log is said by the log itself: its genesis, and each rotation.

The block that holds a rotation is signed by the former key, which thereby vouches for the next one; trust in
all keys rests on the fingerprint of the genesis key.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

import uuid_utils.compat
from sqlalchemy import select

from eligibility.errors import SettingsInvalid
from eligibility.signing import SigningKey
from eligibility.storage import tables
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.entries import Entry, Statement
from eligibility.storage.failures import translated
from eligibility.storage.records import SYSTEM
from eligibility.storage.signing_keys import Signer

logger = logging.getLogger(__name__)

GENESIS = "key.genesis"
ROTATED = "key.rotated"


@dataclass(frozen=True)
class LogKey:
    """A key that signs the log, or did. `since` is the sequence of the record that made it so, `at` its time.

    The first block that it signed is the one after that record's; of the genesis key, that record's own.
    """

    id: str
    public: bytes
    since: int
    at: datetime
    is_active: bool


async def keys_of_log(database: Database) -> tuple[LogKey, ...]:
    """The keys of the log, the genesis key first; none in an empty log. Raises StorageUnavailable."""
    key, record, block, head = tables.signing_key, tables.record, tables.block, tables.head
    since = (block.c.first + record.c.position).label("since")
    query = (
        select(key.c.id, key.c.public, since, record.c.at, (key.c.id == head.c.key).label("is_active"))
        .join_from(key, record, key.c.record == record.c.id)
        .join(block, record.c.block == block.c.id)
        .join(head, head.c.singleton)
        .order_by(since)
    )
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            rows = await connection.execute(query)
            return tuple(LogKey(row.id, row.public, row.since, row.at, row.is_active) for row in rows)


async def mend_rotation(database: Database, signer: Signer) -> None:
    """Finish a rotation on this machine that was interrupted, or that another machine of the log has made.

    Where the files cannot be changed, a warning is logged: the key signs from where it lies. Raises
    StorageUnavailable.
    """
    active = next((key.id for key in await keys_of_log(database) if key.is_active), None)
    try:
        if active is not None and signer.mend(active):
            logger.warning("the signing key was rotated to %s: it is in `%s` now", active, signer.path)
    except SettingsInvalid as error:
        logger.warning(str(error))


def key_genesis(key: SigningKey) -> Entry:
    """The record that makes `key` the first of a log. Appending it raises Overtaken where there is one."""
    return _entry(GENESIS, key, None, SYSTEM, "system")


def key_rotation(key: SigningKey, former: str, *, actor: str, channel: str) -> Entry:
    """The record that makes `key` sign from the next block on.

    Appending it raises Overtaken where `former` does not sign any more, or where `key` did before.
    """
    return _entry(ROTATED, key, former, actor, channel)


def _entry(kind: str, key: SigningKey, former: str | None, actor: str, channel: str) -> Entry:
    record = uuid_utils.compat.uuid7()
    facts = {"key": key.id, "public": key.public.hex()}
    if former is None:
        becomes = Statement("UPDATE head SET key = %s WHERE key IS NULL", (key.id,), rows=1)
    else:
        becomes = Statement("SELECT 1 FROM head WHERE key = %s FOR UPDATE", (former,), rows=1)
        facts["former"] = former
    known = Statement(
        "INSERT INTO signing_key (id, public, record) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (key.id, key.public, record),
        rows=1,
    )
    return Entry(
        kind=kind,
        id=record,
        at=datetime.now(UTC),
        actor=actor,
        channel=channel,
        facts=facts,
        also=(becomes, known),
        next_key=key.id,
    )
