"""The impact of a draft: the evaluations of a period decided again under it, and what changes for how many.

Like decisions share one evaluation, so these are decided and not each decision. Only where the draft asks
what the recorded cells do not answer are the facts of the decisions read, and reduced to the draft's cells.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson

from eligibility.again import Recorded
from eligibility.elsewhere import Elsewhere, deciding_elsewhere
from eligibility.impact_groups import ASK_FACTS, UNCHANGED, Numbered
from eligibility.ruleset import digest_of
from eligibility.storage import rulesets
from eligibility.storage.database import Database
from eligibility.storage.recorded import KeptFacts, Period, SharedEvaluation, snapshot
from eligibility.storage.records import hash_text

PROCESSES: Final = min(2, os.cpu_count() or 1)
"""Processes that decide at the same time."""

Row = TypeVar("Row", SharedEvaluation, KeptFacts)

_AHEAD = 2
"""Portions that may wait for each process."""


@dataclass(frozen=True)
class Group:
    """Decisions that a draft changes in the same way.

    `change` says what changes, by ids alone, as `essence` of what comes of deciding again writes it. `id` is
    its hash, the same however many decisions there are. `evaluations` counts the recorded ones.
    """

    id: str
    change: dict[str, Any]
    decisions: int
    evaluations: int
    example: UUID

    def document(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "id": self.id,
            "decisions": self.decisions,
            "evaluations": self.evaluations,
            "example": str(self.example),
            **self.change,
        }


@dataclass(frozen=True)
class Impact:
    """What a draft changes for the decisions of a period; the groups by how many decisions they have.

    `ruleset` is None where each was decided under its own. `by_facts` counts the decisions whose facts had to
    be read.
    """

    ruleset: str | None
    period: Period
    decisions: int
    evaluations: int
    unchanged: int
    by_facts: int
    groups: tuple[Group, ...]

    def document(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "ruleset": self.ruleset,
            "from": self.period.from_ and self.period.from_.isoformat(),
            "to": self.period.to and self.period.to.isoformat(),
            "decisions": self.decisions,
            "evaluations": self.evaluations,
            "unchanged": self.unchanged,
            "by_facts": self.by_facts,
            "groups": [group.document() for group in self.groups],
        }


_NO_ID = b"\xff" * 16
"""Greater than any."""


@dataclass
class _Tally:
    """What is counted of one group; `example` is an id in binary."""

    decisions: int = 0
    evaluations: set[bytes] = field(default_factory=set)
    example: bytes = _NO_ID

    def add(self, evaluation: bytes, decisions: int, example: bytes) -> None:
        self.decisions += decisions
        self.evaluations.add(evaluation)
        self.example = min(self.example, example)


Progress = Callable[[int, int], None]
"""Told how many evaluations and decisions were dealt with so far, of which both numbers only grow."""


async def impact(
    database: Database,
    document: bytes,
    period: Period,
    *,
    processes: int = PROCESSES,
    progress: Progress | None = None,
) -> Impact:
    """The impact of a ruleset, given its canonical document, on the decisions of a period as they stand now.

    Cancelling it ends its processes.

    Raises:
        RulesetInvalid: it has other semantics than this release.
        EvaluatorsDisagree: the two evaluators differ on some decision.
        EngineFailure: the engine refused to work, or a process ended or took too long.
        StorageUnavailable: the database gave no answer.
    """
    work = _Work(progress)
    async with (
        snapshot(database, period) as seen,
        _deciders(database, document, processes) as deciders,
    ):
        await work.each(deciders, seen.evaluations(), work.evaluations)
        if work.waiting:
            await work.each(deciders, seen.decisions(work.waiting), work.decisions)
    return work.impact(digest_of(orjson.loads(document)), period)


async def as_recorded(
    database: Database, period: Period, *, processes: int = PROCESSES, progress: Progress | None = None
) -> Impact:
    """Every decision of a period decided again under the ruleset that it was recorded under.

    Nothing may differ, to the last byte of the evaluations; what does is in groups, as for `impact`.

    Raises as `impact` does; RulesetInvalid where some ruleset has other semantics than this release.
    """
    work = _Work(progress)
    async with snapshot(database, period) as seen:
        for digest in await seen.rulesets():
            kept = await rulesets.load(database, digest)
            async with _deciders(database, kept.document, processes) as deciders:
                await work.each(deciders, seen.evaluations(digest), work.evaluations)
    return work.impact(None, period)


@asynccontextmanager
async def _deciders(database: Database, document: bytes, processes: int) -> AsyncIterator[Sequence[_Decider]]:
    digest = digest_of(orjson.loads(document))
    async with AsyncExitStack() as stack:
        started = [await stack.enter_async_context(deciding_elsewhere(document)) for _ in range(processes)]
        yield [_Decider(each, database, digest) for each in started]


class _Decider:
    """A process that decides under the draft, with the groups that it numbers."""

    def __init__(self, elsewhere: Elsewhere, database: Database, digest: str) -> None:
        self._elsewhere = elsewhere
        self._database = database
        self._known = {digest}
        self._groups: list[bytes] = []

    async def evaluations(self, rows: Sequence[SharedEvaluation]) -> list[bytes | int]:
        """For each row the canonical document of its group, or UNCHANGED or ASK_FACTS."""
        for digest in {row.ruleset for row in rows} - self._known:
            kept = await rulesets.load(self._database, digest)
            await self._elsewhere.know(digest, kept.document)
            self._known.add(digest)
        asked = [(row.evaluation, Recorded(row.ruleset, row.cells, row.content)) for row in rows]
        return self._documents(await self._elsewhere.ask("evaluations", asked))

    async def decisions(self, rows: Sequence[KeptFacts]) -> list[bytes | int]:
        """For each row the canonical document of its group, or UNCHANGED."""
        _, keys, bodies, private = zip(*rows, strict=True)  # by columns they cross at half the cost
        return self._documents(await self._elsewhere.ask("decisions", keys, bodies, private))

    def _documents(self, found: Numbered) -> list[bytes | int]:
        self._groups += found.new
        return [number if number <= UNCHANGED else self._groups[number - 1] for number in found.numbers]


class _Work:
    """What was found so far. The rows of one evaluation always go to the same process, which remembers it."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._tallies: defaultdict[bytes, _Tally] = defaultdict(_Tally)
        self.waiting: set[bytes] = set()
        self.decided = self.distinct = self.unchanged = self.by_facts = 0

    async def each(
        self,
        deciders: Sequence[_Decider],
        portions: AsyncGenerator[list[Row]],
        deal: Callable[[_Decider, Sequence[Row]], Awaitable[None]],
    ) -> None:
        """Deal with all rows, in as many processes as there are."""
        queues = [asyncio.Queue[list[Row] | None](_AHEAD) for _ in deciders]

        async def work(decider: _Decider, queue: asyncio.Queue[list[Row] | None]) -> None:
            while rows := await queue.get():
                await deal(decider, rows)

        try:
            async with asyncio.TaskGroup() as group:
                for decider, queue in zip(deciders, queues, strict=True):
                    group.create_task(work(decider, queue))
                async with aclosing(portions):
                    async for portion in portions:
                        await _share_out(portion, queues)
                for queue in queues:
                    await queue.put(None)
        except ExceptionGroup as failed:
            first = failed.exceptions[0]
            raise first from first.__cause__  # what the database said stays its cause

    async def evaluations(self, decider: _Decider, rows: Sequence[SharedEvaluation]) -> None:
        """Sort evaluations with the decisions that share them; those that need facts wait."""
        for row, found in zip(rows, await decider.evaluations(rows), strict=True):
            self.distinct += 1
            if found == ASK_FACTS:
                self.waiting.add(row.evaluation)
            else:
                self._add(found, row.evaluation, row.decisions, row.example)
        self._tell()

    async def decisions(self, decider: _Decider, rows: Sequence[KeptFacts]) -> None:
        """Sort decisions by their facts."""
        for row, found in zip(rows, await decider.decisions(rows), strict=True):
            self.by_facts += 1
            self._add(found, row.evaluation, 1, row.id)
        self._tell()

    def _add(self, found: bytes | int, evaluation: bytes, decisions: int, example: bytes) -> None:
        self.decided += decisions
        if isinstance(found, bytes):
            self._tallies[found].add(evaluation, decisions, example)
        else:
            self.unchanged += decisions

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self.distinct, self.decided)

    def impact(self, digest: str | None, period: Period) -> Impact:
        """All that was found."""
        return Impact(
            ruleset=digest,
            period=period,
            decisions=self.decided,
            evaluations=self.distinct,
            unchanged=self.unchanged,
            by_facts=self.by_facts,
            groups=self._groups(),
        )

    def _groups(self) -> tuple[Group, ...]:
        """The groups, those with most decisions first."""
        found = [
            Group(
                id=hash_text(hashlib.sha256(document).digest()),
                change=orjson.loads(document),
                decisions=tally.decisions,
                evaluations=len(tally.evaluations),
                example=UUID(bytes=tally.example),
            )
            for document, tally in self._tallies.items()
        ]
        return tuple(sorted(found, key=lambda group: (-group.decisions, group.id)))


async def _share_out(rows: Sequence[Row], queues: Sequence[asyncio.Queue[list[Row] | None]]) -> None:
    shares: list[list[Row]] = [[] for _ in queues]
    for row in rows:
        shares[row.evaluation[0] % len(queues)].append(row)
    for share, queue in zip(shares, queues, strict=True):
        if share:
            await queue.put(share)
