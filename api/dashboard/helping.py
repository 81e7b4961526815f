"""What the pages are for, and how to use them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, route

from api.dashboard.pages import page
from api.dashboard.sessions import PATH


@route(f"{PATH}/help", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def read(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The page, in the same place from everywhere."""
    return page(request, "help.html")


HANDLERS: Final = (read,)
