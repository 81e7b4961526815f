"""Erasing texts: what the log keeps of a person or company beside what it proves.

The records stay, with everything that was decided from; of what names somebody nothing does, and the log says
which records lost their texts, and when.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import Row, Select, Uuid, any_, bindparam, select, union
from sqlalchemy.dialects.postgresql import ARRAY

from eligibility.backlog.ids import MOST_ROWS, ids_of
from eligibility.errors import ActRefused, Held, NotFound, Overtaken, RecordRefused
from eligibility.storage import tables
from eligibility.storage.batches import find
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.decisions import storable
from eligibility.storage.entries import DECISION, Entry, Statement, month_of
from eligibility.storage.failures import translated
from eligibility.storage.holds import holds, keeping
from eligibility.storage.log import AuditLog

ERASURE = "erasure"

MOST_AT_ONCE = 250
"""Records that one record of an erasure names: the database looks for each of them in it."""

_MOST_NAMED = 5
_NAMES = ("principal.created", "key.created")
"""Kinds whose texts name those who use keys: these stand in other tables too, so they are left alone."""

_record, _private = tables.record, tables.private


@dataclass(frozen=True)
class Texts:
    """What there is to erase: decisions, and records about them such as reviews, that have texts.

    `first` and `last` are the times of the first and last of these records.
    """

    decisions: tuple[UUID, ...]
    others: tuple[UUID, ...]
    first: datetime
    last: datetime

    @property
    def records(self) -> tuple[UUID, ...]:
        """All of them, oldest first."""
        return tuple(sorted((*self.decisions, *self.others)))


async def texts_of_reference(database: Database, reference: str) -> Texts:
    """All texts kept of whom callers know by that reference, exactly as it was given.

    Raises NotFound where there are none, UnacceptableRequest where no text can be so, StorageUnavailable.
    """
    named = select(_private.c.record).where(_private.c.entity_reference == storable(reference))
    found = await _found(database, _having_texts(named))
    if found is None:
        raise NotFound("there is nothing to erase: no decision has texts under this reference")
    return found


async def texts_of_decisions(database: Database, decisions: Sequence[UUID]) -> Texts:
    """All texts kept of these decisions; or of other records, such as an erasure with its reason.

    Raises NotFound where one does not exist, or none has texts; StorageUnavailable.
    """
    given = bindparam("given", list(decisions), type_=ARRAY(Uuid))
    named = select(_record.c.id).where(_record.c.id == any_(given), _record.c.kind.not_in(_NAMES))
    existing = {row.id for row in await _rows(database, named)}
    unknown = [identifier for identifier in decisions if identifier not in existing]
    if unknown:
        raise NotFound(f"there is no decision {_listed(unknown)}: nothing was erased")
    found = await _found(database, _having_texts(named))
    if found is None:
        raise NotFound("there is nothing to erase: none of these has texts any more")
    return found


async def texts_of_batch(database: Database, batch: UUID) -> Texts:
    """All texts kept of a batch that has ended: of its decisions, of lines refused, the name of its file.

    Raises NotFound where there is no such batch or it has none, ActRefused where it is running,
    StorageUnavailable.
    """
    made = await find(database, batch)
    if made is None:
        raise NotFound(f"there is no batch `{batch}`: nothing was erased")
    if made.state == "running":
        raise ActRefused(f"the batch `{batch}` is running: cancel it before its texts are erased")
    ids = ids_of(batch)
    decisions = select(_record.c.id).where(_record.c.id.between(ids.of(0), ids.of(MOST_ROWS - 1)))
    itself = select(_record.c.id).where(_record.c.id == batch)
    found = await _found(database, union(_having_texts(decisions), _having_texts(itself)))
    if found is None:
        raise NotFound("there is nothing to erase: the batch has no texts any more")
    return found


async def erase(
    log: AuditLog, database: Database, texts: Texts, *, reason: str | None, actor: str, channel: str
) -> tuple[UUID, ...]:
    """Erase texts that were found; the records that say so, each of MOST_AT_ONCE at most.

    The reason is a text like those erased: it can be erased as well. Raises Held where a legal hold keeps one
    of them, and then none is erased; Overtaken or StorageUnavailable where only some may be: look again.
    """
    await _refuse_held(database, texts)
    made = []
    records = texts.records
    for start in range(0, len(records), MOST_AT_ONCE):
        entry = _erasure(records[start : start + MOST_AT_ONCE], reason, actor, channel)
        try:
            await log.append(entry)
        except RecordRefused:
            await _refuse_held(database, texts)  # a hold that was set meanwhile
            raise
        except Overtaken:
            raise Overtaken(
                "others erase the same, or retention is at work: look again, and repeat it if need be"
            ) from None
        made.append(entry.id)
    return tuple(made)


def _erasure(records: Sequence[UUID], reason: str | None, actor: str, channel: str) -> Entry:
    identifier = uuid_utils.compat.uuid7()
    erasing = Statement(
        "SELECT 1 WHERE erase_private(%s::uuid[], %s) = %s",
        (list(records), identifier, len(records)),
        rows=1,
    )
    return Entry(
        kind=ERASURE,
        id=identifier,
        at=datetime.now(UTC),
        actor=actor,
        channel=channel,
        facts={"records": [str(record) for record in records]},
        private={"reason": storable(reason)} if reason else None,
        also=(erasing,),
    )


async def _refuse_held(database: Database, texts: Texts) -> None:
    """Raise Held, naming hold and decisions, where a hold in force keeps one of them."""
    found = await holds(database)
    for record in texts.records:
        hold = keeping(found, month_of(record))
        if hold is not None:
            kept = [each for each in texts.records if hold.keeps(month_of(each))]
            raise Held(f"the legal hold `{hold.id}` keeps {_listed(kept)}: nothing was erased")


def _listed(records: Sequence[UUID]) -> str:
    shown = ", ".join(f"`{each}`" for each in records[:_MOST_NAMED])
    more = len(records) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _having_texts(named: Select[Any]) -> Any:
    """The records that are named, and those about them, as far as they have texts."""
    wanted = select(_record.c.id, _record.c.kind, _record.c.at).join_from(
        _record, _private, _private.c.record == _record.c.id
    )
    return union(
        wanted.where(_record.c.id.in_(named), _record.c.kind.not_in(_NAMES)),
        wanted.where(_record.c.subject.in_(named)),
    )


async def _found(database: Database, query: Any) -> Texts | None:
    rows = await _rows(database, query)
    if not rows:
        return None
    return Texts(
        decisions=tuple(_ids(rows, of_decisions=True)),
        others=tuple(_ids(rows, of_decisions=False)),
        first=min(row.at for row in rows),
        last=max(row.at for row in rows),
    )


def _ids(rows: Sequence[Row[Any]], *, of_decisions: bool) -> Iterator[UUID]:
    return (row.id for row in rows if (row.kind == DECISION) is of_decisions)


async def _rows(database: Database, query: Any) -> Sequence[Row[Any]]:
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            return (await connection.execute(query)).all()
