"""Backlogs in a data lake: cut alike by everybody, decided by workers that may die, recorded once."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet
from uuid_utils.compat import uuid7

from eligibility.backlog.cutting import Piece
from eligibility.backlog.going_on import place
from eligibility.backlog.lake_pieces import part_of, pieces_of
from eligibility.backlog.lake_plan import Plan, Portion, plan_of
from eligibility.backlog.lake_worker import PARTS, Job, decide
from eligibility.backlog.recording import Run
from eligibility.canonical import canonical
from eligibility.cli import main
from eligibility.errors import BacklogRefused, ClusterFailed, SettingsInvalid
from eligibility.ruleset import Ruleset
from tests.backlog.lakes import lake_of, rows_of
from tests.cli.running import PATIENCE, ROOT, command, descendants, environment, processes, until
from tests.conftest import FreshDatabase
from tests.properties.sizes import sized

ROWS = sized(20_000, 1_000_000)
DISTINCT = sized(150, 5_000)
SHARES = (0.0, 0.3, 0.1, 0.6)
LONG = sized(int(PATIENCE), 1800)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of four files, the first of which holds no rows."""
    return lake_of(
        tmp_path_factory.mktemp("lake"), rows_of(ROWS, DISTINCT), SHARES, group=sized(2_500, 40_000)
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lake_of(tmp_path_factory.mktemp("small"), rows_of(60, 60), (0.5, 0.5), group=20)


def results(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of all files, without ids, by the files' names."""
    return {
        file.relative_to(folder).as_posix(): parquet.read_table(file).drop_columns(["id"]).to_pylist()
        for file in sorted(folder.rglob("*.parquet"))
    }


def results_of_batch(lake: Path, folder: Path, env: dict[str, str], *more: str) -> dict[str, Any]:
    """What `eligibility batch` makes of the same files, one by one."""
    for file in plan_of(lake).files:
        out = folder / file.name
        out.parent.mkdir(parents=True)
        asked = ["batch", "--dry-run", "--processes", "1", *more, str(lake / file.name), str(out)]
        result = CliRunner().invoke(main, asked, env=env)
        assert result.exit_code in {0, 1}, result.output
    return results(folder)


def started(lake: Path, out: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    asked = [sys.executable, "-m", "eligibility", "lake", "--workers", "2", "--json", str(lake), str(out)]
    return subprocess.Popen(asked, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def under_way(
    process: subprocess.Popen[bytes], module_database: FreshDatabase, out: Path, slices: int
) -> None:
    """Wait until so many slices of the run are recorded."""
    with psycopg.connect(module_database.superuser_url, autocommit=True) as connection:

        def is_under_way() -> bool:
            assert process.poll() is None, process.communicate()[1].decode()
            noted = json.loads(place(out).read_bytes())["batch"] if place(out).exists() else None
            query = "SELECT count(*) FROM batch_slice WHERE batch = %s"
            found = connection.execute(query, (noted,)).fetchone()
            return found is not None and found[0] >= slices

        until(is_under_way, "slices are recorded", patience=LONG)


def workers(process: subprocess.Popen[bytes]) -> list[int]:
    return [one.pid for one in descendants(process.pid) if "spawn_main" in one.words]


def test_whatever_dies_each_row_is_recorded_once(
    lake: Path, tmp_path: Path, env: dict[str, str], module_database: FreshDatabase
) -> None:
    out = tmp_path / "out"
    first = started(lake, out, env)
    under_way(first, module_database, out, 1)
    with first:
        dying = set(workers(first))
        first.kill()
    assert not (out / "day=3" / "part-0.parquet").exists()
    until(lambda: not {one.pid for one in processes()} & dying, "workers follow who began them")

    second = started(lake, out, env)
    under_way(second, module_database, out, 3)
    os.kill(workers(second)[0], signal.SIGKILL)
    said, told = second.communicate(timeout=LONG)
    assert second.returncode == 1, told.decode()
    summary = json.loads(said)
    assert "going on with batch" in told.decode()
    assert (summary["rows"], summary["refused"]) == (
        ROWS,
        ROWS // DISTINCT + (ROWS % DISTINCT > DISTINCT // 2),
    )
    assert not place(out).exists()
    assert sorted(path.name for path in out.iterdir()) == [f"day={number}" for number in range(len(SHARES))]
    assert results(out) == results_of_batch(lake, tmp_path / "batch", env)

    ids = [
        row
        for file in plan_of(lake).files
        for row in parquet.read_table(out / file.name)["id"].to_pylist()
        if row is not None
    ]
    assert all(one < other for one, other in pairwise(ids))
    with psycopg.connect(module_database.superuser_url) as connection:
        asked = "SELECT count(*) FROM record WHERE kind = 'decision' AND id BETWEEN %s AND %s"
        assert connection.execute(asked, (ids[0], ids[-1])).fetchone() == (summary["decided"],)
        asked = "SELECT state, rows FROM batch WHERE id = %s"
        assert connection.execute(asked, (summary["batch"],)).fetchone() == ("done", ROWS)
    verified = command("audit", "verify", env=env, patience=LONG)
    assert verified.returncode == 0, verified.stdout


def test_a_dry_run_in_full_says_what_batch_says(small: Path, tmp_path: Path) -> None:
    env = environment(tmp_path / "data")
    out, report = tmp_path / "out", tmp_path / "report.html"
    asked = ("--dry-run", "--full", "--workers", "1", "--report", str(report))
    done = command("lake", *asked, str(small), str(out), env=env)
    assert done.returncode == 1, done.stderr
    assert "in `day=1/part-0.parquet`: " in done.stdout
    assert "Not recorded" in done.stdout
    assert "day" not in report.name
    assert results(out) == results_of_batch(small, tmp_path / "batch", env, "--full")
    assert not place(out).exists()


def test_what_fails_twice_is_told_with_its_file(tmp_path: Path) -> None:
    damaged = tmp_path / "lake"
    lake_of(damaged, rows_of(60, 60), (0.5, 0.5), group=20)
    file = damaged / "day=1" / "part-0.parquet"
    content = bytearray(file.read_bytes())
    content[4:2000] = bytes(1996)
    file.write_bytes(content)
    env = environment(tmp_path / "data")
    done = command("lake", "--dry-run", "--workers", "1", str(damaged), str(tmp_path / "out"), env=env)
    assert done.returncode == 2, done.stderr
    assert "`day=1/part-0.parquet` cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("groups", [700, 4_095, 10_000])
def test_slices_are_the_same_however_they_are_shared_out(groups: int, tmp_path: Path) -> None:
    rows = rows_of(9_000, 100).slice(3)
    lake_of(tmp_path / "lake", rows, (0.4, 0.6), group=groups)
    plan = plan_of(tmp_path / "lake")
    alone, apart = (
        [piece for portion in plan.portions(plan.files, count) for piece in pieces_of(plan.folder, portion)]
        for count in (1, 100)
    )
    assert len(list(plan.portions(plan.files, 100))) == len(apart) == 3
    assert [piece.number for piece in apart] == [0, 1, 2]
    assert [piece.first for piece in apart] == [0, 3_598, 3_598 + 4_095]
    assert apart == alone
    assert tables(plan, apart) == rows.num_rows


def tables(plan: Plan, pieces: Sequence[Piece]) -> int:
    """How many rows are read of pieces, whose lines are those of their files."""
    count = 0
    for piece in pieces:
        file = next(file for file in reversed(plan.files) if file.first <= piece.first)
        part = part_of(file, piece)
        assert part.requests["line"][0].as_py() == piece.first - file.first + 1
        count += part.requests.num_rows
    return count


def test_large_rows_make_small_slices(tmp_path: Path) -> None:
    texts = pa.array([f"{number:07}" + "x" * 20_000 for number in range(1_000)])
    requests = {"model.generation": ["llama-4"] * 1_000, "entity.kind": ["company"] * 1_000}
    table = pa.table({**requests, "use.description": texts})
    parquet.write_table(table, tmp_path / "large.parquet", use_dictionary=False, compression="none")
    [file] = plan_of(tmp_path).files
    assert 300 < file.slice_rows < 450
    assert file.slices == -(-1_000 // file.slice_rows)


def test_every_file_that_is_at_fault_is_named(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"entity.kid": ["company"]}), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_text("none")
    with pytest.raises(BacklogRefused) as refused:
        plan_of(tmp_path)
    assert "`a.parquet`: unknown column" in str(refused.value)
    assert "did you mean `entity.kind`" in str(refused.value)
    assert "`b.parquet`: this is no whole Parquet file" in str(refused.value)


def job(ruleset: Ruleset, folder: Path, out: Path, run: Run | None = None) -> Job:
    return Job(folder, out, canonical(dict(ruleset.document)), run, full=False, is_here=False)


def test_a_folder_that_a_worker_does_not_see(ruleset: Ruleset, small: Path, tmp_path: Path) -> None:
    file = plan_of(small).files[0]
    with pytest.raises(ClusterFailed, match="all machines share"):
        decide(job(ruleset, small, tmp_path), Portion(file, 0, 1))
    assert not list(tmp_path.iterdir())


def test_a_worker_elsewhere_starts_no_database_of_its_own(
    ruleset: Ruleset, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ELIGIBILITY_DATABASE_URL", raising=False)
    monkeypatch.setenv("ELIGIBILITY_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / PARTS).mkdir()
    file = plan_of(small).files[0]
    run = Run(uuid7(), ruleset.digest, "system")
    with pytest.raises(SettingsInvalid, match="ELIGIBILITY_DATABASE_URL: not set where a worker runs"):
        decide(job(ruleset, small, tmp_path, run), Portion(file, 0, 1))
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "prepare, asked, words",
    [
        (lambda _: None, ("lake", "lake/out"), "keep them apart"),
        (lambda here: shutil.copytree(here / "lake", here / "out"), ("lake", "out"), "not empty"),
        (lambda here: (here / "none").mkdir(), ("none", "out"), "no file that ends in .parquet"),
        (lambda _: None, ("--scheduler", "127.0.0.1:1", "--workers", "2", "lake", "out"), "leave one out"),
    ],
    ids=["overlap", "not-empty", "no-files", "two-clusters"],
)
def test_wrong_use_is_refused_before_anything_runs(
    prepare: Callable[[Path], object],
    asked: tuple[str, ...],
    words: str,
    small: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lake").symlink_to(small, target_is_directory=True)
    prepare(tmp_path)
    result = CliRunner().invoke(main, ["lake", "--dry-run", *asked], env=environment(tmp_path / "data"))
    assert result.exit_code == 2, result.output
    assert words in result.stderr
