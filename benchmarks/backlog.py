"""Backlogs: against zen-engine and a loop written by hand; recorded, on all cores, killed; and memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from benchmarks.backlog_against import measured
from benchmarks.backlog_rows import write
from benchmarks.backlog_runs import runs

ROWS: Final = 1_000_000
TIMES_ZEN: Final = {"alike": 5.0, "values": 5.0, "cells": 0.5}
"""How many times as fast as zen it should be, by kind of rows."""

NO_SLOWER_THAN_BY_HAND: Final = {"alike", "values"}


def main(rows: int = ROWS) -> None:
    """Write rows of each kind, decide them, and print how that compares."""
    with tempfile.TemporaryDirectory(prefix="eligibility-benchmark-") as folder:
        for kind, aim in TIMES_ZEN.items():
            path = Path(folder) / f"{kind}.jsonl"
            written = write(kind, path, rows)
            print(f"{kind}: {rows:,} rows, {written.distinct:,} distinct rows of cells")
            spent = measured(path, rows)
            by_hand = f"by hand {spent.by_hand:.1f} (form checked: {spent.by_hand_checked:.1f})"
            print(f"    ours {spent.ours:.1f}, {by_hand}, zen {spent.zen:.1f} µs a line")
            print(f"    {spent.zen / spent.ours:.2f} times as fast as zen (aim: at least {aim})")
            times = (spent.by_hand / spent.ours, spent.by_hand_checked / spent.ours)
            by_hand = "{:.2f} times as fast as by hand, {:.2f} where it checks the form".format(*times)
            print(f"    {by_hand}{' (aim: at least 1)' if kind in NO_SLOWER_THAN_BY_HAND else ''}")
            path.unlink()
    runs(rows)
