"""Pieces of a backlog shared out among processes, and what these make of them, in the order of the pieces."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import pyarrow as pa

from eligibility.backlog.cutting import Piece
from eligibility.backlog.shared import Messages
from eligibility.company import Company

_AHEAD: Final = 3
"""Pieces that each other process is given at a time."""

_HELD: Final = 2
"""What is made of pieces that may wait for that of one before them."""

Made = TypeVar("Made")
Made_co = TypeVar("Made_co", covariant=True)
Other = TypeVar("Other")


class Plan(Protocol[Made_co]):
    """How something is made of pieces. It goes to other processes as it is."""

    def maker(self, messages: Messages | None = None, begins_at: float = 0.0) -> Callable[[Piece], Made_co]:
        """What makes it, in the thread that calls; what is evaluated is told to others by these messages.

        `begins_at` is for each of them another share of what is new, with which it begins.
        """


def shared_out(
    items: Iterator[Piece | Other],
    plan: Plan[Made],
    company: Sequence[Company[Piece, Any]],
    *,
    takes_part: bool = True,
) -> Iterator[Made | Other]:
    """What is made of pieces, in the processes of a company; by this one where there is none, or one item.

    This process makes some of it, too, if it `takes_part`; otherwise it has its hands free for what is made.
    What is no piece stays as it is, in its place. Raises EngineFailure where another process is killed, and
    whatever making raises.
    """
    first = list(islice(items, 2))
    everything = chain(first, items)
    if not company or len(first) < 2:  # noqa: PLR2004 - one alone needs no company
        return made_here(everything, plan.maker())
    return _together(everything, plan, company, takes_part=takes_part)


def made_here(items: Iterable[Piece | Other], make: Callable[[Piece], Made]) -> Iterator[Made | Other]:
    """What is made of pieces, by this process alone; what is no piece stays as it is."""
    return (make(item) if isinstance(item, Piece) else item for item in items)


def _together(
    items: Iterator[Piece | Other],
    plan: Plan[Made],
    company: Sequence[Company[Piece, Any]],
    *,
    takes_part: bool,
) -> Iterator[Made | Other]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="eligibility-")))
        messages = stack.enter_context(closing(Messages(folder, str(os.getpid()))))
        for number, process in enumerate(company, takes_part):
            process.begin(_begin, plan, folder, number / (len(company) + takes_part))
        others = [_Other(process, deque()) for process in company]
        given = deque(_given(others, item) for item in islice(items, len(others)))
        make = plan.maker(messages) if takes_part else None
        yield from _in_order(given, others, make, items)


class _Other(NamedTuple):
    """Another process, and what it has been given and not done yet."""

    process: Company[Piece, Any]
    busy: deque[Future[Any]]

    def load(self) -> int:
        """How many pieces it has."""
        while self.busy and self.busy[0].done():
            self.busy.popleft()
        return len(self.busy)


def _in_order(
    waiting: deque[Future[Made | Other]],
    company: Sequence[_Other],
    make: Callable[[Piece], Made] | None,
    items: Iterator[Piece | Other],
) -> Iterator[Made | Other]:
    """What is made, in the order of the pieces: others get what keeps them busy, and `make` the rest."""
    enough = len(company) * _AHEAD
    for item in items:
        are_busy = sum(other.load() for other in company) >= enough
        if make is not None and are_busy and isinstance(item, Piece):
            waiting.append(_done(make(item)))
        else:
            waiting.append(_given(company, item))
        while waiting and (waiting[0].done() or len(waiting) > enough + _HELD):
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _given(company: Sequence[_Other], item: Any) -> Future[Any]:
    """An item given to the process that has least to do, if it is a piece."""
    if not isinstance(item, Piece):
        return _done(item)
    other = min(company, key=_Other.load)
    future = other.process.submit(item)
    other.busy.append(future)
    return future


def _done(made: Made) -> Future[Made]:
    future = Future[Made]()
    future.set_result(made)
    return future


def keep_little() -> None:
    """Let Arrow give back the memory that it does not need, which it would not of its own choice."""
    # both do; the first is the faster one
    has_jemalloc = "jemalloc" in pa.supported_memory_backends()
    pa.set_memory_pool(pa.jemalloc_memory_pool() if has_jemalloc else pa.system_memory_pool())


def _begin(plan: Plan[Any], folder: Path, begins_at: float) -> Callable[[Piece], Any]:
    keep_little()
    return plan.maker(Messages(folder, str(os.getpid())), begins_at)
