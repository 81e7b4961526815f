"""Decisions: an evaluation, filled with the values of one request and the words of its ruleset.

`decision_document` is a pure function of what is recorded (the evaluation's content, the facts, the
ruleset), so a decision read again years later reads as it was answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any as Anything

from eligibility.compiler import NOT
from eligibility.domains import FACTS
from eligibility.explanation import explanation
from eligibility.ruleset import Rule
from eligibility.telling import enumerated, inside
from eligibility.wording import Subject, pattern_of

Content = Mapping[str, Anything]
_PLACES = {path: place for place, path in enumerate(FACTS)}
REASONS = ("separate_licence", "case_by_case", "clarification")


def decision_document(subject: Subject, content: Content) -> dict[str, Anything]:
    """The decision as callers get it, without `id` and `decided_at`.

    `content` is the content of the evaluation, `subject` holds the facts of the request.
    """
    ruleset = subject.ruleset
    reasoning = Reasoning(subject, content)
    outcome = content["outcome"]
    email = ruleset.contact
    return {
        "outcome": outcome,
        "summary": reasoning.summary(),
        "findings": [reasoning.finding(made) for made in content["findings"]],
        "obligations": [reasoning.obligation(due) for due in content["obligations"]],
        "possible_obligations": [reasoning.possible(due) for due in content["possible_obligations"]],
        "missing_facts": reasoning.missing(),
        "assumptions": subject.assumptions(),
        "contact": {"email": email, "reasons": content["contact_reasons"]}
        if outcome == "contact_meta"
        else None,
        "recourse": {"email": email, "summary": ruleset.texts["recourse"].format(email=email)}
        if outcome == "prohibited"
        else None,
        "licensor": content["licensor"],
        "ruleset": {"version": ruleset.version, "digest": ruleset.digest},
        "explanation": explanation(subject, content, reasoning.missing()),
    }


class Reasoning:
    """What an evaluation says, about one request."""

    def __init__(self, subject: Subject, content: Content) -> None:
        """Index the steps of the evaluation."""
        self.subject = subject
        self.content = content
        self.program = subject.questions.program
        self._atoms = subject.questions.atoms_by_id
        self._steps: dict[str, list[Mapping[str, Anything]]] = {}
        for step in content["steps"]:
            self._steps.setdefault(step["concludes"], []).append(step)

    def _rules(self, kind: str, name: str) -> list[Rule]:
        """The rules that gave a conclusion; where none did for certain, those that can."""
        fired = [self.program.by_id[step["rule"]] for step in self._steps.get(name, ()) if step["rule"]]
        return fired or list(self.program.by_conclusion[kind, name])

    def finding(self, made: Mapping[str, Anything]) -> dict[str, Anything]:
        """A finding with its reasons."""
        name = made["finding"]
        rules = self._rules("finding", name)
        premises = [premise for step in self._steps[name] for premise in step["because"]]
        return {
            "finding": name,
            "effect": made["effect"],
            "reason": made["reason"],
            "title": rules[0].title,
            "summary": _joined(rule.summary for rule in rules),
            "because": self._because(rules, premises),
            "follows_from": [
                text for text in dict.fromkeys(premises) if text in self._steps and not text.startswith(NOT)
            ],
            "rules": [rule.id for rule in rules],
            "citations": self._citations(rules),
        }

    def _because(self, rules: Sequence[Rule], premises: Sequence[str]) -> list[dict[str, Anything]]:
        """The facts that premises rest on, directly first, then through derived facts."""
        found: dict[tuple[str, str], dict[str, Anything]] = {}
        if not all(rule.everywhere for rule in rules):
            test = self.subject.ruleset.texts["tests"]["is"]["holds"].format(value=self.subject.generation.id)
            entry = {"fact": "model.generation", "value": self.subject.generation.id, "test": test}
            found[entry["fact"], entry["test"]] = entry
        waiting, seen = list(premises), set()
        while waiting:
            text = waiting.pop(0)
            if text in seen:
                continue
            seen.add(text)
            atom = self._atoms.get(text.removeprefix(NOT))
            if atom is None:
                waiting.extend(premise for step in self._steps.get(text, ()) for premise in step["because"])
                continue
            for entry in self.subject.entries(atom, holds=not text.startswith(NOT)):
                found.setdefault((entry["fact"], entry["test"]), entry)
        return list(found.values())

    def _citations(self, rules: Iterable[Rule]) -> list[dict[str, str]]:
        generation = self.subject.generation.id
        cited = dict.fromkeys(citation for rule in rules for citation in rule.citations[generation])
        return [{"document": one.document, "clause": one.clause, "url": one.url} for one in cited]

    def obligation(self, due: Mapping[str, Anything]) -> dict[str, Anything]:
        """An obligation that comes with a permission, and its status."""
        return {**self._obligation(due["obligation"]), "status": due["status"]}

    def _obligation(self, name: str) -> dict[str, Anything]:
        rules = self._rules("obligation", name)
        return {
            "obligation": name,
            "value": (rules[0].then.values or {}).get(self.subject.generation.id),
            "title": rules[0].title,
            "summary": _joined(rule.summary for rule in rules),
            "citations": self._citations(rules),
        }

    def possible(self, due: Mapping[str, Anything]) -> dict[str, Anything]:
        """An obligation that hangs on unknown facts, with those facts."""
        facts = [path for slot in due["depends_on"] for path in self.subject.paths(slot)]
        return {**self._obligation(due["obligation"]), "depends_on": sorted(facts, key=in_order)}

    def missing(self) -> list[dict[str, Anything]]:
        """The unknown facts that can change the outcome, with the question to ask for each."""
        found = [
            {"fact": path, "question": self.subject.question(path), "outcomes": missing["outcomes"]}
            for missing in self.content["missing"]
            for path in self.subject.paths(missing["fact"])
        ]
        return sorted(found, key=lambda entry: in_order(entry["fact"]))

    def summary(self) -> str:
        """The decision in one or two sentences."""
        content, words = self.content, self.subject.ruleset.texts["summaries"]
        outcome = content["outcome"]
        if outcome == "permitted":
            titles = [self._rules("obligation", due["obligation"])[0].title for due in content["obligations"]]
            return self._say(
                words["permitted_with_obligations" if titles else "permitted"], obligations=titles
            )
        if outcome == "prohibited":
            titles = self._titles(content["findings"], "prohibits")
            if titles:
                return self._say(words["prohibited"], findings=titles)
            return self._say(
                words["prohibited_alternatives"], findings=self._titles(content["alternatives"], "prohibits")
            )
        if content["missing"]:
            labels = [self.subject.label(missing["fact"]) for missing in self.missing()]
            return self._say(words["contact_missing"], facts=list(dict.fromkeys(labels)))
        return _joined(
            self._say(words[f"contact_{reason}"], findings=self._titles(source, "contact", reason))
            for reason in REASONS
            if reason in content["contact_reasons"]
            for source in [content["findings"]]
            + ([] if self._titles(content["findings"], "contact", reason) else [content["alternatives"]])
            if self._titles(source, "contact", reason)
        )

    def _titles(
        self, made: Iterable[Mapping[str, Anything]], effect: str, reason: str | None = None
    ) -> list[str]:
        return [
            self._rules("finding", one["finding"])[0].title
            for one in made
            if one["effect"] == effect and reason in {None, one["reason"]}
        ]

    def _say(self, template: str, **lists: Sequence[str]) -> str:
        texts = self.subject.ruleset.texts
        enumerations = {
            name: enumerated([inside(item) for item in items], texts["lists"]["last"], texts)
            for name, items in lists.items()
        }
        return template.format(
            generation=self.subject.generation.title, email=self.subject.ruleset.contact, **enumerations
        )


def missing_paths(subject: Subject, content: Content) -> list[str]:
    """The unknown facts that can change the outcome, by path, in the policy's order."""
    found = (path for missing in content["missing"] for path in subject.paths(missing["fact"]))
    return sorted(found, key=in_order)


def _joined(sentences: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(sentences))


def in_order(path: str) -> tuple[int, str]:
    """Facts in the order of the policy's table."""
    return _PLACES[pattern_of(path)], path
