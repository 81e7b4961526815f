"""Lines as JSONL, CSV or Parquet: lines in, bytes out, piece by piece."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any as Anything
from typing import Literal, Protocol

import orjson

from eligibility.defusing import defused, defused_json
from eligibility.exported import Kind, Line, json_text

Format = Literal["jsonl", "csv", "parquet"]
FORMATS: tuple[Format, ...] = ("jsonl", "csv", "parquet")
MEDIA_TYPES: Mapping[Format, str] = {
    "jsonl": "application/jsonl",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}

LIST_SEPARATOR = ";"


class Writer(Protocol):
    """Makes a file of lines. Pieces may be empty; in a row they are the file."""

    def start(self) -> bytes:
        """What comes before the lines."""

    def write(self, lines: Sequence[Line]) -> bytes:
        """Some lines, which follow those before."""

    def end(self, summary: Mapping[str, Anything]) -> bytes:
        """What comes after the lines; the summary, where the format has a place for it."""


def writer(form: Format, columns: Mapping[str, Kind]) -> Writer:
    """The writer of a format."""
    if form == "jsonl":
        return JsonLines()
    if form == "csv":
        return Csv(columns)
    from eligibility.parquet import Parquet  # noqa: PLC0415 - Arrow is loaded where it is needed, as it is large

    return Parquet(columns)


class JsonLines:
    """A JSON object for each record; one for each block before its records, where proofs are wanted.

    The last line says how many records there were: without it, the file was cut.
    """

    def __init__(self) -> None:
        self._block: int | None = None

    def start(self) -> bytes:
        """Nothing."""
        return b""

    def write(self, lines: Sequence[Line]) -> bytes:
        """Records, and the blocks that they begin."""
        objects: list[Line] = []
        for line in lines:
            header = line.get("block_header")
            if header is not None and header["number"] != self._block:
                objects.append({"block": header})
                self._block = header["number"]
            objects.append({name: value for name, value in line.items() if name != "block_header"})
        return b"".join(map(_json_line, objects))

    def end(self, summary: Mapping[str, Anything]) -> bytes:
        """The summary, as `end`."""
        return _json_line({"end": summary})


def _json_line(value: Line) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


class Csv:
    """RFC 4180 in UTF-8 with a header. Lists are joined by `;`, what is null is empty, texts are defused."""

    def __init__(self, columns: Mapping[str, Kind]) -> None:
        self._columns = columns

    def start(self) -> bytes:
        """The header."""
        return self._rows([list(self._columns)])

    def write(self, lines: Sequence[Line]) -> bytes:
        """A row for each record."""
        return self._rows(
            [[_cell(line[name], kind) for name, kind in self._columns.items()] for line in lines]
        )

    def end(self, summary: Mapping[str, Anything]) -> bytes:  # noqa: ARG002 - CSV has no place for it
        """Nothing."""
        return b""

    @staticmethod
    def _rows(rows: Sequence[Sequence[str]]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerows(rows)
        return text.getvalue().encode()


def _cell(value: Anything, kind: Kind) -> str:
    if value is None:
        return ""
    if kind == "list":
        return defused(LIST_SEPARATOR.join(value))
    if kind == "json":
        return defused_json(json_text(value))
    if kind == "text":
        return defused(value)
    return json_text(value) if kind in {"number", "flag"} else str(value)
