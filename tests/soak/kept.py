"""A service that something keeps running, as a process manager does; and the killing of its parts."""

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.cli.running import PATIENCE, Process, Service, descendants, free_port, processes, started, until

WORKER, POSTGRES, BACKEND, SUPERVISOR, EVERYTHING = (
    "worker",
    "PostgreSQL",
    "backend",
    "supervisor",
    "everything",
)
TARGETS = (WORKER, POSTGRES, BACKEND, SUPERVISOR, EVERYTHING)

_WORDS = {WORKER: "eligibility.worker", POSTGRES: "bin/postgres", BACKEND: "postgres: eligibility_service"}


class Kept:
    """A service on one port and one data directory, started again whenever it has ended."""

    def __init__(self, stack: ExitStack, data_dir: Path, **changes: str) -> None:
        self._stack = stack
        self._data_dir = data_dir
        self._changes = {"ELIGIBILITY_PORT": str(free_port())} | changes
        self.starts = 0
        self.service = self._start()

    def _start(self) -> Service:
        self.starts += 1
        return self._stack.enter_context(started(self._data_dir, **self._changes))

    def tend(self) -> None:
        """Start it again if it has ended."""
        if self.service.process.poll() is not None:
            self.service = self._start()

    def kill(self, target: str, chance: random.Random) -> bool:
        """Kill one process of that sort, or all there are, by SIGKILL; whether there was one."""
        family = descendants(self.service.process.pid)
        if target == EVERYTHING:
            victims = [self.service.process.pid, *(process.pid for process in family)]
        elif target == SUPERVISOR:
            victims = [self.service.process.pid]
        else:
            found = [process.pid for process in family if _WORDS[target] in process.words]
            victims = chance.sample(found, 1) if found else []
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return bool(victims)

    def until(self, look: Callable[[], object], what: str) -> None:
        """Wait for something, and keep the service running meanwhile."""

        def tended() -> object:
            self.tend()
            return look()

        until(tended, what, patience=2 * PATIENCE)

    def leftovers(self) -> list[Process]:
        """What runs of former starts: processes of the data directory's server or of workers, not of ours."""
        ours = {process.pid for process in descendants(self.service.process.pid)}
        return [
            process
            for process in processes()
            if process.pid not in ours and (str(self._data_dir) in process.words)
        ]


@contextmanager
def kept(data_dir: Path, **changes: str) -> Iterator[Kept]:
    """A service that is ready, and from then on kept running by calls of `tend` and `until`."""
    with ExitStack() as stack:
        service = Kept(stack, data_dir, **changes)
        until(lambda: "Stop with Ctrl-C" in service.service.said(), "the service is ready")
        yield service
