"""The page of a decision: what was decided and why, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from litestar import Request

from api.answers import Answer
from api.dashboard.decision_changes import changes
from api.dashboard.decision_told import told
from api.dashboard.pages import page
from api.dashboard.review_panel import NOTICES, panel
from api.dashboard.sessions import CHANNEL, caller_of
from api.recording import record_access
from api.service import service_of
from eligibility.errors import Fault
from eligibility.review import REVIEWING
from eligibility.storage.decisions import StoredDecision
from eligibility.verifying.verdicts import Report

_CHANGES: Final = "changes"
"""What `?show=` names to have searched for what would change the decision."""


async def decision_page(
    request: Request[Any, Any, Any],
    stored: StoredDecision,
    *,
    status: int = HTTPStatus.OK,
    faults: tuple[Fault, ...] = (),
    typed: Mapping[str, str] | None = None,
    verified: Report | None = None,
) -> Answer:
    """The page. `faults` and what was `typed` are of a form on it that was sent and not taken.

    `verified` is what came of verifying the record. That it is looked at is recorded first. Raises
    StorageUnavailable; Refusal, EvaluatorsDisagree and EngineFailure where changes are asked for.
    """
    service, caller = service_of(request), caller_of(request)
    are_changes_asked = request.query_params.get("show") == _CHANGES
    review = await panel(request, stored)
    all_told = await told(service, stored)
    found = await changes(service, stored) if are_changes_asked else None
    await record_access(service, caller, [stored], channel=CHANNEL)
    return page(
        request,
        "decision.html",
        status=status,
        notices=NOTICES,
        faults=faults,
        typed=typed or {},
        told=all_told,
        decision=all_told.decision,
        review=review,
        changes=found,
        verified=verified,
        can_review=caller.role in REVIEWING,
    )
