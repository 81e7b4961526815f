"""`eligibility keys …`: making, listing and revoking API keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any as Anything
from typing import TypeVar
from uuid import UUID

from rich.text import Text

from eligibility.commands.failures import DONE
from eligibility.commands.opening import Opened, opened, service_login
from eligibility.commands.output import console, print_json, table
from eligibility.settings import Settings
from eligibility.storage.keys import Key, Kind, Role

_STATES = {"works": "green", "expired": "yellow", "revoked": "red"}

Answer = TypeVar("Answer")


def _within(settings: Settings, work: Callable[[Opened], Awaitable[Answer]]) -> Answer:
    """Do something with the keys of the log."""

    async def within(url: str) -> Answer:
        async with opened(url, settings) as store:
            return await work(store)

    with service_login(settings) as url:
        return asyncio.run(within(url))


def create(
    settings: Settings,
    *,
    name: str,
    kind: Kind,
    role: Role,
    label: str,
    expires: datetime | None,
    as_json: bool,
) -> int:
    """Make a key and print it, this once.

    Raises SettingsInvalid, StorageError (RecordRefused where the name is of the other kind).
    """
    key, secret = _within(
        settings,
        lambda store: store.keys.create(
            store.log, name=name, kind=kind, role=role, label=label, expires=expires
        ),
    )
    if as_json:
        print_json({"key": secret, **_document(key)})
        return DONE
    out = console()
    out.print(f"{key.role} key for the {key.kind} {key.name}, id {key.id}")
    out.print(secret, style="bold", soft_wrap=True)  # one line, whatever the width, to be copied
    console(stderr=True).print("keep it now: it is shown this once", style="yellow")
    return DONE


def show(settings: Settings, *, as_json: bool) -> int:
    """List all keys, revoked and expired ones too. Raises SettingsInvalid, StorageError."""
    keys = _within(settings, lambda store: store.keys.list())
    if as_json:
        print_json([_document(key) for key in keys])
        return DONE
    rows = [
        (
            *(key.id, key.name, key.kind, key.role, key.label),
            *(_day(key.created_at), _day(key.expires_at)),
            Text(_state(key), style=_STATES[_state(key)]),
        )
        for key in keys
    ]
    table(console(), ("id", "name", "kind", "role", "label", "created", "expires", "state"), rows)
    return DONE


def revoke(settings: Settings, key: UUID, *, as_json: bool) -> int:
    """Revoke a key. Raises NotFound where there is none that works, SettingsInvalid, StorageError."""
    _within(settings, lambda store: store.keys.revoke(store.log, key))
    if as_json:
        print_json({"id": str(key), "state": "revoked"})
    else:
        console().print(f"{key} is revoked: it may work for two seconds more")
    return DONE


def _state(key: Key) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "works" if key.works(datetime.now(UTC)) else "expired"


def _day(moment: datetime | None) -> str:
    return "–" if moment is None else moment.strftime("%Y-%m-%d %H:%M")


def _document(key: Key) -> dict[str, Anything]:
    return {
        "id": str(key.id),
        "name": key.name,
        "kind": key.kind,
        "role": key.role,
        "label": key.label,
        "created_at": key.created_at.isoformat(),
        "expires_at": key.expires_at and key.expires_at.isoformat(),
        "revoked_at": key.revoked_at and key.revoked_at.isoformat(),
        "state": _state(key),
    }
