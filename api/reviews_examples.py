"""The worked examples of calls about reviews and precedents, told as real ones are."""

import base64
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from api.reviews_told import case_document, precedent_document, review_documents
from eligibility.precedents import Precedent, pattern_of, policy_case
from eligibility.recording import moment_of
from eligibility.review import Case, Decided, Kind, Policy, opening
from eligibility.storage.decisions import StoredDecision
from eligibility.storage.reviews import Taken

_STEPS: Final = tuple(UUID(f"01982c3e-6a00-7000-8000-00000000000{n}") for n in (1, 2, 3))
_FIRST: Final = UUID("01982c3e-5a00-7000-8000-000000000011")
_SECOND: Final = UUID("01982c3e-5a00-7000-8000-000000000012")
_NAMES: Final = {_FIRST: "example-reviewer", _SECOND: "example-approver"}
_FILE: Final = b"%PDF-1.7 an agreement"


def review_examples(stored: StoredDecision) -> dict[str, Any]:
    """Every worked example by its name, of a decision that was disputed and overridden."""
    decided = Decided(stored.id, stored.at, stored.channel, stored.generation, stored.outcome, ())
    case = replace(
        opening(decided, Policy(sample_percent=0)),
        causes=("disputed",),
        state="closed",
        number=3,
        outcome_in_force="prohibited",
        due=moment_of(_STEPS[0]) + timedelta(days=5),
        closed_at=moment_of(_STEPS[2]),
    )
    steps = (
        _step(0, "dispute", _FIRST, "facts_wrong", "The company has moved."),
        _step(1, "override", _FIRST, "wrong_facts", "It has its place in France.", "prohibited"),
        _step(2, "agree", _SECOND, "checked", "Seen in the register."),
    )
    open_case = replace(case, state="open", number=1, outcome_in_force=case.outcome, closed_at=None)
    precedent = precedent_document(_precedent(stored, moment_of(_STEPS[2])))
    told = case_document(case, _NAMES)
    return {
        "review_said": {
            "kind": "override",
            "number": 1,
            "outcome": "prohibited",
            "reason": "wrong_facts",
            "text": "It has its place in France.",
        },
        "review_told": {
            "decision": str(stored.id),
            "state": "proposed",
            "number": 2,
            "outcome_in_force": stored.outcome,
            "review": str(_STEPS[1]),
        },
        "review_case": _held(open_case),
        "whole_review_case": {**told, "reviews": review_documents(case, steps), "precedents": [precedent]},
        "review_queue": {
            "reviews": [_held(open_case)],
            "next": None,
            "counts": {"open": 12, "waiting": 3, "proposed": 1, "overdue": 2, "held": 4},
        },
        "handed_over": {"to": "example-reviewer"},
        "assigned": {"to": "example-reviewer", "decisions": [str(stored.id)]},
        "assigned_cases": {"to": "example-reviewer", "assigned": [str(stored.id)], "refused": []},
        "file_attached": {
            "reason": "agreement",
            "text": "What was agreed in October.",
            "name": "agreement.pdf",
            "media_type": "application/pdf",
            "content": base64.b64encode(_FILE).decode(),
        },
        "file_content": {
            "name": "agreement.pdf",
            "media_type": "application/pdf",
            "size": len(_FILE),
            "content": base64.b64encode(_FILE).decode(),
        },
        "precedents": {"precedents": [precedent]},
        "precedent": precedent,
        "precedent_asked": {
            "decision": str(stored.id),
            "facts": ["entity.kind"],
            "text": "Others of this kind are to be treated alike.",
            "expires": "2027-06-01T00:00:00Z",
        },
        "policy_case": {
            "name": f"precedent-{_STEPS[2]}.yaml",
            "yaml": policy_case(_precedent(stored, moment_of(_STEPS[2])), stored.envelope["facts"]),
        },
    }


def _held(case: Case) -> dict[str, Any]:
    held = replace(case, holder=_FIRST, held_until=moment_of(_STEPS[0]) + timedelta(minutes=30))
    return case_document(held, _NAMES)


def _step(place: int, kind: Kind, who: UUID, reason: str, text: str, outcome: str | None = None) -> Taken:
    return Taken(
        number=place + 1,
        id=_STEPS[place],
        kind=kind,
        actor=who,
        by=_NAMES[who],
        at=moment_of(_STEPS[place]),
        outcome=outcome,
        facts={"reason": reason},
        texts={"text": text},
        is_kept=False,
    )


def _precedent(stored: StoredDecision, at: datetime) -> Precedent:
    return Precedent(
        id=_STEPS[2],
        decision=stored.id,
        pattern=pattern_of(stored.cells, ["entity.kind"]),
        outcome="prohibited",
        expires_at=at + timedelta(days=300),
        made_at=at,
        made_by="example-approver",
        text="Others of this kind are to be treated alike.",
    )
