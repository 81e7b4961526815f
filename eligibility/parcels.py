"""What one process sends another: small things through their pipe, large ones in memory that both see.

A pipe holds little, so whoever sends much through it waits for the other end again and again; and that may
be a thread which has to wait for others itself.
"""

from __future__ import annotations

import mmap
import os
import pickle
from collections.abc import Iterator, Sequence
from itertools import accumulate
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any, Final

LARGE: Final = 2**16
"""Bytes from which something does not go through the pipe."""

_CAN_SHARE: Final = hasattr(os, "memfd_create")
"""Only Linux has memory that is a file, and gone when nobody has it open any more."""

_ALIGNED: Final = 64
"""Each part begins at a multiple of this, as Arrow wants it."""


def send(pipe: Connection, thing: object) -> None:
    """Send something through a pipe of two ways. Raises as `pickle.dumps`, and OSError."""
    beside: list[pickle.PickleBuffer] = []
    is_shared = _CAN_SHARE
    parts = [memoryview(pickle.dumps(thing, 5, buffer_callback=beside.append if is_shared else None))]
    parts += [buffer.raw() for buffer in beside]
    sizes = [len(part) for part in parts]
    if not is_shared or (sum(sizes) < LARGE and not beside):
        pipe.send((None, bytes(parts[0])))
        return
    file = os.memfd_create("eligibility")
    try:
        for part, (start, _) in zip(parts, _places(sizes), strict=True):
            _write(file, part, start)
        pipe.send((sizes, b""))
        reduction.send_handle(pipe, file, None)
    finally:
        os.close(file)


def receive(pipe: Connection) -> Any:
    """What was sent. Raises EOFError and OSError where the other end is gone."""
    sizes, data = pipe.recv()
    if sizes is None:
        return pickle.loads(data)  # noqa: S301 - of our own processes
    file = reduction.recv_handle(pipe)
    try:
        seen = memoryview(mmap.mmap(file, 0, access=mmap.ACCESS_READ))
    finally:
        os.close(file)
    whole, *beside = [seen[start:end] for start, end in _places(sizes)]
    return pickle.loads(whole, buffers=beside)  # noqa: S301 - as above


def _places(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where each part begins and ends."""
    starts = accumulate((-(-size // _ALIGNED) * _ALIGNED for size in sizes), initial=0)
    return ((start, start + size) for start, size in zip(starts, sizes, strict=False))


def _write(file: int, part: memoryview, start: int) -> None:
    while part:
        written = os.pwrite(file, part, start)
        part, start = part[written:], start + written
