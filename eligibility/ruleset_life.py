"""The life of a ruleset: draft, proposed, approved, in force, retired; and what each step needs.

The database holds to the same rules by itself (`migrations`, `move_ruleset`); here they are said in words,
before anything is tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any as Anything
from typing import Final, Literal
from uuid import UUID

from eligibility.ruleset import SEMANTICS

State = Literal["draft", "proposed", "approved", "scheduled", "in_force", "retired"]
Move = Literal["proposed", "approved", "withdrawn", "scheduled", "unscheduled", "activated"]

CHECKS: Final = ("load", "tests", "proof", "difference")
"""The checks that a ruleset must pass against the one in force before it can be approved."""

IMPACT: Final = "impact"
"""Its impact: kept as a check, whose groups have to be signed off."""

PROPOSING: Final = frozenset({"reviewer", "approver", "admin"})
"""The roles that may load, check, sign off, propose and withdraw."""

APPROVING: Final = frozenset({"approver", "admin"})
"""The roles that may approve, and put in force."""

_STATES: Final[Mapping[str, State]] = {
    "loaded": "draft",
    "withdrawn": "draft",
    "proposed": "proposed",
    "approved": "approved",
    "unscheduled": "approved",
    "scheduled": "scheduled",
    "activated": "in_force",
    "retired": "retired",
}
_ORIGINS: Final[Mapping[Move, tuple[State, ...]]] = {
    "proposed": ("draft", "retired"),
    "approved": ("proposed",),
    "withdrawn": ("proposed", "approved", "scheduled"),
    "scheduled": ("approved",),
    "unscheduled": ("scheduled",),
    "activated": ("approved",),
}
_DOING: Final[Mapping[Move, str]] = {
    "proposed": "propose",
    "approved": "approve",
    "withdrawn": "withdraw",
    "scheduled": "set a date for",
    "unscheduled": "cancel the date of",
    "activated": "put in force",
}
_SAID: Final[Mapping[State, str]] = {
    "draft": "a draft",
    "proposed": "proposed",
    "approved": "approved",
    "scheduled": "due to be put in force at its date",
    "in_force": "in force",
    "retired": "retired",
}
_NEXT: Final[Mapping[State, str]] = {
    "draft": "propose it first",
    "proposed": "let another person approve it first, or withdraw it",
    "approved": "put it in force, or withdraw it",
    "scheduled": "cancel the date first, or withdraw it",
    "in_force": "put another ruleset in force instead",
    "retired": "propose it again first",
}


@dataclass(frozen=True)
class Actor:
    """Who acts: a principal's id or `system`, of which kind, and over which channel."""

    principal: str
    kind: Literal["person", "system"]
    channel: str


@dataclass(frozen=True)
class Step:
    """A step that was taken; `number` orders the steps of all rulesets. `by` is a name, if it is known."""

    number: int
    step: str
    actor: str
    by: str | None
    at: datetime
    due: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Checked:
    """What came of a check: its report is canonical JSON, with a `summary`. `facts` say what it was about."""

    kind: str
    passed: bool
    report: Mapping[str, Anything]
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """The latest check of a kind: whether it was passed against a ruleset, and its report."""

    id: UUID
    kind: str
    against: str
    passed: bool
    at: datetime
    by: str | None
    report: Mapping[str, Anything]


@dataclass(frozen=True)
class SignOff:
    """A group of the impact that somebody has signed off."""

    group: str
    by: str | None
    at: datetime
    reason: str | None


@dataclass(frozen=True)
class Life:
    """All that is known of one ruleset. `loaded_by` is a name; `source` is the newest source's record."""

    digest: str
    version: str
    semantics: int | None
    loaded_at: datetime
    loaded_by: str
    in_force: str | None
    last_activation: int
    steps: tuple[Step, ...]
    checks: Mapping[str, Check]
    sign_offs: tuple[SignOff, ...]
    source: UUID | None

    @property
    def state(self) -> State:
        """Where it stands."""
        return state_of(self.digest, self.in_force, self.steps[-1].step if self.steps else None)

    @property
    def due(self) -> datetime | None:
        """When it is to be put in force, if that is set."""
        return self.steps[-1].due if self.steps else None

    @property
    def was_in_force(self) -> bool:
        """Whether it ever was: then going back to it takes two people, and nothing else."""
        return any(step.step == "activated" for step in self.steps)

    def last(self, step: str) -> Step | None:
        """The last step of that name."""
        return next((each for each in reversed(self.steps) if each.step == step), None)

    @property
    def unsigned(self) -> tuple[str, ...]:
        """The groups of the latest impact that nobody has signed off."""
        impact = self.checks.get(IMPACT)
        signed = {each.group for each in self.sign_offs}
        groups = impact.report.get("groups", ()) if impact else ()
        return tuple(group["id"] for group in groups if group["id"] not in signed)


def state_of(digest: str, in_force: str | None, last_step: str | None) -> State:
    """The state of a ruleset whose last step is given; the log's head has the last word."""
    if digest == in_force:
        return "in_force"
    return _STATES[last_step] if last_step is not None else "draft"


def lacking(life: Life) -> Iterator[str]:
    """What has to be done before the ruleset can be approved, or what was approved be put in force."""
    if life.was_in_force:
        approval = life.last("approved")
        if life.state in {"approved", "scheduled"} and approval and approval.number < life.last_activation:
            yield "another ruleset was put in force since it was approved: withdraw it and propose it again"
        return
    yield from _unchecked(life)
    impact = life.checks.get(IMPACT)
    if impact is None:
        yield "its impact was not computed: compute it over a period of decisions"
    elif not impact.passed:
        yield "its impact could not be computed: see its report"
    elif impact.against != life.in_force:
        yield "its impact was computed against another ruleset than the one in force: compute it again"
    elif life.unsigned:
        total = len(impact.report["groups"])
        yield f"{len(life.unsigned)} of the {total} groups of its impact are not signed off: sign them off"


def _unchecked(life: Life) -> Iterator[str]:
    for kind in CHECKS:
        check = life.checks.get(kind)
        if check is None:
            yield f"its check `{kind}` was not made: run its checks"
        elif not check.passed:
            yield f"its check `{kind}` was not passed: see its report, and load a corrected ruleset"
        elif check.against != life.in_force:
            yield f"its check `{kind}` was made against another ruleset than the one in force: run its checks"
        elif life.source is not None and check.id < life.source:
            yield f"its check `{kind}` is older than its files: run its checks"


def refusal(life: Life, move: Move, actor: Actor) -> str | None:
    """Why somebody cannot take a step now, in a sentence that says what to do; None where they can."""
    state, doing = life.state, _DOING[move]
    at_its_date = move == "activated" and actor.principal == "system"
    if state not in (("scheduled",) if at_its_date else _ORIGINS[move]) or life.in_force is None:
        return f"one cannot {doing} a ruleset that is {_SAID[state]}: {_NEXT[state]}"
    if move in {"proposed", "approved"} and actor.kind != "person":
        return f"only a person can {doing} a ruleset: use a key that was made with `--person`"
    if move not in {"withdrawn", "unscheduled"} and life.semantics != SEMANTICS:
        return (
            f"the ruleset has semantics {life.semantics}, and this release {SEMANTICS}: "
            "load its files again with this release"
        )
    proposal = life.last("proposed")
    if move == "approved" and proposal is not None and proposal.actor == actor.principal:
        return "who proposed a ruleset cannot approve it: let another person do it"
    if move in {"approved", "scheduled", "activated"}:
        lacks = tuple(lacking(life))
        if lacks:
            return f"one cannot {doing} the ruleset yet: {'; '.join(lacks)}"
    return None


def next_step(life: Life) -> tuple[str, str] | None:
    """What comes next, and who may do it; None where nothing has to."""
    proposal = life.last("proposed")
    who = proposal.by if proposal and proposal.by else "who proposed it"
    return {
        "draft": ("proposal", "a person with the role `reviewer`, `approver` or `admin`"),
        "retired": ("proposal", "a person with the role `reviewer`, `approver` or `admin`"),
        "proposed": ("approval", f"a person other than {who}, with the role `approver` or `admin`"),
        "approved": ("activation", "anybody with the role `approver` or `admin`"),
        "scheduled": ("activation", "the service itself, at the date"),
    }.get(life.state)
