"""How pages say things: times, numbers, codes in words. Filters and names for templates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple

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
# of the queue and of reviews
ACTS: Final[Mapping[str, str]] = {
    "confirm": "Confirm the outcome",
    "override": "Propose another outcome",
    "agree": "Agree",
    "decline": "Decline",
    "withdraw": "Withdraw the proposal",
    "ask": "Ask the applicant",
    "answer": "Note the answer",
    "comment": "Comment",
    "attach": "Attach a file",
    "dispute": "Dispute",
}
"""What can be done with a case, by the kind of step."""
ACTED: Final[Mapping[str, str]] = {
    "confirm": "Confirmed the outcome",
    "override": "Proposed another outcome",
    "agree": "Agreed to the other outcome",
    "decline": "Declined the other outcome",
    "withdraw": "Withdrew the proposal",
    "ask": "Asked the applicant",
    "answer": "Noted the answer",
    "comment": "Commented",
    "attach": "Attached a file",
    "dispute": "Disputed the decision",
}
"""What was done with a case, by the kind of step."""
COUNTS: Final[Mapping[str, str]] = {
    "open": "open",
    "waiting": "waiting for the applicant",
    "proposed": "waiting for a second person",
    "overdue": "overdue",
}
CHANGES: Final[Mapping[str, str]] = {
    "ruleset.activated": "Policy {version} was put in force",
    "ruleset.proposed": "Policy {version} was proposed",
    "ruleset.scheduled": "Policy {version} was given a day to come into force",
    "ruleset.unscheduled": "The day of policy {version} was called off",
    "review.agree": "Another outcome came into force",
    "precedent.made": "A precedent was made",
    "precedent.ended": "A precedent was ended",
    "reviews.set": "What is asked of reviews was set",
    "key.rotated": "The key that signs the log was changed",
    "erasure": "Texts were erased",
    "export": "Records were exported",
    "retention": "Records were dropped at the end of their time",
}
PRECEDENT_STATES: Final[Mapping[str, str]] = {
    "active": "Active",
    "expired": "Expired",
    "ended": "Ended",
    "lapsed": "The override is no longer in force",
}

# rules and rulesets
RULE_EFFECTS: Final[Mapping[str, str]] = {
    "prohibits": "Prohibits",
    "contact": "Leaves it to Meta",
    "exempts": "Exempts",
    "note": "Notes",
    "obligation": "Obliges",
    "derive": "Derives a fact",
    "licensor": "Names the licensor",
    "outcome": "Gives the outcome",
}
STANDINGS: Final[Mapping[str, str]] = {
    "encoded": "Encoded",
    "informational": "Informational",
    "people": "Left to people",
}
RULESET_STATES: Final[Mapping[str, str]] = {
    "draft": "Draft",
    "proposed": "Proposed",
    "approved": "Approved",
    "scheduled": "Due at its date",
    "in_force": "In force",
    "retired": "Retired",
}
RULESET_STEPS: Final[Mapping[str, str]] = {
    "loaded": "Loaded",
    "proposed": "Proposed",
    "approved": "Approved",
    "withdrawn": "Withdrawn: a draft again",
    "scheduled": "Given a date",
    "unscheduled": "Date cancelled",
    "activated": "Put in force",
    "retired": "Retired",
}
RULESET_CHECKS: Final[Mapping[str, str]] = {
    "load": "The files load",
    "tests": "The cases come out as they say",
    "proof": "The laws of the policy are proved",
    "difference": "The differences are worked out",
    "impact": "The impact is computed",
}
# of a decision: what was done with it, what its findings do, what became of its obligations
EVENTS: Final[Mapping[str, str]] = {
    "decision": "Asked for it",
    "access": "Looked at it",
    "export": "Exported it, with others",
    "erasure": "Erased its private texts",
    "precedent.made": "Made a precedent of it",
    "review.confirm": "Confirmed the outcome",
    "review.override": "Proposed another outcome",
    "review.agree": "Agreed to another outcome",
    "review.decline": "Declined another outcome",
    "review.withdraw": "Withdrew the proposal",
    "review.ask": "Asked the applicant",
    "review.answer": "Noted an answer",
    "review.comment": "Commented",
    "review.attach": "Attached a file",
    "review.dispute": "Disputed it",
}
CHANNELS: Final[Mapping[str, str]] = {
    "http": "through the API",
    "dashboard": "on these pages",
    "batch": "by a batch",
    "cli": "by a command",
    "system": "by itself",
}
EFFECTS: Final[Mapping[str, str]] = {
    "prohibits": "Prohibits the use",
    "contact": "Leaves the answer to Meta",
    "exempts": "Exempts from a clause",
    "note": "To be noted",
}
STATUSES: Final[Mapping[str, str]] = {
    "met": "● Met",
    "unmet": "■ Not met",
    "unknown": "▲ Not known",
}
VERDICTS: Final[Mapping[str, str]] = {
    "integrity": "What is there is as it was written",
    "completeness": "Nothing is missing, and nothing was added",
    "authenticity": "It was written by the holders of the log’s keys",
    "meaning": "The recorded rules lead from the recorded facts to the recorded decision",
}

BATCH_STATES: Final[Mapping[str, str]] = {
    "running": "Running",
    "done": "Done",
    "cancelled": "Cancelled",
    "failed": "Failed",
}
FORMATS: Final[Mapping[str, str]] = {"jsonl": "JSON lines", "csv": "CSV", "parquet": "Parquet"}
_MINUTE: Final = timedelta(minutes=1)
_UNITS: Final = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (_MINUTE, "minute"))


def when(at: datetime | str | None) -> Markup:
    """A time as people read it, in UTC, and as machines do."""
    if at is None:
        return Markup('<span class="none">–</span>')
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return Markup('<time datetime="{}">{}</time>').format(
        timestamp(moment.astimezone(UTC)), written_time(moment)
    )


def written_time(moment: datetime) -> str:
    """A time as people read it, in UTC."""
    moment = moment.astimezone(UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def clock(at: datetime | str) -> Markup:
    """A time of day, in UTC, of what happens within hours."""
    moment = (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(UTC)
    return Markup('<time datetime="{}">{:%H:%M} UTC</time>').format(timestamp(moment), moment)


def age(at: datetime | str) -> Markup:
    """How long ago a time is, as `3 days`."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return Markup('<time datetime="{}">{}</time>').format(
        timestamp(moment), duration(datetime.now(UTC) - moment)
    )


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


def deadline(case: Mapping[str, Any], now: datetime | None = None) -> str:
    """By when a case should be closed, from here: `in 3 days`, `overdue by 2 hours`, or that it is paused."""
    if case["due"] is None or case["state"] == "closed":
        return "no deadline"
    due = datetime.fromisoformat(case["due"])
    if case["paused_at"] is None:
        away = due - (now or datetime.now(UTC))
        return f"in {duration(away)}" if away > timedelta(0) else f"overdue by {duration(-away)}"
    left = due - datetime.fromisoformat(case["paused_at"])
    if left <= timedelta(0):
        return f"paused, overdue by {duration(-left)}"
    return f"paused with {duration(left)} left"


def sentence(words: str) -> str:
    """Words as a sentence: with a capital at the start, and a full stop."""
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")


def file_size(size: int) -> str:
    """A number of bytes as people read it."""
    for unit, bytes_of in (("MB", 1024 * 1024), ("kB", 1024)):
        if size >= bytes_of:
            return f"{size / bytes_of:.1f} {unit}"
    return counted(size, "byte")


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


_ABBREVIATIONS: Final = {"itar", "mau", "eu", "ip"}


def plain(code: str) -> str:
    """A code as words, where there are no better ones: `end_user` is `end user`."""
    words = code.replace("_", " ").replace("-", " ").split(" ")
    return " ".join(word.upper() if word in _ABBREVIATIONS else word for word in words)


def short(identifier: object) -> str:
    """The end of an id, which tells ids of the same time apart; or the start of a digest."""
    text = str(identifier)
    return text.removeprefix("sha256:")[:12] if text.startswith("sha256:") else "…" + text[-8:]


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
        "clock": clock,
        "age": age,
        "deadline": deadline,
        "sentence": sentence,
        "file_size": file_size,
    }
)
GLOBALS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "OUTCOMES": OUTCOMES,
        "STATES": STATES,
        "CAUSES": CAUSES,
        "CONTACT_REASONS": CONTACT_REASONS,
        "ACTS": ACTS,
        "ACTED": ACTED,
        "COUNTS": COUNTS,
        "PRECEDENT_STATES": PRECEDENT_STATES,
        "RULE_EFFECTS": RULE_EFFECTS,
        "STANDINGS": STANDINGS,
        "RULESET_STATES": RULESET_STATES,
        "RULESET_STEPS": RULESET_STEPS,
        "RULESET_CHECKS": RULESET_CHECKS,
        "EVENTS": EVENTS,
        "CHANNELS": CHANNELS,
        "EFFECTS": EFFECTS,
        "STATUSES": STATUSES,
        "VERDICTS": VERDICTS,
        "BATCH_STATES": BATCH_STATES,
        "FORMATS": FORMATS,
    }
)
