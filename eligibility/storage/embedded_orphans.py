"""What is left of a server that was killed, or of one whose owner was.

Where a server's first process is killed, the others notice and end, but for one that waits for what another
can no longer give it: that one would hold the data directory for ever. On Linux they come to the process that
started the server, which ends them.

Where the owner is killed, the server is told to shut down; but it may hang on the way, as PostgreSQL 18 can
where it is just recovering from the loss of one of its processes. Whoever comes next hurries it.
"""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_HURRIED_AFTER = ((10.0, signal.SIGKILL), (5.0, signal.SIGQUIT))
"""After how many seconds a server whose owner is gone gets which signal. Nothing committed is lost by it."""

_TITLE = b"postgres: "
"""How every process of a server is titled, but for the first."""


def adopt_orphans() -> None:
    """Ask to become the parent of what our children leave behind."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_orphans(data: Path) -> None:
    """Kill and bury what is left of servers that have ended, the one in `data` among them."""
    if not sys.platform.startswith("linux"):
        return
    for pid in _left(data):
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            continue


def write_owner(lock: int) -> None:
    """Write into the lock who holds it."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)


def hurry_abandoned(home: Path, waited: float) -> None:
    """Make the server of `home` end if its owner has, after so many seconds of waiting for it."""
    owner, server = _number(home / "lock"), _number(home / "data" / "postmaster.pid")
    number = next((each for seconds, each in _HURRIED_AFTER if waited >= seconds), None)
    if owner is None or server is None or number is None or runs(owner):
        return
    try:
        words = Path(f"/proc/{server}/cmdline").read_bytes()
    except OSError:
        return  # it has ended; or this is no Linux, and there is no telling whose the number is
    if os.fsencode(home / "data") in words:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server, number)


def runs(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def forget_dead(data: Path) -> None:
    """Take away the note of a server that has ended, but whose parent has not taken notice yet.

    PostgreSQL would take it for one that runs, and not start.
    """
    server = _number(data / "postmaster.pid")
    try:
        state = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return  # there is no such process, as PostgreSQL sees for itself; or this is no Linux
    if state in {"Z", "X"}:
        (data / "postmaster.pid").unlink(missing_ok=True)


def _number(file: Path) -> int | None:
    """The number in the first line of a file, if there is one."""
    try:
        return int(file.read_text(encoding="utf-8").partition("\n")[0])
    except (FileNotFoundError, ValueError):
        return None


def _left(data: Path) -> Iterator[int]:
    """Our children that are processes of a server, though we started only its first."""
    started = os.fsencode(f"\0-D\0{data}\0")
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (entry / "stat").read_text().rpartition(")")
            if int(rest.split()[1]) != os.getpid() or not name.endswith("(postgres"):
                continue
            words = (entry / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # one that was just born has no title yet, and one that has ended by itself has none any more
        if words.startswith(_TITLE) or started in words or not words:
            yield int(entry.name)
