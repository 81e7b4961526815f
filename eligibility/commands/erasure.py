"""`eligibility audit forget`: erasing the texts of a person or company."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import click

from eligibility.canonical import timestamp
from eligibility.commands.failures import DONE, NO
from eligibility.commands.opening import opened, service_login
from eligibility.commands.output import console, print_json
from eligibility.settings import Settings
from eligibility.storage.erasure import (
    Texts,
    erase,
    texts_of_batch,
    texts_of_decisions,
    texts_of_reference,
)
from eligibility.storage.records import SYSTEM


def forget(
    settings: Settings,
    *,
    reference: str | None,
    decisions: Sequence[UUID],
    batch: UUID | None = None,
    reason: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Erase all texts under a reference, of a batch or of decisions, unless the answer to the question is no.

    Raises NotFound where there are none, ActRefused where the batch is running, Held, SettingsInvalid,
    StorageError.
    """

    async def within(url: str) -> int:
        async with opened(url, settings) as store:
            if reference is not None:
                texts = await texts_of_reference(store.database, reference)
            elif batch is not None:
                texts = await texts_of_batch(store.database, batch)
            else:
                texts = await texts_of_decisions(store.database, decisions)
            if not (yes or click.confirm(f"Erase the texts of {_described(texts)}, for ever?", err=True)):
                return NO
            made = await erase(store.log, store.database, texts, reason=reason, actor=SYSTEM, channel="cli")
        _tell(texts, made, as_json=as_json)
        return DONE

    with service_login(settings) as url:
        return asyncio.run(within(url))


def _described(texts: Texts) -> str:
    """How many there are, and of which time."""
    counts = [f"{len(texts.decisions)} decision{'s' * (len(texts.decisions) != 1)}"]
    if texts.others:
        counts.append(f"{len(texts.others)} other record{'s' * (len(texts.others) != 1)}")
    first, last = f"{texts.first:%Y-%m-%d}", f"{texts.last:%Y-%m-%d}"
    return f"{' and '.join(counts)} {f'of {first}' if first == last else f'from {first} to {last}'}"


def _tell(texts: Texts, made: Sequence[UUID], *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "decisions": len(texts.decisions),
                "others": len(texts.others),
                "from": timestamp(texts.first),
                "to": timestamp(texts.last),
                "erasures": [str(record) for record in made],
            }
        )
        return
    out = console()
    out.print(f"erased the texts of {_described(texts)}")
    out.print(f"recorded as {', '.join(map(str, made))}", soft_wrap=True)
    out.print("backups, and the database's own log of changes, hold them until they expire")
