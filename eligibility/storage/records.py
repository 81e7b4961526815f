"""What is written into the log, byte for byte: envelopes, canonical JSON, commitments.

A record's envelope is what its leaf in the log is a hash of. Free texts never stand in it, only the
commitment to them, so that they can be erased without touching the log.
"""

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from eligibility import merkle
from eligibility.canonical import canonical, timestamp

VERSION = 1
"""The version of the envelope's form."""

SYSTEM = "system"
"""The actor where the service acts by itself."""

NIL = UUID(int=0)

_Texts: TypeAlias = Mapping[str, "_Texts"]
_TEXTS: _Texts = {
    "entity": {"name": {}, "reference": {}},
    "use": {
        "description": {},
        "critical_infrastructure": {"sector": {}, "certification": {}},
        "output_model": {"name": {}},
    },
}
"""The private texts of every request, nested as they are given."""

_WITH_MODEL_NAME: _Texts = {"model": {"name": {}}, **_TEXTS}
_PARTS = ("model", "entity", "use")


class Envelope(NamedTuple):
    """One record as the log proves it. Members that a kind does not have are None, and left out."""

    kind: str
    id: UUID
    at: datetime
    actor: str
    channel: str
    ruleset: str | None = None
    evaluation: str | None = None
    outcome: str | None = None
    facts: Mapping[str, Any] | None = None
    private: str | None = None
    v: int = VERSION

    def canonical(self, write: Callable[[object], bytes] = canonical) -> bytes:
        """The canonical bytes, as `write` writes them. Raises ValueError, as `canonical` does."""
        members = {
            "v": self.v,
            "kind": self.kind,
            "id": str(self.id),
            "at": timestamp(self.at),
            "actor": self.actor,
            "channel": self.channel,
            "ruleset": self.ruleset,
            "evaluation": self.evaluation,
            "outcome": self.outcome,
            "facts": self.facts,
            "private": self.private,
        }
        return write({name: value for name, value in members.items() if value is not None})


def leaf(body: bytes) -> bytes:
    """The hash of a record in the log: SHA-256(0x00 ‖ canonical bytes)."""
    return merkle.leaf(body)


def commitment(salt: bytes, private: bytes) -> str:
    """What the envelope says of private texts, as text."""
    return hash_text(commitment_hash(salt, private))


def commitment_hash(salt: bytes, private: bytes) -> bytes:
    """What the envelope says of private texts: SHA-256(salt ‖ their canonical JSON)."""
    return sha256(salt + private).digest()


def hash_text(digest: bytes) -> str:
    """A hash as envelopes and answers show it."""
    return f"sha256:{digest.hex()}"


@lru_cache(1024)
def hash_bytes(text: str) -> bytes:
    """The hash that `hash_text` showed. Raises ValueError."""
    algorithm, _, digits = text.partition(":")
    if algorithm != "sha256" or len(digits) != 2 * sha256().digest_size:
        message = f"`{text}` is no hash: write `sha256:` and 64 hexadecimal digits"
        raise ValueError(message)
    return bytes.fromhex(digits)


def mac(secret: bytes, purpose: str, *parts: bytes) -> bytes:
    """HMAC-SHA256 under the service's secret.

    Parts are told apart by their lengths, and uses by their purpose.
    """
    framed = b"".join(len(part).to_bytes(8) + part for part in (purpose.encode(), *parts))
    return hmac.digest(secret, framed, "sha256")


@lru_cache(1024)
def principal_id(actor: str) -> UUID:
    """An actor as columns hold it: the principal's id, or the nil UUID for `system`. Raises ValueError."""
    return NIL if actor == SYSTEM else UUID(actor)


@lru_cache(1024)
def actor_of(principal: UUID) -> str:
    """An actor as envelopes name it, from a column."""
    return SYSTEM if principal == NIL else str(principal)


def split_private(
    document: Mapping[str, Any], is_catalogue_name: Callable[[str], bool]
) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Part the facts as given into those for the envelope and the private ones, both nested as given.

    Private are all free texts; the name of a model is one unless the catalogue knows it. An object emptied by
    the parting is left out.
    """
    name = document.get("model", {}).get("name")
    is_known = name is None or is_catalogue_name(name)
    return _parted(document, _TEXTS if is_known else _WITH_MODEL_NAME)


def _parted(members: Mapping[str, Any], texts: _Texts) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """The members without the texts, and the texts; the members themselves where they hold none."""
    kept: dict[str, Any] | None = None
    parted = dict[str, Any]()
    for name, inner in texts.items():
        rest, taken = None, members.get(name)
        if taken is None or (inner and inner.keys().isdisjoint(taken)):
            continue
        if inner:
            rest, taken = _parted(taken, inner)
            if not taken:
                continue
        if kept is None:
            kept = dict(members)
        parted[name] = taken
        if rest:
            kept[name] = rest
        else:
            del kept[name]
    return members if kept is None else kept, parted


def join_private(facts: Mapping[str, Any], private: Mapping[str, Any]) -> dict[str, Any]:
    """The facts as given, from the two halves that `split_private` made."""
    joined = dict(facts)
    for name, value in private.items():
        if isinstance(value, Mapping):
            joined[name] = join_private(joined.get(name, {}), value)
        else:
            joined[name] = value
    return joined


def facts_of(envelope: Mapping[str, Any], private: Mapping[str, Any] | None) -> dict[str, Any]:
    """The facts of a decision as given, without texts that were erased, nor ids that are no facts."""
    texts = {name: value for name, value in (private or {}).items() if name in _PARTS}
    return join_private(envelope.get("facts", {}), texts)
