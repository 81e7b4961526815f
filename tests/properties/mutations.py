"""Small random changes of a ruleset's document, of every sort that a policy can undergo."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from random import Random
from typing import Any

from eligibility.building import build
from eligibility.parsing import Faults
from eligibility.ruleset import Ruleset

Document = dict[str, Any]
GENERATIONS = ("llama-2", "llama-3", "llama-3.1", "llama-3.2", "llama-3.3", "llama-4")


def mutated(ruleset: Ruleset, random: Random, names: Sequence[str]) -> Ruleset:
    """A ruleset with such changes; where no ruleset can be built with them, others of that sort are tried."""
    while True:
        document = deepcopy(dict(ruleset.document))
        try:
            for name in names:
                MUTATIONS[name](document, random)
            return build(document)
        except (Faults, LookupError, ValueError):
            continue


def _rule(document: Document, random: Random, kind: str = "") -> Document:
    found: Document = random.choice([rule for rule in document["rules"] if not kind or kind in rule["then"]])
    return found


def _threshold(document: Document, random: Random) -> None:
    key = "entity.monthly_active_users"
    asked = [
        part for rule in document["rules"] for part in rule["when"] if isinstance(part, dict) and key in part
    ]
    random.choice(asked)[key] = {"above": random.choice((0, 999, 700_000_001))}


def _drop_condition(document: Document, random: Random) -> None:
    _rule(document, random)["when"].pop()


def _negate_condition(document: Document, random: Random) -> None:
    when = _rule(document, random)["when"]
    place = random.randrange(len(when))
    part = when[place]
    when[place] = part["not"] if isinstance(part, dict) and "not" in part else {"not": part}


def _effect(document: Document, random: Random) -> None:
    then = _rule(document, random, "finding")["then"]
    effect = random.choice(("prohibits", "contact", "exempts", "note"))
    reason = {"reason": "clarification"} if effect == "contact" else {}
    rest = {key: value for key, value in then.items() if key == "finding"}
    then.clear()
    then.update(rest, effect=effect, **reason)


def _review(document: Document, random: Random) -> None:
    then = _rule(document, random, "finding")["then"]
    if then["effect"] != "prohibits":
        raise LookupError
    if "review" in then:
        del then["review"]
    else:
        then["review"] = "case-by-case-entity"


def _generations(document: Document, random: Random) -> None:
    _rule(document, random)["generations"] = random.sample(GENERATIONS, 3)


def _remove_rule(document: Document, random: Random) -> None:
    document["rules"].remove(_rule(document, random))


def _add_rule(document: Document, random: Random) -> None:
    copy = deepcopy(_rule(document, random, "finding"))
    copy["id"] = "added"
    copy["then"] = {"finding": "added", "effect": random.choice(("prohibits", "note"))}
    document["rules"].append(copy)


def _rename_rule(document: Document, random: Random) -> None:
    _rule(document, random)["id"] = "renamed"


def _reword(document: Document, random: Random) -> None:
    _rule(document, random)["title"] = "Other words"


def _region(document: Document, random: Random) -> None:
    members = document["regions"]["eu"]["members"]
    if random.random() < 0.5:
        members.remove(random.choice(("DE", "FR", "AX", "GP")))
    else:
        members.append(random.choice(("NO", "CH", "US", "GB")))


def _presumed(document: Document, random: Random) -> None:
    flags = [words for words in document["facts"].values() if isinstance(words.get("presumed"), bool)]
    words = random.choice([*flags, document["facts"]["use.capacity"], document["facts"]["use.languages"]])
    if words["presumed"] in (True, False) and random.random() < 0.5:
        words["presumed"] = not words["presumed"]
    else:
        del words["presumed"]


def _value(document: Document, random: Random) -> None:
    then = _rule(document, random, "obligation")["then"]
    value = then["value"]
    then["value"] = (
        {name: f"{text}!" for name, text in value.items()} if isinstance(value, Mapping) else "Text"
    )


def _remove_model(document: Document, random: Random) -> None:
    models = document["generations"][random.choice(GENERATIONS)]["models"]
    if len(models) == 1:
        raise LookupError
    models.remove(random.choice(models))


def _modality(document: Document, random: Random) -> None:
    model = random.choice(document["generations"][random.choice(GENERATIONS)]["models"])
    model["multimodal"] = not model["multimodal"]


def _purpose(document: Document, random: Random) -> None:
    document["purposes"].append("added")
    if random.random() < 0.5:
        copy = deepcopy(_rule(document, random, "finding"))
        copy.update(id="aup.added", when=[{"use.purposes": {"has": "added"}}])
        copy["then"] = {"finding": "aup.added", "effect": "prohibits"}
        document["rules"].append(copy)


def _drop_purpose(document: Document, random: Random) -> None:
    purpose = random.choice([code for code in document["purposes"] if code != "general"])
    document["purposes"].remove(purpose)
    document["rules"] = [
        rule for rule in document["rules"] if rule["when"] != [{"use.purposes": {"has": purpose}}]
    ]


def _languages(document: Document, random: Random) -> None:
    languages = document["generations"][random.choice(GENERATIONS)]["languages"]
    languages.append("ja") if random.random() < 0.5 else languages.pop()


MUTATIONS: Mapping[str, Callable[[Document, Random], None]] = {
    "threshold": _threshold,
    "drop condition": _drop_condition,
    "negate condition": _negate_condition,
    "effect": _effect,
    "review": _review,
    "generations": _generations,
    "remove rule": _remove_rule,
    "add rule": _add_rule,
    "rename rule": _rename_rule,
    "reword": _reword,
    "region": _region,
    "presumed": _presumed,
    "value": _value,
    "remove model": _remove_model,
    "modality": _modality,
    "purpose": _purpose,
    "drop purpose": _drop_purpose,
    "languages": _languages,
}
