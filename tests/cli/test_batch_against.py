"""`eligibility batch --against`: which rows differ from an earlier run or ruleset, and by which rule."""

import csv
import json
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from benchmarks.requests import requests
from eligibility.cli import main
from eligibility.loading import load_rules
from tests.cli.running import environment
from tests.rules.patching import copied, replace

Row = dict[str, Any]
RULE = "licence.mau-threshold"
PARTS = ("outcome", "findings", "obligations", "missing_facts", "contact_reasons")
SAME = (61, 0, 0, 0, 0, 0)
ROWS = [
    {**json.loads(body), "request_id": f"row {number}"} for number, body in enumerate(requests(60, seed=11))
]


class Before(NamedTuple):
    """A backlog that was decided, dry, under the shipped rules and under those with a lower threshold."""

    backlog: Path
    shipped: list[Row]
    lower: list[Row]

    @property
    def changed(self) -> list[tuple[Row, Row]]:
        """The rows that the shipped rules decide otherwise than the others do: first by those."""
        pairs = zip(self.lower, self.shipped, strict=True)
        return [(old, new) for old, new in pairs if any(old.get(part) != new.get(part) for part in PARTS)]


@pytest.fixture(scope="module")
def lower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped rules with a lower threshold of users in one rule."""
    folder = copied(tmp_path_factory.mktemp("rules") / "lower")
    replace(folder / "licence.yaml", "above: 700000000", "above: 100000")
    return folder


@pytest.fixture(scope="module")
def before(lower: Path, tmp_path_factory: pytest.TempPathFactory) -> Before:
    folder = tmp_path_factory.mktemp("before")
    backlog = folder / "backlog.jsonl"
    written(backlog, ROWS[:30], "{", ROWS[30:])
    env = environment(folder / "data")
    run(env, "--dry-run", backlog, folder / "shipped.jsonl")
    run(env, "--dry-run", "--rules", lower, backlog, folder / "lower.jsonl")
    made = Before(backlog, lines(folder / "shipped.jsonl"), lines(folder / "lower.jsonl"))
    assert len(made.changed) > 5
    return made


@pytest.fixture(scope="module")
def earlier(before: Before, tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> str:
    """The id of a batch in which the backlog was recorded under the shipped rules."""
    out = tmp_path_factory.mktemp("earlier") / "out.jsonl"
    batch: str = json.loads(run(env, before.backlog, out, "--json").stdout)["batch"]
    return batch


def written(file: Path, *parts: list[Row] | str) -> None:
    """Write a backlog of requests, and of lines that are none."""
    texts = [
        line
        for part in parts
        for line in ([part] if isinstance(part, str) else [json.dumps(row) for row in part])
    ]
    file.write_text("\n".join(texts) + "\n", encoding="utf-8")


def run(env: dict[str, str], *arguments: object) -> Result:
    result = CliRunner().invoke(main, ["batch", *map(str, arguments)], env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def compared(env: dict[str, str], *arguments: object, code: int = 1) -> Row:
    """The comparison that a run tells. Its code is that of a run with refused lines."""
    result = run(env, *arguments, "--json")
    assert result.exit_code == code, result.output
    found: Row = json.loads(result.stdout)["comparison"]
    return found


def lines(file: Path) -> list[Row]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def numbers(found: Row) -> tuple[int, ...]:
    return tuple(found[name] for name in ("rows", "changed", "moved", "other", "only_before", "only_now"))


def as_changed(found: Row, before: Before) -> None:
    """See that a comparison says of the whole backlog what the results do, and why."""
    moved = [(old, new) for old, new in before.changed if old["outcome"] != new["outcome"]]
    assert numbers(found) == (61, len(before.changed), len(moved), 0, 0, 0)
    assert {group["rule"] for group in found["groups"]} == {RULE}
    assert found["groups"][0]["title"] == "More than 700 million monthly active users"
    groups: dict[tuple[str, str], list[int]] = {}
    for old, new in before.changed:
        groups.setdefault((old["outcome"], new["outcome"]), []).append(new["line"])
    assert {(one["before"], one["after"]): (one["rows"], one["lines"]) for one in found["groups"]} == {
        outcomes: (len(some), some[:20]) for outcomes, some in groups.items()
    }
    sizes = [group["rows"] for group in found["groups"]]
    assert sizes == sorted(sizes, reverse=True)


def as_listed(differences: Path, before: Before) -> None:
    """See that a file names every row that differs, with what each was told."""
    rows = lines(differences)
    assert [row["line"] for row in rows] == [new["line"] for _, new in before.changed]
    for row, (old, new) in zip(rows, before.changed, strict=True):
        assert row["request_id"] == new["request_id"]
        assert row["rules"] == [RULE]
        differing = {part for part in PARTS if old[part] != new[part]}
        for side, told in (("before", old), ("now", new)):
            assert row[side] == {part: told[part] for part in PARTS if part in {"outcome", *differing}}


def test_another_ruleset(before: Before, lower: Path, tmp_path: Path) -> None:
    out, differences, report = (tmp_path / name for name in ("out.jsonl", "differ.jsonl", "report.html"))
    options = ("--against", lower, "--differences", differences, "--report", report)
    found = compared(environment(tmp_path), "--dry-run", before.backlog, out, *options)
    as_changed(found, before)
    as_listed(differences, before)
    assert str(lower) in found["with"]
    assert lines(out) == before.shipped
    page = report.read_text(encoding="utf-8")
    assert f"61 rows were compared with {found['with']}: {len(before.changed)} differ." in page
    assert RULE in page


def test_another_ruleset_beside_a_run_that_is_recorded(
    before: Before, lower: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    out, differences = tmp_path / "out.jsonl", tmp_path / "differ.jsonl"
    options = ("--against", lower, "--differences", differences)
    result = run(env, before.backlog, out, *options, "--json")
    summary = json.loads(result.stdout)
    as_changed(summary["comparison"], before)
    ids = {row["line"]: row["id"] for row in lines(out) if "error" not in row}
    assert all(row.pop("id") == ids[row["line"]] for row in lines(differences))
    as_listed(differences, before)
    again = compared(
        env, before.backlog, tmp_path / "again.jsonl", "--resume", summary["batch"], "--against", lower
    )
    assert again == summary["comparison"], "what is read back from the log compares as what was just decided"


@pytest.mark.usefixtures("earlier")  # which puts a policy in force
def test_a_ruleset_of_the_database(before: Before, lower: Path, tmp_path: Path, env: dict[str, str]) -> None:
    loaded = CliRunner().invoke(main, ["rulesets", "load", str(lower)], env=env)
    assert loaded.exit_code == 0, loaded.output
    digest = load_rules(lower).digest
    out = tmp_path / "out.jsonl"
    as_changed(compared(env, "--dry-run", before.backlog, out, "--against", digest), before)


def test_an_earlier_batch(
    before: Before, lower: Path, earlier: str, tmp_path: Path, env: dict[str, str]
) -> None:
    found = compared(env, before.backlog, tmp_path / "same.jsonl", "--against", earlier)
    assert numbers(found) == SAME
    assert found["groups"] == []
    out, options = tmp_path / "out.jsonl", ("--dry-run", "--rules", lower, "--against", earlier)
    found = compared(env, *options, before.backlog, out)
    assert numbers(found)[:2] == (61, len(before.changed))
    assert {group["rule"] for group in found["groups"]} == {RULE}


@pytest.mark.parametrize("dry", [True, False], ids=["dry", "recorded"])
def test_an_earlier_batch_of_a_file_that_was_corrected(
    dry: bool, before: Before, earlier: str, tmp_path: Path, env: dict[str, str]
) -> None:
    rows = json.loads(json.dumps(ROWS))
    rows[2]["use"]["purposes"] = ["fraud"]
    rows[5]["request_id"] = "another"
    corrected, out, differences = (tmp_path / name for name in ("in.jsonl", "out.jsonl", "differ.csv"))
    written(corrected, rows[:30], [rows[0]], rows[30:50])
    options = ("--against", earlier, "--differences", differences)
    found = compared(env, *["--dry-run"] * dry, corrected, out, *options, code=0)
    old, new = before.shipped[2], next(row for row in lines(out) if row["line"] == 3)
    is_moved = int(old["outcome"] != new["outcome"])
    # line 31 has a name now, and had none when it was refused
    assert numbers(found) == (49, 1, is_moved, 2, 10, 0)
    [group] = found["groups"]
    assert (group["rule"], group["lines"]) == ("aup.fraud", [3])
    with differences.open(encoding="utf-8", newline="") as file:
        [row] = csv.DictReader(file)
    assert row["differs"].split(";") == [part for part in PARTS if old[part] != new[part]]
    assert (row["line"], row["request_id"], row["id"]) == ("3", "row 2", new.get("id", ""))
    assert (row["before"], row["now"]) == (old["outcome"], new["outcome"])
    assert row["rules"] == "aup.fraud"


@pytest.mark.parametrize("suffix", ["jsonl.zst", "csv", "parquet.gz"])
def test_results_of_every_format(suffix: str, before: Before, lower: Path, tmp_path: Path) -> None:
    earlier, differences = tmp_path / f"earlier.{suffix}", tmp_path / "differ.jsonl"
    env, full = environment(tmp_path), ["--full"] * (suffix != "parquet.gz")
    run(env, "--dry-run", "--rules", lower, before.backlog, earlier, *full)
    options = ("--against", earlier, "--differences", differences)
    found = compared(env, "--dry-run", before.backlog, tmp_path / "out.jsonl", *options)
    as_changed(found, before)
    as_listed(differences, before)
    assert found["with"] == str(earlier)


def test_results_that_are_replaced(before: Before, lower: Path, tmp_path: Path, env: dict[str, str]) -> None:
    out = tmp_path / "out.parquet"
    run(env, "--dry-run", "--rules", lower, before.backlog, out)
    result = run(env, before.backlog, out, "--against", out, "--overwrite")
    assert result.exit_code == 1
    moved = len([old for old, new in before.changed if old["outcome"] != new["outcome"]])
    assert f"61 rows compared: {len(before.changed)} differ, {moved} in the outcome" in result.stdout
    assert RULE in result.stdout
    assert pq.read_table(out)["outcome"].to_pylist() == [row.get("outcome") for row in before.shipped]


def test_a_line_that_was_refused_and_is_not_now(before: Before, tmp_path: Path) -> None:
    env, earlier, mended = environment(tmp_path), tmp_path / "earlier.csv", tmp_path / "mended.jsonl"
    run(env, "--dry-run", before.backlog, earlier)
    nameless = {name: value for name, value in ROWS[0].items() if name != "request_id"}
    written(mended, ROWS[:30], [nameless], ROWS[30:], [nameless])
    result = run(env, "--dry-run", mended, tmp_path / "out.jsonl", "--against", earlier)
    assert result.exit_code == 0
    assert "1 not compared: their lines are only in this run" in result.stdout
    assert "none: other facts, or refused" in result.stdout
    found = compared(env, "--dry-run", mended, tmp_path / "2.jsonl", "--against", earlier, code=0)
    assert numbers(found) == (61, 1, 1, 0, 0, 1)
    [group] = found["groups"]
    assert (group["rule"], group["before"], group["lines"]) == (None, None, [31])


@pytest.mark.parametrize(
    "options, words",
    [
        (("--against", "nowhere"), "is neither a file of results, a rules folder"),
        (("--differences", "d.jsonl"), "`--differences` goes with `--against`"),
        (("--against", "in.jsonl", "--differences", "d.parquet"), "end it with .jsonl or .csv"),
        (("--against", "in.jsonl"), "a row after line 0 has no `line`"),
        (("--against", "in.csv"), "it has no column `line`"),
        (("--against", "in.parquet"), "`in.parquet` cannot be compared with"),
        (("--against", "sorted.jsonl"), "line 3 stands after line 7"),
        (("--against", "in.jsonl", "--differences", "in.jsonl"), "IN itself"),
        (("--against", "in.jsonl", "--differences", "./out.jsonl"), "written twice"),
    ],
)
def test_wrong_use_is_refused_before_anything_runs(
    options: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(Path("in.jsonl"), ROWS[:1])
    Path("in.csv").write_text("model.generation,entity.kind\nllama-4,company\n", encoding="utf-8")
    Path("in.parquet").write_bytes(b"no Parquet")
    refused = {"request_id": None, "error": {"detail": "x", "errors": []}}
    written(Path("sorted.jsonl"), [{"line": 7, **refused}, {"line": 3, **refused}])
    there = sorted(path.name for path in tmp_path.iterdir())
    result = run(environment(tmp_path), "--dry-run", "in.jsonl", "out.jsonl", *options)
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == there


def test_a_batch_that_is_not_there(before: Before, tmp_path: Path, env: dict[str, str]) -> None:
    missing = "01a21cb7-0f83-7aef-ab64-820000000000"
    result = run(env, before.backlog, tmp_path / "out.jsonl", "--against", missing)
    assert result.exit_code == 1, result.output
    assert f"there is no batch {missing}" in result.stderr
    assert not list(tmp_path.iterdir())
