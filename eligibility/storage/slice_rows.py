"""The decisions of a slice of a backlog as rows of the log, each written from what it shares with others.

Byte for byte what `prepare` and `record_row` make of each decision by itself: a record differs from the next
one in its facts, its id and its hashes, and in nothing else that was not written before.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID

import uuid_utils.compat

from eligibility import merkle
from eligibility.canonical import timestamp
from eligibility.storage.arrays import binary_text, binary_time
from eligibility.storage.chaining import Leaves
from eligibility.storage.entries import DECISION, Prepared
from eligibility.storage.packing import PACKED
from eligibility.storage.record_rows import record_row
from eligibility.storage.records import hash_bytes, principal_id

BATCH: Final = "batch"
"""The channel of decisions that were asked for in a backlog."""

_SALT: Final = 32
_START: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"
_HASH: Final = (32).to_bytes(4)
_WIDTHS: Final = ((13).to_bytes(2), (4).to_bytes(2))
"""How many columns there are of records, and of private texts."""


def binary_row(row: Sequence[bytes | None]) -> bytes:
    """A row in PostgreSQL's binary COPY format, from values in binary."""
    return len(row).to_bytes(2) + b"".join(map(_binary_value, row))


def _binary_value(value: bytes | None) -> bytes:
    return _NULL if value is None else len(value).to_bytes(4) + value


class Common(NamedTuple):
    """What all decisions of a slice share. `ids` are the first eleven bytes of each id."""

    ids: bytes
    at: datetime
    actor: str
    ruleset: str


class Made(NamedTuple):
    """What decisions with one evaluation share: its key, the hash of its content, what it says."""

    key: bytes
    content_hash: bytes
    outcome: str
    generation: str


class Decisions(NamedTuple):
    """Decisions by columns, in the order of their ids.

    Their rows in the backlog; the place of each one's evaluation among those made; canonical JSON; and what
    is searched for. `private` and `references` are None where there is none.
    """

    numbers: Sequence[int]
    made: Sequence[int]
    facts: Sequence[bytes]
    private: Sequence[bytes | None]
    references: Sequence[str | None]


class Rows(NamedTuple):
    """Rows as they are copied into the log, and what the block says of them, of which this is the id."""

    block: UUID
    records: bytes
    private: bytes | None
    leaves: Leaves


class _Shared(NamedTuple):
    """What stands around what is a decision's own: in its envelope, packed or not, and in its row.

    Envelopes begin with 0 here, since what a leaf is a hash of does.
    """

    evaluation: bytes
    to_facts: bytes
    to_commitment: bytes
    without_commitment: bytes
    columns: bytes
    packed_to_facts: bytes


def copied(common: Common, made: Sequence[Made], decisions: Decisions, last: Prepared) -> Rows:
    """Write the decisions, and after them the record of the slice itself."""
    block = uuid_utils.compat.uuid7()
    records, texts, leaves = list[bytes](), list[bytes](), list[bytes]()
    shared = _shared(common, made)
    ids, ruleset = common.ids, hash_bytes(common.ruleset)
    id_text = b',"id":"%b' % str(UUID(bytes=ids + bytes(5)))[:26].encode()
    end = b'","ruleset":"%b","v":1}' % common.ruleset.encode()
    packed_start = PACKED + principal_id(common.actor).bytes
    start_of_record, start_of_texts = (width + (16).to_bytes(4) + ids for width in _WIDTHS)
    block_column = _binary_value(block.bytes) + (4).to_bytes(4)
    salts = secrets.token_bytes(_SALT * len(decisions.numbers))
    for place, (number, which, facts, private, reference) in enumerate(zip(*decisions, strict=True)):
        evaluation, to_facts, to_commitment, without_commitment, columns, packed_to_facts = shared[which]
        own = number.to_bytes(5)
        if private is None:
            body = b'%b%b%b%010x",%b' % (to_facts, facts, id_text, number, without_commitment)
            stored = body[1:]
        else:
            salt = salts[_SALT * place : _SALT * place + _SALT]
            commitment = sha256(salt + private)
            said = commitment.hexdigest().encode()
            body = b'%b%b%b%010x",%b%b%b' % (to_facts, facts, id_text, number, to_commitment, said, end)
            stored = b"".join(
                (packed_start, ids, own, evaluation, commitment.digest(), ruleset, packed_to_facts, facts)
            )
            looked_for = _NULL if reference is None else _binary_value(reference.encode())
            length = len(private).to_bytes(4)
            texts.append(b"".join((start_of_texts, own, _HASH, salt, length, private, looked_for)))
        leaf = sha256(body).digest()
        position, length = place.to_bytes(4), len(stored).to_bytes(4)
        records.append(
            b"".join((start_of_record, own, block_column, position, columns, length, stored, _HASH, leaf))
        )
        leaves.append(leaf)
    records.append(binary_row(record_row(last, block.bytes, len(leaves))))
    if last.private is not None:
        values = (last.entry.id.bytes, last.salt, last.private, binary_text(last.reference))
        texts.append(binary_row(values))
    leaves.append(last.leaf)
    tree = Leaves(len(leaves), merkle.root(leaves))
    return Rows(block, _framed(records), _framed(texts) if texts else None, tree)


def _shared(common: Common, made: Sequence[Made]) -> list[_Shared]:
    """What decisions share, for each evaluation."""
    at, actor, channel = timestamp(common.at).encode(), common.actor.encode(), BATCH.encode()
    start = b'\0{"actor":"%b","at":"%b","channel":"%b","evaluation":"sha256:' % (actor, at, channel)
    without = b'","ruleset":"%b","v":1}' % common.ruleset.encode()
    alike = (DECISION.encode(), binary_time(common.at), principal_id(common.actor).bytes, channel)
    start_of_columns, no_subject = b"".join(map(_binary_value, alike)), _NULL
    packed_start = b"%b%b " % (at[:-1], channel)
    found = []
    for key, content_hash, decided, generation in made:
        outcome = decided.encode()
        outcome_member = b'"kind":"decision","outcome":"%b' % outcome
        columns = map(_binary_value, (key, outcome, generation.encode()))
        found.append(
            _Shared(
                evaluation=content_hash,
                to_facts=b'%b%b","facts":' % (start, content_hash.hex().encode()),
                to_commitment=outcome_member + b'","private":"sha256:',
                without_commitment=outcome_member + without,
                columns=b"".join((start_of_columns, *columns, no_subject)),
                packed_to_facts=b"%b%b " % (packed_start, outcome),
            )
        )
    return found


def _framed(rows: Sequence[bytes]) -> bytes:
    """All that is sent for rows."""
    return b"".join((_START, *rows, _END))
