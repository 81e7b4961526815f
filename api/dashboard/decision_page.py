"""The page of a decision: what was decided and why, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from litestar import Request

from api.answers import Answer
from api.dashboard.pages import page
from api.dashboard.review_panel import NOTICES, panel
from api.dashboard.sessions import CHANNEL, caller_of
from api.decisions import whole
from api.recording import record_access
from api.service import service_of
from eligibility.errors import Fault
from eligibility.storage.decisions import StoredDecision


async def decision_page(
    request: Request[Any, Any, Any],
    stored: StoredDecision,
    *,
    status: int = HTTPStatus.OK,
    faults: tuple[Fault, ...] = (),
    typed: Mapping[str, str] | None = None,
) -> Answer:
    """The page. `faults` and what was `typed` are of a form on it that was sent and not taken.

    That it is looked at is recorded first. Raises StorageUnavailable.
    """
    service = service_of(request)
    questions = await service.questions(stored.ruleset, stored.generation)
    review = await panel(request, stored)
    await record_access(service, caller_of(request), [stored], channel=CHANNEL)
    return page(
        request,
        "decision.html",
        status=status,
        notices=NOTICES,
        faults=faults,
        typed=typed or {},
        decision=whole(stored, questions),
        review=review,
    )
