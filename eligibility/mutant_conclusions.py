"""Every way of changing one thing in what rules conclude, and in the generations they apply to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from eligibility.decision import REASONS
from eligibility.domains import domain_of
from eligibility.mutant_conditions import Change, Json, list_changes, shown
from eligibility.parsing import EFFECTS, parse_generations

Words = Mapping[str, Json]


def changes_of_span(rule: Words, known: Sequence[str]) -> Iterator[Change]:
    """A rule for one generation less, or more, at either end; its literal values follow."""
    applies = parse_generations(rule["generations"], known, (), [])
    first, last = known.index(applies[0]), known.index(applies[-1])
    if len(applies) > 1:
        yield Change(f"without generation {applies[0]}", _spanning(rule, applies[1:]))
        yield Change(f"without generation {applies[-1]}", _spanning(rule, applies[:-1]))
    if first > 0:
        yield Change(f"with generation {known[first - 1]}", _spanning(rule, (known[first - 1], *applies)))
    if last + 1 < len(known):
        yield Change(f"with generation {known[last + 1]}", _spanning(rule, (*applies, known[last + 1])))


def _spanning(rule: Words, generations: Sequence[str]) -> Words:
    value = rule["then"].get("value")
    if not isinstance(value, Mapping):
        return {**rule, "generations": list(generations)}
    nearest = value.get(generations[1] if generations[0] not in value else generations[-2])
    values = {generation: value.get(generation, nearest) for generation in generations}
    return {**rule, "generations": list(generations), "then": {**rule["then"], "value": values}}


def changes_of_finding(then: Words, reviews: Sequence[str]) -> Iterator[Change]:
    """Another effect of a finding, another reason for contact, a review given or taken away.

    `reviews` are the names by which findings are reviewed.
    """
    plain = {"finding": then["finding"]}
    for effect in EFFECTS:
        if effect != then["effect"]:
            why = {"reason": "clarification"} if effect == "contact" else {}
            yield Change(f"effect {then['effect']} -> {effect}", {**plain, "effect": effect, **why})
    if then["effect"] == "contact":
        for reason in REASONS:
            if reason != then["reason"]:
                yield Change(f"reason {then['reason']} -> {reason}", {**then, "reason": reason})
    if then["effect"] == "prohibits" and "review" in then:
        yield Change(f"without review by {then['review']}", {**plain, "effect": "prohibits"})
    elif then["effect"] == "prohibits":
        for name in reviews:
            yield Change(f"with review by {name}", {**then, "review": name})


def changes_of_value(then: Words) -> Iterator[Change]:
    """A literal value, of each generation, without its last letter; a text where none is due."""
    value = then.get("value")
    if isinstance(value, Mapping):
        for generation, text in value.items():
            yield Change(
                f"without the last letter of its value for {generation}",
                {**then, "value": {**value, generation: text[:-1]}},
            )
    elif isinstance(value, str):
        yield Change("without the last letter of its value", {**then, "value": value[:-1]})
    else:
        yield Change("value null -> x", {**then, "value": "x"})


def changes_of_status(then: Words) -> Iterator[Change]:
    """The values that show a status, one less or one more; how a name has to start left out."""
    status = then.get("status")
    if status is None:
        return
    if "starts_with" in status:
        yield Change("without a start as status met", {**then, "status": {"fact": status["fact"]}})
        return
    domain = domain_of(status["fact"])
    values: Sequence[Json] = domain.values if domain and domain.kind == "code" else (True, False)
    shows = [*status.get("met", ()), *status.get("unmet", ())]
    for key in ("met", "unmet"):
        listed = status.get(key, ())
        changes = list(list_changes(listed, [value for value in values if value not in shows]))
        if len(listed) == 1:
            changes.append(Change(f"without {shown(listed[0])}", []))
        for words, after in changes:
            yield Change(f"{words} as status {key}", {**then, "status": {**status, key: after}})


def changes_of_licensor(then: Words) -> Iterator[Change]:
    """The licensor's name without its last letter."""
    yield Change("without the last letter of the licensor", {"licensor": then["licensor"][:-1]})
