"""Backlogs for tests, and the processes that decide them."""

import csv
import io
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from eligibility.settings import Settings
from tests.api.bodies import permitted, prohibited, unclear
from tests.cli.running import ROOT, descendants, environment, lasting, until

JSONL = {"content-type": "application/jsonl"}


def requests(count: int, **entity: Any) -> list[dict[str, Any]]:
    """So many requests, each with a name of its own, and the three outcomes in turn."""
    made = (permitted, prohibited, unclear)
    return [
        {"request_id": f"row-{n}", **made[n % 3](**{"reference": f"crm-{n}", **entity})} for n in range(count)
    ]


def jsonl(lines: Sequence[Any]) -> bytes:
    return b"".join(orjson.dumps(line) + b"\n" for line in lines)


def as_csv(lines: Sequence[dict[str, Any]]) -> bytes:
    rows = [dict(_cells("", line)) for line in lines]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _cells(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _cells(f"{path}.{name}" if path else name, inner)
    elif path == "entity.affiliates":
        yield path, orjson.dumps(value).decode()
    elif isinstance(value, list):
        yield path, ";".join(value) or "[]"
    else:
        yield path, str(value)


def as_parquet(lines: Sequence[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(lines)), out)
    return out.getvalue()


@dataclass
class Workers:
    """The command that decides backlogs, and its output."""

    process: subprocess.Popen[bytes]
    output: Path

    def children(self) -> list[int]:
        return [each.pid for each in descendants(self.process.pid) if "batch_worker" in each.words]

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")


@contextmanager
def working(
    settings: Settings, folder: Path, *, path: Sequence[Path] = (), **changes: str
) -> Iterator[Workers]:
    """`eligibility worker`, on the database of a service; with more folders on Python's path if given."""
    env = environment(settings.data_dir, PYTHONUNBUFFERED="1", **changes)
    env["PYTHONPATH"] = os.pathsep.join(map(str, (*path, ROOT)))
    if settings.database_url is not None:
        env["ELIGIBILITY_DATABASE_URL"] = settings.database_url
    output = folder / "workers.txt"
    with lasting("worker", env, output) as process:
        yield Workers(process, output)


def uploaded(client: httpx.Client, content: bytes, headers: dict[str, str] = JSONL) -> str:
    """Where the batch is that was made of a file."""
    answer = client.post("/v1/batches", content=content, headers=headers)
    assert answer.status_code == 202, answer.text
    place: str = answer.headers["location"]
    assert answer.json()["id"] == place.rsplit("/", 1)[1]
    return place


def ended(client: httpx.Client, place: str) -> dict[str, Any]:
    """The batch once it has ended."""

    def state() -> Any:
        found = client.get(place).json()
        return None if found["state"] == "running" else found

    found: dict[str, Any] = until(state, "the batch has ended")
    return found


def results(client: httpx.Client, place: str, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"{place}/results{query}")
    assert answer.status_code == 200, answer.text
    return [orjson.loads(line) for line in answer.content.splitlines()]
