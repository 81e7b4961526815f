"""Processes of one run: what one evaluated the others take, and how many there are makes no difference."""

import multiprocessing
import resource
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from eligibility import decider as deciding
from eligibility.backlog.deciding import BacklogDecider
from eligibility.backlog.form import BODY
from eligibility.backlog.formats import Format
from eligibility.backlog.shared import Messages, Shared
from eligibility.backlog.unrecorded import Wanted, unrecorded
from eligibility.canonical import canonical
from eligibility.company import started
from eligibility.decider import Decider
from eligibility.loading import load_rules, shipped_rules
from eligibility.ruleset import Ruleset
from tests.backlog.reading import parquet_of, pieces
from tests.backlog.tables import Row, table
from tests.properties.requests import document


def requests(count: int) -> list[Row]:
    random = Random(77)
    return [document(random) for _ in range(count)]


def decide(folder: Path, rows: Sequence[Row]) -> list[Any]:
    """What a process with this folder says: the content of each row's evaluation."""
    ruleset = load_rules(shipped_rules())
    with closing(Messages(folder, "theirs")) as messages:
        return contents(BacklogDecider(Decider(ruleset, Shared(ruleset, messages))).decide(table(rows)))


def contents(decided: Any) -> list[Any]:
    evaluations = (decided.answers[place].evaluation for place in decided.which.to_pylist())
    return [(each.key, each.content) for each in evaluations]


def test_what_another_process_evaluated_is_taken_and_says_the_same(
    tmp_path: Path, ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = requests(60)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        theirs = pool.submit(decide, tmp_path, rows).result()
    monkeypatch.setattr(deciding, "agree", None)  # so that evaluating anything anew fails
    with closing(Messages(tmp_path, "ours")) as messages:
        backlog = BacklogDecider(Decider(ruleset, Shared(ruleset, messages)))
        assert contents(backlog.decide(table(rows))) == theirs
    assert (tmp_path / "ours").stat().st_size == 0, "what was taken is not told again"


@pytest.fixture
def three(tmp_path: Path) -> Iterator[list[Messages]]:
    with ExitStack() as stack:
        yield [stack.enter_context(closing(Messages(tmp_path, name))) for name in ("one", "two", "three")]


def test_what_is_told_is_heard_once_by_all_others(three: list[Messages]) -> None:
    one, two, another = three
    assert list(two.heard()) == []
    one.tell(b"a")
    one.tell(b"")
    another.tell(b"c" * 100_000)
    assert sorted(two.heard()) == [b"", b"a", b"c" * 100_000]
    assert list(one.heard()) == [b"c" * 100_000]
    assert list(two.heard()) == []


@pytest.mark.parametrize("written", range(9))
def test_what_one_is_just_writing_is_heard_when_it_is_whole(
    tmp_path: Path, three: list[Messages], written: int
) -> None:
    one, two, _ = three
    one.tell(b"whole")
    whole = (tmp_path / "one").read_bytes()
    with (tmp_path / "one").open("ab", buffering=0) as file:
        file.write(whole[:written])
        assert list(two.heard()) == [b"whole"]
        file.write(whole[written:])
    assert list(two.heard()) == [b"whole"]


def test_after_a_disk_was_full_nothing_more_is_told(tmp_path: Path, three: list[Messages]) -> None:
    one, two, _ = three
    one.tell(b"whole")
    size = (tmp_path / "one").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5, hard))
    try:
        one.tell(b"cut off")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    one.tell(b"too late")
    assert (tmp_path / "one").stat().st_size == size + 5
    assert list(two.heard()) == [b"whole"]


@pytest.mark.parametrize("form, full", [("parquet", False), ("jsonl", True)])
def test_the_number_of_processes_makes_no_difference(form: Format, full: bool, ruleset: Ruleset) -> None:
    data = parquet_of(pa.Table.from_pylist(requests(60), schema=BODY))
    written = canonical(dict(ruleset.document))
    found = []
    for others in (0, 2):
        cut = iter(pieces(data, "parquet", rows=8))
        with started(others) as company:
            found.append(list(unrecorded(cut, written, Wanted("parquet", form, full), company)))
    alone, together = found
    assert len(alone) == 8
    assert [portion.results for portion in together] == [portion.results for portion in alone]
    assert [portion.tally for portion in together] == [portion.tally for portion in alone]
