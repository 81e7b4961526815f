"""One transaction of the log: everything of a group of entries, sealed in one block.

The order keeps the only lock that all writers share, the head's, to two statements: keys and evaluations are
claimed first (sorted, so that no two groups wait for each other), the records stored, then the head locked,
the block inserted and the head moved. Who writes alone does all of it in one statement.
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
from eligibility.chain import Header
from eligibility.errors import (
    ActRefused,
    IdempotencyConflict,
    Overtaken,
    RecordRefused,
    RulesetReplaced,
    StorageError,
    StorageUnavailable,
)
from eligibility.storage.arrays import UUIDS, BinaryArray, binary_array
from eligibility.storage.block_statements import (
    AT_ONCE,
    CLAIM_KEYS,
    EARLIER_KEYS,
    STORE,
    STORE_EVALUATION,
    STORED_EVALUATIONS,
    WAIT_FOR_REPLICAS,
)
from eligibility.storage.chaining import (
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
from eligibility.storage.record_rows import record_columns, text_columns
from eligibility.storage.records import hash_bytes
from eligibility.storage.signing_keys import Signer

_MOST_REMEMBERED = 100_000
_ALONE = 8
"""Times in a row that the head was found as it was left, after which nobody else is thought to write."""

Result: TypeAlias = Recorded | Earlier | StorageError


class Dropped(Exception):
    """Some entries cannot be recorded, each for its own reason; nothing was, and the others may try again."""

    def __init__(self, failures: dict[Prepared, StorageError]) -> None:
        super().__init__(f"{len(failures)} entries cannot be recorded")
        self.failures = failures


class Sealed(NamedTuple):
    """The head that a block was chained to, and the head that it is."""

    found: Head
    left: Head


@dataclass
class Memory:
    """What one process remembers of the log: the last block it saw committed, and evaluations stored.

    Also the head as it left it, and how often it found it so: where nobody else writes, a block is chained to
    that head without a look at it, so that one statement is enough.
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

    def note(self, sealed: Sealed) -> None:
        """Note a block that was committed: how the head was found, and how it was left."""
        self.acknowledged.note(sealed.left.block, sealed.left.hash)
        self.found = self.found + 1 if sealed.found == self.left else 0
        self.left = sealed.left

    def head_for(self, group: Sequence[Prepared]) -> Head | None:
        """The head to chain these to at once; None where something must be looked at or done before."""
        head = self.left if self.found >= _ALONE else None
        if head is None or any(p.entry.also or p.entry.next_key for p in group):
            return None
        return None if any(_is_replaced(p, head) or not self._knows_evaluation(p) for p in group) else head

    def _knows_evaluation(self, prepared: Prepared) -> bool:
        evaluation = prepared.entry.evaluation
        return evaluation is None or self.evaluations.get(evaluation.key) == evaluation.content_hash


async def write(
    connection: Connection, group: Sequence[Prepared], memory: Memory, signer: Signer
) -> dict[Prepared, Result]:
    """Record the group, at most LARGEST_BLOCK entries, in one transaction and one signed block.

    Raises Dropped, LogBehind, SigningKeyMissing, or an error of psycopg; then nothing was recorded, unless
    the commit itself failed, when nobody knows; StorageUnavailable where it is recorded, but not known to be
    on a replica.
    """
    head = memory.head_for(group)
    sealed = None if head is None else await _write_at_once(connection, group, head, signer)
    if sealed is None:
        return await _write_in_steps(connection, group, memory, signer)
    memory.note(sealed)
    return _recorded(group, sealed)


async def _write_at_once(
    connection: Connection, group: Sequence[Prepared], head: Head, signer: Signer
) -> Sealed | None:
    """Record a group whose evaluations are stored in one statement.

    None where nothing was recorded: a key was used before, or somebody else has moved the head.
    """
    block_id, texts, keys = uuid_utils.compat.uuid7(), text_columns(group), _key_columns(group)
    header, block = signed_block(head, block_id, _leaves(group), signer)
    columns = {**keys, **texts, **record_columns(group, block_id), **block, "ruleset": head.ruleset}
    with heard(connection) as warnings, told_of_blocks():
        try:
            cursor = await connection.execute(AT_ONCE[bool(texts), bool(keys)], columns)
        except psycopg.errors.NotNullViolation as error:
            if error.diag.table_name != "block" or error.diag.column_name != "number":
                raise
            return None
        if not cursor.rowcount:
            return None
        _see_that_replicas_have_it(warnings)
    return _sealed(head, header)


async def _write_in_steps(
    connection: Connection, group: Sequence[Prepared], memory: Memory, signer: Signer
) -> dict[Prepared, Result]:
    sealed: Sealed | None = None
    stored = dict[bytes, bytes]()
    with heard(connection) as warnings, told_of_blocks():
        async with connection.transaction():
            results = await _claim_keys(connection, group)
            winners = [prepared for prepared in group if prepared not in results]
            if winners:
                stored = await _store_evaluations(connection, winners, memory)
                await _run_statements(connection, winners)
                sealed = await _store_and_seal(connection, winners, memory, signer)
                results |= _recorded(winners, sealed)
            else:
                await connection.execute(WAIT_FOR_REPLICAS)
            warnings.clear()  # of the commit alone is to be heard
        _see_that_replicas_have_it(warnings)
    if sealed is not None:
        memory.note(sealed)
    memory.remember(stored)
    return results


def _recorded(group: Sequence[Prepared], sealed: Sealed) -> dict[Prepared, Result]:
    """What the entries of a block are told: their places in the log."""
    first = sealed.found.next_sequence
    return {p: Recorded(p.entry.id, first + position) for position, p in enumerate(group)}


def _see_that_replicas_have_it(warnings: Sequence[object]) -> None:
    """Raises StorageUnavailable where the commit was warned of."""
    if warnings:
        raise StorageUnavailable("not known to be on a replica yet: try again shortly", retry_after=2)


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
    keys = _key_columns(group)
    if not keys:
        return {}
    cursor = await connection.execute(CLAIM_KEYS, keys)
    claimed = {row[0] for row in await cursor.fetchall()}
    keyed = [p for p in group if p.key_mac is not None]
    if len(claimed) == len(keyed):
        return {}
    cursor = await connection.execute(EARLIER_KEYS, keys)
    first = {key_mac: (body_mac, record) for key_mac, body_mac, record in await cursor.fetchall()}
    results: dict[Prepared, Result] = {}
    for prepared in keyed:
        if prepared.entry.id not in claimed:
            body_mac, record = first[prepared.key_mac]
            results[prepared] = Earlier(record) if body_mac == prepared.body_mac else _conflict()
    return results


def _key_columns(group: Sequence[Prepared]) -> dict[str, BinaryArray]:
    """What `CLAIM_KEYS` takes, sorted; nothing where there are no keys."""
    keyed = sorted(
        (p.key_mac.bytes, p.body_mac.bytes, p.entry.id.bytes)
        for p in group
        if p.key_mac is not None and p.body_mac is not None
    )
    names = ("key_macs", "body_macs", "key_records")
    return {
        name: binary_array(UUIDS, column)
        for name, column in zip(names, zip(*keyed, strict=True), strict=False)
    }


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
                STORE_EVALUATION,
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
            await cursor.execute(STORED_EVALUATIONS, (unknown,))
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


async def _store_and_seal(
    connection: Connection, winners: Sequence[Prepared], memory: Memory, signer: Signer
) -> Sealed:
    """Store the records and their private texts, and chain them in a signed block to the head."""
    block_id, texts = uuid_utils.compat.uuid7(), text_columns(winners)
    await connection.execute(STORE[bool(texts)], {**texts, **record_columns(winners, block_id)})
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
    next_key = next((p.entry.next_key for p in winners if p.entry.next_key is not None), None)
    header = await chain(connection, head, block_id, _leaves(winners), signer, next_key=next_key)
    return _sealed(head, header, next_key)


def _leaves(group: Sequence[Prepared]) -> Leaves:
    return Leaves(len(group), merkle.root([p.leaf for p in group]))


def _sealed(found: Head, header: Header, next_key: str | None = None) -> Sealed:
    key = next_key or str(header.key)
    return Sealed(found, Head(header.number, header.next_sequence, header.hash, found.ruleset, key))


def _is_replaced(prepared: Prepared, head: Head) -> bool:
    return prepared.needs_ruleset_in_force and prepared.ruleset != head.ruleset
