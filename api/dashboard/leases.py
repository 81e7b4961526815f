"""Who holds a case: claiming, releasing, handing over, and assigning several at once."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, post

from api.answers import Answer
from api.dashboard.decision_page import decision_page
from api.dashboard.pages import see_other
from api.dashboard.posted import Posted, posted
from api.dashboard.queue_page import QUEUE, applicant_of, asked_by_form, queue_page
from api.dashboard.sessions import PATH, caller_of
from api.dashboard.wording import counted, sentence, short
from api.decisions import asked_about
from api.problems import Refusal
from api.reviews_queue import lease_of
from api.service import service_of
from eligibility.errors import ActRefused, Fault
from eligibility.review import Case
from eligibility.storage import review_queue
from eligibility.storage.decisions import LARGEST_LIMIT, StoredDecision, decisions_of
from eligibility.storage.keys import names_of
from eligibility.storage.reviews import fill, find_case

ONE: Final = f"{PATH}/decisions/{{identifier:str}}"


@post(f"{ONE}/claim", status_code=HTTPStatus.SEE_OTHER)
async def claim(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Hold a case, or hold it for longer."""
    form = await posted(request, ("back", "then"))
    service, stored, me = service_of(request), await asked_about(request), caller_of(request).principal
    await fill(service.database)
    try:
        await review_queue.claim(service.database, stored.id, me, lease_of(service))
    except ActRefused:
        told = await _why_not(request, [stored.id], me)
        return await _refused(request, stored, form, f"You cannot claim this case: {told[stored.id]}.")
    return await _done(request, stored, form, "claimed")


@post(f"{ONE}/release", status_code=HTTPStatus.SEE_OTHER)
async def release(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Hold a case no longer."""
    form = await posted(request, ("back",))
    service, stored = service_of(request), await asked_about(request)
    try:
        await review_queue.release(service.database, stored.id, caller_of(request).principal)
    except ActRefused as refused:
        return await _refused(request, stored, form, sentence(str(refused)))
    return await _done(request, stored, form, "released")


@post(f"{ONE}/hand-over", status_code=HTTPStatus.SEE_OTHER)
async def hand_over(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Let another person hold a case that one holds."""
    form = await posted(request, ("to",))
    service, stored, me = service_of(request), await asked_about(request), caller_of(request).principal
    to = _identifier(form.text("to")) if "to" in form else None
    if to is None:
        fault = Fault("/to", "Choose who is to hold the case.")
        return await decision_page(
            request, stored, status=HTTPStatus.UNPROCESSABLE_ENTITY, faults=(fault,), typed={}
        )
    try:
        await review_queue.hand_over(service.database, stored.id, to, by=me, lease=lease_of(service))
    except ActRefused as refused:
        return await _refused(request, stored, form, sentence(str(refused)))
    return await _done(request, stored, form, "handed-over")


@post(f"{QUEUE}/assign", status_code=HTTPStatus.SEE_OTHER)
async def assign(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Let a person hold all the cases that are ticked; those that they cannot hold are named."""
    form = await posted(request, ("decision", "to", "back"))
    service, me = service_of(request), caller_of(request).principal
    asked = await asked_by_form(request, form.get("back") or QUEUE)
    wanted = [_identifier(each) for each in dict.fromkeys(form.all("decision"))]
    faults = []
    if not 1 <= len(wanted) <= LARGEST_LIMIT:
        faults.append(Fault("/decision", f"Tick the cases to assign: 1 to {LARGEST_LIMIT} of them."))
    if "to" not in form:
        faults.append(Fault("/to", "Choose who is to hold the cases that are ticked."))
    if faults:
        unprocessable = HTTPStatus.UNPROCESSABLE_ENTITY
        typed = {"to": form.text("to")}
        return await queue_page(
            request, asked, status=unprocessable, faults=tuple(faults), ticked=wanted, typed=typed
        )
    to = me if form.text("to") == "me" else _identifier(form.text("to"))
    await fill(service.database)
    held = await review_queue.assign(service.database, wanted, to, by=me, lease=lease_of(service))
    refused = [each for each in wanted if each not in held]
    if not refused:
        return see_other(asked.here, said="assigned")
    why = await _why_not(request, refused, to)
    named = await decisions_of(service.database, refused)
    told = [f"{_name(each, named.get(each))} is not assigned: {why[each]}." for each in refused]
    return await queue_page(
        request,
        asked,
        status=HTTPStatus.CONFLICT,
        faults=tuple(Fault("", words) for words in told),
        notice=f"{counted(len(held), 'case is', 'cases are')} assigned." if held else None,
    )


def _name(decision: UUID, stored: StoredDecision | None) -> str:
    applicant = applicant_of(stored)
    words = applicant["name"] or applicant["reference"] or "The case"
    return f"{words} ({short(decision)})"


async def _done(request: Request[Any, Any, Any], stored: StoredDecision, form: Posted, said: str) -> Answer:
    back = form.get("back")
    if back is None or form.get("then") == "open":
        return see_other(f"{PATH}/decisions/{stored.id}", said=said)
    return see_other((await asked_by_form(request, back)).here, said=said)


async def _refused(
    request: Request[Any, Any, Any], stored: StoredDecision, form: Posted, words: str
) -> Answer:
    """The page that the form was sent from, saying why nothing was done."""
    back, faults = form.get("back"), (Fault("", words),)
    if back is None:
        return await decision_page(request, stored, status=HTTPStatus.CONFLICT, faults=faults)
    asked = await asked_by_form(request, back)
    return await queue_page(request, asked, status=HTTPStatus.CONFLICT, faults=faults)


async def _why_not(request: Request[Any, Any, Any], decisions: Collection[UUID], to: UUID) -> dict[UUID, str]:
    """Why a person could not be given cases, each in words."""
    database = service_of(request).database
    cases = {each: await find_case(database, each) for each in decisions}
    names = await names_of(database, {to, *(case.holder for case in cases.values() if case and case.holder)})
    can_hold = to in await review_queue.reviewers(database)
    return {each: _reason(case, names, None if can_hold else to) for each, case in cases.items()}


def _reason(case: Case | None, names: dict[UUID, str], cannot: UUID | None) -> str:
    if case is None:
        return "there is no such decision"
    if case.state == "closed":
        return "it is closed"
    if cannot is not None:
        return f"{names.get(cannot, 'this person')} has no key to review with"
    if case.holder is not None and case.held_until is not None:
        return f"{names.get(case.holder, 'somebody else')} holds it until {case.held_until:%H:%M} UTC"
    return "it was held or closed a moment ago: try again"


def _identifier(text: str) -> UUID:
    """An id that a form of ours sends. Raises Refusal."""
    try:
        return UUID(text)
    except ValueError:
        raise Refusal("unreadable", f"`{text[:80]}` is no id: load the page again") from None


HANDLERS: Final = (claim, release, hand_over, assign)
