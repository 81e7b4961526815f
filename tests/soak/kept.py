"""A service that something keeps running, as a process manager does; and the killing of its parts."""

import os
import random
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.cli.running import PATIENCE, Service, descendants, processes, started, until

WORKER, BACKEND, POSTGRES = "worker", "backend of the database", "database"
SUPERVISOR, EVERYTHING = "supervisor", "everything at once"
TARGETS = (WORKER, BACKEND, POSTGRES, SUPERVISOR, EVERYTHING)

_WORDS = {WORKER: "eligibility.worker", BACKEND: "postgres: eligibility_service", POSTGRES: "bin/postgres"}


def lasting_port() -> int:
    """A free port that the system lends to nobody while the service is down, as it may those of `free_port`."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("no port is free")


class Kept:
    """A service on one port and one data directory, started again whenever it has ended."""

    def __init__(self, stack: ExitStack, data_dir: Path, **changes: str) -> None:
        self.starts = 0
        self._stack = stack
        self._data_dir = data_dir
        self._changes = {"ELIGIBILITY_PORT": str(lasting_port())} | changes
        self._orphans: set[int] = set()
        self.service = self._start()

    def _start(self) -> Service:
        self.starts += 1
        return self._stack.enter_context(started(self._data_dir, **self._changes))

    def until(self, look: Callable[[], object], what: str) -> None:
        """Wait for something, and keep the service running meanwhile."""

        def tended() -> object:
            if self.service.process.poll() is not None:
                self.service = self._start()
            return look()

        until(tended, what, patience=2 * PATIENCE)

    def kill(self, target: str, chance: random.Random) -> None:
        """Kill one process of that sort, or all there are, by SIGKILL; wait for one if there is none."""
        self.until(lambda: self._kill(target, chance), f"a {target} to kill")

    def _kill(self, target: str, chance: random.Random) -> bool:
        supervisor = self.service.process.pid
        family = descendants(supervisor)
        if target in _WORDS:
            found = [process.pid for process in family if _WORDS[target] in process.words]
            victims = [chance.choice(found)] if found else []
        else:
            self._orphans.update(process.pid for process in family)
            victims = [supervisor, *(self._orphans if target == EVERYTHING else ())]
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it has ended by itself
        return bool(victims)

    def wait_for_orphans(self) -> None:
        """Wait until nothing runs any more of those whose supervisor was killed."""
        self.until(lambda: not self._orphans & {process.pid for process in processes()}, "no orphan is left")


@contextmanager
def kept(data_dir: Path, **changes: str) -> Iterator[Kept]:
    """A service that is ready, and from then on kept running while one waits by its `until`."""
    with ExitStack() as stack:
        service = Kept(stack, data_dir, **changes)
        until(lambda: "Stop with Ctrl-C" in service.service.said(), "the service is ready")
        yield service
