"""The text of an explanation: a pure function of its graph and of the words of a ruleset.

Nothing is looked up anywhere else, so the text can say no more than the graph does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any as Anything

Node = Mapping[str, Anything]

MOST_TOLD = 8
"""Findings that hang on missing facts and are told with their conditions; of more, only the titles are."""

_ASIDE = ("contact", "exempts", "note")
_CONCLUSIONS = ("derived", "finding", "absence")


def tell(graph: Mapping[str, Anything], texts: Mapping[str, Anything]) -> list[str]:
    """The paragraphs that say what a graph says: the outcome and why, notes, obligations.

    `graph` is an explanation with `nodes`, `edges` and `rules`; `texts` are the words of the ruleset, of
    which `explanation`, `outcomes` and `lists` are used. A ruleset from before there were such words has no
    text.
    """
    return list(_Telling(graph, texts).paragraphs()) if "explanation" in texts else []


class _Telling:
    def __init__(self, graph: Mapping[str, Anything], texts: Mapping[str, Anything]) -> None:
        self.texts = texts
        self.words: Mapping[str, Anything] = texts["explanation"]
        self.rules: Mapping[str, Anything] = graph["rules"]
        self.nodes: list[Node] = graph["nodes"]
        by_id = {node["id"]: node for node in self.nodes}
        before: dict[str, dict[str, Node]] = {name: {} for name in by_id}
        for edge in graph["edges"]:
            before[edge["to"]][edge["from"]] = by_id[edge["from"]]
        self.before = {name: list(nodes.values()) for name, nodes in before.items()}

    def paragraphs(self) -> Iterator[str]:
        (outcome,) = self._kind("outcome")
        leading = self.before[outcome["id"]]
        reasons = list(self._reasons_of(outcome, leading))
        yield from reasons or [self._with_reasons(self._fill("outcome", outcome=outcome["title"]), outcome)]
        for effect in _ASIDE:
            for made in self._kind("finding"):
                if made["effect"] == effect and made not in leading:
                    text = self._fill(f"{effect}_aside", finding=inside(made["title"]))
                    yield self._with_reasons(text, made)
        yield from self._obligations()

    def _reasons_of(self, outcome: Node, leading: Sequence[Node]) -> Iterator[str]:
        """Why the outcome is what it is, where findings or unknown facts lead to it."""
        for made in leading:
            if made["kind"] == "finding":
                finding = inside(made["title"])
                text = self._fill(_effect(made), outcome=outcome["title"], finding=finding)
                yield self._with_reasons(text, made)
        missing = [node for node in leading if node["kind"] == "unknown"]
        possible = [node for node in leading if node["kind"] == "possible_finding"]
        if missing:
            yield self._missing(outcome, missing)
        elif possible:
            unknown = dict.fromkeys(before["label"] for node in possible for before in self._unknown(node))
            yield self._sentence("whatever", outcome=outcome["title"], facts=self._listed(unknown))
        if missing and len(possible) > MOST_TOLD:
            titles = dict.fromkeys(inside(node["title"]) for node in possible)
            yield self._sentence("may_be", findings=self._listed(titles))
        else:
            yield from map(self._alternative, possible)

    def _missing(self, outcome: Node, missing: Iterable[Node]) -> str:
        facts = [
            self._fill(
                "missing_fact",
                fact=node["label"],
                outcomes=self._listed(
                    (inside(self.texts["outcomes"][one]["title"]) for one in node["outcomes"]), "either"
                ),
            )
            for node in missing
        ]
        return self._sentence("missing", outcome=outcome["title"], facts=self._parts(facts))

    def _alternative(self, node: Node) -> str:
        """A finding that can be made, and the values of unknown facts under which it is."""
        ways = [self._listed(clauses) for clauses in node["conditions"]]
        text = self._fill(
            "alternative",
            conditions=str(self.words["or_if"]).join(ways),
            effect=self._fill("effects", _effect(node)),
            finding=inside(node["title"]),
        )
        return self._with_reasons(text, node)

    def _obligations(self) -> Iterator[str]:
        due = [inside(node["title"]) for node in self._kind("obligation")]
        if due:
            yield self._sentence("obligations", obligations=self._listed(due))
        possible = [
            self._fill(
                "remark",
                text=inside(node["title"]),
                remark=self._listed(before["label"] for before in self._unknown(node)),
            )
            for node in self._kind("possible_obligation")
        ]
        if possible:
            yield self._sentence("possible_obligations", obligations=self._listed(possible))

    def _with_reasons(self, text: str, node: Node) -> str:
        return self._sentence("sentence", text=self._sourced(self._grounded(text, node), node))

    def _grounded(self, text: str, node: Node) -> str:
        reasons = self._reasons(node, set())
        return self._fill("grounds", text=text, reasons=reasons) if reasons else text

    def _sourced(self, text: str, node: Node) -> str:
        cited = dict.fromkeys(
            self._fill("source", document=citation["title"], clause=citation["clause"])
            for rule in node["rules"]
            for citation in self.rules[rule]["citations"]
        )
        return self._fill("sources", text=text, sources=self._parts(cited)) if cited else text

    def _reasons(self, node: Node, told: set[str]) -> str:
        """What a conclusion rests on: answers about facts, then other conclusions with their own reasons."""
        new = [before for before in self._premises(node) if before["id"] not in told]
        told.update(before["id"] for before in new)
        plain = [self._clause(before) for before in new if before["kind"] == "test"]
        chains: list[str] = []
        # what holds is told before what does not
        for before in sorted(new, key=lambda one: not one.get("holds", True)):
            if before["kind"] in _CONCLUSIONS:
                title, reasons = inside(before["title"]), self._reasons(before, told)
                if reasons:
                    chains.append(self._fill("since", conclusion=title, reasons=reasons))
                else:
                    plain.append(title)
        return self._parts([self._listed(plain), *chains] if plain else chains)

    def _premises(self, node: Node) -> Iterator[Node]:
        """What leads to a conclusion; a finding whose effect is open is left out for what leads to it."""
        for before in self.before[node["id"]]:
            if before["kind"] == "finding" and before["effect"] is None:
                yield from self._premises(before)
            else:
                yield before

    def _clause(self, test: Node) -> str:
        """An answer about a fact, followed by its value and where that comes from."""
        (fact,) = self.before[test["id"]]
        sources = [before["label"] for before in self.before[fact["id"]]]
        said = test["says"]
        words = self.words["exact_origins" if test["exact"] else "origins"].get(fact["origin"])
        erased = fact["value"] is None and fact["origin"] == "given"
        if words is None or erased:
            return str(said)
        value = said_value(fact["value"], self.texts)
        remark = words.format(value=value, source=self._listed(sources))
        return self._fill("remark", text=said, remark=remark)

    def _unknown(self, node: Node) -> list[Node]:
        return [before for before in self.before[node["id"]] if before["kind"] == "unknown"]

    def _kind(self, kind: str) -> list[Node]:
        return [node for node in self.nodes if node["kind"] == kind]

    def _listed(self, items: Iterable[str], last: str = "") -> str:
        return enumerated(list(items), self.words[last] if last else self.texts["lists"]["last"], self.texts)

    def _parts(self, items: Iterable[str]) -> str:
        return str(self.words["between"]).join(items)

    def _sentence(self, key: str, **words: str) -> str:
        text = self._fill(key, **words)
        return text[:1].upper() + text[1:]

    def _fill(self, key: str, inner: str = "", /, **words: str) -> str:
        template = self.words[key][inner] if inner else self.words[key]
        return str(template).format(**words)


def _effect(made: Node) -> str:
    """The effect of a finding, with the reason if it is contact, as the words are keyed by it."""
    return "_".join(word for word in (made["effect"], made["reason"]) if word)


def inside(title: str) -> str:
    """A title as it stands inside a sentence: with a small first letter, unless it begins with a name."""
    first = title.split(" ", 1)[0]
    return title if is_name(first) else title[:1].lower() + title[1:]


def is_name(word: str) -> bool:
    """Whether a word keeps its capitals wherever it stands."""
    return word in {"Llama", "Meta"} or any(letter.isupper() for letter in word[1:])


def enumerated(items: Sequence[str], last: str, texts: Mapping[str, Anything]) -> str:
    """Items as they are listed in a sentence, with what stands before the last."""
    if len(items) < 2:  # noqa: PLR2004 - one item stands alone
        return "".join(items)
    return str(texts["lists"]["separator"]).join(items[:-1]) + last + items[-1]


def said_value(value: object, texts: Mapping[str, Anything]) -> str:
    """A value as it is said within a sentence."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return str(texts["lists"]["separator"]).join(map(str, value)) or str(texts["explanation"]["nothing"])
    return f"{value:,}" if isinstance(value, int) else str(value)
