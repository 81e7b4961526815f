"""What waits, what was decided lately, what changed, and whether anything is wrong."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any, Final, cast

from litestar import Request, Response, route

from api.answers import answer
from api.dashboard.chart_pictures import decided_picture
from api.dashboard.pages import page
from api.dashboard.sessions import PATH, caller_of
from api.dashboard.today_figures import PERIODS, Counted
from api.dashboard.wording import CHANGES, OUTCOMES
from api.filters import one_of, read_values
from api.incoming import parameters
from api.problems import Refusal
from api.reviews_told import case_documents
from api.service import Service, service_of
from eligibility.checkpoints import last_kept
from eligibility.errors import SigningKeyMissing
from eligibility.review import REVIEWING
from eligibility.storage.figures import Change, Failed, causes, changes, failed_batches
from eligibility.storage.keys import Key
from eligibility.storage.review_queue import Wanted, counts, page_of_queue
from eligibility.storage.reviews import fill
from eligibility.storage.status import Status, status

PICTURE: Final = f"{PATH}/pictures/decided.svg"

_DEFAULT_DAYS: Final = 30
_CHANGED_DAYS: Final = 90
_FAILED_DAYS: Final = 7
_SOME: Final = 6
"""Cases of a list on this page; the queue has all."""

_PICTURE_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "cross-origin-resource-policy": "same-origin",
}


@route(PATH, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def read(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The page."""
    service, days = service_of(request), _days(request)
    await fill(service.database, portions=1)  # what is left is filled while nobody waits
    today = datetime.now(UTC).date()
    changed = await changes(service.database, today - timedelta(days=_CHANGED_DAYS))
    return page(
        request,
        "today.html",
        waiting=await _waiting(service, caller_of(request)),
        decided=_decided(service, await service.figures.current(service.database), days),
        changes=[_told(each) for each in changed],
        changed_days=_CHANGED_DAYS,
        health=await _health(service, today),
        failed_days=_FAILED_DAYS,
    )


@route(PICTURE, http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def picture(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What was decided by day and outcome, as an image."""
    service, days = service_of(request), _days(request)
    dark, narrow = (request.query_params.get(name) == "true" for name in ("dark", "narrow"))
    counted = await service.figures.current(service.database)
    if counted is None:
        raise Refusal("unavailable", "the decisions are being counted", headers={"retry-after": "2"})
    key = ("decided", counted.at, days, dark, narrow)
    drawn = service.rendered.get(key)
    if drawn is None:
        svg = await asyncio.to_thread(decided_picture, counted.period(days), dark=dark, narrow=narrow)
        drawn = svg.encode()
        service.rendered.put(key, drawn)
    return answer(drawn, media_type="image/svg+xml", headers=_PICTURE_HEADERS)


def _days(request: Request[Any, Any, Any]) -> int:
    """The days that are asked for. Raises UnacceptableRequest."""
    given = {
        name: value
        for name, value in parameters(request, ("days", "dark", "narrow", "said")).items()
        if value
    }
    read: dict[str, Any] = {
        "days": lambda value: int(one_of(value, map(str, PERIODS))),
        "dark": lambda value: one_of(value, ("true", "false")),
        "narrow": lambda value: one_of(value, ("true", "false")),
        "said": str,
    }
    return cast("int", read_values(given, read).get("days", _DEFAULT_DAYS))


async def _waiting(service: Service, key: Key) -> dict[str, Any]:
    """What waits for a person: how much of what, what is due next, what is oldest, and what is theirs."""
    database = service.database
    may_hold = key.role in REVIEWING and key.kind == "person"
    mine = Wanted(holder=key.principal)
    held = await page_of_queue(database, mine, cursor=None, limit=_SOME) if may_hold else None
    due = await page_of_queue(database, Wanted(), cursor=None, limit=_SOME)
    oldest = await page_of_queue(database, Wanted(state="open", order="opened"), cursor=None, limit=1)
    return {
        "counts": await counts(database),
        "causes": await causes(database),
        "mine": None if held is None else await case_documents(service, held.cases),
        "due": await case_documents(service, due.cases),
        "oldest": next(iter(await case_documents(service, oldest.cases)), None),
    }


def _decided(service: Service, counted: Counted | None, length: int) -> dict[str, Any] | None:
    if counted is None:
        return None
    days = counted.period(length)
    totals = {name: sum(counts.get(name, 0) for counts in days.values()) for name in OUTCOMES}
    return {
        "length": length,
        "periods": PERIODS,
        "as_of": counted.at,
        "days": [(_moment(day), numbers) for day, numbers in reversed(days.items())],
        "totals": totals,
        "total": sum(totals.values()),
        "fired": counted.fired(length, service.in_force.decider.ruleset),
        "picture": f"{PICTURE}?days={length}",
        "words": ", ".join(f"{OUTCOMES[name].word} {number:,}" for name, number in totals.items()),
    }


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _told(change: Change) -> dict[str, Any]:
    """A change in words, and the address of what it is about where there is one."""
    address = None
    if change.kind.startswith("precedent."):
        address = f"{PATH}/precedents/{change.id if change.kind.endswith('.made') else change.subject}"
    elif change.kind.startswith("review."):
        address = f"{PATH}/decisions/{change.subject}"
    return {
        "words": CHANGES[change.kind].format(version=change.facts.get("version", "")),
        "outcome": change.outcome if change.kind.startswith("review.") else None,
        "due": change.facts.get("due"),
        "address": address,
        "at": change.at,
        "by": "the service" if change.by == "system" else change.by,
    }


@dataclass(frozen=True)
class Health:
    """How database and log stand; `wrong` says what is, in sentences. `kept` is the last checkpoint."""

    status: Status
    backlog: int
    checkpoints: str | None
    kept: tuple[int, datetime] | None
    failed: tuple[Failed, ...]
    wrong: tuple[str, ...]


async def _health(service: Service, today: date) -> Health:
    wrong = []
    try:
        service.log.require_key(await service.database.ready())
    except SigningKeyMissing as error:
        wrong.append(str(error))
    settings, kept = service.settings, None
    if settings.checkpoint_file is not None:
        try:
            kept = await asyncio.to_thread(last_kept, settings.checkpoint_file)
        except OSError as error:
            wrong.append(f"the file of checkpoints cannot be read: {error.strerror}")
    failed = await failed_batches(service.database, today - timedelta(days=_FAILED_DAYS))
    return Health(
        status=await status(service.database),
        backlog=service.log.backlog,
        checkpoints="file" if settings.checkpoint_file else "address" if settings.checkpoint_url else None,
        kept=kept,
        failed=failed,
        wrong=tuple(wrong),
    )


HANDLERS: Final = (read, picture)
