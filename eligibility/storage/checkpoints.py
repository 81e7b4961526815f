"""Reading the head of the newest signed block."""

from __future__ import annotations

import asyncio
from dataclasses import fields

from sqlalchemy import select

from eligibility.chain import Header
from eligibility.errors import LogDamaged
from eligibility.storage import tables
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.failures import translated

_block = tables.block.c
_NEWEST = select(tables.block).where(_block.signature.is_not(None)).order_by(_block.number.desc()).limit(1)


async def newest(database: Database) -> tuple[Header, bytes] | None:
    """The header and the signature of the newest signed block, None where there is none yet.

    Raises StorageUnavailable; LogDamaged where the block is not what was sealed.
    """
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            row = (await connection.execute(_NEWEST)).mappings().one_or_none()
    if row is None:
        return None
    header = Header(**{field.name: row[field.name] for field in fields(Header)})
    if header.hash != row["hash"]:
        raise LogDamaged(f"the hash of block {header.number} is not that of its header: verify the log")
    return header, row["signature"]
