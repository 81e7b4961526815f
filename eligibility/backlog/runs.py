"""Deciding a backlog and recording it, slice by slice, so that it can go on wherever it was interrupted.

While one slice is written, the next is decided, in a thread of its own. What was recorded before is not
decided again: its results are read back from the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from eligibility.backlog.cutting import Piece
from eligibility.backlog.deciding import BacklogDecider
from eligibility.backlog.form import DECISION
from eligibility.backlog.reading import read_piece
from eligibility.backlog.recording import Slice, slice_of
from eligibility.backlog.tally import Tally
from eligibility.backlog.unrecorded import Portion, Wanted
from eligibility.backlog.whole import whole_decisions
from eligibility.errors import BacklogRefused, StorageUnavailable
from eligibility.storage.batches import Batch, SliceWriter

ROWS: Final = 4_095
"""Rows of a slice: with the record that tells of it, they fill a block."""

_PATIENCE: Final = (1, 2, 4, 8, 15, 30, 30, 30, 30, 30, 30)
"""Seconds to wait for a database that does not answer, before giving up."""

Say = Callable[[str], object]
