"""Checkpoints: signed heads of blocks that are kept where the database cannot be used to change them.

On a schedule, and when the service ends, the newest one is appended to a file or posted to an address. What
goes wrong is logged and tried again at the next turn; decisions never wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import http.client
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import orjson

from eligibility.canonical import canonical
from eligibility.chain import Header, signed_document
from eligibility.errors import CheckpointFailed, StorageError

logger = logging.getLogger(__name__)

NETWORK_SECONDS = 5.0
"""How long the receiver may take for each step of taking a checkpoint."""

_LOCK_SECONDS = 5.0
_LOCK_PAUSE = 0.05
_TAIL = 4096
"""Bytes from the end of a file that are read: more than a checkpoint has."""
_BEGINNING = b'{"at":"'
"""Of every line that we write: what ends with the beginning of one was cut off, anything else is not ours."""


@dataclass(frozen=True)
class Checkpoint:
    """A signed head of a block: its number, its hash, and the whole as a line of JSON, without its end."""

    number: int
    hash: str
    line: bytes


Newest = Callable[[], Awaitable[tuple[Header, bytes] | None]]
Keep = Callable[[Checkpoint], object]


def checkpoint(header: Header, signature: bytes) -> Checkpoint:
    """The checkpoint that a signed header is."""
    document = signed_document(header, signature)
    return Checkpoint(header.number, document["hash"], canonical(document))


def append(path: Path, new: Checkpoint) -> bool:
    """Append the checkpoint to the file, durably; False where it ends with this one or a later one already.

    Processes that share the file take turns. A last line that was cut off when a machine stopped is removed.
    Raises CheckpointFailed; OSError where the file cannot be written.
    """
    is_new = not path.exists()
    with path.open("a+b") as file:
        _lock(file, path)
        last = _last(file, path)
        if last is not None and last[0] >= new.number:
            if last[0] == new.number and last[1] != new.hash:
                raise CheckpointFailed(
                    f"`{path}` ends with another block {new.number} than the log has: it is another log's, "
                    "or the log was rewritten; verify the log against the file"
                )
            return False
        file.write(new.line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        _sync_folder(path.parent)
    return True


def last_kept(path: Path) -> int | None:
    """The number of the block of the last whole checkpoint in a file, None where there is none.

    Raises CheckpointFailed for a file of something else; OSError where it cannot be read.
    """
    if not path.exists():
        return None
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        *lines, _ = file.read().split(b"\n")
    if not lines:
        return None
    last = _read(lines[-1])
    if last is None:
        raise _no_checkpoints(path)
    return last[0]


def _lock(file: IO[bytes], path: Path) -> None:
    """Wait for our turn, but not for ever. Closing the file ends it."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise CheckpointFailed(f"another process keeps `{path}` locked") from None
            time.sleep(_LOCK_PAUSE)
        else:
            return


def _last(file: IO[bytes], path: Path) -> tuple[int, str] | None:
    """Number and hash of the last checkpoint, None where there is none; mends the end of the file."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL))
    *lines, rest = file.read().split(b"\n")
    if rest:
        last = _read(rest)
        if last is not None:
            file.write(b"\n")
            return last
        if not (rest.startswith(_BEGINNING) or _BEGINNING.startswith(rest)):
            raise _no_checkpoints(path)
        file.truncate(size - len(rest))
    if not lines:
        return None
    last = _read(lines[-1])
    if last is None:
        raise _no_checkpoints(path)
    return last


def _read(line: bytes) -> tuple[int, str] | None:
    """Number and hash of the checkpoint in a line, None where it holds none."""
    try:
        document = orjson.loads(line)
        return int(document["number"]), str(document["hash"])
    except (ValueError, KeyError, TypeError):
        return None


def _no_checkpoints(path: Path) -> CheckpointFailed:
    return CheckpointFailed(f"`{path}` holds something else than checkpoints: name another file")


def _sync_folder(folder: Path) -> None:
    """See that a new file is found again after the machine stops."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def post(url: str, new: Checkpoint) -> None:
    """Post the checkpoint to the address as JSON.

    Raises CheckpointFailed where the answer is no success; OSError or HTTPException where there is none.
    """
    parts = urlsplit(url)
    if parts.hostname is None:
        raise CheckpointFailed("the address for checkpoints names no host")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with contextlib.closing(kind(parts.hostname, parts.port, timeout=NETWORK_SECONDS)) as connection:
        connection.request("POST", target, new.line, {"Content-Type": "application/json"})
        status = connection.getresponse().status
    if not http.HTTPStatus.OK <= status < http.HTTPStatus.MULTIPLE_CHOICES:
        raise CheckpointFailed(f"the receiver answered {status}")


@asynccontextmanager
async def publishing(
    newest: Newest, *, file: Path | None, url: str | None, seconds: float
) -> AsyncIterator[None]:
    """While the context lasts, and once more at its end, keep the newest checkpoint wherever it is wanted."""
    places: list[tuple[str, Keep]] = []
    if file is not None:
        places.append((f"`{file}`", lambda new: append(file, new)))
    if url is not None:
        places.append((f"the receiver at {urlsplit(url).hostname}", lambda new: post(url, new)))
    if not places:
        yield
        return
    is_ending = asyncio.Event()
    task = asyncio.create_task(_publish(newest, places, seconds, is_ending), name="checkpoints")
    try:
        yield
    finally:
        is_ending.set()
        await task


async def _publish(
    newest: Newest, places: Sequence[tuple[str, Keep]], seconds: float, is_ending: asyncio.Event
) -> None:
    kept = dict.fromkeys((name for name, _ in places), 0)
    while True:
        is_last = is_ending.is_set()
        new = await _newest(newest)
        for name, keep in places:
            if new is not None and new.number > kept[name]:
                try:
                    await asyncio.to_thread(keep, new)
                except (CheckpointFailed, OSError, http.client.HTTPException) as error:
                    logger.warning(
                        "the checkpoint of block %d was not kept by %s: %s", new.number, name, error
                    )
                except Exception:
                    logger.exception("the checkpoint of block %d was not kept by %s", new.number, name)
                else:
                    kept[name] = new.number
        if is_last:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(is_ending.wait(), seconds)


async def _newest(newest: Newest) -> Checkpoint | None:
    try:
        found = await newest()
    except StorageError as error:
        logger.warning("there is no checkpoint to keep at the moment: %s", error)
    except Exception:
        logger.exception("there is no checkpoint to keep at the moment")
    else:
        return None if found is None else checkpoint(*found)
    return None
