"""The facts that rules may ask about are those that requests have, with the same codes."""

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from eligibility.atoms import Questions
from eligibility.conditions import Atom, atoms_of
from eligibility.domains import (
    AFFILIATES,
    DECLARED_BY,
    FACTS,
    NATURAL_PERSONS,
    ORGANISATIONS,
    TESTS,
    domain_of,
)
from eligibility.facts import NATURAL_PERSONS as PERSONS_OF_REQUESTS
from eligibility.facts import ORGANISATIONS as ORGANISATIONS_OF_REQUESTS
from eligibility.facts import RequestBody
from eligibility.ruleset import Ruleset


def bare(annotation: Any) -> Any:
    """A type without `None`, metadata and aliases."""
    if get_origin(annotation) is Annotated:
        return bare(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return bare(next(part for part in get_args(annotation) if part is not NoneType))
    if hasattr(annotation, "__value__"):
        return bare(annotation.__value__)
    return annotation


def facts_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every fact of a request, by its path, with its type."""
    for name, field in model.model_fields.items():
        kind, path = bare(field.annotation), prefix + name
        item = bare(get_args(kind)[0]) if get_origin(kind) is list else None
        if isinstance(item, type) and issubclass(item, BaseModel):
            yield path, kind
            yield from facts_of(item, f"{path}[].")
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from facts_of(kind, f"{path}.")
        else:
            yield path, kind


REQUESTED = dict(facts_of(RequestBody))


def codes_of(kind: Any) -> tuple[str, ...]:
    if get_origin(kind) is list:
        kind = bare(get_args(kind)[0])
    return get_args(kind) if get_origin(kind) is Literal else ()


def flat(codes: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(inner for code in codes for inner in (get_args(code) or (code,)))


def test_every_fact_of_a_request_has_a_domain_and_no_other_has() -> None:
    assert set(FACTS) == set(REQUESTED)


@pytest.mark.parametrize("fact", [fact for fact, kind in REQUESTED.items() if codes_of(kind)])
def test_codes_are_the_same_as_in_requests(fact: str) -> None:
    assert FACTS[fact].values == flat(codes_of(REQUESTED[fact]))


def test_kinds_of_entities_are_the_same_as_in_requests() -> None:
    assert NATURAL_PERSONS == PERSONS_OF_REQUESTS
    assert ORGANISATIONS == ORGANISATIONS_OF_REQUESTS


def test_booleans_and_numbers_are_the_same_as_in_requests() -> None:
    kinds = {fact: domain.kind for fact, domain in FACTS.items()}
    assert {fact for fact, kind in kinds.items() if kind == "boolean"} == {
        fact for fact, kind in REQUESTED.items() if kind is bool
    }
    assert {fact for fact, kind in kinds.items() if kind == "number"} == {
        fact for fact, kind in REQUESTED.items() if kind is int
    }


def test_every_kind_of_domain_knows_its_tests() -> None:
    assert {domain.kind for domain in FACTS.values()} <= set(TESTS)


@pytest.mark.parametrize("fact", DECLARED_BY)
def test_what_declares_a_fact_is_a_code_of_a_list(fact: str, ruleset: Ruleset) -> None:
    declaring, code = DECLARED_BY[fact]
    domain = domain_of(declaring, ruleset.vocabulary.purposes)
    assert domain is not None
    assert domain.kind == "codes"
    assert code in domain.values


def test_purposes_and_generations_are_policy_data(ruleset: Ruleset) -> None:
    vocabulary = ruleset.vocabulary
    purposes = domain_of("use.purposes", vocabulary.purposes)
    generations = domain_of("model.generation", (), vocabulary.generations)
    assert purposes is not None
    assert generations is not None
    assert (purposes.values, generations.values) == (vocabulary.purposes, vocabulary.generations)
    assert domain_of("use.nothing") is None


def test_rules_ask_of_each_fact_only_what_its_kind_allows(ruleset: Ruleset) -> None:
    def allowed(asked: Atom) -> bool:
        domain = domain_of(asked.fact)
        return domain is not None and asked.test in TESTS[domain.kind]

    for rule in ruleset.rules:
        assert all(allowed(asked) for asked in atoms_of(rule.when)), rule.id


def test_members_of_affiliates_are_asked_about_together(ruleset: Ruleset) -> None:
    for generation in ruleset.generations:
        questions = Questions(ruleset, ruleset.program(generation))
        assert not [question.fact for question in questions.asked if question.fact.startswith(AFFILIATES)]
        for some in questions.some:
            assert isinstance(some.argument, tuple)
            assert {part.fact.startswith(f"{AFFILIATES}[].") for part in some.argument} == {True}


def test_no_other_fact_has_codes() -> None:
    countries = {fact for fact, domain in FACTS.items() if domain.kind in {"country", "regions"}}
    coded = {fact for fact, kind in REQUESTED.items() if codes_of(kind)} - countries
    assert coded == {fact for fact, domain in FACTS.items() if domain.values}
