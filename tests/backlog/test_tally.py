"""Tallies count what results say, and add up however rows are cut."""

from collections import Counter
from functools import reduce

import pytest

from eligibility.backlog.answers import LISTS
from eligibility.backlog.deciding import BacklogDecider, Decided
from eligibility.backlog.tally import MOST_REFUSED, Tally, by_frequency, tally_decided, tally_of
from tests.backlog.results import decided, pieces
from tests.backlog.tables import table, texts
from tests.properties.requests import complete


@pytest.fixture(scope="module")
def made(backlog: BacklogDecider) -> Decided:
    return decided(backlog, 100)


def test_rows_are_counted_by_what_they_were_told(made: Decided) -> None:
    rows = made.table().to_pylist()
    told = [row for row in rows if row["outcome"]]
    tally = tally_of(made.table())
    assert (tally.rows, tally.decided, tally.refused) == (len(rows), len(told), len(rows) - len(told))
    assert tally.outcomes == Counter(row["outcome"] for row in told)
    for column in set(LISTS) - {"missing_facts"}:
        assert getattr(tally, column) == Counter(name for row in told for name in row[column])
    assert tally.refused
    assert all(getattr(tally, column) for column in LISTS)


def test_a_table_and_what_was_just_decided_count_alike(made: Decided) -> None:
    assert tally_decided(made) == tally_of(made.table())


def test_a_missing_fact_of_several_affiliates_counts_once_a_row(backlog: BacklogDecider) -> None:
    request = complete("llama-4", "company", entity__affiliates=[{}, {}, {}], use__capacity="licensee")
    request["model"]["multimodal"] = True
    made = backlog.decide(table([request, request]))
    assert any("[2]" in path for path in made.table()["missing_facts"][0].as_py()), "three are missing"
    missing = {path: count for path, count in tally_decided(made).missing_facts.items() if "affil" in path}
    assert missing
    assert set(missing.values()) == {2}
    assert all("[]" in path for path in missing)


def test_tallies_of_parts_add_up(made: Decided) -> None:
    parts = [tally_of(piece) for piece in pieces(made.table(), [0, 1, 40, 13])]
    assert reduce(Tally.merged, parts, Tally()) == tally_of(made.table())
    assert reduce(Tally.merged, reversed(parts), Tally()) == tally_of(made.table())


def test_the_first_refused_lines_are_kept(backlog: BacklogDecider) -> None:
    one, other = backlog.decide(texts([b"{"] * 70)), backlog.decide(texts([b""] * 70))
    assert [line.line for line in tally_decided(one).first_refused] == list(range(1, 71))
    both = tally_decided(other).merged(tally_decided(one))
    assert both.refused == 140
    assert len(both.first_refused) == MOST_REFUSED
    assert [line.line for line in both.first_refused[:4]] == [1, 1, 2, 2]


def test_a_refused_line_says_where_and_what(backlog: BacklogDecider) -> None:
    [refused] = tally_decided(backlog.decide(texts([b'{"request_id":"r1","colour":1}']))).first_refused
    assert (refused.line, refused.request_id) == (1, "r1")
    assert "/colour" in [pointer for pointer, _ in refused.why.errors]
    assert refused.why.detail


def test_its_document_has_every_outcome_and_no_text_of_a_caller(made: Decided) -> None:
    document = tally_of(made.table()).document()
    assert list(document["outcomes"]) == ["permitted", "prohibited", "contact_meta"]
    assert Tally().document()["outcomes"] == {"permitted": 0, "prohibited": 0, "contact_meta": 0}
    assert document["rows"] == document["decided"] + document["refused"]
    assert "HYPERLINK" not in str(document)
    assert list(document["findings"].values()) == sorted(document["findings"].values(), reverse=True)


def test_like_frequencies_are_in_the_order_of_names() -> None:
    assert by_frequency({"b": 1, "a": 1, "c": 2}) == [("c", 2), ("a", 1), ("b", 1)]
