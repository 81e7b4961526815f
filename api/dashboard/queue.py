"""The queue of cases that need a person: as a page, as CSV, and whether it has changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, route

from api.answers import answer
from api.dashboard.lists import csv_answer
from api.dashboard.queue_page import QUEUE, Asked, applicant_of, asked_of, cases_of, queue_page, state_of
from api.dashboard.sessions import CHANNEL, caller_of
from api.recording import record_access
from api.reviews_told import case_documents
from api.service import Service, service_of
from eligibility.storage.decisions import LARGEST_LIMIT, decisions_of
from eligibility.storage.keys import Key
from eligibility.storage.reviews import fill

COLUMNS: Final = (
    *("decision", "state", "outcome", "outcome_in_force", "proposed_outcome", "causes", "reasons"),
    *("generation", "channel", "opened_at", "due", "overdue", "paused_at", "closed_at", "holder"),
    *("held_until", "number"),
)
_APPLICANT: Final = ("name", "reference")


@route(QUEUE, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def read(request: Request[Any, Any, Any]) -> Response[Any]:
    """The list, a page of it or all as CSV; or, to see whether it has changed, what changes with it."""
    service = service_of(request)
    asked = await asked_of(request, request.scope["query_string"])
    if asked.format == "csv":
        await fill(service.database)
        return csv_answer("queue", (*COLUMNS, *_APPLICANT), _rows(service, caller_of(request), asked))
    if asked.format == "state":
        await fill(service.database)
        found = await cases_of(service, asked, asked.cursor, asked.limit)
        return answer(state_of(found).encode(), media_type="text/plain; charset=utf-8")
    return await queue_page(request, asked)


async def _rows(service: Service, key: Key, asked: Asked) -> AsyncIterator[list[list[object]]]:
    """All that match, in pieces; that each is looked at is recorded before it is sent."""
    cursor: str | None = None
    while True:
        found = await cases_of(service, asked, cursor, LARGEST_LIMIT)
        stored = await decisions_of(service.database, [case.decision for case in found.cases])
        await record_access(service, key, stored.values(), channel=CHANNEL)
        rows = []
        for case, told in zip(found.cases, await case_documents(service, found.cases), strict=True):
            applicant = applicant_of(stored.get(case.decision))
            rows.append([*(told[name] for name in COLUMNS), *(applicant[name] for name in _APPLICANT)])
        yield rows
        cursor = found.next_cursor
        if cursor is None:
            return


HANDLERS: Final = (read,)
