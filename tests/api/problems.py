"""What every problem document must be like."""

from typing import Any

import httpx

from api.schemas import ProblemDocument


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    document = ProblemDocument.model_validate_json(answer.content, strict=True)
    assert document.status == status
    found: dict[str, Any] = answer.json()
    return found
