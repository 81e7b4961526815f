"""Answers: JSON that is ready to be sent, with the headers that every answer has."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from litestar import Response
from litestar.status_codes import HTTP_200_OK, HTTP_204_NO_CONTENT, HTTP_304_NOT_MODIFIED
from litestar.types import ASGIApp, HTTPResponseStartEvent, Receive, Scope, Send

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"

HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
"""What every answer has, unless it says otherwise."""

_ENCODED: Final = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
_WITHOUT_BODY: Final = frozenset({HTTP_204_NO_CONTENT, HTTP_304_NOT_MODIFIED})


class Answer(Response[bytes]):
    """Bytes that are ready to be sent. They need nothing that the framework does to send a value."""

    def __init__(self, body: bytes, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.content = body
        self.status: int = status
        self._headers = headers

    def to_asgi_response(self, *_: object, **_given: object) -> ASGIApp:  # type: ignore[override]  # what it is called with changes nothing
        """What sends it. What the route says of statuses and headers in general does not count."""
        return self.send

    async def send(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI gives three, and an answer reads nothing
        """Send it; an ASGI application."""
        start: HTTPResponseStartEvent = {
            "type": "http.response.start",
            "status": self.status,
            "headers": self._headers,
        }
        await send(start)
        await send({"type": "http.response.body", "body": self.content, "more_body": False})


def answer(
    body: bytes,
    *,
    status: int = HTTP_200_OK,
    media_type: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """An answer that no cache keeps, unless `headers` say otherwise."""
    sent = _ENCODED
    if headers:
        sent = [(name.encode(), value.encode()) for name, value in {**HEADERS, **headers}.items()]
    if status not in _WITHOUT_BODY:
        sent = [
            *sent,
            (b"content-type", media_type.encode()),
            (b"content-length", str(len(body)).encode()),
        ]
    return Answer(body, status, sent)


def as_json(value: Any) -> bytes:
    """The JSON of a value, members in the order in which they stand."""
    return orjson.dumps(value)
