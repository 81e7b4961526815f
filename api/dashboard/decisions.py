"""A decision: its page, its graph as a picture, its receipt, and verifying its record."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, post, route

from api.answers import answer, as_json
from api.dashboard.decision_page import decision_page
from api.dashboard.decision_told import graph_of
from api.dashboard.graph_picture import drawn
from api.dashboard.posted import posted
from api.dashboard.sessions import CHANNEL, PATH, caller_of
from api.decisions import asked_about, whole
from api.incoming import flag
from api.receipts import receipt_of
from api.recording import record_access
from api.service import Service, service_of
from eligibility.errors import Fault, UnacceptableRequest
from eligibility.reading import flatten
from eligibility.storage.decision_history import last_look
from eligibility.storage.decisions import StoredDecision
from eligibility.storage.keys import Key
from eligibility.verifying.one_record import verify_decision
from eligibility.wording import Subject

ONE: Final = f"{PATH}/decisions/{{identifier:str}}"
SVG: Final = "image/svg+xml"

_PICTURE: Final = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
_ONE_LOOK: Final = timedelta(hours=1)
"""How long after somebody looked at the page its picture is part of the same look."""


@route(ONE, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def read(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A decision."""
    return await decision_page(request, await asked_about(request))


@route(f"{ONE}/graph.svg", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def graph(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The inference graph as a picture, light or dark."""
    faults: list[Fault] = []
    is_dark = flag("dark", dict(request.query_params), faults)
    if faults:
        raise UnacceptableRequest(faults)
    service, stored = service_of(request), await asked_about(request)
    questions = await service.questions(stored.ruleset, stored.generation)
    shown = graph_of(Subject(questions, flatten(stored.facts)), whole(stored, questions))
    picture = await asyncio.to_thread(drawn, shown, dark=is_dark)
    await _record_unless_seen(service, caller_of(request), stored)
    return answer(picture.encode(), media_type=SVG, headers=_PICTURE)


@route(f"{ONE}/receipt.json", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def receipt(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The proof to take away, without texts."""
    service, stored = service_of(request), await asked_about(request)
    document = await receipt_of(service, stored)
    await record_access(service, caller_of(request), [stored], channel=CHANNEL)
    name = f"receipt-{stored.id}.json"
    return answer(as_json(document), headers={"content-disposition": f'attachment; filename="{name}"'})


@post(f"{ONE}/verification", status_code=HTTPStatus.OK)
async def verification(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Verify the record now, and tell the verdicts on its page. Nothing is changed by it."""
    await posted(request, ())
    service, stored = service_of(request), await asked_about(request)
    async with service.replays.turn():  # it starts a process, as deciding again does
        report = await asyncio.to_thread(
            verify_decision, service.database.url, stored.sequence, stored.evaluation_key
        )
    return await decision_page(request, stored, verified=report)


async def _record_unless_seen(service: Service, key: Key, stored: StoredDecision) -> None:
    """Record a look, unless it goes with one that is recorded already. Raises StorageUnavailable."""
    last = await last_look(service.database, stored.id, key.principal)
    if last is None or datetime.now(UTC) - last > _ONE_LOOK:
        await record_access(service, key, [stored], channel=CHANNEL)


HANDLERS: Final = (read, graph, receipt, verification)
