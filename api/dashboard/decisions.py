"""Decisions: a page for each."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, route

from api.dashboard.decision_page import decision_page
from api.dashboard.sessions import PATH
from api.decisions import asked_about


@route(f"{PATH}/decisions/{{identifier:str}}", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def read(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A decision."""
    return await decision_page(request, await asked_about(request))


HANDLERS: Final = (read,)
