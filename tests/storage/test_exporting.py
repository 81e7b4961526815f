"""Exports say what was recorded, in every format, and prove it."""

import asyncio
import csv
import io
import json
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest

from eligibility import merkle
from eligibility.canonical import canonical, timestamp
from eligibility.chain import Header, is_signed_by
from eligibility.decider import Decider, Decision
from eligibility.export import announce, export
from eligibility.export_formats import FORMATS, Format
from eligibility.reading import read_request
from eligibility.recording import decision_entry
from eligibility.storage.database import Database
from eligibility.storage.entries import Entry
from eligibility.storage.exporting import Wanted
from eligibility.storage.keys import Keys
from eligibility.storage.log import AuditLog
from eligibility.storage.records import commitment, hash_bytes
from eligibility.storage.rulesets import genesis
from tests.api.bodies import permitted, prohibited, unclear
from tests.conftest import FreshDatabase
from tests.properties.sizes import sized
from tests.storage import making
from tests.storage.conftest import SECRET, SIGNER

NAMES = (
    "Example Robotics Inc.",
    'A "quoted" name, with a comma',
    "two\nlines\r\nand a\ttab",
    "=HYPERLINK(1)",
    "+1;=2",
    "\uff1dwide",
    "🤖 Müller; 東京",
)
BODIES = (
    *(permitted(name=name, reference=f"crm-{n}") for n, name in enumerate(NAMES)),
    prohibited(name="Exemple"),
    unclear(name="Little is known", affiliates=[{"relation": "parent"}, {"relation": "subsidiary"}]),
    unclear(),
)


@dataclass
class Exports:
    """A log with decisions of every sort, and the exports of it."""

    log: AuditLog
    url: str
    made: dict[str, tuple[Decision, dict[str, Any], Entry]]

    async def of(self, form: Format, **wanted: Any) -> bytes:
        return b"".join([piece async for piece in self.pieces(form, **wanted)])

    async def pieces(self, form: Format, **wanted: Any) -> AsyncIterator[bytes]:
        asked = Wanted(**wanted)
        announced = await announce(self.log, asked, form, actor="system", channel="cli")
        for piece in export(self.url, asked, form, announced):
            yield piece.data

    async def lines(self, **wanted: Any) -> list[dict[str, Any]]:
        """The records of an export as JSONL, whose end is checked."""
        found = [json.loads(line) for line in (await self.of("jsonl", **wanted)).splitlines()]
        end = found.pop()
        records = [line for line in found if line.keys() != {"block"}]
        assert end["end"]["records"] == len(records)
        return records


@pytest.fixture
async def exports(log: AuditLog, service: Database, decider: Decider, database: FreshDatabase) -> Exports:
    ruleset = decider.ruleset
    await genesis(log, service, ruleset.digest, ruleset.version, canonical(dict(ruleset.document)))
    key, _ = await Keys(service, SECRET).create(log, name="=a portal", kind="system", role="portal")
    made = {}
    for body in BODIES:
        decision = decided(decider, body)
        entry = decision_entry(decision, actor=str(key.principal), channel="http", idempotency_key=None)
        made[str(entry.id)] = (decision, body, entry)
    entries = [entry for _, _, entry in made.values()]
    await log.append(entries[0])
    await asyncio.gather(*map(log.append, entries[1:]))
    return Exports(log, database.service_url, made)


def decided(decider: Decider, body: dict[str, Any]) -> Decision:
    return decider.decide(read_request(json.dumps(body).encode(), decider.ruleset.vocabulary))


def names(members: Sequence[dict[str, Any]], name: str) -> list[str]:
    return [member[name] for member in members]


def from_csv(data: bytes) -> list[dict[str, Any]]:
    """The rows of a CSV, typed again. Its texts stay defused."""
    rows: list[dict[str, Any]] = []
    for row in csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True):
        typed: dict[str, Any] = {name: value or None for name, value in row.items()}
        for name in ("findings", "obligations", "missing_facts", "proof"):
            if name in typed:
                typed[name] = row[name].split(";") if row[name] else []
        for name in ("sequence", "block", "index", "facts", "texts_erased", "texts", "block_header"):
            if typed.get(name) is not None:
                typed[name] = json.loads(row[name])
        rows.append(typed)
    return rows


def from_parquet(data: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(data)).to_pylist()
    for row in rows:
        row["at"] = timestamp(row["at"])
        for name in ("facts", "texts", "block_header"):
            if row.get(name) is not None:
                row[name] = json.loads(row[name])
    return rows


async def test_a_line_says_what_was_asked_decided_and_recorded(exports: Exports) -> None:
    lines = await exports.lines()
    assert [line["id"] for line in lines] == list(exports.made)
    assert [line["sequence"] for line in lines] == list(
        range(lines[0]["sequence"], lines[0]["sequence"] + len(BODIES))
    )
    for line in lines:
        decision, body, entry = exports.made[line["id"]]
        document = decision.document()
        assert line["facts"] == body
        assert line["findings"] == names(document["findings"], "finding")
        assert line["obligations"] == names(document["obligations"], "obligation")
        assert line["missing_facts"] == names(document["missing_facts"], "fact")
        assert line["outcome"] == document["outcome"]
        assert line["ruleset"] == document["ruleset"]["digest"]
        assert line["generation"] == body["model"]["generation"]
        assert line["at"] == timestamp(entry.at)
        assert (line["kind"], line["channel"], line["actor"]) == ("decision", "http", entry.actor)
        assert line["requested_by"] == "=a portal"
        assert (line["texts_erased"], line["subject"], line["request_id"]) == (False, None, None)
    assert any("entity.affiliates[1].involved_in" in line["missing_facts"] for line in lines)


@pytest.mark.parametrize("proofs", [False, True])
async def test_parquet_reads_back_as_jsonl(exports: Exports, proofs: bool) -> None:
    rows = from_parquet(await exports.of("parquet", proofs=proofs))
    assert [{k: v for k, v in row.items() if k != "block_header"} for row in rows] == await exports.lines(
        proofs=proofs
    )


async def test_parquet_has_types(exports: Exports) -> None:
    table = pq.read_table(io.BytesIO(await exports.of("parquet", proofs=True)))
    types = {field.name: str(field.type) for field in table.schema}
    assert types["sequence"] == types["block"] == types["index"] == "int64"
    assert types["at"] == "timestamp[us, tz=UTC]"
    assert types["findings"] == types["proof"] == "list<element: string>"
    assert types["texts_erased"] == "bool"
    assert types["facts"] == "string"


@pytest.mark.parametrize("proofs", [False, True])
async def test_csv_reads_back_as_jsonl_but_for_what_is_defused(exports: Exports, proofs: bool) -> None:
    rows = from_csv(await exports.of("csv", proofs=proofs))
    assert {row.pop("requested_by") for row in rows} == {"'=a portal"}
    expected = await exports.lines(proofs=proofs)
    for row, line in zip(rows, expected, strict=True):
        row.pop("block_header", None)
        line.pop("requested_by")
        assert row == line


async def test_csv_is_as_rfc_4180_has_it_and_no_cell_is_run(exports: Exports) -> None:
    await exports.log.append(making.remark(facts={"of": "a kind with texts"}, private={"comment": "=1"}))
    data = await exports.of("csv", kind=None)
    lines = data.decode().split("\r\n")
    assert lines[0].startswith("sequence,id,kind,at,")
    assert lines[-1] == ""
    assert "\n" not in data.decode().replace("\r\n", "")
    for row in csv.reader(io.StringIO(data.decode(), newline="")):
        assert len(row) == len(lines[0].split(","))
        for cell in row:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"))
            assert ";=" not in cell


async def test_records_are_those_of_the_period_and_kind(exports: Exports) -> None:
    day = datetime(2026, 3, 1, tzinfo=UTC)
    remarks = [making.remark(at=day + timedelta(hours=hours)) for hours in range(4)]
    for remark in remarks:
        await exports.log.append(remark)
    ids = [str(remark.id) for remark in remarks]
    period = {"since": remarks[1].at, "until": remarks[3].at}
    for wanted, expected in (
        ({"kind": "remark"}, ids),
        ({"kind": "remark", **period}, ids[1:3]),
        ({"kind": None, **period}, ids[1:3]),
        ({"kind": "remark", "since": remarks[3].at}, ids[3:]),
        ({"kind": None, "until": remarks[1].at}, ids[:1]),
        ({"kind": "decision", **period}, []),
        ({"kind": "no such kind"}, []),
        ({"since": datetime.now(UTC) + timedelta(days=1)}, []),
    ):
        assert [line["id"] for line in await exports.lines(**wanted)] == expected, wanted


async def test_an_empty_export_is_whole_in_every_format(exports: Exports) -> None:
    nothing = {"kind": "no such kind"}
    assert from_csv(await exports.of("csv", **nothing)) == []
    assert (await exports.of("csv", **nothing)).startswith(b"sequence,")
    assert from_parquet(await exports.of("parquet", **nothing)) == []
    assert await exports.lines(**nothing) == []


async def test_an_export_ends_before_the_record_that_announces_it(exports: Exports) -> None:
    everything = await exports.lines(kind=None)
    first = await announce(exports.log, Wanted(kind=None), "jsonl", actor="system", channel="cli")
    await exports.log.append(making.remark())
    pieces = [piece.data for piece in export(exports.url, Wanted(kind=None), "jsonl", first)]
    found = [json.loads(line) for line in b"".join(pieces).splitlines()]
    assert found.pop()["end"] == {
        "records": len(everything) + 1,  # the export before
        "export": str(first.id),
        "before": first.sequence,
    }
    assert [line["sequence"] for line in found] == list(range(1, first.sequence))


async def test_what_an_export_asks_for_is_recorded(exports: Exports) -> None:
    since = datetime(2026, 3, 1, tzinfo=UTC)
    await exports.of("csv", kind=None, since=since, proofs=True, texts=False)
    await exports.of("parquet")
    first, second = await exports.lines(kind="export")
    assert first["facts"] == {
        "from": "2026-03-01T00:00:00.000000Z",
        "to": None,
        "format": "csv",
        "kind": "all",
        "texts": False,
        "proofs": True,
    }
    assert second["facts"]["kind"] == "decision"
    assert (first["actor"], first["channel"]) == ("system", "cli")


async def test_texts_are_left_out_where_they_are_not_wanted(exports: Exports) -> None:
    for form in FORMATS:
        data = await exports.of(form, texts=False, proofs=True, kind=None)
        for text in ("Robotics", "Müller", "crm-1", "repair robots", "a portal"):
            assert text.encode() not in data
    lines = await exports.lines(texts=False)
    for line in lines:
        assert "name" not in line["facts"].get("entity", {})
        assert (line["requested_by"], line["texts_erased"]) == (None, False)


async def test_erased_texts_are_gone_and_said_to_be(exports: Exports, database: FreshDatabase) -> None:
    erased = next(iter(exports.made))
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("DELETE FROM private WHERE record = %s", (erased,))
    for form in FORMATS:
        assert b"Example Robotics" not in await exports.of(form, proofs=True)
    first, *others = await exports.lines(proofs=True)
    assert (first["id"], first["texts_erased"], first["texts"]) == (erased, True, None)
    assert not any(line["texts_erased"] for line in others)
    assert_proved(first, blocks(await exports.of("jsonl", proofs=True)))


async def test_what_is_erased_during_an_export_leaves_no_more(
    exports: Exports, database: FreshDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eligibility.storage.exporting._CHUNK", 1)
    pieces = exports.pieces("jsonl")
    data = b""
    while b"Example Robotics" not in data:  # of the first block with decisions
        data += await anext(pieces)
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("DELETE FROM private")
    rest = b"".join([piece async for piece in pieces])
    assert b'"end"' in rest
    for name in ("Exemple", "Little is known", "crm-"):
        assert name.encode() not in rest


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
