"""Processes that decide for another one: they leave Ctrl-C to it, and end when it does, however it does."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import threading


def keep_company() -> None:
    """Make this process, which `multiprocessing` started, end with the one that started it.

    A process that waits for work does not notice by itself that there is nobody left to give it any. Where
    there is no more work it ends at once: taking apart all that it remembers would take half a second.
    """
    atexit.register(os._exit, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="company", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
