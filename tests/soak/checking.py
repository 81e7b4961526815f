"""What must be true of a log, whatever happened to it, as seen by a superuser.

Written for tests alone: it shares hashes and canonical JSON with the service, but reads the tables by itself.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson
import psycopg
from psycopg.rows import DictRow, dict_row

from eligibility import merkle
from eligibility.canonical import timestamp
from eligibility.chain import Header, is_signed_by
from eligibility.storage.embedded import DATABASE, EmbeddedPostgres
from eligibility.storage.packing import unpacked
from eligibility.storage.records import actor_of, commitment, hash_text
from tests.soak.load import Answer

_BLOCKS = "SELECT * FROM block ORDER BY number"
_SIGNING_KEYS = "SELECT id, public FROM signing_key"
_RECORDS = """
    SELECT b.number, r.*, p.salt, p.content, e.content AS evaluated, e.content_hash
    FROM record r
    LEFT JOIN block b ON b.id = r.block
    LEFT JOIN private p ON p.record = r.id
    LEFT JOIN evaluation e ON e.key = r.evaluation_key
    ORDER BY b.number, r.position
"""
_KEYS = """
    SELECT i.record, r.kind FROM idempotency i LEFT JOIN record r ON r.id = i.record
"""
_LOOSE = """
    SELECT (SELECT count(*) FROM private p
            WHERE NOT EXISTS (SELECT FROM record r WHERE r.id = p.record)) AS texts,
           (SELECT count(*) FROM evaluation e
            WHERE NOT EXISTS (SELECT FROM record r WHERE r.evaluation_key = e.key)) AS evaluations
"""


def superuser_url(data_dir: Path) -> str:
    """The superuser's login to the embedded server of a data directory, which runs."""
    home = data_dir / "postgres"
    passwords = orjson.loads((home / "passwords.json").read_bytes())
    port = orjson.loads((home / "state.json").read_bytes())["port"]
    return EmbeddedPostgres(data_dir, port, passwords).url("postgres", DATABASE)


@dataclass(frozen=True)
class Found:
    """How much was checked."""

    blocks: int
    records: int
    decisions: int


def check(superuser_url: str, acknowledged: Mapping[str, Answer]) -> Found:
    """Recompute every hash, and find each acknowledged decision once. These are by idempotency key."""
    with psycopg.connect(superuser_url, row_factory=dict_row) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        blocks = connection.execute(_BLOCKS).fetchall()
        records = _check_chain(connection, blocks)
        made: dict[str, list[DictRow]] = {}
        for record in records:
            envelope = orjson.loads(record["body"])
            _check_record(record, envelope)
            if record["content"] is not None:
                key = orjson.loads(record["content"]).get("idempotency_key")
                if key is not None:
                    made.setdefault(key, []).append(record)
        _check_keys(connection, made, acknowledged)
        loose = connection.execute(_LOOSE).fetchone()
        assert loose is not None
        assert loose == {"texts": 0, "evaluations": 0}, "they belong to no record"
    decisions = sum(record["kind"] == "decision" for record in records)
    return Found(len(blocks), len(records), decisions)


def _check_chain(connection: psycopg.Connection[DictRow], blocks: list[DictRow]) -> list[DictRow]:
    """One chain from the first block to the head, without gaps, over every record; the records in order."""
    stored = connection.execute(_RECORDS).fetchall()
    for record in stored:
        record["body"] = unpacked(record["body"])
    of_block = {number: list(records) for number, records in groupby(stored, itemgetter("number"))}
    assert set(of_block) == set(range(1, len(blocks) + 1)), "a block without records, or records without one"
    public = {row["id"]: row["public"] for row in connection.execute(_SIGNING_KEYS)}
    previous, sequence = bytes(32), 1
    for number, block in enumerate(blocks, start=1):
        records = of_block[number]
        assert (block["number"], block["first"], block["previous"]) == (number, sequence, previous)
        assert [record["position"] for record in records] == list(range(block["count"]))
        assert block["root"] == merkle.root([merkle.leaf(record["body"]) for record in records])
        header = Header(number, sequence, block["count"], block["root"], previous, block["at"], block["key"])
        assert block["hash"] == header.hash
        assert is_signed_by(header, block["signature"], public)
        previous, sequence = block["hash"], sequence + block["count"]
    head = connection.execute("SELECT block, next_sequence, hash FROM head").fetchall()
    assert [tuple(row.values()) for row in head] == [(len(blocks), sequence, previous)]
    assert len(stored) == sequence - 1
    return stored


def _check_record(record: DictRow, envelope: dict[str, Any]) -> None:
    """A whole record: columns agree with what was hashed, texts with their commitment, evaluations exist."""
    assert record["leaf"] == merkle.leaf(record["body"])
    assert envelope["id"] == str(record["id"])
    assert envelope["at"] == timestamp(record["at"])
    assert envelope["actor"] == actor_of(record["actor"])
    for name in ("kind", "channel", "outcome"):
        assert envelope.get(name) == record[name], f"{record['id']}: the column `{name}`"
    assert ("evaluation" in envelope) == (record["kind"] == "decision")
    if "evaluation" in envelope:
        assert envelope["evaluation"] == hash_text(record["content_hash"])
        assert record["content_hash"] == sha256(record["evaluated"]).digest()
    assert ("private" in envelope) == (record["content"] is not None), f"{record['id']}: private texts"
    if "private" in envelope:
        assert envelope["private"] == commitment(record["salt"], record["content"])


def _check_keys(
    connection: psycopg.Connection[DictRow],
    made: Mapping[str, list[DictRow]],
    acknowledged: Mapping[str, Answer],
) -> None:
    """Under one idempotency key there is one record, and each acknowledged one is there as it was told."""
    twice = [key for key, records in made.items() if len(records) > 1]
    assert not twice, f"recorded more than once: {twice[:5]}"
    keys = connection.execute(_KEYS).fetchall()
    assert all(row["kind"] is not None for row in keys), "a key without its record"
    of_record = Counter(row["record"] for row in keys)
    assert of_record == Counter(records[0]["id"] for records in made.values())
    for key, answer in acknowledged.items():
        assert key in made, f"{key} was acknowledged as {answer.id} and is lost"
        [record] = made[key]
        assert (str(record["id"]), record["outcome"]) == (answer.id, answer.outcome)
