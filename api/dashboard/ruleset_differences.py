"""What a change of the policy means, in words: outcomes and rules that are otherwise, each with a witness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.dashboard.rule_words import facts_told
from api.dashboard.ruleset_words import NOUNS, Change, Facts, Report, Words
from eligibility.difference import KINDS
from eligibility.telling import said_value

_OWN: Final = {
    "new": "New",
    "gone": "Gone",
    "changed": "Changed",
    "reworded": "Reworded",
    "same": "Fires otherwise",
}
_PARTS: Final = {"when": "conditions", "then": "conclusion", "citations": "sources"}


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


class Differences(Words):
    """What the check of differences found, in words."""

    def told(self, report: Report) -> Told | None:
        """All of it; None where it did not come to that."""
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
            self.span(one["generations"]),
            self._changes(one),
        )

    def _cause(self, cause: str) -> str:
        kind, _, name = cause.rpartition(" ")
        title = self.title(name)
        return f"{kind} “{title}”" if kind and title != name else cause

    def _changes(self, lists: Report) -> list[Change]:
        return [
            Change(
                self._subject(name, one.get("name")),
                self.answer(name, one["old"]),
                self.answer(name, one["new"]),
                (one["outcomes"]["old"], one["outcomes"]["new"]),
                self.span(one["generations"]),
                facts_told(one["request"], self.new),
            )
            for name in KINDS
            for one in lists.get(name, ())
        ]

    def _subject(self, listed: str, name: str | None) -> str | None:
        """What a change is about; None where it is the outcome itself."""
        if listed == "moves":
            return None
        return NOUNS[listed] if name is None else f"{NOUNS[listed]} “{self.title(name)}”"

    def _accepted(self, one: Report) -> Accepted:
        names = ", ".join(name or "without a name" for name in one["names"])
        return Accepted(
            f"Only the {one['by']} one accepts the {one['what']} {names}",
            self.span(one["generations"]),
            one["refusal"],
            one["outcome"],
            facts_told(one["request"], self.new if one["by"] == "new" else self.old),
        )

    def _left_out(self, one: Report) -> LeftOut:
        words = [
            f"The {self.fact(fact)} was taken to be {self._taken(old)}, and is taken to be {self._taken(new)}"
            for fact, old, new in zip(one["facts"], one["old"], one["new"], strict=True)
        ]
        return LeftOut(words, one["worked_out"], self._changes(one))

    def _taken(self, value: Any) -> str:
        return {True: "yes", False: "no", None: "unknown"}.get(value) or said_value(value, self.new.texts)
