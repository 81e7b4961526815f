"""Every way of changing one thing in the conditions of a rule, as they are written in its document.

A change is told as `this -> that`, or as what the rule is taken `with` or `without`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any as Anything
from typing import NamedTuple

from eligibility.domains import AFFILIATES, MEMBER, domain_of
from eligibility.parsing import EFFECTS

Json = Anything


class Change(NamedTuple):
    """One change: in words, and what stands there after it."""

    words: str
    after: Json


def changes_of_when(when: Sequence[Json], document: Mapping[str, Json]) -> Iterator[Change]:
    """Every change of one thing in a rule's `when`."""
    for words, group in _of_group("all", when, document):
        yield Change(words, group.get("all", [group]))


def said(condition: Json) -> str:
    """A condition in a line, near to how it is written."""
    if isinstance(condition, str):
        return condition
    [(key, inner)] = condition.items()
    if key == "not":
        return f"not {said(inner)}"
    if key in {"any", "all"}:
        return f"{key}({'; '.join(map(said, inner))})"
    if key == "effect":
        return f"effect {inner}"
    return f"{key} {_asked(inner)}"


def _asked(test: Mapping[str, Json]) -> str:
    [(name, argument)] = test.items()
    if name == "some":
        return "some(" + "; ".join(f"{member} {_asked(inner)}" for member, inner in argument.items()) + ")"
    return f"{name} {shown(argument)}"


def shown(value: Json) -> str:
    """A value in a line, near to how it is written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"[{', '.join(map(shown, value))}]" if isinstance(value, list) else str(value)


def _of_group(kind: str, parts: Sequence[Json], document: Mapping[str, Json]) -> Iterator[Change]:
    """Changes of a list of conditions: of which kind it is, one of them dropped, and each changed."""
    if len(parts) > 1:
        other = "all" if kind == "any" else "any"
        yield Change(f"{said({kind: parts})} -> {other}", {other: list(parts)})
        for place, part in enumerate(parts):
            yield Change(f"without {said(part)}", {kind: _without(parts, place)})
    for place, part in enumerate(parts):
        for words, after in _of_condition(part, document):
            yield Change(words, {kind: _with(parts, place, after)})


def _of_condition(condition: Json, document: Mapping[str, Json]) -> Iterator[Change]:
    if isinstance(condition, Mapping) and "not" in condition:
        inner = condition["not"]
        yield Change(f"{said(condition)} -> without not", inner)
        for words, after in _of_inside(inner, document):
            yield Change(words, {"not": after})
    else:
        yield Change(f"{said(condition)} -> not", {"not": condition})
        yield from _of_inside(condition, document)


def _of_inside(condition: Json, document: Mapping[str, Json]) -> Iterator[Change]:
    """Changes within a condition that is no negation."""
    if isinstance(condition, str):
        return
    [(key, inner)] = condition.items()
    if key in {"any", "all"}:
        yield from _of_group(key, inner, document)
    elif key == "effect":
        for other in EFFECTS:
            if other != inner:
                yield Change(f"effect {inner} -> {other}", {"effect": other})
    else:
        for words, after in _of_test(key, inner, document):
            yield Change(words, {key: after})


def _of_test(fact: str, test: Mapping[str, Json], document: Mapping[str, Json]) -> Iterator[Change]:
    [(name, argument)] = test.items()
    if fact == AFFILIATES:
        for members in _of_members(argument, document):
            yield Change(f"{fact} {_asked(test)} -> {_asked({name: members})}", {name: members})
        return
    domain = domain_of(fact, tuple(document["purposes"]), tuple(document["generations"]))
    values = domain.values if domain is not None else ()
    if name == "above":
        others = [argument + 1, argument - 1]
    elif name in {"in", "some_in"}:
        others = _next(argument, list(document["regions"]))
    elif isinstance(argument, bool):
        others = [not argument] if name == "is" else []
    elif isinstance(argument, list):
        for words, after in list_changes(argument, values):
            yield Change(f"{words} in {fact} {_asked(test)}", {name: after})
        return
    else:
        others = _next(argument, values)
    for other in others:
        yield Change(f"{fact} {_asked(test)} -> {shown(other)}", {name: other})


def _of_members(members: Mapping[str, Json], document: Mapping[str, Json]) -> Iterator[Json]:
    """Changes of what one affiliate must satisfy."""
    for name, test in members.items():
        others = {other: inner for other, inner in members.items() if other != name}
        if others:
            yield others
        for _, after in _of_test(f"{MEMBER}{name}", test, document):
            yield {**members, name: after}


def list_changes(items: Sequence[Json], known: Sequence[Json]) -> Iterator[Change]:
    """A list without each of its items, as long as one is left; and with each other value that is known."""
    for place, item in enumerate(items if len(items) > 1 else ()):
        yield Change(f"without {shown(item)}", _without(items, place))
    for other in known:
        if other not in items:
            yield Change(f"with {shown(other)}", [*items, other])


def _next(value: Json, values: Sequence[Json]) -> list[Json]:
    """The next of the values, the first after the last; nothing where there is no other."""
    following = values[(list(values).index(value) + 1) % len(values)]
    return [following] if following != value else []


def _without(items: Sequence[Json], place: int) -> list[Json]:
    return [*items[:place], *items[place + 1 :]]


def _with(items: Sequence[Json], place: int, item: Json) -> list[Json]:
    return [*items[:place], item, *items[place + 1 :]]
