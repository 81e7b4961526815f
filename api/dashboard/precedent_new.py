"""Making a precedent of an override: which facts make the pattern, until when, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, post, route

from api.answers import Answer, as_json
from api.dashboard.pages import page, see_other
from api.dashboard.posted import Posted, posted
from api.dashboard.precedents import LIST
from api.dashboard.sessions import CHANNEL, actor_of, caller_of
from api.decisions import whole
from api.forms import read_form
from api.incoming import parameters
from api.problems import Refusal
from api.recording import record_access
from api.reviews_schemas import PrecedentAsked
from api.service import service_of
from eligibility.canonical import timestamp
from eligibility.cell_words import in_words
from eligibility.domains import AFFILIATES
from eligibility.errors import Fault, UnacceptableRequest
from eligibility.precedents import GENERATION, LONGEST
from eligibility.refusals import shown
from eligibility.review import Case
from eligibility.review_acts import make_precedent, overridden
from eligibility.storage.decisions import StoredDecision, decision

_DAY: Final = timedelta(days=1)
_PROPOSED: Final = timedelta(days=365)
_FIELDS: Final = ("decision", "number", "fact", "expires", "text")


@route(f"{LIST}/new", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def ask(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The form."""
    given = parameters(request, ("decision",))
    stored = await _stored(request, given.get("decision"))
    case = await overridden(service_of(request).database, stored.id)
    return await _page(request, stored, case)


@post(f"{LIST}/new", status_code=HTTPStatus.SEE_OTHER)
async def make(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Make it."""
    form = await posted(request, _FIELDS)
    service, stored = service_of(request), await _stored(request, form.get("decision"))
    case = await overridden(service.database, stored.id)
    if form.text("number") != str(case.number):
        overtaken = Fault(
            "", "The case changed meanwhile, so nothing was done: look again, and send it once more."
        )
        return await _page(request, stored, case, status=HTTPStatus.CONFLICT, faults=(overtaken,), form=form)
    try:
        asked = _asked(form, stored)
        made = await make_precedent(
            service.record,
            stored,
            asked.facts,
            actor_of(request),
            expires=asked.expires,
            why=asked.text,
        )
    except UnacceptableRequest as error:
        faults = tuple(_of_field(each) for each in error.problems)
        return await _page(
            request, stored, case, status=HTTPStatus.UNPROCESSABLE_ENTITY, faults=faults, form=form
        )
    return see_other(f"{LIST}/{made}", said="made")


async def _stored(request: Request[Any, Any, Any], identifier: str | None) -> StoredDecision:
    """The decision that is named. Raises Refusal, StorageUnavailable."""
    try:
        key = UUID(identifier or "")
    except ValueError:
        found = None
    else:
        found = await decision(service_of(request).database, key)
    if found is None:
        raise Refusal("not-found", "there is no decision with this id: begin on the page of a decision")
    return found


def _asked(form: Posted, stored: StoredDecision) -> PrecedentAsked:
    """The form as a call would ask for the same. Raises UnacceptableRequest."""
    faults = []
    try:
        last = date.fromisoformat(form.text("expires"))
        expires = datetime.combine(last, time(), UTC) + _DAY  # it counts on that day still
    except (ValueError, OverflowError):
        example = f"{datetime.now(UTC).date() + _PROPOSED}"
        faults.append(
            Fault("/expires", f"{shown(form.text('expires'))} is no day: give one as in `{example}`")
        )
        expires = datetime.now(UTC)
    asked = {
        "decision": str(stored.id),
        "facts": form.all("fact"),
        "text": form.text("text"),
        "expires": timestamp(expires),
    }
    try:
        read = read_form(PrecedentAsked, as_json(asked))
    except UnacceptableRequest as error:
        raise UnacceptableRequest([*faults, *error.problems]) from None
    if faults:
        raise UnacceptableRequest(faults)
    return read


def _of_field(fault: Fault) -> Fault:
    """The fault, at a field of the page."""
    pointer = "/facts" if fault.pointer.startswith("/facts") else fault.pointer
    detail = (
        "say why it is a precedent" if pointer == "/text" and "some words" in fault.detail else fault.detail
    )
    return Fault(pointer, detail[:1].upper() + detail[1:] + ".")


async def _page(
    request: Request[Any, Any, Any],
    stored: StoredDecision,
    case: Case,
    *,
    status: int = HTTPStatus.OK,
    faults: tuple[Fault, ...] = (),
    form: Posted | None = None,
) -> Answer:
    """The form, with what was typed. That the decision is looked at is recorded first."""
    service = service_of(request)
    questions = await service.questions(stored.ruleset, stored.generation)
    document = whole(stored, questions)
    cells = in_words(questions, stored.cells)
    ticked = rested_on(document["explanation"], stored.cells) if form is None else set(form.all("fact"))
    today = datetime.now(UTC).date()
    await record_access(service, caller_of(request), [stored], channel=CHANNEL)
    return page(
        request,
        "precedent_new.html",
        status=status,
        faults=faults,
        decision=document,
        case=case,
        generation=cells[0],
        cells=[(each, each.fact in ticked) for each in cells[1:]],
        expires=form.text("expires") if form else (today + _PROPOSED).isoformat(),
        earliest=today.isoformat(),
        latest=(today + LONGEST - _DAY).isoformat(),
        text=form.text("text") if form else "",
    )


def rested_on(explanation: Mapping[str, Any], cells: Mapping[str, Any]) -> set[str]:
    """The facts with cells that the outcome was concluded from.

    A permission rests on all: nothing that the rules ask about stood against it.
    """
    before: dict[str, list[str]] = {}
    for edge in explanation["edges"]:
        before.setdefault(edge["to"], []).append(edge["from"])
    waiting = [node["id"] for node in explanation["nodes"] if node["kind"] == "outcome"]
    seen = set(waiting)
    while waiting:
        new = [each for each in before.get(waiting.pop(), ()) if each not in seen]
        seen.update(new)
        waiting.extend(new)
    paths = {node["fact"] for node in explanation["nodes"] if node["id"] in seen and "fact" in node}
    facts = {AFFILIATES if path.startswith(AFFILIATES) else path for path in paths} & set(cells)
    return facts - {GENERATION} or {
        fact for fact in cells if fact != GENERATION and isinstance(cells[fact], list)
    }


HANDLERS: Final = (ask, make)
