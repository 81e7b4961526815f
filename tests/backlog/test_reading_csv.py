"""Cells of CSV: what they say as requests, and what is said of those that say nothing right."""

import json
from random import Random

import pytest

from eligibility.backlog.columns import COLUMNS
from eligibility.backlog.csv_reading import _at_once, _is_in_form, _one_by_one
from eligibility.backlog.csv_rows import Header, rows_of
from eligibility.backlog.deciding import BacklogDecider
from eligibility.decider import Decider
from eligibility.defusing import defused, restored
from eligibility.errors import BacklogRefused
from eligibility.ruleset import Ruleset
from tests.backlog.reading import (
    csv_of,
    errors,
    facts_of_line,
    facts_of_rows,
    leaves,
    pieces,
    read,
    without_nulls,
)
from tests.properties.requests import document
from tests.properties.sizes import sized

NEEDED = ("model.generation", "entity.kind")
GIVEN = ("llama-4", "company")


@pytest.fixture(scope="module")
def backlog(decider: Decider) -> BacklogDecider:
    return BacklogDecider(decider)


def one(column: str, cell: str) -> bytes:
    return csv_of((*NEEDED, column), (*GIVEN, cell))


def body_of(data: bytes) -> dict[str, object]:
    [row] = read(data, "csv").to_pylist()
    assert row["is_read"], row["text"]
    found = without_nulls({name: row[name] for name in ("request_id", "model", "entity", "use")})
    return {path: value for path, value in leaves(found).items() if path not in NEEDED}


def cell(value: object) -> str:
    """A value as a spreadsheet would hold it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, list):
        if not value:
            return "[]"
        return json.dumps(value) if isinstance(value[0], dict) else "; ".join(value)
    return defused(value) if isinstance(value, str) else str(value)


@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_rows_say_what_lines_of_json_say(ruleset: Ruleset, separator: str) -> None:
    random = Random(ord(separator))
    documents = [document(random) for _ in range(sized(200, 5_000))]
    for made in documents[::2]:
        made["request_id"] = random.choice(('a "quoted" name', "two\nlines", "=1+1", f"a{separator}b"))
    rows = [[cell(leaves(made).get(path)) for path in COLUMNS] for made in documents]
    table = read(csv_of(COLUMNS, *rows, separator=separator), "csv")
    assert all(table["is_read"].to_pylist())
    assert list(facts_of_rows(table, ruleset.vocabulary)) == [
        facts_of_line(json.dumps(made).encode(), ruleset.vocabulary) for made in documents
    ]


@pytest.mark.parametrize(
    "column,text,value",
    [
        ("entity.monthly_active_users", "7E+08", 700_000_000),
        ("entity.monthly_active_users", "1.2e6", 1_200_000),
        ("entity.monthly_active_users", "1200000.0", 1_200_000),
        ("entity.monthly_active_users", " 0042 ", 42),
        ("entity.monthly_active_users", "+5.", 5),
        ("entity.monthly_active_users", "0", 0),
        ("entity.trade_restricted", "TRUE", True),
        ("entity.trade_restricted", "False", False),
        ("use.purposes", "general ; spam", ["general", "spam"]),
        ("use.distribution_regions", "[]", []),
        ("entity.affiliates", "[]", []),
        ("entity.affiliates", '[{"relation":\n"parent"}]', [{"relation": "parent"}]),
        ("entity.name", " as it is ", " as it is "),
        ("entity.name", "'=cmd", "=cmd"),
        ("entity.name", "'tis", "'tis"),
        ("request_id", "crm;4711", "crm;4711"),
        ("use.description", 'many\r\n"lines"', 'many\r\n"lines"'),
    ],
)
def test_a_cell_says(ruleset: Ruleset, column: str, text: str, value: object) -> None:
    data = one(column, text)
    [facts] = facts_of_rows(read(data, "csv"), ruleset.vocabulary)
    assert facts is not None
    found = facts[column]
    assert found == (tuple(value) if isinstance(value, list) else value)


def test_an_empty_cell_is_absent() -> None:
    assert (
        body_of(csv_of(COLUMNS, [dict(zip(NEEDED, GIVEN, strict=True)).get(name, "") for name in COLUMNS]))
        == {}
    )


@pytest.mark.parametrize(
    "column,text,pointer,detail",
    [
        ("entity.monthly_active_users", "1,200,000", "/entity/monthly_active_users", "write `1200000`"),
        ("entity.monthly_active_users", "1.200.000", "/entity/monthly_active_users", "write `1200000`"),
        ("entity.monthly_active_users", "1.5", "/entity/monthly_active_users", "has a fraction"),
        ("entity.monthly_active_users", "-1", "/entity/monthly_active_users", "not be negative"),
        ("entity.monthly_active_users", "1e99", "/entity/monthly_active_users", "at most"),
        ("entity.monthly_active_users", "1e999999999", "/entity/monthly_active_users", "at most"),
        ("entity.monthly_active_users", "1e9999999999999999999", "/entity/monthly_active_users", "at most"),
        ("entity.monthly_active_users", "9" * 30, "/entity/monthly_active_users", "at most"),
        ("entity.monthly_active_users", "many", "/entity/monthly_active_users", "not the text `many`"),
        (
            "entity.trade_restricted",
            "yes",
            "/entity/trade_restricted",
            "must be `true` or `false`, not `yes`",
        ),
        ("use.purposes", "general;", "/use/purposes/1", "is not one of"),
        ("use.purposes", "[]", "/use/purposes", "say `general`"),
        ("use.activities", "use,develop", "/use/activities/0", "`use,develop` is not allowed"),
        ("entity.domicile", "Germany", "/entity/domicile", "write `DE`"),
        ("entity.affiliates", "none", "/entity/affiliates", "must be a list, not `none`"),
        ("entity.affiliates", "[{}", "/entity/affiliates", "must be a list"),
        ("entity.affiliates", '[],"x":1', "/entity/affiliates", "must be a list"),
        ("entity.affiliates", '[{"a":1}]', "/entity/affiliates/0/a", "unknown member"),
        ("entity.affiliates", '[{"relation":"x","relation":"y"}]', "", "more than once"),
    ],
)
def test_a_cell_that_says_nothing_right_is_refused_at_its_place(
    backlog: BacklogDecider, column: str, text: str, pointer: str, detail: str
) -> None:
    [found] = errors(one(column, text), "csv", backlog)
    assert found is not None
    [(place, words)] = found
    assert place == pointer
    assert detail in words


def test_rows_that_are_broken_are_refused_alone(backlog: BacklogDecider) -> None:
    head = ",".join((*NEEDED, "entity.name")).encode()
    good = b'llama-4,company,"A, ""B"" C"'
    rows = {
        b"llama-4,company": "a row of 2 cells under a header of 3",
        b"llama-4,company,a,b": "a row of 4 cells under a header of 3",
        b'llama-4,company,"a"b': "a row whose quotes do not match",
        b'llama-4,company,"a': "a row whose quotes do not match",
        b"llama-4,company,a\rb": "a row whose quotes do not match",
        b'"' + b"x" * 2**20: "a line of 1048578 bytes: at most 1048576 are read",
    }
    for row, words in rows.items():
        data = b"\r\n".join((head, good, row, good, good))
        refused = [("", f"a request must be an object, not `{words}`")]
        assert errors(data, "csv", backlog) == [None, refused, None, None], row[:30]


@pytest.mark.parametrize("seed", range(4))
def test_rows_are_read_at_once_only_where_each_by_itself_says_the_same(seed: int) -> None:
    random, taken = Random(seed), 0
    texts = (
        "a",
        ",",
        ",",
        '"',
        '"',
        '""',
        "\n",
        "\r\n",
        "\r",
        ";",
        " ",
        "é",
        ',"',
        '",',
        '"\n"',
        'a,"b",c\n',
    )
    header = Header(",", (*NEEDED, "entity.name"))
    for _ in range(sized(2_000, 100_000)):
        body = "".join(random.choices(texts, k=random.randrange(30))).encode() + b"\n"
        count = sum(map(len, rows_of([body.removesuffix(b"\n").split(b"\n")], ",")))
        table = _at_once(body, header) if _is_in_form(body, ",") else None
        if table is not None and table.num_rows == count:
            unread: dict[int, bytes] = {}
            assert table.to_pylist() == _one_by_one(body, header, unread).to_pylist()
            assert not unread
            taken += 1
    assert taken > 20


def test_a_blank_row_is_one_of_empty_cells(backlog: BacklogDecider) -> None:
    data = csv_of(NEEDED, GIVEN) + b"\r\n,\r\n"
    first, *blank = errors(data, "csv", backlog)
    broken = errors(data + b'"\r\n', "csv", backlog)
    assert first is None
    assert broken[:3] == [first, *blank]
    for found in blank:
        assert found is not None
        assert [place for place, _ in found] == ["/model/generation", "/entity/kind"]


def test_a_quote_within_a_cell_stands_for_itself() -> None:
    data = ",".join((*NEEDED, "entity.name")).encode() + b'\nllama-4,company,a 5" disk\n'
    assert body_of(data) == {"entity.name": 'a 5" disk'}
    assert body_of(data.replace(b"a 5", b'a ""5')) == {"entity.name": 'a ""5" disk'}


def test_a_row_that_is_no_utf8_is_refused_alone(backlog: BacklogDecider) -> None:
    rows = [(*GIVEN, "x" * 400)] * 4_000
    data = csv_of((*NEEDED, "entity.name"), *rows) + b"llama-4,company,M\xfcller\r\nllama-4,company,x\r\n"
    found = errors(data, "csv", backlog)
    assert found[-2] == [("", "a request must be an object, not `a row that is not UTF-8 at its byte 18`")]
    assert [row for row, each in enumerate(found) if each] == [4_000]


def test_rows_are_numbered_as_spreadsheets_do() -> None:
    data = csv_of((*NEEDED, "entity.name"), (*GIVEN, "two\nlines"), (*GIVEN, "x"), (*GIVEN, "y"))
    assert read(data, "csv", rows=2)["line"].to_pylist() == [2, 3, 4]


@pytest.mark.parametrize(
    "header,pointer,words",
    [
        (
            "model.generation,entity.knd",
            "/entity/knd",
            "unknown column `entity.knd`: did you mean `entity.kind`?",
        ),
        ("model.generation,kind", "/kind", "did you mean `entity.kind`?"),
        ("model.generation,entity.kind,zzzz", "/zzzz", "columns have dotted paths such as `entity.kind`"),
        ("model.generation,entity.kind,", "/", "a column has no name"),
        ("model.generation,entity.kind,entity.kind", "/entity/kind", "there are 2 columns of this name"),
        ("model.generation", "/entity/kind", "this column is missing"),
        ("entity.kind;entity.name", "/model/generation", "this column is missing"),
    ],
)
def test_wrong_columns_are_refused_before_anything_is_read(header: str, pointer: str, words: str) -> None:
    with pytest.raises(BacklogRefused) as refused:
        pieces(f"{header}\n".encode(), "csv")
    assert [(fault.pointer, words in fault.detail) for fault in refused.value.problems][:1] == [
        (pointer, True)
    ]


@pytest.mark.parametrize("data", [b'"a"b,c\n', b"\n\n", b'"model.generation', b"\xc3"], ids=range(4))
def test_a_first_line_that_is_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(BacklogRefused):
        pieces(data, "csv")


def test_texts_come_back_as_they_were_before_they_were_defused() -> None:
    for text in ("=1", "'=1", "''=1", "a;=1", "a\n@b", "\t=1", "\tx", "plain", "'plain'", "-", ""):
        assert restored(defused(text)) == text
