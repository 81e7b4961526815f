"""Batches: backlogs that are decided and recorded as one, under the ruleset in force when they began.

A batch is known by the id of its record `batch.started`. It ends once: done, when all its rows are recorded,
cancelled, or failed; the record that says so tells how much was recorded. While it runs, what is recorded of
it is told by its slices.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import Row, Select, func, select, true

from eligibility.errors import ActRefused, NotFound, Overtaken
from eligibility.recording import moment_of
from eligibility.storage import tables
from eligibility.storage.batch_slices import OUTCOMES
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.entries import Entry, Statement
from eligibility.storage.failures import translated
from eligibility.storage.log import AuditLog
from eligibility.storage.records import actor_of, hash_bytes, hash_text, principal_id

STARTED: Final = "batch.started"
Format = Literal["jsonl", "csv", "parquet"]
State = Literal["running", "done", "cancelled", "failed"]
End = Literal["done", "cancelled", "failed"]
ENDS: Final = {"done": "batch.finished", "cancelled": "batch.cancelled", "failed": "batch.failed"}
"""How a batch can end, and the kind of the record that says so."""

_MOST_TRIES = 20
_COUNTS = ("slices", "rows", "refused", *OUTCOMES)

_START = "INSERT INTO batch (id, actor, ruleset, format, state, rows) VALUES (%s, %s, %s, %s, 'running', %s)"
_IS_IN_FORCE = "SELECT 1 FROM head WHERE ruleset = %s"
_HAS_PARTS = """
    SELECT 1 FROM batch_part WHERE batch = %s
    HAVING count(*) = %s AND coalesce(sum(rows), 0) = %s AND coalesce(max(number) + 1, 0) = count(*)
"""
_LOCK = "SELECT 1 FROM batch WHERE id = %s AND state = 'running' FOR UPDATE"
_END = """
    UPDATE batch SET state = %s, rows = %s, problem = %s, ended_by = %s
    WHERE id = %s AND (%s::bigint, %s::bigint, %s::bigint, %s::bigint, %s::bigint, %s::bigint) = (
        SELECT count(*), coalesce(sum(s.rows), 0), coalesce(sum(s.refused), 0), coalesce(sum(s.permitted), 0),
               coalesce(sum(s.prohibited), 0), coalesce(sum(s.contact_meta), 0)
        FROM batch_slice s WHERE s.batch = %s
    )
"""
_DELETE_PARTS = "DELETE FROM batch_part WHERE batch = %s"

_batch, _slice, _record = tables.batch, tables.batch_slice, tables.record


class By(NamedTuple):
    """Who does something to a batch: a principal's id or `system`; and on which channel, such as `cli`."""

    actor: str
    channel: str


class Input(NamedTuple):
    """What a batch is made from.

    `rows` is how many it has, None while that is not known; of an upload so many `parts` are stored under the
    batch's id. `source` is what people call the file: a private text. `jobs` is what puts the parts into a
    queue, in the transaction that begins the batch.
    """

    form: Format
    rows: int | None = None
    parts: int | None = None
    source: str | None = None
    jobs: Statement | None = None


class _Ending(NamedTuple):
    state: End
    rows: int | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Progress:
    """What is recorded of a batch: `slices`, the `rows` in them, and how many of these were `refused`."""

    slices: int
    rows: int
    refused: int
    permitted: int
    prohibited: int
    contact_meta: int

    @property
    def decided(self) -> int:
        """The rows with a decision."""
        return self.rows - self.refused

    @property
    def outcomes(self) -> dict[str, int]:
        """How many decisions of each outcome there are."""
        return {outcome: getattr(self, outcome) for outcome in OUTCOMES}


@dataclass(frozen=True)
class Batch:
    """A batch. `rows` is None while it is not known how many there are; `problem` says why it failed.

    `actor` is a principal's id, or `system`; `ended_at` and `problem` are None while they say nothing.
    """

    id: UUID
    actor: str
    ruleset: str
    format: Format
    state: State
    rows: int | None
    problem: str | None
    ended_at: datetime | None
    progress: Progress

    @property
    def started_at(self) -> datetime:
        """When it began, and when all its decisions are said to be made."""
        return moment_of(self.id)


async def begin(log: AuditLog, what: Input, by: By, *, ruleset: str, batch: UUID | None = None) -> UUID:
    """Begin a batch under the ruleset in force; its id, which may be chosen before: a UUIDv7.

    Raises Overtaken where another ruleset is in force or parts are missing, StorageUnavailable where it is
    not known to have begun: then `find` tells of an id that was chosen.
    """
    identifier = batch or uuid_utils.compat.uuid7()
    digest = hash_bytes(ruleset)
    also = [
        Statement(_IS_IN_FORCE, (digest,), rows=1),
        Statement(_START, (identifier, principal_id(by.actor), digest, what.form, what.rows), rows=1),
    ]
    if what.parts is not None:
        also.append(Statement(_HAS_PARTS, (identifier, what.parts, what.rows), rows=1))
    if what.jobs is not None:
        also.append(what.jobs)
    entry = Entry(
        kind=STARTED,
        id=identifier,
        at=moment_of(identifier),
        actor=by.actor,
        channel=by.channel,
        ruleset=ruleset,
        facts={"format": what.form} if what.rows is None else {"format": what.form, "rows": what.rows},
        private={"source": what.source} if what.source else None,
        also=tuple(also),
    )
    # jobs are many: nobody else's decision is to wait for them
    await (log.append if what.jobs is None else log.append_aside)(entry)
    return identifier


async def finish(log: AuditLog, database: Database, batch: UUID, by: By, *, rows: int) -> Batch:
    """End a batch of which all rows are recorded.

    Raises ActRefused where some are not, or it ended otherwise; NotFound, StorageUnavailable.
    """
    return await _end(log, database, batch, by, _Ending("done", rows=rows))


async def cancel(log: AuditLog, database: Database, batch: UUID, by: By) -> Batch:
    """End a batch before all its rows are recorded; what is recorded stays. Raises as `finish` does."""
    return await _end(log, database, batch, by, _Ending("cancelled"))


async def fail(log: AuditLog, database: Database, batch: UUID, by: By, *, problem: str) -> Batch:
    """End a batch that cannot go on. `problem` says why, without private texts. Raises as `finish` does."""
    return await _end(log, database, batch, by, _Ending("failed", problem=problem))


async def _end(log: AuditLog, database: Database, batch: UUID, by: By, ending: _Ending) -> Batch:
    for _ in range(_MOST_TRIES):
        found = await find(database, batch)
        if found is None:
            raise NotFound(f"there is no batch `{batch}`")
        if found.state == ending.state:
            return found
        if found.state != "running":
            raise ActRefused(f"the batch has ended already: it is `{found.state}`")
        if ending.state == "done" and found.progress.rows != ending.rows:
            raise ActRefused(f"of {ending.rows} rows of the batch {found.progress.rows} are recorded")
        try:
            # aside, since it waits for slices that are being recorded
            await log.append_aside(_entry(found, by, ending))
        except Overtaken:
            continue  # it ended meanwhile, or another slice was recorded: look again
    raise Overtaken("the batch goes on too fast to be ended: try again")


def _entry(batch: Batch, by: By, ending: _Ending) -> Entry:
    """The record of an end, with what is recorded until then."""
    identifier, progress = uuid_utils.compat.uuid7(), batch.progress
    rows = batch.rows if ending.rows is None else ending.rows
    facts: dict[str, Any] = {
        "slices": progress.slices,
        "recorded": progress.rows,
        "refused": progress.refused,
        "outcomes": progress.outcomes,
    }
    known = {"rows": rows, "problem": ending.problem}
    facts |= {name: value for name, value in known.items() if value is not None}
    counts = [getattr(progress, name) for name in _COUNTS]
    change = (ending.state, rows, ending.problem, identifier, batch.id, *counts, batch.id)
    return Entry(
        kind=ENDS[ending.state],
        id=identifier,
        at=moment_of(identifier),
        actor=by.actor,
        channel=by.channel,
        subject=batch.id,
        facts=facts,
        also=(
            Statement(_LOCK, (batch.id,), rows=1),
            Statement(_END, change, rows=1),
            Statement(_DELETE_PARTS, (batch.id,)),
        ),
    )


def _batches() -> Select[Any]:
    counts = (
        select(
            func.count().label("slices"),
            *(func.coalesce(func.sum(_slice.c[name]), 0).label(f"{name}_recorded") for name in _COUNTS[1:]),
        )
        .where(_slice.c.batch == _batch.c.id)
        .lateral("counted")
    )
    return (
        select(_batch, counts, _record.c.at.label("ended_at"))
        .join_from(_batch, counts, true())
        .outerjoin(_record, _record.c.id == _batch.c.ended_by)
    )


async def find(database: Database, batch: UUID, *, mine: str | None = None) -> Batch | None:
    """The batch of that id, None where there is none, or none of the principal `mine`.

    Raises StorageUnavailable.
    """
    query = _batches().where(_batch.c.id == batch)
    if mine is not None:
        query = query.where(_batch.c.actor == principal_id(mine))
    rows = await _rows(database, query)
    return _batch_of(rows[0]) if rows else None


async def listed(
    database: Database, *, mine: str | None = None, before: UUID | None = None, limit: int = 50
) -> tuple[Batch, ...]:
    """Batches, the newest first: those before an id; or those of the principal `mine`.

    Raises StorageUnavailable.
    """
    query = _batches().order_by(_batch.c.id.desc()).limit(limit)
    if mine is not None:
        query = query.where(_batch.c.actor == principal_id(mine))
    if before is not None:
        query = query.where(_batch.c.id < before)
    return tuple(map(_batch_of, await _rows(database, query)))


async def running_of(database: Database, actor: str) -> int:
    """How many batches of a principal are running. Raises StorageUnavailable."""
    query = select(func.count()).where(_batch.c.actor == principal_id(actor), _batch.c.state == "running")
    [row] = await _rows(database, query)
    return int(row[0])


def _batch_of(row: Row[Any]) -> Batch:
    counts = (int(getattr(row, f"{name}_recorded")) for name in _COUNTS[1:])
    return Batch(
        id=row.id,
        actor=actor_of(row.actor),
        ruleset=hash_text(row.ruleset),
        format=row.format,
        state=row.state,
        rows=row.rows,
        problem=row.problem,
        ended_at=row.ended_at,
        progress=Progress(row.slices, *counts),
    )


async def _rows(database: Database, query: Select[Any]) -> Sequence[Row[Any]]:
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            return tuple(await connection.execute(query))
