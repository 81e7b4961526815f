"""`eligibility audit retain` and `hold`, `holds`, `release-hold`: dropping months, and keeping them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import TypeVar
from uuid import UUID

import click
from rich.text import Text

from eligibility.canonical import timestamp
from eligibility.commands.failures import DONE, NO
from eligibility.commands.opening import Opened, opened, service_login
from eligibility.commands.output import console, print_json, table
from eligibility.settings import Settings
from eligibility.storage import holds
from eligibility.storage.holds import Hold
from eligibility.storage.retention import Class, Month, drop, months

_WORDS = {
    "texts": "texts of decisions",
    "decisions": "decisions with their texts and idempotency keys",
    "accesses": "records of accesses and exports",
}

Answer = TypeVar("Answer")


def _within(settings: Settings, work: Callable[[Opened], Awaitable[Answer]]) -> Answer:
    """Do something with the log."""

    async def within(url: str) -> Answer:
        async with opened(url, settings) as store:
            return await work(store)

    with service_login(settings) as url:
        return asyncio.run(within(url))


def retain(settings: Settings, *, of: Class, before: date, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Drop a class of records of every month before one, but for months that are held.

    Exits with 1 where all are held, or the answer to the question is no. Raises UnacceptableRequest,
    SettingsInvalid, StorageError; months dropped until then stay dropped.
    """

    async def work(store: Opened) -> int:
        found = await months(store.database, of, before)
        going = [month for month in found if month.hold is None]
        if not as_json:
            _show(found)
        if going and not dry_run:
            records = sum(month.records for month in going)
            question = f"Drop {_WORDS[of]} of {_many(len(going), 'month')} ({records} in all), for ever?"
            if not (yes or click.confirm(question, err=True)):
                return NO
            for month in going:
                await drop(store.log, month)
                if not as_json:
                    console().print(f"{month.month:%Y-%m} is dropped")
        if as_json:
            print_json([_month_document(month, dropped=not dry_run) for month in found])
        elif not found:
            console().print(f"there are no {_WORDS[of]} before {before:%Y-%m}")
        return NO if found and not going else DONE

    return _within(settings, work)


def hold(settings: Settings, *, first: date, last: date, reason: str, as_json: bool) -> int:
    """Keep the months from `first` to `last`. Raises SettingsInvalid, StorageError."""
    made = _within(settings, lambda store: holds.set_hold(store.log, first, last, reason))
    if as_json:
        print_json({"id": str(made), "from": f"{first:%Y-%m}", "to": f"{last:%Y-%m}"})
    else:
        console().print(f"{first:%Y-%m} to {last:%Y-%m} are held, by the hold {made}", soft_wrap=True)
    return DONE


def show(settings: Settings, *, as_json: bool) -> int:
    """List all holds, released ones too. Raises SettingsInvalid, StorageError."""
    found = _within(settings, lambda store: holds.holds(store.database))
    if as_json:
        print_json([_hold_document(each) for each in found])
        return DONE
    rows = [
        (
            *(each.id, f"{each.first:%Y-%m}", f"{each.last:%Y-%m}", f"{each.set_at:%Y-%m-%d}"),
            _state(each),
            each.reason or "erased",
        )
        for each in found
    ]
    table(console(), ("id", "from", "to", "set", "state", "reason"), rows)
    return DONE


def release(settings: Settings, identifier: UUID, *, as_json: bool) -> int:
    """End a hold. Raises NotFound where it is not in force, SettingsInvalid, StorageError."""
    _within(settings, lambda store: holds.release(store.log, identifier))
    if as_json:
        print_json({"id": str(identifier), "state": "released"})
    else:
        console().print(f"{identifier} is released")
    return DONE


def _show(found: Sequence[Month]) -> None:
    if found:
        columns = ("month", "records", "first sequence", "last sequence", "held by")
        rows = [
            (
                *(f"{each.month:%Y-%m}", each.records, each.first_sequence, each.last_sequence),
                Text(str(each.hold.id), style="yellow") if each.hold else "–",
            )
            for each in found
        ]
        table(console(), columns, rows)


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'s' * (count != 1)}"


def _month_document(month: Month, *, dropped: bool) -> dict[str, object]:
    return {
        "month": f"{month.month:%Y-%m}",
        "class": month.of,
        "records": month.records,
        "first_sequence": month.first_sequence,
        "last_sequence": month.last_sequence,
        "held_by": None if month.hold is None else str(month.hold.id),
        "dropped": dropped and month.hold is None,
    }


def _hold_document(each: Hold) -> dict[str, object]:
    return {
        "id": str(each.id),
        "from": f"{each.first:%Y-%m}",
        "to": f"{each.last:%Y-%m}",
        "reason": each.reason,
        "set_at": timestamp(each.set_at),
        "released_at": None if each.released_at is None else timestamp(each.released_at),
    }


def _state(each: Hold) -> Text:
    if each.released_at is None:
        return Text("in force", style="yellow")
    return Text(f"released {each.released_at:%Y-%m-%d}", style="dim")
