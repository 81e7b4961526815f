"""Exports prove their lines, and stream them in flat memory."""

import asyncio
import io
import json
import tracemalloc
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import psycopg
import pyarrow.parquet as pq
import pytest

from eligibility import merkle
from eligibility.canonical import canonical
from eligibility.chain import Header, is_signed_by
from eligibility.decider import Decider
from eligibility.export import announce, export
from eligibility.export_formats import FORMATS, Format
from eligibility.recording import decision_entry
from eligibility.storage.database import Database
from eligibility.storage.erasure import erase, texts_of_decisions
from eligibility.storage.exporting import Wanted
from eligibility.storage.records import commitment, hash_bytes
from eligibility.storage.retention import drop, months
from tests.api.bodies import permitted
from tests.conftest import FreshDatabase
from tests.properties.sizes import sized
from tests.storage import making
from tests.storage.conftest import SIGNER
from tests.storage.exporting import BODIES, Exports, decided, from_csv, from_parquet


def blocks(data: bytes) -> dict[int, dict[str, Any]]:
    """The blocks that a JSONL export with proofs holds, each before its records."""
    found: dict[int, dict[str, Any]] = {}
    for line in map(json.loads, data.splitlines()):
        if line.keys() == {"block"}:
            assert line["block"]["number"] not in found
            found[line["block"]["number"]] = line["block"]
        elif "sequence" in line:
            assert line["block"] == max(found)
    return found


def assert_proved(line: dict[str, Any], found: dict[int, dict[str, Any]]) -> None:
    """Check a line offline: body against leaf, leaf against block, block against the log's key."""
    block = found[line["block"]]
    leaf = sha256(b"\x00" + line["body"].encode()).digest()
    assert line["leaf"] == leaf.hex()
    path = [bytes.fromhex(step) for step in line["proof"]]
    root = hash_bytes(block["root"])
    assert merkle.verify(leaf, line["index"], block["count"], path, root)
    assert line["sequence"] == block["first"] + line["index"]
    header = Header(
        *(block["number"], block["first"], block["count"], root, hash_bytes(block["previous"])),
        *(datetime.fromisoformat(block["at"]), block["key"]),
    )
    assert block["hash"] == f"sha256:{header.hash.hex()}"
    keys = {SIGNER.key.id: SIGNER.key.public}
    assert is_signed_by(header, bytes.fromhex(block["signature"]), keys)
    envelope = json.loads(line["body"])
    for member in ("id", "kind", "at", "actor", "channel"):
        assert line[member] == envelope[member]
    assert line["outcome"] == envelope.get("outcome")
    if line["texts"] is not None:
        salt, content = bytes.fromhex(line["texts"]["salt"]), canonical(line["texts"]["content"])
        assert commitment(salt, content) == envelope["private"]


@pytest.mark.parametrize("kind", [None, "decision"], ids=["every record", "decisions alone"])
async def test_every_line_is_proved_by_itself(exports: Exports, kind: str | None) -> None:
    data = await exports.of("jsonl", kind=kind, proofs=True)
    found = blocks(data)
    lines = [line for line in map(json.loads, data.splitlines()) if "sequence" in line]
    assert any(len(line["proof"]) > 2 for line in lines)
    for line in lines:
        assert_proved(line, found)
    for rows in (
        from_csv(await exports.of("csv", kind=kind, proofs=True)),
        from_parquet(await exports.of("parquet", kind=kind, proofs=True)),
    ):
        assert len(rows) >= len(lines)
        for row in rows:
            assert_proved(row, {row["block"]: row["block_header"]})


async def test_erased_texts_are_gone_and_said_to_be(exports: Exports, service: Database) -> None:
    erased = next(iter(exports.made))
    texts = await texts_of_decisions(service, [UUID(erased)])
    await erase(exports.log, service, texts, reason=None, actor="system", channel="cli")
    for form in FORMATS:
        assert b"Example Robotics" not in await exports.of(form, proofs=True)
    first, *others = await exports.lines(proofs=True)
    assert (first["id"], first["texts_erased"], first["texts"]) == (erased, True, None)
    assert not any(line["texts_erased"] for line in others)
    assert_proved(first, blocks(await exports.of("jsonl", proofs=True)))


async def test_neighbours_of_dropped_records_are_still_proved(exports: Exports, service: Database) -> None:
    looked = making.remark(kind="access", **making.made_in(date(2025, 3, 1)))
    neighbour = making.remark()
    await asyncio.gather(exports.log.append(looked), exports.log.append(neighbour))
    [month] = await months(service, "accesses", date(2025, 4, 1))
    await drop(exports.log, month)
    data = await exports.of("jsonl", kind="remark", proofs=True)
    [line] = [line for line in map(json.loads, data.splitlines()) if "sequence" in line]
    assert line["id"] == str(neighbour.id)
    assert len(line["proof"]) > 0
    assert_proved(line, blocks(data))


async def test_a_block_that_is_not_whole_proves_nothing(exports: Exports, database: FreshDatabase) -> None:
    *_, first, last = exports.made
    with psycopg.connect(database.superuser_url) as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute("DELETE FROM record WHERE id = %s", (last,))
    lines = await exports.lines(proofs=True)
    assert lines[-1]["id"] == first
    assert lines[-1]["proof"] is None
    assert lines[0]["proof"] is not None  # it stands in another block


async def test_a_large_block_is_exported_in_several_pieces_and_groups_of_rows(
    exports: Exports, decider: Decider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eligibility.parquet.GROUP_ROWS", 700)
    decision = decided(decider, permitted())
    for _ in range(2):
        entries = [decision_entry(decision, actor="system", channel="batch") for _ in range(750)]
        await asyncio.gather(*map(exports.log.append, entries))
    data = await exports.of("parquet")
    file = pq.ParquetFile(io.BytesIO(data))
    groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
    assert sum(group.num_rows for group in groups) == len(BODIES) + 1500
    assert len(groups) == 2
    assert groups[0].column(0).compression == "ZSTD"
    assert [row["sequence"] for row in from_parquet(data)] == [
        line["sequence"] for line in await exports.lines()
    ]
    sizes = [len(piece) async for piece in exports.pieces("jsonl")]
    assert max(sizes) < sum(sizes) / 2


async def peak(exports: Exports, form: Format) -> int:
    """The most memory that an export takes while it is streamed, in bytes."""
    wanted = Wanted(proofs=True)
    announced = await announce(exports.log, wanted, form, actor="system", channel="cli")
    tracemalloc.start()
    try:
        for _ in export(exports.url, wanted, form, announced):
            pass  # as a stream does that is sent on
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_memory_does_not_grow_with_the_log(
    exports: Exports, decider: Decider, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = sized(500, 5_000)
    monkeypatch.setattr("eligibility.storage.exporting._CHUNK", few // 4)
    monkeypatch.setattr("eligibility.parquet.GROUP_ROWS", few // 2)
    decision = decided(decider, permitted())

    async def grow(count: int) -> None:
        for _ in range(count // 250):
            entries = [decision_entry(decision, actor="system", channel="batch") for _ in range(250)]
            await asyncio.gather(*map(exports.log.append, entries))

    await grow(few)
    for form in FORMATS:
        await peak(exports, form)  # what is loaded and remembered once
    before = {form: await peak(exports, form) for form in FORMATS}
    await grow(3 * few)
    after = {form: await peak(exports, form) for form in FORMATS}
    assert all(after[form] < 1.5 * before[form] for form in FORMATS), (before, after)
