"""Rows that cannot be decided, found by trying them apart in processes that may die of them.

A row that kills whoever decides it must not keep the others of its slice from being decided. A process is
asked for all of them, then for halves of what it did not survive, down to single rows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import repeat
from typing import Any, Final

import pyarrow as pa

from eligibility.backlog.answers import UNRELIABLE, Answer
from eligibility.backlog.cutting import Piece
from eligibility.backlog.deciding import BacklogDecider, Decided
from eligibility.backlog.form import REQUESTS, Part
from eligibility.backlog.formats import Format
from eligibility.elsewhere import deciding_elsewhere
from eligibility.errors import EngineFailure

MOST_ENDS: Final = 64
"""Processes that may end of one slice; what none of them could decide by then is not tried any further."""

SECONDS: Final = 120.0
"""How long a process may take for a slice or a part of it."""

_FIRST_LINES: Final = {"jsonl": 1, "csv": 2, "parquet": 1}


async def poisoned(document: bytes, form: Format, piece: Piece) -> frozenset[int]:
    """The rows of a slice that no process survives, from 0; `document` is that of the ruleset.

    Raises EngineFailure where no process can be started, RulesetInvalid where none can work.
    """
    found: set[int] = set()
    waiting, ends = [(0, piece.count)], 0
    while waiting:
        async with deciding_elsewhere(document, seconds=SECONDS) as process:
            while waiting:
                first, rows = waiting.pop()
                try:
                    await process.ask("tries", form, piece, first, rows)
                except EngineFailure:
                    ends += 1
                    if rows == 1 or ends >= MOST_ENDS:
                        found.update(range(first, first + rows))
                    else:
                        half = rows // 2
                        waiting += [(first + half, rows - half), (first, half)]
                    break  # in the next process
    return frozenset(found)


def decided_without(decider: BacklogDecider, requests: Any, rows: Collection[int]) -> Decided:
    """What is decided about a table of which some rows cannot be: those are refused, and not looked at.

    Raises EngineFailure.
    """
    if not rows:
        return decider.decide(requests)
    decided = decider.decide(_without(requests, rows))
    which = decided.which.to_pylist()
    for row in rows:
        which[row] = len(decided.answers)
    answers = [*decided.answers, Answer(UNRELIABLE)]
    return replace(decided, which=pa.array(which, pa.int32()), answers=answers)


def unread(form: Format, piece: Piece) -> Part:
    """A slice that is not even read: its lines, and nothing in them."""
    first = piece.first + _FIRST_LINES[form]
    lines = pa.array(range(first, first + piece.count), pa.int64())
    columns = [
        lines if field.name == "line" else pa.nulls(piece.count, field.type) for field in list(REQUESTS)[:-1]
    ]
    is_read = pa.array(repeat(False, piece.count), pa.bool_())  # noqa: FBT003 - the value of a column
    table = pa.Table.from_arrays([*columns, is_read], schema=REQUESTS)
    return Part(piece.number, piece.first, table, piece.digest)


def _without(requests: Any, rows: Collection[int]) -> Any:
    """The table, with nothing in these rows but their lines and what they are called."""
    empty = set(rows)
    kept = pa.array([None if row in empty else row for row in range(requests.num_rows)], pa.int64())
    columns = {
        name: requests[name] if name in {"line", "request_id"} else requests[name].take(kept)
        for name in requests.column_names
    }
    columns["is_read"] = columns["is_read"].combine_chunks().fill_null(False)  # noqa: FBT003 - as above
    return pa.Table.from_arrays([columns[field.name] for field in REQUESTS], schema=REQUESTS)
