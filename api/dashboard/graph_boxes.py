"""The inference graph as it is shown: boxes with words, and arrows between them.

The picture and the table beside it are both made of these, so neither can say what the other does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final

Node = Mapping[str, Any]

MOST_APART: Final = 3
"""Findings that may be made for the same reasons and have a box each; of more, one box has all."""

_KINDS: Final[Mapping[str, str]] = {
    "fact": "Fact given",
    "test": "What holds of it",
    "derived": "What follows",
    "absence": "What was looked for",
    "finding": "Finding",
    "possible_finding": "May be found",
    "obligation": "Obligation",
    "possible_obligation": "May be an obligation",
    "unknown": "Missing fact",
    "licensor": "Licensor",
    "outcome": "Outcome",
}
_ORIGINS: Final[Mapping[str, str]] = {
    "presumed": "Fact assumed",
    "derived": "Fact derived",
    "unknown": "Fact not given",
}
EFFECTS: Final[Mapping[str | None, str]] = {
    "prohibits": "prohibits it",
    "contact": "leaves it to Meta",
    "exempts": "exempts it",
    "note": "is noted",
    None: "with an effect that is open",
}


@dataclass(frozen=True)
class Box:
    """A node as it is shown: its `kind`, that kind in words, and what it says.

    `is_sure` is false for what was not given, or hangs on what was not.
    """

    id: str
    kind: str
    caption: str
    text: str
    is_sure: bool = True


@dataclass(frozen=True)
class Shown:
    """What is shown: boxes in the order of the reasoning, and arrows by the ids of boxes."""

    boxes: tuple[Box, ...]
    arrows: tuple[tuple[str, str], ...]

    def before(self, box: Box) -> list[Box]:
        """The boxes that lead to one."""
        starts = {start for start, end in self.arrows if end == box.id}
        return [each for each in self.boxes if each.id in starts]

    @property
    def summary(self) -> str:
        """What there is to see, in a sentence."""
        outcome = next(box.text for box in self.boxes if box.kind == "outcome")
        count = len(self.boxes)
        return (
            f"The reasoning as a graph of {count} boxes, from facts on the left to the outcome: {outcome}."
            " The table below says the same."
        )


def shown(graph: Mapping[str, Any], said: Mapping[str, str]) -> Shown:
    """What is shown of an explanation; `said` are values of facts in words, by path."""
    nodes: Sequence[Node] = graph["nodes"]
    arrows = dict.fromkeys((edge["from"], edge["to"]) for edge in graph["edges"])
    merged = _merged(nodes, arrows)
    boxes: dict[str, Box] = {}
    for node in nodes:
        name = merged.get(node["id"]) or str(node["id"])
        box = _box(node, said)
        if name in boxes:
            box = replace(boxes[name], text=f"{boxes[name].text}; {box.text}")
        boxes[name] = replace(box, id=name)
    led = dict.fromkeys((merged.get(start, start), merged.get(end, end)) for start, end in arrows)
    ranks = ranks_of(boxes, led)
    ordered = sorted(boxes.values(), key=lambda box: ranks[box.id])
    return Shown(tuple(ordered), tuple(led))


def ranks_of(boxes: Iterable[str], arrows: Iterable[tuple[str, str]]) -> dict[str, int]:
    """How many steps of reasoning lead to each box at most."""
    ranks = dict.fromkeys(boxes, 0)
    arrows = list(arrows)
    for _ in ranks:  # as many rounds as the longest way can have steps
        is_done = True
        for start, end in arrows:
            if ranks[end] <= ranks[start]:
                ranks[end], is_done = ranks[start] + 1, False
        if is_done:
            break
    return ranks


def _merged(nodes: Sequence[Node], arrows: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The name of a common box for findings that may be made for the same reasons, to the same effect."""
    around: dict[str, tuple[set[str], set[str]]] = {node["id"]: (set(), set()) for node in nodes}
    for start, end in arrows:
        around[end][0].add(start)
        around[start][1].add(end)

    def key(node: Node) -> tuple[str, ...]:
        before, after = around[node["id"]]
        return (node["effect"], node["reason"] or "", *sorted(before), "→", *sorted(after))

    possible = sorted((node for node in nodes if node["kind"] == "possible_finding"), key=key)
    found: dict[str, str] = {}
    for _, group in groupby(possible, key):
        alike = [node["id"] for node in group]
        if len(alike) > MOST_APART:
            found |= dict.fromkeys(alike, alike[0])
    return found


def _box(node: Node, said: Mapping[str, str]) -> Box:
    kind = node["kind"]
    caption, text = _KINDS[kind], str(node.get("title", ""))
    match kind:
        case "fact":
            caption = _ORIGINS.get(node["origin"], caption)
            text = f"{_capital(node['label'])}: {said.get(node['fact'], 'not given')}"
            return Box(node["id"], kind, caption, text, is_sure=node["origin"] == "given")
        case "test":
            text = _capital(node["says"] if node["exact"] else node["test"].replace("_", " "))
        case "unknown":
            return Box(node["id"], kind, caption, _capital(node["label"]), is_sure=False)
        case "finding":
            caption = f"{caption}: {EFFECTS[node['effect']]}"
        case "possible_finding":
            caption = f"{caption}: {EFFECTS[node['effect']]}"
    return Box(node["id"], kind, caption, text, is_sure=not kind.startswith("possible"))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
