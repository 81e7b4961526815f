"""Verifying the log in a process of its own, so that whoever waits for it can do other work.

The process reads what to verify from its pipe, and writes lines of JSON: how many records more were looked
at, and at last the report. It ends when nobody reads them any more.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import orjson

from eligibility.errors import EligibilityError, StorageUnavailable
from eligibility.storage.reading_log import reading_log
from eligibility.verifying.verification import Wanted, verify

TELL_SECONDS: Final = 1.0
_LONGEST_LINE: Final = 2**24


async def verify_apart(url: str, wanted: Wanted) -> AsyncIterator[int | dict[str, Any]]:
    """How many records more were looked at, from time to time; and at last the report, as a document.

    `url` is a login to the database. Raises StorageUnavailable where it comes to nothing.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "eligibility.verifying.apart",
        stdin=PIPE,
        stdout=PIPE,
        limit=_LONGEST_LINE,
        cwd=Path(__file__).parent.parent.parent,  # this package and its neighbours, not what lies around us
        start_new_session=True,  # Ctrl-C in our terminal is for us, and the end of its pipe tells the process
    )
    if process.stdin is None or process.stdout is None:
        raise AssertionError("pipes were asked for")
    try:
        process.stdin.write(pickle.dumps((url, wanted)))
        process.stdin.close()
        while line := await process.stdout.readline():
            told = orjson.loads(line)
            if isinstance(told, str):
                raise StorageUnavailable(told)
            yield told
            if isinstance(told, dict):
                return
        raise StorageUnavailable("the process that verifies ended: see what it said")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def main() -> None:
    """Verify what the pipe says; `verify_apart` starts this."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    url, wanted = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our parent, over its own pipe
    more, told = 0, time.monotonic()

    def tell(records: int) -> None:
        nonlocal more, told
        more += records
        if time.monotonic() - told >= TELL_SECONDS:
            _write(more)
            more, told = 0, time.monotonic()

    try:
        with reading_log(url) as reader:
            report = verify(reader, wanted, tell=tell)
        _write(report.document())
    except EligibilityError as error:
        _write(str(error))


def _write(value: int | str | dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
