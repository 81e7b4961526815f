"""Rules in words."""

from __future__ import annotations

from collections.abc import Iterator

from eligibility.conditions import All, Any, Ask, Atom, Condition, Effect, Holds, Not
from eligibility.domains import AFFILIATES, MEMBER
from eligibility.ruleset import Rule, Ruleset
from eligibility.wording import phrase_of


def conclusion(rule: Rule) -> str:
    """What a rule concludes, in a few words."""
    then = rule.then
    if then.kind == "finding":
        return then.effect or ""
    return {"derive": "derived fact", "licensor": "licensor", "outcome": "outcome"}.get(then.kind, then.kind)


def generations(rule: Rule, ruleset: Ruleset) -> str:
    """The generations that a rule applies to."""
    known = tuple(ruleset.generations)
    applies = rule.generations
    if rule.everywhere:
        return "all"
    if len(applies) > 1 and applies == known[-len(applies) :]:
        return f"{applies[0]} and later"
    if len(applies) > 1 and applies == known[: len(applies)]:
        return f"until {applies[-1]}"
    return ", ".join(applies)


def condition(when: Condition, ruleset: Ruleset) -> Iterator[tuple[int, str]]:
    """The lines of a condition, each with its level of indentation."""
    if isinstance(when, All):
        if not when.parts:
            yield 0, "always"
        for part in when.parts:
            yield from _part(part, ruleset, 0, holds=True)
    else:
        yield from _part(when, ruleset, 0, holds=True)


_GROUPS = {(True, True): "any", (True, False): "none", (False, True): "all", (False, False): "not all"}
"""How the parts of `any` (True) and `all` are spoken of, where it holds and where it does not."""


def _part(part: Condition, ruleset: Ruleset, level: int, *, holds: bool) -> Iterator[tuple[int, str]]:
    match part:
        case Not(inner):
            yield from _part(inner, ruleset, level, holds=not holds)
        case Any(parts) | All(parts):
            words = _GROUPS[isinstance(part, Any), holds]
            yield level, f"{words} of these"
            for inner in parts:
                yield from _part(inner, ruleset, level + 1, holds=True)
        case Ask(atom):
            yield level, question(atom, ruleset, holds=holds)
        case Holds(name):
            yield level, name if holds else f"not {name}"
        case Effect(effect):
            yield level, f"{'a' if holds else 'no'} finding {effect}"


def question(atom: Atom, ruleset: Ruleset, *, holds: bool) -> str:
    """A question about a fact and its answer."""
    if atom.fact == AFFILIATES:
        said = " and ".join(
            f"{part.fact.removeprefix(MEMBER)} {phrase_of(ruleset, part, holds=True)}" for part in atom.parts
        )
        return f"{'an' if holds else 'no'} entry of {atom.fact} with {said}"
    return f"{atom.fact} {phrase_of(ruleset, atom, holds=holds)}"
