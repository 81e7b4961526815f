"""`eligibility rules diff`: what a change of the policy means."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any as Anything

import orjson
from rich.console import Console

from eligibility.acceptance import Accepted
from eligibility.answering import STATUSES
from eligibility.commands.failures import DONE, NO
from eligibility.commands.output import EFFECTS, OUTCOMES, console, heading, indented, print_json
from eligibility.comparing import OUTCOME, Answer, Due, Shows
from eligibility.difference import Difference, difference, document
from eligibility.errors import RulesetInvalid
from eligibility.left_out import LeftOut
from eligibility.loading import load_rules
from eligibility.rule_differences import RuleDifference
from eligibility.ruleset import Ruleset
from eligibility.sides import Shown

_OWN = {
    "new": "a new rule",
    "gone": "is gone",
    "changed": "changed: ",
    "reworded": "reworded: ",
}

Words = list[str | tuple[str, str]]


def diff(old: Path, new: Path, *, as_json: bool) -> int:
    """Say what differs between two rules folders over every request, or that they are proved equal.

    Raises RulesetInvalid, EvaluatorsDisagree, EngineFailure.
    """
    rulesets = [_loaded(folder) for folder in (old, new)]
    began = time.perf_counter()
    found = difference(*rulesets)
    seconds = time.perf_counter() - began
    if as_json:
        print_json({**document(found), "seconds": round(seconds, 3)})
    else:
        _print(found, seconds, console())
    return DONE if found.equal else NO


def _loaded(folder: Path) -> Ruleset:
    """The ruleset of a folder. Its faults name the folder, since there are two."""
    try:
        return load_rules(folder)
    except RulesetInvalid as invalid:
        named = [replace(fault, file=str(folder / fault.file)) for fault in invalid.faults]
        raise RulesetInvalid(named) from None


def _print(found: Difference, seconds: float, out: Console) -> None:
    known = [name for name in found.rulesets[1].generations if name in found.rulesets[0].generations]
    if found.moves:
        heading(out, "How outcomes move")
        _changes(found.moves, known, out, requests=True)
    _rules(found.rules, known, out)
    if found.accepted:
        heading(out, "What only one of the two accepts")
        for one in found.accepted:
            _accepted(one, known, out)
    if found.left_out:
        heading(out, "Where a fact is left out")
        for omitted in found.left_out:
            _left_out(omitted, known, out)
    _places("Elsewhere", found.elsewhere, out)
    _places("Not worked out", found.unproved, out)
    out.print()
    _sum(found, out)
    out.print(f"{seconds:.1f} seconds; every request shown was decided under both", style="dim")


def _places(words: str, places: Sequence[str], out: Console) -> None:
    if places:
        heading(out, words)
        for place in places:
            indented(out, 2, place)


def _sum(found: Difference, out: Console) -> None:
    old, new = found.rulesets
    versions = " and ".join(f"{one.version} ({one.digest[:19]}…)" for one in found.rulesets)
    if found.equal:
        out.print(f"proved equal for every request: {versions}", style="bold green")
    elif found.unproved and not (found.differs or found.accepted):
        out.print(f"not proved equal: {versions}", style="bold yellow")
    else:
        out.print(f"they differ: {versions}", style="bold yellow")
    if old.version == new.version and old.digest != new.digest:
        out.print("the version was not raised", style="yellow")


def _rules(rules: Sequence[RuleDifference], known: Sequence[str], out: Console) -> None:
    """Rules whose own text is otherwise in full, then those that only follow, each in a line."""
    own = [one for one in rules if one.own != "same"]
    if own:
        heading(out, "By rule")
    for one in own:
        indented(out, 2, (one.rule, "bold"), f"  {_OWN[one.own]}{', '.join(one.parts)}", *_from(one))
        _changes(one.shown, known, out, level=4, requests=True)
        if not one.shown:
            indented(out, 4, ("no request is told anything else", "dim"))
    if len(own) < len(rules):
        heading(out, "Rules that fire otherwise, though their own text is the same (--json: with requests)")
    for one in rules:
        if one.own == "same":
            indented(out, 2, one.rule, *_from(one), (f"  {_span(one.generations, known)}", "dim"))


def _from(one: RuleDifference) -> Words:
    return [(f"  follows from {', '.join(one.follows_from)}", "dim")] if one.follows_from else []


def _changes(
    shown: Iterable[Shown], known: Sequence[str], out: Console, *, level: int = 2, requests: bool
) -> None:
    """Print changes, those of outcomes first; others also say how the outcome of the request moves."""
    for one in sorted(shown, key=lambda one: one.change.entry != OUTCOME):
        kind, name = one.change.entry
        words: Words = [] if kind == "outcome" else [f"{kind} {name}: ".replace(" :", ":")]
        words += [*_answer(kind, one.change.before), " -> ", *_answer(kind, one.change.after)]
        if kind not in {"outcome", "licensor"} and one.outcomes[0] != one.outcomes[1]:
            words += [" (", *_answer("outcome", one.outcomes[0]), " -> "]
            words += [*_answer("outcome", one.outcomes[1]), ")"]
        indented(out, level, *words, (f"  {_span(one.generations, known)}", "dim"))
        if requests:
            _request(one.request, out, level + 2)


def _request(request: Anything, out: Console, level: int) -> None:
    indented(out, level, orjson.dumps(request).decode())


def _span(generations: Sequence[str], known: Sequence[str]) -> str:
    return "all generations" if list(generations) == list(known) else ", ".join(generations)


def _answer(kind: str, answer: Answer) -> Words:
    if answer is None:
        return ["no single outcome" if kind == "outcome" else "none"]
    if kind == "outcome":
        return [(answer, OUTCOMES.get(answer, ""))]
    if kind == "finding":
        effect, reason = answer
        return [(effect, EFFECTS.get(effect, "")), f" ({reason})" if reason else ""]
    return [_due(answer) if kind == "obligation" else answer]


def _due(due: Due) -> str:
    return (f"“{due.value}”" if due.value else "due") + (f" ({_shows(due.shows)})" if due.shows else "")


def _shows(shows: Shows) -> str:
    if shows.start is not None:
        return f"met where {shows.fact} starts with “{shows.start}”"
    said = []
    for number, status in enumerate(STATUSES):
        values = sorted(str(value).lower() for value, cell in shows.cells if cell == number)
        if values:
            said.append(f"{status} by {', '.join(values)}")
    return f"{shows.fact}: {'; '.join(said)}"


def _accepted(one: Accepted, known: Sequence[str], out: Console) -> None:
    names = ", ".join(name or "without a name" for name in one.names)
    words = f"{one.what} {names}: only the {one.by} one accepts this, and says "
    span = (f"  {_span(one.generations, known)}", "dim")
    indented(out, 2, words, *_answer("outcome", one.outcome), span)
    _request(one.request, out, 4)
    indented(out, 4, (f"refused by the other: {one.refusal}", "dim"))


def _left_out(one: LeftOut, known: Sequence[str], out: Console) -> None:
    for fact, old, new in zip(one.facts, one.old, one.new, strict=True):
        indented(out, 2, (fact, "bold"), f" is taken to be {_taken(old)} -> {_taken(new)}")
    _changes(one.shown, known, out, level=4, requests=True)
    if not one.shown:
        words = "no such request is told anything else" if one.known else "what follows is not worked out"
        indented(out, 4, (words, "dim"))


def _taken(value: Anything) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
