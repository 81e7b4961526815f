"""The impact of drafts on many recorded decisions: how long it takes, by recorded cells and by facts."""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

from benchmarks.size import COUNT, recorded
from eligibility.building import build
from eligibility.canonical import canonical
from eligibility.impact import PROCESSES, impact
from eligibility.loading import load_rules, shipped_rules
from eligibility.ruleset import Ruleset
from eligibility.storage.database import Database
from eligibility.storage.embedded import start_or_join
from eligibility.storage.recorded import Period

AIM_SECONDS = 60
USERS = "entity.monthly_active_users"

Words = dict[str, Any]


def _effect(words: Words) -> None:
    then = next(one["then"] for one in words["rules"] if one["id"] == "licence.mau-threshold")
    then["effect"] = "note"
    del then["reason"]


def _threshold(words: Words) -> None:
    for one in words["rules"]:
        for part in one["when"]:
            if isinstance(part, dict) and USERS in part:
                part[USERS] = {"above": 100_000}


def main(count: int = COUNT) -> None:
    """Record decisions, and work out the impact of two drafts."""
    ruleset = load_rules(shipped_rules())
    with tempfile.TemporaryDirectory(prefix="eligibility-bench-") as folder:
        Path(folder).chmod(0o755)  # the embedded server's account has to get in
        with start_or_join(Path(folder) / "server") as server:
            recorded(server, ruleset, count)
            for name, change in (("asks nothing new", _effect), ("asks another threshold", _threshold)):
                asyncio.run(_measure(server.service_url, ruleset, name, change))


async def _measure(url: str, ruleset: Ruleset, name: str, change: Callable[[Words], None]) -> None:
    words = deepcopy(dict(ruleset.document))
    change(words)
    draft = canonical(dict(build(words).document))
    database = Database.open(url)
    began, busy = time.perf_counter(), _cpu_seconds()
    found = await impact(database, draft, Period())
    seconds = time.perf_counter() - began
    mine, others = (after - before for before, after in zip(busy, _cpu_seconds(), strict=True))
    await database.close()
    print(
        f"a draft that {name}: {seconds:.1f} s (aim: below {AIM_SECONDS} s for a million);"
        f" {found.decisions:,} decisions of {found.evaluations:,} evaluations, {found.by_facts:,} by facts"
    )
    print(
        f"    {len(found.groups)} groups of {found.decisions - found.unchanged:,} decisions that change;"
        f" CPU {mine:.1f} s here and {others:.1f} s in {PROCESSES} processes"
    )


def _cpu_seconds() -> list[float]:
    """What this process and those that it started and that have ended have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return [one.ru_utime + one.ru_stime for one in used]
