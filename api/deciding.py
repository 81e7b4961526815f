"""Deciding and recording what came together, one step for all of it after the other.

A step that is done for many requests in a row takes less time for each, since the processor has its code at
hand. Between steps the event loop sees to what the database says of the requests before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from eligibility.decider import Decider, Decision
from eligibility.facts import EligibilityRequest
from eligibility.reading import read_request
from eligibility.recording import decision_entry
from eligibility.storage.entries import Earlier, Entry
from eligibility.storage.log import AuditLog

_AT_ONCE: Final = 32
"""Requests that are decided together, and never more.

Where more come at once, as they do when a group of them was answered, the first are recorded while the others
are decided; else all would wait for the same commit, and the processor with them. Where fewer have come while
others are being recorded, more are waited for until that has been done, since each commit has its price.
"""


class By(NamedTuple):
    """Who asks, as envelopes name them, and on which channel."""

    actor: str
    channel: str


class Answered(NamedTuple):
    """A recorded decision, ready to be sent; `is_new` says that this request made it."""

    id: UUID
    json: bytes
    is_new: bool


@dataclass(eq=False, slots=True)
class _Asked:
    """A request on its way; what a step finds is there for the next."""

    body: bytes
    by: By
    idempotency_key: str | None
    answer: asyncio.Future[Answered | Earlier]
    request: EligibilityRequest
    made: Decision
    entry: Entry

    def __init__(
        self, body: bytes, by: By, idempotency_key: str | None, answer: asyncio.Future[Answered | Earlier]
    ) -> None:
        self.body, self.by, self.idempotency_key, self.answer = body, by, idempotency_key, answer

    def resolve(self, answered: Answered | Earlier) -> None:
        if not self.answer.done():  # the caller may have gone
            self.answer.set_result(answered)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Deciding:
    """Decides and records, for all that ask at the same time. Belongs to one event loop."""

    def __init__(self, log: AuditLog, decider: Callable[[], Decider]) -> None:
        """Decide a group with the decider that is current when it is begun."""
        self._log = log
        self._decider = decider
        self._waiting: list[_Asked] = []
        self._deciding: asyncio.Task[None] | None = None
        self._recording: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    async def decide(self, body: bytes, by: By, idempotency_key: str | None) -> Answered | Earlier:
        """Decide a request and record it, or find what was recorded for it earlier.

        Raises RequestRefused, EvaluatorsDisagree, EngineFailure, and as `AuditLog.append` does.
        """
        answer: asyncio.Future[Answered | Earlier] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Asked(body, by, idempotency_key, answer))
        if len(self._waiting) >= _AT_ONCE:
            self._changed.set()
        if self._deciding is None:
            self._deciding = asyncio.create_task(self._decide_waiting(), name="deciding")
        return await answer

    async def _decide_waiting(self) -> None:
        """Decide what is waiting, a group at a time; recording goes on meanwhile."""
        try:
            while self._waiting:
                await self._gather()
                group, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
                decided = await self._decided(group)
                if decided:
                    recording = asyncio.create_task(self._record(decided), name="recording")
                    self._recording.add(recording)
                    recording.add_done_callback(self._recorded)
        finally:
            self._deciding = None

    async def _gather(self) -> None:
        """Wait while others are being recorded and not enough have come. Who is alone never waits."""
        while self._recording and len(self._waiting) < _AT_ONCE:
            self._changed.clear()
            await self._changed.wait()

    def _recorded(self, recording: asyncio.Task[None]) -> None:
        self._recording.discard(recording)
        self._changed.set()

    async def _decided(self, group: list[_Asked]) -> list[_Asked]:
        decider = self._decider()
        vocabulary = decider.ruleset.vocabulary

        def read(asked: _Asked) -> None:
            asked.request = read_request(asked.body, vocabulary)

        def judge(asked: _Asked) -> None:
            asked.made = decider.decide(asked.request)

        def describe(asked: _Asked) -> None:
            asked.entry = decision_entry(
                asked.made,
                actor=asked.by.actor,
                channel=asked.by.channel,
                idempotency_key=asked.idempotency_key,
            )

        for step in (read, judge, describe):
            group = _each(step, group)
            await asyncio.sleep(0)
        return group

    async def _record(self, group: list[_Asked]) -> None:
        try:
            answers = self._log.enter([asked.entry for asked in group])
        except Exception as error:  # noqa: BLE001 - raised where it was asked, and answered there
            for asked in group:
                asked.fail(error)
            return
        new = []
        for asked, answer in zip(group, answers, strict=True):
            try:
                recorded = await answer  # those of one transaction are there at once
            except Exception as error:  # noqa: BLE001 - raised where it was asked, and answered there
                asked.fail(error)
            else:
                if isinstance(recorded, Earlier):
                    asked.resolve(recorded)
                else:
                    new.append(asked)
        _each(_answer, new)


def _answer(asked: _Asked) -> None:
    entry = asked.entry
    asked.resolve(Answered(entry.id, asked.made.json(entry.id, entry.at), is_new=True))


def _each(step: Callable[[_Asked], None], group: Sequence[_Asked]) -> list[_Asked]:
    """Take a step for each of a group; those whose step was taken. What fails, fails for itself."""
    taken = []
    for asked in group:
        try:
            step(asked)
        except Exception as error:  # noqa: BLE001 - raised where it was asked, and answered there
            asked.fail(error)
        else:
            taken.append(asked)
    return taken
