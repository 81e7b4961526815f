"""The page of a ruleset: where it stands, what was checked, what it changes, and what can be done now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from litestar import Request

from api.answers import Answer
from api.dashboard.pages import page
from api.dashboard.rule_words import RULES, titles
from api.dashboard.ruleset_differences import Differences, Told
from api.dashboard.ruleset_groups import Group, Groups
from api.dashboard.sessions import PATH, actor_of, caller_of
from api.rulesets import checks_of, impact_of
from api.service import Service, service_of
from eligibility.errors import Fault
from eligibility.ruleset import Ruleset
from eligibility.ruleset_life import (
    APPROVING,
    CHECKS,
    IMPACT,
    PROPOSING,
    Check,
    Life,
    Move,
    lacking,
    next_step,
    refusal,
)
from eligibility.ruleset_telling import impact_document
from eligibility.scalars import LONGEST_DESCRIPTION
from eligibility.storage.ruleset_life import Listed, life, listed

RULESETS: Final = f"{PATH}/rulesets"
HERE: Final = f"{RULES}/versions"
"""Where these pages are in the navigation: below the rules."""

NOTICES: Final[Mapping[str, str]] = {
    "loaded": "The draft is kept. Next, run its checks.",
    "known": "The same ruleset with the same files was there already: this is it.",
    "checks": "The checks have begun. Their results appear here.",
    "impact": "The impact is being computed. It appears here.",
    "signed": "The group is signed off.",
    "proposal": "The ruleset is proposed. Another person has to approve it.",
    "withdrawal": "The ruleset is a draft again.",
    "approval": "The ruleset is approved. It can be put in force.",
    "activation": "The ruleset is in force.",
    "schedule": "The ruleset will be put in force at that date.",
    "cancellation": "The date is cancelled.",
}


@dataclass(frozen=True)
class Act:
    """Something that a person may do with a ruleset: the last part of its address, and how it is said."""

    name: str
    move: Move
    title: str
    button: str
    roles: frozenset[str]


ACTS: Final = (
    Act("proposal", "proposed", "Propose it", "Propose", PROPOSING),
    Act("approval", "approved", "Approve it", "Approve", APPROVING),
    Act("activation", "activated", "Put it in force now", "Put in force", APPROVING),
    Act("schedule", "scheduled", "Put it in force at a date", "Set the date", APPROVING),
    Act("cancellation", "unscheduled", "Cancel the date", "Cancel the date", APPROVING),
    Act("withdrawal", "withdrawn", "Withdraw it", "Withdraw", PROPOSING),
)


@dataclass(frozen=True)
class Result:
    """A check as it stands: how it is told, and the check itself where it was made."""

    kind: str
    said: str
    check: Check | None


async def ruleset_page(
    request: Request[Any, Any, Any],
    digest: str,
    *,
    status: int = HTTPStatus.OK,
    faults: tuple[Fault, ...] = (),
    typed: Mapping[str, str] | None = None,
) -> Answer:
    """The page. `faults` and what was `typed` are of a form on it that was sent and not taken.

    Raises NotFound, StorageUnavailable.
    """
    service = service_of(request)
    found, every = await life(service.database, digest), await listed(service.database)
    difference, impact = found.checks.get("difference"), found.checks.get(IMPACT)
    new, in_force = await service.ruleset(digest), service.in_force.decider.ruleset
    told = None if impact is None else impact_document(found, impact)
    role = caller_of(request).role
    runs = _running(service, digest)
    actor = actor_of(request)
    acts = [act for act in ACTS if role in act.roles and refusal(found, act.move, actor) is None]
    return page(
        request,
        "ruleset.html",
        status=status,
        notices=NOTICES,
        faults=faults,
        typed=typed or {},
        life=found,
        known={each.digest: each for each in every},
        former=_former(every) if found.state == "in_force" else None,
        number=found.steps[-1].number if found.steps else 0,
        results=list(_results(found)),
        difference=await _differences(service, new, difference),
        impact=told,
        impact_id=None if impact is None else str(impact.id),
        groups=await _groups(service, new, impact, told),
        titles=titles(in_force, new),
        linked={rule.id for rule in in_force.rules},
        here=HERE,
        next=next_step(found),
        lacking=list(lacking(found)) if found.state in {"proposed", "approved", "scheduled"} else [],
        acts=acts,
        unsent=_unsent(typed or {}, acts, found),
        refused=_refused(found, request),
        may_check=role in PROPOSING and found.state != "in_force" and found.source is not None,
        runs=runs,
        period=_period(typed or {}),
        longest=LONGEST_DESCRIPTION,
    )


async def _differences(service: Service, new: Ruleset, check: Check | None) -> Told | None:
    if check is None:
        return None
    return Differences(await service.ruleset(check.against), new).told(check.report)


async def _groups(
    service: Service, new: Ruleset, check: Check | None, told: Mapping[str, Any] | None
) -> list[tuple[Any, Group]]:
    """The groups of an impact, each as it was computed and in words."""
    if check is None or told is None:
        return []
    groups = Groups(await service.ruleset(check.against), new)
    return [(each, groups.told(each)) for each in told["groups"]]


def _running(service: Service, digest: str) -> dict[str, bool]:
    """Which jobs of this process go on that are about the ruleset."""
    return {
        "checks": service.jobs.goes_on(checks_of(digest)),
        "impact": service.jobs.goes_on(impact_of(digest)),
    }


def _former(every: tuple[Listed, ...]) -> Listed | None:
    """The ruleset that was in force last before the one that is."""
    retired = [each for each in every if each.state == "retired" and each.since is not None]
    return max(retired, key=lambda each: str(each.since), default=None)


def _results(found: Life) -> Iterator[Result]:
    for kind in CHECKS:
        check = found.checks.get(kind)
        if check is None:
            said = "Not made"
        elif check.against != found.in_force and found.state != "in_force":
            said = "Made against another ruleset"
        elif found.source is not None and check.id < found.source:
            said = "Older than its files"
        else:
            said = "Passed" if check.passed else "Not passed"
        yield Result(kind, said, check)


def _refused(found: Life, request: Request[Any, Any, Any]) -> str | None:
    """Why whoever looks cannot take the next step, where their role would let them."""
    following = next_step(found)
    act = next((act for act in ACTS if following is not None and act.name == following[0]), None)
    if act is None or caller_of(request).role not in act.roles or found.state == "scheduled":
        return None
    return refusal(found, act.move, actor_of(request))


def _unsent(typed: Mapping[str, str], acts: list[Act], found: Life) -> list[str]:
    """What was typed into forms that the page does not have any more."""
    offered = {*(act.name for act in acts), *found.unsigned}
    reasons = {name.removesuffix("-reason"): text for name, text in typed.items() if name.endswith("-reason")}
    return [text for name, text in reasons.items() if text and name not in offered]


def _period(typed: Mapping[str, str]) -> dict[str, str]:
    """The days that the form for an impact is filled in with: the last thirty, unless others were typed."""
    today = datetime.now(UTC).date()
    usual = {"from": (today - timedelta(days=29)).isoformat(), "to": today.isoformat()}
    return {name: typed.get(name, day) for name, day in usual.items()}
