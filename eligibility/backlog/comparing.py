"""Two runs over the same rows, compared: which are told something else, and by which rule.

Rows are matched by their line. Where the caller's name for a row is another than before, it is another
request and not compared. Both runs are streams; what is held of them is a piece at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from eligibility.backlog.comparing_lines import Differing, Written, difference_lines
from eligibility.backlog.comparing_rules import Responsible
from eligibility.backlog.comparing_sides import Side, Telling
from eligibility.backlog.result_rows import Rows
from eligibility.recent import Recent
from eligibility.ruleset import Ruleset

EXAMPLES: Final = 20
"""Lines that are kept of each group of rows that differ alike: the first ones."""

REMEMBERED: Final = 16_384
"""Pairs of tellings that are remembered, with what differs: some 2 KB each."""


class Alike(NamedTuple):
    """What rows that differ have in common: a rule responsible (None where none is named), and how they move.

    Outcomes are None where a row was refused.
    """

    rule: str | None
    before: str | None
    now: str | None


class Group(NamedTuple):
    """How many rows differ alike, and the first of their lines."""

    rows: int
    lines: tuple[int, ...]

    def merged(self, later: Group) -> Group:
        """The group of both; the lines of the other one are later."""
        return Group(self.rows + later.rows, (self.lines + later.lines)[:EXAMPLES])


@dataclass(frozen=True)
class Comparison:
    """What comes of comparing: numbers of rows, and groups of those that differ.

    `rows` were compared, of which `changed` differ, `moved` in the outcome, or in that there is one. A row
    for which several rules are responsible is in the group of each. `other` rows are of another request than
    before; `only_before` and `only_now` have a line that the other run does not have.
    """

    rows: int = 0
    changed: int = 0
    moved: int = 0
    other: int = 0
    only_before: int = 0
    only_now: int = 0
    groups: Mapping[Alike, Group] = field(default_factory=dict)

    def merged(self, later: Comparison) -> Comparison:
        """The comparison of both; the rows of the other one come later."""
        groups = dict(self.groups)
        for alike, group in later.groups.items():
            known = groups.get(alike)
            groups[alike] = group if known is None else known.merged(group)
        numbers = {name: getattr(self, name) + getattr(later, name) for name in _NUMBERS}
        return Comparison(**numbers, groups=groups)

    def document(self, name: str, title: Callable[[str], str | None]) -> dict[str, Any]:
        """All of it as JSON: `name` is what was compared with, `title` gives that of a rule."""
        return {
            "with": name,
            **{number: getattr(self, number) for number in _NUMBERS},
            "groups": [
                {
                    "rule": alike.rule,
                    "title": None if alike.rule is None else title(alike.rule),
                    "before": alike.before,
                    "after": alike.now,
                    "rows": group.rows,
                    "lines": list(group.lines),
                }
                for alike, group in self.by_size()
            ],
        }

    def by_size(self) -> list[tuple[Alike, Group]]:
        """The groups, the largest first, like ones by rule."""
        return sorted(self.groups.items(), key=lambda one: (-one[1].rows, *(name or "~" for name in one[0])))


_NUMBERS: Final = ("rows", "changed", "moved", "other", "only_before", "only_now")


class Compared(NamedTuple):
    """What comes of comparing a piece, and the lines of the rows that differ where these are written."""

    comparison: Comparison
    lines: bytes = b""


class Comparer:
    """Compares rows of two runs. What differs between two tellings is worked out once and remembered."""

    def __init__(self, before: Ruleset | None, now: Ruleset, written: Written | None) -> None:
        """Compare under these rulesets, the earlier one if it is known; write lines if that is wanted."""
        self.responsible = Responsible(before, now)
        self._lines = None if written is None else difference_lines(written)
        self._found: Recent[tuple[Any, ...], Differing] = Recent(REMEMBERED)

    def compare(self, before: Side, now: Side) -> Compared:
        """Compare the rows of both, of which each line is at most once in either."""
        places = pc.index_in(now.lines, value_set=before.lines)
        old, new = before.take(places.drop_null()), now.take(pc.indices_nonzero(places.is_valid()))
        is_same = _is_same(old.request_ids, new.request_ids)
        found = self._differing(old.take(is_same), new.take(is_same))
        rows = len(new.which)
        counted = Comparison(
            rows=len(is_same),
            other=rows - len(is_same),
            only_before=len(before.which) - rows,
            only_now=len(now.which) - rows,
        )
        return Compared(counted.merged(found.comparison), found.lines)

    def _differing(self, before: Side, now: Side) -> Compared:
        """What differs between rows that stand at the same places."""
        pairs = pc.add(
            pc.multiply(before.which.cast(pa.int64()), len(now.tellings)), now.which.cast(pa.int64())
        ).dictionary_encode()
        found: list[Differing] = []
        places: list[int | None] = []
        for pair in pairs.dictionary.to_pylist():
            place, other = divmod(pair, len(now.tellings))
            differing = self._pair(before.tellings[place], now.tellings[other])
            places.append(None if differing is None else len(found))
            if differing is not None:
                found.append(differing)
        which = pa.array(places, pa.int32()).take(pairs.indices)
        told, which = now.take(pc.indices_nonzero(which.is_valid())), which.drop_null()
        lines = b""
        if self._lines is not None and found:
            documents = [one.document() for one in found]
            lines = self._lines.written(Rows(told.lines, told.request_ids, told.ids, which, documents))
        return Compared(_grouped(told.lines, which, found), lines)

    def _pair(self, before: Telling, now: Telling) -> Differing | None:
        if before.said == now.said:
            return None
        key = (*before[:2], *now[:2])
        found = self._found.get(key)
        if found is None:
            found = Differing(before.said, now.said, self.responsible.rules(before, now))
            self._found.put(key, found)
        return found


def _is_same(before: Any, now: Any) -> Any:
    """The numbers of the rows that have the same name in both, or none in either."""
    neither = pc.and_(before.is_null(), now.is_null())
    return pc.indices_nonzero(pc.coalesce(pc.equal(before, now), neither))


def _grouped(lines: Any, which: Any, found: list[Differing]) -> Comparison:
    """The rows that differ, by what they have in common."""
    by_place: dict[int, list[int]] = {}
    for line, place in zip(lines.to_pylist(), which.to_pylist(), strict=True):
        by_place.setdefault(place, []).append(line)
    groups: dict[Alike, list[int]] = {}
    moved = 0
    for place, some in by_place.items():
        before, now = found[place].outcomes
        moved += len(some) * (before != now)
        for rule in found[place].rules or (None,):
            groups.setdefault(Alike(rule, before, now), []).extend(some)
    made = {alike: Group(len(some), tuple(sorted(some)[:EXAMPLES])) for alike, some in groups.items()}
    return Comparison(changed=len(which), moved=moved, groups=made)


class Earlier:
    """The rows of an earlier run, taken as the lines of a later one come."""

    def __init__(self, sides: Iterator[Side]) -> None:
        """Take from these pieces, of which each has later lines than the one before."""
        self._sides = sides
        self._rest: Side | None = None

    def beside(self, now: Side) -> Iterator[tuple[Side, Side]]:
        """These rows in pieces, each beside the earlier ones up to its last line, as far as there are any."""
        while len(now.lines):
            last = now.lines[-1].as_py()
            before = self._next()
            if before is None:
                yield now.slice(0, 0), now
                return
            count = before.until(last)
            self._rest = before.slice(count) if count < len(before.lines) else None
            reached = len(now.lines) if self._rest is not None else now.until(before.lines[-1].as_py())
            yield before.slice(0, count), now.slice(0, reached)
            now = now.slice(reached)

    def left(self) -> int:
        """How many rows of the earlier run there are after all that was asked for."""
        count = 0
        while (side := self._next()) is not None:
            count += len(side.lines)
            self._rest = None
        return count

    def _next(self) -> Side | None:
        if self._rest is not None:
            return self._rest
        return next((side for side in self._sides if len(side.lines)), None)
