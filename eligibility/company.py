"""Processes that work for another one: what one of them makes comes in the order in which it was asked for.

Each has a pipe of its own, which breaks where the process is killed, so that nobody waits for it. (In pools
of the standard library all write into one: who is killed meanwhile leaves the others waiting for ever.)
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any, Final, Generic, NamedTuple, NoReturn, TypeVar

from eligibility.errors import EngineFailure
from eligibility.parcels import receive, send

NEW_OBJECTS: Final = 1_000_000
"""New objects after which Python looks for garbage."""

Given = TypeVar("Given")
Made = TypeVar("Made")


class _Raised(NamedTuple):
    """What making something raised, on its way back."""

    error: Exception


class Company(Generic[Given, Made]):
    """Another process that makes something of what it is given. To be closed, which ends it."""

    def __init__(self, *modules: str) -> None:
        """Start it. While nobody says how to begin, it imports these modules."""
        context = multiprocessing.get_context("spawn")  # the engine's C code is not made for forking
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, modules), daemon=True)
        self._process.start()
        theirs.close()  # so that this end notices when the process is gone
        # either may have to wait for the other process, which reads and writes by turns
        self._sending = ThreadPoolExecutor(1, "sending")
        self._receiving = ThreadPoolExecutor(1, "receiving")
        self._begun: Future[None] = Future()

    def begin(self, begin: Callable[..., Callable[[Given], Made]], *arguments: Any) -> None:
        """Say how to begin: `begin` is called there with these arguments, and gives what makes something."""
        self._begun = self._sending.submit(send, self._pipe, (begin, arguments))

    def submit(self, given: Given) -> Future[Made]:
        """Let it make something of this, once it has begun, and done what it was given before.

        The future raises what making it raised, and EngineFailure where the process has ended.
        """
        sent = self._sending.submit(send, self._pipe, given)
        return self._receiving.submit(self._received, sent)

    def _received(self, sent: Future[None]) -> Made:
        try:
            self._begun.result()  # who was told nothing, or sent nothing, answers nothing
            sent.result()
            found = receive(self._pipe)
        except (EOFError, OSError) as error:
            why = "a process that this one works with ended, killed or short of memory"
            raise EngineFailure(f"{why}: give the same command again") from error
        if isinstance(found, _Raised):
            raise found.error
        made: Made = found
        return made

    def close(self) -> None:
        """End it at once: it holds nothing that must be kept."""
        self._process.kill()
        self._process.join()
        for thread in (self._sending, self._receiving):
            thread.shutdown(cancel_futures=True)
        self._pipe.close()


@contextmanager
def started(number: int, *modules: str) -> Iterator[Sequence[Company[Any, Any]]]:
    """So many processes, to begin later, which import these modules meanwhile."""
    with ExitStack() as stack:
        yield [stack.enter_context(closing(Company[Any, Any](*modules))) for _ in range(number)]


def made_by_all(
    company: Sequence[Company[Given, Made]], things: Sequence[Given]
) -> Iterator[tuple[int, Made]]:
    """What processes make of some things, with the place of each: whoever is done gets the next."""
    waiting = deque(enumerate(things))
    busy: dict[Future[Made], tuple[int, Company[Given, Made]]] = {}
    free = deque(company)
    while waiting or busy:
        while waiting and free:
            place, given = waiting.popleft()
            process = free.popleft()
            busy[process.submit(given)] = place, process
        for future in wait(busy, return_when=FIRST_COMPLETED).done:
            place, process = busy.pop(future)
            free.append(process)
            yield place, future.result()


def collect_seldom() -> None:
    """Look for garbage seldom in this process: imports and rows make many objects, few in circles."""
    gc.set_threshold(NEW_OBJECTS, 50, 1_000)


def _work(pipe: Connection, modules: tuple[str, ...]) -> None:
    _keep_company()
    collect_seldom()
    for module in modules:
        import_module(module)
    begin, arguments = receive(pipe)
    try:
        make = begin(*arguments)
    except Exception as error:  # noqa: BLE001 - as below
        make = partial(_raise, error)
    while True:
        given = receive(pipe)
        try:
            made = make(given)
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
            made = _Raised(error)
        send(pipe, made)


def _raise(error: Exception, _given: object) -> NoReturn:
    raise error


def _keep_company() -> None:
    """Leave Ctrl-C to the process that started this one, and end with it, however it ends.

    A process that waits for work does not notice by itself that there is nobody left to give it any.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="company", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
