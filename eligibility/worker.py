"""One server process, a child of `eligibility serve`, which hands it the listening socket and the settings.

It serves in one thread, to which the rule engine belongs.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import socket
import sys
from collections.abc import Iterator
from importlib import import_module

import uvicorn

from eligibility.child import adopted, run, when_told_to_stop
from eligibility.settings import Settings

APPLICATION = "api.app:create_app"
"""Makes the application, given the settings. By name, since this package imports nothing of `api`."""

GRACE_SECONDS = 20
"""How long requests in flight may take to finish once the worker is told to stop."""

_ALLOCATIONS_BETWEEN_COLLECTIONS = 50_000
_KEEP_ALIVE_SECONDS = 30


class _Server(uvicorn.Server):
    """A server that leaves signals to the worker."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def main() -> None:
    """Serve until told to stop; `serve` starts this."""
    if len(sys.argv) != 3:  # noqa: PLR2004 - a socket and the parent
        sys.exit("a worker belongs to a service: run `eligibility serve`")
    settings = adopted(sys.argv[2], "eligibility serve")
    run(_serve(settings, socket.socket(fileno=int(sys.argv[1]))))


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

    when_told_to_stop(stop, GRACE_SECONDS + 5)
    async with app.lifespan():
        _collect_garbage_seldom()
        await server.serve(sockets=[listener])


if __name__ == "__main__":
    main()
