"""Exports say what was recorded, in every format, and nothing that is not wanted or was erased."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest

from eligibility.canonical import timestamp
from eligibility.export import announce, export
from eligibility.export_formats import FORMATS
from eligibility.storage.database import Database
from eligibility.storage.erasure import erase, texts_of_decisions
from eligibility.storage.exporting import Wanted
from tests.storage import making
from tests.storage.exporting import BODIES, Exports, from_csv, from_parquet


def names(members: Sequence[dict[str, Any]], name: str) -> list[str]:
    return [member[name] for member in members]


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


async def test_what_is_erased_during_an_export_leaves_no_more(
    exports: Exports, service: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eligibility.storage.exporting._CHUNK", 1)
    pieces = exports.pieces("jsonl")
    data = b""
    while b"Example Robotics" not in data:  # of the first block with decisions
        data += await anext(pieces)
    with_texts = [entry.id for _, _, entry in exports.made.values() if entry.private]
    texts = await texts_of_decisions(service, with_texts)
    await erase(exports.log, service, texts, reason=None, actor="system", channel="cli")
    rest = b"".join([piece async for piece in pieces])
    assert b'"end"' in rest
    for name in ("Exemple", "Little is known", "crm-"):
        assert name.encode() not in rest
