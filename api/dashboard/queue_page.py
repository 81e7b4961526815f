"""The page of the queue: which cases its address asks for, and how they are shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request

from api.answers import Answer
from api.dashboard import wording
from api.dashboard.pages import page
from api.dashboard.remembered import remembered
from api.dashboard.sessions import CHANNEL, PATH, caller_of
from api.filters import one_of, read_values
from api.incoming import parameter_fault, parameters_of
from api.problems import Refusal
from api.recording import record_access
from api.reviews_queue import values_of, wanted_of
from api.reviews_told import case_documents
from api.service import Service, service_of
from eligibility.canonical import timestamp
from eligibility.errors import Fault, UnacceptableRequest
from eligibility.review import REVIEWING
from eligibility.storage import review_queue
from eligibility.storage.decisions import DEFAULT_LIMIT, StoredDecision, decisions_of
from eligibility.storage.review_queue import Page, Wanted
from eligibility.storage.reviews import fill
from eligibility.storage.saved_views import saved_views

QUEUE: Final = f"{PATH}/queue"
VIEWS: Final = "queue"
"""The page to which its saved views belong."""

FILTERS: Final = (
    *("state", "cause", "reason", "outcome", "generation", "holder", "overdue", "channel", "order"),
)
NOTICES: Final = {
    "claimed": "You hold the case now.",
    "released": "You hold the case no longer.",
    "assigned": "The cases are assigned.",
    "kept": "The view is kept. Everybody sees it above the list.",
    "deleted": "The view is deleted.",
}
_FORMATS: Final = ("csv", "state")


@dataclass(frozen=True)
class Asked:
    """What an address of the page asks for. `filters` are as they stand in it, without empty ones."""

    filters: Mapping[str, str]
    wanted: Wanted
    cursor: str | None
    limit: int
    format: str | None = None

    def with_only(self, filters: Mapping[str, str]) -> str:
        """The address of the list with these filters and no others."""
        return replace(self, filters=filters).address()

    def address(self, **changes: str | None) -> str:
        """The address of the first page of the list, with other filters; None takes one away."""
        query = urlencode({name: value for name, value in {**self.filters, **changes}.items() if value})
        return f"{QUEUE}?{query}" if query else QUEUE

    @property
    def here(self) -> str:
        """The address of this very page of the list."""
        limit = None if self.limit == DEFAULT_LIMIT else str(self.limit)
        return self.address(limit=limit, cursor=self.cursor)


async def asked_of(request: Request[Any, Any, Any], query: bytes) -> Asked:
    """What a query asks for. Raises Refusal, UnacceptableRequest, StorageUnavailable."""
    given = {
        name: value
        for name, value in parameters_of(query, (*FILTERS, "limit", "cursor", "format", "said")).items()
        if value and name != "said"
    }
    form = {name: given.pop(name) for name in ("format",) if name in given}
    kind = read_values(form, {"format": lambda value: one_of(value, _FORMATS)}).get("format")
    values = values_of(given, service_of(request))
    return Asked(
        filters={name: given[name] for name in FILTERS if name in given},
        wanted=await wanted_of(service_of(request), caller_of(request), values),
        cursor=given.get("cursor"),
        limit=cast("int", values.get("limit", DEFAULT_LIMIT)),
        format=cast("str | None", kind),
    )


async def asked_by_form(request: Request[Any, Any, Any], address: str) -> Asked:
    """What the address of the list asks for from which a form was sent. Raises as `asked_of` does."""
    path, _, query = address.partition("?")
    if path != QUEUE or not query.isascii():
        raise Refusal("unreadable", "the form does not say from which list it was sent: load the page again")
    return await asked_of(request, query.encode())


async def cases_of(service: Service, asked: Asked, cursor: str | None, limit: int) -> Page:
    """Cases that are asked for. Raises UnacceptableRequest for the cursor, StorageUnavailable."""
    try:
        return await review_queue.page_of_queue(service.database, asked.wanted, cursor=cursor, limit=limit)
    except UnacceptableRequest as error:
        raise UnacceptableRequest([parameter_fault("cursor", str(error))]) from None


def state_of(page_of_cases: Page) -> str:
    """What changes when a page of the list does, without what is in it."""
    told = [
        (each.decision, each.number, each.state, each.holder, each.is_overdue) for each in page_of_cases.cases
    ]
    return sha256(repr((told, page_of_cases.next_cursor)).encode()).hexdigest()


async def queue_page(
    request: Request[Any, Any, Any],
    asked: Asked,
    *,
    status: int = HTTPStatus.OK,
    faults: tuple[Fault, ...] = (),
    ticked: Collection[UUID] = (),
    typed: Mapping[str, str] | None = None,
    **more: Any,
) -> Answer:
    """The page. `faults`, what was `ticked` and `typed` are of a form on it that was sent and not taken.

    That decisions are looked at is recorded first. Raises UnacceptableRequest, StorageUnavailable.
    """
    service, key = service_of(request), caller_of(request)
    await fill(service.database)
    found = await cases_of(service, asked, asked.cursor, asked.limit)
    stored = await decisions_of(service.database, [case.decision for case in found.cases])
    counts, counted_at = await remembered(request, review_queue.counts)
    rows = [
        {
            **told,
            "applicant": applicant_of(stored.get(case.decision)),
            "is_mine": case.holder == key.principal,
            "is_ticked": case.decision in ticked,
        }
        for case, told in zip(found.cases, await case_documents(service, found.cases), strict=True)
    ]
    people = await review_queue.reviewers(service.database)
    views = await saved_views(service.database, VIEWS)
    await record_access(service, key, stored.values(), channel=CHANNEL)
    return page(
        request,
        "queue.html",
        status=status,
        notices=NOTICES,
        faults=faults,
        asked=asked,
        choices=_choices(service, asked, people.values()),
        rows=rows,
        state=state_of(found),
        after=None if found.next_cursor is None else replace(asked, cursor=found.next_cursor).here,
        counts=counts,
        counted_at=counted_at,
        others=[(str(who), name) for who, name in people.items() if who != key.principal],
        views=views,
        may_act=key.role in REVIEWING,
        may_delete_any=key.role == "admin",
        typed=typed or {},
        **more,
    )


def applicant_of(stored: StoredDecision | None) -> dict[str, Any]:
    """What a list says of who asked to use the model; nothing where it was erased, or is not there."""
    entity = {} if stored is None else stored.facts.get("entity", {})
    erased_at = None if stored is None or stored.erased_at is None else timestamp(stored.erased_at)
    return {"name": entity.get("name"), "reference": entity.get("reference"), "erased_at": erased_at}


def _choices(service: Service, asked: Asked, people: Collection[str]) -> dict[str, Any]:
    """The values that each filter can have, with words for them."""
    ruleset, holder = service.in_force.decider.ruleset, asked.filters.get("holder")
    names = [("me", "Me"), ("none", "Nobody"), *((name, name) for name in people)]
    if holder is not None and holder not in dict(names):
        names.append((holder, holder))
    return {
        "state": list(wording.STATES.items()),
        "cause": list(wording.CAUSES.items()),
        "reason": list(wording.CONTACT_REASONS.items()),
        "outcome": [(name, outcome.word) for name, outcome in wording.OUTCOMES.items()],
        "generation": [(name, each.title) for name, each in ruleset.generations.items()],
        "holder": names,
        "overdue": [("true", "Overdue"), ("false", "Not overdue")],
        "order": [("opened", "Oldest first")],
    }
