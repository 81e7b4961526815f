"""What waits, what was decided lately, what changed, and whether anything is wrong."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, route

from api.dashboard.pages import page
from api.dashboard.sessions import PATH
from api.service import service_of
from eligibility.storage.review_queue import counts
from eligibility.storage.reviews import fill


@route(PATH, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def read(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The page."""
    database = service_of(request).database
    await fill(database)
    return page(request, "today.html", counts=await counts(database))


HANDLERS: Final = (read,)
