"""Whole decisions of the rows of a backlog: each the JSON that its request gets when asked by itself.

A line's affiliates are shown with their members in the order of the alphabet, as records have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import pyarrow as pa

from eligibility.backlog.deciding import Decided
from eligibility.backlog.form import BODY, DECISION
from eligibility.decider import Decider, Decision
from eligibility.domains import AFFILIATES
from eligibility.facts import EligibilityRequest
from eligibility.reading import request_from

AT_ONCE: Final = 512
"""Rows whose decisions are held at once: some 10 KB each."""


def whole_tables(
    decider: Decider, decided: Decided, ids: Any = None, decided_at: datetime | None = None
) -> Iterator[Any]:
    """The table of what this decider decided, in portions, with the column `decision`: null where refused.

    `ids` as for `Decided.table`; a decision says its id and the time where it has them.
    """
    results = decided.table(ids)
    for start in range(0, results.num_rows, AT_ONCE):
        portion = results.slice(start, AT_ONCE)
        decisions = _decisions(decider, decided, start, portion["id"].to_pylist(), decided_at)
        yield portion.append_column(DECISION, pa.array(decisions, DECISION.type))


def _decisions(
    decider: Decider, decided: Decided, start: int, ids: list[str | None], decided_at: datetime | None
) -> Iterator[bytes | None]:
    requests = decided.requests.slice(start, len(ids)).select(BODY.names).to_pylist()
    which = decided.which.slice(start, len(ids)).to_pylist()
    for row, (place, request, identifier) in enumerate(zip(which, requests, ids, strict=True), start):
        evaluation = decided.answers[place].evaluation
        if evaluation is None:
            yield None
            continue
        given = decided.alone.get(row) or _read(decider, request)
        made = Decision(_in_order(given), evaluation, decider)
        yield made.json(UUID(identifier) if identifier else None, decided_at)


def _read(decider: Decider, request: dict[str, Any]) -> EligibilityRequest:
    """A row in good form as a request; null is absent."""
    return request_from(request, decider.ruleset.vocabulary, member_allowed_request_id=True)


def _in_order(request: EligibilityRequest) -> EligibilityRequest:
    """The request with the members of affiliates in the order that records have, not that of the line.

    A row then reads the same from the table and from its record.
    """
    affiliates = request.facts.get(AFFILIATES)
    if not affiliates:
        return request
    sorted_ = tuple(dict(sorted(affiliate.items())) for affiliate in affiliates)
    return replace(request, facts={**request.facts, AFFILIATES: sorted_})
