"""The note about a run, beside its output, by which the same command finds what was interrupted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

import orjson

from eligibility.errors import BacklogRefused, Fault

_SUFFIX: Final = ".run"


class Begun(NamedTuple):
    """A run that has begun: its batch, and how it was asked to read and write, which must not change."""

    batch: UUID
    reading: str
    writing: str
    full: bool


def place(out: Path) -> Path:
    """Where the note lies."""
    return out.with_name(out.name + _SUFFIX)


def begun(out: Path) -> Begun | None:
    """What was begun for this output and is not done. Raises BacklogRefused where the note is unreadable."""
    try:
        note = orjson.loads(place(out).read_bytes())
        return Begun(UUID(note["batch"]), str(note["reading"]), str(note["writing"]), bool(note["full"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        detail = f"`{place(out)}` cannot be read: take it away to begin anew, or give `--resume ID`"
        raise BacklogRefused([Fault("", detail)]) from error


def note(out: Path, run: Begun) -> None:
    """Write down that a run begins; it is on the disk when this returns. Raises OSError."""
    new = out.with_name(f"{out.name}{_SUFFIX}.new")
    with new.open("wb") as file:
        file.write(orjson.dumps({**run._asdict(), "batch": str(run.batch)}, option=orjson.OPT_APPEND_NEWLINE))
        file.flush()
        os.fsync(file.fileno())
    new.replace(place(out))


def forget(out: Path) -> None:
    """Take the note away, once the output is complete."""
    place(out).unlink(missing_ok=True)
