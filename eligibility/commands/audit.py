"""`eligibility audit checkpoint`, `keys` and `rotate-key`: what proof of the log rests on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from rich.text import Text

from eligibility import checkpoints
from eligibility.commands.failures import DONE
from eligibility.commands.opening import Opened, opened, reading, service_login
from eligibility.commands.output import console, print_json, table
from eligibility.errors import CheckpointFailed, NotFound, SettingsInvalid
from eligibility.settings import Settings
from eligibility.signing import public_pem
from eligibility.storage.checkpoints import newest
from eligibility.storage.database import Database
from eligibility.storage.key_rotation import key_rotation, keys_of_log
from eligibility.storage.records import SYSTEM
from eligibility.storage.signing_keys import signer

_STATES = {"active": "green", "retired": "yellow"}

Answer = TypeVar("Answer")


def _from(settings: Settings, work: Callable[[Database], Awaitable[Answer]]) -> Answer:
    """Read something in the database."""

    async def within(url: str) -> Answer:
        async with reading(url) as database:
            return await work(database)

    with service_login(settings) as url:
        return asyncio.run(within(url))


def checkpoint(settings: Settings, out: Path | None) -> int:
    """Print the newest checkpoint, or append it to a file.

    Raises NotFound where there is none yet, CheckpointFailed, SettingsInvalid, StorageError.
    """
    found = _from(settings, newest)
    if found is None:
        raise NotFound("the log has no signed block yet: start the service, or record something")
    new = checkpoints.checkpoint(*found)
    if out is None:
        sys.stdout.write(new.line.decode() + "\n")
        return DONE
    try:
        is_added = checkpoints.append(out, new)
    except OSError as error:
        raise CheckpointFailed(f"cannot write `{out}`: {error.strerror}") from error
    said = "is appended to" if is_added else "or a later one stands already in"
    console().print(f"the checkpoint of block {new.number} {said} {out}")
    return DONE


def keys(settings: Settings, pem: str | None, *, as_json: bool) -> int:
    """List the keys of the log, or print the public key with the fingerprint `pem`.

    Raises NotFound where there is no such key, SettingsInvalid, StorageError.
    """
    found = _from(settings, keys_of_log)
    if pem is not None:
        wanted = next((key for key in found if key.id == pem), None)
        if wanted is None:
            raise NotFound(
                f"no key of the log has the fingerprint `{pem}`: `eligibility audit keys` lists them"
            )
        sys.stdout.write(public_pem(wanted.public))
        return DONE
    states = {key.id: "active" if key.is_active else "retired" for key in found}
    if as_json:
        print_json(
            [
                {
                    "key": key.id,
                    "public": key.public.hex(),
                    "since_sequence": key.since,
                    "since": key.at.isoformat(),
                    "state": states[key.id],
                }
                for key in found
            ]
        )
        return DONE
    rows = [
        (
            *(key.id, key.since, key.at.strftime("%Y-%m-%d %H:%M")),
            Text(states[key.id], style=_STATES[states[key.id]]),
        )
        for key in found
    ]
    table(console(), ("key", "since record", "of", "state"), rows)
    return DONE


def prepare_key(settings: Settings, *, as_json: bool) -> int:
    """Make the next key, and say where it has to be. Raises SettingsInvalid."""
    signing = signer(settings)
    key = signing.next_key()
    if as_json:
        print_json({"key": key.id, "file": str(signing.next_path)})
        return DONE
    out = console()
    out.print(f"the next key is {key.id}, in {signing.next_path}")
    out.print(
        "Copy this file to every machine of this log, beside its key file and under the same name. Then run "
        "`eligibility audit rotate-key` on one of them."
    )
    return DONE


def rotate_key(settings: Settings, *, as_json: bool) -> int:
    """Let the next key sign the log, and put it in its place on this machine.

    Raises SettingsInvalid where the next key has signed before, Overtaken where somebody else rotated first,
    StorageError.
    """

    async def within(url: str) -> tuple[str, str | None]:
        async with opened(url, settings) as store:
            return await _rotate(store)

    with service_login(settings) as url:
        key, warning = asyncio.run(within(url))
    if as_json:
        print_json({"key": key, "warning": warning})
        return DONE
    console().print(f"the log is signed with {key} from now on")
    if warning is not None:
        console(stderr=True).print(warning, style="yellow")
    return DONE


async def _rotate(store: Opened) -> tuple[str, str | None]:
    """The key that signs now, and what has to be said about it."""
    await store.log.ensure_ready()
    known = await keys_of_log(store.database)
    active = next(key.id for key in known if key.is_active)
    if store.signer.mend(active):
        return active, "this finishes a rotation that was interrupted: run it again for another one"
    new = store.signer.next_key()
    if any(key.id == new.id for key in known):
        raise SettingsInvalid(
            f"the key in `{store.signer.next_path}` has signed this log before, and does not come back: "
            "remove the file, and another key is made"
        )
    await store.log.append(key_rotation(new, active, actor=SYSTEM, channel="cli"))
    try:
        store.signer.finish_rotation()
    except SettingsInvalid as error:
        return new.id, str(error)
    return new.id, None
