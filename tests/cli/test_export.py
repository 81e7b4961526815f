"""`eligibility audit export`: files that appear whole or not at all."""

import csv
import gzip
import io
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from eligibility.cli import main
from eligibility.storage.exporting import APPLICATION
from tests.cli.running import PATIENCE, REQUEST, ROOT, environment, in_process, until
from tests.conftest import FreshDatabase


@pytest.fixture(scope="module")
def env(env: dict[str, str]) -> dict[str, str]:
    """The settings of a log with two decisions."""
    for _ in range(2):
        done = in_process("decide", "-", "--record", env=env, text=json.dumps(REQUEST))
        assert done.returncode == 0, done.stderr
    return env


def export(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "eligibility", "audit", "export", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


def lines(data: bytes) -> list[dict[str, Any]]:
    *found, end = map(json.loads, data.splitlines())
    assert end["end"]["records"] == len(found)
    return found


def test_the_suffix_says_the_format_and_the_summary_what_there_is(
    env: dict[str, str], tmp_path: Path
) -> None:
    plain, zipped, parquet = (tmp_path / name for name in ("a.jsonl", "a.csv.gz", "a.parquet"))
    told = json.loads(in_process("audit", "export", str(plain), "--json", env=env).stdout)
    found = lines(plain.read_bytes())
    assert [line["facts"] for line in found] == [REQUEST, REQUEST]
    assert (told["records"], told["bytes"]) == (2, plain.stat().st_size)
    assert stat.S_IMODE(plain.stat().st_mode) == 0o600

    said = in_process("audit", "export", str(zipped), env=env).stdout
    assert said.startswith(f"2 records, {zipped.stat().st_size} bytes in {zipped}; recorded as ")
    rows = csv.DictReader(io.StringIO(gzip.decompress(zipped.read_bytes()).decode(), newline=""))
    assert [row["id"] for row in rows] == [line["id"] for line in found]

    parquet.write_text("of an earlier export")
    in_process("audit", "export", str(parquet), "--with-proofs", "--kind", "all", env=env)
    table = pq.read_table(parquet)
    assert table.num_rows > 4
    assert set(table.column("kind").to_pylist()) >= {"decision", "export", "ruleset.activated"}
    assert table.column("proof").null_count == 0
    assert sorted(tmp_path.iterdir()) == sorted([plain, zipped, parquet])


def test_the_output_gets_records_alone(env: dict[str, str]) -> None:
    done = export("-", "--without-texts", "--until", "2099-01-01", env=env)
    assert done.returncode == 0
    assert all("reference" not in line["facts"]["entity"] for line in lines(done.stdout))
    assert done.stderr.startswith(b"2 records, ")
    nothing = export("-", "--since", "2099-01-01T00:00:00+01:00", "--kind", "all", env=env)
    assert lines(nothing.stdout) == []


def test_whoever_stops_reading_gets_no_traceback(env: dict[str, str]) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        [sys.executable, "-m", "eligibility", "audit", "export", "-"],
        cwd=ROOT,
        env=env,
        stdout=writes,
        stderr=subprocess.PIPE,
        timeout=PATIENCE,
        check=False,
    )
    os.close(writes)
    assert (done.returncode, done.stderr) == (
        1,
        b"error: whoever read the output has gone: the export was cut\n",
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_export_leaves_nothing_that_looks_whole(
    module_database: FreshDatabase, env: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out.csv"

    def waits() -> bool:
        assert process.poll() is None
        with psycopg.connect(module_database.superuser_url) as connection:
            found = connection.execute(
                "SELECT FROM pg_stat_activity WHERE datname = %s AND application_name = %s "
                "AND wait_event_type = 'Lock'",
                (module_database.name, APPLICATION),
            ).fetchone()
        return found is not None

    with psycopg.connect(module_database.superuser_url) as superuser:
        superuser.execute("LOCK TABLE private IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen(
            [sys.executable, "-m", "eligibility", "audit", "export", str(out)],
            cwd=ROOT,
            env=env,
            stderr=subprocess.DEVNULL,
        )
        until(waits, "the export waits for the lock")
        [beside] = tmp_path.iterdir()
        process.send_signal(number)
        assert process.wait(PATIENCE) != 0
    assert not out.exists()
    left = list(tmp_path.iterdir())
    assert left == [] if number == signal.SIGINT else left in ([], [beside])
    assert beside.name.startswith(".out.csv.")
    assert beside.suffix == ".part"


@pytest.mark.parametrize(
    "arguments,said",
    [
        (("out.xlsx",), "end it with `.jsonl`, `.csv`, `.parquet`"),
        (("out",), "`out` does not say its format"),
        (("out.parquet.gz",), "leave `.gz` out"),
        (("no-such-folder/out.csv",), "cannot be written: No such file or directory"),
        (("out.csv", "--since", "yesterday"), "yesterday"),
        (("out.csv", "--since", "2026-11-02", "--until", "2026-11-01"), "give a later time"),
        (("out.csv", "--format", "xml"), "xml"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = environment(tmp_path / "data", ELIGIBILITY_DATABASE_URL="postgresql://127.0.0.1:1/none")
    done = CliRunner(env=settings).invoke(main, ["audit", "export", *arguments])
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert list(tmp_path.iterdir()) == []
