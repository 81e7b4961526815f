"""Files attached to reviews: kept beside the log, which commits to them, and erased with their texts."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import text

from eligibility.storage.database import Database
from eligibility.storage.entries import Statement
from eligibility.storage.reviews import rows_of

LARGEST: Final = 10 * 1024 * 1024
"""Bytes, of one file."""

_INSERT: Final = (
    "INSERT INTO review_attachment (record, decision, media_type, size, content) VALUES (%s, %s, %s, %s, %s)"
)
_FIND: Final = text(
    """
    SELECT a.media_type, a.content, t.content AS texts FROM review_attachment a
    JOIN private t ON t.record = a.record WHERE a.record = :record AND a.decision = :decision
    """
)


class Attachment(NamedTuple):
    """A file: what people call it, its type as it was given, and its bytes."""

    name: str
    media_type: str
    content: bytes

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the record says of it."""
        return {"media_type": self.media_type, "size": len(self.content)}

    @property
    def texts(self) -> Mapping[str, Any]:
        """What it says in private: its name, and the digest, from which a known file could be told."""
        return {"name": self.name, "sha256": sha256(self.content).hexdigest()}

    def stored(self, record: UUID, decision: UUID) -> Statement:
        """What keeps it, with the record that attaches it."""
        return Statement(
            _INSERT, (record, decision, self.media_type, len(self.content), self.content), rows=1
        )


async def attachment(database: Database, decision: UUID, record: UUID) -> Attachment | None:
    """The file that a step attached, None where it is not there (any more). Raises StorageUnavailable."""
    rows = await rows_of(database, _FIND, {"record": record, "decision": decision})
    if not rows:
        return None
    name = orjson.loads(rows[0].texts).get("name", "")
    return Attachment(name, rows[0].media_type, bytes(rows[0].content))
