"""What a search is for, in the words of the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import orjson

from eligibility.backlog.ids import MOST_ROWS, ids_of
from eligibility.recording import moment_of
from eligibility.storage.packing import FACTS_IN_SQL
from eligibility.storage.records import hash_bytes
from eligibility.storage.search_parts import HAS_DECISIONS, marks, marks_of_facts
from eligibility.words import PROBES, Phrase, hashed

State = Literal["none", "open", "waiting", "proposed", "closed"]


@dataclass(frozen=True)
class Sought:
    """What is looked for; None is anything. `since` is included, `until` is not. `state` is of the review.

    `facts` are some of a decision's, nested as they are given; lists have what theirs has at least.
    """

    phrases: tuple[Phrase, ...] = ()
    outcome: str | None = None
    in_force: str | None = None
    generation: str | None = None
    finding: str | None = None
    ruleset: str | None = None
    actor: UUID | None = None
    channel: str | None = None
    batch: UUID | None = None
    state: State | None = None
    since: datetime | None = None
    until: datetime | None = None
    facts: Mapping[str, Any] | None = None


class Conditions(NamedTuple):
    """What is asked of a decision, in SQL: joins to its row `r`, conditions, and the values in them."""

    joins: str
    where: tuple[str, ...]
    values: Mapping[str, object]


class _Asked(NamedTuple):
    condition: str
    join: str = ""


_EVALUATION: Final = "JOIN evaluation e ON e.key = r.evaluation_key"
_CASE: Final = "LEFT JOIN review_case c ON c.decision = r.id"
_ASKED: Final[Mapping[str, _Asked]] = {
    "outcome": _Asked("r.outcome = :outcome"),
    "generation": _Asked("r.generation = :generation"),
    "actor": _Asked("r.actor = :actor"),
    "channel": _Asked("r.channel = :channel"),
    "since": _Asked("r.at >= :since"),
    "until": _Asked("r.at < :until"),
    "batch": _Asked("r.id BETWEEN :first_of_batch AND :last_of_batch"),
    "finding": _Asked("e.findings @> ARRAY[:finding]::text[]", _EVALUATION),
    "ruleset": _Asked("e.ruleset = :ruleset", _EVALUATION),
    "state": _Asked("coalesce(c.state, 'none') = :state", _CASE),
    "in_force": _Asked("coalesce(c.outcome_in_force, r.outcome) = :in_force", _CASE),
    "facts": _Asked(f"{FACTS_IN_SQL} @> CAST(:facts AS jsonb)"),
}


def conditions(sought: Sought) -> Conditions:
    """What is asked of a decision, but for its texts."""
    values: dict[str, Any] = {
        name: getattr(sought, name) for name in _ASKED if getattr(sought, name) is not None
    }
    asked = [_ASKED[name] for name in values]
    if sought.batch is not None:
        ids = ids_of(values.pop("batch"))
        values |= {"first_of_batch": ids.first, "last_of_batch": ids.of(MOST_ROWS - 1)}
    if sought.ruleset is not None:
        values["ruleset"] = hash_bytes(sought.ruleset)
    if sought.facts is not None:
        values["facts"] = orjson.dumps(sought.facts).decode()
    joins = dict.fromkeys(each.join for each in asked)
    return Conditions(" ".join(joins), tuple(each.condition for each in asked), values)


def few_cases(sought: Sought) -> str | None:
    """What is asked of cases `c`, in SQL, where it is seldom so; the values are those of `conditions`."""
    if sought.state in {"waiting", "proposed"}:
        return f"c.state = '{sought.state}'"  # so that the index of these states is seen to do
    if None not in {sought.in_force, sought.outcome} and sought.in_force != sought.outcome:
        return "c.outcome_in_force = :in_force AND c.outcome = :outcome AND c.outcome_in_force <> c.outcome"
    return None


def period(sought: Sought) -> tuple[datetime | None, datetime | None]:
    """From when, and until before when, it was decided: all decisions of a batch have one time."""
    if sought.batch is None:
        return sought.since, sought.until
    began = moment_of(sought.batch)
    return began, began + timedelta(milliseconds=1)


def filter_tests(sought: Sought) -> str:
    """What the filter of a part `s` must have, in SQL."""
    wanted = [
        *([] if sought.phrases else [HAS_DECISIONS]),
        *(word for phrase in sought.phrases for word in phrase),
        *marks(outcome=sought.outcome, generation=sought.generation, finding=sought.finding),
        *marks(actor=sought.actor, channel=sought.channel, ruleset=sought.ruleset),
        *marks_of_facts(sought.facts or {}),
    ]
    return " AND ".join(_bits(word) for word in dict.fromkeys(wanted)) or "true"


def _bits(word: str) -> str:
    first, step = hashed(word)
    places = (f"(({first + probe * step}) % (8::bigint * octet_length(s.words)))" for probe in range(PROBES))
    return " AND ".join(
        f"(get_byte(substr(s.words, ({place} >> 3)::int + 1, 1), 0) >> ({place} & 7)::int) & 1 = 1"
        for place in places
    )
