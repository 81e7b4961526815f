"""Reading what proves a record: its block, the leaves beside it, and the keys that vouch for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any as Anything
from uuid import UUID

import orjson
from sqlalchemy import Row, bindparam, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from eligibility.chain import Header
from eligibility.errors import LogDamaged
from eligibility.receipt import InBlock, KeyInLog
from eligibility.storage import tables
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.failures import translated

_record, _block, _private, _key = tables.record, tables.block, tables.private, tables.signing_key

_PLACES = (
    select(
        _record.c.id.label("record"),
        _record.c.body,
        _record.c.position,
        _block.c.count.label("size"),  # a row has a method `count`
        *(_block.c[name] for name in ("id", "number", "first", "root", "previous")),
        *(_block.c[name] for name in ("hash", "at", "key", "signature")),
    )
    .join_from(_record, _block, _record.c.block == _block.c.id)
    .where(_record.c.id.in_(bindparam("records", expanding=True)))
)
_LEAVES = union_all(
    *(
        select(kept.block, kept.position, kept.leaf).where(
            kept.block.in_(bindparam("blocks", expanding=True))
        )
        for kept in (_record.c, tables.dropped_leaf.c)
    )
).order_by("position")
_TEXTS = select(_private.c.salt, _private.c.content).where(_private.c.record == bindparam("record"))


@dataclass(frozen=True)
class Proof:
    """All that proves a record: its place, and the keys up to the one that signed its block, in their order.

    `texts` are the salt and the private texts; None where there are none, or they were not asked for.
    """

    record: InBlock
    keys: tuple[KeyInLog, ...]
    texts: tuple[bytes, Mapping[str, Anything]] | None


async def proof_of(database: Database, record: UUID, *, texts: bool = False) -> Proof | None:
    """What proves the record of that id; None where there is none, or its block is older than the log's keys.

    `texts` asks for the private texts too. Raises StorageUnavailable; LogDamaged for a key without record.
    """
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            known = (await connection.execute(select(_key))).all()
            places = await _places(connection, [record, *(row.record for row in known)])
            place = places.get(record)
            if place is None or place.key is None:
                return None
            signers = _up_to(place, known, places)
            leaves = await _leaves(connection, {each.id for each in (place, *(made for _, made in signers))})
            private = (await connection.execute(_TEXTS, {"record": record})).one_or_none() if texts else None
    return Proof(
        _in_block(place, leaves),
        tuple(KeyInLog(row.id, row.public, _in_block(made, leaves)) for row, made in signers),
        private and (private.salt, orjson.loads(private.content)),
    )


async def block_of(database: Database, record: UUID) -> tuple[Header, bytes | None] | None:
    """The header of the block that holds a record, and its signature. Raises StorageUnavailable."""
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            place = (await _places(connection, [record])).get(record)
    return None if place is None else (_header(place), place.signature)


async def _places(connection: AsyncConnection, records: Iterable[UUID]) -> dict[UUID, Row[Anything]]:
    """Where records stand, and in which blocks, by their ids."""
    rows = await connection.execute(_PLACES, {"records": list(records)})
    return {row.record: row for row in rows}


async def _leaves(connection: AsyncConnection, blocks: Iterable[UUID]) -> dict[UUID, list[bytes]]:
    """The leaves of whole blocks, in their order."""
    found: dict[UUID, list[bytes]] = {}
    for row in await connection.execute(_LEAVES, {"blocks": list(blocks)}):
        found.setdefault(row.block, []).append(row.leaf)
    return found


def _up_to(
    place: Row[Anything], known: Iterable[Row[Anything]], places: Mapping[UUID, Row[Anything]]
) -> list[tuple[Row[Anything], Row[Anything]]]:
    """The keys up to the one that signed the block, each with the place of the record that made it."""
    keys = [(row, places[row.record]) for row in known if row.record in places]
    keys.sort(key=lambda pair: pair[1].first + pair[1].position)
    for n, (row, _) in enumerate(keys, 1):
        if row.id == place.key:
            return keys[:n]
    raise LogDamaged(f"block {place.number} is signed by the key {place.key}, of which the log has no record")


def _header(place: Row[Anything]) -> Header:
    return Header(place.number, place.first, place.size, place.root, place.previous, place.at, place.key)


def _in_block(place: Row[Anything], leaves: Mapping[UUID, list[bytes]]) -> InBlock:
    return InBlock(
        place.body, place.position, leaves.get(place.id, []), _header(place), place.hash, place.signature
    )
