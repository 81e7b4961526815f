"""Loading and checking rulesets in short-lived processes.

The rule engine never frees a ruleset, and a proof takes half a minute: neither belongs in a process that
decides.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any as Anything
from typing import Final

from eligibility.errors import EngineFailure, RuleFault, RulesetInvalid
from eligibility.ruleset_life import CHECKS, Checked

SECONDS: Final = 600.0
"""How long a process may take for all that it was asked."""

_CHECKS: Final = "eligibility.ruleset_checks"
_LARGEST_LINE: Final = 64 * 1024 * 1024


@dataclass(frozen=True)
class Loaded:
    """What files gave: the ruleset's digest, version and document, or the faults of the loader."""

    digest: str
    version: str
    document: Mapping[str, Anything]


async def load_elsewhere(files: Mapping[str, str]) -> Loaded:
    """Load a ruleset in a process of its own, so that nobody waits for it.

    Raises RulesetInvalid with every fault of the loader, EngineFailure.
    """
    [answer] = [each async for each in lines_of(_CHECKS, {"files": dict(files), "kinds": []})]
    if "faults" in answer:
        raise RulesetInvalid([RuleFault(**fault) for fault in answer["faults"]])
    return Loaded(answer["digest"], answer["version"], answer["document"])


async def checks_elsewhere(
    files: Mapping[str, str], in_force: Mapping[str, Anything], kinds: Sequence[str] = CHECKS
) -> AsyncIterator[Checked]:
    """Make checks in a process of their own, each told as soon as it is made. Raises EngineFailure."""
    asked = {"files": dict(files), "in_force": in_force, "kinds": list(kinds)}
    async for answer in lines_of(_CHECKS, asked):
        yield Checked(answer["kind"], passed=answer["passed"], report=answer["report"])


async def lines_of(module: str, asked: Mapping[str, Anything]) -> AsyncIterator[dict[str, Anything]]:
    """What a module that runs as a program answers, line by line. However this ends, the child has ended too.

    Raises EngineFailure.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parent.parent,  # this package and its neighbours, not what lies around us
        start_new_session=True,  # Ctrl-C in our terminal is for us
        limit=_LARGEST_LINE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            await _send(child, json.dumps(asked).encode())
            while line := await _line(child):
                yield json.loads(line)
            code = await child.wait()
    except TimeoutError:
        raise EngineFailure(f"`{module}` took longer than {SECONDS:g} seconds") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    if code != 0:
        raise EngineFailure(f"the process `{module}` ended with the code {code}")


async def _send(child: asyncio.subprocess.Process, body: bytes) -> None:
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its exit code tells more
            child.stdin.write(body)
            await child.stdin.drain()
        child.stdin.close()


async def _line(child: asyncio.subprocess.Process) -> bytes:
    return await child.stdout.readline() if child.stdout is not None else b""
