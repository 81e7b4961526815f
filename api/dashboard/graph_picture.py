"""The inference graph as a picture: laid out in layers, from facts on the left to the outcome, and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap
from typing import Final, NamedTuple

import igraph  # type: ignore[import-untyped]  # it ships no type information
from markupsafe import escape

from api.dashboard.graph_boxes import Box, Shown, ranks_of

_WIDE, _GAP, _LINE, _PAD, _APART, _EDGE = 206, 44, 16, 8, 14, 12
"""In pixels: a box, between columns, a line of text, around it, between boxes, around the picture."""

_LETTERS, _MORE_LETTERS = 25, 44
"""Letters in a line of a box, and of one that lists many things, which is wider."""

_MANY_LINES: Final = 8
_TURNS: Final = 6
"""How often places are evened out."""
_NOTCH: Final = 10


class _Colours(NamedTuple):
    ground: str
    text: str
    soft: str
    line: str
    fact: str
    step: str
    end: str


_LIGHT: Final = _Colours("#ffffff", "#1b2027", "#545e6a", "#767f8a", "#f5f6f8", "#ffffff", "#e7eef6")
_DARK: Final = _Colours("#14181d", "#e8ebee", "#aab3bd", "#86909b", "#1e242b", "#14181d", "#1d3145")


@dataclass
class _Place:
    """Where something stands: a box, or where an arrow passes by; `middle` is of its height."""

    left: float
    wide: float
    high: float
    middle: float


def drawn(shown: Shown, *, dark: bool = False) -> str:
    """The picture as SVG, which needs nothing else; its letters are the reader's own."""
    colours = _DARK if dark else _LIGHT
    lines = {box.id: _lines(box) for box in shown.boxes}
    places, ways = _laid_out(shown, lines)
    width = max(place.left + place.wide for place in places.values()) + _EDGE
    height = max(place.middle + place.high / 2 for place in places.values()) + _EDGE
    arrows = "".join(_arrow([places[point] for point in way], colours) for way in ways)
    boxes = "".join(_drawn_box(box, lines[box.id], places[box.id], colours) for box in shown.boxes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(shown.summary)}"'
        ' font-family="system-ui, -apple-system, Segoe UI, Roboto, Liberation Sans, sans-serif"'
        f' font-size="13"><rect width="100%" height="100%" fill="{colours.ground}"/>'
        f'<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
        f' orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="{colours.line}"/></marker></defs>'
        f"{arrows}{boxes}</svg>"
    )


def _lines(box: Box) -> list[str]:
    letters = _LETTERS - 3 if box.kind in _POINTED else _LETTERS
    lines = wrap(box.text, letters)
    return lines if len(lines) <= _MANY_LINES else wrap(box.text, _MORE_LETTERS)


def _laid_out(shown: Shown, lines: Mapping[str, Sequence[str]]) -> tuple[dict[str, _Place], list[list[str]]]:
    """Where each box stands, and where each arrow passes; long arrows pass between the boxes on their way."""
    ranks = ranks_of([box.id for box in shown.boxes], shown.arrows)
    last = max(ranks.values())
    ranks |= {box.id: last for box in shown.boxes if box.kind == "outcome"}
    ways: list[list[str]] = []
    for start, end in shown.arrows:
        between = [f"{start} {end} {rank}" for rank in range(ranks[start] + 1, ranks[end])]
        ranks |= {point: rank for rank, point in enumerate(between, ranks[start] + 1)}
        ways.append([start, *between, end])
    names = list(ranks)
    number = {name: place for place, name in enumerate(names)}
    steps = [(number[a], number[b]) for way in ways for a, b in pairwise(way)]
    graph = igraph.Graph(len(names), steps, directed=True)
    layout = graph.layout_sugiyama(layers=[ranks[name] for name in names])
    columns: dict[int, list[str]] = {}
    for name, _ in sorted(zip(names, layout, strict=True), key=lambda pair: float(pair[1][0])):
        columns.setdefault(ranks[name], []).append(name)
    around: dict[str, tuple[list[str], list[str]]] = {name: ([], []) for name in names}
    for way in ways:
        for start, end in pairwise(way):
            around[end][0].append(start)
            around[start][1].append(end)
    return _placed([columns[rank] for rank in sorted(columns)], around, lines), ways


def _placed(
    columns: Sequence[Sequence[str]],
    around: Mapping[str, tuple[Sequence[str], Sequence[str]]],
    lines: Mapping[str, Sequence[str]],
) -> dict[str, _Place]:
    """Places in columns, in this order: as near as there is room to what leads there, and where they lead."""
    places: dict[str, _Place] = {}
    left = float(_EDGE)
    for column in columns:
        wide = _WIDE
        if any(len(line) > _LETTERS for name in column for line in lines.get(name, ())):
            wide = _WIDE * _MORE_LETTERS // _LETTERS
        for name in column:
            high = float(len(lines[name]) * _LINE + _LINE + 2 * _PAD) if name in lines else 0.0
            places[name] = _Place(left, wide, high, 0.0)
        _spread([places[name] for name in column], [0.0 for _ in column])
        left += wide + _GAP
    for turn in range(_TURNS):
        side = turn % 2  # first as to what leads to each, then as to where it leads
        for column in columns if side == 0 else columns[::-1]:
            wanted = []
            for name in column:
                near = around[name][side] or around[name][1 - side]
                middles = [places[other].middle for other in near]
                wanted.append(sum(middles) / len(middles) if middles else places[name].middle)
            _spread([places[name] for name in column], wanted)
    top = min(place.middle - place.high / 2 for place in places.values())
    for place in places.values():
        place.middle += _EDGE - top
    return places


def _spread(places: Sequence[_Place], wanted: Sequence[float]) -> None:
    """Put each as near as can be to where it is wanted, below the one before.

    Without the heights between them the places must not decrease: neighbours that would are put together, at
    the mean of what is wanted of them.
    """
    offsets = [0.0]
    for above, below in pairwise(places):
        apart = _APART if above.high and below.high else _APART / 2
        offsets.append(offsets[-1] + (above.high + below.high) / 2 + apart)
    groups: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=False):
        mean, count = want - offset, 1
        while groups and groups[-1][0] > mean:
            former, others = groups.pop()
            mean, count = (former * others + mean * count) / (others + count), others + count
        groups.append((mean, count))
    middles = [mean for mean, count in groups for _ in range(count)]
    for place, middle, offset in zip(places, middles, offsets, strict=False):
        place.middle = middle + offset


def _arrow(way: Sequence[_Place], colours: _Colours) -> str:
    """A line from the right of a box to the left of another, level where it passes others."""
    x, y = way[0].left + way[0].wide, way[0].middle
    path = [f"M{x:.0f},{y:.0f}"]
    for place in way[1:]:
        bend = (x + place.left) / 2
        path.append(f"C{bend:.0f},{y:.0f} {bend:.0f},{place.middle:.0f} {place.left:.0f},{place.middle:.0f}")
        x, y = place.left + place.wide, place.middle
        if place is not way[-1]:
            path.append(f"L{x:.0f},{y:.0f}")
    return (
        f'<path d="{" ".join(path)}" fill="none" stroke="{colours.line}" stroke-width="1.25"'
        ' marker-end="url(#tip)"/>'
    )


def _drawn_box(box: Box, lines: Sequence[str], place: _Place, colours: _Colours) -> str:
    top = place.middle - place.high / 2
    left = place.left + _PAD + (_NOTCH if box.kind in _POINTED else 0)
    weight = "600" if box.kind == "outcome" else "400"
    texts = "".join(
        f'<text x="{left:.0f}" y="{top + _PAD + (row + 2) * _LINE - 4:.0f}" fill="{colours.text}"'
        f' font-weight="{weight}">{escape(line)}</text>'
        for row, line in enumerate(lines)
    )
    return (
        f"<g>{_shape(box, place, colours)}"
        f'<text x="{left:.0f}" y="{top + _PAD + _LINE - 5:.0f}" font-size="11" fill="{colours.soft}">'
        f"{escape(box.caption)}</text>{texts}</g>"
    )


_POINTED: Final = frozenset({"derived", "absence"})
_CUT: Final = frozenset({"finding", "possible_finding"})
_FOLDED: Final = frozenset({"obligation", "possible_obligation", "licensor"})


def _shape(box: Box, place: _Place, colours: _Colours) -> str:
    """The outline: each kind of box has its own, and what is not sure a broken one."""
    left, right = place.left, place.left + place.wide
    top, bottom, n = place.middle - place.high / 2, place.middle + place.high / 2, _NOTCH
    fill = colours.step
    if box.kind in {"fact", "unknown"}:
        fill = colours.fact
    elif box.kind in {"outcome", "finding"}:
        fill = colours.end
    style = f'fill="{fill}" stroke="{colours.line}" stroke-width="{3 if box.kind == "outcome" else 1.25}"'
    if not box.is_sure:
        style += ' stroke-dasharray="5 3"'
    corners: list[tuple[float, float]] = []
    if box.kind in _POINTED:
        middle = place.middle
        corners = [(left, middle), (left + n, top), (right - n, top), (right, middle)]
        corners += [(right - n, bottom), (left + n, bottom)]
    elif box.kind in _CUT:
        corners = [(left + n, top), (right - n, top), (right, top + n), (right, bottom - n)]
        corners += [(right - n, bottom), (left + n, bottom), (left, bottom - n), (left, top + n)]
    elif box.kind in _FOLDED:
        corners = [(left, top), (right - n, top), (right, top + n), (right, bottom), (left, bottom)]
    if corners:
        points = " ".join(f"{x:.0f},{y:.0f}" for x, y in corners)
        return f'<polygon points="{points}" {style}/>'
    round_ = {"test": 14, "outcome": 6}.get(box.kind, 0)
    return (
        f'<rect x="{left:.0f}" y="{top:.0f}" width="{place.wide:.0f}" height="{place.high:.0f}"'
        f' rx="{round_}" {style}/>'
    )
