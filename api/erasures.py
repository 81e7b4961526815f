"""Erasures: the texts of a person or company are erased, and the log says so."""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, post
from litestar.status_codes import HTTP_201_CREATED
from pydantic import BaseModel, ConfigDict, Field

from api.answers import answer, as_json
from api.auth import caller
from api.documented import Operation, Success
from api.incoming import json_body, parameters
from api.recording import CHANNEL
from api.service import service_of
from eligibility.canonical import timestamp
from eligibility.errors import Fault, UnacceptableRequest
from eligibility.reading import parse_json
from eligibility.refusals import shown
from eligibility.scalars import LONGEST_TEXT
from eligibility.storage.erasure import Texts, erase, texts_of_decisions, texts_of_reference

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class ErasureRequest(BaseModel):
    """Whose texts to erase: either a reference, or decisions."""

    model_config = ConfigDict(extra="forbid")

    reference: str | None = Field(
        default=None, min_length=1, max_length=LONGEST_TEXT, description="`entity.reference`, exactly."
    )
    decisions: list[str] | None = Field(
        default=None, min_length=1, description="The ids of decisions, or of other records with texts."
    )
    reason: str | None = Field(
        default=None,
        min_length=1,
        max_length=LONGEST_TEXT,
        description="Why. It is kept like the texts, and can be erased like them.",
    )


class Erasure(BaseModel):
    """What was erased, and the records that say so."""

    model_config = ConfigDict(extra="forbid")

    decisions: int = Field(description="How many decisions lost their texts.")
    others: int = Field(description="How many other records did, such as reviews of them.")
    from_: str = Field(alias="from", description="When the first of these was made, RFC 3339 in UTC.")
    to: str = Field(description="When the last was.")
    erasures: list[str] = Field(description="The ids of the records of the erasure in the log.")


ERASE: Final = Operation(
    id="erase",
    tag="Erasure",
    summary="Erase the texts of a person or company",
    description=(
        "Erases, for ever, every text of the decisions that are meant and of the records about them: names, "
        "references, descriptions, idempotency keys and the like, with the salts that bind them to the log. "
        "What was decided, receipts and verification stay as they were. If a legal hold keeps one of them, "
        "none is erased. Copies in backups are not reached. The body has at most 64 KiB."
    ),
    answers={201: Success("What was erased.", Erasure, "erasure")},
    problems=(400, 401, 403, 404, 409, 413, 415, 422, 503),
    body=ErasureRequest,
    body_example="erasure_request",
)


@post("/v1/erasures", status_code=HTTP_201_CREATED, opt=ERASE.opt())
async def erase_texts(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Erase what is asked for, and record it."""
    parameters(request)
    asked = _asked(parse_json(await json_body(request)))
    service, key = service_of(request), caller(request)
    if asked.reference is not None:
        texts = await texts_of_reference(service.database, asked.reference)
    else:
        texts = await texts_of_decisions(service.database, [UUID(each) for each in asked.decisions or ()])
    made = await erase(
        service.log, service.database, texts, reason=asked.reason, actor=str(key.principal), channel=CHANNEL
    )
    return answer(as_json(erasure_document(texts, made)), status=HTTP_201_CREATED)


def erasure_document(texts: Texts, made: tuple[UUID, ...]) -> dict[str, Any]:
    """What was erased, as it is answered."""
    return {
        "decisions": len(texts.decisions),
        "others": len(texts.others),
        "from": timestamp(texts.first),
        "to": timestamp(texts.last),
        "erasures": [str(record) for record in made],
    }


def _asked(value: object) -> ErasureRequest:
    """What a body asks for. Raises UnacceptableRequest with everything that is wrong."""
    if not isinstance(value, dict):
        raise UnacceptableRequest([Fault("", f"an erasure must be an object, not {shown(value)}")])
    faults = [
        Fault(f"/{name}", f"unknown member {shown(name)}: use `reference` or `decisions`, and `reason`")
        for name in value
        if name not in ErasureRequest.model_fields
    ]
    given = [name for name in ("reference", "decisions") if value.get(name) is not None]
    if len(given) != 1:
        faults.append(Fault("", "say whose texts: give either `reference` or `decisions`"))
    faults += [*_text_faults(value, "reference"), *_text_faults(value, "reason"), *_id_faults(value)]
    if faults:
        raise UnacceptableRequest(faults)
    return ErasureRequest(**value)


def _text_faults(value: Mapping[str, object], name: str) -> list[Fault]:
    text = value.get(name)
    if text is None or (isinstance(text, str) and text.strip() and len(text) <= LONGEST_TEXT):
        return []
    return [Fault(f"/{name}", f"{shown(text)} cannot be used: give a text of 1 to {LONGEST_TEXT} characters")]


def _id_faults(value: Mapping[str, object]) -> list[Fault]:
    ids = value.get("decisions")
    if ids is None:
        return []
    if not isinstance(ids, list) or not ids:
        return [Fault("/decisions", f"{shown(ids)} cannot be used: give a list of at least one id")]
    return [
        Fault(f"/decisions/{index}", f"{shown(each)} is no id of a decision: give a UUID")
        for index, each in enumerate(ids)
        if not (isinstance(each, str) and _UUID.fullmatch(each))
    ]
