"""What a backlog is written in, as its name says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from eligibility.errors import BacklogRefused, Fault

Format = Literal["jsonl", "csv", "parquet"]
Compression = Literal["gzip", "zstd"] | None

_FORMATS: Final[Mapping[str, Format]] = {
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "csv": "csv",
    "parquet": "parquet",
}
_COMPRESSIONS: Final[Mapping[str, Compression]] = {"gz": "gzip", "zst": "zstd"}


def format_of(name: str) -> tuple[Format, Compression]:
    """The format and the compression that a file's name ends with: `backlog.csv.gz`.

    Raises BacklogRefused.
    """
    rest, _, suffix = name.lower().rpartition(".")
    compression = _COMPRESSIONS.get(suffix)
    if compression is not None:
        suffix = rest.rpartition(".")[2]
    form = _FORMATS.get(suffix)
    if form is None or "." not in name:
        detail = f"`{name}` does not say its format: end it with .jsonl, .ndjson, .csv or .parquet"
        raise BacklogRefused([Fault("", f"{detail}, and .gz or .zst where it is compressed")])
    return form, compression
