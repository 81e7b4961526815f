"""The inference graph as callers get it: facts → tests → derived facts → findings → outcome, with values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any as Anything

from eligibility.compiler import NOT
from eligibility.wording import Subject

EFFECT = "effect "


def explanation(
    subject: Subject, content: Mapping[str, Anything], missing: Sequence[Mapping[str, Anything]]
) -> dict[str, Anything]:
    """The graph of what fired. Nodes have `id` and `kind`; an edge names the rule that leads along it."""
    return _Graph(subject, content).build(missing)


class _Graph:
    def __init__(self, subject: Subject, content: Mapping[str, Anything]) -> None:
        self.subject = subject
        self.content = content
        self.nodes: dict[str, dict[str, Anything]] = {}
        self.edges: dict[tuple[str, str], dict[str, Anything]] = {}
        self.findings = {made["finding"]: made for made in content["findings"]}

    def build(self, missing: Sequence[Mapping[str, Anything]]) -> dict[str, Anything]:
        for step in self.content["steps"]:
            self._step(step)
        outcome = f"outcome:{self.content['outcome']}"
        if outcome not in self.nodes:
            self._node(outcome, kind="outcome", outcome=self.content["outcome"])
        for one in self.content["alternatives"]:
            self._alternative(one, outcome)
        for one in missing:
            node = f"unknown:{one['fact']}"
            self._node(node, kind="unknown", fact=one["fact"], outcomes=one["outcomes"])
            self._edge(node, outcome, None)
        return {"nodes": list(self.nodes.values()), "edges": list(self.edges.values())}

    def _node(self, node: str, **words: Anything) -> str:
        self.nodes.setdefault(node, {"id": node, **words})
        return node

    def _edge(self, start: str, end: str, rule: str | None) -> None:
        self.edges.setdefault((start, end), {"from": start, "to": end, "rule": rule})

    def _step(self, step: Mapping[str, Anything]) -> None:
        rule = step["rule"] or None
        conclusion = self._conclusion(step)
        for premise in step["because"]:
            for start in self._premise(premise):
                self._edge(start, conclusion, rule)

    def _conclusion(self, step: Mapping[str, Anything]) -> str:
        name = step["concludes"]
        if not step["rule"]:
            return self._named(name)
        rule = self.subject.questions.program.by_id[step["rule"]]
        if rule.then.kind == "finding":
            return self._named(name)
        if rule.then.kind == "derive":
            return self._node(f"derived:{name}", kind="derived", name=name, holds=True, title=rule.title)
        kind = rule.then.kind
        return self._node(f"{kind}:{name}", kind=kind, **{kind: name}, title=rule.title)

    def _named(self, text: str) -> str:
        """The node of a derived fact or finding, or of its absence."""
        name = text.removeprefix(NOT)
        if text != name:
            return self._node(f"not:{name}", kind="derived", name=name, holds=False)
        if name in self.findings:
            made = self.findings[name]
            return self._node(
                f"finding:{name}", kind="finding", finding=name, effect=made["effect"], reason=made["reason"]
            )
        if ("finding", name) in self.subject.questions.program.by_conclusion:
            # the rule fires for certain, but with which effect hangs on unknown facts
            return self._node(f"finding:{name}", kind="finding", finding=name, effect=None, reason=None)
        return self._node(f"derived:{name}", kind="derived", name=name, holds=True)

    def _premise(self, text: str) -> list[str]:
        bare = text.removeprefix(NOT)
        atom = self.subject.questions.atoms_by_id.get(bare)
        if atom is not None:
            return self._tests(text, holds=text == bare)
        if bare.startswith(EFFECT):
            effect = bare.removeprefix(EFFECT)
            return [self._named(name) for name, made in self.findings.items() if made["effect"] == effect]
        return [self._named(text)]

    def _tests(self, text: str, *, holds: bool) -> list[str]:
        atom = self.subject.questions.atoms_by_id[text.removeprefix(NOT)]
        found = []
        for entry in self.subject.entries(atom, holds=holds):
            fact = self._node(f"fact:{entry['fact']}", kind="fact", fact=entry["fact"], value=entry["value"])
            test = self._node(
                f"test:{entry['fact']} {entry['test']}", kind="test", fact=entry["fact"], test=entry["test"]
            )
            self._edge(fact, test, None)
            found.append(test)
        return found

    def _alternative(self, one: Mapping[str, Anything], outcome: str) -> None:
        """A finding that would decide, with the values of the unknown facts under which it is made."""
        when = [
            {
                path: [self.subject.answer(slot, answer) for answer in answers]
                for slot, answers in cube.items()
                for path in self.subject.paths(slot)
            }
            for cube in one["when"]
        ]
        name = f"possible:{one['finding']} {one['effect']} {one['reason'] or ''}".strip()
        words = {key: one[key] for key in ("finding", "effect", "reason")}
        self._edge(self._node(name, kind="possible_finding", **words, when=when), outcome, None)
