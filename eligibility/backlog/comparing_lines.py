"""Rows that differ between two runs, as lines: JSONL with what each was told, CSV with what parts differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import orjson

from eligibility.backlog.answers import Said
from eligibility.backlog.csv_cells import LIST_SEPARATOR
from eligibility.backlog.result_csv import csv_lines
from eligibility.backlog.result_jsonl import JSON_LINES
from eligibility.backlog.result_lines import Layout, Lines

Written = Literal["jsonl", "csv"]
"""What rows that differ are written in."""

COLUMNS: Final = ("line", "request_id", "id", "before", "now", "differs", "rules")
"""The columns of CSV; `id` is that of the decision made now."""

_END: Final = "\r\n"


class Differing(NamedTuple):
    """Two tellings that differ, None where a row was refused, and the rules responsible by id."""

    before: Said | None
    now: Said | None
    rules: tuple[str, ...]

    @property
    def outcomes(self) -> tuple[str | None, str | None]:
        """The outcomes before and now, None where refused."""
        return self.before and self.before.outcome, self.now and self.now.outcome

    @property
    def differs(self) -> tuple[str, ...]:
        """The parts that differ, as results name them; all of them where either was refused."""
        if self.before is None or self.now is None:
            return Said._fields
        pairs = zip(Said._fields, self.before, self.now, strict=True)
        return tuple(name for name, old, new in pairs if old != new)

    def document(self) -> dict[str, Any]:
        """The same as JSON: of each side the outcome, and what differs beside it; null where refused."""
        shown = dict.fromkeys(("outcome", *self.differs))
        before, now = (one and {name: getattr(one, name) for name in shown} for one in self[:2])
        return {"before": before, "now": now, "differs": self.differs, "rules": self.rules}


def difference_lines(form: Written) -> Lines:
    """What writes rows whose answers are documents of `Differing`."""
    if form == "jsonl":
        return Lines(Layout(b"", _json, JSON_LINES.pieces))
    head = f"{','.join(COLUMNS)}{_END}".encode()
    return Lines(Layout(head, _cells, csv_lines(full=False).pieces))


def _json(document: Any) -> str:
    members = {name: value for name, value in document.items() if name != "differs"}
    return "," + orjson.dumps(members).decode()[1:-1]


def _cells(document: Any) -> str:
    """Cells of names and ids, of which none needs quotes."""
    before, now = (_outcome(document[side]) for side in ("before", "now"))
    return ",".join([before, now, *(_joined(document[name]) for name in ("differs", "rules"))])


def _outcome(said: Mapping[str, str] | None) -> str:
    return "" if said is None else said["outcome"]


def _joined(names: Sequence[str]) -> str:
    return LIST_SEPARATOR.join(names)
