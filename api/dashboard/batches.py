"""Batches: the list of them, how far each is and what came of it, its results to take away, an end to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, post, route

from api.answers import Answer
from api.batch_results import Looking, record_look_at, refused_of, results_of
from api.batches import asked_about, batch_document, batch_documents, batch_id, cancel_batch
from api.batches_described import FORMATS
from api.dashboard.batch_pictures import outcomes_picture
from api.dashboard.batch_refused import first_refused
from api.dashboard.lists import csv_answer
from api.dashboard.pages import page, see_other
from api.dashboard.posted import posted
from api.dashboard.sessions import CHANNEL, PATH, caller_of
from api.filters import Wrong, one_of, read_values
from api.incoming import parameters
from api.roles import allowed
from api.service import Service, service_of
from eligibility.errors import ActRefused
from eligibility.storage import batches
from eligibility.storage.batches import Batch, By

BATCHES: Final = f"{PATH}/batches"
ONE: Final = f"{BATCHES}/{{identifier:str}}"

_LIMIT: Final = 50
_COLUMNS: Final = (
    *("id", "state", "format", "requested_by", "ruleset", "rows", "decided", "refused"),
    *("permitted", "prohibited", "contact_meta", "started_at", "ended_at"),
)
_NOTICES: Final = {
    "begun": "The file is stored. This page shows how far it is.",
    "cancelled": "Nothing more of this batch is decided. What was decided stays recorded.",
    "ended": "It had ended before it could be cancelled.",
}
_REFRESHED: Final = "progress"
"""The part of the page that renews itself."""


@route(BATCHES, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def list_all(request: Request[Any, Any, Any]) -> Response[Any]:
    """The batches, newest first."""
    names = ("whose", "cursor", "format", "said")
    given = {name: value for name, value in parameters(request, names).items() if value}
    values = read_values(
        given,
        {
            "whose": lambda value: one_of(value, ("mine", "all")),
            "cursor": batch_id,
            "format": lambda value: one_of(value, ("csv",)),
            "said": lambda value: value,
        },
    )
    service = service_of(request)
    mine = str(caller_of(request).principal) if values.get("whose") == "mine" else None
    if "format" in values:
        return csv_answer("batches", _COLUMNS, _rows(service, mine))
    before = cast("UUID | None", values.get("cursor"))
    found = await batches.listed(service.database, mine=mine, before=before, limit=_LIMIT + 1)
    shown = await batch_documents(service, found[:_LIMIT])
    whose = {"whose": "mine"} if mine else {}
    after = urlencode({**whose, "cursor": shown[-1]["id"]}) if len(found) > _LIMIT else None
    return page(
        request,
        "batches.html",
        notices=_NOTICES,
        batches=shown,
        whose=values.get("whose", "all"),
        first=f"{BATCHES}?{urlencode(whose)}" if before else None,
        after=f"{BATCHES}?{after}" if after else None,
        csv=f"{BATCHES}?{urlencode({**whose, 'format': 'csv'})}",
        may_upload=_may(request, f"{BATCHES}/new"),
    )


async def _rows(service: Service, mine: str | None) -> AsyncIterator[Sequence[Sequence[object]]]:
    before = None
    while found := await batches.listed(service.database, mine=mine, before=before, limit=_LIMIT):
        yield [_row(each) for each in await batch_documents(service, found)]
        before = found[-1].id


def _row(told: Mapping[str, Any]) -> list[object]:
    flat = {**told, **told["outcomes"], "ruleset": told["ruleset"]["version"]}
    return [flat[name] for name in _COLUMNS]


@route(ONE, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def read(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A batch. The part of it that renews itself quotes nothing from it."""
    batch = await asked_about(request)
    is_part = request.headers.get("x-part") == _REFRESHED
    return await batch_page(request, batch, with_refused=not is_part)


async def batch_page(request: Request[Any, Any, Any], batch: Batch, *, with_refused: bool) -> Answer:
    """The page of a batch. That lines of others are shown is recorded first.

    Raises StorageUnavailable.
    """
    service = service_of(request)
    refused = []
    if with_refused and batch.progress.refused:
        await record_look_at(service, batch, Looking(caller_of(request), CHANNEL))
        refused = await first_refused(service.database, batch)
    return page(
        request,
        "batch.html",
        notices=_NOTICES,
        batch=await batch_document(service, batch),
        done=batch.progress.rows,
        left=_left(batch, await batch_document(service, batch)),
        refused=refused,
        formats=FORMATS,
        may_cancel=batch.state == "running" and _may(request, f"{BATCHES}/{{identifier}}/cancel"),
    )


def _left(batch: Batch, told: Mapping[str, Any]) -> timedelta | None:
    """How long it will take from now, where that can be said."""
    if batch.state != "running" or batch.rows is None or not told["rows_per_second"]:
        return None
    return timedelta(seconds=round((batch.rows - batch.progress.rows) / told["rows_per_second"]))


@route(f"{ONE}/outcomes", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def picture(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The outcomes so far as a picture; `rows` only makes the address of what changed another."""
    given = parameters(request, ("dark", "rows"))
    read_values(given, {"dark": lambda value: one_of(value, ("true", "false")), "rows": _whole})
    batch = await asked_about(request)
    return await outcomes_picture(batch.progress, is_dark=given.get("dark") == "true")


def _whole(value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise Wrong("give a whole number")
    return int(value[:20])


@route(f"{ONE}/results", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def results(request: Request[Any, Any, Any]) -> Response[Any]:
    """The results as a file."""
    return await results_of(request, channel=CHANNEL)


@route(f"{ONE}/refused", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def refused(request: Request[Any, Any, Any]) -> Response[Any]:
    """The refused lines as a file."""
    return await refused_of(request, channel=CHANNEL)


@post(f"{ONE}/cancel", status_code=HTTPStatus.SEE_OTHER)
async def cancel(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Let nothing more of a batch be decided."""
    await posted(request, ())
    batch = await asked_about(request)
    said = "cancelled"
    try:
        await cancel_batch(service_of(request), batch, By(str(caller_of(request).principal), CHANNEL))
    except ActRefused:
        said = "ended"
    return see_other(f"{BATCHES}/{batch.id}", said=said)


def _may(request: Request[Any, Any, Any], route_: str) -> bool:
    return caller_of(request).role in allowed("POST", route_)


HANDLERS: Final = (list_all, read, picture, results, refused, cancel)
