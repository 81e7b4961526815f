"""How pages say what stands in the log: kinds of records, where words were found, what to choose from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import orjson

from api.dashboard.wording import STATES, Outcome, short

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
RECORD_KINDS: Final = defaultdict(
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
REVIEW_KINDS: Final = tuple(kind for kind in RECORD_KINDS if kind.startswith("review."))
REVIEW_STATES: Final[Mapping[str, str]] = {"none": "Needs none", **STATES}


def outcome_choices(outcomes: Mapping[str, Outcome]) -> list[tuple[str, str]]:
    """Outcomes to choose from."""
    return [(name, outcome.word) for name, outcome in outcomes.items()]


def review_states(states: Iterable[str]) -> list[tuple[str, str]]:
    """States of reviews to choose from."""
    return [(state, REVIEW_STATES[state]) for state in states]


def kinds_of_acts(kinds: Iterable[str]) -> list[tuple[str, str]]:
    """Kinds of records to choose from, in words where there are any."""
    return [(kind, f"{RECORD_KINDS[kind]} ({kind})" if RECORD_KINDS[kind] else kind) for kind in kinds]


def told(value: object) -> str:
    """A value of a record, as far as a list has room; digests by their start."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    if text.startswith("sha256:"):
        return short(text)
    return text if len(text) <= _LONGEST_TOLD else text[:_LONGEST_TOLD] + "…"


def on_page(note: str) -> str:
    """What a verdict leaves open, with what a page has instead of the options of a command."""
    return note.replace("give `--checkpoint`", "give one below").replace(
        "pin it with `--key`", "give its fingerprint below"
    )


def same(names: Iterable[str]) -> list[tuple[str, str]]:
    """Names to choose from that are shown as they are."""
    return [(name, name) for name in names]


FILTERS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "outcome_choices": outcome_choices,
        "review_states": review_states,
        "same": same,
        "on_page": on_page,
        "told": told,
        "kinds_of_acts": kinds_of_acts,
    }
)
GLOBALS: Final[Mapping[str, Any]] = MappingProxyType(
    {"FOUND_IN": FOUND_IN, "RECORD_KINDS": RECORD_KINDS, "REVIEW_KINDS": REVIEW_KINDS}
)
