"""A slice holds, byte for byte, what recording each of its decisions by itself would have made."""

from collections.abc import Sequence
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import orjson
import pytest
import uuid_utils.compat

from eligibility import merkle
from eligibility.backlog.deciding import BacklogDecider
from eligibility.backlog.form import Part
from eligibility.backlog.ids import MOST_ROWS, row_id
from eligibility.backlog.recording import Run, slice_of
from eligibility.decider import Decider
from eligibility.domains import FACTS
from eligibility.errors import RequestRefused
from eligibility.facts import EligibilityRequest
from eligibility.reading import request_from
from eligibility.recording import decision_entry, moment_of
from eligibility.storage import records
from eligibility.storage.batch_slices import Slice
from eligibility.storage.entries import Entry, prepare
from eligibility.storage.packing import unpacked
from eligibility.storage.record_rows import record_row
from eligibility.storage.records import commitment
from eligibility.storage.slice_rows import binary_row
from tests.backlog.tables import Row, golden, table, texts
from tests.properties.requests import AFFILIATES, VALUES, complete, document, set_fact
from tests.properties.sizes import sized

CASES = Path(__file__).parent.parent / "data" / "golden.jsonl"
PERSON = "01982c3e-0000-7000-8000-000000000001"
BATCH = uuid_utils.compat.uuid7()
FIRST = 2**33
Fields = list[bytes | None]


def sliced(backlog: BacklogDecider, requests: Any, actor: str = PERSON) -> Slice:
    part = Part(7, FIRST, requests, sha256(b"what was read").digest())
    run = Run(BATCH, backlog.decider.ruleset.digest, actor)
    return slice_of(run, part, backlog.decide(requests), backlog.decider.ruleset.vocabulary)


def rows_in(copied: bytes | None) -> list[Fields]:
    """The rows that PostgreSQL would read."""
    if copied is None:
        return []
    assert copied.startswith(b"PGCOPY\n\xff\r\n\0" + bytes(8))
    assert copied.endswith(b"\xff\xff")
    rows, place = list[Fields](), 19
    while copied[place : place + 2] != b"\xff\xff":
        row, count = Fields(), int.from_bytes(copied[place : place + 2])
        place += 2
        for _ in range(count):
            length = int.from_bytes(copied[place : place + 4], signed=True)
            place += 4
            row.append(None if length < 0 else copied[place : place + length])
            place += max(length, 0)
        rows.append(row)
    assert place == len(copied) - 2
    return rows


def entry(decider: Decider, request: EligibilityRequest, row: int, actor: str) -> Entry:
    """The entry of the decision about a row, as one that was asked for by itself would be recorded."""
    identifier = row_id(BATCH, FIRST + row)
    made = decision_entry(decider.decide(request), actor=actor, channel="batch")
    private = dict(made.private or {})
    if request.request_id is not None:
        private["request_id"] = request.request_id
    return made._replace(id=identifier, at=moment_of(identifier), private=private, pinned=True)


def check(backlog: BacklogDecider, requests: Any, values: Sequence[Any], actor: str = PERSON) -> Slice:
    """Compare the slice of a table with what each of its requests would have been recorded as."""
    made, decider = sliced(backlog, requests, actor), backlog.decider
    found = rows_in(made.copied.records)
    private = {row[0]: row[1:] for row in rows_in(made.copied.private)}
    assert (len(found), found[-1][0]) == (made.rows - made.refused + 1, made.record.entry.id.bytes)
    places = iter(enumerate(found))
    for row, value in enumerate(values):
        try:
            request = request_from(value, decider.ruleset.vocabulary, member_allowed_request_id=True)
        except RequestRefused:
            continue
        place, columns = next(places)
        one = entry(decider, request, row, actor)
        salt = (private.get(one.id.bytes) or [None])[0]
        with pytest.MonkeyPatch.context() as patch:
            if salt is not None:
                patch.setattr("secrets.token_bytes", lambda _: salt)  # noqa: B023 - used up within the turn
            alone = prepare(one, b"")
        assert columns == list(record_row(alone, made.copied.block.bytes, place))
        assert unpacked(columns[11] or b"") == alone.body
        reference = alone.reference.encode() if alone.reference else None
        assert private.pop(one.id.bytes, None) == (salt and [alone.salt, alone.private, reference])
        assert one.evaluation is not None
        assert made.evaluations[one.evaluation.key] == one.evaluation
    assert list(private) == [made.record.entry.id.bytes] * bool(made.refused)
    assert next(places)[0] == len(found) - 1
    leaves = [columns[12] or b"" for columns in found]
    assert made.copied.leaves == (len(leaves), merkle.root(leaves))
    return made


@pytest.mark.parametrize("actor", [PERSON, "system"])
def test_golden_cases(backlog: BacklogDecider, actor: str) -> None:
    cases = golden(CASES)
    for number, case in enumerate(cases):
        if number % 2:
            case["request_id"] = f'row "{number}"'
    check(backlog, table(cases), cases, actor)


def test_golden_cases_as_texts(backlog: BacklogDecider) -> None:
    cases = golden(CASES, refused=True)
    made = check(backlog, texts([orjson.dumps(case) for case in cases]), cases)
    assert 0 < made.refused < made.rows


@pytest.mark.parametrize("seed", range(3))
def test_generated_requests(backlog: BacklogDecider, seed: int) -> None:
    random = Random(seed)
    requests = [document(random) for _ in range(sized(300, 4000))]
    check(backlog, table(requests), requests)


def test_every_value_of_every_fact(backlog: BacklogDecider) -> None:
    requests = [with_fact(fact, value) for fact, values in VALUES.items() for value in (*values, None)]
    requests += [with_fact("entity.affiliates", value) for value in (*AFFILIATES, None, [{}], [{}, {}])]
    check(backlog, table(requests), requests)


def with_fact(fact: str, value: Any, **changes: Any) -> Row:
    made = deepcopy(complete("llama-4", "company", **changes))
    set_fact(made, fact, value)
    return made


ODD_TEXTS = (
    *("", " ", "\u00a0\u2003", "\t\n", "\x1c", "\x85", '"', "\\", 'a"b\\c', "\x01\x1f\x7f", "\n"),
    *(
        "é",
        "名前",
        "\U0001f600",
        "\u2028",
        "</script>",
        "\x1f",
        "x" * 500,
        " padded ",
        "-",
        "\u0000",
        "y" * 501,
    ),
)


@pytest.mark.parametrize(
    "fact", [path for path, fact in FACTS.items() if fact.kind in {"text", "model_name"}]
)
def test_odd_texts(backlog: BacklogDecider, fact: str) -> None:
    requests = [with_fact(fact, text) for text in ODD_TEXTS]
    check(backlog, table(requests), requests)


def test_names_of_requests(backlog: BacklogDecider) -> None:
    requests = [{**complete("llama-4", "company"), "request_id": text} for text in ODD_TEXTS]
    check(backlog, table(requests), requests)


@pytest.mark.parametrize(
    "name", ["Llama-4-Maverick-17B-128E-Instruct", "META-LLAMA/Llama-4-Scout-17B-16E", "mine", ' "', ""]
)
def test_only_names_out_of_the_catalogue_are_private(backlog: BacklogDecider, name: str) -> None:
    requests = [{"model": {"generation": "llama-4", "name": name}, "entity": {"kind": "company"}}] * 2
    check(backlog, table(requests), requests)


def test_lists_are_sets(backlog: BacklogDecider) -> None:
    lists: tuple[list[str], ...] = ([], ["use"], ["use", "develop", "use"], ["develop", "fine_tune", "use"])
    requests = [with_fact("use.activities", value) for value in lists]
    requests += [with_fact("use.languages", value) for value in ([], ["en", "EN-us", "de", "en"])]
    requests += [
        with_fact("entity.affiliates", [{"involved_in": value, "relation": " "}, {"relation": None}])
        for value in ([], ["distribution", "development", "development"], None)
    ]
    check(backlog, table(requests), requests)


def test_a_slice_of_a_table_and_one_without_rows(backlog: BacklogDecider) -> None:
    random = Random(9)
    requests = [document(random) for _ in range(40)]
    whole = table(requests)
    check(backlog, whole.slice(11, 20), requests[11:31])
    made = check(backlog, whole.slice(3, 0), [])
    assert (made.rows, made.outcomes, made.copied.leaves.count) == (0, {}, 1)


def test_the_record_of_a_slice(backlog: BacklogDecider) -> None:
    good, bad = complete("llama-4", "company"), {"model": {"generation": "llama-9"}, "request_id": "r"}
    made = sliced(backlog, texts([orjson.dumps(good), b"{", orjson.dumps(bad)]))
    envelope = orjson.loads(made.record.body)
    assert envelope["kind"] == "batch.slice"
    assert envelope["facts"] == {
        "subject": str(BATCH),
        "number": 7,
        "first": FIRST,
        "line": 1,
        "rows": 3,
        "refused": 2,
        "outcomes": {"permitted": 1, "prohibited": 0, "contact_meta": 0},
        "input": f"sha256:{made.source.hex()}",
    }
    assert made.record.salt is not None
    assert made.record.private is not None
    assert envelope["private"] == commitment(made.record.salt, made.record.private)
    first, second = orjson.loads(made.record.private)["refused"]
    assert (first["row"], first["request_id"]) == (1, None)
    assert (second["row"], second["request_id"]) == (2, "r")
    assert {error["pointer"] for error in second["error"]["errors"]} >= {"/model/generation", "/entity/kind"}


def test_lines_that_do_not_follow_one_another_are_refused(backlog: BacklogDecider) -> None:
    requests = table([complete("llama-4", "company")] * 4)
    with pytest.raises(ValueError, match="do not follow one another"):
        sliced(backlog, requests.take([0, 1, 3]))


def test_ids_are_of_the_batchs_millisecond_and_ascend() -> None:
    other = UUID(int=BATCH.int ^ 1)
    rows = [0, 1, 255, 256, 4095, 10**6, MOST_ROWS - 1]
    ids = [row_id(BATCH, row) for row in rows]
    assert ids == sorted(ids)
    assert {one.version for one in ids} == {7}
    assert {one.variant for one in ids} == {BATCH.variant}
    assert {moment_of(one) for one in ids} == {moment_of(BATCH)}
    assert not {*ids} & {row_id(other, row) for row in rows}
    assert str(row_id(UUID(PERSON), 1)) == "01982c3e-0000-7922-b85b-490000000001"  # for ever


def test_texts_by_kind_are_those_that_are_parted_from_records() -> None:
    def paths(texts: Any, prefix: str = "") -> set[str]:
        found = (paths(inner, f"{prefix}{name}.") or {f"{prefix}{name}"} for name, inner in texts.items())
        return set[str]().union(*found)

    assert paths(records._TEXTS) == {path for path, fact in FACTS.items() if fact.kind == "text"}


def test_a_row_without_private_texts_has_none(backlog: BacklogDecider) -> None:
    made = sliced(backlog, table([{"model": {"generation": "llama-4"}, "entity": {"kind": "company"}}]))
    assert made.copied.private is None
    assert (
        rows_in(made.copied.records)[-1]
        == rows_in(
            b"PGCOPY\n\xff\r\n\0"
            + bytes(8)
            + binary_row(record_row(made.record, made.copied.block.bytes, 1))
            + b"\xff\xff"
        )[0]
    )
