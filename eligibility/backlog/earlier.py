"""What an earlier run told, or what another ruleset tells, a piece at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from eligibility.backlog.committed import Committed, Stored
from eligibility.backlog.comparing_sides import Side, committed_side, decided_side
from eligibility.backlog.cutting import Piece
from eligibility.backlog.deciding import BacklogDecider
from eligibility.backlog.formats import Format
from eligibility.backlog.reading import requests_in
from eligibility.building import rebuilt
from eligibility.company import Company
from eligibility.decider import Decider
from eligibility.ruleset import Ruleset
from eligibility.storage.batch_reading import reading_slices
from eligibility.storage.database import Database

Made = TypeVar("Made")


def earlier_batch(url: str, batch: UUID, ruleset: Ruleset) -> Generator[Side, None, None]:
    """What is recorded of a batch, under the ruleset that it pins. For a thread of its own.

    Raises NotFound where some of it was dropped under retention, StorageUnavailable.
    """
    return recorded_slices(url, batch, ruleset, committed_side)


def recorded_slices(
    url: str, batch: UUID, ruleset: Ruleset, make: Callable[[Committed, Stored, Any], Made]
) -> Generator[Made, None, None]:
    """What is made of each slice of a batch and the table of results that it is rendered to.

    For a thread of its own. Raises as `earlier_batch`.
    """
    with asyncio.Runner() as runner:
        slices = _slices(url, batch, Committed(Decider(ruleset)), make)
        try:
            while (made := runner.run(_next(slices))) is not None:
                yield made[0]
        finally:
            runner.run(slices.aclose())


async def _next(slices: AsyncGenerator[tuple[Made]]) -> tuple[Made] | None:
    return await anext(slices, None)


async def _slices(
    url: str, batch: UUID, committed: Committed, make: Callable[[Committed, Stored, Any], Made]
) -> AsyncGenerator[tuple[Made]]:
    database, start = Database.open(url), 0
    try:
        await database.ready()
        async with reading_slices(database) as reader:
            while found := await reader.slices(batch, start=start):
                for each in found:
                    stored = await committed.read(reader, batch, each, full=False)
                    yield (make(committed, stored, committed.table(stored, full=False)),)
                start = found[-1].number + 1
    finally:
        await database.close()


@contextmanager
def ahead(sides: Generator[Side, None, None]) -> Iterator[Iterator[Side]]:
    """The same, made in a thread of its own, one piece before it is asked for."""
    with ThreadPoolExecutor(1, "earlier") as thread:
        upcoming: Future[Side | None] = thread.submit(next, sides, None)

        def made() -> Iterator[Side]:
            nonlocal upcoming
            while (side := upcoming.result()) is not None:
                upcoming = thread.submit(next, sides, None)
                yield side

        try:
            yield made()
        finally:
            thread.submit(sides.close)


class Elsewhere:
    """Decides pieces under another ruleset as they pass by, in a process of its own that ends with this.

    The rule engine never lets a ruleset go, so that it must not be this process that gets to know another.
    """

    def __init__(self, document: bytes, form: Format) -> None:
        """Decide under the ruleset of this document."""
        self._process: Company[Piece, Side] = Company()
        self._process.begin(_begin, document, form)
        self._waiting: deque[Future[Side]] = deque()

    def watched(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """The same pieces, each decided here while it goes on there."""
        for piece in pieces:
            self._waiting.append(self._process.submit(piece))
            yield piece

    def sides(self) -> Iterator[Side]:
        """What was decided about the pieces that passed by, each once, to be asked for when it has.

        Raises EngineFailure.
        """
        while self._waiting:
            yield self._waiting.popleft().result()

    def close(self) -> None:
        """End the process."""
        self._process.close()


class _Deciding:
    """What the process decides with."""

    def __init__(self, document: bytes, form: Format) -> None:
        self._backlog = BacklogDecider(Decider(rebuilt(document)))
        self._form = form

    def decide(self, piece: Piece) -> Side:
        return decided_side(self._backlog.decide(requests_in(self._form, piece))).portable()


def _begin(document: bytes, form: Format) -> Callable[[Piece], Side]:
    return _Deciding(document, form).decide
