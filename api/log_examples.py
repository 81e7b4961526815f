"""The worked examples of proofs: of a log with one key and one decision, sealed as real ones are."""

from typing import Any, Final
from uuid import UUID

from eligibility import merkle, signing
from eligibility.canonical import canonical
from eligibility.chain import BEFORE_THE_FIRST, Header, signed_document
from eligibility.receipt import InBlock, KeyInLog, receipt_document
from eligibility.recording import moment_of
from eligibility.storage.decisions import StoredDecision
from eligibility.storage.key_rotation import GENESIS
from eligibility.storage.records import SYSTEM, Envelope, commitment, leaf

_KEY: Final = signing.from_seed(bytes(32))
_SALT: Final = bytes(32)
_GENESIS: Final = UUID("01982c3e-5a00-7000-8000-000000000000")


def _sealed(body: bytes, number: int, at: UUID, previous: bytes = BEFORE_THE_FIRST) -> InBlock:
    """A record in a block of its own."""
    leaves = [leaf(body)]
    header = Header(number, number, 1, merkle.root(leaves), previous, moment_of(at), _KEY.id)
    return InBlock(body, 0, leaves, header, header.hash, _KEY.sign(header.signed_bytes))


_FIRST: Final = _sealed(
    Envelope(
        kind=GENESIS,
        id=_GENESIS,
        at=moment_of(_GENESIS),
        actor=SYSTEM,
        channel="system",
        facts={"key": _KEY.id, "public": _KEY.public.hex()},
    ).canonical(),
    1,
    _GENESIS,
)


def log_examples(stored: StoredDecision) -> dict[str, Any]:
    """The receipt of a decision, and the checkpoint that its block is."""
    private = dict(stored.private or {})
    envelope = {**stored.envelope, "private": commitment(_SALT, canonical(private))}
    decided = _sealed(canonical(envelope), 2, stored.id, _FIRST.hash)
    return {
        "receipt": receipt_document(
            decided, [KeyInLog(_KEY.id, _KEY.public, _FIRST)], stored.evaluation, (_SALT, private)
        ),
        "checkpoint": signed_document(decided.header, decided.signature),
    }
