"""What can be asked of the log, what it answers, and what becomes of an entry on its way into it."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from eligibility.canonical import canonical, canonical_of_request, timestamp
from eligibility.storage.packing import Decided, alike, packed
from eligibility.storage.records import (
    Envelope,
    commitment_hash,
    hash_bytes,
    hash_text,
    leaf,
    mac,
    principal_id,
)

DECISION = "decision"
"""The kind of record whose ruleset must be the one in force."""


@dataclass(frozen=True)
class StoredEvaluation:
    """An evaluation as it is stored: once for all decisions on the same cells under the same ruleset.

    `key` is the SHA-256 of (ruleset, cells); `cells` and `content` are canonical JSON, and `content_hash` is
    the SHA-256 of the content.
    """

    key: bytes
    ruleset: str
    cells: bytes
    content: bytes
    content_hash: bytes
    outcome: str
    findings: tuple[str, ...]


@dataclass(frozen=True)
class Idempotency:
    """What makes two requests the same: whose, under which key, and the canonical bytes of the facts."""

    principal: str
    key: str
    body: bytes


@dataclass(frozen=True)
class Statement:
    """A change that belongs to an entry and is made in its transaction, in psycopg's words.

    Where `rows` is given and another number of rows is touched, nothing is recorded: Overtaken.
    """

    sql: str
    parameters: Sequence[object] = ()
    rows: int | None = None


class Entry(NamedTuple):
    """One thing to record. `id` is a UUIDv7 and `at` has a time zone.

    `facts` and `private` are nested JSON; `subject`, the record that this one is about, is put into the facts
    too, so that the log proves it. `pinned` says that the ruleset need not be the one in force (a backlog
    begun under it). `next_key` is the fingerprint of the key that signs from the next block on.
    """

    kind: str
    id: UUID
    at: datetime
    actor: str
    channel: str
    ruleset: str | None = None
    evaluation: StoredEvaluation | None = None
    outcome: str | None = None
    generation: str | None = None
    subject: UUID | None = None
    facts: Mapping[str, Any] | None = None
    private: Mapping[str, Any] | None = None
    idempotency: Idempotency | None = None
    also: tuple[Statement, ...] = ()
    pinned: bool = False
    in_form: bool = False
    next_key: str | None = None


class Recorded(NamedTuple):
    """The entry stands in the log, durably, at this place (from 1, without gaps)."""

    id: UUID
    sequence: int


@dataclass(frozen=True)
class Earlier:
    """The same request was recorded before, as this record; nothing new was."""

    id: UUID


@dataclass(eq=False, slots=True)
class Prepared:
    """An entry with everything hashed that can be before any lock is held. Nothing changes it.

    It is not frozen, since there is one for every decision, and a frozen one takes five times as long.
    """

    entry: Entry
    body: bytes
    packed: bytes
    leaf: bytes
    actor: UUID
    ruleset: bytes | None
    salt: bytes | None
    private: bytes | None
    reference: str | None
    key_mac: UUID | None
    body_mac: UUID | None

    @property
    def month(self) -> date:
        """The month whose partition holds the record: that of the milliseconds its id begins with."""
        return month_of(self.entry.id)

    @property
    def needs_ruleset_in_force(self) -> bool:
        """Whether the record may only be made under the ruleset in force."""
        return self.entry.kind == DECISION and not self.entry.pinned


def month_of(record: UUID) -> date:
    """The first day of the month in which a UUIDv7 was made, in UTC."""
    return datetime.fromtimestamp((record.int >> 80) // 1000, UTC).date().replace(day=1)


SALT_BYTES: Final = 32
"""As long as the hash that commits to private texts, so that nobody finds a text by trying texts."""


def prepare(entry: Entry, secret: bytes, salt: bytes | None = None) -> Prepared:
    """Hash and serialise an entry. Raises ValueError for facts that are no canonical JSON.

    `salt` hides private texts: random bytes that are used for nothing else, drawn where none are given.
    """
    write = canonical_of_request if entry.in_form else canonical
    private = committed = reference = None
    if entry.private:
        salt, private = salt or secrets.token_bytes(SALT_BYTES), write(dict(entry.private))
        committed = commitment_hash(salt, private)
        reference = entry.private.get("entity", {}).get("reference")
    actor = principal_id(entry.actor)
    ruleset = hash_bytes(entry.ruleset) if entry.ruleset else None
    decided = _decided(entry, committed, write)
    if decided is None or committed is None or ruleset is None or entry.evaluation is None:
        body = _envelope(entry, None if committed is None else hash_text(committed)).canonical(write)
        stored = packed(body)
    else:
        body = decided.canonical()
        hashes = entry.evaluation.content_hash + committed + ruleset
        stored = decided.packed_with(actor.bytes + entry.id.bytes, hashes)
    key = entry.idempotency
    return Prepared(
        entry=entry,
        body=body,
        packed=stored,
        leaf=leaf(body),
        actor=actor,
        ruleset=ruleset,
        salt=salt if entry.private else None,
        private=private,
        reference=reference,
        key_mac=_half(mac(secret, "idempotency-key", key.principal.encode(), key.key.encode()))
        if key
        else None,
        body_mac=_half(mac(secret, "idempotency-body", key.body)) if key else None,
    )


def _decided(entry: Entry, committed: bytes | None, write: Callable[[object], bytes]) -> Decided | None:
    """The envelope of a decision like most: what they have alike need not be written and read each time."""
    if entry.kind != DECISION or committed is None or entry.subject or not entry.facts:
        return None
    if entry.evaluation is None or entry.outcome is None or entry.ruleset is None:
        return None
    known = alike(entry.actor, entry.channel, entry.outcome, entry.ruleset)
    if known is None:
        return None
    actor, channel, outcome, ruleset = known
    return Decided(
        actor,
        timestamp(entry.at)[:-1].encode(),
        channel,
        entry.evaluation.content_hash.hex().encode(),
        write(entry.facts),
        orjson.dumps(entry.id)[1:-1],
        outcome,
        committed.hex().encode(),
        ruleset,
    )


def _envelope(entry: Entry, committed: str | None) -> Envelope:
    """The envelope of any entry."""
    facts = entry.facts
    if entry.subject is not None:
        facts = {**(facts or {}), "subject": str(entry.subject)}
    return Envelope(
        kind=entry.kind,
        id=entry.id,
        at=entry.at,
        actor=entry.actor,
        channel=entry.channel,
        ruleset=entry.ruleset,
        evaluation=hash_text(entry.evaluation.content_hash) if entry.evaluation else None,
        outcome=entry.outcome,
        facts=facts and dict(facts),
        private=committed,
    )


def _half(digest: bytes) -> UUID:
    """The first half, as the database compares it cheapest."""
    return UUID(bytes=digest[:16])
