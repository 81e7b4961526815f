"""What the page of a decision shows of its review: the case, its steps, and what can be done next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from litestar import Request

from api.dashboard.sessions import caller_of
from api.dashboard.wording import OUTCOMES, sentence
from api.filters import one_of, read_values
from api.problems import Refusal
from api.reviews_told import whole_case
from api.service import service_of
from eligibility.review import AGREEING, KINDS, REASONS, REVIEWING, SECOND, Case, Kind, Step, refusal
from eligibility.storage.decisions import StoredDecision
from eligibility.storage.keys import Key
from eligibility.storage.precedents import precedents_for
from eligibility.storage.review_queue import reviewers
from eligibility.storage.reviews import find_case, steps_of

NOTICES: Final[Mapping[str, str]] = {
    "confirm": "The outcome is confirmed.",
    "override": "Another outcome is proposed. It takes a second person to agree.",
    "agree": "You agreed: the other outcome is in force.",
    "decline": "You declined the other outcome. The case is open again.",
    "withdraw": "The proposal is withdrawn. The case is open again.",
    "ask": "The applicant is asked. The deadline is paused until the answer is noted.",
    "answer": "The answer is noted. The deadline counts on.",
    "comment": "Your comment is kept.",
    "attach": "The file is attached.",
    "dispute": "The decision is disputed, and its case is in the queue.",
    "claimed": "You hold the case now.",
    "released": "You hold the case no longer.",
    "handed-over": "The case is handed over.",
    "recorded": "The decision is recorded.",
}
"""What the page says after a step, by the name of what was done."""

PARAMETERS: Final = ("do", "ask")
"""What the address of the page says about the panel: the form that is open, and that it is filled in."""


async def panel(request: Request[Any, Any, Any], stored: StoredDecision) -> dict[str, Any]:
    """The values of `review_panel.html`, as `review`.

    Beside those of the case: `acts` are the kinds of steps that this person can take now, `refused` says of
    the others why not, `doing` is the one whose form is open.

    Raises Refusal, UnacceptableRequest, StorageUnavailable.
    """
    database, key = service_of(request).database, caller_of(request)
    steps = await steps_of(database, stored.id)
    case = await find_case(database, stored.id)
    if case is None:  # dropped since we looked
        raise Refusal("not-found", "there is no decision with this id")
    like = await precedents_for(database, stored.cells)
    told = await whole_case(service_of(request), case, steps, like)
    refused = _refused(case, key)
    may_act, is_mine = key.role in REVIEWING, case.holder == key.principal
    people = await reviewers(database) if is_mine else {}
    doing, is_filled_in = _doing(request)
    return told | {
        "may_act": may_act,
        "is_mine": is_mine,
        "can_claim": may_act and case.state != "closed" and case.holder in {None, key.principal},
        "acts": [kind for kind in KINDS if may_act and kind not in refused],
        "refused": refused if may_act else {},
        "doing": doing,
        "is_filled_in": is_filled_in,
        "coded": {
            kind: [(code, sentence(words)[:-1]) for code, words in codes.items()]
            for kind, codes in REASONS.items()
        },
        "other_outcomes": [
            (name, outcome.word) for name, outcome in OUTCOMES.items() if name != case.outcome_in_force
        ],
        "others": [(str(who), name) for who, name in people.items() if who != key.principal],
        "is_overridden": case.outcome_in_force != case.outcome,
    }


def _doing(request: Request[Any, Any, Any]) -> tuple[str | None, bool]:
    """The form that the address opens, and whether it is filled in. Raises UnacceptableRequest."""
    given = {name: value for name, value in request.query_params.items() if name in PARAMETERS and value}
    values = read_values(
        given,
        {"do": lambda value: one_of(value, KINDS), "ask": lambda value: one_of(value, ("1",))},
    )
    is_filled_in = "ask" in values
    return ("ask" if is_filled_in else given.get("do")), is_filled_in


def _refused(case: Case, key: Key) -> dict[Kind, str]:
    """The kinds of steps that a person who reviews cannot take now, with why not."""
    found: dict[Kind, str] = {}
    other = next(name for name in OUTCOMES if name != case.outcome_in_force)
    for kind in KINDS:
        step = Step(kind, key.principal, datetime.now(UTC), other if kind == "override" else None)
        why = refusal(case, step)
        if why is None and kind in SECOND and key.role not in AGREEING:
            why = "an approver or an admin has to agree or decline"
        if why is not None:
            found[kind] = sentence(why)
    return found
