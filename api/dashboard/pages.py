"""Pages as HTML: the templates, what every page has around its content, and the headers it is sent with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request

from api.answers import Answer, answer
from api.dashboard import log_words, wording
from api.dashboard.sessions import FORM_FIELD, PATH, form_token, session_of
from api.roles import allowed
from api.service import service_of
from eligibility.errors import Fault

HTML: Final = "text/html; charset=utf-8"
STATIC: Final = Path(__file__).parent / "static"

HEADERS: Final = {
    # nothing from other hosts, no script or style but our own files, in nobody's frame
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
}

_TEMPLATES: Final = Path(__file__).parent / "templates"


class Place(NamedTuple):
    """A page in the navigation: its address below the dashboard's, and what it is called."""

    path: str
    title: str


PLACES: Final = (
    Place("", "Today"),
    Place("/queue", "Queue"),
    Place("/decisions", "Decisions"),
    Place("/precedents", "Precedents"),
    Place("/rules", "Rules"),
    Place("/try", "Try it"),
    Place("/batches", "Batches"),
    Place("/audit", "Audit"),
    Place("/people", "Keys and people"),
)


def page(
    request: Request[Any, Any, Any],
    template: str,
    *,
    status: int = HTTPStatus.OK,
    notices: Mapping[str, str] | None = None,
    faults: tuple[Fault, ...] = (),
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Answer:
    """A page. At its top it says one of its `notices`, the one that `?said=` names, and all `faults`.

    Templates get `values`, and: `me` (the key of who looks, or None), `form_field` and `form_token`,
    `places` (of the navigation), `here` (the path), `faults`, `notice`.
    """
    text = rendered(request, template, notices=notices, faults=faults, **values)
    return answer(text.encode(), status=status, media_type=HTML, headers={**HEADERS, **(headers or {})})


def rendered(
    request: Request[Any, Any, Any],
    template: str,
    *,
    notices: Mapping[str, str] | None = None,
    faults: tuple[Fault, ...] = (),
    **values: Any,
) -> str:
    """A page as text. Arguments are as those of `page`."""
    session = session_of(request)
    around = {
        "me": None if session is None else session.key,
        "places": [] if session is None else _places(session.key.role),
        "here": request.url.path,
        "form_field": FORM_FIELD,
        "form_token": form_token(request),
        "notice": (notices or {}).get(request.query_params.get("said", "")),
        "faults": faults,
        "static": static_address,
        "ruleset": service_of(request).in_force.decider.ruleset,
    }
    return environment().get_template(template).render({**around, **values})


def _places(role: str) -> list[Place]:
    return [place for place in PLACES if role in allowed("GET", PATH + place.path)]


@cache
def environment() -> Environment:
    """Where templates are found, and the words and filters that they use."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for words in (wording, log_words):
        made.filters.update(words.FILTERS)
        made.globals.update(words.GLOBALS)
    return made


def see_other(path: str, *, said: str | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Lead the browser to another page, which says how it went by one of its `notices`."""
    if said is not None:
        address, _, fragment = path.partition("#")
        path = f"{address}{'&' if '?' in address else '?'}said={said}" + (f"#{fragment}" if fragment else "")
    return answer(
        b"", status=HTTPStatus.SEE_OTHER, media_type=HTML, headers={"location": path, **(headers or {})}
    )


@cache
def static_address(name: str) -> str:
    """The address of a file of ours, which changes with what is in it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()
    return f"{PATH}/static/{name}?v={digest[:12]}"
