"""One server process, a child of `eligibility serve`, which hands it the listening socket and the settings.

It serves in one thread, to which the rule engine belongs.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import pickle
import signal
import socket
import sys
from collections.abc import Iterator
from importlib import import_module

import uvicorn
import uvloop

from eligibility.commands.failures import DONE, FAULT, WRONG_USE, exit_code, message
from eligibility.settings import Settings

APPLICATION = "api.app:create_app"
"""Makes the application, given the settings. By name, since this package imports nothing of `api`."""

GRACE_SECONDS = 20
"""How long requests in flight may take to finish once the worker is told to stop."""

_ALLOCATIONS_BETWEEN_COLLECTIONS = 50_000
_KEEP_ALIVE_SECONDS = 30
_PR_SET_PDEATHSIG = 1

logger = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """A server that leaves signals to the worker."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def main() -> None:
    """Serve until told to stop; `serve` starts this."""
    if len(sys.argv) != 3 or os.getppid() != int(sys.argv[2]):  # noqa: PLR2004 - a socket and the parent
        sys.exit("a worker belongs to a service: run `eligibility serve`")
    _end_with_parent()
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s [%(process)d]: %(message)s"
    )
    listener = socket.socket(fileno=int(sys.argv[1]))
    try:
        settings: Settings = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our parent, over its own pipe
    except EOFError:
        sys.exit(WRONG_USE)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, listener))
    except Exception as raised:
        error = _alone(raised)
        code = exit_code(error)
        if code == FAULT:
            logger.exception("the worker failed")
        sys.stderr.write(message(error) + "\n")
        sys.exit(code)
    sys.exit(DONE)


def _alone(error: Exception) -> Exception:
    """The error itself, where a task group has wrapped it."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _end_with_parent() -> None:
    """Ask to be told to stop when the parent dies. Elsewhere than on Linux the end of its pipe tells."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _collect_garbage_seldom() -> None:
    """Look for circles of garbage seldom, and never in what is there now: code, rules and prepared answers.

    Answering makes no circles; Python would look for some every few requests, at a quarter of the time spent.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])


async def _serve(settings: Settings, listener: socket.socket) -> None:
    """Start the application, serve, finish what is in flight, end the application."""
    module, _, factory = APPLICATION.partition(":")
    app = getattr(import_module(module), factory)(settings)
    server = _Server(
        uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",  # entered below, so that what it raises comes to us
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )

    def stop() -> None:
        server.should_exit = True
        signal.alarm(GRACE_SECONDS + 5)  # ends the process, should it hang

    def parent_spoke() -> None:
        loop.remove_reader(sys.stdin.fileno())  # it never speaks: the pipe has ended, and the parent too
        stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_reader(sys.stdin.fileno(), parent_spoke)
    async with app.lifespan():
        _collect_garbage_seldom()
        await server.serve(sockets=[listener])


if __name__ == "__main__":
    main()
