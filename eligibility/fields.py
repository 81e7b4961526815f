"""The facts of requests as variables: of each fact the values that some rule can tell apart.

A field has one value for every way in which the rules of some programs can answer all questions about it, and
names a value for each that a caller could send. What hangs together is one field: the generation, name and
modality of the model, of which some combinations are refused; the kind of applicant and on whose behalf it
acts, which say what else counts; and the affiliates, of which only matters what they add up to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, product
from typing import Any as Anything

from eligibility.atoms import COUNTRY_MEMBER, INVOLVED_MEMBER, MULTIMODAL, Questions, modality
from eligibility.codes import COUNTRIES, UNION, WORLDWIDE
from eligibility.conditions import Atom
from eligibility.contradictions import contradictions
from eligibility.domains import (
    AFFILIATES,
    DECLARED_BY,
    FACTS,
    MEMBER,
    NATURAL_PERSONS,
    ORGANISATIONS,
    domain_of,
)
from eligibility.layout import noticed

MODEL = ("model.generation", "model.name", MULTIMODAL)
APPLICANT = ("entity.kind", "use.on_behalf_of")
ABSENT = object()
"""In place of a value: the fact is left out, and that is no unknown."""

A_TEXT = "given"
"""What stands for any text that is given."""

Answers = tuple[Anything, ...]
"""What the questions of each program answer, in the order of the programs."""


@dataclass(frozen=True)
class Field:
    """One variable, or for a list of codes one variable for each code that a rule notices.

    `values` are facts by path, one for each of `answers`. A list of codes has none of either, but `codes`,
    and `spare`, a code that no rule notices, if there is one.
    """

    facts: tuple[str, ...]
    values: tuple[Mapping[str, Anything], ...]
    answers: tuple[Answers, ...]
    codes: tuple[str, ...] = ()
    spare: str | None = None

    @property
    def name(self) -> str:
        """The fact, or the first of those that hang together."""
        return self.facts[0]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of values of each of its variables."""
        return (2,) * len(self.codes) or (len(self.values),)


def fields_of(programs: Sequence[Questions]) -> tuple[Field, ...]:
    """The fields of all facts that the rules of some programs ask about, in the order of the diagrams."""
    asked = asked_by(programs)
    others = (*MODEL, *APPLICANT, AFFILIATES)
    simple = [fact for fact in FACTS if fact in asked and fact not in others]
    return (
        _model(programs),
        _applicant(programs),
        *(_field(fact, programs) for fact in simple),
        *([_affiliates(programs)] if AFFILIATES in asked else []),
    )


def asked_by(programs: Sequence[Questions]) -> set[str]:
    """The facts that some rule asks about, and the lists that declare them."""
    asked = {fact for questions in programs for fact in questions.program.questions}
    return asked | {DECLARED_BY[fact][0] for fact in asked if fact in DECLARED_BY}


def answers_to(fact: str, value: Anything, programs: Sequence[Questions]) -> Answers:
    """What each program's questions about one fact answer for a value."""
    return tuple(
        0 if question is None or value is ABSENT else question.read(value)
        for question in (questions.by_fact.get(fact) for questions in programs)
    )


def _field(fact: str, programs: Sequence[Questions]) -> Field:
    atoms = [atom for questions in programs for atom in questions.program.questions.get(fact, ())]
    codes = all_codes(fact, programs)
    if FACTS[fact].kind == "codes":
        asked = asked_by(programs)
        declaring = [code for one, (owner, code) in DECLARED_BY.items() if owner == fact and one in asked]
        seen = tuple(dict.fromkeys((*(code for atom in atoms for code in noticed(atom, codes)), *declaring)))
        spare = next((code for code in reversed(codes) if code not in seen), None)
        if "general" in codes and "general" not in seen:
            spare = "general"
        return Field((fact,), (), (), codes=seen, spare=spare)
    found: dict[Answers, Anything] = {}
    for value in candidates(fact, atoms, codes, programs):
        found.setdefault(answers_to(fact, value, programs), value)
    return Field((fact,), tuple({fact: value} for value in found.values()), tuple(found))


def all_codes(fact: str, programs: Sequence[Questions]) -> tuple[str, ...]:
    """The codes of a fact, in all programs together."""
    found: dict[str, None] = {}
    for questions in programs:
        vocabulary = questions.ruleset.vocabulary
        domain = domain_of(fact, vocabulary.purposes, vocabulary.generations)
        found.update(dict.fromkeys(domain.values if domain else ()))
    return tuple(found)


def candidates(
    fact: str, atoms: Sequence[Atom], codes: tuple[str, ...], programs: Sequence[Questions]
) -> Iterator[Anything]:
    """Values of a fact that between them give every answer that any value gives."""
    match FACTS[fact].kind:
        case "boolean":
            yield from (False, True)
        case "code":
            yield from codes
        case "country":
            yield from known_first(COUNTRIES)
        case "number":
            limits = sorted({atom.argument for atom in atoms if isinstance(atom.argument, int)})
            yield from sorted({0, *limits, *(limit + 1 for limit in limits)})
        case "regions":
            more = (UNION, WORLDWIDE) if fact == "use.distribution_regions" else ()
            yield from _lists(fact, [(one,) for one in (*known_first(COUNTRIES), *more)], programs)
        case "languages":
            tags = {tag for questions in programs for tag in questions.program.generation.languages}
            yield from _lists(fact, [(tag,) for tag in (*sorted(tags), "ja", "xx")], programs)
        case _:
            yield from (ABSENT, A_TEXT)


def known_first(countries: Iterable[str]) -> tuple[str, ...]:
    """Countries, those first that people expect as an example."""
    return ("US", "DE", "NO", "CH", *sorted(set(countries) - {"US", "DE", "NO", "CH"}))


def _lists(
    fact: str, singles: Sequence[tuple[str, ...]], programs: Sequence[Questions]
) -> Iterator[tuple[str, ...]]:
    """Lists of which each question asks whether some entry is so: the unions of single entries' answers."""
    yield ()
    found: dict[Answers, tuple[str, ...]] = {}
    for single in singles:
        found.setdefault(answers_to(fact, single, programs), single)
    for size in range(1, len(found) + 1):
        for some in combinations(found.values(), size):
            yield tuple(sorted(chain.from_iterable(some)))


def _model(programs: Sequence[Questions]) -> Field:
    found: dict[Answers, dict[str, Anything]] = {}
    for facts in models(programs):
        answers = model_answers(facts, programs)
        if any(answers) and None not in {modal for _, _, modal in filter(None, answers)}:
            found.setdefault(answers, facts)
    return Field(MODEL, tuple(found.values()), tuple(found))


def models(programs: Sequence[Questions]) -> Iterator[dict[str, Anything]]:
    """Everything that can be said about the model: by generation, a name of each sort, and the modality."""
    generations = dict.fromkeys(questions.generation for questions in programs)
    for generation, multimodal in product(generations, (None, True, False)):
        for name in (None, *_names(generation, programs), derivative_of(generation)):
            facts = {"model.generation": generation, "model.name": name, MULTIMODAL: multimodal}
            yield {fact: value for fact, value in facts.items() if value is not None}


def _names(generation: str, programs: Sequence[Questions]) -> Iterator[str]:
    """Of the released models of a generation, one of each sort that some ruleset tells apart."""
    vocabularies = list({id(one.ruleset): one.ruleset.vocabulary for one in programs}.values())
    named = {
        model.name: tuple(other.model(model.name) for other in vocabularies)
        for vocabulary in vocabularies
        for model in vocabulary.models.values()
        if model.generation == generation
    }
    sorts = {
        tuple(model and (model.generation, model.multimodal) for model in known): name
        for name, known in reversed(named.items())
    }
    yield from reversed(sorts.values())


def derivative_of(generation: str) -> str:
    """A name that no catalogue knows."""
    return f"derivative-of-{generation}"


def model_answers(facts: Mapping[str, Anything], programs: Sequence[Questions]) -> Answers:
    """For each program, whether it is the model's generation, and what is said of name and modality.

    None where the program has nothing to say: it is of another generation, or its ruleset refuses the facts.
    """
    found: list[Anything] = []
    for questions in programs:
        vocabulary = questions.ruleset.vocabulary
        if facts["model.generation"] != questions.generation or contradictions(
            {**facts, "entity.kind": "company"}, vocabulary
        ):
            found.append(None)
            continue
        modal = modality(facts, vocabulary)
        name = answers_to("model.name", facts.get("model.name", ABSENT), [questions])[0]
        found.append((questions.generation, name, modal))
    return tuple(found)


def _applicant(programs: Sequence[Questions]) -> Field:
    """Every kind of applicant for itself, and natural persons for an employer too: never taken for alike."""
    pairs = [(kind, "self") for kind in NATURAL_PERSONS + ORGANISATIONS]
    pairs += [(kind, "employer") for kind in NATURAL_PERSONS]
    return Field(
        APPLICANT,
        tuple(dict(zip(APPLICANT, pair, strict=True)) for pair in pairs),
        tuple((*answers_to("entity.kind", kind, programs), kind, behalf) for kind, behalf in pairs),
    )


def _affiliates(programs: Sequence[Questions]) -> Field:
    """What affiliates can add up to: for each question about them, whether one of them is so."""
    found: dict[Answers, tuple[Mapping[str, Anything], ...]] = {nothing(programs): ()}
    single = {adds(affiliate, programs): affiliate for affiliate in possible_affiliates(programs)}
    waiting = list(found)
    while waiting:
        answers = waiting.pop(0)
        for added, affiliate in single.items():
            both = together(answers, added)
            if both not in found:
                found[both] = (*found[answers], affiliate)
                waiting.append(both)
    return Field((AFFILIATES,), tuple({AFFILIATES: listed} for listed in found.values()), tuple(found))


def possible_affiliates(programs: Sequence[Questions]) -> Iterator[dict[str, Anything]]:
    """Affiliates of every sort that some rule tells apart, as callers send them."""
    countries: dict[Answers, str] = {}
    for country in known_first(COUNTRIES):
        countries.setdefault(tuple(one.country.read(country) for one in programs), country)
    codes = FACTS[INVOLVED_MEMBER].values
    for size in range(len(codes) + 1):
        for involved, country in product(combinations(codes, size), countries.values()):
            yield {_member(COUNTRY_MEMBER): country, _member(INVOLVED_MEMBER): involved}


def _member(fact: str) -> str:
    return fact.removeprefix(MEMBER)


def adds(affiliate: Mapping[str, Anything], programs: Sequence[Questions]) -> Answers:
    """What one affiliate, all of whose members are known, makes true in each program."""
    found = []
    for questions in programs:
        pair = questions.pair(affiliate)
        found.append(
            sum(
                all(questions.part_answer(part, pair) for part in atom.parts) << bit
                for bit, atom in enumerate(questions.some)
            )
        )
    return tuple(found)


def nothing(programs: Sequence[Questions]) -> Answers:
    """What no affiliates add up to."""
    return (0,) * len(programs)


def together(left: Answers, right: Answers) -> Answers:
    """What affiliates add up to with others."""
    return tuple(one | other for one, other in zip(left, right, strict=True))
