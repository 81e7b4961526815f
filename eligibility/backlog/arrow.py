"""Record batches of requests in, record batches of decisions out: for Spark, DuckDB, Polars and the like.

Nothing is recorded: what is to be proved later goes through `eligibility batch` or `eligibility lake`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from eligibility.backlog.at_hand import at_hand
from eligibility.backlog.form import BODY, DECISION, RESULTS
from eligibility.backlog.parquet_reading import read_rows
from eligibility.backlog.parquet_rows import stream_of
from eligibility.backlog.parquet_types import faults_of
from eligibility.backlog.unrecorded import ROWS
from eligibility.backlog.whole import whole_tables
from eligibility.canonical import canonical
from eligibility.errors import BacklogRefused, Fault
from eligibility.loading import load_rules
from eligibility.ruleset import Ruleset


@dataclass(frozen=True)
class Deciding:
    """Decides record batches. It pickles: each process that calls it builds the ruleset once, by then."""

    document: bytes
    """The ruleset, as canonical JSON."""

    full: bool
    keep: tuple[str, ...]

    @property
    def schema(self) -> Any:
        """The columns that come out, without those that are kept."""
        return RESULTS.append(DECISION) if self.full else RESULTS

    def __call__(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The decisions about some record batches, in their order.

        `line` counts the rows of all of them, from 1. Columns that are kept come first, as they are. Raises
        BacklogRefused where columns are wrong, EngineFailure.
        """
        line = 1
        for batch in batches:
            table = pa.Table.from_batches([batch])
            for start in range(0, table.num_rows, ROWS):
                rows = table.slice(start, ROWS)
                yield from self._decided(rows, line)
                line += rows.num_rows

    def _decided(self, rows: Any, line: int) -> Iterator[Any]:
        asked = rows.select([name for name in rows.column_names if name not in self.keep])
        faults = [*self._missing(rows), *faults_of(asked.schema)]
        if faults:
            raise BacklogRefused(faults)
        hand = at_hand(self.document)
        made = hand.thread.submit(self._results, read_rows(stream_of(asked), line - 1)).result()
        for name in reversed(self.keep):
            made = made.add_column(0, rows.schema.field(name), rows[name])
        yield from made.combine_chunks().to_batches()

    def _missing(self, rows: Any) -> list[Fault]:
        return [
            Fault(f"/{name}", "this column is to be kept, but is not there: name one that is, or none")
            for name in self.keep
            if name not in rows.column_names
        ]

    def _results(self, requests: Any) -> Any:
        decider = at_hand(self.document).decider
        decided = decider.decide(requests)
        return pa.concat_tables(whole_tables(decider.decider, decided)) if self.full else decided.table()


def deciding(rules: Ruleset | Path, *, full: bool = False, keep: Iterable[str] = ()) -> Deciding:
    """A function that decides record batches under a ruleset, or under that in a rules folder.

    Batches have the columns of requests: nested (`entity` with its member `kind`) or flat (`entity.kind`),
    any of them but those that every request needs. `keep` names further columns that are only handed on.
    With `full` there is a last column, `decision`. Raises RulesetInvalid, and ValueError for a column that is
    kept under the name of another.
    """
    ruleset = load_rules(rules) if isinstance(rules, Path) else rules
    made = Deciding(canonical(dict(ruleset.document)), full, tuple(keep))
    taken = {*made.schema.names, *BODY.names}.intersection(made.keep)
    if taken:
        message = f"columns of these names are there anyway: {', '.join(sorted(taken))}"
        raise ValueError(message)
    return made
