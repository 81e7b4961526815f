"""Record batches in, record batches out: what Spark and the like call."""

import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from eligibility.backlog.arrow import deciding
from eligibility.backlog.deciding import BacklogDecider
from eligibility.backlog.form import BODY, DECISION, RESULTS
from eligibility.errors import BacklogRefused
from eligibility.loading import shipped_rules
from eligibility.ruleset import Ruleset
from tests.backlog.lakes import rows_of
from tests.backlog.tables import Row, golden, table, together
from tests.cli.running import ROOT

GOLDEN = golden(Path(__file__).parent.parent / "data" / "golden.jsonl")


@pytest.fixture(scope="session")
def requests() -> Any:
    """The golden cases, with the columns of requests."""
    return table(GOLDEN).select(BODY.names)


def rows(batches: Any) -> list[Row]:
    found: list[Row] = pa.Table.from_batches(batches).drop_columns(["line"]).to_pylist()
    return found


def test_batches_are_decided_as_tables_are(ruleset: Ruleset, backlog: BacklogDecider, requests: Any) -> None:
    made = list(deciding(ruleset)(iter(requests.to_batches(max_chunksize=7))))
    assert len(made) == -(-len(GOLDEN) // 7)
    assert {batch.schema for batch in made} == {RESULTS}
    assert rows(made) == together(backlog, table(GOLDEN))
    assert pa.Table.from_batches(made)["line"].to_pylist() == list(range(1, len(GOLDEN) + 1))


def test_whole_decisions_and_columns_that_are_kept(ruleset: Ruleset, requests: Any) -> None:
    given = requests.slice(0, 5).append_column("order", pa.array([b"a", None, b"c", b"d", b"e"]))
    decide = deciding(ruleset, full=True, keep=["order"])
    [made] = decide(given.to_batches())
    assert made.schema.names == ["order", *decide.schema.names]
    assert decide.schema.field("decision") == DECISION
    assert made["order"].to_pylist() == [b"a", None, b"c", b"d", b"e"]
    assert all(f'"outcome":"{row["outcome"]}"' in row["decision"] for row in made.to_pylist())


def test_flat_columns_of_other_libraries(ruleset: Ruleset, backlog: BacklogDecider) -> None:
    flat = pa.record_batch(
        {
            "model.generation": pa.array(["llama-4", "llama-2"], pa.string_view()),
            "entity.kind": pa.array(["company", "individual"]).dictionary_encode(),
            "entity.monthly_active_users": pa.array([7e8, None], pa.float64()),
        }
    )
    nested: list[Row] = [
        {
            "model": {"generation": "llama-4"},
            "entity": {"kind": "company", "monthly_active_users": 700_000_000},
        },
        {"model": {"generation": "llama-2"}, "entity": {"kind": "individual"}},
    ]
    assert rows(deciding(ruleset)([flat])) == together(backlog, table(nested))


@pytest.mark.parametrize(
    "columns, keep, words",
    [
        ({"model.generation": ["llama-4"], "entity.kid": ["company"]}, (), "did you mean `entity.kind`"),
        ({"model.generation": ["llama-4"], "entity.kind": [1]}, (), "must hold texts, not `int64`"),
        ({"model.generation": ["llama-4"], "entity.kind": ["company"]}, ("id_",), "/id_: this column is"),
    ],
)
def test_wrong_columns_are_refused(
    columns: dict[str, Any], keep: tuple[str, ...], words: str, ruleset: Ruleset
) -> None:
    with pytest.raises(BacklogRefused, match=words):
        next(deciding(ruleset, keep=keep)([pa.record_batch(columns)]))


def test_a_column_of_results_is_not_kept_besides(ruleset: Ruleset) -> None:
    with pytest.raises(ValueError, match="are there anyway: request_id"):
        deciding(ruleset, keep=["request_id", "other"])


def test_threads_may_call_it(ruleset: Ruleset, requests: Any) -> None:
    decide, found = deciding(ruleset), list[list[Row]]()
    batch = requests.slice(0, 20).combine_chunks().to_batches()
    callers = [threading.Thread(target=lambda: found.append(rows(decide(batch)))) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(found) == 3
    assert found[0] == found[1] == found[2]


def test_it_crosses_to_another_process(ruleset: Ruleset, tmp_path: Path) -> None:
    given = rows_of(200, 10)
    decide = deciding(shipped_rules())
    (tmp_path / "decide").write_bytes(pickle.dumps(decide))
    with pa.OSFile(str(tmp_path / "given"), "wb") as out, pa.ipc.new_stream(out, given.schema) as stream:
        stream.write_table(given)
    program = (
        "import pickle, sys, pyarrow as pa\n"
        "decide = pickle.load(open('decide', 'rb'))\n"
        "made = pa.Table.from_batches(decide(pa.ipc.open_stream(open('given', 'rb'))))\n"
        "pa.ipc.new_stream('made', made.schema).write_table(made)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with pa.OSFile(str(tmp_path / "made")) as source, pa.ipc.open_stream(source) as stream:
        assert rows(stream) == rows(deciding(ruleset)(given.to_batches()))
