"""Rules in words for pages: conditions as nested lists, conclusions, facts and cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from api.dashboard.sessions import PATH
from eligibility.cases import Case
from eligibility.conditions import Ask, Atom, Condition, Effect, Holds
from eligibility.describing import Part, generations, parts
from eligibility.domains import AFFILIATES
from eligibility.reading import flatten
from eligibility.ruleset import Citation, Rule, Ruleset
from eligibility.telling import enumerated, inside, said_value
from eligibility.wording import clause_of, pattern_of

RULES: Final = f"{PATH}/rules"

_AFFILIATE: Final = "X"
"""What an affiliate is called of which there is to be one."""


@dataclass(frozen=True)
class Line:
    """A line of a condition, where it leads if anywhere, and the lines below it."""

    words: str
    address: str | None = None
    below: list[Line] = field(default_factory=list)


def condition_lines(when: Condition, ruleset: Ruleset) -> list[Line]:
    """A condition as lines, each with those below it; all of the first ones have to hold."""
    found: list[Line] = []
    stack = [found]
    for level, part in parts(when):
        del stack[level + 1 :]
        line = _line(part, ruleset)
        stack[level].append(line)
        stack.append(line.below)
    return found


def _line(part: Part, ruleset: Ruleset) -> Line:
    match part.leaf:
        case None:
            return Line(capital(part.words))
        case Ask(atom) if atom.fact == AFFILIATES:
            words = (
                f"There is {'an' if part.holds else 'no'} affiliate {_AFFILIATE} for which all of these hold"
            )
            return Line(words, below=[Line(_clause(each, ruleset, holds=True)) for each in atom.parts])
        case Ask(atom):
            return Line(_clause(atom, ruleset, holds=part.holds))
        case Holds(name):
            title = title_of(name, ruleset)
            words = (
                title
                if part.holds
                else ruleset.texts["explanation"]["absent"].format(conclusion=inside(title))
            )
            return Line(words, f"{RULES}/{name}")
        case Effect(effect):
            words = f"Some finding has the effect “{effect}”"
            if not part.holds:
                words = ruleset.texts["explanation"]["no_effect"][effect]
            return Line(words, f"{RULES}?effect={effect}")


def _clause(atom: Atom, ruleset: Ruleset, *, holds: bool) -> str:
    return capital(clause_of(ruleset, atom, label_of(atom.fact, ruleset), holds=holds))


def label_of(path: str, ruleset: Ruleset) -> str:
    """What a fact is called, whichever generation and affiliate it is about."""
    words = str(ruleset.words(pattern_of(path))["label"])
    number = path.removeprefix(f"{AFFILIATES}[").split("]")[0]
    return words.format(
        number=int(number) + 1 if number.isdigit() else _AFFILIATE,
        generation="the generation",
        month="the month before the release",
    )


def title_of(name: str, ruleset: Ruleset) -> str:
    """What a conclusion is called: as the rules that give it; its name where there are none."""
    found = list(dict.fromkeys(rule.title for rule in ruleset.rules if rule.then.name == name))
    titles = [*found[:1], *map(inside, found[1:])]
    return enumerated(titles, str(ruleset.texts["explanation"]["either"]), ruleset.texts) or name


def spanned(applies: Sequence[str], ruleset: Ruleset) -> str:
    """The generations that something applies to."""
    return capital(generations(applies, {each.id: each.title for each in ruleset.generations.values()}))


def titles(*rulesets: Ruleset) -> dict[str, str]:
    """The titles of rules by their ids; where rulesets differ, in the words of the last."""
    return {rule.id: rule.title for ruleset in rulesets for rule in ruleset.rules}


def facts_told(request: Any, ruleset: Ruleset) -> list[tuple[str, str]]:
    """The facts of a request: what each is called, and its value. Of what is no request: what there is."""
    if not isinstance(request, Mapping):
        return [("request", str(request))]
    return [(_label(path, ruleset), _value(value, ruleset)) for path, value in _facts(request)]


def _facts(request: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for path, value in flatten(request).items():
        if path == AFFILIATES and isinstance(value, tuple) and all(isinstance(each, dict) for each in value):
            for number, affiliate in enumerate(value):
                yield from ((f"{AFFILIATES}[{number}].{name}", each) for name, each in affiliate.items())
            if not value:
                yield path, value
        else:
            yield path, value


def _label(path: str, ruleset: Ruleset) -> str:
    try:
        return capital(label_of(path, ruleset))
    except KeyError:  # a case may be about a fact that there is not
        return path


def _value(value: Any, ruleset: Ruleset) -> str:
    if value is None or isinstance(value, bool):
        return {None: "not known", True: "yes", False: "no"}[value]
    return said_value(list(value) if isinstance(value, tuple) else value, ruleset.texts)


def sources(rule: Rule) -> list[tuple[Citation, tuple[str, ...]]]:
    """The citations of a rule, each with the generations that it is for, the newest first."""
    found: dict[Citation, list[str]] = {}
    for generation, cited in rule.citations.items():
        for one in cited:
            found.setdefault(one, []).append(generation)
    return [(one, tuple(generations)) for one, generations in reversed(found.items())]


@dataclass(frozen=True)
class ToldCase:
    """A case: its name and place, the facts that it gives, and what it expects, by what it is about."""

    name: str
    place: str
    facts: list[tuple[str, str]]
    outcome: str | None
    expects: list[tuple[str, str]]


_EXPECTED: Final[Mapping[str, str]] = {
    "rules": "Exactly these rules make findings",
    "findings": "Findings",
    "absent": "Not found",
    "effects": "Effects",
    "obligations": "Exactly these obligations",
    "possible_obligations": "Obligations that depend on missing facts",
    "obligation_status": "How far obligations are met",
    "obligation_values": "Texts due",
    "missing": "Missing facts",
    "missing_outcomes": "What missing facts may lead to",
    "contact_reasons": "Reasons to contact Meta",
    "assumptions": "Presumed facts",
    "licensor": "Licensor",
    "status": "Refused with the status",
    "pointer": "Because of",
}


def cases_told(cases: Iterable[Case], ruleset: Ruleset) -> list[ToldCase]:
    """Cases in words."""
    return [
        ToldCase(
            capital(case.name),
            f"{case.file}, line {case.line}",
            facts_told(case.request, ruleset),
            case.expect.get("outcome"),
            [(_EXPECTED[key], _listed(value)) for key, value in case.expect.items() if key in _EXPECTED],
        )
        for case in cases
    ]


def _listed(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_listed(each)}" for name, each in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def capital(words: str) -> str:
    """Words as a sentence or a label begins, but for codes, which stay as they are."""
    return words if "_" in words.split(" ", 1)[0] else words[:1].upper() + words[1:]
