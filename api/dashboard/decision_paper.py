"""A decision to take away: as one HTML file, and as a PDF, each with its proof."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import orjson
from litestar import Request, Response, route

from api.answers import answer
from api.dashboard.decision_history import HistoryLine, said_step
from api.dashboard.decision_pdf import written
from api.dashboard.decision_told import Told, told
from api.dashboard.decisions import ONE
from api.dashboard.graph_picture import drawn
from api.dashboard.pages import HTML, environment
from api.dashboard.review_panel import panel
from api.dashboard.sessions import CHANNEL, caller_of
from api.decisions import asked_about
from api.receipts import receipt_of
from api.recording import record_access
from api.service import service_of

_HEADERS: Final = {
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
    "referrer-policy": "no-referrer",
}


class Paper(NamedTuple):
    """What stands in a paper: all of a decision, its review with the steps in words, and its receipt."""

    told: Told
    review: dict[str, Any]
    steps: list[HistoryLine]
    receipt: dict[str, Any] | None


@route(f"{ONE}/paper.html", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def as_html(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The decision as one HTML file, which needs nothing else."""
    paper = await _paper(request)
    picture = await asyncio.to_thread(drawn, paper.told.graph)
    receipt = paper.receipt and orjson.dumps(paper.receipt, option=orjson.OPT_INDENT_2).decode()
    text = (
        environment()
        .get_template("decision_paper.html")
        .render(told=paper.told, review=paper.review, steps=paper.steps, receipt=receipt, picture=picture)
    )
    return _attached(paper, "html", text.encode(), HTML)


@route(f"{ONE}/paper.pdf", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def as_pdf(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The decision as a PDF."""
    paper = await _paper(request)
    content = await asyncio.to_thread(written, paper.told, paper.review, paper.steps, paper.receipt)
    return _attached(paper, "pdf", content, "application/pdf")


async def _paper(request: Request[Any, Any, Any]) -> Paper:
    """All that stands in a paper; that it is about to leave is recorded.

    Raises Refusal, LogDamaged, StorageUnavailable.
    """
    service, stored = service_of(request), await asked_about(request)
    review, all_told = await panel(request, stored), await told(service, stored)
    is_signed = all_told.block is not None and "signature" in all_told.block
    receipt = await receipt_of(service, stored) if is_signed else None
    await record_access(service, caller_of(request), [stored], channel=CHANNEL)
    return Paper(all_told, review, [said_step(step) for step in review["reviews"]], receipt)


def _attached(paper: Paper, ending: str, content: bytes, media_type: str) -> Response[bytes]:
    name = f"decision-{paper.told.stored.id}.{ending}"
    headers = {**_HEADERS, "content-disposition": f'attachment; filename="{name}"'}
    return answer(content, media_type=media_type, headers=headers)


HANDLERS: Final = (as_html, as_pdf)
