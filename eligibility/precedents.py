"""Precedents: overrides that like decisions are shown beside. They never change an outcome by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, get_args

from eligibility.yaml_files import yaml_text

if TYPE_CHECKING:
    from typing import Any as Anything
    from uuid import UUID

GENERATION: Final = "model.generation"
LONGEST: Final = timedelta(days=730)
"""How long a precedent can be one."""

State = Literal["active", "expired", "ended", "lapsed"]
STATES: Final[tuple[State, ...]] = get_args(State)
"""What becomes of precedents. One has lapsed whose override is not in force any more."""


@dataclass(frozen=True)
class Precedent:
    """An override that stands for decisions whose cells are those of the `pattern`, until it expires or ends.

    `made_by` is a name, if it is known; `text` says why, None where it was erased.
    """

    id: UUID
    decision: UUID
    pattern: Mapping[str, Anything]
    outcome: str
    expires_at: datetime
    made_at: datetime
    made_by: str | None
    text: str | None
    ended_at: datetime | None = None
    is_active: bool = True

    @property
    def state(self) -> State:
        """What has become of it."""
        if self.ended_at is not None:
            return "ended"
        if self.expires_at <= datetime.now(UTC):
            return "expired"
        return "active" if self.is_active else "lapsed"


def pattern_of(cells: Mapping[str, Anything], facts: Sequence[str]) -> dict[str, Anything]:
    """Of a decision's cells those of the generation and of these facts. Raises KeyError."""
    return {fact: cells[fact] for fact in sorted({GENERATION, *facts})}


def matching(precedents: Iterable[Precedent], cells: Mapping[str, Anything]) -> list[Precedent]:
    """Those precedents that a decision with these cells is like."""
    missing = object()
    return [
        each
        for each in precedents
        if all(cells.get(fact, missing) == cell for fact, cell in each.pattern.items())
    ]


def policy_case(precedent: Precedent, facts: Mapping[str, Anything]) -> str:
    """The precedent in the form of the cases beside the rules: the decision's facts, and the outcome."""
    document = {
        "cases": [
            {
                "case": f"as in precedent {precedent.id}",
                "request": dict(facts),
                "expect": {"outcome": precedent.outcome},
            }
        ]
    }
    return yaml_text(document)
