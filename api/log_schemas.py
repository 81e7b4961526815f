"""The answers that prove the log, as models. Tests hold real answers against them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import Outcome

_HASH = r"^sha256:[0-9a-f]{64}$"
_HASH_BYTES = r"^[0-9a-f]{64}$"
_SIGNATURE = r"^[0-9a-f]{128}$"


class _Answer(BaseModel):
    """Complete: what is not described is not sent."""

    model_config = ConfigDict(extra="forbid")


class SignedBlock(_Answer):
    """The head of a block, signed. It is a checkpoint by itself: it pins every record up to its own.

    The signature is over the canonical JSON (RFC 8785) of all members but `hash` and itself, and `hash` is
    the SHA-256 of the same bytes.
    """

    v: Literal[1] = Field(description="The version of this form.")
    number: int = Field(description="The block's number, from 1.")
    first: int = Field(description="The sequence of its first record.")
    count: int = Field(description="How many records it holds.")
    root: str = Field(description="The root of the Merkle tree of its records (RFC 6962).", pattern=_HASH)
    previous: str = Field(description="The hash of the block before; zeros in the first.", pattern=_HASH)
    at: str = Field(description="When it was sealed, RFC 3339 in UTC.")
    key: str = Field(description="The SHA-256 of the public key that it is signed with.", pattern=_HASH)
    hash: str = Field(description="What the next block names it by.", pattern=_HASH)
    signature: str = Field(description="The Ed25519 signature, in hexadecimal.", pattern=_SIGNATURE)


class Envelope(_Answer):
    """A record, as the log proves it. Its canonical JSON is the data of the leaf in its block's tree."""

    v: Literal[1] = Field(description="The version of this form.")
    kind: str = Field(description="What is recorded.")
    id: str = Field(description="The record's id, a UUIDv7.")
    at: str = Field(description="When it was made, RFC 3339 in UTC.")
    actor: str = Field(description="The id of the principal who did it, or `system`.")
    channel: str = Field(description="How it was asked for.")
    ruleset: str | None = Field(default=None, description="The digest of the ruleset.", pattern=_HASH)
    evaluation: str | None = Field(
        default=None, description="The SHA-256 of the canonical JSON of the evaluation.", pattern=_HASH
    )
    outcome: Outcome | None = Field(default=None, description="The outcome of a decision.")
    facts: dict[str, Any] | None = Field(default=None, description="What was given, but for free texts.")
    private: str | None = Field(
        default=None,
        description="The SHA-256 of a salt and the canonical JSON of the free texts.",
        pattern=_HASH,
    )


class ProvedRecord(_Answer):
    """A record and its place in the log."""

    record: Envelope = Field(description="The record.")
    sequence: int = Field(description="Its place in the log, from 1, without gaps.")
    index: int = Field(description="Its place in its block, from 0.")
    proof: list[str] = Field(
        description="The hashes that lead from its leaf to the root of the block, lowest first (RFC 6962)."
    )
    block: SignedBlock = Field(description="Its block.")


class KeyOfLog(_Answer):
    """A key that the log is or was signed with."""

    key: str = Field(description="Its fingerprint, the SHA-256 of `public`.", pattern=_HASH)
    public: str = Field(description="The 32 bytes of the Ed25519 public key.", pattern=_HASH_BYTES)
    receipt: ProvedRecord = Field(
        description="The record that made it sign, in a block that the key before has signed; the first key's"
        " own block is signed by itself."
    )


class OpenedTexts(_Answer):
    """What opens the commitment `private` of the record."""

    salt: str = Field(description="The salt, 32 bytes.", pattern=_HASH_BYTES)
    content: dict[str, Any] = Field(description="The free texts, nested as they were given.")


class Receipt(ProvedRecord):
    """Proof that a record stands in the log, to be checked offline by `tools/verify_receipt.py`."""

    v: Literal[1] = Field(description="The version of this form.")
    keys: list[KeyOfLog] = Field(
        description="The log's keys, from its first to the one that signed the block."
    )
    evaluation: dict[str, Any] | None = Field(
        default=None, description="What the decision was made from, by ids; the record names its hash."
    )
    texts: OpenedTexts | None = Field(
        default=None, description="The free texts, if they were asked for and are not erased."
    )
