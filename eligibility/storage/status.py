"""How the log stands, for those who watch over it."""

import asyncio
from dataclasses import dataclass

from sqlalchemy import select, text

from eligibility.storage import tables
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.failures import translated
from eligibility.storage.records import hash_text


@dataclass(frozen=True)
class Status:
    """The database's revision, the last block, the sequence of the next record, the digest in force."""

    revision: str
    block: int
    next_sequence: int
    ruleset: str | None


async def status(database: Database) -> Status:
    """How the log stands now. Raises StorageUnavailable."""
    head = tables.head.c
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            revision = await connection.scalar(text("SELECT version_num FROM alembic_version"))
            row = (await connection.execute(select(head.block, head.next_sequence, head.ruleset))).one()
    return Status(str(revision), row.block, row.next_sequence, row.ruleset and hash_text(row.ruleset))
