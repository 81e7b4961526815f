"""Precedents: listing them, making them from overrides, ending them, and taking them away as cases."""

import re
from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, delete, post, route
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_204_NO_CONTENT

from api import reviews_described as described
from api.answers import answer, as_json
from api.auth import caller
from api.forms import read_form
from api.incoming import json_body, parameters
from api.problems import Refusal
from api.recording import CHANNEL, record_access
from api.reviews import actor_of_call, as_file, form_wanted
from api.reviews_schemas import PrecedentAsked
from api.reviews_told import precedent_document
from api.service import Service, service_of
from eligibility.precedents import Precedent, policy_case
from eligibility.review_acts import end_precedent, make_precedent
from eligibility.storage import precedents
from eligibility.storage.decisions import decision

PATH: Final = "/v1/precedents"
ONE: Final = f"{PATH}/{{identifier:str}}"
CASE_TYPE: Final = "application/yaml"
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@route(PATH, http_method=["OPTIONS"])
async def methods(request: Request[Any, Any, Any]) -> Response[bytes]:  # noqa: ARG001 - the same for everybody
    """What the framework would say, did it not overlook that two handlers share the path."""
    return answer(b"", status=HTTP_204_NO_CONTENT, headers={"allow": "GET, HEAD, OPTIONS, POST"})


@route(PATH, http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=described.PRECEDENTS.opt())
async def list_all(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Every precedent."""
    parameters(request)
    found = await precedents.listed(service_of(request).database)
    return answer(as_json({"precedents": [precedent_document(each) for each in found]}))


@post(PATH, status_code=HTTP_201_CREATED, opt=described.MAKE_PRECEDENT.opt())
async def make(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Make a precedent of an override."""
    parameters(request)
    asked = read_form(PrecedentAsked, await json_body(request))
    service = service_of(request)
    stored = await decision(service.database, UUID(asked.decision))
    if stored is None:
        raise Refusal("not-found", "there is no decision with this id")
    made = await make_precedent(
        service.record,
        stored,
        asked.facts,
        actor_of_call(request),
        expires=asked.expires,
        why=asked.text,
    )
    return await _told(service, made, HTTP_201_CREATED)


@delete(ONE, status_code=HTTP_200_OK, opt=described.END_PRECEDENT.opt())
async def end(request: Request[Any, Any, Any]) -> Response[bytes]:
    """End a precedent."""
    parameters(request)
    service, found = service_of(request), await precedent_asked_about(request)
    await end_precedent(service.record, found.id, actor_of_call(request))
    return await _told(service, found.id, HTTP_200_OK)


@route(f"{ONE}/case", http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=described.POLICY_CASE.opt())
async def as_case(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A precedent as a case of the policy."""
    wanted = form_wanted(request)
    name, yaml = await case_file(request)
    if wanted == "file":
        return as_file(name, yaml.encode(), CASE_TYPE)
    return answer(as_json({"name": name, "yaml": yaml}))


async def case_file(request: Request[Any, Any, Any], *, channel: str = CHANNEL) -> tuple[str, str]:
    """The name and the YAML of the case that the precedent in the path makes; that it is seen is recorded.

    Raises Refusal, StorageUnavailable.
    """
    service, found = service_of(request), await precedent_asked_about(request)
    stored = await decision(service.database, found.decision)
    if stored is None:
        raise Refusal("not-found", "its decision was dropped when its time of retention had passed")
    await record_access(service, caller(request), [stored], channel=channel)
    return f"precedent-{found.id}.yaml", policy_case(found, stored.envelope["facts"])


async def precedent_asked_about(request: Request[Any, Any, Any]) -> Precedent:
    """The precedent in the path. Raises Refusal, StorageUnavailable."""
    identifier: str = request.path_params["identifier"]
    found = None
    if _UUID.fullmatch(identifier):
        found = await precedents.find(service_of(request).database, UUID(identifier))
    if found is None:
        raise Refusal("not-found", "there is no precedent with this id")
    return found


async def _told(service: Service, identifier: UUID, status: int) -> Response[bytes]:
    found = await precedents.find(service.database, identifier)
    if found is None:
        raise Refusal("not-found", "there is no precedent with this id")
    headers = {"location": f"{PATH}/{identifier}"} if status == HTTP_201_CREATED else None
    return answer(as_json(precedent_document(found)), status=status, headers=headers)
