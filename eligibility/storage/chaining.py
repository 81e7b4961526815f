"""The head of the log: locked, and moved to the block that is chained to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import psycopg

from eligibility.chain import Header
from eligibility.errors import LogBehind
from eligibility.storage.database import Acknowledged
from eligibility.storage.signing_keys import Signer, signing_key_missing

Connection: TypeAlias = psycopg.AsyncConnection[Any]

_LOCK_HEAD = "SELECT block, next_sequence, hash, ruleset, key FROM head FOR UPDATE"
MOVE_HEAD = """
    UPDATE head SET block = %(number)b, next_sequence = %(first)b::bigint + %(count)b::int, hash = %(hash)b,
                    key = %(next_key)b
"""


def store_block(number: str = "%(number)b") -> str:
    """The statement that stores a block, under a number that this expression gives."""
    return f"""
        INSERT INTO block (number, id, first, count, root, previous, hash, at, key, signature)
        SELECT {number}, %(id)b, %(first)b, %(count)b, %(root)b, %(previous)b, %(hash)b, %(at)b, %(key)b,
               %(signature)b
    """


_SEAL = f"WITH sealed AS ({store_block()}) {MOVE_HEAD}".encode()


class Leaves(NamedTuple):
    """What a block says of its records: how many, and the root of the tree over them."""

    count: int  # type: ignore[assignment]  # the header's name; values of a pair are not counted
    root: bytes


class Head(NamedTuple):
    """What heads the log: the last block, the sequence that follows it, and what is in force."""

    block: int
    next_sequence: int
    hash: bytes
    ruleset: bytes | None
    key: str


async def lock_head(connection: Connection, acknowledged: Acknowledged) -> Head:
    """Lock the head until the end of the transaction. Raises LogBehind."""
    row = await (await connection.execute(_LOCK_HEAD)).fetchone()
    if row is None:
        raise LogBehind("the database has lost the row that heads the log", retry_after=60)
    head = Head(*row)
    acknowledged.require_at(head.block, head.hash)
    return head


async def chain(
    connection: Connection,
    head: Head,
    block_id: UUID,
    leaves: Leaves,
    signer: Signer,
    *,
    next_key: str | None = None,
) -> Header:
    """Chain a signed block to the head that was locked, and move the head.

    Raises SigningKeyMissing, LogBehind or an error of psycopg.
    """
    header, parameters = signed_block(head, block_id, leaves, signer, next_key=next_key)
    await connection.execute(_SEAL, parameters)
    return header


def signed_block(
    head: Head, block_id: UUID, leaves: Leaves, signer: Signer, *, next_key: str | None = None
) -> tuple[Header, dict[str, Any]]:
    """The block that follows a head: its header, and what `store_block` and MOVE_HEAD take.

    Raises SigningKeyMissing.
    """
    key = signer.find(head.key)
    if key is None:
        raise signing_key_missing(head.key, signer)
    header = Header(
        head.block + 1,
        head.next_sequence,
        *leaves,
        head.hash,
        datetime.now(UTC),
        key.id,
    )
    parameters = {
        **{field.name: getattr(header, field.name) for field in fields(header)},
        "id": block_id,
        "hash": header.hash,
        "signature": key.sign(header.signed_bytes),
        "next_key": next_key or key.id,
    }
    return header, parameters


@contextmanager
def told_of_blocks() -> Iterator[None]:
    """Say what it means that a block of that number is there already."""
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        if error.diag.table_name != "block":
            raise
        raise LogBehind("the head of the log is behind its blocks: look into it", retry_after=60) from error
