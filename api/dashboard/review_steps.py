"""Taking steps with the case of a decision on its page, and the files that belong to them."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, post, route

from api.answers import Answer
from api.dashboard.decision_page import decision_page
from api.dashboard.leases import ONE
from api.dashboard.pages import see_other
from api.dashboard.posted import Posted, Sent, posted, posted_with_file
from api.dashboard.sessions import CHANNEL, PATH, actor_of, caller_of
from api.dashboard.wording import ACTED, sentence
from api.decisions import asked_about
from api.forms import filled
from api.problems import Refusal
from api.recording import record_access
from api.reviews import as_file, asked_file, attaching, word_of
from api.reviews_schemas import FileNamed, ReviewSaid
from api.service import service_of
from eligibility.errors import ActRefused, Fault, Overtaken, UnacceptableRequest
from eligibility.review_acts import take_step
from eligibility.storage.attachments import LARGEST
from eligibility.storage.decisions import StoredDecision
from eligibility.storage.reviews import steps_of

LARGEST_UPLOAD: Final = 4 * LARGEST
"""Bytes: more than a file may have, so that one that is somewhat too large is told so on the page."""

_NAMES: Final = ("kind", "reason", "text", "outcome")
_WANTED: Final = {
    "reason": "Choose the reason.",
    "text": "Say why, in some words.",
    "outcome": "Choose the outcome that should be in force.",
}
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_NO_TYPE: Final = "application/octet-stream"
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")


@post(f"{ONE}/reviews", status_code=HTTPStatus.SEE_OTHER)
async def say(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Take a step."""
    form = await posted(request, (*_NAMES, "number", "questions"))
    stored = await asked_about(request)
    if not _NUMBER.fullmatch(form.text("number")):
        raise Refusal(
            "unreadable", "the form does not say which state of the case it is about: load the page"
        )
    number = int(form.text("number"))
    try:
        _require(
            form, ("reason", "text", "outcome") if form.get("kind") == "override" else ("reason", "text")
        )
        given: dict[str, object] = {name: form.get(name) for name in _NAMES if name in form}
        asked = filled(ReviewSaid, given | {"number": number, "questions": form.all("questions")})
        word = word_of(asked, caller_of(request))
        await take_step(service_of(request).record, stored.id, word, actor_of(request), number=number)
    except UnacceptableRequest as error:
        return await _again(request, stored, form, HTTPStatus.UNPROCESSABLE_ENTITY, error.problems)
    except Overtaken:
        return await _overtaken(request, stored, form, number)
    except ActRefused as error:
        return await _again(request, stored, form, HTTPStatus.CONFLICT, (Fault("", sentence(str(error))),))
    return see_other(f"{PATH}/decisions/{stored.id}", said=asked.kind)


@post(f"{ONE}/files", status_code=HTTPStatus.SEE_OTHER, request_max_body_size=LARGEST_UPLOAD)
async def attach(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Attach a file. Nobody else's step is in its way, so no state of the case is named."""
    form, sent = await posted_with_file(request, ("reason", "text", "kind"), "file", most=LARGEST)
    stored = await asked_about(request)
    try:
        asked = _described(form, sent)
        word, file = await asyncio.to_thread(attaching, asked, b"" if sent is None else sent.content)
        await take_step(service_of(request).record, stored.id, word, actor_of(request), attached=file)
    except UnacceptableRequest as error:
        faults = [
            Fault("/file" if each.pointer == "/name" else each.pointer, each.detail)
            for each in error.problems
        ]
        return await _again(request, stored, form, HTTPStatus.UNPROCESSABLE_ENTITY, faults)
    return see_other(f"{PATH}/decisions/{stored.id}", said="attach")


@route(f"{ONE}/files/{{attachment:str}}", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def download(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A file that was attached, to be saved and never shown in place."""
    stored, found = await asked_file(request)
    await record_access(service_of(request), caller_of(request), [stored], channel=CHANNEL)
    return as_file(found.name, found.content, _NO_TYPE)


def _described(form: Posted, sent: Sent | None) -> FileNamed:
    """What is said of a file. Raises UnacceptableRequest."""
    _require(form, ("reason", "text"))
    if sent is None or not 0 < len(sent.content) <= LARGEST:
        raise UnacceptableRequest([Fault("/file", "Choose a file that is not empty, of 10 MB at most.")])
    kind = sent.media_type.partition(";")[0].strip().lower()
    said = {"reason": form.text("reason"), "text": form.text("text"), "name": sent.name}
    return filled(FileNamed, said | {"media_type": kind if _MEDIA_TYPE.fullmatch(kind) else _NO_TYPE})


def _require(form: Posted, names: tuple[str, ...]) -> None:
    """See that fields are filled in. Raises UnacceptableRequest."""
    faults = [Fault(f"/{name}", _WANTED[name]) for name in names if name not in form]
    if faults:
        raise UnacceptableRequest(faults)


async def _overtaken(
    request: Request[Any, Any, Any], stored: StoredDecision, form: Posted, number: int
) -> Answer:
    """The page again, saying what was done since it was opened."""
    steps = await steps_of(service_of(request).database, stored.id)
    since = [
        f"{step.by or 'somebody'} {ACTED[step.kind][:1].lower()}{ACTED[step.kind][1:]} at {step.at:%H:%M} UTC"
        for step in steps
        if step.number > number
    ]
    words = "The case has changed since you opened it, so nothing was done: " + "; ".join(since)
    fault = Fault("", f"{words}. Look at it as it is now, then decide whether to send this again.")
    return await _again(request, stored, form, HTTPStatus.CONFLICT, (fault,))


async def _again(
    request: Request[Any, Any, Any],
    stored: StoredDecision,
    form: Posted,
    status: HTTPStatus,
    faults: tuple[Fault, ...] | list[Fault],
) -> Answer:
    """The page again, with what was typed."""
    typed = {name: form.text(name) for name in ("kind", "reason", "text", "outcome")}
    typed["questions"] = " ".join(form.all("questions"))
    return await decision_page(request, stored, status=status, faults=tuple(faults), typed=typed)


HANDLERS: Final = (say, attach, download)
