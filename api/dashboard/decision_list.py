"""Everything that was decided: looked for by words, facts, people and time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, route

from api.answers import Answer, answer
from api.dashboard.decision_filters import CHANNELS, NAMES, STATES, asked
from api.dashboard.filtering import address, given
from api.dashboard.lists import CSV, begun, csv_answer
from api.dashboard.pages import page, see_other
from api.dashboard.sessions import CHANNEL, PATH, caller_of
from api.decisions import line
from api.filters import finding_names
from api.incoming import parameter_fault
from api.recording import record_access
from api.service import Service, service_of
from eligibility.domains import FACTS
from eligibility.errors import Fault, UnacceptableRequest
from eligibility.storage.batches import find as find_batch
from eligibility.storage.decisions import decision
from eligibility.storage.finding import Found, Hit, find, find_all
from eligibility.storage.reviews import in_force
from eligibility.storage.ruleset_life import listed
from eligibility.storage.sought import Sought

LIST: Final = f"{PATH}/decisions"
LIMIT: Final = 50
_AT_ONCE: Final = 200
_SELDOM: Final = frozenset(NAMES) - {"text", "outcome", "in_force", "from", "to", "cursor", "format"}
"""Filters that are folded away unless they are used."""

_LENGTH_OF_ID: Final = 36
_COLUMNS: Final = (
    *("id", "decided_at", "outcome", "outcome_in_force", "reviews", "generation", "findings"),
    *("missing_facts", "kind", "name", "reference", "requested_by", "channel", "found_in", "batch"),
)

Line = dict[str, Any]


@route(LIST, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def find_decisions(request: Request[Any, Any, Any]) -> Response[Any]:
    """A page of what the filters in the address ask for, or all of it as CSV."""
    filters, service = given(request, NAMES), service_of(request)
    exactly = await _by_id(service, filters.get("text", ""))
    if exactly is not None:
        return see_other(exactly)
    try:
        wanted = await asked(service.database, filters, service.in_force.decider.ruleset)
        if wanted.is_csv:
            return await _taken_away(request, wanted.sought)
        found = await _found(service, wanted.sought, wanted.cursor)
    except UnacceptableRequest as error:
        return await _page(request, filters, Found((), None, None), error.problems)
    return await _page(request, filters, found)


async def _found(service: Service, sought: Sought, cursor: str | None) -> Found:
    try:
        return await find(service.database, sought, cursor=cursor, limit=LIMIT)
    except UnacceptableRequest as error:  # everything else was checked already
        raise UnacceptableRequest([parameter_fault("cursor", str(error))]) from None


async def _by_id(service: Service, text: str) -> str | None:
    """Where a whole id leads straight away."""
    if len(text) != _LENGTH_OF_ID:
        return None
    try:
        identifier = UUID(text)
    except ValueError:
        return None
    if await decision(service.database, identifier) is not None:
        return f"{LIST}/{identifier}"
    if await find_batch(service.database, identifier) is not None:
        return f"{PATH}/batches/{identifier}"
    return None


async def _page(
    request: Request[Any, Any, Any], filters: Mapping[str, str], found: Found, faults: Sequence[Fault] = ()
) -> Answer:
    service = service_of(request)
    lines = await _lines(request, found.hits)
    rest = {name: value for name, value in filters.items() if name not in {"cursor", "format"}}
    after = found.next_cursor
    return page(
        request,
        "decisions.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK,
        faults=tuple(faults),
        given={name: rest.get(name, "") for name in NAMES},
        is_filtered=bool(rest),
        is_narrowed=bool(_SELDOM & set(rest)),
        lines=[each for each in lines if each["id"]],
        batches=[each for each in lines if not each["id"]],
        looked_back_to=found.looked_back_to,
        after=None if after is None else address(LIST, rest, cursor=after),
        first=address(LIST, rest) if "cursor" in filters else None,
        csv=address(LIST, rest, format="csv"),
        choices=await _choices(service),
    )


async def _choices(service: Service) -> dict[str, Any]:
    ruleset = service.in_force.decider.ruleset
    rulesets = await listed(service.database)
    return {
        "generations": ruleset.generations,
        "findings": finding_names(ruleset),
        "rulesets": [(each.digest, each.version) for each in rulesets if each.state != "draft"],
        "channels": CHANNELS,
        "states": STATES,
        "facts": [
            (path, domain.values)
            for path, domain in FACTS.items()
            if domain.kind not in {"text", "affiliates"}
        ],
    }


async def _lines(request: Request[Any, Any, Any], hits: Sequence[Hit]) -> list[Line]:
    """What was found as it is listed, once it is recorded who sees it. Raises StorageUnavailable."""
    service = service_of(request)
    decisions = [hit.decision for hit in hits if hit.decision is not None]
    reviewed = await in_force(service.database, [each.id for each in decisions]) if decisions else {}
    lines = []
    for hit in hits:
        told: Line = {"id": None, "found_in": hit.kind, "at": hit.at, "batch": hit.batch}
        if hit.decision is not None:
            stored = hit.decision
            told |= line(stored, await service.questions(stored.ruleset, stored.generation))
            outcome, number = reviewed.get(stored.id, (stored.outcome, 0))
            told |= {"outcome_in_force": outcome, "reviews": number}
        lines.append(told)
    await record_access(service, caller_of(request), decisions, channel=CHANNEL)
    return lines


async def _taken_away(request: Request[Any, Any, Any], sought: Sought) -> Response[Any]:
    if request.method == "HEAD":  # nothing leaves, so there is nothing to record
        return answer(b"", media_type=CSV)
    return csv_answer("decisions", _COLUMNS, await begun(_rows(request, sought)))


async def _rows(request: Request[Any, Any, Any], sought: Sought) -> AsyncIterator[list[list[object]]]:
    async for hits in find_all(service_of(request).database, sought, at_once=_AT_ONCE):
        lines = await _lines(request, hits)
        yield [[{**each, **each.get("entity", {})}.get(column) for column in _COLUMNS] for each in lines]


HANDLERS: Final = (find_decisions,)
