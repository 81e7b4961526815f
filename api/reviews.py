"""Reviews: taking steps with the case of a decision, reading it, and what is attached to it."""

import asyncio
import base64
import binascii
import re
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, post, route
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from api import reviews_described as described
from api.answers import answer, as_json
from api.auth import caller, own_only
from api.decisions import asked_about
from api.filters import one_of, read_values
from api.forms import read_form
from api.incoming import idempotency_key, json_body, parameters
from api.problems import Refusal
from api.recording import CHANNEL, record_access
from api.reviews_schemas import FileAttached, FileNamed, ReviewSaid
from api.reviews_told import whole_case
from api.service import Service, service_of
from eligibility.domains import FACTS
from eligibility.errors import Fault, UnacceptableRequest
from eligibility.parsing import near
from eligibility.review import AGREEING, ANY_NUMBER, REASONS, SECOND, Kind
from eligibility.review_acts import take_step
from eligibility.ruleset_life import Actor
from eligibility.storage.attachments import LARGEST, Attachment, attachment
from eligibility.storage.decisions import StoredDecision
from eligibility.storage.keys import Key
from eligibility.storage.precedents import precedents_for
from eligibility.storage.reviews import Word, find_case, steps_of

PATH: Final = "/v1/reviews"
ONE: Final = f"{PATH}/{{identifier:str}}"
LARGEST_UPLOAD: Final = LARGEST * 4 // 3 + 128 * 1024
"""Bytes, of a file in base64 with what is said of it."""

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MEMBER: Final = re.compile(r"\[(?:0|[1-9][0-9]?)\]")


@post("/v1/decisions/{identifier:str}/reviews", status_code=HTTP_201_CREATED, opt=described.SAY.opt())
async def say(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Take a step with the case of a decision."""
    parameters(request)
    if idempotency_key(request) is not None:
        raise Refusal(
            "unreadable",
            "this call takes no `Idempotency-Key`: name the case's `number`, and repeat it",
        )
    asked = read_form(ReviewSaid, await json_body(request))
    word = word_of(asked, caller(request))
    stored = await asked_about(request)
    made = await take_step(
        service_of(request).record, stored.id, word, actor_of_call(request), number=asked.number
    )
    return await _told(service_of(request), stored, made)


def word_of(asked: ReviewSaid, key: Key) -> Word:
    """What is said by a step. Raises UnacceptableRequest, Refusal where the role of the key may not."""
    faults = [*_reason_faults(asked.kind, asked.reason), *_faults(asked)]
    if faults:
        raise UnacceptableRequest(faults)
    _require_role(key, asked.kind)
    facts = {"questions": asked.questions} if asked.questions else {}
    return Word(asked.kind, asked.reason, asked.text, asked.outcome, facts)


@route(ONE, http_method=["GET", "HEAD"], status_code=HTTP_200_OK, opt=described.READ.opt())
async def read(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The case of a decision, with its steps and the precedents that it is like."""
    parameters(request)
    service, stored = service_of(request), await asked_about(request)
    steps = await steps_of(service.database, stored.id)
    case = await find_case(service.database, stored.id)
    if case is None:  # dropped since we looked
        raise Refusal("not-found", "there is no decision with this id")
    like = await precedents_for(service.database, stored.cells)
    told = await whole_case(service, case, steps, like)
    await record_access(service, caller(request), [stored])
    return answer(as_json(told))


@post(
    f"{ONE}/attachments",
    status_code=HTTP_201_CREATED,
    request_max_body_size=LARGEST_UPLOAD,
    opt=described.ATTACH.opt(),
)
async def attach(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Attach a file."""
    parameters(request)
    # megabytes are read in a thread, so that decisions need not wait
    asked = await asyncio.to_thread(read_form, FileAttached, await json_body(request))
    content = await asyncio.to_thread(_bytes, asked.content)
    word, file = await asyncio.to_thread(attaching, asked, content)
    stored = await asked_about(request)
    made = await take_step(service_of(request).record, stored.id, word, actor_of_call(request), attached=file)
    return await _told(service_of(request), stored, made)


def attaching(asked: FileNamed, content: bytes) -> tuple[Word, Attachment]:
    """What is said by attaching a file, and the file. Raises UnacceptableRequest for reason and size."""
    faults = _reason_faults("attach", asked.reason)
    if not 0 < len(content) <= LARGEST:
        faults.append(Fault("/content", f"give 1 to {LARGEST} bytes in base64"))
    if faults:
        raise UnacceptableRequest(faults)
    file = Attachment(asked.name, asked.media_type, content)
    return Word("attach", asked.reason, asked.text, None, file.facts, file.texts), file


@route(
    f"{ONE}/attachments/{{attachment:str}}",
    http_method=["GET", "HEAD"],
    status_code=HTTP_200_OK,
    opt=described.FILE.opt(),
)
async def read_file(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A file that was attached."""
    wanted = form_wanted(request)
    stored, found = await asked_file(request)
    await record_access(service_of(request), caller(request), [stored])
    if wanted == "file":
        return as_file(found.name, found.content, "application/octet-stream")
    told = {
        "name": found.name,
        "media_type": found.media_type,
        "size": len(found.content),
        "content": base64.b64encode(found.content).decode(),
    }
    return answer(await asyncio.to_thread(as_json, told))


async def asked_file(request: Request[Any, Any, Any]) -> tuple[StoredDecision, Attachment]:
    """The file that the path names, and its decision. Raises Refusal, StorageUnavailable."""
    stored = await asked_about(request)
    identifier: str = request.path_params["attachment"]
    found = None
    if _UUID.fullmatch(identifier):
        found = await attachment(service_of(request).database, stored.id, UUID(identifier))
    if found is None:
        raise Refusal("not-found", "this decision has no such file, or it was erased")
    return stored, found


async def _told(service: Service, stored: StoredDecision, made: UUID) -> Response[bytes]:
    case = await find_case(service.database, stored.id)
    if case is None:
        raise Refusal("not-found", "there is no decision with this id")
    told = {
        "decision": str(stored.id),
        "state": case.state,
        "number": case.number,
        "outcome_in_force": case.outcome_in_force,
        "review": str(made),
    }
    return answer(as_json(told), status=HTTP_201_CREATED, headers={"location": f"/v1/decisions/{stored.id}"})


def form_wanted(request: Request[Any, Any, Any]) -> object:
    """Whether JSON is wanted, or the bytes of a file. Raises UnacceptableRequest."""
    given = parameters(request, ("as",))
    return read_values(given, {"as": lambda value: one_of(value, ("json", "file"))}).get("as", "json")


def as_file(name: str, content: bytes, media_type: str) -> Response[bytes]:
    """Bytes to be saved under a name, never shown in place."""
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "content-security-policy": "sandbox; default-src 'none'",
    }
    return answer(content, media_type=media_type, headers=headers)


def actor_of_call(request: Request[Any, Any, Any]) -> Actor:
    """Who calls."""
    key = caller(request)
    return Actor(str(key.principal), key.kind, CHANNEL)


def _require_role(key: Key, kind: Kind) -> None:
    """See that the role may take such a step. Raises Refusal."""
    if own_only(key) is not None and kind != "dispute":
        raise Refusal("not-allowed", f"the role `{key.role}` may dispute a decision, and not `{kind}`")
    if kind in SECOND and key.role not in AGREEING:
        names = ", ".join(f"`{name}`" for name in sorted(AGREEING))
        raise Refusal("not-allowed", f"the role `{key.role}` may not `{kind}`: it is for {names}")


def _reason_faults(kind: Kind, reason: str) -> list[Fault]:
    if reason in REASONS[kind]:
        return []
    listed = ", ".join(f"`{code}` ({words})" for code, words in REASONS[kind].items())
    remedy = near(reason[:100], tuple(REASONS[kind])) or f"use one of {listed}"
    return [Fault("/reason", f"`{reason[:80]}` is no reason for `{kind}`: {remedy}")]


def _faults(asked: ReviewSaid) -> list[Fault]:
    faults = []
    if asked.kind == "attach":
        faults.append(Fault("/kind", "attach files by `POST /v1/reviews/{decision}/attachments`"))
    if asked.number is None and asked.kind not in ANY_NUMBER:
        faults.append(Fault("/number", "`number` is missing: give that of the case as you saw it"))
    if (asked.kind == "override") != (asked.outcome is not None):
        faults.append(Fault("/outcome", "an outcome belongs to `override`, and to nothing else"))
    if asked.questions and asked.kind != "ask":
        faults.append(Fault("/questions", "questions belong to `ask`, and to nothing else"))
    for place, fact in enumerate(asked.questions):
        if _MEMBER.sub("[]", fact) not in _ASKABLE:
            remedy = near(fact[:100], tuple(FACTS)) or "use the paths of facts, as in `missing_facts`"
            faults.append(Fault(f"/questions/{place}", f"`{fact[:80]}` is no fact: {remedy}"))
    return faults


def _bytes(text: str) -> bytes:
    """What a text in base64 holds; nothing where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


_ASKABLE: Final = frozenset(FACTS)
