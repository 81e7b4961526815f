"""Loading a draft: the files of a rules folder are uploaded, and every fault in them is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, post, route

from api.answers import Answer
from api.dashboard.pages import page, see_other
from api.dashboard.posted import Sent, posted_with_files
from api.dashboard.ruleset_page import HERE, RULESETS
from api.dashboard.ruleset_upload import LARGEST, uploaded
from api.dashboard.rulesets import reason_faults
from api.dashboard.sessions import actor_of
from api.service import service_of
from eligibility.checking import load_elsewhere
from eligibility.errors import ActRefused, Fault, RuleFault, RulesetInvalid
from eligibility.ruleset_acts import keep_draft
from eligibility.scalars import LONGEST_DESCRIPTION

_PATH: Final = f"{RULESETS}/new"


@route(_PATH, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def ask(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The form."""
    return _page(request)


@post(_PATH, status_code=HTTPStatus.SEE_OTHER, request_max_body_size=LARGEST)
async def load(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Keep what was uploaded as a draft, if it is one."""
    form, sent = await posted_with_files(request, ("reason",), ("files", "cases"))
    faults, reason = list(reason_faults(form, "new")), form.text("reason")
    if not sent["files"]:
        faults.append(Fault("/files", "choose the files of the folder, or the zipped folder"))
    if faults:
        return _page(request, faults=tuple(faults), reason=reason, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    service = service_of(request)
    try:
        # megabytes are unpacked in a thread, and loaded in a process, so that decisions need not wait
        files = await asyncio.to_thread(uploaded, *(_named(sent[each]) for each in ("files", "cases")))
        loaded = await load_elsewhere(files)
    except RulesetInvalid as invalid:
        return _page(request, invalid=invalid.faults, reason=reason, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        is_new = await keep_draft(service.record, loaded, files, actor_of(request), reason)
    except ActRefused as refused:
        return _page(request, faults=(Fault("", str(refused)),), reason=reason, status=HTTPStatus.CONFLICT)
    return see_other(f"{RULESETS}/{loaded.digest}", said="loaded" if is_new else "known")


def _named(sent: Sequence[Sent]) -> list[tuple[str, bytes]]:
    return [(each.name, each.content) for each in sent]


def _page(
    request: Request[Any, Any, Any],
    *,
    status: int = HTTPStatus.OK,
    faults: tuple[Fault, ...] = (),
    invalid: tuple[RuleFault, ...] = (),
    reason: str = "",
) -> Answer:
    return page(
        request,
        "ruleset_new.html",
        status=status,
        faults=faults,
        here=HERE,
        invalid=invalid,
        reason=reason,
        longest=LONGEST_DESCRIPTION,
    )


HANDLERS: Final = (ask, load)
