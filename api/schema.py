"""The description of the service, for programs and people: OpenAPI, and the kinds of problems."""

import asyncio
from typing import Any, Final

import orjson
from litestar import Request, Response, route
from litestar.status_codes import HTTP_200_OK

from api.answers import answer, as_json
from api.documented import Operation, Success
from api.examples import examples, kinds_of_problems
from api.openapi import openapi_document
from api.problems import KINDS_PATH
from api.schemas import KindsOfProblems
from api.service import service_of
from eligibility.yaml_files import yaml_text

_JSON_PATH: Final = "/schema/openapi.json"
_CACHE: Final = {"cache-control": "no-cache"}

DOCUMENT: Final = Operation(
    id="openapi_json",
    tag="Description",
    summary="This description as JSON",
    description="OpenAPI 3.1, with worked examples under the ruleset in force.",
    answers={200: Success("The description.")},
    problems=(503,),
)
DOCUMENT_YAML: Final = Operation(
    id="openapi_yaml",
    tag="Description",
    summary="This description as YAML",
    description="The same as the JSON.",
    answers={200: Success("The description.")},
    problems=(503,),
)
PROBLEMS: Final = Operation(
    id="problems",
    tag="Description",
    summary="The kinds of problems",
    description="What the `type` of a problem document means, and what can be done about it.",
    answers={200: Success("Every kind.", KindsOfProblems, "problems")},
)


@route(_JSON_PATH, http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=DOCUMENT.opt())
async def openapi_json(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The OpenAPI document."""
    return answer(
        await _document(request), media_type="application/vnd.oai.openapi+json;version=3.1", headers=_CACHE
    )


@route("/schema/openapi.yaml", http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=DOCUMENT_YAML.opt())
async def openapi_yaml(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The OpenAPI document as YAML."""
    rendered, name = (
        service_of(request).rendered,
        (service_of(request).in_force.decider.ruleset.digest, "openapi.yaml"),
    )
    body = rendered.get(name)
    if body is None:
        # writing YAML takes long enough to hold up decisions; it touches nothing that belongs to this thread
        body = await asyncio.to_thread(_as_yaml, await _document(request))
        rendered.put(name, body)
    return answer(body, media_type="application/yaml", headers=_CACHE)


@route(KINDS_PATH, http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=PROBLEMS.opt())
async def problems(request: Request[Any, Any, Any]) -> Response[bytes]:  # noqa: ARG001 - the same for everybody
    """The kinds of problems."""
    return answer(as_json(kinds_of_problems()), headers=_CACHE)


async def _document(request: Request[Any, Any, Any]) -> bytes:
    """The OpenAPI document under the ruleset in force, from memory where it was made before."""
    service = service_of(request)
    decider = service.in_force.decider
    name = (decider.ruleset.digest, "openapi.json")
    body = service.rendered.get(name)
    if body is None:
        body = as_json(openapi_document(request.app.routes, examples(decider)))
        service.rendered.put(name, body)
    return body


def _as_yaml(document: bytes) -> bytes:
    return yaml_text(orjson.loads(document)).encode()
