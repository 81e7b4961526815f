"""Numbers as pictures: bar charts in SVG, for pages. The picture says the same numbers in words as well.

Texts have the colour of the text around the picture, bars that of the CSS variable `--bar`, so that one
picture serves light and dark pages. Pages that use it define `--bar` with enough contrast.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from html import escape
from typing import Any, Final

import vl_convert

WIDTH: Final = 420
"""Pixels of the longest bar, unless it is to be shorter."""

_BAR: Final = "var(--bar)"
_TEXT: Final = "currentColor"
_LETTERS: Final = 52
_LINE: Final = 16
_VERSION: Final = "6.4"


def bar_chart(
    numbers: Mapping[str, int],
    title: str,
    *,
    total: int | None = None,
    shapes: Mapping[str, str] | None = None,
    width: int = WIDTH,
) -> str:
    """Numbers by their labels as horizontal bars, in the order given: an `<svg>` to put into a page.

    With `total`, shares of it are said too. `shapes` are marks beside the labels, so that no colour is needed
    to tell them apart: names of Vega's symbols, such as `circle`, `square` and `triangle-up`. `width` is that
    of the longest bar, in pixels.
    """
    said = {label: _said(count, total) for label, count in numbers.items()}
    words = f"{title}: {'; '.join(f'{label} {number}' for label, number in said.items())}."
    return drawn(_chart(numbers, said, shapes or {}, width), words)


def drawn(chart: Mapping[str, Any], words: str) -> str:
    """A chart that Vega-Lite describes as an `<svg>`; `words` say the same to those who do not see it."""
    svg = vl_convert.vegalite_to_svg(dict(chart), vl_version=_VERSION, allowed_base_urls=[])
    # Vega's own roles and labels would be read one by one
    svg = re.sub(r' (?:role|aria-[a-z]+)="[^"]*"', "", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(words)}" ', 1)


def _said(count: int, total: int | None) -> str:
    return f"{count:,}" if not total else f"{count:,} ({share(count, total)})"


def share(count: int, total: int) -> str:
    """A share in words, to a tenth of a per cent: never `0.0 %` of something, nor `100.0 %` of less."""
    if count and count * 2_000 < total:
        return "< 0.1 %"
    if count < total and (total - count) * 2_000 < total:
        return "> 99.9 %"
    return f"{100 * count / total:.1f} %" if total else "–"


def _chart(
    numbers: Mapping[str, int], said: Mapping[str, str], shapes: Mapping[str, str], width: int
) -> dict[str, Any]:
    """The chart as Vega-Lite describes it: labels and their shapes, bars, and numbers behind them."""
    rows = [
        {
            "row": row,
            "count": count,
            "said": said[label],
            "shape": shapes.get(label),
            "label": textwrap.shorten(label, _LETTERS, placeholder=" …"),
        }
        for row, (label, count) in enumerate(numbers.items())
    ]
    most = max(numbers.values(), default=0) or 1
    length = {"field": "count", "type": "quantitative", "axis": None, "scale": {"domain": [0, most]}}
    text = {"type": "text", "color": _TEXT}
    labels = {
        "mark": {**text, "align": "right"},
        "encoding": {"x": {"value": -26 if shapes else -8}, "text": {"field": "label"}},
    }
    marks = {
        "mark": {"type": "point", "filled": True, "size": 110, "color": _TEXT, "opacity": 1},
        "encoding": {"x": {"value": -14}, "shape": {"field": "shape", "scale": None}},
    }
    bars = {"mark": {"type": "bar", "color": _BAR, "height": _LINE}, "encoding": {"x": length}}
    counts = {
        "mark": {**text, "align": "left", "dx": 6},
        "encoding": {"x": length, "text": {"field": "said"}},
    }
    return {
        "data": {"values": rows},
        "width": width,
        "height": {"step": _LINE + 10},
        "background": None,
        "padding": {"left": 12, "right": 12, "top": 4, "bottom": 4},
        "encoding": {"y": {"field": "row", "type": "ordinal", "axis": None}},
        "layer": [labels, *([marks] if shapes else []), bars, counts],
        "config": {"font": "sans-serif", "view": {"stroke": None}, "text": {"fontSize": 13}},
    }
