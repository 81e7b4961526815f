"""Which key signs the log is said by the log itself: its genesis, and each rotation.

The block that holds a rotation is signed by the former key, which thereby vouches for the next one; trust in
all keys rests on the fingerprint of the genesis key.
"""

from __future__ import annotations

from datetime import UTC, datetime

import uuid_utils.compat

from eligibility.signing import SigningKey
from eligibility.storage.entries import Entry, Statement
from eligibility.storage.records import SYSTEM

GENESIS = "key.genesis"
ROTATED = "key.rotated"


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
