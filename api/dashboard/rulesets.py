"""Versions of the policy: their list, the page of each, and the steps that bring one in force."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any, Final, TypeVar

from litestar import Request, Response, post, route

from api.answers import Answer, answer
from api.dashboard.lists import csv_answer
from api.dashboard.pages import page, see_other
from api.dashboard.posted import Posted, posted
from api.dashboard.rules import csv_address, given_of, is_csv, pieces
from api.dashboard.ruleset_page import ACTS, HERE, RULESETS, Act, ruleset_page
from api.dashboard.ruleset_upload import zipped
from api.dashboard.sessions import actor_of
from api.rulesets import begin_checks, begin_impact, put_in_force
from api.service import Service, service_of
from eligibility.errors import ActRefused, Fault, Overtaken
from eligibility.ruleset_acts import files_of, sign, take_step
from eligibility.ruleset_life import IMPACT, Life
from eligibility.scalars import LONGEST_DESCRIPTION
from eligibility.storage.recorded import Period
from eligibility.storage.ruleset_life import Listed, life, listed

Value = TypeVar("Value")

_ONE: Final = f"{RULESETS}/{{digest:str}}"
_COLUMNS: Final = (
    "version",
    "digest",
    "state",
    "loaded by",
    "loaded at",
    "last step",
    "due",
    "in force since",
)
_STEP: Final = ("number", "in_force", "reason")
_CHANGED: Final = (
    "something was done with this ruleset, or another was put in force, since you opened the page:"
    " nothing was done now. Look at what changed, then send it again"
)


@route(RULESETS, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def list_all(request: Request[Any, Any, Any]) -> Response[Any]:
    """Every version."""
    given = given_of(request, ("format",))
    found = await listed(service_of(request).database)
    if is_csv(given):
        rows = [_cells(each) for each in found]
        return csv_answer("rulesets", _COLUMNS, pieces(rows))
    return page(request, "rulesets.html", here=HERE, found=found, csv=csv_address(RULESETS, given))


def _cells(one: Listed) -> tuple[object, ...]:
    since = one.since if one.state == "in_force" else None
    return (
        *(one.version, one.digest, one.state, one.loaded_by),
        *(one.loaded_at, one.moved_at, one.due, since),
    )


@route(_ONE, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def read(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A version."""
    given_of(request, ())
    return await ruleset_page(request, _digest(request))


@route(f"{_ONE}/files.zip", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def files(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Its files, to change them and load them again."""
    given_of(request, ())
    service, digest = service_of(request), _digest(request)
    await life(service.database, digest)
    found = dict(await files_of(service.record, digest))
    headers = {"content-disposition": 'attachment; filename="rules.zip"'}
    return answer(zipped(found), media_type="application/zip", headers=headers)


@post(f"{_ONE}/checks", status_code=HTTPStatus.SEE_OTHER)
async def check(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Begin the checks."""
    await posted(request, ())
    digest = _digest(request)
    await begin_checks(service_of(request), digest, actor_of(request))
    return see_other(f"{RULESETS}/{digest}#checks", said="checks")


@post(f"{_ONE}/impact", status_code=HTTPStatus.SEE_OTHER)
async def compute_impact(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Begin to compute the impact on the decisions of some days."""
    form = await posted(request, ("from", "to"))
    digest, faults = _digest(request), list[Fault]()
    first, last = (_day(form, name, faults) for name in ("from", "to"))
    if first is not None and last is not None and last < first:
        faults.append(Fault("/to", "the last day is before the first: give a later one"))
    if faults or first is None or last is None:
        typed = {"from": form.text("from"), "to": form.text("to")}
        return await _again(request, digest, tuple(faults), typed)
    period = Period(_midnight(first), _midnight(last + timedelta(days=1)))
    await begin_impact(service_of(request), digest, period, actor_of(request))
    return see_other(f"{RULESETS}/{digest}#impact", said="impact")


@post(f"{_ONE}/impact/{{group:str}}/sign-off", status_code=HTTPStatus.SEE_OTHER)
async def sign_off(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Sign off a group of the impact."""
    form = await posted(request, ("impact", "reason"))
    digest, group = _digest(request), str(request.path_params["group"])
    service, typed = service_of(request), {f"{group}-reason": form.text("reason")}
    faults = reason_faults(form, group)
    if faults:
        return await _again(request, digest, faults, typed)
    impact = (await life(service.database, digest)).checks.get(IMPACT)
    if impact is None or str(impact.id) != form.get("impact"):
        return await _again(request, digest, (Fault("", _CHANGED),), typed, HTTPStatus.CONFLICT)
    try:
        await sign(service.record, digest, group, actor_of(request), reason=form.text("reason"))
    except (ActRefused, Overtaken) as refused:
        return await _again(request, digest, (Fault("", str(refused)),), typed, HTTPStatus.CONFLICT)
    return see_other(f"{RULESETS}/{digest}#impact", said="signed")


def _handler(act: Act) -> Any:
    """What takes the step of an act."""

    @post(f"{_ONE}/{act.name}", status_code=HTTPStatus.SEE_OTHER, name=f"ruleset {act.name}")
    async def handler(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await _step(request, act)

    return handler


async def _step(request: Request[Any, Any, Any], act: Act) -> Response[bytes]:
    is_dated = act.name == "schedule"
    form = await posted(request, (*_STEP, "date", "time") if is_dated else _STEP)
    digest, service = _digest(request), service_of(request)
    typed = {f"{act.name}-reason": form.text("reason"), "date": form.text("date"), "time": form.text("time")}
    faults = list(reason_faults(form, act.name))
    at = _moment(form, faults) if is_dated else None
    if faults:
        return await _again(request, digest, tuple(faults), typed)
    if _is_stale(await life(service.database, digest), form):
        return await _again(request, digest, (Fault("", _CHANGED),), typed, HTTPStatus.CONFLICT)
    try:
        await _take(service, request, act, form.text("reason"), at)
    except (ActRefused, Overtaken) as refused:
        return await _again(request, digest, (Fault("", str(refused)),), typed, HTTPStatus.CONFLICT)
    return see_other(f"{RULESETS}/{digest}", said=act.name)


async def _take(
    service: Service, request: Request[Any, Any, Any], act: Act, reason: str, at: datetime | None
) -> None:
    digest, actor = _digest(request), actor_of(request)
    if act.move in {"activated", "scheduled"}:
        await put_in_force(service, digest, actor, reason=reason, at=at)
    else:
        await take_step(service.record, digest, act.move, actor, reason=reason)


def _is_stale(found: Life, form: Posted) -> bool:
    number = found.steps[-1].number if found.steps else 0
    return form.get("number") != str(number) or form.get("in_force") != found.in_force


async def _again(
    request: Request[Any, Any, Any],
    digest: str,
    faults: tuple[Fault, ...],
    typed: dict[str, str],
    status: int = HTTPStatus.UNPROCESSABLE_ENTITY,
) -> Answer:
    return await ruleset_page(request, digest, status=status, faults=faults, typed=typed)


def reason_faults(form: Posted, name: str) -> tuple[Fault, ...]:
    """What is wrong with the reason that an act is given."""
    reason = form.get("reason")
    if reason is None:
        return (Fault(f"/{name}-reason", "say why: whoever reads the log later has only these words"),)
    if len(reason) > LONGEST_DESCRIPTION:
        return (
            Fault(f"/{name}-reason", f"this is too long: use at most {LONGEST_DESCRIPTION:,} characters"),
        )
    return ()


def _moment(form: Posted, faults: list[Fault]) -> datetime | None:
    day = _day(form, "date", faults)
    at = _read(form, "time", faults, _time, "give hours and minutes, UTC, as in `09:30`")
    return None if day is None or at is None else datetime.combine(day, at, UTC)


def _time(text: str) -> time:
    """Hours and minutes. Raises ValueError, also where a zone is named."""
    return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - the time of a day, whose zone the form says


def _day(form: Posted, name: str, faults: list[Fault]) -> date | None:
    return _read(form, name, faults, date.fromisoformat, "give a day as in `2026-11-30`")


def _read(
    form: Posted, name: str, faults: list[Fault], read: Callable[[str], Value], remedy: str
) -> Value | None:
    try:
        return read(form.text(name))
    except ValueError:
        faults.append(Fault(f"/{name}", remedy))
        return None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _digest(request: Request[Any, Any, Any]) -> str:
    return str(request.path_params["digest"])


HANDLERS: Final = (list_all, read, files, check, compute_impact, sign_off, *map(_handler, ACTS))
