"""Results as files: each format says the same, and never how the rows were cut."""

import csv
import gzip
import io
from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eligibility.backlog import result_lines
from eligibility.backlog.compressing import BLOCK, compressor
from eligibility.backlog.deciding import BacklogDecider, Decided
from eligibility.backlog.form import DECISION, RESULTS
from eligibility.backlog.formats import Compression, Format
from eligibility.backlog.result_parquet import WHOLE_GROUP_ROWS
from eligibility.backlog.writing import result_writer
from eligibility.defusing import defused
from eligibility.export_formats import FORMATS
from eligibility.parquet_sink import GROUP_ROWS
from tests.backlog.results import NAMES, decided, ids_of, pieces, whole

SLIM = ["line", "request_id", "outcome", "findings", "obligations", "missing_facts", "contact_reasons"]


@pytest.fixture(scope="module")
def made(backlog: BacklogDecider) -> Decided:
    return decided(backlog)


def written(form: Format, *tables: Any, full: bool = False) -> bytes:
    writer = result_writer(form, full=full)
    return b"".join([writer.start(), *map(writer.write, tables), writer.end()])


def expected(row: dict[str, Any]) -> dict[str, Any]:
    """The line of a row of results, by the words of the contract."""
    if row["error"]:
        return {"line": row["line"], "request_id": row["request_id"], "error": row["error"]}
    decision = {"decision": orjson.loads(row["decision"])} if "decision" in row else {}
    line = {name: row[name] for name in SLIM}
    identifier = {"id": row["id"]} if row["id"] else {}
    return {"line": line.pop("line"), "request_id": line.pop("request_id"), **identifier, **line, **decision}


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("full", [False, True])
def test_json_lines_are_those_of_the_contract(
    recorded: bool, full: bool, backlog: BacklogDecider, made: Decided
) -> None:
    ids = ids_of(made) if recorded else None
    table = whole(backlog, made, ids) if full else made.table(ids)
    lines = written("jsonl", table, full=full).split(b"\n")
    assert lines.pop() == b""
    assert lines == [orjson.dumps(expected(row)) for row in table.to_pylist()]
    assert {b'"error":' in line for line in lines} == {True, False}


def test_json_lines_say_what_a_decision_over_http_says(backlog: BacklogDecider, made: Decided) -> None:
    """A whole decision is part of its line as it is, byte for byte."""
    table = whole(backlog, made)
    lines = written("jsonl", table, full=True).splitlines()
    decisions = table["decision"].to_pylist()
    assert all(
        line.endswith(b',"decision":' + decision.encode() + b"}")
        for line, decision in zip(lines, decisions, strict=True)
        if decision
    )


@pytest.mark.parametrize("full", [False, True])
def test_csv_says_the_same(full: bool, backlog: BacklogDecider, made: Decided) -> None:
    ids = ids_of(made)
    table = whole(backlog, made, ids) if full else made.table(ids)
    text = written("csv", table, full=full).decode()
    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert header == [*RESULTS.names, "errors", *([DECISION.name] if full else [])]
    for cells, row in zip(rows, table.to_pylist(), strict=True):
        found = dict(zip(header, cells, strict=True))
        error = row["error"] or {"detail": "", "errors": []}
        assert found["line"] == str(row["line"])
        assert found["request_id"] == defused(row["request_id"] or "")
        assert found["id"] == (row["id"] or "")
        assert found["outcome"] == (row["outcome"] or "")
        assert all(found[name] == ";".join(row[name] or []) for name in SLIM[3:])
        assert found["error"] == defused(error["detail"])
        assert orjson.loads(found["errors"] or "[]") == error["errors"]
        assert not full or orjson.loads(found["decision"] or "null") == orjson.loads(
            row["decision"] or "null"
        )


def test_csv_ends_lines_as_the_standard_has_it(made: Decided) -> None:
    table = made.table().slice(0, 1)
    assert table["request_id"].to_pylist() == [None]
    assert written("csv", table).count(b"\r\n") == 2
    assert written("csv", table).endswith(b"\r\n")


def test_names_in_every_format(made: Decided) -> None:
    """A name needs quotes in one format, escapes in another, and comes out of each as it went in."""
    table = made.table().slice(0, 1)
    position = table.schema.get_field_index("request_id")
    row = pa.concat_tables([table] * len(NAMES))
    named = row.set_column(position, RESULTS.field("request_id"), pa.array(NAMES))
    lines = written("jsonl", named).split(b"\n")[:-1]
    assert [orjson.loads(line)["request_id"] for line in lines] == list(NAMES)
    assert all(b'"request_id":' + orjson.dumps(name) in line for name, line in zip(NAMES, lines, strict=True))
    cells = list(csv.DictReader(io.StringIO(written("csv", named).decode(), newline="")))
    assert [cell["request_id"] for cell in cells] == list(map(defused, NAMES))
    assert read(written("parquet", named))["request_id"].to_pylist() == list(NAMES)


@pytest.mark.parametrize("full", [False, True])
def test_parquet_keeps_every_type(full: bool, backlog: BacklogDecider, made: Decided) -> None:
    table = whole(backlog, made, ids_of(made)) if full else made.table(ids_of(made))
    assert read(written("parquet", table, full=full)).equals(table)


def read(file: bytes) -> Any:
    return pq.read_table(io.BytesIO(file))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("full", [False, True])
def test_how_rows_are_cut_does_not_show(
    form: Format, full: bool, backlog: BacklogDecider, made: Decided
) -> None:
    table = whole(backlog, made) if full else made.table(ids_of(made))
    at_once = written(form, table, full=full)
    assert written(form, *pieces(table, [0, 1, 1, 7, 20, 0]), full=full) == at_once
    assert written(form, *pieces(table, [59]), full=full) == at_once


@pytest.mark.parametrize("form", ["jsonl", "csv"])
@pytest.mark.parametrize("full", [False, True])
def test_long_tables_are_joined_in_portions(
    form: Format, full: bool, backlog: BacklogDecider, made: Decided, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = whole(backlog, made, ids_of(made)) if full else made.table(ids_of(made))
    at_once = written(form, table, full=full)
    monkeypatch.setattr(result_lines, "WHOLE_AT_ONCE" if full else "AT_ONCE", 7)
    assert written(form, table, full=full) == at_once


@pytest.mark.parametrize("full, group", [(False, GROUP_ROWS), (True, WHOLE_GROUP_ROWS)])
def test_groups_of_rows_hang_on_their_number_alone(
    full: bool, group: int, backlog: BacklogDecider, made: Decided
) -> None:
    rows = whole(backlog, made).slice(0, 50) if full else made.table().slice(0, 50)
    count = 2 * group // 50 + 1
    table = pa.concat_tables([rows] * count)
    at_once = written("parquet", table, full=full)
    assert written("parquet", *pieces(table, [group - 1, 2, group - 1]), full=full) == at_once
    about = pq.ParquetFile(io.BytesIO(at_once)).metadata
    assert [about.row_group(number).num_rows for number in range(3)] == [group, group, 50]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("recorded", [False, True])
def test_the_short_way_writes_the_same(form: Format, recorded: bool, made: Decided) -> None:
    ids = ids_of(made) if recorded else None
    writer = result_writer(form, full=False)
    short = [writer.start(), writer.write_decided(made, ids), writer.write_decided(made, ids), writer.end()]
    assert b"".join(short) == written(form, made.table(ids), made.table(ids))


@pytest.mark.parametrize("form", FORMATS)
def test_no_rows_are_a_file_too(form: Format) -> None:
    file = written(form, RESULTS.empty_table())
    assert file == written(form)
    if form == "parquet":
        assert read(file).schema.equals(RESULTS)
    else:
        assert file.count(b"\n") == (form == "csv")


def compressed(compression: Compression, parts: Sequence[bytes]) -> bytes:
    with_it = compressor(compression)
    return b"".join([*map(with_it.add, parts), with_it.end()])


@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
def test_compressed_content_reads_back(compression: Compression) -> None:
    content = b"".join(b'{"line":%d}\n' % number for number in range(200_000))
    assert len(content) > 3 * BLOCK // 2
    file = compressed(compression, [content])
    assert compressed(compression, [content[:1], content[1:100], b"", content[100:]]) == file
    if compression == "gzip":
        assert file[3:8] == bytes(5), "neither a name nor a time"
        assert gzip.decompress(file) == content
    elif compression == "zstd":
        assert pa.CompressedInputStream(pa.BufferReader(file), "zstd").read() == content
    else:
        assert file == content


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_nothing_compressed_reads_back(compression: Compression) -> None:
    file = compressed(compression, [])
    assert file
    assert pa.CompressedInputStream(pa.BufferReader(file), compression).read() == b""
