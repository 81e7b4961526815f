"""One transaction of the log: everything of a group of entries, sealed in one block.

The order keeps the only lock that all writers share, the head's, to two statements: keys and evaluations are
claimed first (sorted, so that no two groups wait for each other), the records stored, then the head locked,
the block inserted and the head moved. Who writes alone does the last three in one.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import psycopg
import uuid_utils.compat
from psycopg.errors import Diagnostic

from eligibility import merkle
from eligibility.errors import (
    ActRefused,
    IdempotencyConflict,
    Overtaken,
    RecordRefused,
    RulesetReplaced,
    StorageError,
    StorageUnavailable,
)
from eligibility.storage.chaining import (
    MOVE_HEAD,
    STORE_BLOCK,
    Connection,
    Head,
    Leaves,
    chain,
    lock_head,
    signed_block,
    told_of_blocks,
)
from eligibility.storage.database import Acknowledged
from eligibility.storage.entries import Earlier, Prepared, Recorded, StoredEvaluation
from eligibility.storage.failures import from_database
from eligibility.storage.record_rows import STORE_RECORDS, STORE_TEXTS, record_columns, text_columns
from eligibility.storage.records import hash_bytes
from eligibility.storage.signing_keys import Signer

_MOST_REMEMBERED = 100_000
_ALONE = 8
"""Times in a row that the head was found as it was left, after which nobody else is thought to write."""

Result: TypeAlias = Recorded | Earlier | StorageError

_CLAIM_KEYS = """
    INSERT INTO idempotency (key_mac, body_mac, record)
    SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[])
    ON CONFLICT DO NOTHING RETURNING record
"""
_EARLIER_KEYS = "SELECT key_mac, body_mac, record FROM idempotency WHERE key_mac = ANY(%b::uuid[])"
_STORE_EVALUATION = """
    INSERT INTO evaluation (key, ruleset, cells, content, content_hash, outcome, findings)
    VALUES (%b, %b, %b, %b, %b, %b, %b) ON CONFLICT DO NOTHING
"""
_STORED_EVALUATIONS = "SELECT key, content_hash FROM evaluation WHERE key = ANY(%b::bytea[])"
_STORE = {
    False: STORE_RECORDS.encode(),
    True: f"WITH texts AS ({STORE_TEXTS}) {STORE_RECORDS}".encode(),
}
"""Stores records, without and with private texts."""

_STORE_AND_SEAL = {
    has_texts: f"""
        WITH {f"texts AS ({STORE_TEXTS})," if has_texts else ""}
        stored AS ({STORE_RECORDS} RETURNING 1),
        moved AS (
            {MOVE_HEAD} WHERE block = %(number)b::bigint - 1 AND hash = %(previous)b AND key = %(key)b
            AND ruleset IS NOT DISTINCT FROM %(ruleset)b::bytea
            AND (SELECT count(*) FROM stored) > 0 -- which comes first: nobody waits for the head meanwhile
            RETURNING 1
        )
        {STORE_BLOCK} FROM moved
    """.encode()  # noqa: S608 - our own words
    for has_texts in _STORE
}
"""The same, and seals the block where the head is the one it is chained to; else there is no row."""

WAIT_FOR_REPLICAS = "SELECT pg_logical_emit_message(true, 'eligibility', '')"
"""Writes something, so that the commit waits for what others wrote before: an earlier record may stand on
this server alone, where whoever wrote it did not see its commit through."""


class Dropped(Exception):
    """Some entries cannot be recorded, each for its own reason; nothing was, and the others may try again."""

    def __init__(self, failures: dict[Prepared, StorageError]) -> None:
        super().__init__(f"{len(failures)} entries cannot be recorded")
        self.failures = failures


class _Moved(Exception):
    """Somebody else has moved the head of the log."""


@dataclass
class Memory:
    """What one process remembers of the log: the last block it saw committed, and evaluations stored.

    Also the head as it left it, and how often it found it so: where nobody else writes, a block is chained to
    that head without a look at it, which spares two statements.
    """

    acknowledged: Acknowledged = field(default_factory=Acknowledged)
    evaluations: OrderedDict[bytes, bytes] = field(default_factory=OrderedDict)
    left: Head | None = None
    found: int = 0

    def remember(self, evaluations: dict[bytes, bytes]) -> None:
        """Keep the evaluations, key to hash of content, that are now known to be stored."""
        for key, content_hash in evaluations.items():
            self.evaluations[key] = content_hash
            self.evaluations.move_to_end(key)
        while len(self.evaluations) > _MOST_REMEMBERED:
            self.evaluations.popitem(last=False)

    def leave(self, found: Head, left: Head) -> None:
        """Note how the head was found, and how it was left."""
        self.found = self.found + 1 if found == self.left else 0
        self.left = left

    def head_for(self, winners: Sequence[Prepared]) -> Head | None:
        """The head to chain these to without a look; None where it must be looked at."""
        head = self.left if self.found >= _ALONE else None
        if head is None or any(p.entry.also or p.entry.next_key for p in winners):
            return None
        return None if any(_is_replaced(p, head) for p in winners) else head


async def write(
    connection: Connection, group: Sequence[Prepared], memory: Memory, signer: Signer
) -> dict[Prepared, Result]:
    """Record the group, at most LARGEST_BLOCK entries, in one transaction and one signed block.

    Raises Dropped, LogBehind, SigningKeyMissing, or an error of psycopg; then nothing was recorded, unless
    the commit itself failed, when nobody knows; StorageUnavailable where it is recorded, but not known to be
    on a replica.
    """
    try:
        return await _write(connection, group, memory, signer)
    except _Moved:
        memory.found = 0
        return await _write(connection, group, memory, signer)


async def _write(
    connection: Connection, group: Sequence[Prepared], memory: Memory, signer: Signer
) -> dict[Prepared, Result]:
    sealed: _Sealed | None = None
    stored = dict[bytes, bytes]()
    with heard(connection) as warnings, told_of_blocks():
        async with connection.transaction():
            results = await _claim_keys(connection, group)
            winners = [prepared for prepared in group if prepared not in results]
            if winners:
                stored = await _store_evaluations(connection, winners, memory)
                await _run_statements(connection, winners)
                sealed = await _store_and_seal(connection, winners, memory, signer)
                first = sealed.found.next_sequence
                for position, prepared in enumerate(winners):
                    results[prepared] = Recorded(prepared.entry.id, first + position)
            else:
                await connection.execute(WAIT_FOR_REPLICAS)
            warnings.clear()  # of the commit alone is to be heard
        if warnings:
            raise StorageUnavailable("not known to be on a replica yet: try again shortly", retry_after=2)
    if sealed is not None:
        memory.acknowledged.note(sealed.left.block, sealed.left.hash)
        memory.leave(*sealed)
    memory.remember(stored)
    return results


@contextmanager
def heard(connection: Connection) -> Iterator[list[str | None]]:
    """What the server warns of meanwhile.

    A commit that stops waiting for its synchronous replica, since it was cancelled or timed out, succeeds
    with no more than a warning: what it wrote stands on this server alone, and a failover may lose it.
    """
    said: list[str | None] = []

    def hear(message: Diagnostic) -> None:
        said.append(message.message_primary)

    connection.add_notice_handler(hear)
    try:
        yield said
    finally:
        connection.remove_notice_handler(hear)


async def _claim_keys(connection: Connection, group: Sequence[Prepared]) -> dict[Prepared, Result]:
    """Claim the idempotency keys; answer those that somebody claimed earlier."""
    keyed = sorted(((p.key_mac, p) for p in group if p.key_mac is not None), key=lambda each: each[0].int)
    if not keyed:
        return {}
    macs = [key_mac for key_mac, _ in keyed]
    cursor = await connection.execute(
        _CLAIM_KEYS, (macs, [p.body_mac for _, p in keyed], [p.entry.id for _, p in keyed])
    )
    claimed = {row[0] for row in await cursor.fetchall()}
    if len(claimed) == len(keyed):
        return {}
    cursor = await connection.execute(_EARLIER_KEYS, (macs,))
    first = {key_mac: (body_mac, record) for key_mac, body_mac, record in await cursor.fetchall()}
    results: dict[Prepared, Result] = {}
    for key_mac, prepared in keyed:
        if prepared.entry.id not in claimed:
            body_mac, record = first[key_mac]
            results[prepared] = Earlier(record) if body_mac == prepared.body_mac else _conflict()
    return results


def _conflict() -> IdempotencyConflict:
    return IdempotencyConflict("this idempotency key was used before, for another request: use a new one")


async def _store_evaluations(
    connection: Connection, winners: Sequence[Prepared], memory: Memory
) -> dict[bytes, bytes]:
    """Store the evaluations of these entries, and see that what is stored is the same."""
    evaluations = {e.key: e for e in (p.entry.evaluation for p in winners) if e is not None}
    stored = await store_evaluations(connection, evaluations, memory)
    differing: dict[Prepared, StorageError] = {
        p: evaluated_differently()
        for p in winners
        if p.entry.evaluation and p.entry.evaluation.content_hash != stored[p.entry.evaluation.key]
    }
    if differing:
        raise Dropped(differing)
    return stored


def evaluated_differently() -> RecordRefused:
    """What to say of an evaluation that is stored with another content."""
    return RecordRefused(
        "the same facts were evaluated differently before under this ruleset: the code that evaluates "
        "has changed without a new `semantics` number"
    )


async def store_evaluations(
    connection: Connection, evaluations: Mapping[bytes, StoredEvaluation], memory: Memory
) -> dict[bytes, bytes]:
    """Store the evaluations that are not known to be stored; the hash of the content of each, as stored."""
    unknown = sorted(key for key in evaluations if key not in memory.evaluations)
    stored = {key: memory.evaluations[key] for key in evaluations if key in memory.evaluations}
    if unknown:
        async with connection.cursor() as cursor:
            await cursor.executemany(
                _STORE_EVALUATION,
                [
                    (
                        e.key,
                        hash_bytes(e.ruleset),
                        e.cells,
                        e.content,
                        e.content_hash,
                        e.outcome,
                        list(e.findings),
                    )
                    for e in map(evaluations.__getitem__, unknown)
                ],
            )
            await cursor.execute(_STORED_EVALUATIONS, (unknown,))
            stored.update({bytes(row[0]): bytes(row[1]) for row in await cursor.fetchall()})
    return stored


async def _run_statements(connection: Connection, winners: Sequence[Prepared]) -> None:
    """Make the changes that belong to the entries."""
    for prepared in winners:
        for statement in prepared.entry.also:
            try:
                cursor = await connection.execute(statement.sql.encode(), statement.parameters)
            except psycopg.Error as error:
                refused = from_database(error)
                if isinstance(refused, ActRefused):
                    raise Dropped({prepared: refused}) from error
                raise
            if statement.rows is not None and cursor.rowcount != statement.rows:
                raise Dropped({prepared: Overtaken(f"`{prepared.entry.kind}` came too late: look again")})


class _Sealed(NamedTuple):
    """The head that a block was chained to, and the head that it is."""

    found: Head
    left: Head


async def _store_and_seal(
    connection: Connection, winners: Sequence[Prepared], memory: Memory, signer: Signer
) -> _Sealed:
    """Store the records and their private texts, and chain them in a signed block to the head."""
    block_id = uuid_utils.compat.uuid7()
    texts = text_columns(winners)
    columns = {**texts, **record_columns(winners, block_id)}
    leaves = Leaves(len(winners), merkle.root([p.leaf for p in winners]))
    next_key = next((p.entry.next_key for p in winners if p.entry.next_key is not None), None)
    head = memory.head_for(winners)
    if head is not None:
        header, block = signed_block(head, block_id, leaves, signer)
        parameters = {**columns, **block, "ruleset": head.ruleset}
        if (await connection.execute(_STORE_AND_SEAL[bool(texts)], parameters)).rowcount != 1:
            raise _Moved
    else:
        await connection.execute(_STORE[bool(texts)], columns)
        if any(p.entry.also for p in winners):  # what must be announced is, by now
            await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # while nobody waits for the head
        head = await lock_head(connection, memory.acknowledged)
        replaced: dict[Prepared, StorageError] = {
            p: RulesetReplaced("another ruleset was put in force meanwhile: decide again")
            for p in winners
            if _is_replaced(p, head)
        }
        if replaced:
            raise Dropped(replaced)
        header = await chain(connection, head, block_id, leaves, signer, next_key=next_key)
    left = Head(header.number, header.next_sequence, header.hash, head.ruleset, next_key or str(header.key))
    return _Sealed(head, left)


def _is_replaced(prepared: Prepared, head: Head) -> bool:
    return prepared.needs_ruleset_in_force and prepared.ruleset != head.ruleset
