"""Evaluating recorded cells again: under the ruleset they were recorded under, in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from itertools import islice

from eligibility.elsewhere import PORTION, deciding_elsewhere
from eligibility.errors import EngineFailure, RulesetInvalid

Contents = Callable[[bytes, Iterable[bytes]], Iterable[bytes | None]]
"""From the document of a ruleset and rows of cells, as they are recorded, to the contents of evaluations.

Cells that the ruleset does not have give None. Raises CannotRun.
"""


class CannotRun(Exception):
    """The ruleset cannot be run; the message says why."""


def contents_elsewhere(document: bytes, rows: Iterable[bytes]) -> Iterator[bytes | None]:
    """Evaluate rows of cells in a process that ends afterwards; see `Contents`. Not within an event loop."""
    remaining = iter(rows)
    with asyncio.Runner() as runner:
        process = AsyncExitStack()
        try:
            elsewhere = runner.run(process.enter_async_context(deciding_elsewhere(document)))
            while piece := list(islice(remaining, PORTION)):
                yield from runner.run(elsewhere.contents(piece))
        except (RulesetInvalid, EngineFailure) as error:
            raise CannotRun(str(error)) from error
        finally:
            runner.run(process.aclose())
