"""What the page of a decision shows of its review: the case, its steps, and what can be done next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from litestar import Request

from api.problems import Refusal
from api.reviews_told import whole_case
from api.service import service_of
from eligibility.storage.decisions import StoredDecision
from eligibility.storage.precedents import precedents_for
from eligibility.storage.reviews import find_case, steps_of

NOTICES: Final[Mapping[str, str]] = {}
"""What the page says after a step, by the name of what was done."""


async def panel(request: Request[Any, Any, Any], stored: StoredDecision) -> dict[str, Any]:
    """The values of `review_panel.html`, as `review`. Raises Refusal, StorageUnavailable."""
    database = service_of(request).database
    steps = await steps_of(database, stored.id)
    case = await find_case(database, stored.id)
    if case is None:  # dropped since we looked
        raise Refusal("not-found", "there is no decision with this id")
    like = await precedents_for(database, stored.cells)
    return await whole_case(service_of(request), case, steps, like)
