"""Backlogs by the command line: recorded, as Parquet on all cores, killed again and again, and memory."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import psycopg

from benchmarks.backlog_rows import as_parquet, write
from eligibility.storage import migrate
from eligibility.storage.embedded import DATABASE, EmbeddedPostgres, start_or_join

RECORDED_AIM: Final = 30_000
PARQUET_AIM: Final = 300_000
"""Rows a second."""

MEMORY_AIM: Final = 300
"""MB that one process takes at most, however many rows there are."""

KILLS: Final = 20

TIMES: Final = 5
"""Runs of what takes seconds only."""


class Ran(NamedTuple):
    """A run of the command: wall and processor seconds, and MB of its largest process at its largest."""

    seconds: float
    processor: float
    memory: float


def runs(rows: int) -> None:
    """Measure runs over so many rows, and memory over five and ten times as many too."""
    with tempfile.TemporaryDirectory(prefix="eligibility-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the embedded server's account must be able to enter
        lines, parquet = folder / "rows.jsonl", folder / "rows.parquet"
        write("alike", lines, rows)
        as_parquet(lines, parquet)
        _unrecorded(parquet, rows)
        with _database(folder) as (server, environment):
            _recorded(lines, rows, environment)
            _killed(lines, rows, server, environment)
        for times in (1, 5, 10):
            _memory(folder, lines, times, rows)


def _unrecorded(file: Path, rows: int) -> None:
    """Run some times, since each takes seconds only, and print the one in the middle."""
    asked = ["--dry-run", "--overwrite", str(file), str(file.with_name("results.parquet"))]
    ran = sorted((_run(asked) for _ in range(TIMES)), key=lambda each: each.seconds)
    _print("Parquet to Parquet, all cores, unrecorded", rows, ran[TIMES // 2], PARQUET_AIM)
    print(f"    {ran[0].seconds:.1f} to {ran[-1].seconds:.1f} s in {TIMES} runs")


def _recorded(file: Path, rows: int, environment: Mapping[str, str]) -> None:
    ran = _run([str(file), str(file.with_name("results.jsonl"))], environment)
    _print("JSONL to JSONL, recorded", rows, ran, RECORDED_AIM)


def _print(name: str, rows: int, ran: Ran, aim: int) -> None:
    print(f"{name}: {rows / ran.seconds:,.0f} rows a second (aim: at least {aim:,})")
    print(f"    {ran.seconds:.1f} s, {ran.processor:.1f} s of processor time without PostgreSQL's")


def _killed(file: Path, rows: int, server: EmbeddedPostgres, environment: Mapping[str, str]) -> None:
    """Kill a run at random moments, let it end, and hold its results against those that the log gives."""
    random_, began = random.Random(1), time.monotonic()
    out, again = file.with_name("killed.jsonl"), file.with_name("again.jsonl")
    kills = 0
    while not out.exists():
        process = _start([str(file), str(out)], environment)
        try:
            process.wait(random_.uniform(2, 6) if kills < KILLS else None)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    batch = _batch(server)
    _run([str(file), str(again), "--resume", batch], environment)
    ids = [json.loads(line)["id"] for line in out.open("rb")]
    with psycopg.connect(server.url("postgres", DATABASE)) as connection:
        query = "SELECT count(*) FROM record WHERE kind = 'decision' AND id BETWEEN %s AND %s"
        found = connection.execute(query, (ids[0], ids[-1])).fetchone()
    is_same = out.read_bytes() == again.read_bytes()
    print(f"killed {kills} times, {time.monotonic() - began:.0f} s: results of {len(set(ids)):,} rows,")
    print(f"    {'the same' if is_same else 'NOT THE SAME'} as the log gives; {found and found[0]:,} records")
    assert is_same
    assert len(set(ids)) == rows
    assert found == (rows,)


def _batch(server: EmbeddedPostgres) -> str:
    """The newest batch."""
    with psycopg.connect(server.url("postgres", DATABASE)) as connection:
        [(found,)] = connection.execute("SELECT id FROM batch ORDER BY id DESC LIMIT 1").fetchall()
    return str(found)


def _memory(folder: Path, lines: Path, times: int, rows: int) -> None:
    many = folder / "many.jsonl"
    with many.open("wb") as file:
        for _ in range(times):
            file.write(lines.read_bytes())
    ran = _run(["--dry-run", "--overwrite", "--processes", "1", str(many), str(folder / "many.out.jsonl")])
    print(f"{times * rows:,} rows: {ran.memory:.0f} MB at most (aim: at most {MEMORY_AIM})")


@contextmanager
def _database(folder: Path) -> Iterator[tuple[EmbeddedPostgres, Mapping[str, str]]]:
    """A database, and the settings by which the command finds it."""
    with start_or_join(folder / "data") as server:
        migrate.upgrade(server.owner_url)
        yield server, {"ELIGIBILITY_DATABASE_URL": server.service_url}


def _start(arguments: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "eligibility", "batch", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _run(arguments: list[str], environment: Mapping[str, str] | None = None) -> Ran:
    began = time.monotonic()
    process = _start(arguments, environment or {})
    most = 0.0
    while True:
        most = max(most, _megabytes(process.pid))
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        time.sleep(0.05)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"the command ended with {process.returncode}"
    return Ran(time.monotonic() - began, used.ru_utime + used.ru_stime, most)


def _megabytes(pid: int) -> float:
    """The most that a process has taken so far.

    What the kernel says when it has ended counts from before it was another program than ours.
    """
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
