"""Tables of results for tests: every shape that a row can have, and rows cut into pieces."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import orjson
import pyarrow as pa

from eligibility.backlog.deciding import BacklogDecider, Decided
from eligibility.backlog.form import DECISION, RESULTS
from eligibility.backlog.whole import whole_tables
from tests.backlog.tables import texts
from tests.properties.requests import document

NAMES = (
    *(
        "plain-1 a/b",
        'say "no"',
        "back\\slash",
        "tab\tline\nend\r\n",
        "\x01\x1f\x7f",
        "Ærø 株式会社 \u2028 🦙",
    ),
    *("=1+1", "-2", "a;=b", "a, b", "'", " leading", "007", "x" * 500),
)
"""Names of callers' own that formats must quote, escape or defuse, and some that they need not."""


def lines(count: int, seed: int = 1) -> list[bytes]:
    """Lines of a backlog: requests of every sort, with and without a name, some that are refused."""

    random = Random(seed)
    made: list[bytes] = []
    for number in range(count):
        request = document(random)
        if number % 3:
            request["request_id"] = NAMES[number % len(NAMES)]
        if number % 7 == 3:
            request["colour"] = '=HYPERLINK("x");=1'
        made.append(b"{no json" if number % 11 == 5 else orjson.dumps(request))
    return made


def decided(backlog: BacklogDecider, count: int = 60) -> Decided:
    """What is decided about such lines."""
    return backlog.decide(texts(lines(count)))


def ids_of(made: Decided) -> Any:
    """Made-up ids of the rows that were decided."""
    outcomes = made.table()["outcome"].to_pylist()
    return pa.array(
        [outcome and f"0199c0de-0000-7000-8000-{row:012}" for row, outcome in enumerate(outcomes)],
        pa.string(),
    )


def whole(backlog: BacklogDecider, made: Decided, ids: Any = None) -> Any:
    """The table of results with whole decisions."""
    tables = list(whole_tables(backlog.decider, made, ids))
    return pa.concat_tables(tables) if tables else RESULTS.append(DECISION).empty_table()


def pieces(table: Any, sizes: Sequence[int]) -> Iterator[Any]:
    """A table in pieces of these sizes, and what is left."""
    start = 0
    for size in sizes:
        yield table.slice(start, size)
        start += size
    yield table.slice(start)
