"""The log's own acts: every record that is no decision, by kind, person and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Row, text

from eligibility.storage.database import Database
from eligibility.storage.packing import unpacked
from eligibility.storage.records import actor_of
from eligibility.storage.reviews import rows_of

ACCESSES: Final = ("access", "export")
"""Kinds of records that say who looked at what, and took away what."""

# Each kind is found by an index, without looking at the others.
_KINDS: Final = text(
    """
    WITH RECURSIVE kinds AS (
        SELECT min(r.kind) AS kind FROM record r WHERE r.kind <> 'decision'
        UNION ALL
        SELECT (SELECT min(r.kind) FROM record r WHERE r.kind > k.kind AND r.kind <> 'decision')
        FROM kinds k WHERE k.kind IS NOT NULL
    )
    SELECT kind FROM kinds WHERE kind IS NOT NULL
    """
)
_ACTS: Final = """
    SELECT a.*, p.name, t.content FROM (
        SELECT n.* FROM unnest(CAST(:kinds AS text[])) AS k (kind) CROSS JOIN LATERAL (
            SELECT r.id, r.kind, r.at, r.actor, r.channel, r.subject, r.body FROM record r
            WHERE r.kind = k.kind AND r.kind <> 'decision' AND r.id < :before AND r.id >= :since {who}
            ORDER BY r.id DESC LIMIT :limit
        ) n ORDER BY n.id DESC LIMIT :limit
    ) a LEFT JOIN principal p ON p.id = a.actor LEFT JOIN private t ON t.record = a.id
    ORDER BY a.id DESC
"""
_LAST: Final = UUID(int=2**128 - 1)
_FIRST: Final = UUID(int=0)


@dataclass(frozen=True)
class Act:
    """A record that is no decision. `by` is a name, if known; `texts` are empty where they were erased."""

    id: UUID
    kind: str
    at: datetime
    actor: str
    by: str | None
    channel: str
    subject: UUID | None
    ruleset: str | None
    facts: Mapping[str, Any]
    texts: Mapping[str, Any]


async def kinds_of_acts(database: Database) -> list[str]:
    """The kinds of acts that the log has, sorted. Raises StorageUnavailable."""
    return [row.kind for row in await rows_of(database, _KINDS, {})]


async def acts(
    database: Database,
    kinds: Sequence[str],
    *,
    actor: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: UUID | None = None,
    limit: int,
) -> tuple[Act, ...]:
    """Acts of these kinds, newest first: after `since`, before `until`, and before the act `before`.

    Raises StorageUnavailable.
    """
    end = min(before or _LAST, _LAST if until is None else _id_of(until))
    values = {
        "kinds": list(kinds),
        "before": end,
        "since": _FIRST if since is None else _id_of(since),
        "actor": actor,
        "limit": limit,
    }
    query = text(_ACTS.format(who="" if actor is None else "AND r.actor = :actor"))
    return tuple(map(_act, await rows_of(database, query, values)))


def _id_of(at: datetime) -> UUID:
    """The least id of a record that was made at that time."""
    return UUID(int=max(0, int(at.timestamp() * 1000)) << 80)


def _act(row: Row[Any]) -> Act:
    envelope = orjson.loads(unpacked(bytes(row.body)))
    return Act(
        id=row.id,
        kind=row.kind,
        at=row.at,
        actor=actor_of(row.actor),
        by=row.name,
        channel=row.channel,
        subject=row.subject,
        ruleset=envelope.get("ruleset"),
        facts=envelope.get("facts") or {},
        texts={} if row.content is None else orjson.loads(row.content),
    )
