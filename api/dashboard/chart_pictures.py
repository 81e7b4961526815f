"""Decisions by day and outcome as a picture: stacked bars, told apart by pattern as well as by colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from api.dashboard.wording import OUTCOMES
from eligibility.backlog.charts import drawn

WIDTH, NARROW, HEIGHT = 560, 260, 220
"""Pixels of the bars, without what stands around them; `NARROW` is for small screens."""

_COLOURS: Final[Mapping[bool, Mapping[str, str]]] = {
    False: {
        "permitted": "#17603a",
        "prohibited": "#962020",
        "contact_meta": "#7a4a00",
        "text": "#545e6a",
        "line": "#d3d8de",
        "ground": "#ffffff",
    },
    True: {
        "permitted": "#7fd6a2",
        "prohibited": "#ff9d94",
        "contact_meta": "#f2c36b",
        "text": "#aab3bd",
        "line": "#363f49",
        "ground": "#14181d",
    },
}
"""Those of the stylesheet, light and dark: an image does not have the variables of the page around it."""

_MARKS: Final = {
    "permitted": '<rect width="8" height="8" fill="{colour}"/>',
    "prohibited": '<path d="M-2 2L2 -2M0 8L8 0M6 10L10 6" stroke="{colour}" stroke-width="2.5"/>',
    "contact_meta": (
        '<circle cx="2" cy="2" r="1.5" fill="{colour}"/><circle cx="6" cy="6" r="1.5" fill="{colour}"/>'
    ),
}


def decided_picture(days: Mapping[date, Mapping[str, int]], *, dark: bool, narrow: bool) -> str:
    """The picture as SVG. `days` are all that it shows, in their order, also those without a decision."""
    colours = _COLOURS[dark]
    totals = {name: sum(counts.get(name, 0) for counts in days.values()) for name in OUTCOMES}
    said = ", ".join(f"{OUTCOMES[name].word} {number:,}" for name, number in totals.items())
    svg = drawn(_chart(days, colours, narrow=narrow), f"Decisions by day, in {len(days)} days: {said}.")
    patterns = "".join(_pattern(name, colours) for name in OUTCOMES)
    head, end, rest = svg.partition(">")
    return f"{head}{end}<defs>{patterns}</defs>{rest}"


def _pattern(name: str, colours: Mapping[str, str]) -> str:
    ground = f'<rect width="8" height="8" fill="{colours["ground"]}"/>'
    mark = _MARKS[name].format(colour=colours[name])
    return f'<pattern id="{name}" width="8" height="8" patternUnits="userSpaceOnUse">{ground}{mark}</pattern>'


def _chart(
    days: Mapping[date, Mapping[str, int]], colours: Mapping[str, str], *, narrow: bool
) -> dict[str, Any]:
    """The chart as Vega-Lite describes it."""
    rows = [
        {"day": day.isoformat(), "outcome": outcome.word, "count": counts.get(name, 0), "place": place}
        for day, counts in days.items()
        for place, (name, outcome) in enumerate(OUTCOMES.items())
        if counts.get(name)
    ]
    days_scale = {"domain": [day.isoformat() for day in days], "paddingInner": 0.25}
    words = [outcome.word for outcome in OUTCOMES.values()]
    fills = {"domain": words, "range": [f"url(#{name})" for name in OUTCOMES]}
    strokes = {"domain": words, "range": [colours[name] for name in OUTCOMES]}
    legend = {
        "title": None,
        "orient": "top",
        "symbolType": "square",
        "symbolSize": 260,
        "symbolStrokeWidth": 1,
    }
    day_axis = {
        "title": None,
        "values": _labelled([day.isoformat() for day in days], 4 if narrow else 8),
        "labelExpr": "utcFormat(toDate(datum.value), '%-d %b')",
        "labelAngle": 0,
        "ticks": False,
    }
    count_axis = {
        "title": None,
        "tickCount": 4,
        "format": ",d",
        "tickMinStep": 1,
        "domain": False,
        "ticks": False,
    }
    return {
        "data": {"values": rows},
        "width": NARROW if narrow else WIDTH,
        "height": HEIGHT,
        "background": None,
        "padding": {"left": 4, "right": 12, "top": 4, "bottom": 4},
        "mark": {"type": "bar", "strokeWidth": 1},
        "encoding": {
            "x": {"field": "day", "type": "ordinal", "axis": day_axis, "scale": days_scale},
            "y": {"field": "count", "type": "quantitative", "axis": count_axis},
            "fill": {"field": "outcome", "type": "nominal", "scale": fills, "legend": legend},
            "stroke": {"field": "outcome", "type": "nominal", "scale": strokes, "legend": None},
            "order": {"field": "place"},
        },
        "config": {
            "font": "sans-serif",
            "view": {"stroke": None},
            "axis": {
                "labelColor": colours["text"],
                "labelFontSize": 13,
                "gridColor": colours["line"],
                "domainColor": colours["line"],
            },
            "legend": {"labelColor": colours["text"], "labelFontSize": 14},
        },
    }


def _labelled(days: Sequence[str], most: int) -> list[str]:
    """The days that are named below the bars: the last one, and so many before it as there is room for."""
    step = -(-len(days) // most)
    return list(days[::-1][::step][::-1])
