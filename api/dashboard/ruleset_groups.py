"""The impact of a ruleset, in words: decisions that would change alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.dashboard.rule_words import capital
from api.dashboard.ruleset_words import NOUNS, Change, Outcomes, Report, Words
from api.dashboard.wording import CONTACT_REASONS
from eligibility.telling import inside

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


class Groups(Words):
    """The groups of an impact, in words."""

    def told(self, group: Report) -> Group:
        """What a group has in common."""
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
                words = f"{NOUNS[listed]} “{self.title(name) if key != 'fact' else capital(self.fact(name))}”"
                before, after = (self.answer(listed, one[side]) for side in ("before", "after"))
                yield Change(words, before, after, (None, None))
        for listed, noun in (("contact_reasons", "Reasons to contact Meta"), ("licensor", "Licensor")):
            if listed in group:
                before, after = (_listed(group[listed][side]) for side in ("before", "after"))
                yield Change(noun, before, after, (None, None))

    def _reasons(self, group: Report) -> Iterable[Change]:
        if group["what"] == "undecidable":
            yield from (Change(capital(self.fact(fact)), "", "", (None, None)) for fact in group["facts"])
        if group["what"] == "refused":
            for reason in group["reasons"]:
                code = f"“{reason['code']}” is not known" if reason["code"] else "does not fit the model"
                yield Change(capital(self.fact(reason["fact"])), "", code, (None, None))


def _listed(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(inside(CONTACT_REASONS.get(one, one)) for one in value) or "none"
    return str(value) if value is not None else "none"
