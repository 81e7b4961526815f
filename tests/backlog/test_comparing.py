"""Two runs compared: rows matched by line, differences grouped, and the rules responsible."""

from collections.abc import Callable, Iterator
from io import BytesIO
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from eligibility.backlog.answers import Said
from eligibility.backlog.comparing import EXAMPLES, Alike, Comparer, Comparison, Earlier
from eligibility.backlog.comparing_sides import Side, Telling, decided_side, results_side
from eligibility.backlog.deciding import BacklogDecider
from eligibility.backlog.earlier_file import earlier_results
from eligibility.backlog.form import RESULTS
from eligibility.backlog.formats import Format
from eligibility.backlog.writing import result_writer
from eligibility.decider import Decider
from eligibility.ruleset import Ruleset
from tests.backlog.results import decided, ids_of, pieces, whole
from tests.backlog.tables import table
from tests.rules.differences import Document, changed, rule

USERS = "entity.monthly_active_users"
COMPANY: Document = {
    "model": {"generation": "llama-4", "name": "Llama-4-Scout-17B-16E-Instruct", "multimodal": True},
    "entity": {"kind": "company", "principal_place_of_business": "CH", "monthly_active_users": 1_000_000},
    "use": {"activities": ["use"], "purposes": ["general"], "critical_infrastructure": {"role": "none"}},
}
"""A request that is permitted, of a company in Switzerland."""

_SAME = ("permitted", "permitted")
REFUSED = Telling(None)
PERMITTED = Telling(Said("permitted", (), ("follow-aup",), (), ()))
PROHIBITED = Telling(Said("prohibited", ("aup.fraud",), (), (), ()))


def side(rows: dict[int, tuple[str | None, int]], tellings: list[Telling]) -> Side:
    """Rows by line: what the caller calls them, and the number of what they were told."""
    lines, names = pa.array(rows, pa.int64()), [name for name, _ in rows.values()]
    which = pa.array([place for _, place in rows.values()], pa.int32())
    return Side(lines, pa.array(names, pa.string()), pa.nulls(len(rows), pa.string()), which, tellings)


def cut(whole: Side, random: Random) -> Iterator[Side]:
    start = 0
    while start < len(whole.lines):
        length = random.randint(0, 5)
        yield whole.slice(start, length)
        start += length


def test_rows_are_matched_by_line_however_both_are_cut(ruleset: Ruleset) -> None:
    tellings = [REFUSED, PERMITTED, PROHIBITED]
    comparer = Comparer(None, ruleset, None)
    for seed in range(40):
        random = Random(seed)
        olds, news = (
            {
                line: (random.choice([None, "a", "b"]), random.randrange(3))
                for line in range(1, 60)
                if random.random() < random.choice([0.5, 0.95])
            }
            for _ in "on"
        )
        earlier, found = Earlier(cut(side(olds, tellings), random)), Comparison()
        for piece in cut(side(news, tellings), random):
            for before, now in earlier.beside(piece):
                found = found.merged(comparer.compare(before, now).comparison)
        found = found.merged(Comparison(only_before=earlier.left()))
        same = [line for line in news if line in olds and olds[line][0] == news[line][0]]
        differ = [line for line in same if olds[line] != news[line]]
        assert found.rows == len(same)
        assert found.changed == found.moved == len(differ)
        assert found.other == len(news.keys() & olds.keys()) - len(same)
        assert (found.only_before, found.only_now) == (len(olds - news.keys()), len(news.keys() - olds))
        assert sum(group.rows for group in found.groups.values()) == len(differ)
        for alike, group in found.groups.items():
            some = [line for line in differ if _outcomes(olds, news, line, tellings) == alike[1:]]
            assert (group.rows, list(group.lines)) == (len(some), some[:EXAMPLES])


def _outcomes(olds: Any, news: Any, line: int, tellings: list[Telling]) -> tuple[str | None, ...]:
    said = (tellings[rows[line][1]].said for rows in (olds, news))
    return tuple(one and one.outcome for one in said)


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("full", [False, True], ids=["slim", "whole"])
def test_results_are_read_as_they_were_written(backlog: BacklogDecider, form: Format, full: bool) -> None:
    made = decided(backlog, 80)
    ids = ids_of(made) if full else None
    results = whole(backlog, made, ids) if full else made.table(ids)
    writer = result_writer(form, full=full)
    written = [writer.start(), *map(writer.write, pieces(results, [7, 0, 30])), writer.end()]
    found = list(earlier_results(BytesIO(b"".join(written)), form, None, "earlier"))
    assert rows_of(found) == rows_of([results_side(made.table())])


def rows_of(sides: list[Side]) -> list[tuple[Any, ...]]:
    return [
        (line, name, one.tellings[place].said)
        for one in sides
        for line, name, place in zip(*(column.to_pylist() for column in (*one[:2], one.which)), strict=True)
    ]


def test_an_empty_file_has_no_rows() -> None:
    for form in ("jsonl", "csv"):
        assert not list(earlier_results(BytesIO(b""), form, None, "earlier"))
    writer = result_writer("parquet", full=False)
    empty = BytesIO(writer.start() + writer.write(RESULTS.empty_table()) + writer.end())
    assert not rows_of(list(earlier_results(empty, "parquet", None, "earlier")))


def behind(
    old: Ruleset, new: Ruleset, before: Document, now: Document | None = None, *, by_names: bool = False
) -> set[Alike]:
    """What is told of one request, or of two, that a ruleset decides otherwise than another did."""
    sides = [
        decided_side(BacklogDecider(Decider(ruleset)).decide(table([request])))
        for ruleset, request in ((old, before), (new, now or before))
    ]
    if by_names:
        sides[0] = sides[0]._replace(
            tellings=[telling._replace(evaluated=None) for telling in sides[0].tellings]
        )
    found = [
        Comparer(None if by_names else old, new, None).compare(sides[0], one).comparison
        for one in (sides[1], sides[1].portable())
    ]
    assert found[0] == found[1], "it makes no difference that it came from another process"
    return set(found[0].groups)


def with_(path: str, value: object) -> Document:
    section, name = path.split(".")
    return {**COMPANY, section: {**COMPANY[section], name: value}}


UNKNOWN_USERS = with_(USERS, None)
FRAUD = with_("use.purposes", ["fraud"])
PRODUCT = with_("use.activities", ["distribute_product"])


def threshold(words: Document) -> None:
    for part in rule(words, "licence.mau-threshold")["when"]:
        if USERS in part:
            part[USERS] = {"above": 1000}


def derived(words: Document) -> None:
    """Switzerland is in the EU, says one rule."""
    rule(words, "principal-in-the-eu.organisation")["when"] = [
        {"entity.principal_place_of_business": {"in": "switzerland"}}
    ]


def region(words: Document) -> None:
    words["regions"]["eu"]["members"].append("CH")


def effect(words: Document) -> None:
    rule(words, "aup.fraud")["then"] |= {"effect": "contact", "reason": "clarification"}


def without(name: str) -> Callable[[Document], None]:
    return lambda words: words["rules"].remove(rule(words, name))


@pytest.mark.parametrize(
    "change, request_, expected",
    [
        (threshold, COMPANY, {("licence.mau-threshold", "permitted", "contact_meta")}),
        # the rule that was changed, not the one that rests on it
        (derived, COMPANY, {("principal-in-the-eu.organisation", "permitted", "prohibited")}),
        (
            region,
            COMPANY,
            {
                ("principal-in-the-eu.organisation", "permitted", "prohibited"),
                ("principal-outside-the-eu.organisation", "permitted", "prohibited"),
            },
        ),
        # it fires in both, and concludes something else
        (effect, FRAUD, {("aup.fraud", "prohibited", "contact_meta")}),
        # it fires in neither, and could have
        (
            without("licence.mau-threshold"),
            UNKNOWN_USERS,
            {("licence.mau-threshold", "contact_meta", "permitted")},
        ),
        (without("disclose-dangers"), PRODUCT, {("disclose-dangers", "permitted", "permitted")}),
        (threshold, FRAUD, {("licence.mau-threshold", "prohibited", "prohibited")}),
        (threshold, with_(USERS, 5), set()),
    ],
    ids=["text", "derived", "data", "effect", "unknown", "obligation", "finding", "same"],
)
def test_a_changed_rule_is_responsible(
    ruleset: Ruleset, change: Callable[[Document], None], request_: Document, expected: set[Any]
) -> None:
    assert behind(ruleset, changed(ruleset, change), request_) == expected


@pytest.mark.parametrize("by_names", [False, True], ids=["evaluations", "results"])
@pytest.mark.parametrize(
    "before, now, expected",
    [
        (COMPANY, FRAUD, {("aup.fraud", "permitted", "prohibited")}),
        (FRAUD, COMPANY, {("aup.fraud", "prohibited", "permitted")}),
        (COMPANY, UNKNOWN_USERS, {("licence.mau-threshold", "permitted", "contact_meta")}),
        (
            COMPANY,
            PRODUCT,
            {("built-with", *_SAME), ("disclose-dangers", *_SAME), ("licence-copy.product", *_SAME)},
        ),
        (COMPANY, {**COMPANY, "entity": {}}, {(None, "permitted", None)}),
        ({**COMPANY, "entity": {}}, FRAUD, {(None, None, "prohibited")}),
    ],
    ids=["came", "went", "unknown", "obligations", "refused", "refused-before"],
)
def test_other_facts_are_told_by_the_rules_that_conclude_otherwise(
    ruleset: Ruleset, by_names: bool, before: Document, now: Document, expected: set[Any]
) -> None:
    assert behind(ruleset, ruleset, before, now, by_names=by_names) == expected


def test_a_finding_of_which_no_rule_is_left_names_none(ruleset: Ruleset) -> None:
    gone = changed(ruleset, without("aup.fraud"))
    assert behind(ruleset, gone, FRAUD, by_names=True) == {(None, "prohibited", "permitted")}
