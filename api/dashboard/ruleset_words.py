"""What a change of the policy means, in words: differences with their witnesses, and groups of an impact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.dashboard.rule_words import capital, facts_told, label_of, spanned, title_of, titles
from api.dashboard.wording import CONTACT_REASONS, RULE_EFFECTS, plain
from eligibility.difference import KINDS
from eligibility.ruleset import Ruleset
from eligibility.telling import said_value

Report = Mapping[str, Any]
Facts = list[tuple[str, str]]
Outcomes = tuple[str | None, str | None]

_OWN: Final = {
    "new": "New",
    "gone": "Gone",
    "changed": "Changed",
    "reworded": "Reworded",
    "same": "Fires otherwise",
}
_PARTS: Final = {"when": "conditions", "then": "conclusion", "citations": "sources"}
_NOUNS: Final = {
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


@dataclass(frozen=True)
class RuleChange:
    """A rule that is otherwise, or fires otherwise: what became of it, why, and what follows."""

    rule: str
    what: str
    because: str
    generations: str
    changes: list[Change]


@dataclass(frozen=True)
class Accepted:
    """What only one of the two accepts."""

    words: str
    generations: str
    refusal: str
    outcome: str
    facts: Facts


@dataclass(frozen=True)
class LeftOut:
    """Facts that are presumed otherwise where they are not given."""

    words: list[str]
    worked_out: bool
    changes: list[Change]


@dataclass(frozen=True)
class Told:
    """A difference in words. `own` are rules whose text is otherwise, `following` those that only follow."""

    equal: bool
    moves: list[Change]
    own: list[RuleChange]
    following: list[RuleChange]
    accepted: list[Accepted]
    left_out: list[LeftOut]
    elsewhere: Sequence[str]
    unproved: Sequence[str]


class Words:
    """The words of an old and a new ruleset; what one does not have is said in those of the other."""

    def __init__(self, old: Ruleset, new: Ruleset) -> None:
        """`new` has the first word."""
        self.old, self.new = old, new
        self.titles = titles(old, new)

    def difference(self, report: Report) -> Told | None:
        """What the check of differences found; None where it did not come to that."""
        if "moves" not in report:
            return None
        rules = [self._rule(one) for one in report["rules"]]
        own = [one["own"] != "same" for one in report["rules"]]
        return Told(
            equal=report["equal"],
            moves=self._changes(report),
            own=[rule for rule, is_own in zip(rules, own, strict=True) if is_own],
            following=[rule for rule, is_own in zip(rules, own, strict=True) if not is_own],
            accepted=[self._accepted(one) for one in report["accepted"]],
            left_out=[self._left_out(one) for one in report["left_out"]],
            elsewhere=report["elsewhere"],
            unproved=report["unproved"],
        )

    def _rule(self, one: Report) -> RuleChange:
        parts = ", ".join(_PARTS.get(part, part) for part in one["parts"])
        causes = ", ".join(map(self._cause, one["follows_from"]))
        return RuleChange(
            one["rule"],
            f"{_OWN[one['own']]}: {parts}" if parts else _OWN[one["own"]],
            f"follows from {causes}" if causes else "",
            spanned(one["generations"], self.new),
            self._changes(one),
        )

    def _cause(self, cause: str) -> str:
        kind, _, name = cause.rpartition(" ")
        title = self._title(name)
        return f"{kind} “{title}”" if kind and title != name else cause

    def _title(self, name: str) -> str:
        found = title_of(name, self.new)
        return title_of(name, self.old) if found == name else found

    def _changes(self, lists: Report) -> list[Change]:
        return [
            Change(
                self._subject(name, one.get("name")),
                self._answer(name, one["old"]),
                self._answer(name, one["new"]),
                (one["outcomes"]["old"], one["outcomes"]["new"]),
                spanned(one["generations"], self.new),
                facts_told(one["request"], self.new),
            )
            for name in KINDS
            for one in lists.get(name, ())
        ]

    def _subject(self, listed: str, name: str | None) -> str | None:
        """What a change is about; None where it is the outcome itself."""
        if listed == "moves":
            return None
        return _NOUNS[listed] if name is None else f"{_NOUNS[listed]} “{self._title(name)}”"

    def _answer(self, listed: str, answer: Any) -> str:
        if answer is None:
            return "none"
        if listed == "missing":
            return f"may lead to {', '.join(map(plain, answer['outcomes']))}"
        if isinstance(answer, str):
            return plain(answer) if listed == "moves" else answer
        if "effect" in answer:
            effect = RULE_EFFECTS[answer["effect"]].lower() if answer["effect"] else "effect depends on facts"
            return f"{effect} ({CONTACT_REASONS[answer['reason']].lower()})" if answer["reason"] else effect
        return self._due(answer)

    def _due(self, answer: Report) -> str:
        value, status = answer.get("value"), answer.get("status")
        said = f"“{value}”" if value else "due"
        if status is None:
            return said
        if isinstance(status, str):
            return f"{said}, {status}"
        label = label_of(status["fact"], self.new)
        if "starts_with" in status:
            return f"{said}, met where the {label} starts with “{status['starts_with']}”"
        listed = "; ".join(
            f"{word} by {', '.join(str(each).lower() for each in status[word])}"
            for word in ("met", "unmet")
            if status.get(word)
        )
        return f"{said} ({label}: {listed})" if listed else said

    def _accepted(self, one: Report) -> Accepted:
        names = ", ".join(name or "without a name" for name in one["names"])
        return Accepted(
            f"Only the {one['by']} one accepts the {one['what']} {names}",
            spanned(one["generations"], self.new),
            one["refusal"],
            one["outcome"],
            facts_told(one["request"], self.new if one["by"] == "new" else self.old),
        )

    def _left_out(self, one: Report) -> LeftOut:
        words = [
            f"The {label_of(fact, self.new)} was taken to be {self._taken(old)}, and is taken to be"
            f" {self._taken(new)}"
            for fact, old, new in zip(one["facts"], one["old"], one["new"], strict=True)
        ]
        return LeftOut(words, one["worked_out"], self._changes(one))

    def _taken(self, value: Any) -> str:
        return {True: "yes", False: "no", None: "unknown"}.get(value) or said_value(value, self.new.texts)

    def group(self, group: Report) -> Group:
        """What a group of the impact has in common."""
        rules: Report = group.get("rules", {})
        pair: Report = group.get("outcomes", {})
        return Group(
            group["id"],
            _WHAT.get(group["what"]),
            (pair.get("before"), pair.get("after")),
            rules.get("only_before", ()),
            rules.get("only_after", ()),
            [*self._of_group(group), *self._reasons(group)],
        )

    def _of_group(self, group: Report) -> Iterable[Change]:
        for listed, key in _KEYS.items():
            for one in group.get(listed, ()):
                name = one[key]
                words = f"{_NOUNS[listed]} “{self._title(name) if key != 'fact' else self._fact(name)}”"
                before, after = (self._answer(listed, one[side]) for side in ("before", "after"))
                yield Change(words, before, after, (None, None))
        for listed, noun in (("contact_reasons", "Reasons to contact Meta"), ("licensor", "Licensor")):
            if listed in group:
                before, after = (_listed(group[listed][side]) for side in ("before", "after"))
                yield Change(noun, before, after, (None, None))

    def _reasons(self, group: Report) -> Iterable[Change]:
        if group["what"] == "undecidable":
            yield from (Change(self._fact(fact), "", "", (None, None)) for fact in group["facts"])
        if group["what"] == "refused":
            for reason in group["reasons"]:
                code = f"“{reason['code']}” is not known" if reason["code"] else "does not fit the model"
                yield Change(self._fact(reason["fact"]), "", code, (None, None))

    def _fact(self, path: str) -> str:
        try:
            return capital(label_of(path, self.new))
        except KeyError:
            return path


_KEYS: Final = {
    "findings": "finding",
    "possible_findings": "finding",
    "obligations": "obligation",
    "possible_obligations": "obligation",
    "missing": "fact",
}
_WHAT: Final = {
    "refused": "It would not be accepted any more",
    "undecidable": "It cannot be decided again: texts were erased that it would need",
    "explanation": "It says the same for other reasons",
}


@dataclass(frozen=True)
class Group:
    """Decisions that change alike: `what` happens to them where it is no other decision; what differs."""

    id: str
    what: str | None
    outcomes: Outcomes
    only_before: Sequence[str]
    only_after: Sequence[str]
    changes: list[Change]


def _listed(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(CONTACT_REASONS.get(one, one).lower() for one in value) or "none"
    return str(value) if value is not None else "none"
