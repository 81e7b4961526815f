"""Keeping the service's processes going: workers, and the embedded database where there is one."""

from __future__ import annotations

import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import Literal, Self

from eligibility.commands.failures import DONE, FAULT, NOT_REACHED, WRONG_USE
from eligibility.errors import StorageUnavailable
from eligibility.settings import Settings
from eligibility.storage.embedded import EmbeddedPostgres

PATIENCE_SECONDS = 30
"""How long workers may take to stop before they are killed: longer than they take by themselves."""

_SOON_SECONDS = 10.0
_MOST_FAILURES = 5
_LONGEST_PAUSE = 5.0
_CHECK_SECONDS = 1.0
_PROBE_PAUSE = 0.1

Say = Callable[[str], None]
Kind = Literal["worker", "batch worker"]
"""What a process is for: to serve, or to decide backlogs."""

_MODULES: dict[Kind, str] = {"worker": "eligibility.worker", "batch worker": "eligibility.batch_worker"}


class Signals:
    """Signals as events to wait for. SIGTERM and SIGINT ask to stop; SIGCHLD tells that a child ended."""

    def __init__(self) -> None:
        self.stops = 0
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.settimeout(0)

    def __enter__(self) -> Self:
        signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(-1)
        self._read.close()
        self._write.close()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stops += 1

    def wait(self, seconds: float | None) -> None:
        """Wait for a signal, or so long."""
        if select.select([self._read], [], [], seconds)[0]:
            self._read.recv(4096)


@dataclass
class Slot:
    """The place of one worker: who has it, since when, and how often in a row it went wrong."""

    kind: Kind
    process: subprocess.Popen[bytes] | None = None
    since: float = 0.0
    failures: int = 0
    next_start: float = 0.0
    is_replaced: bool = False


class Supervisor:
    """Starts workers and whatever ended, again, until it is told to stop.

    With a listening socket, workers serve on it; those that decide backlogs are started once it is ready, and
    end nothing but themselves. Without one there are only the latter.
    """

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket | None,
        database: EmbeddedPostgres | None,
        *,
        say: Say,
        is_ready: Callable[[], bool],
        when_ready: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._database = database
        self._say = say
        self._is_ready = is_ready
        self._when_ready = when_ready
        self._was_ready = False
        servers, deciding = settings.workers if listener else 0, settings.batch_workers
        self._slots = [*(Slot("worker") for _ in range(servers))]
        self._slots += [Slot("batch worker") for _ in range(deciding)]
        self._next_check = 0.0

    def run(self) -> int:
        """Run until SIGTERM or SIGINT, or until it is hopeless; the exit code."""
        with Signals() as signals:
            try:
                while not signals.stops:
                    self._tend_database(signals)
                    for slot in self._slots:
                        code = self._tend(slot)
                        if code is not None:
                            return code
                    if not self._was_ready and self._is_ready():
                        self._was_ready = True
                        self._when_ready()
                    signals.wait(self._pause())
            finally:
                self._stop_workers(signals)
        return DONE

    def _pause(self) -> float | None:
        """How long there is nothing to do unless a signal comes."""
        if not self._was_ready:
            return _PROBE_PAUSE
        now = time.monotonic()
        waits = [slot.next_start - now for slot in self._slots if slot.process is None]
        if self._database is not None and not self._runs_database(self._database):
            waits.append(self._next_check - now)
        return max(0.0, min(waits)) if waits else None

    @staticmethod
    def _runs_database(database: EmbeddedPostgres) -> bool:
        """Whether the database is a child of ours, of whose end a signal will tell."""
        return database.is_ours and database.process is not None and database.process.poll() is None

    def _tend_database(self, signals: Signals) -> None:
        """Start the embedded database again where it has ended, whoever had started it."""
        database, now = self._database, time.monotonic()
        if database is None or now < self._next_check:
            return
        if self._runs_database(database):
            return
        self._next_check = now + _CHECK_SECONDS
        if not database.is_ours and database.alive():
            return
        self._say("the embedded PostgreSQL has ended: starting it again")
        before = database.service_url
        try:
            database.restart(unless=lambda: signals.stops > 0)
        except StorageUnavailable as error:
            self._say(f"it could not be started again: {error}")
            return
        self._say("the embedded PostgreSQL is back")
        if database.service_url != before:  # another port: workers know the former one only
            for slot in self._slots:
                if slot.process is not None:
                    slot.is_replaced = True
                    slot.process.terminate()

    def _tend(self, slot: Slot) -> int | None:
        """Start a worker in a slot where there is none; the exit code where that is hopeless."""
        now = time.monotonic()
        if slot.process is not None:
            code = slot.process.poll()
            if code is None:
                return None
            if slot.process.stdin is not None:
                slot.process.stdin.close()
            slot.process = None
            hopeless = self._ended(slot, code, now)
            if hopeless is not None:
                return hopeless
        if now >= slot.next_start and (self._was_ready or slot.kind == "worker"):
            slot.is_replaced = False
            slot.since = now
            try:
                slot.process = self._start_worker(slot.kind)
            except OSError as error:  # no memory, or no process to be had
                slot.next_start = now + _LONGEST_PAUSE
                self._say(f"a {slot.kind} could not be started: {error.strerror}; trying again in a while")
        return None

    def _ended(self, slot: Slot, code: int, now: float) -> int | None:
        """Judge the end of a worker: when to start another, or the exit code where there is no point."""
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        if slot.is_replaced or (slot.kind == "batch worker" and code == DONE):  # as it should
            slot.next_start = now
            return None
        if not self._was_ready and code in {WRONG_USE, FAULT}:
            return code  # it has said why; another would say the same
        slot.failures = slot.failures + 1 if now - slot.since < _SOON_SECONDS else 1
        is_vital = slot.kind == "worker" or self._listener is None
        if is_vital and slot.failures >= _MOST_FAILURES and code != NOT_REACHED:
            self._say(
                f"error: a {slot.kind} ended {slot.failures} times in a row soon after its start, "
                f"the last time {how}: see what it said above"
            )
            return NOT_REACHED
        pause = 0.0 if slot.failures == 1 else min(_LONGEST_PAUSE, 0.125 * 2 ** min(slot.failures, 9))
        slot.next_start = now + pause
        self._say(f"a {slot.kind} ended {how}: starting another" + (f" in {pause:g} s" if pause else ""))
        return None

    def _start_worker(self, kind: Kind) -> subprocess.Popen[bytes]:
        """Start a worker. It gets its settings, passwords among them, over a pipe that only it can read."""
        url = self._settings.database_url if self._database is None else self._database.service_url
        settings = replace(self._settings, database_url=url, owner_database_url=None)
        descriptors = (self._listener.fileno(),) if kind == "worker" and self._listener else ()
        process = subprocess.Popen(
            [sys.executable, "-m", _MODULES[kind], *map(str, descriptors), str(os.getpid())],
            stdin=subprocess.PIPE,
            cwd=Path(__file__).parent.parent,  # this package and its neighbours, not what lies around us
            pass_fds=descriptors,
            start_new_session=True,  # Ctrl-C in our terminal is for us, and we tell the workers
        )
        if process.stdin is None:
            raise AssertionError("a pipe was asked for")
        try:
            process.stdin.write(pickle.dumps(settings))
            process.stdin.flush()  # and stays open: its end tells the worker that we are gone
        except BrokenPipeError:
            pass  # it has ended already, which is noticed as any other end is
        return process

    def _stop_workers(self, signals: Signals) -> None:
        """Let workers finish what is in flight; kill them after a while, or where asked to stop once more."""
        running = [slot.process for slot in self._slots if slot.process is not None]
        asked, deadline = signals.stops, time.monotonic() + PATIENCE_SECONDS
        for process in running:
            process.terminate()
        while any(process.poll() is None for process in running):
            if signals.stops > asked or time.monotonic() > deadline:
                for process in running:
                    process.kill()
            signals.wait(_CHECK_SECONDS)
