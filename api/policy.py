"""The policy in force, as portals read it to build their forms."""

from typing import Any, Final

from litestar import Request, Response, route
from litestar.status_codes import HTTP_200_OK, HTTP_304_NOT_MODIFIED

from api.answers import answer, as_json
from api.documented import Operation, Parameter, Success
from api.incoming import parameters
from api.policy_views import VIEWS, index, view
from api.problems import Refusal
from api.schemas import PolicyIndex, PolicyView
from api.service import service_of

_PATH: Final = "/v1/policy"
_HEADERS: Final = {"ETag": "the digest of the ruleset in force, quoted", "Cache-Control": "private, no-cache"}

INDEX: Final = Operation(
    id="policy",
    tag="Policy",
    summary="The policy in force",
    description=(
        "Names the ruleset in force, the outcomes it can give and the views of it. Send the `ETag` back as "
        "`If-None-Match` to learn cheaply whether anything has changed."
    ),
    answers={
        200: Success("What there is to read.", PolicyIndex, "policy", _HEADERS),
        304: Success("The ruleset in force is the one that `If-None-Match` names."),
    },
    problems=(401, 403, 422, 503),
)
VIEW: Final = Operation(
    id="policy_view",
    tag="Policy",
    summary="One view of the policy in force",
    description=(
        "The member that has the view's name lists its entries: everything that a form needs. `generations`"
        " has the month in which users are counted, `facts` the questions to ask (`{generation}`, `{month}`"
        " and `{number}` are slots), their values and what is presumed, `purposes` the assurance that goes "
        "with each."
    ),
    answers={
        200: Success("The entries, and the ruleset that they are of.", PolicyView, "policy_view", _HEADERS),
        304: Success("The ruleset in force is the one that `If-None-Match` names."),
    },
    problems=(401, 403, 404, 422, 503),
    parameters=(
        Parameter(
            "view",
            "path",
            "Which view.",
            {"type": "string", "enum": list(VIEWS)},
            "generations",
            required=True,
        ),
    ),
)


@route(_PATH, http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=INDEX.opt())
async def policy(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What there is to read of the policy."""
    return await _rendered(request, None)


@route(f"{_PATH}/{{view:str}}", http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=VIEW.opt())
async def policy_view(request: Request[Any, Any, Any]) -> Response[bytes]:
    """One view of the policy."""
    name: str = request.path_params["view"]
    if name not in VIEWS:
        known = ", ".join(f"`{each}`" for each in VIEWS)
        raise Refusal("not-found", f"there is no such view of the policy: the views are {known}")
    return await _rendered(request, name)


async def _rendered(request: Request[Any, Any, Any], name: str | None) -> Response[bytes]:
    """A view, from memory where it was rendered before; nothing where the caller has it already."""
    parameters(request)
    service = service_of(request)
    ruleset = (await service.in_force.current()).ruleset
    tag = f'"{ruleset.digest}"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or tag in (each.strip().removeprefix("W/") for each in known.split(",")):
        return answer(b"", status=HTTP_304_NOT_MODIFIED, headers=headers)
    body = service.rendered.get((ruleset.digest, name))
    if body is None:
        body = as_json(index(ruleset) if name is None else view(ruleset, name))
        service.rendered.put((ruleset.digest, name), body)
    return answer(body, headers=headers)
