"""`eligibility batch`: every format, refusals that stop nothing, and runs that go on after anything."""

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from benchmarks.requests import requests
from eligibility.backlog.going_on import place
from eligibility.cli import main
from eligibility.commands.failures import FAULT
from tests.cli.running import PATIENCE, ROOT, command, environment, processes, until
from tests.conftest import FreshDatabase

SLICE = 4_095
MANY = 5 * SLICE + 17
"""Rows enough for a run that can be interrupted on its way."""

ROWS = [json.loads(body) for body in requests(40, seed=5)]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backlog of several slices, whose rows are mostly alike so that deciding them takes no time."""
    file = tmp_path_factory.mktemp("backlog") / "many.jsonl"
    few = requests(200, seed=3)
    file.write_bytes(b"".join(few[number % len(few)] + b"\n" for number in range(MANY)))
    return file


@pytest.fixture
def backlog(tmp_path: Path) -> Path:
    """Forty requests with names of their own, and three lines that are none."""
    file = tmp_path / "backlog.jsonl"
    lines = [json.dumps({**row, "request_id": f"row {number}"}) for number, row in enumerate(ROWS)]
    lines[7:7] = ["", '{"model": {"generation": "llama-9"}, "entity": {"kind": "company"}}', "{"]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def run(env: dict[str, str], *arguments: object, text: bytes | None = None) -> Result:
    result = CliRunner().invoke(main, ["batch", *map(str, arguments)], env=env, input=text)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def test_a_dry_run_touches_no_database(backlog: Path, tmp_path: Path) -> None:
    out, env = tmp_path / "out.jsonl", environment(tmp_path / "data")
    result = run(env, "--dry-run", backlog, out)
    assert result.exit_code == 1, result.output  # three lines were refused
    assert not (tmp_path / "data").exists()
    found = lines(out)
    assert [row["line"] for row in found] == list(range(1, 44))
    assert [row["line"] for row in found if "error" in row] == [8, 9, 10]
    assert all("id" not in row for row in found)
    assert "Refused lines" in result.stdout
    assert "line 9: " in result.stdout
    assert "Not recorded" in result.stdout
    assert not list(tmp_path.glob(".*"))


def test_what_is_recorded_is_what_a_dry_run_says(
    backlog: Path, tmp_path: Path, env: dict[str, str], module_database: FreshDatabase
) -> None:
    dry, real = tmp_path / "dry.jsonl", tmp_path / "real.jsonl"
    run(env, "--dry-run", backlog, dry)
    result = run(env, backlog, real, "--json")
    assert result.exit_code == 1, result.output
    summary = json.loads(result.stdout)
    assert (summary["rows"], summary["refused"]) == (43, 3)
    found = lines(real)
    ids = [row.pop("id") for row in found if "error" not in row]
    assert found == lines(dry)
    assert ids == sorted(set(ids))
    with psycopg.connect(module_database.superuser_url) as connection:
        count = connection.execute("SELECT count(*) FROM record WHERE id = ANY(%s)", (ids,)).fetchone()
    assert count == (40,)
    shown = command("audit", "verify", env=env)
    assert shown.returncode == 0, shown.stdout


def test_whole_decisions_are_those_that_are_read_back(
    backlog: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    out, again = tmp_path / "out.jsonl", tmp_path / "again.jsonl"
    summary = json.loads(run(env, backlog, out, "--full", "--json").stdout)
    run(env, backlog, again, "--full", "--resume", summary["batch"])
    assert out.read_bytes() == again.read_bytes()
    row = next(row for row in lines(out) if "error" not in row)
    assert row["decision"]["id"] == row["id"]
    assert row["decision"]["ruleset"] == summary["ruleset"]


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz", "jsonl.zst", "csv", "csv.gz", "parquet"])
def test_every_format_says_the_same(suffix: str, backlog: Path, tmp_path: Path) -> None:
    out, env = tmp_path / f"out.{suffix}", environment(tmp_path / "data")
    assert run(env, "--dry-run", backlog, out).exit_code == 1
    outcomes = {row["line"]: row.get("outcome") for row in dry_lines(backlog, tmp_path)}
    assert {int(row["line"]): row["outcome"] or None for row in rows_of(out)} == outcomes


def dry_lines(backlog: Path, tmp_path: Path) -> list[dict[str, Any]]:
    plain = tmp_path / "plain.jsonl"
    run(environment(tmp_path / "data"), "--dry-run", backlog, plain, "--overwrite")
    return [{"outcome": None, **row} for row in lines(plain)]


def rows_of(file: Path) -> list[dict[str, Any]]:
    if file.suffix == ".parquet":
        found: list[dict[str, Any]] = pq.read_table(file).to_pylist()
        return found
    data = file.read_bytes()
    if file.suffix == ".gz":
        data = gzip.decompress(data)
    if file.suffix == ".zst":
        with pa.CompressedInputStream(pa.OSFile(str(file)), "zstd") as stream:
            data = stream.read()
    if ".csv" in file.name:
        return list(csv.DictReader(data.decode().splitlines()))
    return [{"outcome": None, **json.loads(line)} for line in data.splitlines()]


def test_streams(tmp_path: Path) -> None:
    body = json.dumps(ROWS[0]).encode() + b"\n"
    result = run(environment(tmp_path), "--dry-run", "-", "-", text=body)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["line"] == 1
    assert "1 row" in result.stderr


def test_a_pipe_with_a_name_is_decided_by_all(many: Path, tmp_path: Path) -> None:
    """Nobody knows how long it is: nothing yet, by its size."""
    pipe, out, usual = tmp_path / "pipe.jsonl", tmp_path / "out.jsonl", tmp_path / "usual.jsonl"
    os.mkfifo(pipe)
    env = environment(tmp_path / "data")
    words = [
        sys.executable,
        "-m",
        "eligibility",
        "batch",
        "--dry-run",
        "--processes",
        "2",
        str(pipe),
        str(out),
    ]
    started = subprocess.Popen(words, env=env, cwd=ROOT, stdout=subprocess.DEVNULL)
    with started as process, pipe.open("wb") as file:
        until(lambda: any(one.parent == process.pid for one in processes()), "another process is there")
        file.write(many.read_bytes())
        file.close()
        process.wait(PATIENCE)
    assert process.returncode == 0
    assert command("batch", "--dry-run", str(many), str(usual), env=env).returncode == 0
    assert out.read_bytes() == usual.read_bytes()


def test_the_number_of_processes_makes_no_difference(many: Path, tmp_path: Path) -> None:
    env = environment(tmp_path / "data")
    big = tmp_path / "big.jsonl"
    big.write_bytes(many.read_bytes() * 2)
    outs = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    for number, out in enumerate(outs, 1):
        done = command("batch", "--dry-run", "--processes", str(number), str(big), str(out), env=env)
        assert done.returncode == 0, done.stderr
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert len(outs[0].read_bytes().splitlines()) == 2 * MANY


def test_nor_does_it_where_they_record(many: Path, tmp_path: Path, env: dict[str, str]) -> None:
    found = []
    for number in (1, 3):
        out = tmp_path / f"{number}.jsonl"
        done = command("batch", "--processes", str(number), str(many), str(out), env=env)
        assert done.returncode == 0, done.stderr
        found.append([{**row, "id": row["id"][26:]} for row in lines(out)])
    assert found[0] == found[1]
    verified = command("audit", "verify", env=env)
    assert verified.returncode == 0, verified.stdout


def test_a_run_whose_other_process_is_killed_says_so_and_goes_on(
    many: Path, tmp_path: Path, env: dict[str, str], module_database: FreshDatabase
) -> None:
    big, out = tmp_path / "big.jsonl", tmp_path / "out.jsonl"
    big.write_bytes(many.read_bytes() * 3)  # so that there is much left to do
    with begun(big, out, env, module_database, 1) as process:
        others = [one for one in processes() if one.parent == process.pid and "spawn_main" in one.words]
        assert len(others) == 2
        os.kill(others[0].pid, signal.SIGKILL)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == FAULT
    assert "killed or short of memory: give the same command again" in said
    assert not out.exists()
    assert run(env, big, out).exit_code == 0
    assert len({row["id"] for row in lines(out)}) == 3 * MANY


def test_a_report_is_written(backlog: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    run(environment(tmp_path), "--dry-run", backlog, tmp_path / "out.jsonl", "--report", report)
    assert "backlog.jsonl" in report.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("in.jsonl", "in.jsonl"), "IN itself"),
        (("in.jsonl", "there.jsonl"), "--overwrite"),
        (("in.jsonl", "out.xlsx"), "does not say its format"),
        (("in.csv", "out.jsonl"), "did you mean `entity.kind`"),
        (("in.jsonl", "nowhere/out.jsonl"), "cannot be written"),
        (("in.jsonl", "out.jsonl", "--resume", "01a21cb7-0f83-7aef-ab64-820000000000"), "leave one out"),
    ],
)
def test_wrong_use_is_refused_before_anything_runs(
    arguments: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.jsonl").write_text(json.dumps(ROWS[0]), encoding="utf-8")
    Path("there.jsonl").write_text("precious", encoding="utf-8")
    Path("in.csv").write_text("model.generation,entity.kid\nllama-4,company\n", encoding="utf-8")
    before = sorted(path.name for path in tmp_path.iterdir())
    result = run(environment(tmp_path), "--dry-run", *arguments)
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert Path("there.jsonl").read_text(encoding="utf-8") == "precious"


def test_a_killed_run_goes_on(
    many: Path, tmp_path: Path, env: dict[str, str], module_database: FreshDatabase
) -> None:
    out, again = tmp_path / "out.jsonl", tmp_path / "again.jsonl"
    for slices in (1, 3):
        interrupted(many, out, env, module_database, slices)
        assert not out.exists()
    batch = json.loads(place(out).read_bytes())["batch"]
    result = run(env, many, out)
    assert result.exit_code == 0, result.output
    assert not place(out).exists()
    assert run(env, many, again, "--resume", batch).exit_code == 0
    assert out.read_bytes() == again.read_bytes()
    ids = [row["id"] for row in lines(out)]
    assert len(set(ids)) == MANY
    with psycopg.connect(module_database.superuser_url) as connection:
        rows = connection.execute(
            "SELECT count(*) FROM record WHERE kind = 'decision' AND id BETWEEN %s AND %s", (ids[0], ids[-1])
        ).fetchone()
    assert rows == (MANY,)


def interrupted(
    many: Path, out: Path, env: dict[str, str], module_database: FreshDatabase, slices: int
) -> None:
    """Start a run, and kill it once so many slices of the newest batch are recorded."""
    with begun(many, out, env, module_database, slices) as process:
        process.send_signal(signal.SIGKILL)


@contextmanager
def begun(
    many: Path, out: Path, env: dict[str, str], module_database: FreshDatabase, slices: int
) -> Iterator[subprocess.Popen[str]]:
    """A run of two processes of which so many slices are recorded; at the end it has ended."""
    words = [sys.executable, "-m", "eligibility", "batch", "--processes", "2", str(many), str(out)]
    with (
        psycopg.connect(module_database.superuser_url, autocommit=True) as connection,
        subprocess.Popen(
            words, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process,
    ):

        def is_under_way() -> bool:
            assert process.poll() is None, "it is done already"
            noted = json.loads(place(out).read_bytes())["batch"] if place(out).exists() else None
            query = "SELECT count(*) FROM batch_slice WHERE batch = %s"
            found = connection.execute(query, (noted,)).fetchone()
            return found is not None and found[0] >= slices

        until(is_under_way, "slices are recorded")
        yield process
        process.wait(PATIENCE)


def test_another_file_is_no_continuation(
    many: Path, tmp_path: Path, env: dict[str, str], module_database: FreshDatabase
) -> None:
    out = tmp_path / "out.jsonl"
    interrupted(many, out, env, module_database, 1)
    other = tmp_path / "other.jsonl"
    other.write_bytes(many.read_bytes().replace(b"crm-", b"CRM-", 1))
    result = run(env, other, out)
    assert result.exit_code == 2
    assert "the file is not the one that batch" in result.stderr
    result = run(env, many, out, "--full")
    assert result.exit_code == 2
    assert "ask for the same" in result.stderr
    assert run(env, many, out).exit_code == 0


def test_a_database_that_is_not_there(tmp_path: Path, backlog: Path) -> None:
    env = environment(tmp_path, ELIGIBILITY_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")
    result = run(env, backlog, tmp_path / "out.jsonl")
    assert result.exit_code == 3
    assert not (tmp_path / "out.jsonl").exists()
