"""An endpoint that reads the body and decides nothing: what the server and framework cost by themselves."""

import os
from typing import Any

from litestar import Litestar, Request, Response, post

ANSWER_BYTES = "BENCHMARK_ANSWER_BYTES"
"""The environment variable that says how large the answers are."""


def create_app() -> Litestar:
    """The application, whose every answer is the same JSON text."""
    answer = b'"%b"' % (b" " * (int(os.environ[ANSWER_BYTES]) - 2))

    @post("/v1/decisions")
    async def nothing(request: Request[Any, Any, Any]) -> Response[bytes]:
        await request.body()
        return Response(answer, media_type="application/json")

    return Litestar([nothing], openapi_config=None)
