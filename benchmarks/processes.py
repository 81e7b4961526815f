"""Servers as child processes, and how much processor time they take."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60
_TICK = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port of the loopback address that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str], port: int, ready: str, environment: dict[str, str] | None = None
) -> Iterator[int]:
    """A server process, from the moment it answers at the path `ready` until it has ended; its id."""
    process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(f"http://127.0.0.1:{port}{ready}"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"`{' '.join(command)}` did not start")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - our own loopback address
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
    return True


def processor_seconds(root: int) -> dict[int, tuple[str, float]]:
    """What each process under this one (itself included) is, and how long it has computed so far.

    Read from /proc, so on Linux only; empty elsewhere.
    """
    found: dict[int, tuple[int, str, float]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:  # it has ended meanwhile
            continue
        found[int(path.name)] = (int(fields[1]), command, (int(fields[11]) + int(fields[12])) / _TICK)

    def is_under(pid: int) -> bool:
        while pid in found and pid != root:
            pid = found[pid][0]
        return pid == root

    return {pid: (command, spent) for pid, (_, command, spent) in found.items() if is_under(pid)}
