"""The page of the log, and its newest checkpoint to take away."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, route

from api.answers import answer
from api.dashboard.audit_page import AUDIT, audit_page
from api.problems import Refusal
from api.service import service_of
from eligibility.checkpoints import checkpoint
from eligibility.storage.checkpoints import newest


@route(AUDIT, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def read(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The page."""
    return await audit_page(request)


@route(f"{AUDIT}/checkpoint", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def newest_checkpoint(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The newest signed block, as a line of a file of checkpoints."""
    found = await newest(service_of(request).database)
    if found is None:
        raise Refusal("not-found", "the log has no signed block yet")
    made = checkpoint(*found)
    headers = {"content-disposition": f'attachment; filename="checkpoint-{made.number}.jsonl"'}
    return answer(made.line + b"\n", media_type="application/jsonl", headers=headers)


HANDLERS: Final = (read, newest_checkpoint)
