"""The OpenAPI document, put together from what handlers say of themselves."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.dashboard.sessions import is_of_dashboard
from api.documented import OPERATION, Operation, Parameter, Success
from api.problems import KINDS, Problem
from api.roles import ANYONE, allowed
from api.schemas import ProblemDocument

VERSION: Final = "1.0.0"
"""Of what this describes: raised whenever it changes."""

_REFERENCE: Final = "#/components/schemas/{model}"
_INSTANCE: Final = "urn:uuid:01982c3e-5a00-7000-8000-000000000004"
_DESCRIPTION: Final = (
    "Decides, explains and durably records whether a use of Llama models is permitted: by the licence and "
    "acceptable use policy of the generation asked about, as published data that cites its sources. Every "
    "call but those of health and schema needs a key, sent as `Authorization: Bearer KEY`. Every error is a"
    " problem document (RFC 9457)."
)


def operations(routes: Iterable[object]) -> dict[tuple[str, str], Operation]:
    """The operations of an application's routes, by method and path; HEAD and OPTIONS go without saying.

    Pages are for people, so they are none.
    """
    found: dict[tuple[str, str], Operation] = {}
    for route in routes:
        if isinstance(route, HTTPRoute) and not is_of_dashboard(route.path):
            for handler in route.route_handlers:
                for method in sorted(handler.http_methods - {"HEAD", "OPTIONS"}):
                    found[str(method), path_of(route)] = _operation(handler)
    return dict(sorted(found.items(), key=lambda item: (item[0][1], item[0][0])))


def path_of(route: HTTPRoute) -> str:
    """A route's path as OpenAPI and the table of roles write it."""
    return route.path_format


def _operation(handler: HTTPRouteHandler) -> Operation:
    operation: Operation = handler.opt[OPERATION]
    return operation


def openapi_document(routes: Iterable[object], examples: Mapping[str, object]) -> dict[str, Any]:
    """The whole document. `examples` are the worked examples that operations name."""
    found = operations(routes)
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), operation in found.items():
        paths.setdefault(path, {})[method.lower()] = _described(operation, allowed(method, path), examples)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Llama eligibility",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": name} for name in dict.fromkeys(each.tag for each in found.values())],
        "paths": paths,
        "components": {
            "schemas": _schemas(found.values()),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key of this service."}
            },
        },
    }


def _schemas(found: Iterable[Operation]) -> dict[str, Any]:
    models: list[type[BaseModel]] = [ProblemDocument]
    for each in found:
        sent = (each.body, *(success.model for success in each.answers.values()))
        models.extend(model for model in sent if model is not None)
    _, definitions = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(models)], ref_template=_REFERENCE
    )
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


def _described(operation: Operation, roles: frozenset[str], examples: Mapping[str, object]) -> dict[str, Any]:
    is_open = roles == ANYONE
    who = "Needs no key." if is_open else f"For the roles {', '.join(f'`{role}`' for role in sorted(roles))}."
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": f"{operation.description} {who}",
        "security": [] if is_open else [{"key": []}],
        "parameters": [_parameter(each) for each in operation.parameters],
        "responses": {
            **{str(status): _success(each, examples) for status, each in operation.answers.items()},
            **{str(status): _problem(status) for status in (*operation.problems, 500)},
        },
    }
    if operation.body is not None:
        content: dict[str, Any] = {"schema": _reference(operation.body)}
        if operation.body_example is not None:
            content["example"] = examples[operation.body_example]
        first, *others = operation.body_types
        contents = {first: content, **{each: {} for each in others}}
        described["requestBody"] = {"required": True, "content": contents}
    return described


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "required": parameter.required,
        "schema": dict(parameter.schema),
        "example": parameter.example,
    }


def _success(success: Success, examples: Mapping[str, object]) -> dict[str, Any]:
    described: dict[str, Any] = {"description": success.description}
    if success.headers:
        described["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in success.headers.items()
        }
    if success.model is not None:
        content: dict[str, Any] = {"schema": _reference(success.model)}
        if success.example is not None:
            content["example"] = examples[success.example]
        others: dict[str, Any] = {media_type: {} for media_type in success.others}
        described["content"] = {success.media_type: content, **others}
    return described


def _problem(status: int) -> dict[str, Any]:
    kinds = [kind for kind in KINDS.values() if kind.status == status]
    example = Problem(kinds[0], kinds[0].remedy).document(_INSTANCE)
    described: dict[str, Any] = {
        "description": f"{HTTPStatus(status).phrase}. "
        + " ".join(f"{kind.title} (`{kind.type}`). {kind.remedy}" for kind in kinds),
        "content": {"application/problem+json": {"schema": _reference(ProblemDocument), "example": example}},
    }
    needed = {401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"}.get(status)
    if needed is not None:
        described["headers"] = {needed: {"schema": {"type": "string"}}}
    return described
