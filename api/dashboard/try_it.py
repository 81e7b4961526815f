"""A form over all facts that is decided without a record; and from there, with one."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from litestar import Request, Response, post, route

from api.answers import Answer
from api.dashboard.fact_forms import FactField, Group, form_of, months, names_of
from api.dashboard.facts_filled import (
    Filled,
    address_of,
    facts_typed,
    faults_beside,
    filled,
    is_private,
    number_of_affiliates,
    request_body,
    with_affiliates,
)
from api.dashboard.pages import page, see_other
from api.dashboard.posted import Posted, filled_in, pairs_in, posted
from api.dashboard.sessions import CHANNEL, PATH, caller_of
from api.decisions import seen_by_caller
from api.incoming import LARGEST_BODY
from api.problems import Refusal
from api.recording import decide_and_record, record_access
from api.service import service_of
from eligibility.backlog.columns import REQUIRED, place
from eligibility.decider import Decider
from eligibility.domains import AFFILIATES
from eligibility.errors import Fault, IdempotencyConflict, RequestRefused
from eligibility.reading import read_request
from eligibility.reasoner import Asked
from eligibility.scalars import MOST_ENTRIES

TRY: Final = f"{PATH}/try"
ANSWER: Final = f"{TRY}/answer"

MOST_CHANGES: Final = 8
"""Changes to each other outcome that the page tells."""

_REASONS: Final = "reasons"
_ONCE: Final = "once"
_DO: Final = "do"
_FROM: Final = "from"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{20,100}")
_ADD: Final = "add"
_REMOVE: Final = re.compile(r"remove-([0-9]{1,2})")
_CONTROLS: Final = (_REASONS, _ONCE, _DO)
"""What a form sends besides facts."""

_RECORDED_OTHERWISE: Final = Fault(
    "",
    "this form has recorded a decision already, about other facts: to record this one too, record it again",
)


class State(NamedTuple):
    """A form as it stands: what is filled in, and its fields, by group and by name.

    `once` is what keeps it from being recorded twice, None where there is none yet.
    """

    decider: Decider
    typed: Filled
    groups: tuple[Group, ...]
    fields: Mapping[str, FactField]
    with_reasons: bool
    once: str | None

    @property
    def body(self) -> bytes:
        """The request that it makes."""
        return request_body(self.fields, self.typed)

    @property
    def needed(self) -> list[FactField]:
        """The fields without which there is no answer, and which are empty."""
        return [field for name, field in self.fields.items() if name in REQUIRED and name not in self.typed]


@route(TRY, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def read(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The form, filled in as the address says or as a decision's request was, and what would be decided."""
    given = filled_in(pairs_in(request.scope["query_string"]), None)
    decider = await service_of(request).in_force.current()
    source = given.get(_FROM)
    typed = _typed(decider, given, (_FROM, _REASONS))
    private = next(filter(is_private, typed), None)
    if private is not None:
        raise Refusal("unreadable", f"`{private}` is a free text, which no address may hold: type it in")
    if source is not None:
        stored = await seen_by_caller(request, source)
        await record_access(service_of(request), caller_of(request), [stored], channel=CHANNEL)
        typed = facts_typed(stored.facts)
    return await _preview(request, _state(decider, typed, given))


@post(ANSWER, status_code=HTTPStatus.OK, request_max_body_size=LARGEST_BODY)
async def preview(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The same for a form that was sent, with one affiliate more or less where that is asked for."""
    form, decider = await posted(request), await service_of(request).in_force.current()
    return await _preview(request, _state(decider, _typed(decider, form), form))


@post(TRY, status_code=HTTPStatus.SEE_OTHER, request_max_body_size=LARGEST_BODY)
async def record(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Decide what the form says and record it: once, however often it is sent."""
    form, service = await posted(request), service_of(request)
    decider = await service.in_force.current()
    state = _state(decider, _typed(decider, form), form)
    if state.once is None:
        raise Refusal("unreadable", "the form is not complete: load the page again")
    key, once = caller_of(request), f"try-{state.once}"
    try:
        made = await decide_and_record(service, state.body, key, once, channel=CHANNEL)
    except RequestRefused as refused:
        return await _page(request, state, refused.problems)
    except IdempotencyConflict:
        again = state._replace(once=None)
        return await _page(request, again, [_RECORDED_OTHERWISE], status=HTTPStatus.CONFLICT)
    return see_other(f"{PATH}/decisions/{made.id}", said="recorded")


def _typed(decider: Decider, given: Posted, controls: Sequence[str] = _CONTROLS) -> Filled:
    """The facts that were sent, after what is to be done with affiliates. Raises Refusal."""
    typed = {name: values for name, values in filled(given).items() if name not in controls}
    count = number_of_affiliates(typed)
    known = names_of(form_of(decider.ruleset, None, count))
    unknown = next((name for name in typed if name not in known and name != AFFILIATES), None)
    if unknown is not None:
        raise Refusal("unreadable", f"there is no fact `{unknown[:80]}` in this form: load the page again")
    keep, wanted = list(range(count)), given.text(_DO) if _DO in controls else ""
    removed = _REMOVE.fullmatch(wanted)
    if wanted == _ADD and count < MOST_ENTRIES:
        keep.append(count)
    elif removed and int(removed[1]) in keep:
        keep.remove(int(removed[1]))
    return with_affiliates(typed, keep)


def _state(decider: Decider, typed: Filled, given: Posted) -> State:
    generation = next(iter(typed.get("model.generation", ())), None)
    groups = form_of(decider.ruleset, generation, number_of_affiliates(typed))
    once = given.text(_ONCE)
    return State(
        decider,
        typed,
        groups,
        names_of(groups),
        with_reasons=given.get(_REASONS) == "true",
        once=once if _TOKEN.fullmatch(once) else None,
    )


async def _preview(request: Request[Any, Any, Any], state: State) -> Answer:
    """The page with what would be decided, once there is enough to decide on.

    What is not filled in yet is no fault, and asked for instead.
    """
    try:
        asked = read_request(state.body, state.decider.ruleset.vocabulary)
    except RequestRefused as refused:
        empty = {place(field.fact) for field in state.needed}
        return await _page(request, state, [one for one in refused.problems if one.pointer not in empty])
    made = state.decider.decide(asked)
    reasons: Mapping[str, Any] = {}
    if state.with_reasons:
        asked_for = Asked(counterfactuals=True)
        reasons = await service_of(request).reasons.find(state.decider, made, asked_for)
    return await _page(request, state, decision=made.document(), changes=reasons.get("counterfactuals"))


async def _page(
    request: Request[Any, Any, Any],
    state: State,
    faults: Sequence[Fault] = (),
    *,
    status: int | None = None,
    **answer: Any,
) -> Answer:
    ruleset = state.decider.ruleset
    more = {_REASONS: "true"} if state.with_reasons else {}
    beside = faults_beside(faults, state.fields)
    if status is None:
        status = HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK
    values: dict[str, Any] = {"decision": None, "changes": None, **answer}
    return page(
        request,
        "try.html",
        status=status,
        faults=beside,
        groups=state.groups,
        typed=state.typed,
        affiliates=number_of_affiliates(state.typed),
        fields=state.fields,
        needed=state.needed,
        months=months(ruleset),
        with_reasons=state.with_reasons,
        most_changes=MOST_CHANGES,
        once=state.once or secrets.token_urlsafe(24),
        address=address_of(TRY, state.typed, ruleset.vocabulary, **more),
        **values,
    )


HANDLERS: Final = (read, preview, record)
