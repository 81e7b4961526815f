"""Cases, steps and precedents as callers see them; a portal sees states and outcomes alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from api.service import Service
from eligibility.canonical import timestamp
from eligibility.precedents import Precedent
from eligibility.review import AMONG_US, Case, Step, states_of
from eligibility.storage.decisions import StoredDecision
from eligibility.storage.keys import names_of
from eligibility.storage.reviews import Taken, find_case, steps_of

Document = dict[str, Any]


async def reviews_of(service: Service, stored: StoredDecision, *, own_only: bool) -> Document:
    """What a decision says of its reviews. Raises StorageUnavailable."""
    steps = await steps_of(service.database, stored.id)
    case = await find_case(service.database, stored.id) if steps else None
    if case is None:
        return {"reviews": [], "outcome_in_force": stored.outcome}
    told = review_documents(case, steps)
    if own_only:
        after = _after(case, steps)
        told = [
            {"state": state, "outcome": outcome}
            for step, (state, outcome) in zip(steps, after, strict=True)
            if step.kind not in AMONG_US
        ]
    return {"reviews": told, "outcome_in_force": case.outcome_in_force}


def _after(case: Case, steps: Sequence[Taken]) -> Sequence[tuple[str, str]]:
    opened = any(cause != "disputed" for cause in case.causes)
    first = replace(
        case,
        state="open" if opened else "closed",
        number=0,
        outcome_in_force=case.outcome,
        proposed_outcome=None,
        paused_at=None,
    )
    # a case is not read together with its steps: steps taken in between are told next time
    return states_of([Step(each.kind, each.actor, each.at, each.outcome) for each in steps], first)


def review_documents(case: Case, steps: Sequence[Taken]) -> list[Document]:
    """The steps of a case, oldest first, each with the state of the case after it."""
    after = _after(case, steps)
    return [_review(step, state) for step, (state, _) in zip(steps, after, strict=True)]


def _review(step: Taken, state: str) -> Document:
    attached = None
    if step.kind == "attach":
        attached = {
            "name": step.texts.get("name"),
            "media_type": step.facts["media_type"],
            "size": step.facts["size"],
            "is_kept": step.is_kept,
        }
    return {
        "id": str(step.id),
        "number": step.number,
        "kind": step.kind,
        "outcome": step.outcome,
        "state": state,
        "reason": step.facts["reason"],
        "text": step.text,
        "by": step.by or str(step.actor),
        "at": timestamp(step.at),
        "questions": list(step.facts.get("questions", ())),
        "attachment": attached,
    }


async def case_documents(service: Service, cases: Sequence[Case]) -> list[Document]:
    """Cases as they are listed. Raises StorageUnavailable."""
    people = {who for case in cases for who in (case.holder, case.proposer) if who is not None}
    names = await names_of(service.database, people) if people else {}
    return [case_document(case, names) for case in cases]


def case_document(case: Case, names: dict[UUID, str]) -> Document:
    """A case as it is listed, with the names of those who are in it."""
    return {
        "decision": str(case.decision),
        "state": case.state,
        "number": case.number,
        "outcome": case.outcome,
        "outcome_in_force": case.outcome_in_force,
        "proposed_outcome": case.proposed_outcome,
        "proposer": _name(case.proposer, names),
        "causes": list(case.causes),
        "reasons": list(case.reasons),
        "generation": case.generation,
        "channel": case.channel,
        "opened_at": timestamp(case.opened_at),
        "due": _time(case.due),
        "overdue": case.is_overdue,
        "paused_at": _time(case.paused_at),
        "closed_at": _time(case.closed_at),
        "holder": _name(case.holder, names),
        "held_until": _time(case.held_until),
    }


async def whole_case(
    service: Service, case: Case, steps: Sequence[Taken], precedents: Sequence[Precedent]
) -> Document:
    """A case with its steps and the precedents it is like. Raises StorageUnavailable."""
    [told] = await case_documents(service, [case])
    told["reviews"] = review_documents(case, steps)
    told["precedents"] = [precedent_document(each) for each in precedents]
    return told


def precedent_document(precedent: Precedent) -> Document:
    """A precedent."""
    return {
        "id": str(precedent.id),
        "decision": str(precedent.decision),
        "pattern": dict(precedent.pattern),
        "outcome": precedent.outcome,
        "text": precedent.text,
        "made_by": precedent.made_by,
        "made_at": timestamp(precedent.made_at),
        "expires_at": timestamp(precedent.expires_at),
        "ended_at": _time(precedent.ended_at),
        "active": precedent.is_active,
    }


def _name(who: UUID | None, names: dict[UUID, str]) -> str | None:
    return None if who is None else names.get(who, str(who))


def _time(at: datetime | None) -> str | None:
    return None if at is None else timestamp(at)
