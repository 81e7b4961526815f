"""The shipped policy with something wrong: in its document, or, where building refuses that, in its rules."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from itertools import count
from typing import Any

from eligibility.building import build
from eligibility.conditions import Condition
from eligibility.ruleset import Rule, Ruleset, digest_of

_numbers = count()


def rewritten(ruleset: Ruleset, **rules: Callable[[dict[str, Any]], object]) -> Ruleset:
    """The policy with some of its rules changed, by id with `__` for `.` and `_` for `-`."""
    document = deepcopy(dict(ruleset.document))
    words = {rule["id"]: rule for rule in document["rules"]}
    for name, change in rules.items():
        change(words[name.replace("__", ".").replace("_", "-")])
    return build(document)


def with_rule(ruleset: Ruleset, **words: Any) -> Ruleset:
    """The policy with one rule more, in every generation."""
    document = deepcopy(dict(ruleset.document))
    rule = {
        "title": "A rule of a test",
        "summary": "It is there to break a law.",
        "generations": "all",
        "citations": [{"document": "llama-faq", "clause": "General, question 1"}],
        **words,
    }
    return build({**document, "rules": [*document["rules"], rule]})


def when(*conditions: Any) -> Callable[[dict[str, Any]], None]:
    """A change of what a rule asks."""
    return lambda words: words.update(when=list(conditions))


def also(*conditions: Any) -> Callable[[dict[str, Any]], None]:
    """A change by which a rule asks for more."""
    return lambda words: words["when"].extend(conditions)


def at_level(rule: Rule, level: int) -> Rule:
    return replace(rule, level=level)


def asking(rule: Rule, condition: Condition) -> Rule:
    return replace(rule, when=condition)


def concluding(rule: Rule, name: str) -> Rule:
    return replace(rule, then=replace(rule.then, name=name))


def rearranged(ruleset: Ruleset, name: str, change: Callable[[Rule], Rule]) -> Ruleset:
    """The policy with one rule changed after it was built. Engines are kept by digest, so it has its own."""
    assert name in {rule.id for rule in ruleset.rules}
    rules = tuple(change(rule) if rule.id == name else rule for rule in ruleset.rules)
    return replace(ruleset, rules=rules, digest=digest_of({"rearranged": next(_numbers)}))


def only_in(ruleset: Ruleset, generation: str) -> Ruleset:
    """The policy for one generation only, which is proved faster."""
    return replace(ruleset, generations={generation: ruleset.generations[generation]})
