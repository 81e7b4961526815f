"""What a change of the policy means, rule by rule.

A rule is responsible for a change within the requests for which it fires, or concludes, otherwise than
before, and only for what rests on its conclusion: a note moves no outcome.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from eligibility.comparing import (
    Change,
    Found,
    changes,
    having_effect,
    made,
    otherwise,
    settled,
    unlike,
)
from eligibility.dependence import EFFECT, concerned, needs, other_data
from eligibility.diagram import FALSE
from eligibility.sides import NEW, OLD, Shown, Sides

LOGIC = ("generations", "when", "then")
WORDS = ("title", "summary", "citations")
"""The parts of a rule that decide, and those that are only read."""


@dataclass(frozen=True)
class RuleDifference:
    """One rule that is otherwise, or fires or concludes otherwise, and what follows from that.

    `own` says what became of its own text: new, gone, changed (what decides), reworded (only what is read) or
    same; `parts`, which parts of it; `follows_from`, what else makes it fire otherwise.
    """

    rule: str
    own: str
    parts: tuple[str, ...]
    follows_from: tuple[str, ...]
    generations: tuple[str, ...]
    shown: tuple[Shown, ...]


def all_changes(sides: Sides) -> dict[str, dict[Change, int]]:
    """Every change of what the requests of each common generation are told."""
    return {
        name: changes(sides.space, sides.accepted(name), sides.table(OLD, name), sides.table(NEW, name))
        for name in sides.generations
    }


def rule_differences(sides: Sides, found: Found) -> list[RuleDifference]:
    """Every rule that is otherwise, those first whose own text is."""
    context = _Context(sides)
    differences = [context.difference(name, found) for name in context.ids]
    differing = [one for one in differences if one.own != "same" or one.generations]
    return sorted(differing, key=lambda one: (_ORDER.index(one.own), one.rule))


_ORDER = ("changed", "new", "gone", "reworded", "same")


class _Context:
    """Both rulesets by rule: what each says of itself, and where it does otherwise."""

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.entries = tuple({rule["id"]: rule for rule in one.document["rules"]} for one in sides.rulesets)
        self.rules = tuple({rule.id: rule for rule in one.rules} for one in sides.rulesets)
        self.concerned = tuple(map(concerned, sides.rulesets))
        self.ids = sorted({*self.entries[OLD], *self.entries[NEW]})

    def own(self, name: str) -> tuple[str, tuple[str, ...]]:
        """What became of the text of a rule, and which parts of it are otherwise."""
        old, new = (entries.get(name) for entries in self.entries)
        if old is None or new is None:
            return ("new" if old is None else "gone"), ()
        parts = tuple(part for part in (*LOGIC, *WORDS) if old[part] != new[part])
        if not parts:
            return "same", ()
        return ("changed" if set(parts) & set(LOGIC) else "reworded"), parts

    @cached_property
    def regions(self) -> dict[str, dict[str, int]]:
        """For each rule and generation, the requests of which it concludes something else."""
        return {
            name: {one: where for one in self.sides.generations if (where := self._region(name, one))}
            for name in self.ids
        }

    def _region(self, name: str, generation: str) -> int:
        space, said = self.sides.space, []
        for side in (OLD, NEW):
            program = self.sides.program(side, generation)
            verdict = self.sides.verdict(side, generation)
            said.append(made(program.by_id.get(name), program, verdict, space))
        return otherwise(space, self.sides.accepted(generation), *said)

    def difference(self, name: str, found: Found) -> RuleDifference:
        own, parts = self.own(name)
        regions = self.regions[name]
        entries = set().union(*(known.get(name, ()) for known in self.concerned))
        places: dict[Change, dict[str, int]] = defaultdict(dict)
        for generation, region in regions.items():
            for change, function in found[generation].items():
                where = self.sides.space.both(function, region)
                if change.entry in entries and where != FALSE:
                    places[change][generation] = where
        return RuleDifference(
            name,
            own,
            parts,
            tuple(self._causes(name)) if own not in {"new", "gone"} and regions else (),
            tuple(regions),
            tuple(self._show(name, change, where) for change, where in places.items()),
        )

    def _show(self, name: str, change: Change, places: Mapping[str, int]) -> Shown:
        """A request for one change: if there is one, such that no other changed rule fires otherwise."""
        alone = {one: self._alone(name, one, where) for one, where in places.items()}
        chosen = {one: where for one, where in alone.items() if where != FALSE} or places
        generation = list(chosen)[-1]
        return self.sides.show(change, tuple(places), self.sides.request(chosen[generation]))

    def _alone(self, name: str, generation: str, where: int) -> int:
        others = self.sides.space.any_of(
            regions[generation]
            for other, regions in self.regions.items()
            if other != name and generation in regions and self.own(other)[0] != "same"
        )
        return self.sides.space.both(where, self.sides.space.negate(others))

    def _causes(self, name: str) -> Iterator[str]:
        """What a rule rests on that is otherwise, beside its own text, in words."""
        old, new = (rules[name] for rules in self.rules)
        for need in sorted(needs(old) & needs(new)):
            if any(self._settled_otherwise(need, generation) for generation in self.regions[name]):
                yield need if need.startswith(EFFECT) else f"{self._kind(need)} {need}"
        yield from dict.fromkeys(other_data(new, *self.sides.rulesets, self.regions[name]))
        if new.then.kind == "obligation" and old.then.status and self._others_demand(name):
            yield f"obligation {new.then.name}"

    def _others_demand(self, name: str) -> bool:
        """Whether another rule demands the same and was changed: they share how far it is met."""
        then = self.rules[NEW][name].then
        return any(
            rule.then.name == then.name and rule.id != name and self.own(rule.id)[0] != "same"
            for rules in self.rules
            for rule in rules.values()
        )

    def _kind(self, name: str) -> str:
        derived = (rule.then.name for rule in self.rules[NEW].values() if rule.then.kind == "derive")
        return "derived fact" if name in derived else "finding"

    def _settled_otherwise(self, need: str, generation: str) -> bool:
        space, effect = self.sides.space, need.removeprefix(EFFECT)
        held = [
            having_effect(effect, verdict, space) if effect != need else settled(need, verdict, space)
            for verdict in (self.sides.verdict(side, generation) for side in (OLD, NEW))
        ]
        return space.both(unlike(space, *held), self.sides.accepted(generation)) != FALSE
