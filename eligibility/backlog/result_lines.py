"""Results as lines of text: put together column by column, with each distinct answer written once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from eligibility.backlog.answers import Said
from eligibility.backlog.deciding import Decided
from eligibility.backlog.result_rows import Error, Rows, rows_decided, rows_of
from eligibility.recent import Recent

AT_ONCE: Final = 65_536
WHOLE_AT_ONCE: Final = 2_048
"""Rows that are joined at once, of slim and of whole lines: some 20 MB. An array of texts holds 2 GB."""

REMEMBERED: Final = 16_384
"""Answers that are kept as text: some 1 KB each."""


class Layout(NamedTuple):
    """How a format writes: its first bytes, the text of an answer, and what lines are joined from.

    `pieces` takes rows and the text of each one's answer, and gives arrays, and texts that every line has.
    """

    head: bytes
    text: Callable[[Said | Error], str]
    pieces: Callable[[Rows, Any], Sequence[Any]]


class Lines:
    """Writes rows of results in a layout."""

    def __init__(self, layout: Layout) -> None:
        """Remember no answer yet."""
        self._layout = layout
        self._texts: Recent[Said, str] = Recent(REMEMBERED)

    def start(self) -> bytes:
        """What comes before the lines."""
        return self._layout.head

    def write(self, results: Any) -> bytes:
        """A line for each row of a table with the columns of RESULTS, with `decision` where it has that."""
        return self.written(rows_of(results))

    def write_decided(self, decided: Decided, ids: Any = None) -> bytes:
        """The slim lines of what was just decided, without a table of it; `ids` as for `Decided.table`."""
        return self.written(rows_decided(decided, ids))

    def end(self) -> bytes:
        """Nothing: lines have no end of their own."""
        return b""

    def written(self, rows: Rows) -> bytes:
        """A line for each of the rows, with whole decisions where they have these."""
        answers = pa.array([self._text(answer) for answer in rows.answers], pa.string())
        portions = rows.portions(AT_ONCE if rows.decisions is None else WHOLE_AT_ONCE)
        return b"".join(_joined(self._layout.pieces(some, answers.take(some.which))) for some in portions)

    def _text(self, answer: Said | Error) -> str:
        if not isinstance(answer, Said):
            return self._layout.text(answer)
        text = self._texts.get(answer)
        if text is None:
            text = self._layout.text(answer)
            self._texts.put(answer, text)
        return text


def filled(array: Any, needs: str, write: Callable[[str], str]) -> Any:
    """The texts of an array, of which those that match the pattern `needs` are written by a function."""
    if array.null_count == len(array):
        return array
    special = pc.fill_null(pc.match_substring_regex(array, needs), False)  # noqa: FBT003 - arrow's own order of arguments
    if not pc.any(special).as_py():
        return array
    texts = map(write, array.filter(special).to_pylist())
    return pc.replace_with_mask(array, special, pa.array(texts, array.type))


def _joined(pieces: Sequence[Any]) -> bytes:
    """The texts of all rows, one after the other."""
    joined = pc.binary_join_element_wise(*pieces, "")
    _, offsets, data = joined.buffers()
    ends = memoryview(offsets).cast("i")
    return bytes(memoryview(data)[ends[joined.offset] : ends[joined.offset + len(joined)]])
