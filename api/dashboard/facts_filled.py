"""What is filled into the form over all facts: as a request, from one, and what of it an address may hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from api.dashboard.fact_forms import NOTHING, FactField
from api.dashboard.posted import Posted
from api.problems import Refusal
from eligibility.backlog.columns import json_object
from eligibility.backlog.csv_cells import kind_of
from eligibility.codes import UNION, WORLDWIDE, country_meant
from eligibility.domains import AFFILIATES, FACTS
from eligibility.errors import Fault
from eligibility.facts import Vocabulary
from eligibility.reading import flatten
from eligibility.scalars import MOST_ENTRIES

Filled = Mapping[str, Sequence[str]]
"""What stands in each field that is filled in."""

_OF_JSON: Final = ": write it without quotes"
"""What is said of numbers, and no remedy in a form."""

_TRUTHS: Final = ("true", "false")
_BETWEEN: Final = re.compile(r"[;,\n]")
_REGIONS: Final = {UNION.lower(): UNION, WORLDWIDE: WORLDWIDE}


def filled(form: Posted) -> dict[str, list[str]]:
    """What a form holds that was sent."""
    return {name: form.all(name) for name in form.names()}


def number_of_affiliates(typed: Filled) -> int:
    """How many affiliates the form has. Raises Refusal."""
    [count, *more] = typed.get(AFFILIATES, ["0"])
    if more or not re.fullmatch(r"[0-9]{1,3}", count) or int(count) > MOST_ENTRIES:
        raise Refusal("unreadable", f"`{AFFILIATES}` is how many there are: 0 to {MOST_ENTRIES}")
    return int(count)


def with_affiliates(typed: Filled, keep: Sequence[int]) -> dict[str, Sequence[str]]:
    """The same with these affiliates alone, in this order; those that are not there yet are empty."""
    kept = {name: values for name, values in typed.items() if not name.startswith(AFFILIATES)}
    for now, before in enumerate(keep):
        old, new = f"{AFFILIATES}.{before}.", f"{AFFILIATES}.{now}."
        kept |= {
            new + name.removeprefix(old): values for name, values in typed.items() if name.startswith(old)
        }
    return {**kept, AFFILIATES: [str(len(keep))]} if keep else kept


def request_body(fields: Mapping[str, FactField], typed: Filled) -> bytes:
    """The JSON of a request that says what is filled in, and may be wrong as that may be."""
    found = {name: _json(field, typed[name]) for name, field in fields.items() if typed.get(name)}
    facts = {name: text for name, text in found.items() if not name.startswith(f"{AFFILIATES}.")}
    count = number_of_affiliates(typed)
    if count:
        members = (_members(found, f"{AFFILIATES}.{number}.") for number in range(count))
        facts[AFFILIATES] = f"[{','.join(members)}]"
    return json_object(facts)


def _members(found: Mapping[str, str], prefix: str) -> str:
    return json_object(
        {name.removeprefix(prefix): text for name, text in found.items() if name.startswith(prefix)}
    ).decode()


def _json(field: FactField, values: Sequence[str]) -> str:
    if field.shown == "checks":
        return json.dumps([] if values == [NOTHING] else list(values), ensure_ascii=False)
    [text, *more] = values
    if more:
        raise Refusal("unreadable", f"the form has `{field.name}` more than once")
    if field.shown == "list":
        return json.dumps(list(_entries(field, text)), ensure_ascii=False)
    if field.shown == "number":
        return kind_of("number").json(text)
    return text if field.shown == "answer" and text in _TRUTHS else json.dumps(text, ensure_ascii=False)


def _entries(field: FactField, text: str) -> Iterator[str]:
    if text.lower() == NOTHING:
        return
    for written in filter(None, map(str.strip, _BETWEEN.split(text))):
        is_region = FACTS[field.fact].kind == "regions"
        known = _REGIONS.get(written.lower()) or country_meant(written) if is_region else None
        yield known or written


def faults_beside(faults: Sequence[Fault], fields: Mapping[str, FactField]) -> tuple[Fault, ...]:
    """Faults of a request, each pointing at the field that it is about, if there is one."""
    return tuple(
        Fault(_pointer(fault.pointer, fields), fault.detail.removesuffix(_OF_JSON)) for fault in faults
    )


def _pointer(pointer: str, fields: Mapping[str, FactField]) -> str:
    parts = pointer.split("/")[1:]
    while parts and ".".join(parts) not in fields:
        parts.pop()
    return f"/{'.'.join(parts)}" if parts else ""


def facts_typed(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """A request as it would be filled in."""
    typed: dict[str, list[str]] = {}
    for fact, value in flatten(document).items():
        if fact == AFFILIATES:
            if value:
                typed[AFFILIATES] = [str(len(value))]
            for number, affiliate in enumerate(value):
                for name, member in affiliate.items():
                    typed[f"{AFFILIATES}.{number}.{name}"] = _typed(f"{AFFILIATES}[].{name}", member)
        else:
            typed[fact] = _typed(fact, value)
    return typed


def _typed(fact: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [_TRUTHS[not value]]
    if isinstance(value, (tuple, list)):
        if not value:
            return [NOTHING]
        return list(value) if FACTS[fact].kind == "codes" else ["; ".join(value)]
    return [str(value)]


def address_of(path: str, typed: Filled, vocabulary: Vocabulary, **more: str) -> str:
    """The address of what is filled in, without what is private: free texts, and unknown names of models."""
    shown = {name: values for name, values in typed.items() if not is_private(name)}
    if vocabulary.model(next(iter(typed.get("model.name", ())), None)) is None:
        shown.pop("model.name", None)
    query = urlencode({**shown, **more}, doseq=True)
    return f"{path}?{query}" if query else path


def is_private(name: str) -> bool:
    """Whether a field is for a free text, which no address may hold."""
    return name in FACTS and FACTS[name].kind == "text"
