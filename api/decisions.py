"""Decisions: making them, reading them again, listing them; and deciding without a record."""

import re
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, post, route
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_204_NO_CONTENT

from api.answers import Answer, answer, as_json
from api.auth import caller, own_only
from api.decisions_described import DECIDE, LIST, READ, WHAT_IF
from api.direct import Direct
from api.filters import NAMES, query_of
from api.incoming import LARGEST_BODY, idempotency_key, json_body, parameter_fault, parameters
from api.problems import Refusal
from api.reasons import NAMES as REASONS
from api.reasons import asked_for
from api.recording import decide_and_record, record_access
from api.reviews_told import reviews_of
from api.service import Service, service_of
from eligibility.atoms import Questions
from eligibility.canonical import timestamp
from eligibility.errors import UnacceptableRequest
from eligibility.reading import read_request
from eligibility.recall import missing_facts, recalled
from eligibility.review import AMONG_US
from eligibility.storage.decisions import StoredDecision, decision, list_decisions
from eligibility.storage.keys import Key
from eligibility.storage.retention import was_dropped
from eligibility.storage.reviews import in_force

PATH: Final = "/v1/decisions"
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@Direct(
    PATH,
    http_method=["POST"],
    status_code=HTTP_201_CREATED,
    request_max_body_size=LARGEST_BODY,
    opt=DECIDE.opt(),
)
async def decide(request: Request[Any, Any, Any]) -> Answer:
    """Decide and record."""
    parameters(request)
    key = idempotency_key(request)
    body = await json_body(request)
    made = await decide_and_record(service_of(request), body, caller(request), key)
    return answer(
        made.json,
        status=HTTP_201_CREATED if made.is_new else HTTP_200_OK,
        headers={"location": f"{PATH}/{made.id}"},
    )


@route(PATH, http_method=["OPTIONS"])
async def methods(request: Request[Any, Any, Any]) -> Response[bytes]:  # noqa: ARG001 - the framework hands it over by this name; the answer is the same for all
    """What the framework would say, did it not overlook that two handlers share the path."""
    return answer(b"", status=HTTP_204_NO_CONTENT, headers={"allow": "GET, HEAD, OPTIONS, POST"})


@post("/v1/what-if", status_code=HTTP_200_OK, request_max_body_size=LARGEST_BODY, opt=WHAT_IF.opt())
async def what_if(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Decide without a record; with reasons beyond the decision, where they are asked for."""
    given = parameters(request, REASONS)
    body = await json_body(request)
    service = service_of(request)
    decider = await service.in_force.current()
    asked = asked_for(given, decider)
    made = decider.decide(read_request(body, decider.ruleset.vocabulary))
    json = made.json(decided_at=datetime.now(UTC))
    if asked:
        reasons = await service.reasons.find(decider, made, asked)
        json = json[:-1] + b"," + as_json(reasons)[1:]
    return answer(json)


@route(f"{PATH}/{{identifier:str}}", http_method=["GET", "HEAD"], opt=READ.opt())
async def read(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A decision as it was answered, with what became of it."""
    parameters(request)
    service, key = service_of(request), caller(request)
    stored = await asked_about(request)
    questions = await service.questions(stored.ruleset, stored.generation)
    document = whole(stored, questions)
    document |= await reviews_of(service, stored, own_only=own_only(key) is not None)
    await record_access(service, key, [stored])
    return answer(as_json(document))


async def asked_about(request: Request[Any, Any, Any]) -> StoredDecision:
    """The decision that the path names, if the caller may see it. Raises Refusal, StorageUnavailable."""
    return await seen_by_caller(request, request.path_params["identifier"])


async def seen_by_caller(request: Request[Any, Any, Any], identifier: str) -> StoredDecision:
    """The decision of that id, if the caller may see it. Raises Refusal, StorageUnavailable."""
    service, key = service_of(request), caller(request)
    stored = None
    if _UUID.fullmatch(identifier):
        stored = await decision(service.database, UUID(identifier), mine=own_only(key))
    if stored is None:
        raise await _absent(service, identifier, key)
    return stored


async def _absent(service: Service, identifier: str, key: Key) -> Refusal:
    """Why a decision is not shown. That it was dropped is for those who may see all that there are."""
    may_know = own_only(key) is None and _UUID.fullmatch(identifier)
    if may_know and await was_dropped(service.database, UUID(identifier)):
        return Refusal("not-found", "this decision was dropped when its time of retention had passed")
    return Refusal("not-found", "there is no decision with this id, or it is not yours to see")


def whole(stored: StoredDecision, questions: Questions) -> dict[str, Any]:
    """A stored decision as it was answered, its request, and what became of it."""
    document = recalled(questions, stored.evaluation, stored.facts, stored.id, stored.at)
    document["request"] = stored.facts
    if stored.request_id is not None:
        document["request_id"] = stored.request_id
    document["erased_at"] = None if stored.erased_at is None else timestamp(stored.erased_at)
    document["reviews"] = []
    document["outcome_in_force"] = stored.outcome
    document["recorded"] = {
        "sequence": stored.sequence,
        "channel": stored.channel,
        "requested_by": stored.requested_by or stored.actor,
    }
    return document


@route(PATH, http_method=["GET", "HEAD"], opt=LIST.opt())
async def list_all(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A page of decisions, newest first."""
    service, key = service_of(request), caller(request)
    given = parameters(request, NAMES)
    query = query_of(given, service.in_force.decider.ruleset, mine=own_only(key))
    try:
        page = await list_decisions(service.database, query.filters, cursor=query.cursor, limit=query.limit)
    except UnacceptableRequest as error:
        # everything else was checked already, so it speaks of the cursor
        raise UnacceptableRequest([parameter_fault("cursor", str(error))]) from None
    lines = [line(each, await service.questions(each.ruleset, each.generation)) for each in page.decisions]
    unseen = () if own_only(key) is None else AMONG_US
    reviewed = await in_force(service.database, [each.id for each in page.decisions], without=unseen)
    for each, told in zip(page.decisions, lines, strict=True):
        outcome, number = reviewed.get(each.id, (each.outcome, 0))
        told |= {"outcome_in_force": outcome, "reviews": number}
    await record_access(service, key, page.decisions)
    return answer(as_json({"decisions": lines, "next": page.next_cursor}))


def line(stored: StoredDecision, questions: Questions) -> dict[str, Any]:
    """A stored decision as it is listed."""
    facts = stored.facts
    entity = facts.get("entity", {})
    return {
        "id": str(stored.id),
        "outcome": stored.outcome,
        "generation": stored.generation,
        "findings": [made["finding"] for made in stored.evaluation["findings"]],
        "missing_facts": missing_facts(questions, stored.evaluation, facts),
        "entity": {name: entity.get(name) for name in ("kind", "name", "reference")},
        "requested_by": stored.requested_by or stored.actor,
        "channel": stored.channel,
        "decided_at": timestamp(stored.at),
        "outcome_in_force": stored.outcome,
        "reviews": 0,
    }
