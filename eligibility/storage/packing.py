"""Envelopes as they are stored: the canonical bytes of a decision without what every decision's have alike.

Packing loses nothing: unpacking gives the same bytes again. Hashes and ids are kept in binary, the names of
members not at all. What does not look as envelopes of decisions do is kept as it is.
"""

import re

_UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_HASH = rb"sha256:([0-9a-f]{64})"
_ENVELOPE = re.compile(
    rb'\{"actor":"(%b|system)","at":"([0-9T:.-]{26})Z","channel":"([a-z_]{1,20})","evaluation":"%b","facts":(\{.*\}),'
    rb'"id":"(%b)","kind":"decision","outcome":"([a-z_]{1,20})","private":"%b","ruleset":"%b","v":1\}'
    % (_UUID, _HASH, _UUID, _HASH, _HASH),
    re.DOTALL,
)
PACKED = b"\x01"
"""How packed bytes begin; others begin as JSON does."""

_SYSTEM, _NIL = b"system", b"00000000-0000-0000-0000-000000000000"
"""The actor where nobody asked by name, as envelopes write it, and what is stored of it."""

_HASHES = slice(33, 129)
_AT = slice(129, 155)


def packed(body: bytes) -> bytes:
    """The canonical bytes of an envelope as they are stored."""
    found = _ENVELOPE.fullmatch(body)
    if found is None:
        return body
    actor, at, channel, evaluation, facts, identifier, outcome, private, ruleset = found.groups()
    if actor == _NIL:
        return body
    ids = bytes.fromhex(((_NIL if actor == _SYSTEM else actor) + identifier).replace(b"-", b"").decode())
    hashes = bytes.fromhex((evaluation + private + ruleset).decode())
    return before_facts(ids, hashes, b"%b%b %b " % (at, channel, outcome)) + facts


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
    channel, outcome, facts = stored[_AT.stop :].split(b" ", 2)
    return (
        b'{"actor":"%b","at":"%bZ","channel":"%b","evaluation":"sha256:%b","facts":%b,"id":"%b","kind":"decision",'
        b'"outcome":"%b","private":"sha256:%b","ruleset":"sha256:%b","v":1}'
        % (
            *(actor, stored[_AT], channel, hashes[:64], facts, identifier, outcome),
            *(hashes[64:128], hashes[128:]),
        )
    )


def packed_facts(stored: bytes) -> bytes | None:
    """The canonical bytes of the facts, None where the envelope is not packed; if it is, there were texts."""
    return stored[_AT.stop :].split(b" ", 2)[2] if stored.startswith(PACKED) else None


def _id(digits: str) -> bytes:
    """A UUID as it is written, from its digits."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}".encode()
