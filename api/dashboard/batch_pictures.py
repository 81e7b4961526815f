"""Pictures of batches."""

from __future__ import annotations

import asyncio
from typing import Final

from api.answers import Answer, answer
from api.dashboard.wording import OUTCOMES
from eligibility.backlog.charts import bar_chart
from eligibility.backlog.report import SHAPES
from eligibility.storage.batches import Progress

SVG: Final = "image/svg+xml"
HEADERS: Final = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
"""What a picture is sent with: it may have styles of its own, and load or run nothing."""

_WIDTH: Final = 180
"""Pixels of the longest bar: a wider picture would be made too small to read on a narrow screen."""

_LIGHT: Final = "color: #1b2027; --bar: #41719c"
_DARK: Final = "color: #e8ebee; --bar: #7fb0dc"


async def outcomes_picture(progress: Progress, *, is_dark: bool) -> Answer:
    """The outcomes so far, as bars."""
    numbers = {OUTCOMES[name].word: count for name, count in progress.outcomes.items()}
    shapes = {OUTCOMES[name].word: shape for name, shape in SHAPES.items()}
    drawn = await asyncio.to_thread(
        bar_chart, numbers, "Rows by outcome", total=progress.rows, shapes=shapes, width=_WIDTH
    )
    # a picture has no page around it, whose colours it could take
    coloured = drawn.replace("<svg ", f'<svg style="{_DARK if is_dark else _LIGHT}" ', 1)
    return answer(coloured.encode(), media_type=SVG, headers=HEADERS)
