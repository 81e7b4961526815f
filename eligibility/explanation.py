"""The inference graph as callers get it: facts → tests → derived facts → findings → outcome, with values.

Of what is recorded, only what leads to the outcome, an obligation, the licensor or a finding is shown. The
text is told from the graph alone (`telling`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any as Anything

from eligibility.compiler import NOT
from eligibility.conditions import All, Ask, Atom, Condition, Holds, Not, atom
from eligibility.ruleset import Citation, Rule
from eligibility.telling import enumerated, inside, is_name, tell
from eligibility.wording import MARK, SAID, Subject

EFFECT = "effect "
GENERATION = "model.generation"
MULTIMODAL = "model.multimodal"


def explanation(
    subject: Subject, content: Mapping[str, Anything], missing: Sequence[Mapping[str, Anything]]
) -> dict[str, Anything]:
    """The graph of what fired, the rules it names, and its text.

    Nodes have `id` and `kind`, conclusions also the `rules` that gave them; an edge names the rule that leads
    along it.
    """
    graph = _Graph(subject, content).build(missing)
    text = tell(graph, subject.ruleset.texts)
    if subject.slots:
        text = [paragraph.replace(MARK, SAID) for paragraph in text]
    return {**graph, "text": text}


class _Graph:
    def __init__(self, subject: Subject, content: Mapping[str, Anything]) -> None:
        self.subject = subject
        self.content = content
        self.program = subject.questions.program
        self.words: Mapping[str, Anything] = subject.ruleset.texts.get("explanation", {})
        self.nodes: dict[str, dict[str, Anything]] = {}
        self.edges: dict[tuple[str, str, str | None], dict[str, Anything]] = {}
        self.findings = {made["finding"]: made for made in content["findings"]}
        self.due = {due["obligation"] for due in content["obligations"]}

    def build(self, missing: Sequence[Mapping[str, Anything]]) -> dict[str, Anything]:
        for step in self.content["steps"]:
            self._step(step)
        outcome = self._outcome()
        for one in self.content["alternatives"]:
            self._alternative(one, outcome)
        for one in missing:
            self._edge(self._unknown(one["fact"], one["outcomes"]), outcome, None)
        if missing:
            for name, made in self.findings.items():
                if made["effect"] == "contact":  # a reason to ask Meta in any case
                    self._edge(f"finding:{name}", outcome, None)
        for due in self.content["possible_obligations"]:
            self._possible_obligation(due)
        self._prune()
        rules = dict.fromkeys(rule for node in self.nodes.values() for rule in node.get("rules", ()))
        return {
            "nodes": list(self.nodes.values()),
            "edges": list(self.edges.values()),
            "rules": {rule: self._rule(self.program.by_id[rule]) for rule in rules},
        }

    def _node(self, node: str, **words: Anything) -> str:
        self.nodes.setdefault(node, {"id": node, **words})
        return node

    def _edge(self, start: str, end: str, rule: str | None) -> None:
        self.edges.setdefault((start, end, rule), {"from": start, "to": end, "rule": rule})

    def _step(self, step: Mapping[str, Anything]) -> None:
        rule = self.program.by_id[step["rule"]] if step["rule"] else None
        if rule and rule.then.kind == "obligation" and rule.then.name not in self.due:
            return  # obligations fire whatever the outcome, and come with a permission only
        conclusion = self._conclusion(step["concludes"], rule)
        premises = [start for premise in step["because"] for start in self._premise(premise)]
        self._lead(premises, conclusion, rule)

    def _lead(self, premises: Iterable[str], conclusion: str, rule: Rule | None) -> None:
        """Edges to a conclusion; where its rule is not for every generation, also from the generation."""
        if rule and not rule.everywhere:
            stated = atom(GENERATION, "is", self.subject.generation.id)
            premises = [*self._tests(stated, holds=True), *premises]
        for start in premises:
            self._edge(start, conclusion, rule.id if rule else None)

    def _conclusion(self, name: str, rule: Rule | None) -> str:
        if rule is None:
            return self._named(name)
        kind = rule.then.kind
        if kind in {"derive", "finding"}:
            node = self._named(name)
        elif kind == "outcome":
            node = self._outcome()
        else:
            node = self._node(f"{kind}:{name}", kind=kind, **{kind: name}, title=rule.title, rules=[])
        concluded_by = self.nodes[node]["rules"]
        if rule.id not in concluded_by:
            concluded_by.append(rule.id)
        return node

    def _outcome(self) -> str:
        outcome = self.content["outcome"]
        title = self.subject.ruleset.texts["outcomes"][outcome]["title"]
        return self._node(f"outcome:{outcome}", kind="outcome", outcome=outcome, title=title, rules=[])

    def _named(self, text: str) -> str:
        """The node of a derived fact or finding, or of its absence."""
        name = text.removeprefix(NOT)
        known = self.program.by_conclusion
        rules = known.get(("derive", name)) or known.get(("finding", name)) or self._elsewhere(name)
        if text != name:
            title = self._absent(rules)
            return self._node(f"not:{name}", kind="derived", name=name, holds=False, title=title, rules=[])
        if ("derive", name) in known:
            return self._node(
                f"derived:{name}",
                kind="derived",
                name=name,
                holds=True,
                title=self._title(name, rules),
                rules=[],
            )
        # where the rule fires for certain, but with which effect hangs on unknown facts, there is no effect
        made = self.findings.get(name, {"effect": None, "reason": None})
        return self._node(
            f"finding:{name}",
            kind="finding",
            finding=name,
            effect=made["effect"],
            reason=made["reason"],
            title=self._title(name, rules),
            rules=[],
        )

    def _title(self, name: str, rules: Sequence[Rule]) -> str:
        """What a conclusion is called: as the first rule says that gave it."""
        fired = {step["rule"] for step in self.content["steps"] if step["concludes"] == name}
        return next((rule.title for rule in rules if rule.id in fired), rules[0].title)

    def _elsewhere(self, name: str) -> tuple[Rule, ...]:
        """The rules of other generations that conclude what none does in this one."""
        return tuple(rule for rule in self.subject.ruleset.rules if rule.then.name == name)

    def _absent(self, rules: Sequence[Rule]) -> str:
        """What it is called that a conclusion is not drawn."""
        titles = list(dict.fromkeys(inside(rule.title) for rule in rules))
        texts = self.subject.ruleset.texts
        said = enumerated(titles, texts["lists"]["last"], texts)
        template = self.words.get("absent" if len(titles) == 1 else "absent_all", "{conclusion}")
        return str(template).format(conclusion=said)

    def _premise(self, text: str) -> list[str]:
        bare = text.removeprefix(NOT)
        asked = self.subject.questions.atoms_by_id.get(bare)
        if asked is not None:
            return self._tests(asked, holds=text == bare)
        if not bare.startswith(EFFECT):
            return [self._named(text)]
        effect = bare.removeprefix(EFFECT)
        if text != bare:
            title = self.words.get("no_effect", {}).get(effect, text)
            return [self._node(f"none:{effect}", kind="absence", effect=effect, title=title, rules=[])]
        return [self._named(name) for name, made in self.findings.items() if made["effect"] == effect]

    def _tests(self, asked: Atom, *, holds: bool) -> list[str]:
        return [self._test(path, one, holds=holds) for path, one in self.subject.answered(asked, holds=holds)]

    def _test(self, path: str, asked: Atom, *, holds: bool) -> str:
        """The node of an answered question about a fact, with the fact before it."""
        subject = self.subject
        origin = subject.origin(path, asked, holds=holds)
        fact = self._node(
            f"fact:{path}",
            kind="fact",
            fact=path,
            label=subject.label(path),
            value=subject.shown(path),
            origin=origin,
        )
        if origin == "derived":
            source = subject.modality_from()
            self._edge(self._source(source), fact, None)
        said = subject.phrase(asked, holds=holds)
        test = self._node(
            f"test:{path} {said}",
            kind="test",
            fact=path,
            test=said,
            says=subject.clause(path, asked, holds=holds) if self.words else said,
            exact=_tells_its_value(asked, holds=holds),
        )
        self._edge(fact, test, None)
        return test

    def _source(self, path: str) -> str:
        """The fact that another is derived from."""
        subject = self.subject
        words = {"fact": path, "label": subject.label(path), "value": subject.shown(path), "origin": "given"}
        return self._node(f"fact:{path}", kind="fact", **words)

    def _unknown(self, path: str, outcomes: Sequence[str] = ()) -> str:
        node = self._node(
            f"unknown:{path}", kind="unknown", fact=path, label=self.subject.label(path), outcomes=[]
        )
        self.nodes[node]["outcomes"].extend(outcomes)
        return node

    def _alternative(self, one: Mapping[str, Anything], outcome: str) -> None:
        """A finding that would decide, with the values of the unknown facts under which it is made."""
        name = one["finding"]
        rules = self.program.by_conclusion["finding", name]
        # what is recorded does not keep the order of members
        when = [{slot: cube[slot] for slot in sorted(cube)} for cube in one["when"]]
        node = f"possible:{name} {one['effect']} {one['reason'] or ''}".strip()
        self._node(
            node,
            kind="possible_finding",
            **{key: one[key] for key in ("finding", "effect", "reason")},
            title=self._title(name, rules),
            when=[self._values(cube) for cube in when],
            conditions=[list(self._clauses(cube)) for cube in when] if self.words else [],
            rules=[rule.id for rule in rules],
        )
        if f"finding:{name}" in self.nodes:
            self._edge(f"finding:{name}", node, None)
        else:
            for rule in rules:
                self._lead(self._known(rule.when, holds=True), node, rule)
        for cube in when:
            for slot in cube:
                for path in self.subject.paths(slot):
                    self._edge(self._unknown(path), node, None)
        self._edge(node, outcome, None)

    def _values(self, cube: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """The answers of unknown facts, in words, by path."""
        said = {}
        for slot, answers in cube.items():
            answered = [self.subject.answer(slot, answer) for answer in answers]
            phrases = [self.subject.phrase(asked, holds=holds) for asked, holds in answered]
            said.update(dict.fromkeys(self.subject.paths(slot), phrases))
        return said

    def _clauses(self, cube: Mapping[str, Sequence[str]]) -> Iterator[str]:
        """The same, as clauses of a sentence."""
        for slot, answers in cube.items():
            said = self.subject.independent([self.subject.answer(slot, answer) for answer in answers])
            for path in self.subject.paths(slot):
                for asked, holds in said:
                    yield self.subject.clause(path, asked, holds=holds, known=False)
                if not answers:
                    yield str(self.words["certain_values"]).format(label=self.subject.label(path))

    def _known(self, when: Condition, *, holds: bool) -> Iterator[str]:
        """What is known already of what a finding needs that hangs on unknown facts."""
        match when:
            case Ask(asked) if self.subject.knows(asked):
                yield from self._tests(asked, holds=holds)
            case Holds(name):
                node = f"derived:{name}" if holds else f"not:{name}"
                if node in self.nodes:
                    yield node
            case Not(part):
                yield from self._known(part, holds=not holds)
            case All(parts) if holds:
                for part in parts:
                    yield from self._known(part, holds=True)

    def _possible_obligation(self, due: Mapping[str, Anything]) -> None:
        name = due["obligation"]
        rules = self.program.by_conclusion["obligation", name]
        node = self._node(
            f"possible:{name}",
            kind="possible_obligation",
            obligation=name,
            title=rules[0].title,
            rules=[rule.id for rule in rules],
        )
        for slot in due["depends_on"]:
            for path in self.subject.paths(slot):
                self._edge(self._unknown(path), node, None)

    def _prune(self) -> None:
        """Leave out what leads nowhere: derived facts that nothing certain was concluded from."""
        before: dict[str, list[str]] = {}
        for start, end, _ in self.edges:
            before.setdefault(end, []).append(start)
        waiting = [node for node, words in self.nodes.items() if words["kind"] in _ENDS]
        kept = set(waiting)
        while waiting:
            new = [start for start in before.get(waiting.pop(), ()) if start not in kept]
            kept.update(new)
            waiting.extend(new)
        self.nodes = {node: words for node, words in self.nodes.items() if node in kept}
        self.edges = {edge: words for edge, words in self.edges.items() if edge[1] in kept}

    def _rule(self, rule: Rule) -> dict[str, Anything]:
        cited = rule.citations[self.subject.generation.id]
        return {"title": rule.title, "citations": [self._citation(one) for one in cited]}

    def _citation(self, one: Citation) -> dict[str, str]:
        title = self.subject.ruleset.document["documents"][one.document]["title"]
        return {
            "document": one.document,
            "title": _in_a_sentence(title),
            "clause": one.clause,
            "url": one.url,
        }


_ENDS = {"outcome", "obligation", "possible_obligation", "licensor", "finding", "possible_finding"}


def _tells_its_value(asked: Atom, *, holds: bool) -> bool:
    """Whether an answer needs no value beside it: it names the value, or says that there is none."""
    match asked.test:
        case "is" | "is_one_of":
            return holds or isinstance(asked.argument, bool)
        case "given":
            return not holds
    return asked.test == "some"


def _in_a_sentence(title: str) -> str:
    """The title of a document as it reads in a sentence: only names keep their capitals."""
    first, *words = title.split(" ")
    return " ".join([first, *(word if is_name(word) else word.lower() for word in words)])
