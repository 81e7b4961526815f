"""What rulesets say otherwise, in words: answers before and after, in the words of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.dashboard.rule_words import label_of, spanned, title_of, titles
from api.dashboard.wording import CONTACT_REASONS, RULE_EFFECTS, plain
from eligibility.ruleset import Ruleset
from eligibility.telling import inside

Report = Mapping[str, Any]
Facts = list[tuple[str, str]]
Outcomes = tuple[str | None, str | None]

NOUNS: Final = {
    "findings": "Finding",
    "possible_findings": "Possible finding",
    "obligations": "Obligation",
    "possible_obligations": "Possible obligation",
    "missing": "Missing fact",
    "licensors": "Licensor",
}


@dataclass(frozen=True)
class Change:
    """Something that is told otherwise. `outcomes` are before and after; of a request, where there is one."""

    words: str | None
    before: str
    after: str
    outcomes: Outcomes
    generations: str = ""
    facts: Facts | None = None


class Words:
    """The words of an old and a new ruleset; what one does not have is said in those of the other."""

    def __init__(self, old: Ruleset, new: Ruleset) -> None:
        """`new` has the first word."""
        self.old, self.new = old, new
        self.titles = titles(old, new)

    def fact(self, path: str) -> str:
        """What a fact is called; its path where neither has words for it."""
        for ruleset in (self.new, self.old):
            try:
                return label_of(path, ruleset)
            except KeyError:
                continue
        return path

    def span(self, generations: list[str]) -> str:
        """The generations that something applies to, in the middle of a sentence."""
        every = list(generations) == list(self.new.generations)
        return "all generations" if every else spanned(generations, self.new)

    def title(self, name: str) -> str:
        """What a conclusion is called."""
        found = title_of(name, self.new)
        return title_of(name, self.old) if found == name else found

    def answer(self, listed: str, answer: Any) -> str:
        """What is told of something that stands in one of the lists of NOUNS, or in `moves`."""
        if answer is None:
            return "none"
        if listed == "missing":
            return f"may lead to {', '.join(map(plain, answer['outcomes']))}"
        if isinstance(answer, str):
            return plain(answer) if listed == "moves" else answer
        if "effect" in answer:
            effect = inside(RULE_EFFECTS[answer["effect"]]) if answer["effect"] else "effect depends on facts"
            return f"{effect} ({inside(CONTACT_REASONS[answer['reason']])})" if answer["reason"] else effect
        return self._due(answer)

    def _due(self, answer: Report) -> str:
        value, status = answer.get("value"), answer.get("status")
        said = f"“{value}”" if value else "due"
        if status is None:
            return said
        if isinstance(status, str):
            return f"{said}, {status}"
        label = self.fact(status["fact"])
        if "starts_with" in status:
            return f"{said}, met where the {label} starts with “{status['starts_with']}”"
        listed = "; ".join(
            f"{word} by {', '.join(str(each).lower() for each in status[word])}"
            for word in ("met", "unmet")
            if status.get(word)
        )
        return f"{said} ({label}: {listed})" if listed else said
