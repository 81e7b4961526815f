"""Envelopes as they are stored: the canonical bytes of a decision without what every decision's have alike.

Packing loses nothing: unpacking gives the same bytes again. Hashes and ids are kept in binary, the names of
members not at all. What does not look as envelopes of decisions do is kept as it is.
"""

import re
from functools import lru_cache
from typing import NamedTuple

_UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_HASH = rb"sha256:([0-9a-f]{64})"
_NAME = rb"[a-z_]{1,20}"
_SYSTEM, _NIL = b"system", b"00000000-0000-0000-0000-000000000000"
"""The actor where nobody asked by name, as envelopes write it, and what is stored of it."""

_ACTOR = rb"%b|(?!%b)%b" % (_SYSTEM, _NIL, _UUID)
_ENVELOPE = re.compile(
    rb'\{"actor":"(%b)","at":"([0-9T:.-]{26})Z","channel":"(%b)","evaluation":"%b","facts":(\{.*\}),'
    rb'"id":"(%b)","kind":"decision","outcome":"(%b)","private":"%b","ruleset":"%b","v":1\}'
    % (_ACTOR, _NAME, _HASH, _UUID, _NAME, _HASH, _HASH),
    re.DOTALL,
)
_ALIKE = re.compile(rb"(%b) (%b) (%b) %b" % (_ACTOR, _NAME, _NAME, _HASH))
PACKED = b"\x01"
"""How packed bytes begin; others begin as JSON does."""

_HASHES = slice(33, 129)
_AT = slice(129, 155)


FACTS_IN_SQL = """
    CASE get_byte(r.body, 0) WHEN 1
    THEN convert_from(substring(
        r.body FROM 158 + octet_length(r.channel) + octet_length(r.outcome)), 'UTF8')::jsonb
    ELSE convert_from(r.body, 'UTF8')::jsonb -> 'facts' END
"""
"""The facts of the decision in a row `r` of `record`, for the database to look into. See `packed_facts`."""


class Decided(NamedTuple):
    """The members of a decision's envelope: ids and times in their usual digits, hashes in hexadecimal."""

    actor: bytes
    at: bytes
    channel: bytes
    evaluation: bytes
    facts: bytes
    id: bytes
    outcome: bytes
    private: bytes
    ruleset: bytes

    def canonical(self) -> bytes:
        """The canonical bytes of the envelope."""
        return (
            b'{"actor":"%b","at":"%bZ","channel":"%b","evaluation":"sha256:%b","facts":%b,"id":"%b",'
            b'"kind":"decision","outcome":"%b","private":"sha256:%b","ruleset":"sha256:%b","v":1}' % self
        )

    def packed(self) -> bytes:
        """The same as they are stored."""
        actor = _NIL if self.actor == _SYSTEM else self.actor
        ids = bytes.fromhex((actor + self.id).replace(b"-", b"").decode())
        return self.packed_with(ids, bytes.fromhex((self.evaluation + self.private + self.ruleset).decode()))

    def packed_with(self, ids: bytes, hashes: bytes) -> bytes:
        """The same, where ids and hashes are at hand as `before_facts` takes them."""
        words = b"%b%b %b " % (self.at, self.channel, self.outcome)
        return before_facts(ids, hashes, words) + self.facts


@lru_cache(1024)
def alike(actor: str, channel: str, outcome: str, ruleset: str) -> tuple[bytes, ...] | None:
    """These, as `Decided` has them; None where they do not look as in the envelopes that are packed."""
    found = _ALIKE.fullmatch(f"{actor} {channel} {outcome} {ruleset}".encode())
    return found and found.groups()


def packed(body: bytes) -> bytes:
    """The canonical bytes of an envelope as they are stored."""
    found = _ENVELOPE.fullmatch(body)
    return Decided(*found.groups()).packed() if found else body


def before_facts(ids: bytes, hashes: bytes, words: bytes) -> bytes:
    """How packed bytes begin; the canonical bytes of the facts follow, and nothing else.

    `ids` are those of actor and record, `hashes` those of evaluation, private texts and ruleset, `words` the
    time without its `Z` and the channel, a space, the outcome and a space.
    """
    return b"%b%b%b%b" % (PACKED, ids, hashes, words)


def unpacked(stored: bytes) -> bytes:
    """The canonical bytes of an envelope that is stored."""
    if not stored.startswith(PACKED):
        return stored
    actor, identifier = _id(stored[1:17].hex()), _id(stored[17:33].hex())
    if actor == _NIL:
        actor = _SYSTEM
    hashes = stored[_HASHES].hex().encode()
    evaluation, private, ruleset = hashes[:64], hashes[64:128], hashes[128:]
    channel, outcome, facts = stored[_AT.stop :].split(b" ", 2)
    return Decided(
        actor, stored[_AT], channel, evaluation, facts, identifier, outcome, private, ruleset
    ).canonical()


def packed_facts(stored: bytes) -> bytes | None:
    """The canonical bytes of the facts, None where the envelope is not packed; if it is, there were texts."""
    return stored[_AT.stop :].split(b" ", 2)[2] if stored.startswith(PACKED) else None


def _id(digits: str) -> bytes:
    """A UUID as it is written, from its digits."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}".encode()
