"""Query parameters that pick out records: their values, read strictly; and those of the list of decisions."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, cast

from api.incoming import parameter_fault
from eligibility.errors import UnacceptableRequest
from eligibility.parsing import near
from eligibility.refusals import shown
from eligibility.review import AMONG_US, KINDS, Kind
from eligibility.ruleset import Ruleset
from eligibility.scalars import LONGEST_TEXT
from eligibility.storage.decisions import DEFAULT_LIMIT, LARGEST_LIMIT, Filters

Review = Literal["none"] | Kind
REVIEWS: Final = ("none", *KINDS)
_SEEN_BY_ALL: Final = tuple(kind for kind in REVIEWS if kind not in AMONG_US)

NAMES: Final = (
    *("outcome", "generation", "finding", "entity_reference", "requested_by", "from", "to", "review"),
    *("limit", "cursor"),
)

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_LONGEST_LISTING: Final = 12


@dataclass(frozen=True)
class Query:
    """Which decisions to list, and which page of them."""

    filters: Filters
    limit: int
    cursor: str | None


class Wrong(Exception):
    """The value of a parameter cannot be used; the message says what can."""


def finding_names(ruleset: Ruleset) -> tuple[str, ...]:
    """The names of all findings that a ruleset can make, sorted."""
    return tuple(sorted({rule.then.name for rule in ruleset.rules if rule.then.kind == "finding"}))


def query_of(given: Mapping[str, str], ruleset: Ruleset, *, mine: str | None) -> Query:
    """What the parameters ask for; `mine` restricts it to one principal's. Raises UnacceptableRequest."""
    read: dict[str, Callable[[str], object]] = {
        "outcome": lambda value: one_of(value, ruleset.texts["outcomes"]),
        "generation": lambda value: one_of(value, ruleset.generations),
        "finding": lambda value: one_of(value, finding_names(ruleset)),
        "entity_reference": _text,
        "requested_by": _text,
        "from": moment,
        "to": moment,
        "review": lambda value: one_of(value, REVIEWS if mine is None else _SEEN_BY_ALL),
        "limit": page_size,
        "cursor": _cursor,
    }
    values = read_values(given, read)
    filters = Filters(
        outcome=cast("str | None", values.get("outcome")),
        generation=cast("str | None", values.get("generation")),
        finding=cast("str | None", values.get("finding")),
        entity_reference=cast("str | None", values.get("entity_reference")),
        requested_by=cast("str | None", values.get("requested_by")),
        from_=cast("datetime | None", values.get("from")),
        to=cast("datetime | None", values.get("to")),
        review=cast("Review | None", values.get("review")),
        mine=mine,
    )
    return Query(
        filters,
        limit=cast("int", values.get("limit", DEFAULT_LIMIT)),
        cursor=cast("str | None", values.get("cursor")),
    )


def read_values(given: Mapping[str, str], read: Mapping[str, Callable[[str], object]]) -> dict[str, object]:
    """The values of parameters, by functions that raise Wrong. Raises UnacceptableRequest for all of them."""
    values: dict[str, object] = {}
    faults = []
    for name, value in given.items():
        try:
            values[name] = read[name](value)
        except Wrong as wrong:
            faults.append(parameter_fault(name, str(wrong)))
    if faults:
        raise UnacceptableRequest(faults)
    return values


def one_of(value: str, allowed: Iterable[str]) -> str:
    """One of these names. Raises Wrong."""
    names = tuple(allowed)
    if value in names:
        return value
    remedy = near(value[:100], names)
    if not remedy or len(names) <= _LONGEST_LISTING:
        listed = ", ".join(f"`{name}`" for name in names[:_LONGEST_LISTING])
        remedy = f"use one of {listed}" + (" and others" if len(names) > _LONGEST_LISTING else "")
    raise Wrong(f"{shown(value)} is not allowed here: {remedy}")


def _text(value: str) -> str:
    if not value.strip() or len(value) > LONGEST_TEXT or "\0" in value:
        raise Wrong(f"{shown(value)} cannot be looked for: give a text of 1 to {LONGEST_TEXT} characters")
    return value


def moment(value: str) -> datetime:
    """A time with its zone, in UTC. Raises Wrong."""
    if _MOMENT.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):  # a day or hour that does not exist, or is out of bounds in UTC
            pass
    wanted = "give date, time and zone as in `2026-11-24T21:00:00Z` (write `+` as `%2B`)"
    raise Wrong(f"{shown(value)} is no time: {wanted}")


def page_size(value: str) -> int:
    """How many entries a page has at most. Raises Wrong."""
    if not (value.isascii() and value.isdigit() and len(value) <= len(str(LARGEST_LIMIT))):
        raise Wrong(f"{shown(value)} is no limit: give a whole number from 1 to {LARGEST_LIMIT}")
    if not 1 <= int(value) <= LARGEST_LIMIT:
        raise Wrong(f"`{int(value)}` is out of bounds: give a whole number from 1 to {LARGEST_LIMIT}")
    return int(value)


def _cursor(value: str) -> str:
    if not _CURSOR.fullmatch(value):
        raise Wrong(f"{shown(value)} is no cursor: take `next` of the page before")
    return value
