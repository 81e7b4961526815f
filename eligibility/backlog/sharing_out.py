"""Pieces of a backlog shared out among processes, and what these make of them, in the order of the pieces."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Protocol, TypeVar

from eligibility.backlog.company import keep_company
from eligibility.backlog.cutting import Piece
from eligibility.backlog.shared import Messages
from eligibility.errors import EngineFailure

NEW_OBJECTS: Final = 100_000
"""New objects after which Python looks for garbage: rows make many, and hardly any that refer in circles."""

_AHEAD: Final = 2
"""Pieces that each other process is given at a time."""

_HELD: Final = 2
"""What is made of pieces that may wait for that of one before them."""

Made = TypeVar("Made")
Made_co = TypeVar("Made_co", covariant=True)
Other = TypeVar("Other")


class Plan(Protocol[Made_co]):
    """How something is made of pieces. It goes to other processes as it is."""

    def maker(self, messages: Messages | None = None) -> Callable[[Piece], Made_co]:
        """What makes it, in the thread that calls; what is evaluated is told to others by these messages."""


def shared_out(
    items: Iterator[Piece | Other], plan: Plan[Made], *, processes: int, takes_part: bool = True
) -> Iterator[Made | Other]:
    """What is made of pieces, in so many processes; by this one alone where there is one, or one item.

    This process is one of them if it `takes_part`; otherwise it has its hands free for what is made. What is
    no piece stays as it is, in its place. Raises EngineFailure where another process is killed, and whatever
    making raises.
    """
    first = list(islice(items, 2))
    everything = chain(first, items)
    if processes == 1 or len(first) < 2:  # noqa: PLR2004 - one alone needs no company
        return made_here(everything, plan.maker())
    return _together(everything, plan, processes - takes_part, takes_part=takes_part)


def made_here(items: Iterable[Piece | Other], make: Callable[[Piece], Made]) -> Iterator[Made | Other]:
    """What is made of pieces, by this process alone; what is no piece stays as it is."""
    return (make(item) if isinstance(item, Piece) else item for item in items)


def _together(
    items: Iterator[Piece | Other], plan: Plan[Made], others: int, *, takes_part: bool
) -> Iterator[Made | Other]:
    context = multiprocessing.get_context("spawn")  # the engine's C code is not made for forking
    with (
        TemporaryDirectory(prefix="eligibility-") as name,
        closing(Messages(Path(name), str(os.getpid()))) as messages,
        ProcessPoolExecutor(others, context, _start, (plan, Path(name))) as pool,
    ):
        try:
            given = deque(_submitted(pool, item) for item in islice(items, others))
            make = plan.maker(messages) if takes_part else None
            yield from _in_order(given, pool, make, items, others)
        except BrokenProcessPool as error:
            why = "a process that this one works with ended, killed or short of memory"
            raise EngineFailure(f"{why}: give the same command again") from error


def _in_order(
    waiting: deque[Future[Made | Other]],
    pool: ProcessPoolExecutor,
    make: Callable[[Piece], Made] | None,
    items: Iterator[Piece | Other],
    others: int,
) -> Iterator[Made | Other]:
    """What is made, in the order of the pieces: others get what keeps them busy, and `make` the rest."""
    for item in items:
        are_busy = sum(not made.done() for made in waiting) >= others * _AHEAD
        if make is not None and are_busy and isinstance(item, Piece):
            waiting.append(_done(make(item)))
        else:
            waiting.append(_submitted(pool, item))
        while waiting and (waiting[0].done() or len(waiting) > others * _AHEAD + _HELD):
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _submitted(pool: ProcessPoolExecutor, item: Any) -> Future[Any]:
    return pool.submit(_make, item) if isinstance(item, Piece) else _done(item)


def _done(made: Made) -> Future[Made]:
    future = Future[Made]()
    future.set_result(made)
    return future


_makers: Final[list[Callable[[Piece], Any]]] = []
"""The one maker of a process that was started to make something of pieces."""


def _start(plan: Plan[Any], folder: Path) -> None:
    keep_company()
    gc.set_threshold(NEW_OBJECTS, 50, 1_000)
    _makers[:] = [plan.maker(Messages(folder, str(os.getpid())))]


def _make(piece: Piece) -> Any:
    return _makers[0](piece)
