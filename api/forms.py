"""Bodies of calls other than decisions: small forms, read strictly, with every fault named."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from eligibility.errors import Fault, UnacceptableRequest
from eligibility.parsing import near
from eligibility.reading import parse_json
from eligibility.refusals import pointer, shown
from eligibility.scalars import LONGEST_DESCRIPTION

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")

Form = TypeVar("Form", bound="FormOfCall")


class FormOfCall(BaseModel):
    """A form has its members and no others."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _moment(value: object) -> object:
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):  # a day or hour that does not exist, or is out of bounds in UTC
            pass
    message = f"{shown(value)} is no time: give date, time and zone as in `2026-11-24T21:00:00Z`"
    raise ValueError(message)


Moment = Annotated[datetime, BeforeValidator(_moment)]
"""A time with its zone."""

Reason = Annotated[str, Field(min_length=1, max_length=LONGEST_DESCRIPTION, pattern=r"^[^\x00]*\S[^\x00]*$")]
"""Why somebody acts, in words that can be erased."""


def read_form(form: type[Form], body: bytes) -> Form:
    """Read a body that holds one form. Raises UnreadableRequest, UnacceptableRequest."""
    value = parse_json(body)
    if not isinstance(value, dict):
        raise UnacceptableRequest([Fault("", f"the body must be an object, not {shown(value)}")])
    return filled(form, value)


def filled(form: type[Form], value: Mapping[str, object]) -> Form:
    """A form with these members. Raises UnacceptableRequest."""
    try:
        return form.model_validate(value)
    except ValidationError as error:
        faults = [_fault(each, form) for each in error.errors(include_url=False)]
        raise UnacceptableRequest(faults) from None


def _fault(error: ErrorDetails, form: type[FormOfCall]) -> Fault:
    place, kind = error["loc"], error["type"]
    name = str(place[-1]) if place else ""
    if kind == "missing":
        detail = f"`{name}` is missing: add it"
    elif kind == "extra_forbidden":
        known = [field.alias or key for key, field in form.model_fields.items()]
        remedy = near(name[:100], known) or "use " + ", ".join(f"`{each}`" for each in known)
        detail = f"unknown member {shown(name)}: {remedy}"
    elif kind == "value_error":
        detail = str(error["msg"]).removeprefix("Value error, ")
    elif kind in {"string_too_short", "string_pattern_mismatch"}:
        detail = "must hold some words"
    else:
        message = str(error["msg"])
        detail = f"{shown(error['input'])} cannot be used: {message[:1].lower()}{message[1:]}"
    return Fault(pointer(place), detail)
