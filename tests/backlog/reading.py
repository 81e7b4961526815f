"""Files made in memory, cut and read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from eligibility.backlog.cutting import Piece, cut
from eligibility.backlog.deciding import BacklogDecider, Decided
from eligibility.backlog.formats import Compression, Format
from eligibility.backlog.reading import read_piece
from eligibility.errors import RequestRefused
from eligibility.facts import Vocabulary
from eligibility.reading import parse_json, request_from

ROWS = 4095


def pieces(data: bytes, form: Format, rows: int = ROWS, compression: Compression = None) -> list[Piece]:
    return list(cut(io.BytesIO(data), form, compression, rows))


def read(data: bytes, form: Format, rows: int = ROWS) -> Any:
    """All rows of a file in one table."""
    return pa.concat_tables(read_piece(form, piece).requests for piece in pieces(data, form, rows))


def decided(data: bytes, form: Format, decider: BacklogDecider) -> Decided:
    return decider.decide(read(data, form))


def errors(data: bytes, form: Format, decider: BacklogDecider) -> list[list[tuple[str, str]] | None]:
    """What is wrong with each row, as (pointer, detail)."""
    found = decided(data, form, decider)
    answers = [found.answers[place] for place in found.which.to_pylist()]
    return [None if answer.refused is None else list(answer.refused.errors) for answer in answers]


def csv_of(columns: Sequence[str], *rows: Sequence[str], separator: str = ",", end: str = "\r\n") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=end).writerows([columns, *rows])
    return text.getvalue().encode()


def parquet_of(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(table, sink, **options)
    return sink.getvalue()


def leaves(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The facts of a request by path, as it gives them."""
    found: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, dict):
            found |= leaves(inner, f"{prefix}{name}.")
        else:
            found[prefix + name] = inner
    return found


def facts_of_line(line: bytes, vocabulary: Vocabulary) -> dict[str, Any] | None:
    """What a request says that comes by itself; None where it is refused."""
    try:
        request = request_from(parse_json(line), vocabulary, member_allowed_request_id=True)
    except RequestRefused:
        return None
    return {**request.facts, "request_id": request.request_id}


def facts_of_rows(table: Any, vocabulary: Vocabulary) -> Iterable[dict[str, Any] | None]:
    """What the rows of a table say, each by its columns where it was read into them, else by its text."""
    for row in table.to_pylist():
        text = row["text"]
        if row["is_read"]:
            body = {name: row[name] for name in ("request_id", "model", "entity", "use")}
            try:
                request = request_from(without_nulls(body), vocabulary, member_allowed_request_id=True)
            except RequestRefused:
                yield None
            else:
                yield {**request.facts, "request_id": request.request_id}
        else:
            yield facts_of_line(text, vocabulary)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value
