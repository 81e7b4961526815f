"""What is left of a server whose first process was killed.

Its other processes notice and end, but for one that waits for what another can no longer give it: that one
would hold the data directory for ever. On Linux they come to the process that started the server, which
ends them.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
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
