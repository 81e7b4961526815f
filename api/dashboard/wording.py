"""How pages say things: times, numbers, codes in words. Filters and names for templates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson
from markupsafe import Markup

from eligibility.canonical import timestamp


class Outcome(NamedTuple):
    """How an outcome is shown: a word, a shape beside it, so that no colour is needed, and a sentence."""

    word: str
    shape: str
    sentence: str


OUTCOMES: Final[Mapping[str, Outcome]] = {
    "permitted": Outcome("Permitted", "●", "This use is permitted."),
    "prohibited": Outcome("Prohibited", "■", "This use is prohibited."),
    "contact_meta": Outcome("Contact Meta", "▲", "This use has to be agreed with Meta first."),
}

STATES: Final[Mapping[str, str]] = {
    "open": "Open",
    "waiting": "Waiting for the applicant",
    "proposed": "Waiting for a second person",
    "closed": "Closed",
}
CAUSES: Final[Mapping[str, str]] = {
    "contact": "Needs a person",
    "disputed": "Disputed",
    "sampled": "Sampled for quality",
}
CONTACT_REASONS: Final[Mapping[str, str]] = {
    "separate_licence": "A separate licence is needed",
    "case_by_case": "Considered case by case",
    "clarification": "Terms or facts leave it open",
}
_MINUTE: Final = timedelta(minutes=1)
_UNITS: Final = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (_MINUTE, "minute"))


def when(at: datetime | str | None) -> Markup:
    """A time as people read it, in UTC, and as machines do."""
    if at is None:
        return Markup('<span class="none">–</span>')
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    moment = moment.astimezone(UTC)
    words = f"{moment.day} {moment:%b %Y, %H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(timestamp(moment), words)


def day(at: datetime | str) -> Markup:
    """A day, in UTC."""
    moment = (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        f"{moment:%Y-%m-%d}", f"{moment.day} {moment:%b %Y}"
    )


def distance(at: datetime | str, now: datetime | None = None) -> str:
    """How long ago a time is, or in how long, in its largest unit."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    away = moment - (now or datetime.now(UTC))
    span = duration(abs(away))
    if abs(away) < _MINUTE:
        return "now"
    return f"in {span}" if away > timedelta(0) else f"{span} ago"


def duration(span: timedelta) -> str:
    """A span of time in its largest unit, such as `3 days`."""
    for unit, name in _UNITS:
        if span >= unit:
            return counted(span // unit, name)
    return "less than a minute"


def counted(number: int, thing: str, things: str | None = None) -> str:
    """A number of things, such as `1 case` or `2,000 cases`."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def number(value: int) -> str:
    """A whole number with its thousands set apart."""
    return f"{value:,}"


def plain(code: str) -> str:
    """A code as words, where there are no better ones: `end_user` is `end user`."""
    return code.replace("_", " ").replace("-", " ")


def short(identifier: object) -> str:
    """The end of an id, which tells ids of the same time apart; or the start of a digest."""
    text = str(identifier)
    return text.removeprefix("sha256:")[:12] if text.startswith("sha256:") else "…" + text[-8:]


# Lists of decisions, the audit page, keys and people
FOUND_IN: Final = defaultdict(
    str,
    {
        "decision": "the request",
        "batch.started": "the name of its file",
        "batch.slice": "lines that were refused",
        "precedent.made": "a precedent of it",
        "review.comment": "a comment",
        "review.attach": "a file’s name or text",
        "review.confirm": "its confirmation",
        "review.override": "a proposal to override",
        "review.agree": "an agreement to override",
        "review.decline": "a proposal that was declined",
        "review.withdraw": "a proposal that was withdrawn",
        "review.ask": "a question to the applicant",
        "review.answer": "an answer of the applicant",
        "review.dispute": "a dispute",
    },
)
ACTS: Final = defaultdict(
    str,
    {
        "access": "looked",
        "batch.cancelled": "cancelled a batch",
        "batch.failed": "a batch failed",
        "batch.finished": "finished a batch",
        "batch.slice": "decided a part of a batch",
        "batch.started": "began a batch",
        "erasure": "erased texts",
        "export": "exported records",
        "hold.released": "released a legal hold",
        "hold.set": "set a legal hold",
        "key.created": "made a key",
        "key.genesis": "made the log’s first key",
        "key.revoked": "revoked a key",
        "key.rotated": "rotated the log’s key",
        "partition.made": "made room for a month",
        "precedent.ended": "ended a precedent",
        "precedent.made": "made a precedent",
        "principal.created": "entered somebody",
        "retention": "dropped what is no longer kept",
        "review.agree": "agreed to another outcome",
        "review.answer": "noted an answer",
        "review.ask": "asked the applicant",
        "review.attach": "attached a file",
        "review.comment": "commented",
        "review.confirm": "confirmed a decision",
        "review.decline": "declined another outcome",
        "review.dispute": "disputed a decision",
        "review.override": "proposed another outcome",
        "review.withdraw": "withdrew another outcome",
        "reviews.set": "said what is reviewed",
        "ruleset.activated": "put a policy in force",
        "ruleset.approved": "approved a policy",
        "ruleset.checked": "checked a policy",
        "ruleset.loaded": "loaded a policy",
        "ruleset.proposed": "proposed a policy",
        "ruleset.scheduled": "scheduled a policy",
        "ruleset.signed_off": "signed off what a policy changes",
        "ruleset.source": "changed the files of a policy",
        "ruleset.unscheduled": "took a policy off schedule",
        "ruleset.withdrawn": "withdrew a policy",
    },
)
_LONGEST_TOLD: Final = 300
REVIEW_KINDS: Final = tuple(kind for kind in ACTS if kind.startswith("review."))
REVIEW_STATES: Final[Mapping[str, str]] = {"none": "Needs none", **STATES}


def outcome_choices(outcomes: Mapping[str, Outcome]) -> list[tuple[str, str]]:
    """Outcomes to choose from."""
    return [(name, outcome.word) for name, outcome in outcomes.items()]


def review_states(states: Iterable[str]) -> list[tuple[str, str]]:
    """States of reviews to choose from."""
    return [(state, REVIEW_STATES[state]) for state in states]


def kinds_of_acts(kinds: Iterable[str]) -> list[tuple[str, str]]:
    """Kinds of records to choose from, in words where there are any."""
    return [(kind, f"{ACTS[kind]} ({kind})" if ACTS[kind] else kind) for kind in kinds]


def told(value: object) -> str:
    """A value of a record, as far as a list has room; digests by their start."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    if text.startswith("sha256:"):
        return short(text)
    return text if len(text) <= _LONGEST_TOLD else text[:_LONGEST_TOLD] + "…"


def same(names: Iterable[str]) -> list[tuple[str, str]]:
    """Names to choose from that are shown as they are."""
    return [(name, name) for name in names]


FILTERS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "when": when,
        "day": day,
        "distance": distance,
        "duration": duration,
        "counted": counted,
        "number": number,
        "plain": plain,
        "short": short,
        "outcome_choices": outcome_choices,
        "review_states": review_states,
        "same": same,
        "told": told,
        "kinds_of_acts": kinds_of_acts,
    }
)
GLOBALS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "OUTCOMES": OUTCOMES,
        "STATES": STATES,
        "CAUSES": CAUSES,
        "CONTACT_REASONS": CONTACT_REASONS,
        "FOUND_IN": FOUND_IN,
        "ACTS": ACTS,
        "REVIEW_KINDS": REVIEW_KINDS,
    }
)
