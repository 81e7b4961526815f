"""What would change a decision, what stood in the way, and which facts force it: as callers get it.

The searches work on values that all rules take alike; here they are said in the words of the ruleset.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any as Anything

from eligibility.atoms import COUNTRY_MEMBER, INVOLVED_MEMBER, NEVER_UNKNOWN, USERS, is_applicable
from eligibility.conditions import Atom, atoms_of
from eligibility.counterfactuals import Smallest, Way
from eligibility.decision import in_order
from eligibility.documents import sendable
from eligibility.domains import AFFILIATES, FACTS
from eligibility.ruleset import Rule
from eligibility.smallest import Changes
from eligibility.sufficient import Sufficient
from eligibility.telling import enumerated, said_value
from eligibility.wording import Subject, pattern_of

Answered = tuple[Atom, bool]
"""A question about a fact, and the answer."""

MOST_SAID = 4
"""Values enumerated in a sentence; of more, it says how many there are."""

_NEED_WORDS = {"country", "number", "regions", "languages", "text", "model_name"}
"""Kinds of facts whose values do not say by themselves what matters about them."""


def told_counterfactuals(subject: Subject, found: Mapping[str, Smallest]) -> dict[str, Anything]:
    """For each other outcome, the smallest changes that lead to it."""
    return {
        "complete": all(one.complete for one in found.values()),
        "outcomes": [
            {
                "outcome": outcome,
                "complete": one.complete,
                "facts_changed": one.facts_changed,
                "changes": [_change(subject, way, outcome) for way in one.ways],
            }
            for outcome, one in found.items()
        ],
    }


def told_why_not(subject: Subject, name: str, found: Smallest) -> dict[str, Anything]:
    """The smallest sets of conditions that stood in the way of a finding or outcome."""
    return {
        "name": name,
        "complete": found.complete,
        "came_about": found.ways == ((),),
        "sets": [_set_of_conditions(subject, name, way) for way in found.ways if way],
    }


def told_sufficient(subject: Subject, found: Sufficient) -> dict[str, Anything]:
    """The smallest sets of facts that force the outcome."""
    return {
        "complete": found.complete,
        "sets": [[_held(subject, fact) for fact in sorted(facts, key=in_order)] for facts in found.sets],
    }


def _held(subject: Subject, fact: str) -> dict[str, Anything]:
    return {"fact": fact, "label": subject.label(fact), "value": sendable(subject.value(fact))}


def _change(subject: Subject, way: Way, outcome: str) -> dict[str, Anything]:
    asked = _asked_for(subject, outcome)
    return {
        "parts": [_part(subject, part, asked) for part in way],
        "text": _changed(subject, way, outcome, asked) if _has_words(subject) else None,
    }


def _has_words(subject: Subject) -> bool:
    """Whether the ruleset can say changes in sentences; one recorded before there were words can not."""
    return "changes" in subject.ruleset.texts


def _changed(subject: Subject, way: Way, outcome: str, asked: frozenset[Atom]) -> str:
    texts = subject.ruleset.texts
    said = [_said(subject, fact, values, asked) for part in way for fact, values in _by_fact(part)]
    title = texts["outcomes"][outcome]["title"]
    return str(texts["changes"]["changed"]).format(outcome=title, changes=_listed(subject, said))


def _part(subject: Subject, part: Sequence[Changes], asked: frozenset[Atom]) -> dict[str, Anything]:
    """Facts that change together, and what else they may be given that does alike."""
    first, *others = part
    return {
        "set": {fact: sendable(value) for fact, value in first},
        "instead_of": {fact: sendable(subject.value(fact)) for fact, _ in first},
        "meaning": _phrases(
            subject,
            [answer for fact, values in _by_fact(part) for answer in _after(subject, fact, values, asked)],
        ),
        "or": [{fact: sendable(value) for fact, value in changes} for changes in others],
    }


def _by_fact(part: Sequence[Changes]) -> Iterator[tuple[str, list[Anything]]]:
    """Of each fact that a part changes, the values it may be given."""
    for place, (fact, _) in enumerate(part[0]):
        yield fact, [changes[place][1] for changes in part]


def _said(subject: Subject, fact: str, values: Sequence[Anything], asked: frozenset[Atom]) -> str:
    """A change of one fact in words: what it is called, which values do, what they mean, what was before."""
    words = subject.ruleset.texts["changes"]
    value = _choice(subject, values)
    if FACTS[pattern_of(fact)].kind in _NEED_WORDS:
        meaning = _phrases(subject, _after(subject, fact, values, asked))
        if meaning:
            value = words["meaning"].format(value=value, meaning=_listed(subject, meaning))
    former = subject.value(fact)
    if former is None:
        return str(words["given"]).format(label=subject.label(fact), value=value)
    return str(words["instead"]).format(
        label=subject.label(fact), value=value, former=_value(subject, former)
    )


def _choice(subject: Subject, values: Sequence[Anything]) -> str:
    """Some values of which any will do; of many, the first and how many others there are."""
    words = subject.ruleset.texts["changes"]
    said = list(dict.fromkeys(_value(subject, value) for value in values))
    if len(said) > MOST_SAID:
        return str(words["or_others"]).format(value=said[0], count=len(said) - 1)
    return enumerated(said, str(words["either"]), subject.ruleset.texts)


def _value(subject: Subject, value: Anything) -> str:
    """A value as it is said within a sentence."""
    texts = subject.ruleset.texts
    words = texts["changes"]
    if isinstance(value, bool):
        return str(words["yes" if value else "no"])
    if not isinstance(value, (list, tuple)) or not value:
        return said_value(sendable(value), texts)
    said = [_affiliate(subject, one) if isinstance(one, Mapping) else str(one) for one in value]
    return enumerated(said, str(texts["lists"]["last"]), texts)


def _affiliate(subject: Subject, affiliate: Mapping[str, Anything]) -> str:
    words = subject.ruleset.texts["changes"]
    country = affiliate.get("principal_place_of_business") or words["unknown"]
    involved = affiliate.get("involved_in")
    said = words["unknown"] if involved is None else said_value(sendable(involved), subject.ruleset.texts)
    return str(words["affiliate"]).format(country=country, involved=said)


def _listed(subject: Subject, items: Iterable[str]) -> str:
    texts = subject.ruleset.texts
    return enumerated(list(dict.fromkeys(items)), str(texts["lists"]["last"]), texts)


def _set_of_conditions(subject: Subject, name: str, way: Way) -> dict[str, Anything]:
    """Facts that stood in the way together: how questions about them are answered, and would have to be."""
    asked = _asked_for(subject, name)
    conditions: list[dict[str, Anything]] = []
    said: list[str] = []
    for fact, values in (one for part in way for one in _by_fact(part)):
        answers = _after(subject, fact, values, asked)
        known = subject.value(fact) is not None or pattern_of(fact) in NEVER_UNKNOWN
        so_far = [(atom, not holds) for atom, holds in answers] if known else []
        conditions.append(
            {
                "fact": fact,
                "value": sendable(subject.value(fact)),
                "is": _phrases(subject, so_far),
                "has_to_be": _phrases(subject, answers),
                "for_example": sendable(values[0]),
            }
        )
        if _has_words(subject):
            said.extend(_in_the_way(subject, fact, so_far))
    return {"conditions": conditions, "text": _stood_in_the_way(subject, name, said) if said else None}


def _stood_in_the_way(subject: Subject, name: str, said: Sequence[str]) -> str:
    words = subject.ruleset.texts["changes"]["stood_in_the_way"]
    return str(words).format(name=name, conditions=_listed(subject, said))


def _phrases(subject: Subject, answers: Iterable[Answered]) -> list[str]:
    """What is so of a fact, in few words; alike answers once."""
    return list(dict.fromkeys(subject.phrase(atom, holds=holds) for atom, holds in answers))


def _in_the_way(subject: Subject, fact: str, answers: Sequence[Answered]) -> Iterator[str]:
    """What is so of a fact, in words."""
    words, label, value = subject.ruleset.texts["changes"], subject.label(fact), subject.value(fact)
    if answers and FACTS[pattern_of(fact)].kind != "code":
        yield from (subject.clause(fact, atom, holds=holds) for atom, holds in answers)
    elif value is not None:
        yield words["is"].format(label=label, value=_value(subject, value))
    else:
        applies = is_applicable(fact, subject.facts) or fact.startswith(AFFILIATES)
        yield words["not_known" if applies else "does_not_apply"].format(label=label)


def _asked_for(subject: Subject, name: str) -> frozenset[Atom]:
    """The questions that a finding or an outcome hangs on, directly or through what its rules rest on."""
    program = subject.questions.program
    concluding: dict[str, list[Rule]] = {}
    for rule in program.rules:
        concluding.setdefault(rule.then.name, []).append(rule)
    waiting, seen, asked = [name], set[str](), set[Atom]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for rule in concluding.get(name, ()):
            asked.update(atoms_of(rule.when))
            waiting.extend(rule.names)
            for effect in rule.effects:
                waiting.extend(_having(effect, program.rules))
    return frozenset(asked).union(part for atom in asked if atom.test == "some" for part in atom.parts)


def _having(effect: str, rules: Iterable[Rule]) -> Iterator[str]:
    """The findings that can have an effect; where one is reviewed, it is a contact."""
    for rule in rules:
        if rule.then.effect == effect or (rule.then.review and effect == "contact"):
            yield rule.then.name


def _after(subject: Subject, fact: str, values: Sequence[Anything], asked: frozenset[Atom]) -> list[Answered]:
    """The questions about a fact whose answer differs from now, whichever of some values it is given.

    Of a fact that is not known, only what is answered with yes, if anything is.
    """
    now, *then = [_answers(subject, fact, value) for value in (_now(subject, fact), *values)]
    found = [
        (atom, holds)
        for atom, holds in then[0].items()
        if atom in asked and all(other[atom] is holds for other in then) and now.get(atom) is not holds
    ]
    some_yes = not now and any(holds for _, holds in found)
    return [(atom, holds) for atom, holds in found if holds or not some_yes]


def _answers(subject: Subject, fact: str, value: Anything) -> dict[Atom, bool]:
    """How the questions about a fact are answered for a value; for None, they are not."""
    questions = subject.questions
    if value is None:
        return {}
    if fact == AFFILIATES:
        pairs = [questions.pair(affiliate) for affiliate in value]
        answers = {
            atom: [[questions.part_answer(part, pair) for part in atom.parts] for pair in pairs]
            for atom in questions.some
        }
        return {
            atom: any(map(all, of_each))
            for atom, of_each in answers.items()
            if any(map(all, of_each)) or all(False in of_one for of_one in of_each)
        }
    question = {COUNTRY_MEMBER: questions.country, INVOLVED_MEMBER: questions.involvement}.get(
        pattern_of(fact), questions.by_fact.get(fact)
    )
    if question is None:
        return {}
    yes = question.yes(question.read(tuple(value) if isinstance(value, list) else value))
    return {atom: atom in yes for atom in question.atoms}


def _now(subject: Subject, fact: str) -> Anything:
    """The value of a fact as questions are asked of it; None where it is not known."""
    value = subject.value(fact)
    return 0 if fact == USERS and isinstance(value, str) else value  # presumed to be few
