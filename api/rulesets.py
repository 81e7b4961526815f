"""Rulesets: loading, checking, proposing, approving them, and putting them in force."""

import asyncio
from datetime import datetime
from typing import Any, Final

import orjson
from litestar import Request, Response, delete, post, route
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED, HTTP_204_NO_CONTENT

from api import rulesets_described as described
from api.answers import answer, as_json
from api.auth import caller
from api.forms import read_form
from api.incoming import json_body, parameter_fault, parameters
from api.problems import KINDS, Problem, Refusal, problem_answer
from api.recording import CHANNEL
from api.roles import ROUTES
from api.ruleset_schemas import ActivationAsked, ImpactAsked, ReasonGiven, RulesetUpload
from api.service import Service, service_of
from eligibility.checking import load_elsewhere
from eligibility.errors import Fault, RulesetInvalid, UnacceptableRequest
from eligibility.refusals import pointer
from eligibility.rules_folder import is_name
from eligibility.ruleset_acts import files_of, keep_draft, run_checks, run_impact, sign, take_step
from eligibility.ruleset_life import IMPACT, Actor, Move
from eligibility.ruleset_telling import impact_document, life_document, listed_document
from eligibility.storage import rulesets
from eligibility.storage.recorded import Period
from eligibility.storage.ruleset_life import life, listed

LARGEST_UPLOAD: Final = 8 * 1024 * 1024
"""Bytes, of the files of a ruleset."""

_PATH: Final = "/v1/rulesets"
_ONE: Final = f"{_PATH}/{{digest:str}}"
_SHARED: Final = (_PATH, f"{_ONE}/impact", f"{_ONE}/activation")
"""Paths of which several handlers have a method each."""


@route(list(_SHARED), http_method=["OPTIONS"])
async def methods(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What the framework would say, did it not overlook that handlers share a path."""
    path = request.scope["path_template"]
    known = {method for method, template in ROUTES if template == path}
    allow = sorted({*known, *(["HEAD"] if "GET" in known else []), "OPTIONS"})
    return answer(b"", status=HTTP_204_NO_CONTENT, headers={"allow": ", ".join(allow)})


@route(_PATH, http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=described.LIST.opt())
async def list_all(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Every ruleset."""
    parameters(request)
    found = await listed(service_of(request).database)
    return answer(as_json({"rulesets": [listed_document(each) for each in found]}))


@route(_ONE, http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=described.READ.opt())
async def read(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A ruleset and its life."""
    given = parameters(request, ("document", "reports"))
    service, digest = service_of(request), _digest(request)
    wants = {name: _flag(name, given) for name in ("document", "reports")}
    told = life_document(await life(service.database, digest), reports=wants["reports"])
    if wants["document"]:
        told["document"] = orjson.loads((await rulesets.load(service.database, digest)).document)
    return answer(as_json(told))


@post(_PATH, status_code=HTTP_201_CREATED, request_max_body_size=LARGEST_UPLOAD, opt=described.LOAD.opt())
async def load(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Load a ruleset as a draft."""
    parameters(request)
    # megabytes are read in a thread, and loaded in a process, so that decisions need not wait
    asked = await asyncio.to_thread(read_form, RulesetUpload, await json_body(request))
    unfit = [name for name in asked.files if not is_name(name)]
    if unfit:
        wanted = "name files as a rules folder does: `ruleset.yaml`, `cases/licence.yaml`"
        raise UnacceptableRequest([Fault(pointer(("files", name)), wanted) for name in unfit])
    service = service_of(request)
    try:
        loaded = await load_elsewhere(asked.files)
    except RulesetInvalid as invalid:
        return _faulty(invalid)
    is_new = await keep_draft(service.record, loaded, asked.files, _actor(request), asked.reason)
    return answer(
        as_json(life_document(await life(service.database, loaded.digest))),
        status=HTTP_201_CREATED if is_new else HTTP_200_OK,
        headers={"location": f"{_PATH}/{loaded.digest}"},
    )


def _faulty(invalid: RulesetInvalid) -> Response[bytes]:
    """Every fault of the loader, for people and for programs."""
    errors = tuple(
        Fault(
            pointer(("files", fault.file)),
            f"{'' if fault.line is None else f'line {fault.line}: '}{fault.detail}: {fault.remedy}",
        )
        for fault in invalid.faults
    )
    faults = [
        {"file": fault.file, "line": fault.line, "detail": fault.detail, "remedy": fault.remedy}
        for fault in invalid.faults
    ]
    detail = f"{len(faults)} fault{'s' * (len(faults) > 1)} in the rules: each is named in `errors`"
    return problem_answer(Problem(KINDS["unacceptable"], detail, errors, members={"faults": faults}))


@post(f"{_ONE}/checks", status_code=HTTP_202_ACCEPTED, opt=described.CHECK.opt())
async def check(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Begin the checks."""
    parameters(request)
    service, digest = service_of(request), _digest(request)
    await begin_checks(service, digest, _actor(request))
    return _begun(digest, "checks")


async def begin_checks(service: Service, digest: str, actor: Actor) -> None:
    """Begin the checks, unless they go on already.

    Raises NotFound, Refusal where too many jobs wait, StorageUnavailable.
    """
    await life(service.database, digest)
    await files_of(service.record, digest)
    service.jobs.start(checks_of(digest), lambda: run_checks(service.record, digest, actor))


def checks_of(digest: str) -> str:
    """The name of the job that checks a ruleset."""
    return f"checks of {digest}"


def impact_of(digest: str) -> str:
    """How the names of the jobs begin that compute the impact of a ruleset, each for a period."""
    return f"impact of {digest}"


@post(f"{_ONE}/impact", status_code=HTTP_202_ACCEPTED, opt=described.COMPUTE_IMPACT.opt())
async def compute_impact(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Begin to compute the impact."""
    parameters(request)
    asked = read_form(ImpactAsked, await json_body(request))
    if asked.to <= asked.from_:
        raise UnacceptableRequest([Fault("/to", "the period is empty: `to` has to be later than `from`")])
    service, digest = service_of(request), _digest(request)
    await begin_impact(service, digest, Period(asked.from_, asked.to), _actor(request))
    return _begun(digest, "impact")


async def begin_impact(service: Service, digest: str, period: Period, actor: Actor) -> None:
    """Begin to compute the impact on a period, unless that goes on already.

    Raises NotFound, Refusal where too many jobs wait, StorageUnavailable.
    """
    await life(service.database, digest)
    service.jobs.start(
        f"{impact_of(digest)} for {period}", lambda: run_impact(service.record, digest, period, actor)
    )


@route(f"{_ONE}/impact", http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=described.IMPACT.opt())
async def read_impact(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The latest impact."""
    parameters(request)
    found = await life(service_of(request).database, _digest(request))
    impact = found.checks.get(IMPACT)
    if impact is None:
        raise Refusal("not-found", "the impact of this ruleset was not computed yet")
    return answer(as_json(impact_document(found, impact)))


@post(f"{_ONE}/impact/{{group:str}}/sign-off", status_code=HTTP_200_OK, opt=described.SIGN_OFF.opt())
async def sign_off(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Sign off one group of the impact."""
    parameters(request)
    asked = read_form(ReasonGiven, await json_body(request))
    service, digest = service_of(request), _digest(request)
    group: str = request.path_params["group"]
    await sign(service.record, digest, group, _actor(request), reason=asked.reason)
    return await _told(service, digest)


@post(f"{_ONE}/proposal", status_code=HTTP_200_OK, opt=described.PROPOSE.opt())
async def propose(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Propose a draft."""
    return await _step(request, "proposed")


@post(f"{_ONE}/withdrawal", status_code=HTTP_200_OK, opt=described.WITHDRAW.opt())
async def withdraw(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Make a draft of it again."""
    return await _step(request, "withdrawn")


@post(f"{_ONE}/approval", status_code=HTTP_200_OK, opt=described.APPROVE.opt())
async def approve(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Approve what another person proposed."""
    return await _step(request, "approved")


@post(f"{_ONE}/activation", status_code=HTTP_200_OK, opt=described.ACTIVATE.opt())
async def activate(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Put a ruleset in force, now or at a date."""
    parameters(request)
    asked = read_form(ActivationAsked, await json_body(request))
    service, digest = service_of(request), _digest(request)
    await put_in_force(service, digest, _actor(request), reason=asked.reason, at=asked.at)
    return await _told(service, digest)


async def put_in_force(
    service: Service, digest: str, actor: Actor, *, reason: str, at: datetime | None
) -> None:
    """Put a ruleset in force, at once or at a date. Raises as `take_step` does."""
    step: Move = "activated" if at is None else "scheduled"
    await take_step(service.record, digest, step, actor, reason=reason, at=at)
    if at is None:
        await service.in_force.refresh()


@delete(f"{_ONE}/activation", status_code=HTTP_200_OK, opt=described.CANCEL.opt())
async def cancel(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Cancel the date of an activation."""
    given = parameters(request, ("reason",))
    service, digest = service_of(request), _digest(request)
    reason = given.get("reason")
    await take_step(service.record, digest, "unscheduled", _actor(request), reason=reason)
    return await _told(service, digest)


async def _step(request: Request[Any, Any, Any], step: Move) -> Response[bytes]:
    parameters(request)
    asked = read_form(ReasonGiven, await json_body(request))
    service, digest = service_of(request), _digest(request)
    await take_step(service.record, digest, step, _actor(request), reason=asked.reason)
    return await _told(service, digest)


async def _told(service: Service, digest: str) -> Response[bytes]:
    return answer(as_json(life_document(await life(service.database, digest))))


def _begun(digest: str, what: str) -> Response[bytes]:
    return answer(as_json({"digest": digest, "begun": what}), status=HTTP_202_ACCEPTED)


def _digest(request: Request[Any, Any, Any]) -> str:
    digest: str = request.path_params["digest"]
    return digest


def _actor(request: Request[Any, Any, Any]) -> Actor:
    key = caller(request)
    return Actor(str(key.principal), key.kind, CHANNEL)


def _flag(name: str, given: Any) -> bool:
    value = given.get(name, "false")
    if value not in {"true", "false"}:
        raise UnacceptableRequest([parameter_fault(name, "give `true` or `false`")])
    return bool(value == "true")
