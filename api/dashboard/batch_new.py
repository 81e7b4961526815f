"""Uploading a file of requests, and files to fill in."""

from __future__ import annotations

import io
import tempfile
from http import HTTPStatus
from typing import Any, Final, cast
from uuid import UUID

import orjson
import pyarrow.parquet as pq
from litestar import Request, Response, post, route
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from api.answers import Answer, answer
from api.batch_uploads import Sent, require_room, take
from api.batches_described import FORMATS, MEDIA_TYPES
from api.dashboard.batch_forms import FILE, uploaded
from api.dashboard.batches import BATCHES
from api.dashboard.pages import page, see_other
from api.dashboard.sessions import CHANNEL, caller_of
from api.problems import Refusal
from api.service import service_of
from eligibility.backlog.columns import COLUMNS
from eligibility.backlog.form import BODY
from eligibility.backlog.formats import Format, format_of
from eligibility.documents import document_of
from eligibility.errors import BacklogRefused, Fault
from eligibility.ruleset import Ruleset

NEW: Final = f"{BATCHES}/new"

_TEMPLATE: Final = f"{BATCHES}/template"
_TOLD_BESIDE: Final = frozenset({"too-large", "too-many"})
"""Refusals that are about the file or the moment, and told beside the field."""


@route(NEW, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def ask(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The page to upload a file."""
    return _page(request)


@post(NEW, status_code=HTTPStatus.SEE_OTHER, request_max_body_size=None)
async def upload(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Take a file, and lead to its batch."""
    try:
        identifier = await _taken(request)
    except BacklogRefused as refused:
        return _page(request, *(str(problem) for problem in refused.problems))
    except RequestEntityTooLarge:
        return _page(request, "the file is larger than can be taken: send it in parts, or compressed")
    except Refusal as refused:
        if refused.kind.name not in _TOLD_BESIDE:
            raise
        return _page(request, refused.detail)
    return see_other(f"{BATCHES}/{identifier}", said="begun")


async def _taken(request: Request[Any, Any, Any]) -> UUID:
    """Store what was sent; the id of its batch. Raises BacklogRefused, Refusal, RequestEntityTooLarge."""
    service, sent = service_of(request), Sent(caller_of(request), CHANNEL)
    await require_room(service, sent.key)
    async with service.uploads.turn():
        with tempfile.TemporaryFile() as file:
            form = await uploaded(request, file, service.settings.batch_bytes)
            given = form.fields.get("format") or None
            if not form.file_name:
                raise BacklogRefused([Fault("", "choose a file")])
            if given not in {None, *FORMATS}:
                raise Refusal("unreadable", "there is no such format: load the page again")
            return await take(service, sent, file, *format_of(form.file_name, cast("Format | None", given)))


def _page(request: Request[Any, Any, Any], *faults: str) -> Answer:
    settings = service_of(request).settings
    return page(
        request,
        "batch_new.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK,
        faults=tuple(Fault(f"/{FILE}", fault) for fault in faults),
        formats=FORMATS,
        most_lines=settings.batch_lines,
        most_bytes=settings.batch_bytes,
    )


@route([f"{_TEMPLATE}.{form}" for form in FORMATS], http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def template(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A file to fill in."""
    form = request.url.path.rpartition(".")[2]
    content = _template(form, service_of(request).in_force.decider.ruleset)
    headers = {"content-disposition": f'attachment; filename="requests.{form}"'}
    return answer(content, media_type=MEDIA_TYPES[form], headers=headers)


def _template(form: str, ruleset: Ruleset) -> bytes:
    """All columns of CSV or Parquet without a row; of JSONL, a line that names every fact."""
    if form == "csv":
        return f"{','.join(COLUMNS)}\r\n".encode()
    if form == "parquet":
        out = io.BytesIO()
        pq.write_table(BODY.empty_table(), out)
        return out.getvalue()
    known = {"model.generation": list(ruleset.generations)[-1], "entity.kind": "company"}
    return orjson.dumps(document_of((path, known.get(path)) for path in COLUMNS)) + b"\n"


HANDLERS: Final = (ask, upload, template)
