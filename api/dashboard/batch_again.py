"""Batches gone through again: compared with an earlier one, and told in a report."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import orjson
from litestar import Request, Response, route

from api.answers import answer
from api.batch_results import Looking, record_look_at
from api.batches import asked_about, batch_document, batch_documents, seen_by_caller
from api.dashboard.batches import ONE
from api.dashboard.pages import HTML, page
from api.dashboard.sessions import CHANNEL, caller_of
from api.incoming import parameters
from api.problems import Refusal
from api.service import Service, service_of
from eligibility.backlog import report
from eligibility.backlog.recorded_runs import Recorded, compared, counted
from eligibility.errors import Fault
from eligibility.storage import batches
from eligibility.storage.batches import Batch

MOST_ROWS: Final = 200_000
"""Rows of a batch that are gone through while somebody waits for the page."""

_CHOICES: Final = 50
_HEADERS: Final = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}
"""What the report is sent with: it has its styles within, and loads or runs nothing."""


@route(f"{ONE}/comparison", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def comparison(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Which rows another batch decides otherwise."""
    named = parameters(request, ("with",)).get("with")
    service, now = service_of(request), await asked_about(request)
    before = await seen_by_caller(request, named) if named else None
    faults = _faults(now, before)
    found = None
    if before is not None and not faults:
        for each in (before, now):
            await record_look_at(service, each, Looking(caller_of(request), CHANNEL))
        found = await _compared(service, before, now)
    others = await batches.listed(service.database, limit=_CHOICES)
    return page(
        request,
        "batch_comparison.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK,
        faults=faults,
        batch=await batch_document(service, now),
        before=None if before is None else await batch_document(service, before),
        found=found,
        others=await batch_documents(service, [each for each in others if _is_choice(each, now)]),
    )


def _is_choice(other: Batch, now: Batch) -> bool:
    return other.id != now.id and other.state != "running"


def _faults(now: Batch, before: Batch | None) -> tuple[Fault, ...]:
    """Why two batches cannot be compared here."""
    if before is None:
        return ()
    if "running" in {before.state, now.state}:
        return (Fault("/with", "one of them still runs: compare them once both have ended"),)
    if before.id == now.id:
        return (Fault("/with", "this is the batch itself: choose another"),)
    return tuple(Fault("/with", _too_long(each)) for each in (before, now) if each.progress.rows > MOST_ROWS)


def _too_long(batch: Batch) -> str:
    return (
        f"batch {batch.id} has {batch.progress.rows:,} rows, and pages go through {MOST_ROWS:,} at most: the"
        " command `eligibility batch` takes any number, and compares them with `--against`"
    )


async def _compared(service: Service, before: Batch, now: Batch) -> Mapping[str, Any]:
    """What differs between batches that have ended, remembered. Raises Refusal, StorageUnavailable."""
    key = ("comparison", before.id, now.id)
    known = service.rendered.get(key)
    if known is None:
        sides = [Recorded(each.id, await service.ruleset(each.ruleset)) for each in (before, now)]
        async with service.results.turn():
            found = await asyncio.to_thread(compared, service.database.url, *sides)
        known = orjson.dumps(found)
        service.rendered.put(key, known)
    document: Mapping[str, Any] = orjson.loads(known)
    return document


@route(f"{ONE}/paper.html", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def paper(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The report, as one file that stands by itself."""
    parameters(request)
    service, batch = service_of(request), await asked_about(request)
    if batch.progress.rows > MOST_ROWS:
        raise Refusal("not-possible", _too_long(batch))
    await record_look_at(service, batch, Looking(caller_of(request), CHANNEL))
    recorded = Recorded(batch.id, await service.ruleset(batch.ruleset))
    async with service.results.turn():
        tally = await asyncio.to_thread(counted, service.database.url, recorded)
    seconds = ((batch.ended_at or datetime.now(UTC)) - batch.started_at).total_seconds()
    run = report.Run(f"batch {batch.id}", "kept in the log", batch.id, batch.started_at, seconds)
    written = await asyncio.to_thread(report.page, run, tally, recorded.ruleset)
    return answer(written.encode(), media_type=HTML, headers=_HEADERS)


HANDLERS: Final = (comparison, paper)
