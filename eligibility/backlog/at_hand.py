"""Deciders that stay at hand: one for each process and ruleset, whoever calls, and from whichever thread.

The rule engine belongs to one thread and is never let go of, so it is not made anew for every table.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

import orjson

from eligibility.backlog.deciding import BacklogDecider
from eligibility.building import build
from eligibility.decider import Decider


class AtHand(NamedTuple):
    """A decider of tables, and the one thread that may decide with it."""

    decider: BacklogDecider
    thread: ThreadPoolExecutor


def at_hand(document: bytes) -> AtHand:
    """This process's decider under a ruleset, given as its canonical document.

    Made at the first call, in some tenths of a second. Raises RulesetInvalid.
    """
    return _made(os.getpid(), document)


@cache
def _made(_process: int, document: bytes) -> AtHand:
    """A process that was forked makes its own: threads do not go along."""
    decider = BacklogDecider(Decider(build(orjson.loads(document))))
    return AtHand(decider, ThreadPoolExecutor(1, "decider"))
