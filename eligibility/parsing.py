"""Rule documents, piece by piece: conditions and generations, with faults that name place and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any as Anything

from eligibility.conditions import All, Any, Ask, Atom, Condition, Effect, Holds, Not, atom
from eligibility.domains import AFFILIATES, FACTS, MEMBER, TESTS, Domain, domain_of

Place = tuple[str | int, ...]
EFFECTS = ("prohibits", "contact", "exempts", "note")
MAX_USERS = 2**53 - 1


@dataclass(frozen=True)
class DocumentFault:
    """Something wrong in a ruleset's document: where, what, and what would be right."""

    where: Place
    detail: str
    remedy: str


class Faults(Exception):
    """All that is wrong with one document."""

    def __init__(self, faults: tuple[DocumentFault, ...]) -> None:
        """Keep the faults."""
        super().__init__("; ".join(f"{fault.detail}: {fault.remedy}" for fault in faults))
        self.faults = faults


def near(word: str, known: Iterable[str]) -> str:
    """A suggestion of the nearest known name, or nothing."""
    found = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean `{found[0]}`?" if found else ""


def parse_generations(
    value: object, known: Sequence[str], where: Place, faults: list[DocumentFault]
) -> tuple[str, ...]:
    """The generations that `all`, a list, `{from: …}` or `{until: …}` stands for."""
    if value == "all":
        return tuple(known)
    named = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(named, list) or not named:
        faults.append(DocumentFault(where, "no generations are named", "write `all`, a list, or `{from: …}`"))
        return ()
    for name in named:
        if name not in known:
            remedy = near(str(name), known) or f"one of {', '.join(known)}"
            faults.append(DocumentFault(where, f"there is no generation `{name}`", remedy))
            return ()
    if isinstance(value, Mapping):
        start = known.index(value["from"]) if "from" in value else 0
        end = known.index(value["until"]) + 1 if "until" in value else len(known)
        return tuple(known[start:end])
    return tuple(name for name in known if name in named)


def parse_condition(
    value: object, document: Mapping[str, Anything], where: Place, faults: list[DocumentFault]
) -> Condition:
    """The condition that a `when` describes; what is wrong with it is added to the faults."""
    if isinstance(value, list):
        return All(
            tuple(
                parse_condition(part, document, (*where, index), faults) for index, part in enumerate(value)
            )
        )
    if isinstance(value, str):
        return Holds(value)
    if not isinstance(value, Mapping) or len(value) != 1:
        faults.append(
            DocumentFault(where, "a condition is a name or has exactly one key", "split it into list items")
        )
        return All(())
    [(key, inner)] = value.items()
    inside = (*where, key)
    if key == "not":
        return Not(parse_condition(inner, document, inside, faults))
    if key in {"any", "all"}:
        if not isinstance(inner, list) or not inner:
            faults.append(DocumentFault(inside, f"`{key}` needs a list of conditions", "list at least one"))
            return All(())
        parts = tuple(parse_condition(part, document, (*inside, i), faults) for i, part in enumerate(inner))
        return Any(parts) if key == "any" else All(parts)
    if key == "effect":
        if inner not in EFFECTS:
            faults.append(
                DocumentFault(inside, f"there is no effect `{inner}`", f"one of {', '.join(EFFECTS)}")
            )
        return Effect(str(inner))
    asked = _atom(str(key), inner, document, inside, faults)
    return Ask(asked) if asked else All(())


def _atom(
    fact: str, test: object, document: Mapping[str, Anything], where: Place, faults: list[DocumentFault]
) -> Atom | None:
    purposes, generations = tuple(document["purposes"]), tuple(document["generations"])
    domain = domain_of(fact, purposes, generations)
    if domain is None:
        remedy = near(fact, FACTS) or "facts are listed in facts.yaml"
        faults.append(DocumentFault(where, f"there is no fact `{fact}`", remedy))
        return None
    allowed = TESTS[domain.kind]
    if not isinstance(test, Mapping) or len(test) != 1 or next(iter(test)) not in allowed:
        written = next(iter(test)) if isinstance(test, Mapping) and test else test
        remedy = f"of `{fact}` may be asked: {', '.join(allowed)}"
        faults.append(DocumentFault(where, f"`{written}` can not be asked of `{fact}`", remedy))
        return None
    [(name, argument)] = test.items()
    if name == "some":
        return _some(argument, document, (*where, name), faults)
    complaint = _argument_fault(str(name), argument, domain, document)
    if complaint:
        faults.append(DocumentFault((*where, str(name)), *complaint))
        return None
    return atom(fact, str(name), tuple(argument) if isinstance(argument, list) else argument)


def _some(
    members: object, document: Mapping[str, Anything], where: Place, faults: list[DocumentFault]
) -> Atom | None:
    if not isinstance(members, Mapping) or not members:
        detail = "`some` names no member of the affiliate"
        faults.append(DocumentFault(where, detail, "name principal_place_of_business, involved_in, or both"))
        return None
    # sorted, since the order of members differs between a file and the document that the database keeps
    parts = [
        _atom(f"{MEMBER}{name}", members[name], document, (*where, name), faults) for name in sorted(members)
    ]
    return atom(AFFILIATES, "some", tuple(part for part in parts if part))


def _argument_fault(
    test: str, argument: object, domain: Domain, document: Mapping[str, Anything]
) -> tuple[str, str] | None:
    """What is wrong with the argument of a test, and what would be right."""
    if test in {"in", "some_in"}:
        known: Sequence[object] = list(document["regions"])
    elif domain.kind == "boolean":
        known = (True, False)
    elif test in {"given", "is_derivative", "some_unsupported"}:
        known = (True,)
    elif test == "above":
        whole = isinstance(argument, int) and not isinstance(argument, bool)
        within = isinstance(argument, int) and 0 <= argument < MAX_USERS
        return None if whole and within else (f"`{argument}` is no threshold", "write a whole number")
    else:
        known = domain.values
    listed = test in {"is_one_of", "has_only"}
    if listed and (not isinstance(argument, list) or not argument):
        return f"`{test}` needs a list", f"list some of {', '.join(map(str, known))}"
    for item in argument if listed and isinstance(argument, list) else [argument]:
        if not any(item is value or (item == value and type(item) is type(value)) for value in known):
            said = [str(value).lower() if isinstance(value, bool) else str(value) for value in known]
            return f"`{item}` is not known here", near(str(item), said) or f"one of {', '.join(said)}"
    return None
