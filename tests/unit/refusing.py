"""Bodies with one thing changed, and what is refused of them."""

from typing import Any

import pytest

from eligibility.errors import Fault, UnacceptableRequest
from eligibility.facts import Vocabulary
from eligibility.reading import request_from


def put(body: dict[str, Any], path: str, value: object) -> None:
    *sections, leaf = path.split(".")
    for section in sections:
        body = body.setdefault(section, {})
    body[leaf] = value


def refusal(body: object, vocabulary: Vocabulary) -> tuple[Fault, ...]:
    with pytest.raises(UnacceptableRequest) as caught:
        request_from(body, vocabulary)
    assert caught.value.status == 422
    return caught.value.problems


def pointers(body: object, vocabulary: Vocabulary) -> list[str]:
    return [fault.pointer for fault in refusal(body, vocabulary)]


def users(written: str) -> bytes:
    request = '{"model":{"generation":"llama-4"},"entity":{"kind":"company","monthly_active_users":%s}}'
    return (request % written).encode()
