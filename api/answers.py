"""Answers: JSON that is ready to be sent, with the headers that every answer has."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from litestar import Response
from litestar.status_codes import HTTP_200_OK

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"

HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
"""What every answer has, unless it says otherwise."""


def answer(
    body: bytes,
    *,
    status: int = HTTP_200_OK,
    media_type: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """An answer that no cache keeps, unless `headers` say otherwise."""
    return Response(
        body,
        status_code=status,
        media_type=media_type,
        headers={**HEADERS, **headers} if headers else dict(HEADERS),
    )


def as_json(value: Any) -> bytes:
    """The JSON of a value, members in the order in which they stand."""
    return orjson.dumps(value)
