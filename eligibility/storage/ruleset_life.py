"""What the database knows of the life of rulesets."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from eligibility.errors import NotFound
from eligibility.ruleset_life import Check, Life, SignOff, State, Step, state_of
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.failures import translated
from eligibility.storage.records import SYSTEM, actor_of, hash_bytes, hash_text

_RULESET = text(
    """
    SELECT r.version, r.loaded_at, r.loaded_by, p.name, h.ruleset AS in_force,
           convert_from(r.document, 'UTF8')::jsonb -> 'semantics' AS semantics,
           (SELECT s.record FROM ruleset_source s WHERE s.ruleset = r.digest
            ORDER BY s.record DESC LIMIT 1) AS source,
           (SELECT coalesce(max(number), 0) FROM ruleset_step WHERE step = 'activated') AS last_activation
    FROM ruleset r CROSS JOIN head h LEFT JOIN principal p ON p.id::text = r.loaded_by
    WHERE r.digest = :digest
    """
)
_STEPS = text(
    """
    SELECT s.number, s.step, s.actor, e.at, s.due, p.name, t.content
    FROM ruleset_step s JOIN record e ON e.id = s.record
    LEFT JOIN principal p ON p.id = s.actor LEFT JOIN private t ON t.record = s.record
    WHERE s.ruleset = :digest ORDER BY s.number
    """
)
_CHECKS = text(
    """
    SELECT DISTINCT ON (c.kind) c.record, c.kind, c.against, c.passed, c.report, e.at, e.actor, p.name
    FROM ruleset_check c JOIN record e ON e.id = c.record LEFT JOIN principal p ON p.id = e.actor
    WHERE c.ruleset = :digest ORDER BY c.kind, c.record DESC
    """
)
_SIGN_OFFS = text(
    """
    SELECT s.group_id, s.actor, e.at, p.name, t.content
    FROM impact_sign_off s JOIN record e ON e.id = s.record
    LEFT JOIN principal p ON p.id = s.actor LEFT JOIN private t ON t.record = s.record
    WHERE s.impact = :impact ORDER BY s.record
    """
)
_ALL = text(
    """
    SELECT r.digest, r.version, r.loaded_at, r.loaded_by, p.name, h.ruleset AS in_force, s.step, e.at, s.due,
           (SELECT max(b.at) FROM ruleset_step a JOIN record b ON b.id = a.record
            WHERE a.ruleset = r.digest AND a.step = 'activated') AS since
    FROM ruleset r CROSS JOIN head h LEFT JOIN principal p ON p.id::text = r.loaded_by
    LEFT JOIN LATERAL (SELECT * FROM ruleset_step l WHERE l.ruleset = r.digest ORDER BY number DESC LIMIT 1) s
        ON true
    LEFT JOIN record e ON e.id = s.record
    ORDER BY r.loaded_at DESC, r.digest
    """
)
_DUE = text(
    """
    SELECT s.ruleset FROM ruleset_step s
    WHERE s.step = 'scheduled' AND s.due <= now()
    AND NOT EXISTS (SELECT FROM ruleset_step l WHERE l.ruleset = s.ruleset AND l.number > s.number)
    ORDER BY s.due, s.number
    """
)
_SOURCE = text("SELECT files FROM ruleset_source WHERE ruleset = :digest ORDER BY record DESC LIMIT 1")


@dataclass(frozen=True)
class Listed:
    """A ruleset as it is listed. `since` is when it was last put in force; `moved_at` when it last moved."""

    digest: str
    version: str
    state: State
    loaded_at: datetime
    loaded_by: str
    moved_at: datetime | None
    due: datetime | None
    since: datetime | None


async def life(database: Database, digest: str) -> Life:
    """All that is known of a ruleset. Raises NotFound, StorageUnavailable."""
    try:
        key = {"digest": hash_bytes(digest)}
    except ValueError:
        raise NotFound(f"there is no ruleset `{digest[:80]}`") from None
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            row = (await connection.execute(_RULESET, key)).one_or_none()
            if row is None:
                raise NotFound(f"there is no ruleset `{digest}`")
            steps = (await connection.execute(_STEPS, key)).all()
            checks = {each.kind: _check(each) for each in await connection.execute(_CHECKS, key)}
            impact = checks.get("impact")
            sign_offs = await _sign_offs(connection, impact.id) if impact else ()
    return Life(
        digest=digest,
        version=row.version,
        semantics=row.semantics if isinstance(row.semantics, int) else None,
        loaded_at=row.loaded_at,
        loaded_by=row.name or row.loaded_by,
        in_force=None if row.in_force is None else hash_text(row.in_force),
        last_activation=row.last_activation,
        steps=tuple(
            Step(each.number, each.step, actor_of(each.actor), _by(each), each.at, each.due, _reason(each))
            for each in steps
        ),
        checks=checks,
        sign_offs=sign_offs,
        source=row.source,
    )


async def listed(database: Database) -> tuple[Listed, ...]:
    """Every ruleset, the one loaded last first. Raises StorageUnavailable."""
    return tuple(
        Listed(
            digest=hash_text(row.digest),
            version=row.version,
            state=state_of(
                hash_text(row.digest), None if row.in_force is None else hash_text(row.in_force), row.step
            ),
            loaded_at=row.loaded_at,
            loaded_by=row.name or row.loaded_by,
            moved_at=row.at,
            due=row.due,
            since=row.since,
        )
        for row in await _rows(database, _ALL, {})
    )


async def due(database: Database) -> tuple[str, ...]:
    """The rulesets whose date has come by the database's clock. Raises StorageUnavailable."""
    return tuple(hash_text(row.ruleset) for row in await _rows(database, _DUE, {}))


async def source(database: Database, digest: str) -> Mapping[str, str] | None:
    """The files that a ruleset was last loaded from, None where they were not kept.

    Raises StorageUnavailable.
    """
    rows = await _rows(database, _SOURCE, {"digest": hash_bytes(digest)})
    if not rows:
        return None
    files: Mapping[str, str] = orjson.loads(rows[0].files)
    return files


async def _rows(database: Database, query: Any, parameters: Mapping[str, object]) -> "tuple[Row[Any], ...]":
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.connect() as connection:
            return tuple(await connection.execute(query, parameters))


async def _sign_offs(connection: AsyncConnection, impact: UUID) -> tuple[SignOff, ...]:
    rows = await connection.execute(_SIGN_OFFS, {"impact": impact})
    return tuple(SignOff(row.group_id, _by(row), row.at, _reason(row)) for row in rows)


def _check(row: Row[Any]) -> Check:
    report = orjson.loads(row.report)
    return Check(row.record, row.kind, hash_text(row.against), row.passed, row.at, _by(row), report)


def _by(row: Row[Any]) -> str | None:
    """The name of whoever acted, None where it is not known."""
    return SYSTEM if actor_of(row.actor) == SYSTEM else row.name


def _reason(row: Row[Any]) -> str | None:
    """The reason given, None where there was none, or it was erased."""
    return orjson.loads(row.content).get("reason") if row.content is not None else None
