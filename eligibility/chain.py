"""Blocks: how records are chained, and what is signed.

A block's header names its place, its records by their Merkle root, the block before by its hash, its time and
the key that signs it. Its hash is the SHA-256 of the header's canonical JSON; the signature is over the same
bytes. A signed header by itself is a checkpoint: it pins all records up to its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any as Anything

from eligibility import signing
from eligibility.canonical import canonical, timestamp
from eligibility.storage.records import hash_text

LARGEST_BLOCK = 4096
"""Records a block may hold."""

HEADER_VERSION = 1
BEFORE_THE_FIRST = bytes(32)
"""What the first block names as the hash of the one before."""


@dataclass(frozen=True)
class Header:
    """A block without its records. `key` is the signing key's fingerprint.

    It is None in blocks of a log that had no key yet; the first signed block vouches for these by its chain.
    """

    number: int
    first: int
    count: int
    root: bytes
    previous: bytes
    at: datetime
    key: str | None

    @property
    def next_sequence(self) -> int:
        """The sequence of the first record after the block."""
        return self.first + self.count

    def document(self) -> dict[str, Anything]:
        """The header as JSON, as it is hashed and signed."""
        document: dict[str, Anything] = {
            "v": HEADER_VERSION,
            "number": self.number,
            "first": self.first,
            "count": self.count,
            "root": hash_text(self.root),
            "previous": hash_text(self.previous),
            "at": timestamp(self.at),
        }
        if self.key is not None:
            document["key"] = self.key
        return document

    @cached_property
    def signed_bytes(self) -> bytes:
        """The canonical JSON."""
        return canonical(self.document())

    @cached_property
    def hash(self) -> bytes:
        """What the next block names it by."""
        return sha256(self.signed_bytes).digest()


def signed_document(header: Header, signature: bytes | None) -> dict[str, Anything]:
    """A header with its hash and signature: the block of a receipt, or a checkpoint."""
    document = {**header.document(), "hash": hash_text(header.hash)}
    if signature is not None:
        document["signature"] = signature.hex()
    return document


def is_signed_by(header: Header, signature: bytes | None, public_keys: Mapping[str, bytes]) -> bool:
    """Whether the header is signed by the key it names, which must be one of these."""
    public = public_keys.get(header.key or "")
    return (
        public is not None
        and signature is not None
        and signing.is_signed(public, header.signed_bytes, signature)
    )
