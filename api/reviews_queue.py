"""The queue of reviews: its pages, and who holds which case."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, cast
from uuid import UUID

from litestar import Request, Response, post, route
from litestar.status_codes import HTTP_200_OK

from api import reviews_described as described
from api.answers import answer, as_json
from api.auth import caller
from api.decisions import asked_about
from api.filters import Wrong, one_of, page_size, read_values
from api.forms import read_form
from api.incoming import json_body, parameter_fault, parameters
from api.problems import Refusal
from api.reviews import ONE, PATH
from api.reviews_schemas import Assigned, HandedOver
from api.reviews_told import case_documents
from api.service import Service, service_of
from eligibility.errors import ActRefused, NotFound, UnacceptableRequest
from eligibility.refusals import shown
from eligibility.review import CAUSES, CONTACT_REASONS, STATES
from eligibility.scalars import LONGEST_TEXT
from eligibility.storage import review_queue
from eligibility.storage.decisions import DEFAULT_LIMIT
from eligibility.storage.keys import Key
from eligibility.storage.review_queue import Order, Wanted
from eligibility.storage.reviews import fill, find_case

NAMES: Final = (
    *("state", "cause", "reason", "generation", "outcome", "holder", "overdue", "channel"),
    *("order", "limit", "cursor"),
)


@route(PATH, http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=described.QUEUE.opt())
async def queue(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A page of the queue."""
    service, key = service_of(request), caller(request)
    values = values_of(parameters(request, NAMES), service)
    wanted = await wanted_of(service, key, values)
    await fill(service.database)
    try:
        page = await review_queue.page_of_queue(
            service.database,
            wanted,
            cursor=cast("str | None", values.get("cursor")),
            limit=cast("int", values.get("limit", DEFAULT_LIMIT)),
        )
    except UnacceptableRequest as error:
        raise UnacceptableRequest([parameter_fault("cursor", str(error))]) from None
    told = {
        "reviews": await case_documents(service, page.cases),
        "next": page.next_cursor,
        "counts": await review_queue.counts(service.database),
    }
    return answer(as_json(told))


def values_of(given: Mapping[str, str], service: Service) -> dict[str, object]:
    """What the parameters of a page of the queue say. Raises UnacceptableRequest."""
    ruleset = service.in_force.decider.ruleset
    return read_values(
        given,
        {
            "state": lambda value: one_of(value, STATES),
            "cause": lambda value: one_of(value, CAUSES),
            "reason": lambda value: one_of(value, CONTACT_REASONS),
            "generation": lambda value: one_of(value, ruleset.generations),
            "outcome": lambda value: one_of(value, ruleset.texts["outcomes"]),
            "holder": _word,
            "overdue": lambda value: one_of(value, ("true", "false")) == "true",
            "channel": _word,
            "order": lambda value: one_of(value, ("due", "opened")),
            "limit": page_size,
            "cursor": _word,
        },
    )


async def wanted_of(service: Service, key: Key, values: dict[str, object]) -> Wanted:
    """Which cases they ask for. Raises UnacceptableRequest, StorageUnavailable."""
    holder = cast("str | None", values.get("holder"))
    who: UUID | None = None
    if holder == "me":
        who = key.principal
    elif holder not in {None, "none"}:
        try:
            who = await review_queue.person(service.database, str(holder))
        except NotFound as error:
            raise UnacceptableRequest([parameter_fault("holder", f"{error}: or use `me`, `none`")]) from None
    return Wanted(
        state=cast("str | None", values.get("state")),
        cause=cast("str | None", values.get("cause")),
        reason=cast("str | None", values.get("reason")),
        generation=cast("str | None", values.get("generation")),
        outcome=cast("str | None", values.get("outcome")),
        channel=cast("str | None", values.get("channel")),
        holder=who,
        nobody=holder == "none",
        overdue=cast("bool | None", values.get("overdue")),
        order=cast("Order", values.get("order", "due")),
    )


def _word(value: str) -> str:
    if not value.strip() or len(value) > LONGEST_TEXT or "\0" in value:
        raise Wrong(f"{shown(value)} cannot be looked for: give a text of 1 to {LONGEST_TEXT} characters")
    return value


@post(f"{ONE}/claim", status_code=HTTP_200_OK, opt=described.CLAIM.opt())
async def claim(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Hold a case, or hold it for longer."""
    parameters(request)
    service, decision = service_of(request), (await asked_about(request)).id
    await fill(service.database)
    await review_queue.claim(service.database, decision, caller(request).principal, lease_of(service))
    return await _told(service, decision)


@post(f"{ONE}/release", status_code=HTTP_200_OK, opt=described.RELEASE.opt())
async def release(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Hold a case no longer."""
    parameters(request)
    service, decision = service_of(request), (await asked_about(request)).id
    await review_queue.release(service.database, decision, caller(request).principal)
    return await _told(service, decision)


@post(f"{ONE}/hand-over", status_code=HTTP_200_OK, opt=described.HAND_OVER.opt())
async def hand_over(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Let another person hold a case."""
    parameters(request)
    asked = read_form(HandedOver, await json_body(request))
    service, decision = service_of(request), (await asked_about(request)).id
    to = await review_queue.person(service.database, asked.to)
    by = caller(request).principal
    await review_queue.hand_over(service.database, decision, to, by=by, lease=lease_of(service))
    return await _told(service, decision)


@post(f"{PATH}/assign", status_code=HTTP_200_OK, opt=described.ASSIGN.opt())
async def assign(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Let a person hold several cases."""
    parameters(request)
    asked = read_form(Assigned, await json_body(request))
    service, by = service_of(request), caller(request)
    if by.kind != "person":
        raise ActRefused("only a person can assign cases: use a key that was made with `--person`")
    to = await review_queue.person(service.database, asked.to)
    await fill(service.database)
    wanted = [UUID(each) for each in dict.fromkeys(asked.decisions)]
    held = await review_queue.assign(service.database, wanted, to, by=by.principal, lease=lease_of(service))
    told = {
        "to": asked.to,
        "assigned": [str(each) for each in wanted if each in held],
        "refused": [str(each) for each in wanted if each not in held],
    }
    return answer(as_json(told))


def lease_of(service: Service) -> timedelta:
    """How long one holds a case that one claims."""
    return timedelta(minutes=service.settings.review_lease_minutes)


async def _told(service: Service, decision: UUID) -> Response[bytes]:
    case = await find_case(service.database, decision)
    if case is None:
        raise Refusal("not-found", "there is no decision with this id")
    [told] = await case_documents(service, [case])
    return answer(as_json(told))
