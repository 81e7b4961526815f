"""Deciding a backlog without recording it, in as many processes as are wanted; the order stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
import pyarrow as pa

from eligibility.backlog.cutting import Piece
from eligibility.backlog.deciding import BacklogDecider, Decided
from eligibility.backlog.formats import Format
from eligibility.backlog.reading import requests_in
from eligibility.backlog.shared import Messages, Shared
from eligibility.backlog.sharing_out import shared_out
from eligibility.backlog.tally import Tally, tally_decided
from eligibility.backlog.whole import whole_tables
from eligibility.backlog.writing import result_writer
from eligibility.building import build
from eligibility.company import Company
from eligibility.decider import Decider

if TYPE_CHECKING:  # it brings along what reads the log, and with that the database: dear to each process
    from eligibility.backlog.comparing import Compared
    from eligibility.backlog.comparing_lines import Written
    from eligibility.backlog.comparing_sides import Side

ROWS: Final = 24_576
"""Rows that are decided together."""


class Against(NamedTuple):
    """What results are compared with: another ruleset, by its canonical document; how to write differences.

    Without a document they are compared elsewhere, and only made ready for that.
    """

    document: bytes | None
    written: Written | None


class Wanted(NamedTuple):
    """What is to be made of a backlog: read as `form`, written as `written`, perhaps with whole decisions."""

    form: Format
    written: Format
    full: bool
    against: Against | None = None


class Portion(NamedTuple):
    """Results of a piece: lines as they are written, or the table where a file is written in one go.

    `compared` is what comes of comparing them, or what is to be compared, where that is wanted.
    """

    results: Any
    tally: Tally
    compared: Side | Compared | None = None


class Maker:
    """Makes results of pieces under a ruleset, given as its canonical document."""

    def __init__(
        self, document: bytes, wanted: Wanted, messages: Messages | None = None, begins_at: float = 0.0
    ) -> None:
        """Build the ruleset. What is evaluated is shared with other processes, where there are messages."""
        ruleset = build(orjson.loads(document))
        agreed = None if messages is None else Shared(ruleset, messages)
        is_slim = not wanted.full and wanted.against is None
        self._backlog = BacklogDecider(Decider(ruleset, agreed), slim=is_slim, begins_at=begins_at)
        self._form, self._full = wanted.form, wanted.full
        self._lines = None if wanted.written == "parquet" else result_writer(wanted.written, full=wanted.full)
        self._against = None if wanted.against is None else _Comparing(self._backlog, wanted.against)

    def make(self, piece: Piece) -> Portion:
        """Decide a piece. Raises EngineFailure."""
        decided = self._backlog.decide(requests_in(self._form, piece))
        compared = None if self._against is None else self._against.compared(decided)
        return Portion(self._results(decided), tally_decided(decided), compared)

    def _results(self, decided: Decided) -> Any:
        if self._full:
            tables = whole_tables(self._backlog.decider, decided)
            return (
                pa.concat_tables(tables) if self._lines is None else b"".join(map(self._lines.write, tables))
            )
        return decided.table() if self._lines is None else self._lines.write_decided(decided)


class _Comparing:
    """Compares what was decided with what another ruleset says of the same rows, if one is given."""

    def __init__(self, backlog: BacklogDecider, against: Against) -> None:
        from eligibility.backlog.comparing import Comparer  # noqa: PLC0415 - see above: it is dear
        from eligibility.backlog.comparing_sides import decided_side  # noqa: PLC0415 - as above

        self._side = decided_side
        self._other: BacklogDecider | None = None
        if against.document is not None:
            other = build(orjson.loads(against.document))
            self._other = BacklogDecider(Decider(other))
            self._comparer = Comparer(other, backlog.decider.ruleset, against.written)

    def compared(self, decided: Decided) -> Side | Compared:
        if self._other is None:
            return self._side(decided).portable()
        before = self._other.decide(decided.requests)
        return self._comparer.compare(self._side(before), self._side(decided))


class _Plan(NamedTuple):
    """All that a process needs to make results."""

    document: bytes
    wanted: Wanted

    def maker(self, messages: Messages | None = None, begins_at: float = 0.0) -> Callable[[Piece], Portion]:
        return Maker(self.document, self.wanted, messages, begins_at).make


def unrecorded(
    pieces: Iterator[Piece], document: bytes, wanted: Wanted, company: Sequence[Company[Piece, Any]]
) -> Iterator[Portion]:
    """Decide pieces in this process, and in those of a company if there is one. Raises EngineFailure."""
    return shared_out(pieces, _Plan(document, wanted), company)
