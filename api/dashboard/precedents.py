"""Precedents: which there are, one with the decisions like it, making one of an override, and ending it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, post, route

from api.dashboard.lists import csv_answer
from api.dashboard.pages import page, see_other
from api.dashboard.posted import posted
from api.dashboard.sessions import CHANNEL, PATH, actor_of, caller_of
from api.filters import Wrong, one_of, read_values
from api.incoming import parameters
from api.precedents import CASE_TYPE, case_file, precedent_asked_about
from api.recording import record_access
from api.reviews import as_file
from api.service import Service, service_of
from eligibility.atoms import Questions
from eligibility.cell_words import CellWords, in_words
from eligibility.errors import ActRefused, Fault
from eligibility.precedents import GENERATION, STATES, Precedent, State
from eligibility.refusals import shown
from eligibility.review import REVIEWING
from eligibility.review_acts import end_precedent
from eligibility.storage import precedents
from eligibility.storage.decisions import decision
from eligibility.storage.precedents import Wanted, like
from eligibility.storage.reviews import in_force

LIST: Final = f"{PATH}/precedents"
ONE: Final = f"{LIST}/{{identifier:str}}"

NOTICES: Final = {"made": "The precedent was made.", "ended": "The precedent has ended."}

_FILTERS: Final = ("state", "generation", "outcome")
_ON_A_PAGE: Final = 50
_IN_A_PIECE: Final = 500
_COLUMNS: Final = (
    *("id", "state", "outcome", "generation", "facts", "text", "made_by", "made_at", "expires_at"),
    *("ended_at", "decision"),
)


@route(LIST, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def list_all(request: Request[Any, Any, Any]) -> Response[Any]:
    """Precedents, newest first; as CSV all that match."""
    service = service_of(request)
    given = {
        name: value
        for name, value in parameters(request, (*_FILTERS, "before", "format", "said")).items()
        if value
    }
    values = _read(given, service)
    wanted = Wanted(
        cast("State | None", values.get("state")),
        cast("str | None", values.get("generation")),
        cast("str | None", values.get("outcome")),
    )
    if values.get("format") == "csv" and request.method == "GET":
        return csv_answer("precedents", _COLUMNS, _rows(service, wanted))
    before = cast("UUID | None", values.get("before"))
    found = await precedents.page_of(service.database, wanted, before=before, limit=_ON_A_PAGE + 1)
    chosen: dict[str, str] = {name: given[name] for name in _FILTERS if name in given}
    after = {**chosen, "before": str(found[_ON_A_PAGE - 1].id)} if len(found) > _ON_A_PAGE else None
    return page(
        request,
        "precedents.html",
        notices=NOTICES,
        precedents=found[:_ON_A_PAGE],
        chosen=chosen,
        generations=_generations(service),
        generation_of=GENERATION,
        csv=_address({**chosen, "format": "csv"}),
        after=after and _address(after),
        first=_address(chosen) if before else None,
    )


def _read(given: dict[str, str], service: Service) -> dict[str, object]:
    ruleset = service.in_force.decider.ruleset
    return read_values(
        given,
        {
            "state": lambda value: one_of(value, STATES),
            "generation": lambda value: one_of(value, ruleset.generations),
            "outcome": lambda value: one_of(value, ruleset.texts["outcomes"]),
            "before": _identifier,
            "format": lambda value: one_of(value, ("csv",)),
            "said": str,
        },
    )


def _identifier(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise Wrong(f"{shown(value)} is no id: take the link to the next page") from None


def _address(values: dict[str, str]) -> str:
    return f"{LIST}?{urlencode(values)}" if values else LIST


def _generations(service: Service) -> list[tuple[str, str]]:
    found = service.in_force.decider.ruleset.generations
    return [(name, generation.title) for name, generation in found.items()]


async def _rows(service: Service, wanted: Wanted) -> AsyncIterator[Sequence[Sequence[object]]]:
    before: UUID | None = None
    while True:
        found = await precedents.page_of(service.database, wanted, before=before, limit=_IN_A_PIECE)
        if not found:
            return
        yield [_row(each) for each in found]
        before = found[-1].id


def _row(each: Precedent) -> Sequence[object]:
    facts = [fact for fact in each.pattern if fact != GENERATION]
    return (
        *(each.id, each.state, each.outcome, each.pattern[GENERATION], facts, each.text, each.made_by),
        *(each.made_at, each.expires_at, each.ended_at, each.decision),
    )


@route(ONE, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def read(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A precedent."""
    parameters(request, ("said",))
    return await _page(request, await precedent_asked_about(request))


async def _page(
    request: Request[Any, Any, Any],
    found: Precedent,
    *,
    status: int = HTTPStatus.OK,
    faults: tuple[Fault, ...] = (),
) -> Response[bytes]:
    """The page of a precedent. That decisions like it are looked at is recorded first."""
    service = service_of(request)
    alike = await like(service.database, found)
    outcomes = await in_force(service.database, [each.id for each in alike.decisions])
    pattern = await _pattern(service, found)
    await record_access(service, caller_of(request), alike.decisions, channel=CHANNEL)
    return page(
        request,
        "precedent.html",
        status=status,
        notices=NOTICES,
        faults=faults,
        precedent=found,
        pattern=pattern,
        like=alike.decisions,
        looked_at=alike.looked_at,
        in_force={key: outcome for key, (outcome, _) in outcomes.items()},
        may_act=caller_of(request).role in REVIEWING,
    )


async def _pattern(service: Service, found: Precedent) -> list[CellWords]:
    """The cells of a precedent in words: by its decision's ruleset, or, where that is gone, in codes."""
    questions = await _questions(service, found)
    if questions is not None:
        return in_words(questions, found.pattern)
    return [
        CellWords(fact, fact, "not known" if cell is None else str(cell))
        for fact, cell in found.pattern.items()
    ]


async def _questions(service: Service, found: Precedent) -> Questions | None:
    stored = await decision(service.database, found.decision)
    if stored is not None:
        return await service.questions(stored.ruleset, stored.generation)
    return service.in_force.decider.questions.get(found.pattern[GENERATION])


@route(f"{ONE}/case.yaml", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def as_case(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A precedent as a case of the policy, to save."""
    parameters(request)
    name, yaml = await case_file(request, channel=CHANNEL)
    return as_file(name, yaml.encode(), CASE_TYPE)


@post(f"{ONE}/end", status_code=HTTPStatus.SEE_OTHER)
async def end(request: Request[Any, Any, Any]) -> Response[bytes]:
    """End a precedent."""
    await posted(request, ())
    service, found = service_of(request), await precedent_asked_about(request)
    try:
        await end_precedent(service.record, found.id, actor_of(request))
    except ActRefused as error:
        again = await precedents.find(service.database, found.id) or found
        fault = Fault("", f"Nothing was done: {error}.")
        return await _page(request, again, status=HTTPStatus.CONFLICT, faults=(fault,))
    return see_other(f"{LIST}/{found.id}", said="ended")


HANDLERS: Final = (list_all, read, as_case, end)
