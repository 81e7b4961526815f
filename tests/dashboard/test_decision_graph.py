"""The picture of an inference and the table beside it: drawn and told from the same boxes."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from api.dashboard.decision_told import graph_of
from api.dashboard.graph_boxes import Box, Shown
from api.dashboard.graph_picture import drawn
from eligibility.decider import Decider
from eligibility.reading import flatten, request_from
from eligibility.recall import recalled
from eligibility.wording import Subject
from tests.api.bodies import permitted, prohibited, unclear

SVG = "{http://www.w3.org/2000/svg}"
BODIES = [
    permitted(),
    prohibited(),
    unclear(),
    permitted(monthly_active_users=800_000_000),
    unclear(affiliates=[{"relation": "parent", "principal_place_of_business": "DE"}]),
]


def shown_of(decider: Decider, body: dict[str, Any]) -> tuple[Shown, dict[str, Any]]:
    made = decider.decide(request_from(body, decider.ruleset.vocabulary))
    questions = decider.questions[made.evaluation.generation]
    decision = recalled(questions, made.evaluation.content, body, UUID(int=1), datetime.now(UTC))
    return graph_of(Subject(questions, flatten(body)), decision), decision["explanation"]


def parsed(picture: str) -> ET.Element:
    return ET.fromstring(picture)  # noqa: S314 - our own


def words(text: str) -> str:
    """The letters of a text: where lines are broken does not count."""
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_the_picture_has_every_box_with_all_of_its_words(decider: Decider, body: dict[str, Any]) -> None:
    shown, _ = shown_of(decider, body)
    groups = parsed(drawn(shown)).findall(f"{SVG}g")
    drawn_texts = {
        words("".join(text.text or "" for text in group.findall(f"{SVG}text"))) for group in groups
    }
    assert drawn_texts == {words(box.caption + box.text) for box in shown.boxes}


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_every_node_and_edge_of_the_graph_is_shown(decider: Decider, body: dict[str, Any]) -> None:
    shown, graph = shown_of(decider, body)
    texts = words("".join(box.text for box in shown.boxes))
    assert all(words(node["title"]) in texts for node in graph["nodes"] if "title" in node)
    ids = {box.id for box in shown.boxes}
    assert {end for arrow in shown.arrows for end in arrow} <= ids
    kept = {(edge["from"], edge["to"]) for edge in graph["edges"] if {edge["from"], edge["to"]} <= ids}
    assert kept <= set(shown.arrows)


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_no_box_lies_over_another_and_arrows_lead_on(decider: Decider, body: dict[str, Any]) -> None:
    shown, _ = shown_of(decider, body)
    picture = drawn(shown)
    areas = []
    for group in parsed(picture).findall(f"{SVG}g"):
        outline = group[0]
        if outline.tag == f"{SVG}rect":
            x, y, wide, high = (float(outline.attrib[name]) for name in ("x", "y", "width", "height"))
            areas.append((x, y, x + wide, y + high))
        else:
            points = [tuple(map(float, each.split(","))) for each in outline.attrib["points"].split()]
            xs, ys = zip(*points, strict=True)
            areas.append((min(xs), min(ys), max(xs), max(ys)))
    for n, (left, top, right, bottom) in enumerate(areas):
        for other in areas[n + 1 :]:
            assert other[0] >= right or other[2] <= left or other[1] >= bottom or other[3] <= top
    ways = re.findall(r'<path d="M([\d.]+),[\d.-]+ C.*? ([\d.]+),[\d.-]+" fill="none"', picture)
    assert len(ways) == len(shown.arrows)
    assert all(float(start) < float(end) for start, end in ways)


def test_findings_that_may_be_made_for_the_same_reason_share_a_box(decider: Decider) -> None:
    shown, graph = shown_of(decider, unclear())
    possible = [node for node in graph["nodes"] if node["kind"] == "possible_finding"]
    boxes = [box for box in shown.boxes if box.kind == "possible_finding"]
    assert len(boxes) < len(possible) / 2
    assert any("Fraud; " in box.text for box in boxes)


def test_values_that_could_be_markup_are_text() -> None:
    shown = Shown((Box("fact:x", "fact", "Fact", '<script>"&'), Box("o", "outcome", "Outcome", "'>")), ())
    picture = drawn(shown)
    assert "<script" not in picture
    assert [text.text for text in parsed(picture).iter(f"{SVG}text")][1::2] == ['<script>"&', "'>"]


def test_dark_is_another_picture_of_the_same(decider: Decider) -> None:
    shown, _ = shown_of(decider, permitted())
    light, dark = drawn(shown), drawn(shown, dark=True)
    assert light != dark
    assert list(parsed(light).itertext()) == list(parsed(dark).itertext())
