"""Views of lists that people keep under a name, for all to use. They are no part of the log."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import text

from eligibility.errors import ActRefused
from eligibility.storage.database import STATEMENT_SECONDS, Database
from eligibility.storage.failures import translated
from eligibility.storage.reviews import rows_of

LONGEST_NAME: Final = 60
"""Characters."""

MOST: Final = 100
"""Views that a page has at most."""

_VIEWS: Final = text(
    """
    SELECT v.id, v.name, v.query, v.owner, p.name AS kept_by, v.saved_at
    FROM saved_view v LEFT JOIN principal p ON p.id = v.owner
    WHERE v.page = :page ORDER BY lower(v.name), v.name LIMIT :most
    """
)
_KEEP: Final = text(
    """
    INSERT INTO saved_view (id, page, name, query, owner, saved_at)
    SELECT :id, :page, :name, :query, :owner, :saved_at
    WHERE (SELECT count(*) FROM saved_view WHERE page = :page AND name <> :name) < :most
    ON CONFLICT (page, name) DO UPDATE SET query = excluded.query, saved_at = excluded.saved_at
    WHERE saved_view.owner = excluded.owner RETURNING id
    """
)
_DROP: Final = text(
    "DELETE FROM saved_view WHERE id = :id AND page = :page AND (owner = :by OR :whoever) RETURNING id"
)


@dataclass(frozen=True)
class SavedView:
    """A view: the `query` of a page's address. `kept_by` is the name of its `owner`, if it is known."""

    id: UUID
    name: str
    query: str
    owner: UUID
    kept_by: str | None
    saved_at: datetime


async def saved_views(database: Database, page: str) -> list[SavedView]:
    """The views of a page, by name. Raises StorageUnavailable."""
    rows = await rows_of(database, _VIEWS, {"page": page, "most": MOST})
    return [SavedView(**row._mapping) for row in rows]  # noqa: SLF001 - the documented way to a row's columns


async def keep_view(database: Database, page: str, name: str, query: str, owner: UUID) -> None:
    """Keep a view under a name, in place of one's own of that name.

    Raises ActRefused where the name is another person's, or where there are too many; StorageUnavailable.
    """
    values = {
        "id": uuid_utils.compat.uuid7(),
        "page": page,
        "name": name,
        "query": query,
        "owner": owner,
        "saved_at": datetime.now(UTC),
        "most": MOST,
    }
    if not await _done(database, _KEEP, values):
        raise ActRefused(
            "the view cannot be kept: another person has one of this name: choose another name; or there are"
            f" {MOST} already: delete those that nobody needs"
        )


async def drop_view(database: Database, page: str, view: UUID, *, by: UUID, whoever: bool) -> None:
    """Delete one's own view, or that of `whoever` kept it. Raises ActRefused, StorageUnavailable."""
    values = {"id": view, "page": page, "by": by, "whoever": whoever}
    if not await _done(database, _DROP, values):
        raise ActRefused("the view cannot be deleted: it is gone, or another person keeps it; ask them")


async def _done(database: Database, query: Any, values: dict[str, object]) -> bool:
    """Whether a statement that changes something found what to change."""
    with translated():
        async with asyncio.timeout(STATEMENT_SECONDS), database.engine.begin() as connection:
            return (await connection.execute(query, values)).one_or_none() is not None
