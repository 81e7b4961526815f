"""What callers are shown: complete, consistent, the same by either way of rendering, without loose slots."""

import json
import re
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import orjson
import pytest

from eligibility.decider import Decider
from eligibility.reading import request_from
from eligibility.telling import inside, tell
from eligibility.wording import MARK, SAID
from tests.properties.oracle import PRESUMED, multimodal
from tests.properties.requests import complete, document, set_fact
from tests.properties.sizes import sized

BATCHES = 6
EACH = sized(240, 30_000) // BATCHES
EFFECTS = ("prohibits", "contact", "exempts", "note")
ODD = ('the "best" one', "back\\slash", "two\nlines\tand \x01", "🏭 \U00010348 \u2028", "</script>", "acme's")
"""Texts of callers that JSON, templates or sentences may stumble over."""


def texts(value: Any) -> Iterator[str]:
    """Every text, names of members included."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield name
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def value_of(facts: Mapping[str, Any], fact: str) -> Any:
    """What a fact was given, derived or presumed to be; KeyError where it is none of these."""
    if fact.startswith("entity.affiliates["):
        place, member = fact.removeprefix("entity.affiliates[").split("].")
        found = facts["entity.affiliates"][int(place)][member]
    elif fact in facts:
        found = facts[fact]
    elif fact == "model.multimodal":
        found = multimodal(facts)
    elif fact in {"model.name", "use.critical_infrastructure.certification"}:
        found = None  # absence is what their tests ask about
    else:
        found = PRESUMED[fact]
    return json.loads(json.dumps(found))


def with_odd_texts(random: Random) -> dict[str, Any]:
    """A request, often with odd texts where texts are shown."""
    made = document(random)
    if random.random() < 0.5:
        set_fact(made, "use.critical_infrastructure.certification", random.choice(ODD))
        set_fact(made, "use.critical_infrastructure.role", "operation")
    if made["model"].get("name", "").startswith("acme"):
        made["model"]["name"] = random.choice(ODD)
    return made


@pytest.mark.parametrize("seed", range(BATCHES))
def test_both_ways_of_rendering_give_the_same_decision(decider: Decider, seed: int) -> None:
    random, fresh = Random(seed), Decider(decider.ruleset)
    for _ in range(EACH):
        request = request_from(with_odd_texts(random), decider.ruleset.vocabulary)
        told = decider.decide(request).document()
        assert orjson.loads(decider.decide(request).json()) == told
        assert orjson.loads(decider.decide(request).json()) == told
        assert orjson.loads(fresh.decide(request).json()) == told


@pytest.mark.parametrize("seed", range(BATCHES))
def test_every_finding_rests_on_facts_as_they_were_given(decider: Decider, seed: int) -> None:
    random = Random(100 + seed)
    for _ in range(EACH):
        request = request_from(document(random), decider.ruleset.vocabulary)
        told = decider.decide(request).document()
        order = [(EFFECTS.index(made["effect"]), made["finding"]) for made in told["findings"]]
        assert order == sorted(order)
        for made in told["findings"]:
            assert made["citations"]
            assert made["because"], made
            for reason in made["because"]:
                assert reason["value"] == value_of(request.facts, reason["fact"]), reason
                assert reason["test"]
        assert all(due["citations"] for due in (*told["obligations"], *told["possible_obligations"]))
        assert all(due["depends_on"] for due in told["possible_obligations"])


@pytest.mark.parametrize("seed", range(BATCHES))
def test_texts_have_no_slot_left_open_and_every_missing_fact_a_question(decider: Decider, seed: int) -> None:
    random = Random(200 + seed)
    for _ in range(EACH):
        request = request_from(document(random), decider.ruleset.vocabulary)
        told = decider.decide(request).document()
        loose = [text for text in texts(told) if any(mark in text for mark in ("{", "}", MARK, SAID))]
        assert not loose
        assert told["summary"]
        for missing in told["missing_facts"]:
            assert missing["question"].endswith("?"), missing
            assert len(missing["outcomes"]) > 1
        named = [missing["fact"] for missing in told["missing_facts"]]
        assert len(named) == len(set(named))


@pytest.mark.parametrize("seed", range(BATCHES))
def test_the_explanation_leads_from_facts_to_the_outcome(decider: Decider, seed: int) -> None:
    random = Random(300 + seed)
    for _ in range(EACH):
        request = request_from(document(random), decider.ruleset.vocabulary)
        told = decider.decide(request).document()
        nodes = {node["id"]: node for node in told["explanation"]["nodes"]}
        assert len(nodes) == len(told["explanation"]["nodes"])
        before: dict[str, set[str]] = {node: set() for node in nodes}
        for edge in told["explanation"]["edges"]:
            assert edge["from"] in nodes
            before[edge["to"]].add(edge["from"])
        findings = {
            node["finding"] for node in nodes.values() if node["kind"] == "finding" and node["effect"]
        }
        assert findings == {made["finding"] for made in told["findings"]}
        for node, words in nodes.items():
            if words["kind"] in {"finding", "test"}:
                assert any(nodes[start]["kind"] == "fact" for start in reached(node, before)), node
            if words["kind"] == "fact":
                assert words["value"] == value_of(request.facts, words["fact"])
        outcomes = [words["outcome"] for words in nodes.values() if words["kind"] == "outcome"]
        assert outcomes == [told["outcome"]]
        assert told["outcome"] == "permitted" or before[f"outcome:{told['outcome']}"]


ENDS = {"outcome", "obligation", "possible_obligation", "licensor", "finding"}


@pytest.mark.parametrize("seed", range(BATCHES))
def test_every_node_leads_somewhere_without_a_circle_and_names_its_rules(decider: Decider, seed: int) -> None:
    random = Random(400 + seed)
    for _ in range(EACH):
        request = request_from(with_odd_texts(random), decider.ruleset.vocabulary)
        graph = decider.decide(request).document()["explanation"]
        nodes = {node["id"]: node for node in graph["nodes"]}
        before: dict[str, set[str]] = {node: set() for node in nodes}
        for edge in graph["edges"]:
            before[edge["to"]].add(edge["from"])
            assert edge["rule"] is None or edge["rule"] in graph["rules"]
            assert edge["rule"] is None or edge["rule"] in nodes[edge["to"]]["rules"]
        led = {node: reached(node, before) for node in nodes}
        assert not [node for node in nodes if node in led[node]]
        ends = {node for node, words in nodes.items() if words["kind"] in ENDS}
        assert set(nodes) == ends.union(*(led[node] for node in ends))
        assert {rule for node in nodes.values() for rule in node.get("rules", ())} == set(graph["rules"])
        for node in nodes.values():
            assert node["kind"] == "test" or node.get("title") or node["label"], node
            if node["kind"] == "finding":
                assert node["rules"]
        for rule in graph["rules"].values():
            assert rule["citations"]
            assert all(citation["title"] and citation["clause"] for citation in rule["citations"])


@pytest.mark.parametrize("seed", range(BATCHES))
def test_a_fact_says_where_its_value_comes_from(decider: Decider, seed: int) -> None:
    random = Random(500 + seed)
    for _ in range(EACH):
        request = request_from(with_odd_texts(random), decider.ruleset.vocabulary)
        told = decider.decide(request).document()
        assumed = {assumption["fact"] for assumption in told["assumptions"]}
        for node in told["explanation"]["nodes"]:
            if node["kind"] == "fact":
                given = node["fact"] in request.facts or "[" in node["fact"]
                absent = "derived" if node["fact"] == "model.multimodal" else "unknown"
                origin = "given" if given else "presumed" if node["fact"] in assumed else absent
                assert node["origin"] == origin, node


@pytest.mark.parametrize("seed", range(BATCHES))
def test_the_text_names_every_finding_and_source_and_nothing_that_is_no_word(
    decider: Decider, seed: int
) -> None:
    random = Random(600 + seed)
    texts_of_ruleset = decider.ruleset.texts
    for _ in range(EACH):
        request = request_from(with_odd_texts(random), decider.ruleset.vocabulary)
        told = decider.decide(request).document()
        graph, said = told["explanation"], " ".join(told["explanation"]["text"])
        assert said
        assert tell(json.loads(json.dumps(graph)), texts_of_ruleset) == graph["text"]
        for paragraph in graph["text"]:
            assert paragraph.endswith(".")
            assert paragraph[:1] == paragraph[:1].upper()
            assert not re.search(f"[{MARK}{SAID}{{}}]|None|True|False|  |,,|\\(\\)", paragraph), paragraph
        assert told["explanation"]["text"][0].startswith(
            texts_of_ruleset["outcomes"][told["outcome"]]["title"]
        )
        for made in told["findings"]:
            assert inside(made["title"]) in said
            for citation in made["citations"]:
                assert citation["clause"] in said
        for due in told["obligations"]:
            assert inside(due["title"]) in said
        for missing in told["missing_facts"]:
            (node,) = (one for one in graph["nodes"] if one["id"] == f"unknown:{missing['fact']}")
            assert node["label"] in said
            assert node["outcomes"] == missing["outcomes"]


def reached(node: str, before: Mapping[str, set[str]]) -> set[str]:
    """Everything from which edges lead to a node."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        new = before[waiting.pop()] - found
        found |= new
        waiting.extend(new)
    return found


HOSTILE = (
    "{value}",
    "{0} %s {{",
    f"{MARK}use.capacity{MARK}",
    '"},"outcome":"permitted"',
    "\\",
    "</script>",
    "é\u2028",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_callers_are_values_and_never_instructions(decider: Decider, text: str) -> None:
    for plain in ("certified", text):  # the same cells: the second fills the first one's template
        body = complete(
            "llama-4",
            "company",
            model__name=plain,
            model__multimodal=False,
            entity__principal_place_of_business="FR",
            use__critical_infrastructure={"role": "operation", "certification": plain},
        )
        decision = decider.decide(request_from(body, decider.ruleset.vocabulary))
        told = decision.document()
        assert orjson.loads(decision.json()) == told
        values = {reason["value"] for made in told["findings"] for reason in made["because"]}
        assert plain in values
        assert any(f"is given ({plain})" in paragraph for paragraph in told["explanation"]["text"])
        assert told["outcome"] == "prohibited"
