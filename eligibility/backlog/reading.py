"""A piece of a backlog to a table of requests."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from eligibility.backlog.columns import with_lines
from eligibility.backlog.csv_reading import read_csv
from eligibility.backlog.cutting import Piece
from eligibility.backlog.form import BODY, Part
from eligibility.backlog.formats import Format
from eligibility.backlog.jsonl import read_text
from eligibility.backlog.parquet_reading import read_rows


def read_piece(form: Format, piece: Piece) -> Part:
    """Read a piece that was cut from a file of that form. What a row lacks or breaks is told by its text."""
    return Part(piece.number, piece.first, requests_in(form, piece), piece.digest)


def requests_in(form: Format, piece: Piece) -> Any:
    """The table of requests alone, where nobody asks later what was read."""
    if form == "jsonl":
        return _read_jsonl(bytes(piece.content), piece.first)
    if form == "csv":
        return read_csv(bytes(piece.content), piece.count, piece.first)
    return read_rows(piece.content, piece.first)


def _read_jsonl(content: bytes, first: int) -> pa.Table:
    bodies, lines, is_read = read_text(content, BODY)
    columns = [column.combine_chunks() for column in bodies.columns]
    return with_lines(columns, first + 1, lines, is_read)
