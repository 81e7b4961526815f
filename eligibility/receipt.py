"""Receipts: what lets anybody check offline that a record stands in the log.

A receipt holds the record itself, the hashes that lead from it to its block's root, the block's signed
header, and the same for each record by which a signing key came to be: from the genesis key, whose
fingerprint is what trust rests on, to the one that signed the block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any as Anything

import orjson

from eligibility import merkle
from eligibility.canonical import canonical
from eligibility.chain import Header, is_signed_by, signed_document
from eligibility.errors import LogDamaged
from eligibility.storage.records import hash_text, leaf

RECEIPT_VERSION = 1


@dataclass(frozen=True)
class InBlock:
    """A record and all that proves it: its canonical bytes, the leaves of its block and its place there.

    `hash` is what the database says that the block's hash is.
    """

    body: bytes
    index: int
    leaves: Sequence[bytes]
    header: Header
    hash: bytes
    signature: bytes | None

    @property
    def sequence(self) -> int:
        """The record's place in the log, from 1."""
        return self.header.first + self.index


@dataclass(frozen=True)
class KeyInLog:
    """A key that signs or signed the log, and the record that made it so."""

    id: str
    public: bytes
    made: InBlock


def receipt_document(
    record: InBlock,
    keys: Sequence[KeyInLog],
    evaluation: Mapping[str, Anything] | None,
    texts: tuple[bytes, Mapping[str, Anything]] | None = None,
) -> dict[str, Anything]:
    """The receipt of a record.

    `keys` are those of the log up to the one that signed the block, in their order. `evaluation` is what was
    decided from, `texts` the salt and the private texts that the record commits to, if they are to be shown.

    Raises LogDamaged where what is stored does not prove the record.
    """
    public = {key.id: key.public for key in keys}
    document = _proof(record, public)
    document["keys"] = [
        {"key": key.id, "public": key.public.hex(), "receipt": _proof(key.made, public)} for key in keys
    ]
    envelope = document["record"]
    if evaluation is not None:
        content = dict(evaluation)
        _hold(
            hash_text(sha256(canonical(content)).digest()) == envelope.get("evaluation"),
            record,
            "the evaluation that the record names is not the stored one",
        )
        document["evaluation"] = content
    if texts is not None:
        salt, private = texts[0], dict(texts[1])
        _hold(
            hash_text(sha256(salt + canonical(private)).digest()) == envelope.get("private"),
            record,
            "the texts are not those that the record commits to",
        )
        document["texts"] = {"salt": salt.hex(), "content": private}
    return {"v": RECEIPT_VERSION, **document}


def _proof(found: InBlock, public: Mapping[str, bytes]) -> dict[str, Anything]:
    """A record with its inclusion proof and its block, all checked. Raises LogDamaged."""
    header, index = found.header, found.index
    _hold(len(found.leaves) == header.count > index, found, "the block has not as many records as it says")
    path = merkle.proof(index, found.leaves)
    _hold(
        merkle.verify(leaf(found.body), index, header.count, path, header.root),
        found,
        "the records do not lead to the block's root",
    )
    _hold(header.hash == found.hash, found, "the block's hash is not that of its header")
    _hold(is_signed_by(header, found.signature, public), found, "the block is not signed by a key of the log")
    return {
        "record": orjson.loads(found.body),
        "sequence": found.sequence,
        "index": index,
        "proof": [step.hex() for step in path],
        "block": signed_document(header, found.signature),
    }


def _hold(is_so: bool, found: InBlock, otherwise: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not is_so:
        raise LogDamaged(
            f"block {found.header.number} of the log does not hold together: {otherwise}; "
            "`eligibility audit verify` tells more"
        )
