"""How handlers describe themselves, for the OpenAPI document."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from api.answers import JSON

OPERATION: Final = "operation"
"""Under this name an `Operation` stands in a handler's `opt`."""


@dataclass(frozen=True)
class Parameter:
    """A parameter: where it is (query, path or header), what it means, its JSON schema and an example."""

    name: str
    place: str
    description: str
    schema: Mapping[str, Any]
    example: Any
    required: bool = False


@dataclass(frozen=True)
class Success:
    """An answer that is no problem: what it means, its model, the name of its worked example.

    `others` are types in which the answer comes if asked for, and that are no JSON.
    """

    description: str
    model: type[BaseModel] | None = None
    example: str | None = None
    headers: Mapping[str, str] | None = None
    media_type: str = JSON
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operation:
    """One call: what it does, what it takes, what it answers, and the statuses of its problems.

    `body` is the model of the body, `body_example` the name of its worked example, and `body_types` are the
    types in which it may come; model and example are those of the first.
    """

    id: str
    tag: str
    summary: str
    description: str
    answers: Mapping[int, Success]
    problems: tuple[int, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    body: type[BaseModel] | None = None
    body_example: str | None = None
    body_types: tuple[str, ...] = (JSON,)

    def opt(self) -> dict[str, Any]:
        """As a handler's `opt`."""
        return {OPERATION: self}
