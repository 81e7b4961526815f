"""Slices made of pieces: read, decided, and written down as they are to be recorded, with their results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import pyarrow as pa

from eligibility.backlog.comparing_sides import Side, decided_side
from eligibility.backlog.cutting import Piece
from eligibility.backlog.deciding import BacklogDecider, Decided
from eligibility.backlog.form import Part
from eligibility.backlog.ids import ids_of
from eligibility.backlog.recording import Run, slice_of
from eligibility.backlog.shared import Messages, Shared
from eligibility.backlog.tally import Tally, tally_decided
from eligibility.backlog.whole import whole_tables
from eligibility.building import build
from eligibility.decider import REMEMBERED, Decider
from eligibility.recent import Recent
from eligibility.recording import moment_of
from eligibility.storage.batch_slices import Slice


class Portion(NamedTuple):
    """Results of a slice that is recorded: tables with the columns of RESULTS, and DECISION where wanted.

    `side` is what is to be compared with another run, where that is wanted.
    """

    tables: tuple[Any, ...]
    tally: Tally
    side: Side | None = None


class Ready(NamedTuple):
    """A slice that is ready to be recorded, and what its results are once it is."""

    slice: Slice
    portion: Portion


class Making(NamedTuple):
    """How slices of a run are made: `read` makes tables of pieces, results are perhaps wanted in full.

    With `compared`, they have what can be compared with another run.
    """

    run: Run
    read: Callable[[Piece], Part]
    full: bool
    compared: bool = False


class Plan(NamedTuple):
    """The same with the ruleset, as its canonical document: all that another process needs."""

    document: bytes
    making: Making

    def maker(self, messages: Messages | None = None, begins_at: float = 0.0) -> Callable[[Piece], Ready]:
        """What makes slices in the thread that calls. Raises RulesetInvalid."""
        ruleset = build(orjson.loads(self.document))
        agreed = None if messages is None else Shared(ruleset, messages)
        return SliceMaker(BacklogDecider(Decider(ruleset, agreed), begins_at=begins_at), self.making).make


class SliceMaker:
    """Makes slices of one run, which are recorded in the order in which they are made, or not at all."""

    def __init__(self, backlog: BacklogDecider, making: Making) -> None:
        """Decide by this decider, which must be of the ruleset that the run pins."""
        self._backlog = backlog
        self._making = making
        # evaluations that an earlier slice brings along: when a later one is recorded, they are stored
        self._brought: Recent[bytes, bytes] = Recent(REMEMBERED)

    def make(self, piece: Piece) -> Ready:
        """The slice of a piece. Raises EngineFailure, and ValueError for facts that are no canonical JSON."""
        run, read, full, compared = self._making
        part, decider = read(piece), self._backlog.decider
        decided = self._backlog.decide(part.requests)
        made = slice_of(run, part, decided, decider.ruleset.vocabulary, self._brought.get)
        for key, evaluation in made.evaluations.items():
            self._brought.put(key, evaluation.content_hash)
        ids = _ids(run.batch, part.first, decided)
        tables = whole_tables(decider, decided, ids, moment_of(run.batch)) if full else [decided.table(ids)]
        side = decided_side(decided, ids).portable() if compared else None
        return Ready(made, Portion(tuple(tables), tally_decided(decided), side))


def _ids(batch: UUID, first: int, decided: Decided) -> Any:
    """The ids of the rows as texts, null where refused."""
    start = ids_of(batch).text
    refused = [answer.refused is not None for answer in decided.answers]
    places = enumerate(decided.which.to_pylist(), first)
    return pa.array([None if refused[place] else f"{start}{row:010x}" for row, place in places], pa.string())
