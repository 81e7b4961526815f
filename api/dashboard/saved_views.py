"""Views of the queue that people keep under a name: for all to use, for who kept them to delete."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, post

from api.dashboard.pages import see_other
from api.dashboard.posted import posted
from api.dashboard.queue_page import QUEUE, VIEWS, asked_by_form, queue_page
from api.dashboard.sessions import caller_of
from api.dashboard.wording import sentence
from api.service import service_of
from eligibility.errors import ActRefused, Fault
from eligibility.storage.saved_views import LONGEST_NAME, drop_view, keep_view


@post(f"{QUEUE}/views", status_code=HTTPStatus.SEE_OTHER)
async def keep(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Keep the filters of the list under a name."""
    form = await posted(request, ("name", "back"))
    asked = await asked_by_form(request, form.get("back") or QUEUE)
    name, query = " ".join(form.text("name").split()), asked.address().partition("?")[2]
    status, refused = HTTPStatus.UNPROCESSABLE_ENTITY, ""
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        refused = f"Give the view a name of 1 to {LONGEST_NAME} characters."
    else:
        try:
            me = caller_of(request).principal
            await keep_view(service_of(request).database, VIEWS, name, query, me)
        except ActRefused as error:
            status, refused = HTTPStatus.CONFLICT, sentence(str(error))
    if refused:
        fault = Fault("/name", refused)
        return await queue_page(request, asked, status=status, faults=(fault,), typed={"name": name})
    return see_other(asked.address(), said="kept")


@post(f"{QUEUE}/views/{{identifier:uuid}}/delete", status_code=HTTPStatus.SEE_OTHER)
async def delete(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Delete one's own view; admins any."""
    form = await posted(request, ("back",))
    asked, key = await asked_by_form(request, form.get("back") or QUEUE), caller_of(request)
    view: UUID = request.path_params["identifier"]
    try:
        await drop_view(
            service_of(request).database, VIEWS, view, by=key.principal, whoever=key.role == "admin"
        )
    except ActRefused as error:
        fault = Fault("", sentence(str(error)))
        return await queue_page(request, asked, status=HTTPStatus.CONFLICT, faults=(fault,))
    return see_other(asked.address(), said="deleted")


HANDLERS: Final = (keep, delete)
