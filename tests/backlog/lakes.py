"""Data lakes for tests: folders of Parquet files, whose requests repeat."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from benchmarks.requests import requests
from eligibility.backlog.form import BODY


def rows_of(count: int, distinct: int, seed: int = 5) -> Any:
    """A table of so many rows, each with a name of its own; one in a hundred or so is refused."""
    few = [json.loads(body) for body in requests(distinct, seed=seed)]
    few[distinct // 2]["model"]["generation"] = "llama-9"
    table = pa.Table.from_pylist(few, schema=BODY)
    repeated = pa.concat_tables([table] * (count // distinct + 1)).slice(0, count).combine_chunks()
    names = pa.array([f"row {number}" for number in range(count)], pa.string())
    return repeated.set_column(0, "request_id", names)


def lake_of(folder: Path, rows: Any, sizes: tuple[float, ...], *, group: int) -> Path:
    """A folder with a file for each share of the rows, in groups of so many; and what is no data."""
    start = 0
    for number, share in enumerate(sizes):
        count = rows.num_rows - start if number == len(sizes) - 1 else int(rows.num_rows * share)
        place = folder / f"day={number}" / "part-0.parquet"
        place.parent.mkdir(parents=True)
        parquet.write_table(rows.slice(start, count), place, row_group_size=group)
        start += count
    (folder / "_SUCCESS").touch()
    (folder / "_log").mkdir()
    parquet.write_table(pa.table({"nothing": [1]}), folder / "_log" / "0.parquet")
    return folder
