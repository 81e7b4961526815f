"""What proves a record, read back from a real log; and what no receipt is given for."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import uuid_utils.compat

from eligibility import merkle
from eligibility.canonical import canonical
from eligibility.chain import Header, is_signed_by
from eligibility.errors import LogDamaged
from eligibility.receipt import receipt_document
from eligibility.storage.checkpoints import newest
from eligibility.storage.database import Database
from eligibility.storage.erasure import erase, texts_of_decisions
from eligibility.storage.key_rotation import key_rotation, keys_of_log
from eligibility.storage.log import AuditLog
from eligibility.storage.receipts import Proof, proof_of
from eligibility.storage.records import commitment, hash_bytes, leaf
from eligibility.storage.rulesets import genesis
from eligibility.storage.signing_keys import Signer
from tests.conftest import FreshDatabase
from tests.storage.conftest import SECRET, SIGNER
from tests.storage.making import RULESET, decision, remark


@pytest.fixture
async def governed(log: AuditLog, service: Database) -> AuditLog:
    """A log with a ruleset in force."""
    assert await genesis(log, service, RULESET, "2026.1", b"{}") is None
    return log


async def proved(database: Database, record: UUID, *, texts: bool = False) -> Proof:
    proof = await proof_of(database, record, texts=texts)
    assert proof is not None
    return proof


def check(document: dict[str, Any], public: dict[str, bytes]) -> None:
    """A record leads to the root of a signed block, by what this project itself says that it means."""
    block = document["block"]
    header = Header(
        block["number"],
        block["first"],
        block["count"],
        hash_bytes(block["root"]),
        hash_bytes(block["previous"]),
        datetime.fromisoformat(block["at"]),
        block["key"],
    )
    assert f"sha256:{header.hash.hex()}" == block["hash"]
    assert is_signed_by(header, bytes.fromhex(block["signature"]), public)
    path = [bytes.fromhex(step) for step in document["proof"]]
    hashed = leaf(canonical(document["record"]))
    assert merkle.verify(hashed, document["index"], header.count, path, header.root)
    assert document["sequence"] == header.first + document["index"]


async def test_each_of_many_decisions_has_its_receipt(governed: AuditLog, service: Database) -> None:
    entries = [decision() for _ in range(100)]
    await asyncio.gather(*(governed.append(entry) for entry in entries))
    sequences = set()
    for entry in entries[::7]:
        proof = await proved(service, entry.id)
        document = receipt_document(proof.record, proof.keys, {"n": 0, "outcome": "permitted"})
        check(document, {SIGNER.key.id: SIGNER.key.public})
        assert document["record"]["id"] == str(entry.id)
        assert document["evaluation"] == {"n": 0, "outcome": "permitted"}
        assert len(document["proof"]) > 3
        assert "texts" not in document
        [key] = document["keys"]
        check(key["receipt"], {SIGNER.key.id: SIGNER.key.public})
        assert key["receipt"]["record"]["kind"] == "key.genesis"
        sequences.add(document["sequence"])
    assert len(sequences) == len(entries[::7])


async def test_texts_open_the_commitment_when_asked_for(governed: AuditLog, service: Database) -> None:
    named, nameless = decision(), decision(private={})
    await asyncio.gather(governed.append(named), governed.append(nameless))
    assert (await proved(service, named.id)).texts is None
    assert (await proved(service, nameless.id, texts=True)).texts is None
    proof = await proved(service, named.id, texts=True)
    assert proof.texts is not None
    document = receipt_document(proof.record, proof.keys, None, proof.texts)
    salt, content = bytes.fromhex(document["texts"]["salt"]), document["texts"]["content"]
    assert content == named.private
    assert commitment(salt, canonical(content)) == document["record"]["private"]


async def test_erasing_takes_the_texts_and_leaves_the_receipt(governed: AuditLog, service: Database) -> None:
    entries = [decision(), decision()]
    await asyncio.gather(*map(governed.append, entries))
    before = [await proved(service, entry.id) for entry in entries]
    texts = await texts_of_decisions(service, [entries[0].id])
    await erase(governed, service, texts, reason=None, actor="system", channel="cli")
    assert [await proved(service, entry.id) for entry in entries] == before
    assert (await proved(service, entries[0].id, texts=True)).texts is None
    assert (await proved(service, entries[1].id, texts=True)).texts is not None


async def test_keys_are_told_up_to_the_one_that_signed_the_block(service: Database, tmp_path: Path) -> None:
    signer = Signer(tmp_path / "key", may_create=True)
    entries, keys = [], [signer.key]
    async with AuditLog(service, SECRET, signer) as log:
        for _ in range(3):
            entries.append(remark())
            await log.append(entries[-1])
            following = signer.next_key()
            rotation = key_rotation(following, signer.key.id, actor="system", channel="cli")
            await asyncio.gather(log.append(rotation), *(log.append(remark()) for _ in range(20)))
            entries.append(rotation)
            signer.finish_rotation()
            keys.append(signer.key)
    for n, entry in enumerate(entries):
        proof = await proved(service, entry.id)
        assert [key.id for key in proof.keys] == [key.id for key in keys[: n // 2 + 1]]
        document = receipt_document(proof.record, proof.keys, None)
        check(document, {key.id: key.public for key in keys})
        for former, key in zip(keys, document["keys"][1:], strict=False):
            assert key["receipt"]["block"]["key"] == former.id
    listed = await keys_of_log(service)
    assert [key.id for key in listed] == [key.id for key in keys]
    assert [key.is_active for key in listed] == [False, False, False, True]
    assert [key.since for key in listed] == sorted(key.since for key in listed)


async def test_there_is_none_for_a_record_that_is_not_there(log: AuditLog, service: Database) -> None:
    await log.append(remark())
    assert await proof_of(service, uuid_utils.compat.uuid7()) is None


async def test_the_newest_block_is_the_last_one(governed: AuditLog, service: Database) -> None:
    entry = remark()
    await governed.append(entry)
    found = await newest(service)
    assert found is not None
    header, signature = found
    assert header == (await proved(service, entry.id)).record.header
    assert is_signed_by(header, signature, {SIGNER.key.id: SIGNER.key.public})


async def test_an_empty_log_has_no_newest_block_and_no_keys(service: Database) -> None:
    assert await newest(service) is None
    assert await keys_of_log(service) == ()


ITS_BLOCK = "(SELECT block FROM record WHERE id = %s)"


@pytest.mark.parametrize(
    "change,words",
    [
        (
            "UPDATE record SET body = overlay(body PLACING '7'::bytea FROM 9 FOR 1) WHERE id = %s",
            "do not lead",
        ),
        ("UPDATE record SET leaf = sha256('') WHERE position = 1 AND block = ITS", "do not lead"),
        ("UPDATE block SET at = at + interval '1 s' WHERE id = ITS", "not that of its header"),
        ("UPDATE block SET count = count + 1 WHERE id = ITS", "not as many records"),
        (
            "UPDATE block SET key = 'a' WHERE id = ITS",
            "by the key a, of which the log has no record",
        ),
        (
            "UPDATE block SET signature = sha512('') WHERE id = ITS",
            "not signed by a key of the log",
        ),
    ],
)
async def test_a_log_that_was_tampered_with_gives_no_receipt(
    log: AuditLog, service: Database, database: FreshDatabase, change: str, words: str
) -> None:
    entry = remark()
    await asyncio.gather(log.append(entry), log.append(remark()))
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(change.replace("ITS", ITS_BLOCK).encode(), (entry.id,))

    async def receipt() -> None:
        proof = await proved(service, entry.id)
        receipt_document(proof.record, proof.keys, None)

    with pytest.raises(LogDamaged, match=words):
        await receipt()


async def test_a_block_that_was_changed_is_no_checkpoint(
    log: AuditLog, service: Database, database: FreshDatabase
) -> None:
    await log.append(remark())
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE block SET root = sha256('')")
    with pytest.raises(LogDamaged, match="verify the log"):
        await newest(service)


async def test_an_evaluation_or_texts_of_another_record_give_no_receipt(
    governed: AuditLog, service: Database
) -> None:
    entry = decision()
    await governed.append(entry)
    proof = await proved(service, entry.id, texts=True)
    assert proof.texts is not None
    with pytest.raises(LogDamaged, match="the evaluation"):
        receipt_document(proof.record, proof.keys, {"n": 1, "outcome": "permitted"})
    with pytest.raises(LogDamaged, match="the texts"):
        receipt_document(proof.record, proof.keys, None, (proof.texts[0], {"entity": {"name": "another"}}))
