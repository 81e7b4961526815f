"""Files to pieces: the same whatever blocks they come in; what no file can be is refused."""

import gzip
import io
import pickle

import pyarrow as pa
import pytest

from eligibility.backlog import streams
from eligibility.backlog.cutting import Piece, cut
from eligibility.backlog.form import BODY
from eligibility.backlog.formats import Compression, Format, format_of
from eligibility.backlog.lines import MOST_BYTES
from eligibility.errors import BacklogRefused
from tests.backlog.reading import csv_of, parquet_of, pieces

LINE = b'{"model":{"generation":"llama-4"},"entity":{"kind":"company"}}'
HEADER = ("model.generation", "entity.kind", "entity.name")
CSV = csv_of(HEADER, *[("llama-4", "company", 'a\r\n"b"\n, c' if row % 3 else "x") for row in range(100)])


FORMS: tuple[Format, ...] = ("jsonl", "csv")


class Pipe(io.BytesIO):
    """What can be read only once."""

    def seekable(self) -> bool:
        return False

    def seek(self, _place: int, _whence: int = 0) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def compressed(data: bytes, compression: str) -> bytes:
    return gzip.compress(data) if compression == "gzip" else pa.compress(data, "zstd", asbytes=True)


@pytest.mark.parametrize(
    "name,found",
    [
        ("backlog.jsonl", ("jsonl", None)),
        ("BACKLOG.NDJSON", ("jsonl", None)),
        ("a.b.csv.gz", ("csv", "gzip")),
        ("folder.x/past.parquet.zst", ("parquet", "zstd")),
    ],
)
def test_the_name_says_the_format(name: str, found: tuple[Format, Compression]) -> None:
    assert format_of(name) == found


@pytest.mark.parametrize("name", ["backlog", "csv", "backlog.xlsx", "backlog.gz", "backlog.csv.bz2", ""])
def test_a_name_that_says_none_is_refused(name: str) -> None:
    with pytest.raises(BacklogRefused, match=r"end it with \.jsonl"):
        format_of(name)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_lines_stay_as_they_are(end: bytes) -> None:
    data = end.join([LINE] * 5) + end
    found = pieces(data, "jsonl", rows=2)
    assert b"".join(piece.content for piece in found) == data
    assert [(piece.number, piece.first, piece.count) for piece in found] == [(0, 0, 2), (1, 2, 2), (2, 4, 1)]


def test_a_last_line_needs_no_end() -> None:
    assert pieces(LINE + b"\n" + LINE, "jsonl") == pieces(LINE + b"\n" + LINE + b"\n", "jsonl")


def test_rows_are_cut_where_they_end_and_follow_the_header() -> None:
    found = pieces(CSV, "csv", rows=7)
    header, _, rows = CSV.partition(b"\n")
    contents = [bytes(piece.content).partition(b"\n") for piece in found]
    assert {start for start, _, _ in contents} == {header}
    assert b"".join(rest for _, _, rest in contents) == rows
    assert [piece.count for piece in found] == [7] * 14 + [2]


@pytest.mark.parametrize("block", [1, 2, 3, 61, 1_000])
def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    lines = b"\n".join([LINE, b"", LINE * 3, b'"\xc3\xa9"', LINE] * 4)
    usual = [pieces(CSV, "csv", rows=9), pieces(lines, "jsonl", rows=3)]
    monkeypatch.setattr(streams, "BLOCK", block)
    assert [_rest(CSV, "csv", 9), _rest(lines, "jsonl", 3)] == usual


def _rest(data: bytes, form: Format, rows: int) -> list[Piece]:
    return list(cut(Pipe(data), form, None, rows))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("content", [b"", LINE, memoryview(LINE)], ids=["empty", "bytes", "view"])
def test_a_piece_can_be_sent(content: bytes | memoryview, protocol: int) -> None:
    piece = Piece(1, 2, 3, content)
    found = pickle.loads(pickle.dumps(piece, protocol))  # noqa: S301 - written just now
    assert (found, found.digest) == (piece, piece.digest)


def test_large_lines_come_in_smaller_pieces() -> None:
    line = LINE[:-1] + b" " * 1_000_000 + b"}"
    found = pieces(b"\n".join([line] * 20 + [LINE] * 20), "jsonl", rows=10)
    assert [piece.count for piece in found] == [8, 8, 10, 10, 4]
    assert all(len(piece.content) <= MOST_BYTES + 10 for piece in found)


def test_a_quote_that_is_never_closed_draws_in_no_other_row() -> None:
    rows = [b'llama-4,company,"open'] + [b"llama-4,company,x"] * 100
    data = ",".join(HEADER).encode() + b"\n" + b"\n".join(rows)
    assert [piece.count for piece in pieces(data, "csv", rows=50)] == [50, 50, 1]


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_compressed_files_are_read_as_they_are(form: Format, compression: Compression) -> None:
    rows = [{"model": {"generation": "llama-4"}, "entity": {"kind": "company"}}] * 50
    data = {
        "jsonl": b"\n".join([LINE] * 50),
        "csv": CSV,
        "parquet": parquet_of(pa.Table.from_pylist(rows, schema=BODY)),
    }[form]
    packed = compressed(data, str(compression))
    assert list(cut(Pipe(packed), form, compression, 20)) == pieces(data, form, 20)
    for broken in (packed[: len(packed) // 2], packed[:-3], b"x" + packed):
        with pytest.raises(BacklogRefused, match=f"the {compression} file"):
            pieces(broken, form, 20, compression)


def test_a_compressed_file_that_was_cut_off_says_how_far_it_was_read() -> None:
    packed = compressed(b"\n".join(LINE[:-1] + b',"request_id":"%d"}' % n for n in range(50_000)), "gzip")
    found: list[Piece] = []
    with pytest.raises(BacklogRefused, match="too early: it was cut off, some lines after line ") as refused:
        found.extend(cut(io.BytesIO(packed[:-10]), "jsonl", "gzip", 1_000))
    assert len(found) > 30
    assert int(str(refused.value).rsplit(" ", 1)[1]) == found[-1].first + found[-1].count


def test_parquet_that_can_be_read_only_once_is_copied() -> None:
    data = parquet_of(pa.Table.from_pylist([{"model": {"generation": "x"}}] * 3, schema=BODY))
    assert list(cut(Pipe(data), "parquet", None, 2)) == pieces(data, "parquet", 2)


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_is_empty_has_no_pieces(form: Format) -> None:
    assert not pieces(b"", form)
    assert not pieces(b"\xef\xbb\xbf", form)


def test_a_header_alone_has_no_pieces() -> None:
    assert not pieces(b"model.generation,entity.kind", "csv")
    assert not pieces(b"model.generation,entity.kind\r\n", "csv")


def test_a_byte_order_mark_is_taken_off() -> None:
    assert pieces(b"\xef\xbb\xbf" + LINE, "jsonl") == pieces(LINE, "jsonl")
    assert pieces(b"\xef\xbb\xbf" + CSV, "csv") == pieces(CSV, "csv")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_wide_encodings_are_recognised(form: Format, encoding: str) -> None:
    data = {"jsonl": LINE, "csv": CSV}[form].decode().encode(encoding)
    with pytest.raises(BacklogRefused, match="UTF-16 or UTF-32: save it as UTF-8"):
        pieces(data, form)


def test_an_encoding_of_one_country_is_refused_with_its_place() -> None:
    data = csv_of(HEADER, ("llama-4", "company", "x"), ("llama-4", "company", "Müller")).decode()
    with pytest.raises(BacklogRefused, match=r"line 3, byte 18: `0xfc` is no UTF-8"):
        pieces(data.encode("cp1252"), "csv")


def test_ends_of_lines_of_old_are_refused() -> None:
    with pytest.raises(BacklogRefused, match="carriage return alone"):
        pieces(csv_of(HEADER, ("llama-4", "company", "x"), end="\r"), "csv")


@pytest.mark.parametrize(
    "head,words",
    [
        (b"PK\x03\x04xl/", "save it as CSV UTF-8"),
        (b"PAR1", "end its name with .parquet"),
        (gzip.compress(b"{}"), "end its name with .gz"),
        (pa.compress(b"{}", "zstd", asbytes=True), "end its name with .zst"),
    ],
    ids=["workbook", "Parquet", "gzip", "zstd"],
)
def test_what_is_something_else_is_told_by_its_first_bytes(head: bytes, words: str) -> None:
    for form in FORMS:
        with pytest.raises(BacklogRefused, match=words):
            cut(io.BytesIO(head), form, None, 10)
