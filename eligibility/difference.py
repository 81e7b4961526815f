"""What a change of the policy means, over every well-formed request of which each fact that counts is known.

Both rulesets become functions of all facts. These are canonical, so "the same for every request" is one
comparison: where nothing differs, that is proved. Where something does, a request shows it, and was decided
under both. A fact is known where it is given, presumed or derived; requests that leave a presumed fact out,
or the modality of the model to the catalogue, are looked at apart where the two take different things for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any as Anything

from eligibility.acceptance import SIDES, Accepted, accepted_by_one
from eligibility.comparing import OUTCOME, Answer, Change, Found
from eligibility.errors import RuleFault, RulesetInvalid
from eligibility.left_out import LeftOut, left_out
from eligibility.rule_differences import RuleDifference, all_changes, rule_differences
from eligibility.ruleset import Ruleset
from eligibility.sides import Shown, Sides

Document = dict[str, Anything]


@dataclass(frozen=True)
class Difference:
    """What differs between an old and a new ruleset.

    `elsewhere` are the places of their documents, outside of rules, that differ: some are only words, what
    the others mean shows in the rest. `unproved` says what could not be worked out.
    """

    rulesets: tuple[Ruleset, Ruleset]
    moves: tuple[Shown, ...]
    rules: tuple[RuleDifference, ...]
    accepted: tuple[Accepted, ...]
    left_out: tuple[LeftOut, ...]
    elsewhere: tuple[str, ...]
    unproved: tuple[str, ...]
    differs: bool

    @property
    def equal(self) -> bool:
        """Whether it is proved that no request is told anything else, nor accepted by one only."""
        return not (self.differs or self.accepted or self.left_out or self.unproved)


def difference(old: Ruleset, new: Ruleset) -> Difference:
    """Work out what a change from one ruleset to another means.

    Raises:
        RulesetInvalid: they are of different semantics, so that no request can be decided under both.
        EvaluatorsDisagree: a request does not show the difference that it should; it is logged.
        EngineFailure: the engine refused to work.
    """
    one, other = (ruleset.document["semantics"] for ruleset in (old, new))
    if one != other:
        detail = f"the rulesets have the semantics {one} and {other}, which can not be compared"
        raise RulesetInvalid([RuleFault(".", None, detail, "load both with the same version of the program")])
    sides = Sides(old, new)
    found = all_changes(sides)
    omitted = tuple(left_out(sides, found))
    return Difference(
        rulesets=(old, new),
        moves=tuple(_moves(sides, found)),
        rules=tuple(rule_differences(sides, found)),
        accepted=tuple(accepted_by_one(sides)),
        left_out=omitted,
        elsewhere=tuple(_elsewhere(old.document, new.document)),
        unproved=tuple(_unproved(omitted)),
        differs=any(found.values()),
    )


def _moves(sides: Sides, found: Found) -> Iterator[Shown]:
    """How outcomes move, whatever the rule."""
    places: dict[Change, dict[str, int]] = defaultdict(dict)
    for generation, changes in found.items():
        for change, where in changes.items():
            if change.entry == OUTCOME:
                places[change][generation] = where
    for change, wheres in places.items():
        yield sides.show(change, tuple(wheres), sides.request(list(wheres.values())[-1]))


def _elsewhere(old: object, new: object, place: str = "") -> Iterator[str]:
    """The places of two documents that differ; rules apart."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            if not place and key == "rules":
                continue
            where = f"{place}.{key}" if place else str(key)
            if key in old and key in new:
                yield from _elsewhere(old[key], new[key], where)
            else:
                yield where
    elif old != new:
        yield place


def _unproved(omitted: Iterable[LeftOut]) -> Iterator[str]:
    """What differs but is not looked into."""
    for one in omitted:
        if not one.known:
            yield f"what follows from another presumption about `{one.facts[0]}`"


def document(found: Difference) -> Document:
    """The difference as JSON."""
    old, new = ({"version": one.version, "digest": one.digest} for one in found.rulesets)
    return {
        "equal": found.equal,
        "old": old,
        "new": new,
        "generations": {
            "added": _generations(found, "new"),
            "removed": _generations(found, "old"),
        },
        "moves": _documents(found.moves),
        "rules": [
            {
                "rule": one.rule,
                "own": one.own,
                "parts": list(one.parts),
                "follows_from": list(one.follows_from),
                "generations": list(one.generations),
                **_by_kind(one.shown),
            }
            for one in found.rules
        ],
        "accepted": [
            {
                "what": one.what,
                "names": list(one.names),
                "by": one.by,
                "generations": list(one.generations),
                "request": one.request,
                "outcome": one.outcome,
                "refusal": one.refusal,
            }
            for one in found.accepted
        ],
        "left_out": [
            {
                "facts": list(one.facts),
                "old": list(one.old),
                "new": list(one.new),
                "worked_out": one.known,
                **_by_kind(one.shown),
            }
            for one in found.left_out
        ],
        "elsewhere": list(found.elsewhere),
        "unproved": list(found.unproved),
    }


def _generations(found: Difference, by: str) -> list[str]:
    return [one.names[0] for one in found.accepted if (one.what, one.by) == ("generation", by)]


KINDS = {"moves": "outcome", "findings": "finding", "obligations": "obligation", "licensors": "licensor"}
"""The lists that changes are told in, by the kind of what changes."""


def _by_kind(shown: Sequence[Shown]) -> dict[str, list[Document]]:
    return {
        name: _documents(one for one in shown if one.change.entry[0] == kind) for name, kind in KINDS.items()
    }


def _documents(shown: Iterable[Shown]) -> list[Document]:
    return [
        {
            **({"name": one.change.entry[1]} if one.change.entry[1] else {}),
            "old": said(one.change.entry[0], one.change.before),
            "new": said(one.change.entry[0], one.change.after),
            "generations": list(one.generations),
            "request": one.request,
            "outcomes": dict(zip(SIDES, one.outcomes, strict=True)),
        }
        for one in shown
    ]


def said(kind: str, answer: Answer) -> Anything:
    """An answer as JSON; null where there is nothing."""
    if answer is None or kind in {"outcome", "licensor"}:
        return answer
    if kind == "finding":
        return {"effect": answer[0], "reason": answer[1]}
    shows = answer.shows
    return {"value": answer.value, "status": None if shows is None else shows.document()}
