"""Rewriting a whole log, as somebody who knows the code would: every hash made again, and signatures, too.

Only the log's active key is not at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
import uuid_utils.compat

from eligibility import merkle
from eligibility.canonical import canonical, timestamp
from eligibility.chain import Header
from eligibility.signing import SigningKey
from eligibility.storage.packing import packed, unpacked
from eligibility.storage.records import hash_text
from tests.storage.tampering import Impossible, Row, Tampered, Way

Sign = Callable[[Header], tuple[str | None, bytes | None]]
"""The key's name and the signature for a header whose key is not settled."""


def seal_again(log: Tampered, first: int, sign: Sign | None) -> None:
    """Make hashes of all blocks from `first` on again, from what their records are now.

    Without `sign`, keys and signatures stay as they are.
    """
    [before] = log.rows("SELECT hash FROM block WHERE number = %s", first - 1) or [{"hash": bytes(32)}]
    previous, block = before["hash"], {}
    for block in log.rows("SELECT * FROM block WHERE number >= %s ORDER BY number", first):
        root = root_of(log, block)
        header = replace(_header(block), root=root, previous=previous)
        signature = block["signature"]
        if sign is not None:
            key, _ = sign(header)
            header = replace(header, key=key)
            _, signature = sign(header)
        log.change(
            *("block", block),
            root=root,
            previous=previous,
            hash=header.hash,
            key=header.key,
            signature=signature,
        )
        previous = header.hash
    log.run("UPDATE head SET hash = %s, block = %s", previous, block["number"])
    log.run("UPDATE head SET next_sequence = %s", block["first"] + block["count"])


def root_of(log: Tampered, block: Row) -> bytes:
    """The root over the records of a block as they are now."""
    leaves = log.rows(
        "SELECT leaf FROM (SELECT block, position, leaf FROM record UNION ALL "
        "SELECT block, position, leaf FROM dropped_leaf) WHERE block = %s ORDER BY position",
        block["id"],
    )
    return merkle.root([row["leaf"] for row in leaves])


def _header(block: Row) -> Header:
    return Header(**{field.name: block[field.name] for field in fields(Header)})


def by(key: SigningKey) -> Sign:
    """Sign as the holder of this key would."""
    return lambda header: (key.id, key.sign(header.signed_bytes))


def pretending(key: SigningKey) -> Sign:
    """Sign with this key in the name of whoever signed before."""
    return lambda header: (header.key, key.sign(header.signed_bytes))


def rewrite_body(log: Tampered, record: Row, **members: Any) -> int:
    """Put other members into an envelope, with its leaf; the number of its block."""
    body = canonical(orjson.loads(unpacked(record["body"])) | members)
    log.change("record", record, body=packed(body), leaf=merkle.leaf(body))
    [block] = log.rows("SELECT number FROM block WHERE id = %s", record["block"])
    return int(block["number"])


def turn_a_decision(log: Tampered) -> int:
    """Let a decision come out as another one did, in envelope and columns; the number of its block."""
    record, other = log.several("record", 2, "kind = 'decision'")
    theirs = orjson.loads(unpacked(other["body"]))
    members = {name: theirs[name] for name in ("outcome", "evaluation", "ruleset", "facts")}
    if theirs["facts"] == orjson.loads(unpacked(record["body"]))["facts"]:
        raise Impossible("decisions alike")
    number = rewrite_body(log, record, **members)
    columns = ("outcome", "evaluation_key", "generation")
    log.change("record", record, **{name: other[name] for name in columns})
    return number


def hash_a_changed_record_again(log: Tampered) -> str:
    turn_a_decision(log)
    return "another decision, and its leaf"


def hash_a_changed_block_again(log: Tampered) -> str:
    number = turn_a_decision(log)
    [block] = log.rows("SELECT * FROM block WHERE number = %s", number)
    root = root_of(log, block)
    header = replace(_header(block), root=root)
    log.change("block", block, root=root, hash=header.hash)
    return f"another decision, and block {number} hashed again"


def chain_again_without_a_key(log: Tampered) -> str:
    number = turn_a_decision(log)
    seal_again(log, number, None)
    return f"another decision, and all hashed again from block {number} on"


def chain_again_with_a_key_of_ones_own(log: Tampered) -> str:
    number = turn_a_decision(log)
    sign = log.random.choice((by, pretending))
    seal_again(log, number, sign(log.own))
    return f"another decision, and all signed by a key of one's own from block {number} on"


def chain_again_with_the_former_key(log: Tampered) -> str:
    number = turn_a_decision(log)
    sign = log.random.choice((by, pretending))
    seal_again(log, number, sign(log.former))
    return f"another decision, and all signed by the former key from block {number} on"


def begin_with_a_key_of_ones_own(log: Tampered) -> str:
    """A log of one's own: its genesis, all signatures, and every table that speaks of keys."""
    genesis = log.some("record", "kind = 'key.genesis'")
    facts = {"key": log.own.id, "public": log.own.public.hex()}
    rewrite_body(log, genesis, facts=facts)
    _forget_rotations(log)
    turn_a_decision(log)
    log.run(
        "UPDATE signing_key SET id = %s, public = %s WHERE record = %s",
        log.own.id,
        log.own.public,
        genesis["id"],
    )
    log.run("UPDATE head SET key = %s", log.own.id)
    seal_again(log, 1, by(log.own))
    return "a log of one's own, from its first key on"


def never_have_rotated(log: Tampered) -> str:
    """Everything from the rotation on again, as the holder of the former key would have gone on."""
    [rotation] = log.rows(
        "SELECT b.number FROM record r JOIN block b ON b.id = r.block WHERE kind = 'key.rotated'"
    )
    _forget_rotations(log)
    log.run("UPDATE head SET key = %s", log.former.id)
    seal_again(log, rotation["number"], by(log.former))
    return "the rotation never was"


def _forget_rotations(log: Tampered) -> None:
    for record in log.rows("SELECT * FROM record WHERE kind = 'key.rotated'"):
        rewrite_body(log, record, kind="remark", facts={})
        log.change("record", record, kind="remark")
        log.run("DELETE FROM signing_key WHERE record = %s", record["id"])


def cut_the_end_off(log: Tampered) -> str:
    """Take the last blocks away with all that was made by them, and move the head back."""
    [last] = log.rows("SELECT max(number) AS number FROM block")
    keep = last["number"] - log.random.randint(1, 3)
    gone = "(SELECT r.id FROM record r JOIN block b ON b.id = r.block WHERE b.number > %s)"
    for table, column in (("private", "record"), ("idempotency", "record"), ("record", "id")):
        log.connection.execute(f"DELETE FROM {table} WHERE {column} IN {gone}".encode(), (keep,))  # noqa: S608 - our own names
    log.run("DELETE FROM block WHERE number > %s", keep)
    log.connection.execute(
        "DELETE FROM evaluation e WHERE NOT EXISTS (SELECT FROM record r WHERE r.evaluation_key = e.key)"
    )
    log.run(
        "UPDATE head SET (block, next_sequence, hash) = "
        "(SELECT number, first + count, hash FROM block WHERE number = %s)",
        keep,
    )
    return f"nothing was after block {keep}"


def empty_the_log(log: Tampered) -> str:
    for table in ("record", "private", "idempotency", "evaluation", "block", "signing_key", "partition"):
        log.run(f"DELETE FROM {table}")  # noqa: S608 - our own names
    for table in ("api_key", "principal", "ruleset"):
        log.run(f"DELETE FROM {table}")  # noqa: S608 - our own names
    log.run("UPDATE head SET block = 0, next_sequence = 1, hash = %s, ruleset = NULL, key = NULL", bytes(32))
    return "nothing was"


def append_a_block(log: Tampered) -> str:
    """Go on behind the end with a decision of one's own; where one has no key, in somebody's name."""
    head = log.some("head")
    record = log.some(
        "record", "kind = 'decision' AND NOT EXISTS (SELECT FROM idempotency i WHERE i.record = t.id)"
    )
    identifier, block = uuid_utils.compat.uuid7(), uuid_utils.compat.uuid7()
    at = datetime.now(UTC)
    envelope = orjson.loads(unpacked(record["body"])) | {"id": str(identifier), "at": timestamp(at)}
    envelope.pop("private", None)
    body = canonical(envelope)
    leaf = merkle.leaf(body)
    made = {
        "id": identifier,
        "block": block,
        "position": 0,
        "at": at,
        "body": packed(body),
        "leaf": leaf,
    }
    log.insert("record", record | made)
    sign = log.random.choice((by(log.own), pretending(log.own), by(log.former)))
    key, _ = sign(Header(0, 0, 0, b"", b"", at, head["key"]))
    header = Header(head["block"] + 1, head["next_sequence"], 1, leaf, head["hash"], at, key)
    columns = ("number", "first", "count", "root", "previous", "hash", "at", "key")
    log.insert(
        "block",
        {"id": block, "signature": sign(header)[1]} | {name: getattr(header, name) for name in columns},
    )
    log.run("UPDATE head SET block = block + 1, next_sequence = next_sequence + 1, hash = %s", header.hash)
    return "a block of one's own behind the end"


def replace_an_evaluation(log: Tampered) -> str:
    """Another result of the same cells, hashed again."""
    row = log.some("evaluation")
    content = orjson.loads(row["content"])
    content["outcome"] = "permitted" if row["outcome"] != "permitted" else "prohibited"
    written = canonical(content)
    log.change(
        "evaluation", row, content=written, content_hash=sha256(written).digest(), outcome=content["outcome"]
    )
    return f"another result of the evaluation {row['key'].hex()}"


def replace_a_ruleset(log: Tampered) -> str:
    """Another policy under the same digest, or under its own."""
    row = log.some("ruleset")
    document = orjson.loads(row["document"])
    document["rules"] = document["rules"][:-1]
    written = canonical(document)
    log.change("ruleset", row, document=written)
    if log.random.random() < 0.5:
        log.change("ruleset", row, digest=sha256(written).digest())
        log.connection.execute(
            "UPDATE evaluation SET ruleset = %s WHERE ruleset = %s", (sha256(written).digest(), row["digest"])
        )
    return f"a rule less in the ruleset {hash_text(row['digest'])}"


WAYS: Mapping[Way, int] = {
    hash_a_changed_record_again: 1,
    hash_a_changed_block_again: 1,
    chain_again_without_a_key: 1,
    chain_again_with_a_key_of_ones_own: 1,
    chain_again_with_the_former_key: 2,
    begin_with_a_key_of_ones_own: 1,
    never_have_rotated: 1,
    cut_the_end_off: 1,
    empty_the_log: 1,
    append_a_block: 2,
    replace_an_evaluation: 1,
    replace_a_ruleset: 1,
}
"""Ways that make a log which agrees with itself as far as can be, and how often each is tried."""
