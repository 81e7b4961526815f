"""What every process that a supervisor starts has in common: whose it is, its settings, and how it ends."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import pickle
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from eligibility.commands.failures import DONE, FAULT, WRONG_USE, exit_code, message
from eligibility.settings import Settings

_PR_SET_PDEATHSIG = 1

logger = logging.getLogger(__name__)


def adopted(parent: str, command: str) -> Settings:
    """The settings that our parent sends, whose process id is `parent`.

    Ends the process where that is not our parent, naming the `command` to run instead.
    """
    if os.getppid() != int(parent):
        sys.exit(f"a worker belongs to a service: run `{command}`")
    _end_with_parent()
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s [%(process)d]: %(message)s"
    )
    try:
        settings: Settings = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our parent, over its own pipe
    except EOFError:
        sys.exit(WRONG_USE)
    return settings


def run(work: Coroutine[Any, Any, None]) -> None:
    """Do the work in an event loop, then exit with the code that says how it went."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work)
    except Exception as raised:
        error = _alone(raised)
        code = exit_code(error)
        if code == FAULT:
            logger.exception("the worker failed")
        sys.stderr.write(message(error) + "\n")
        sys.exit(code)
    sys.exit(DONE)


def when_told_to_stop(stop: Callable[[], None], seconds: int) -> None:
    """Call `stop` at the first signal, or the end of our parent; end so many seconds later anyway."""
    loop, is_told = asyncio.get_running_loop(), False

    def tell() -> None:
        nonlocal is_told
        if not is_told:
            is_told = True
            signal.alarm(seconds)  # ends the process, should it hang
            stop()

    def parent_spoke() -> None:
        loop.remove_reader(sys.stdin.fileno())  # it never speaks: the pipe has ended, and the parent too
        tell()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell)
    loop.add_reader(sys.stdin.fileno(), parent_spoke)


def _alone(error: Exception) -> Exception:
    """The error itself, where a task group has wrapped it."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _end_with_parent() -> None:
    """Ask to be told to stop when the parent dies. Elsewhere than on Linux the end of its pipe tells."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
