"""Deciding under a ruleset that is not in force, in a short-lived process: the engine never frees a ruleset.

`deciding_elsewhere` starts the process and ends it, whatever happens. Ask for some `PORTION` rows at a time,
so that neither side ever holds more; errors come back as they were raised there.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from eligibility.again import Given, Recorded, Replayed
from eligibility.errors import EngineFailure

PORTION: Final = 256
"""Rows that go to the process at once; some 0.2 s of work where each is new to it."""

PATIENCE_SECONDS: Final = 60.0
"""How long the process may take for one answer."""

LENGTH_BYTES: Final = 4


class Elsewhere:
    """The process that decides under one ruleset. Ask it one thing at a time."""

    def __init__(self, process: Process, *, seconds: float) -> None:
        self._process = process
        self._seconds = seconds
        self._one_at_a_time = asyncio.Lock()

    async def know(self, digest: str, document: bytes) -> None:
        """Make a ruleset known that evaluations were recorded under: first, before they are decided again."""
        await self.ask("know", digest, document)

    async def contents(self, cells: Sequence[bytes]) -> list[bytes | None]:
        """The canonical contents of the evaluations of cells recorded under the ruleset of this process.

        None where the ruleset gives these cells no evaluation: they were never recorded under it.

        Raises:
            EngineFailure: the engine refused to work, or the process ended, or gave no answer in time.
        """
        found: list[bytes | None] = await self.ask("contents", list(cells))
        return found

    async def again(self, recorded: Recorded, given: Given | None = None) -> Replayed:
        """What comes of deciding one recorded decision again: by its facts, else by its cells.

        Raises EvaluatorsDisagree, EngineFailure.
        """
        found: Replayed = await self.ask("again", recorded, given)
        return found

    async def ask(self, what: str, *arguments: Any) -> Any:
        """Ask the process, as a method of `elsewhere_process.Answers`.

        Raises what that raises, and EngineFailure.
        """
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(self._seconds):
                    answer = await self._exchange(pickle.dumps((what, *arguments)))
            except TimeoutError:
                self._process.kill()
                raise EngineFailure(
                    f"the process that decides elsewhere gave no answer within {self._seconds:g} seconds"
                ) from None
            except (OSError, asyncio.IncompleteReadError) as error:
                raise EngineFailure("the process that decides elsewhere ended: see what it said") from error
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _exchange(self, message: bytes) -> Any:
        write, read = self._process.stdin, self._process.stdout
        if write is None or read is None:
            raise AssertionError("pipes were asked for")
        write.write(len(message).to_bytes(LENGTH_BYTES) + message)
        await write.drain()
        length = int.from_bytes(await read.readexactly(LENGTH_BYTES))
        return pickle.loads(await read.readexactly(length))  # noqa: S301 - from our own child


@asynccontextmanager
async def deciding_elsewhere(
    document: bytes, *, seconds: float = PATIENCE_SECONDS
) -> AsyncIterator[Elsewhere]:
    """A process that decides under a ruleset, given its document as the database keeps it.

    `seconds` is how long it may take for one answer. In the end it is killed.

    Raises:
        RulesetInvalid: it has other semantics than this release.
        EngineFailure: the process did not start.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "eligibility.elsewhere_process",
        stdin=PIPE,
        stdout=PIPE,
        cwd=Path(__file__).parent.parent,  # this package and its neighbours, not what lies around us
        start_new_session=True,  # Ctrl-C in our terminal is for us, and the end of its pipe tells the process
    )
    try:
        elsewhere = Elsewhere(process, seconds=seconds)
        await elsewhere.ask("decide_under", document)
        yield elsewhere
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
