"""What processes that work on one backlog tell each other: what both evaluators agreed on, so that one asks.

Each process appends to a file of its own, in a folder of theirs, and reads those of the others. Nothing is
locked and nobody waits: what has not been told yet is evaluated, as it would be without the others.
"""

from __future__ import annotations

import logging
import os
import pickle
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final

from eligibility.compiler import Alternative
from eligibility.decider import REMEMBERED, Asked
from eligibility.engine import engine_for
from eligibility.evaluation import Agreed
from eligibility.recent import Recent
from eligibility.ruleset import Ruleset
from eligibility.unknowns import Reach

logger = logging.getLogger(__name__)

_PATIENCE: Final = 0.005
"""Seconds between two looks at what others told: each asks the system for the folder and reads every file."""

_LENGTH: Final = 4
"""Bytes before each message that say how long it is."""


class Messages:
    """The files of a folder: one to append to, and those of all others to read."""

    def __init__(self, folder: Path, name: str) -> None:
        """Begin a file of this name, which nobody else in the folder has."""
        self._folder, self._name = folder, name
        self._own: BinaryIO = (folder / name).open("xb", buffering=0)
        self._others: dict[str, BinaryIO] = {}
        self._is_telling = True

    def close(self) -> None:
        """Close all files."""
        for file in (self._own, *self._others.values()):
            file.close()

    def tell(self, message: bytes) -> None:
        """Append a message. Where that fails, as on a full disk, this one is the first that nobody hears."""
        if not self._is_telling:
            return
        written = len(message).to_bytes(_LENGTH) + message
        try:
            self._is_telling = self._own.write(written) == len(written)
        except OSError:
            self._is_telling = False
        if not self._is_telling:
            logger.warning(
                "what this process evaluates is told to no other: `%s` cannot be written", self._own.name
            )

    def heard(self) -> Iterator[bytes]:
        """What others told since the last time. What one is just writing comes the next time."""
        for name in os.listdir(self._folder):  # noqa: PTH208 - asked often, and names are all that is needed
            if name != self._name:
                if name not in self._others:
                    self._others[name] = (self._folder / name).open("rb", buffering=0)
                yield from _messages(self._others[name])


def _messages(file: BinaryIO) -> Iterator[bytes]:
    content = file.read()
    start = 0
    while start + _LENGTH <= len(content):
        end = start + _LENGTH + int.from_bytes(content[start : start + _LENGTH])
        if end > len(content):
            break
        yield content[start + _LENGTH : end]
        start = end
    if start < len(content):
        file.seek(start - len(content), os.SEEK_CUR)


class Shared(Recent[Asked, Agreed]):
    """What was agreed on recently, by this process or another one under the same ruleset."""

    def __init__(self, ruleset: Ruleset, messages: Messages) -> None:
        """Share with the processes that exchange these messages. Belongs to the thread that decides."""
        super().__init__(REMEMBERED)
        self._messages = messages
        self._next_look = 0.0
        self._alternatives = cache(lambda generation: _by_place(ruleset, generation))

    def get(self, key: Asked) -> Agreed | None:
        """The entry, if it is still there, or another process has told it."""
        found = super().get(key)
        if found is not None or time.monotonic() < self._next_look:
            return found
        self._next_look = time.monotonic() + _PATIENCE
        for message in self._messages.heard():
            asked, outcome, reach, places = pickle.loads(message)  # noqa: S301 - of our own processes
            ways = self._alternatives(asked[0])
            super().put(asked, Agreed(outcome, Reach(*reach), tuple([ways[place] for place in places])))
        return super().get(key)

    def put(self, key: Asked, value: Agreed) -> None:
        """Keep an entry, and tell it where it is new."""
        is_new = key not in self._newer and key not in self._older
        super().put(key, value)
        if is_new:
            places = [way.place for way in value.fired]
            self._messages.tell(pickle.dumps((key, value.outcome, tuple(value.found), places)))


def _by_place(ruleset: Ruleset, generation: str) -> dict[int, Alternative]:
    levels = engine_for(ruleset, generation).compiled.levels
    return {way.place: way for level in levels for _, way in level.alternatives}
