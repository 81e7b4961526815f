"""Reviews: what decisions need a person, the steps that people take with them, and who may take which.

The database holds to the same rules by itself (`migrations`, `move_review`); here they are said in words, and
as a function, by which verification finds what a case must have come to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

Kind = Literal[
    "confirm", "override", "agree", "decline", "withdraw", "ask", "answer", "comment", "attach", "dispute"
]
State = Literal["open", "waiting", "proposed", "closed"]
Cause = Literal["contact", "disputed", "sampled"]
Outcome = Literal["permitted", "prohibited", "contact_meta"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
STATES: Final[tuple[State, ...]] = get_args(State)
CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)
CONTACT_REASONS: Final = ("separate_licence", "case_by_case", "clarification")

ANY_NUMBER: Final[frozenset[Kind]] = frozenset({"comment", "attach", "dispute"})
"""Steps that may be taken on a case that has changed meanwhile, unless a number is named."""

AMONG_US: Final[frozenset[Kind]] = frozenset({"comment", "attach"})
"""Steps that portals are not told of."""

FOR_ALL: Final = ANY_NUMBER | {"agree", "decline"}
"""Steps that may be taken while somebody else holds the case."""

SECOND: Final[frozenset[Kind]] = frozenset({"agree", "decline"})
"""Steps of the second person."""

REVIEWING: Final = frozenset({"reviewer", "approver", "admin"})
"""The roles that may review."""

AGREEING: Final = frozenset({"approver", "admin"})
"""The roles that may agree or decline."""

REASONS: Final[Mapping[Kind, Mapping[str, str]]] = {
    "confirm": {
        "as_decided": "it was decided rightly",
        "facts_checked": "it was decided rightly, and the facts were checked",
        "answered_for": "the licensor, or an agreement with it, says the same",
    },
    "override": {
        "wrong_facts": "the facts were other than those given",
        "rule_misreads": "the rules read the clause otherwise than we do",
        "agreement": "an agreement with the licensor says otherwise",
        "new_evidence": "what has come up since says otherwise",
    },
    "agree": {"agreed": "seen, and agreed", "checked": "checked anew, and agreed"},
    "decline": {
        "not_convinced": "the reasons given do not carry it",
        "facts_wanted": "it takes facts that are not there yet",
    },
    "withdraw": {"mistaken": "it was a mistake", "changed": "something has come up since"},
    "ask": {
        "facts_missing": "facts are missing that the outcome depends on",
        "facts_unclear": "what was given can be understood in several ways",
        "evidence_wanted": "what was given is to be shown",
    },
    "answer": {"answered": "the applicant has answered", "no_answer": "no answer is to be expected"},
    "comment": {"note": "for whoever reads it later", "legal_view": "how we read the clause"},
    "attach": {
        "evidence": "it shows a fact",
        "correspondence": "it was written to or by the applicant or the licensor",
        "agreement": "it is an agreement with the licensor",
    },
    "dispute": {
        "facts_wrong": "the facts were not what was given",
        "outcome_wrong": "the outcome does not follow from the facts",
        "changed": "the facts have changed since",
    },
}
"""The coded reasons that a step can have, with what each says."""

_ORIGINS: Final[Mapping[Kind, tuple[State, ...]]] = {
    "confirm": ("open", "waiting"),
    "override": ("open", "waiting", "closed"),
    "agree": ("proposed",),
    "decline": ("proposed",),
    "withdraw": ("proposed",),
    "ask": ("open",),
    "answer": ("waiting",),
    "comment": STATES,
    "attach": STATES,
    "dispute": STATES,
}
_DOING: Final[Mapping[Kind, str]] = {
    "confirm": "confirm the outcome of",
    "override": "propose another outcome for",
    "agree": "agree to another outcome of",
    "decline": "decline another outcome of",
    "withdraw": "withdraw another outcome of",
    "ask": "ask the applicant about",
    "answer": "note an answer on",
    "comment": "comment on",
    "attach": "attach a file to",
    "dispute": "dispute",
}
_SAID: Final[Mapping[State, str]] = {
    "open": "open: confirm it, propose another outcome, or ask the applicant",
    "waiting": "waiting for the applicant: note the answer, or confirm or override without one",
    "proposed": "one with a proposed outcome: let another person agree or decline, or withdraw the proposal",
    "closed": "closed: dispute it, or propose another outcome",
}


@dataclass(frozen=True)
class Policy:
    """How many per cent of what needs no person are sampled; and calendar days until a case is due."""

    sample_percent: int = 1
    separate_licence: int = 10
    case_by_case: int = 10
    clarification: int = 5
    disputed: int = 5
    sampled: int = 30


@dataclass(frozen=True)
class Decided:
    """What a case follows from: a decision, with its contact reasons."""

    id: UUID
    at: datetime
    channel: str
    generation: str | None
    outcome: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A decision that needs, or needed, a person; `number` counts its steps.

    `holder` is who holds it now, until `held_until`. A decision that nobody had to look at is a closed case
    without causes.
    """

    decision: UUID
    opened_at: datetime
    channel: str
    generation: str | None
    outcome: str
    causes: tuple[str, ...]
    reasons: tuple[str, ...]
    state: State
    number: int
    outcome_in_force: str
    due: datetime | None
    paused_at: datetime | None = None
    proposer: UUID | None = None
    proposed_outcome: str | None = None
    closed_at: datetime | None = None
    holder: UUID | None = None
    held_until: datetime | None = None
    is_overdue: bool = False


@dataclass(frozen=True)
class Step:
    """A step to take, or that was taken at that time: an `outcome` belongs to `override`."""

    kind: Kind
    actor: UUID
    at: datetime
    outcome: str | None = None


def is_sampled(decision: UUID, percent: int) -> bool:
    """Whether a decision is among those looked at for quality: by its id, so that all agree."""
    return int.from_bytes(sha256(decision.bytes).digest()[:4]) * 100 < percent * 2**32


def opening(decided: Decided, policy: Policy) -> Case:
    """The case that a decision opens under what was asked of reviews then."""
    causes: tuple[str, ...] = ()
    days: int | None = None
    if decided.outcome == "contact_meta":
        causes = ("contact",)
        days = min((_days(reason, policy) for reason in decided.reasons), default=policy.clarification)
    elif is_sampled(decided.id, policy.sample_percent):
        causes, days = ("sampled",), policy.sampled
    return Case(
        decision=decided.id,
        opened_at=decided.at,
        channel=decided.channel,
        generation=decided.generation,
        outcome=decided.outcome,
        causes=causes,
        reasons=decided.reasons,
        state="open" if causes else "closed",
        number=0,
        outcome_in_force=decided.outcome,
        due=None if days is None else decided.at + timedelta(days=days),
        closed_at=None if causes else decided.at,
    )


def _days(reason: str, policy: Policy) -> int:
    return {"separate_licence": policy.separate_licence, "case_by_case": policy.case_by_case}.get(
        reason, policy.clarification
    )


def after(case: Case, step: Step, disputed_days: int) -> Case:
    """The case after a step that it takes; a case taken up again, or disputed, has those days at most."""
    due, disputed_until = case.due, step.at + timedelta(days=disputed_days)
    state: State = case.state
    if case.paused_at is not None and due is not None and step.kind in {"answer", "override", "confirm"}:
        due += step.at - case.paused_at
    if case.state == "closed" and step.kind in {"override", "dispute"}:
        due, state = disputed_until, "open"
    causes, in_force = case.causes, case.outcome_in_force
    match step.kind:
        case "confirm" | "agree":
            state, in_force = "closed", case.proposed_outcome or in_force
        case "override":
            state = "proposed"
        case "decline" | "withdraw" | "answer":
            state = "open"
        case "ask":
            state = "waiting"
        case "dispute":
            due = disputed_until if due is None else min(due, disputed_until)
            causes = causes if "disputed" in causes else (*causes, "disputed")
        case _:
            pass
    is_new = step.kind == "override"
    paused_at = step.at if step.kind == "ask" else case.paused_at
    closed_at = step.at if step.kind in {"confirm", "agree"} else case.closed_at
    return replace(
        case,
        causes=causes,
        state=state,
        number=case.number + 1,
        outcome_in_force=in_force,
        due=due,
        paused_at=paused_at if state == "waiting" else None,
        proposer=(step.actor if is_new else case.proposer) if state == "proposed" else None,
        proposed_outcome=(step.outcome if is_new else case.proposed_outcome) if state == "proposed" else None,
        closed_at=closed_at if state == "closed" else None,
    )


def states_of(steps: Sequence[Step], first: Case) -> list[tuple[State, str]]:
    """The state and the outcome in force after each step of a case."""
    found: list[tuple[State, str]] = []
    case = first
    for step in steps:
        case = after(case, step, 1)
        found.append((case.state, case.outcome_in_force))
    return found


def refusal(case: Case, step: Step) -> str | None:
    """Why a person cannot take a step now, in a sentence that says what to do; None where they can."""
    kind = step.kind
    if case.state not in _ORIGINS[kind]:
        return f"one cannot {_DOING[kind]} a decision whose case is {_SAID[case.state]}"
    if case.holder not in {None, step.actor} and kind not in FOR_ALL:
        return "somebody else holds the case: wait until they release it, or ask them to hand it over"
    if kind == "override" and step.outcome in {None, case.outcome_in_force}:
        return "an override needs an outcome other than the one in force: confirm it instead"
    if kind in SECOND and case.proposer == step.actor:
        return (
            "who proposed another outcome cannot agree or decline: let another person do it, or withdraw it"
        )
    if kind == "withdraw" and case.proposer != step.actor:
        return "only who proposed another outcome can withdraw it: decline it instead"
    return None
