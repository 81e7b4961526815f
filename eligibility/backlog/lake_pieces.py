"""The slices of a portion of a Parquet file, read from that file alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from eligibility.backlog import parquet_rows
from eligibility.backlog.cutting import Piece
from eligibility.backlog.form import Part
from eligibility.backlog.lake_plan import File, Portion
from eligibility.backlog.parquet_reading import read_rows
from eligibility.errors import BacklogRefused, Fault


def pieces_of(folder: Path, portion: Portion) -> Iterator[Piece]:
    """The slices of a portion, numbered among those of all files.

    Raises BacklogRefused where the file is not the one that was planned, or is damaged.
    """
    file = portion.file
    try:
        with (folder / file.name).open("rb") as source:
            rows = parquet_rows.opened(source)
            if rows.file.metadata.num_rows != file.rows:
                raise _another(file)
            for slice_, table in enumerate(_tables(rows.file, portion), portion.start):
                first = file.first + slice_ * file.slice_rows
                yield Piece(file.number + slice_, first, table.num_rows, parquet_rows.stream_of(table))
    except (pa.ArrowException, OSError) as error:
        raise BacklogRefused([Fault("", f"`{file.name}` cannot be read: {error}")]) from error


def part_of(file: File, piece: Piece) -> Part:
    """A slice as a table of requests, with the lines that its rows have in the file."""
    return Part(piece.number, piece.first, read_rows(piece.content, piece.first - file.first), piece.digest)


def _another(file: File) -> BacklogRefused:
    detail = f"`{file.name}` is not the file that it was when the run began: it had {file.rows:,} rows"
    return BacklogRefused([Fault("", detail)])


def _tables(file: Any, portion: Portion) -> Iterator[pa.Table]:
    """The rows of each slice."""
    most = portion.file.slice_rows
    waiting, count = list[pa.Table](), 0
    for rows in _runs(file, portion.start * most, portion.end * most, most):
        waiting.append(rows)
        count += rows.num_rows
        if count >= most:
            table = pa.concat_tables(waiting)
            yield table.slice(0, most)
            waiting, count = [table.slice(most)], count - most
    if count:
        yield pa.concat_tables(waiting)


def _runs(file: Any, start: int, end: int, most: int) -> Iterator[pa.Table]:
    """Rows from `start` to `end` in runs of at most so many.

    They break where they would if all rows were read, so that a slice is the same bytes wherever one begins.
    """
    at = 0
    for group in range(file.metadata.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if start < at + rows and at < end:
            batch_start = at
            for batch in file.iter_batches(batch_size=most, row_groups=[group], use_threads=False):
                low, high = max(start - batch_start, 0), min(end - batch_start, batch.num_rows)
                if low < high:
                    yield pa.Table.from_batches([batch.slice(low, high - low)])
                batch_start += batch.num_rows
                if batch_start >= end:
                    return
        at += rows
