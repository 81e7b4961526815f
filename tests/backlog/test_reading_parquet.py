"""Columns of Parquet: which are taken, which are refused, and rows whose values do not fit."""

import json
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from eligibility.backlog.deciding import BacklogDecider
from eligibility.backlog.form import BODY
from eligibility.backlog.lines import MOST_BYTES
from eligibility.decider import Decider
from eligibility.errors import BacklogRefused
from eligibility.ruleset import Ruleset
from tests.backlog.reading import errors, facts_of_line, facts_of_rows, leaves, parquet_of, pieces, read
from tests.properties.requests import document
from tests.properties.sizes import sized

MODEL = {"generation": "llama-4"}


@pytest.fixture(scope="module")
def backlog(decider: Decider) -> BacklogDecider:
    return BacklogDecider(decider)


def documents(seed: int) -> list[dict[str, Any]]:
    random = Random(seed)
    made = [document(random) for _ in range(sized(300, 5_000))]
    for place, each in enumerate(made):
        each["request_id"] = f"r{place}"
    return made


def flat(column: Any, kind: str = "company") -> bytes:
    """A file of flat columns: the two that are needed, and the number of users."""
    rows = len(column)
    return parquet_of(
        pa.table(
            {
                "model.generation": ["llama-4"] * rows,
                "entity.kind": [kind] * rows,
                "entity.monthly_active_users": column,
            }
        )
    )


def users(data: bytes) -> list[int | None]:
    return [row["entity"]["monthly_active_users"] for row in read(data, "parquet").to_pylist()]


def test_nested_columns_say_what_lines_of_json_say(ruleset: Ruleset) -> None:
    made = documents(1)
    table = read(parquet_of(pa.Table.from_pylist(made, schema=BODY)), "parquet", rows=100)
    assert all(table["is_read"].to_pylist())
    assert table["line"].to_pylist() == list(range(1, len(made) + 1))
    each = [facts_of_line(json.dumps(one).encode(), ruleset.vocabulary) for one in made]
    assert list(facts_of_rows(table, ruleset.vocabulary)) == each


def test_flat_columns_of_any_types_say_the_same(ruleset: Ruleset) -> None:
    made = documents(2)
    columns: dict[str, list[Any]] = {path: [] for one in made for path in leaves(one)}
    for one in made:
        for path, column in columns.items():
            column.append(leaves(one).get(path))
    arrays = {path: pa.array(column) for path, column in columns.items()}
    for path, array in arrays.items():
        if array.type == pa.string():
            arrays[path] = array.dictionary_encode() if "kind" in path else array.cast(pa.large_string())
        if array.type == pa.list_(pa.string()):
            arrays[path] = array.cast(pa.large_list(pa.large_string()))
    arrays["entity.monthly_active_users"] = pa.array(columns["entity.monthly_active_users"], pa.float64())
    arrays["use.assurances.age_gating_in_place"] = pa.nulls(len(made))
    for one in made:
        one.get("use", {}).get("assurances", {}).pop("age_gating_in_place", None)
    table = read(parquet_of(pa.table(arrays), row_group_size=77), "parquet", rows=100)
    each = [facts_of_line(json.dumps(one).encode(), ruleset.vocabulary) for one in made]
    assert list(facts_of_rows(table, ruleset.vocabulary)) == each


@pytest.mark.parametrize(
    "column",
    [
        pa.array([5, None], pa.int8()),
        pa.array([5, None], pa.uint64()),
        pa.array([5, None], pa.float32()),
        pa.array([Decimal(5), None], pa.decimal128(20, 2)),
    ],
    ids=lambda column: str(column.type),
)
def test_numbers_of_any_type_are_taken_where_they_are_whole(column: Any) -> None:
    assert users(flat(column)) == [5, None]


@pytest.mark.parametrize(
    "column,words",
    [
        (pa.array([5, 5.5, None, 6]), "this one has a fraction"),
        (pa.array([5, float("nan"), None, 6]), "`NaN` is no JSON number: leave the member out"),
        (pa.array([5, float("inf"), None, 6]), "`Infinity` is no JSON number"),
        (pa.array([5, 1e300, None, 6]), "must be at most"),
        (pa.array([5, 2**63, None, 6], pa.uint64()), "must be at most"),
        (pa.array([5, -1, None, 6]), "must not be negative"),
        (pa.array([Decimal(5), Decimal("5.01"), None, Decimal(6)]), "this one has a fraction"),
    ],
    ids=range(7),
)
def test_a_number_that_does_not_fit_is_refused_in_its_row(
    backlog: BacklogDecider, column: Any, words: str
) -> None:
    first, odd, *others = errors(flat(column), "parquet", backlog)
    assert [first, *others] == [None] * 3
    assert odd is not None
    [(_, detail)] = odd
    assert words in detail


def test_a_text_that_is_no_utf8_is_refused_in_its_row(backlog: BacklogDecider) -> None:
    names = pa.Array.from_buffers(pa.string(), 2, pa.array([b"M\xfcller", b"x"]).buffers())
    regions = pa.array([["US"], ["US"]])
    table = pa.table(
        {
            "model": pa.array([MODEL] * 2),
            "entity": pa.StructArray.from_arrays(
                [pa.array(["company"] * 2), names, regions], ["kind", "name", "development_offices"]
            ),
        }
    )
    words = "a request must be an object, not `a row whose `entity.name` is not UTF-8`"
    assert errors(parquet_of(table), "parquet", backlog) == [[("", words)], None]


ENTITY = pa.array([{"kind": "company"}])


@pytest.mark.parametrize(
    "columns,pointer,words",
    [
        ({"entity": ENTITY}, "/model/generation", "this column is missing"),
        ({"model": pa.nulls(1), "entity": ENTITY}, "/model/generation", "this column is missing"),
        ({"modell": pa.array([MODEL])}, "/modell/generation", "did you mean `model.generation`?"),
        ({"model": pa.array(["llama-4"])}, "/model", "unknown column `model`"),
        ({"entity": pa.array([{"knd": "x"}])}, "/entity/knd", "did you mean `entity.kind`?"),
        ({"entity": ENTITY, "entity.kind": pa.array(["x"])}, "/entity/kind", "2 columns of this name"),
        ({"entity.kind": pa.array([1])}, "/entity/kind", "must hold texts, not `int64`"),
        ({"use.purposes": pa.array(["x"])}, "/use/purposes", "must hold lists of texts, not `string`"),
        ({"use.purposes": pa.array([[1]])}, "/use/purposes", "must hold lists of texts, not `list<"),
        (
            {"entity.monthly_active_users": pa.array(["1"])},
            "/entity/monthly_active_users",
            "must hold whole numbers, not `string`",
        ),
        (
            {"entity.trade_restricted": pa.array([1])},
            "/entity/trade_restricted",
            "must hold true and false, not `int64`",
        ),
        ({"entity.affiliates": pa.array(["[]"])}, "/entity/affiliates", "lists of objects"),
        (
            {"entity.affiliates": pa.array([[{"involved": "x"}]])},
            "/entity/affiliates",
            "unknown member `involved` of affiliates: did you mean `involved_in`?",
        ),
        (
            {"entity.affiliates": pa.array([[{"involved_in": "x"}]])},
            "/entity/affiliates",
            "`involved_in` of affiliates must hold lists of texts, not `string`",
        ),
    ],
    ids=range(14),
)
def test_wrong_columns_are_refused_before_anything_is_read(
    columns: dict[str, Any], pointer: str, words: str
) -> None:
    with pytest.raises(BacklogRefused) as refused:
        pieces(parquet_of(pa.table(columns)), "parquet")
    assert any(each.pointer == pointer and words in each.detail for each in refused.value.problems)


def test_pieces_of_equal_files_are_equal_whatever_their_groups_of_rows() -> None:
    table = pa.Table.from_pylist(documents(3), schema=BODY)
    one = pieces(parquet_of(table, row_group_size=1_000), "parquet", rows=64)
    other = pieces(parquet_of(table, row_group_size=50, compression="zstd"), "parquet", rows=64)
    assert one == other
    assert [piece.digest for piece in one] == [piece.digest for piece in other]


@pytest.mark.parametrize("options", [{}, {"use_dictionary": False}, {"row_group_size": 5}], ids=range(3))
def test_large_rows_come_in_smaller_pieces(options: dict[str, Any]) -> None:
    row = {"model": MODEL, "entity": {"kind": "company"}, "use": {"description": "x" * 200_000}}
    data = parquet_of(pa.Table.from_pylist([row] * 64, schema=BODY), **options)
    found = pieces(data, "parquet")
    assert len(found) > 1
    assert all(len(piece.content) < MOST_BYTES + 10_000 for piece in found)
    assert [piece.first for piece in found] == [sum(p.count for p in found[:n]) for n in range(len(found))]
    assert read(data, "parquet")["line"].to_pylist() == list(range(1, 65))
    assert found == pieces(data, "parquet")


def test_a_file_without_rows_has_no_pieces() -> None:
    assert not pieces(parquet_of(BODY.empty_table()), "parquet")


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + b"x" * 100], ids=["empty", "mark", "cut"])
def test_a_file_that_is_not_whole_is_refused(data: bytes) -> None:
    with pytest.raises(BacklogRefused, match="no whole Parquet file"):
        pieces(data, "parquet")


def test_a_file_that_is_damaged_within_is_refused_with_the_place() -> None:
    whole = bytearray(parquet_of(pa.Table.from_pylist(documents(4), schema=BODY), row_group_size=100))
    middle = len(whole) // 2
    whole[middle : middle + 200] = bytes(200)
    with pytest.raises(BacklogRefused, match="damaged some rows after row"):
        pieces(bytes(whole), "parquet", rows=50)
