"""Rules in words: what they conclude, where they apply, and their conditions, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from eligibility.conditions import All, Any, Ask, Atom, Condition, Effect, Holds, Not
from eligibility.domains import AFFILIATES, MEMBER
from eligibility.ruleset import Rule, Ruleset
from eligibility.wording import phrase_of


class Part(NamedTuple):
    """A part of a condition: a question or name, and whether it `holds`; or the words above a group."""

    leaf: Ask | Holds | Effect | None
    holds: bool
    words: str


def conclusion(rule: Rule) -> str:
    """What a rule concludes, in a few words."""
    then = rule.then
    if then.kind == "finding":
        return then.effect or ""
    return {"derive": "derived fact", "licensor": "licensor", "outcome": "outcome"}.get(then.kind, then.kind)


def generations(applies: Sequence[str], names: Mapping[str, str]) -> str:
    """Generations that something applies to; `names` are what all there are, oldest first, are called."""
    known, applies = tuple(names), tuple(applies)
    if applies == known:
        return "all"
    if len(applies) > 1 and applies == known[-len(applies) :]:
        return f"{names[applies[0]]} and later"
    if len(applies) > 1 and applies == known[: len(applies)]:
        return f"until {names[applies[-1]]}"
    return ", ".join(names.get(name, name) for name in applies)


def parts(when: Condition) -> Iterator[tuple[int, Part]]:
    """The parts of a condition, each with its level of indentation."""
    if isinstance(when, All):
        if not when.parts:
            yield 0, Part(None, holds=True, words="always")
        for part in when.parts:
            yield from _part(part, 0, holds=True)
    else:
        yield from _part(when, 0, holds=True)


_GROUPS = {(True, True): "any", (True, False): "none", (False, True): "all", (False, False): "not all"}
"""How the parts of `any` (True) and `all` are spoken of, where it holds and where it does not."""


def _part(part: Condition, level: int, *, holds: bool) -> Iterator[tuple[int, Part]]:
    match part:
        case Not(inner):
            yield from _part(inner, level, holds=not holds)
        case Any(inners) | All(inners):
            yield level, Part(None, holds, f"{_GROUPS[isinstance(part, Any), holds]} of these")
            for inner in inners:
                yield from _part(inner, level + 1, holds=True)
        case leaf:
            yield level, Part(leaf, holds, "")


def condition(when: Condition, ruleset: Ruleset) -> Iterator[tuple[int, str]]:
    """The lines of a condition, by paths and names, each with its level of indentation."""
    for level, part in parts(when):
        match part.leaf:
            case None:
                yield level, part.words
            case Ask(atom):
                yield level, question(atom, ruleset, holds=part.holds)
            case Holds(name):
                yield level, name if part.holds else f"not {name}"
            case Effect(effect):
                yield level, f"{'a' if part.holds else 'no'} finding {effect}"


def question(atom: Atom, ruleset: Ruleset, *, holds: bool) -> str:
    """A question about a fact and its answer."""
    if atom.fact == AFFILIATES:
        said = " and ".join(
            f"{part.fact.removeprefix(MEMBER)} {phrase_of(ruleset, part, holds=True)}" for part in atom.parts
        )
        return f"{'an' if holds else 'no'} entry of {atom.fact} with {said}"
    return f"{atom.fact} {phrase_of(ruleset, atom, holds=holds)}"
