"""An endpoint that reads the body and answers nothing: what the server and framework cost by themselves."""

from typing import Any

from litestar import Litestar, Request, Response, post


@post("/v1/decisions")
async def nothing(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Read the body, answer an empty object."""
    await request.body()
    return Response(b"{}", media_type="application/json")


def create_app() -> Litestar:
    """The application."""
    return Litestar([nothing], openapi_config=None)
