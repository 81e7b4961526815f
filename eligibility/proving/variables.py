"""Every request that the schema allows, as variables of the solver.

A request is *complete* here: every fact that counts has a value, given, presumed or derived. Absence needs no
variable of its own. A fact that is presumed reads as its default when it is not given, and a text that is not
given is one of its two values. What is unknown is the matter of the law on missing facts alone.

What a variable stands for:

- a code, a country, a name: which of its possible values it is, by number;
- a list of codes: for each code, whether it is in the list; order and repetition mean nothing;
- a list of countries and regions: for each class of entries that no region tells apart, whether one of them
  is in the list. Rules ask of such lists only whether some entry lies in a region, so they notice no more;
- languages: likewise, whether one is listed that the generation supports, and one that it does not;
- a name of a model: none, each name of the catalogue, or one that it does not know. All of the last are
  alike: they contradict nothing and derive nothing;
- a text: whether it is given;
- affiliates: so many places for one, each taken or free. Rules ask only whether some affiliate satisfies this
  or that. For each such question that a request answers with yes, keep one affiliate that shows it, and leave
  out all others: no answer changes, since fewer affiliates never turn a no into a yes. So as many places as
  there are such questions suffice, and a hundred affiliates show nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any as Anything

import z3

from eligibility.codes import COUNTRIES, REGIONS, WORLDWIDE
from eligibility.domains import (
    AFFILIATES,
    DECLARED_BY,
    FACTS,
    MEMBER,
    NATURAL_PERSONS,
    Domain,
    domain_of,
)
from eligibility.facts import normalise_model_name
from eligibility.ruleset import Generation, Program, Region, Ruleset

Term = Anything
"""A term of the solver, which has no types of its own."""

ALWAYS, NEVER = z3.BoolVal(val=True), z3.BoolVal(val=False)
DERIVATIVE = "a-model-of-ones-own"
"""Stands for all names that the catalogue does not know."""

NEVER_EMPTY = ("use.activities", "use.purposes")
MOST_USERS = 2**53 - 1
NAME, STATED = "model.name", "model.multimodal"


@dataclass(frozen=True)
class Choice:
    """A fact with one of several values: the term is the number of the value."""

    values: tuple[str | None, ...]
    term: Term

    def among(self, wanted: Collection[str | None]) -> Term:
        """Whether it is one of these; neighbours are asked about together."""
        places = [place for place, value in enumerate(self.values) if value in wanted]
        runs: list[tuple[int, int]] = []
        for place in places:
            if runs and runs[-1][1] == place - 1:
                runs[-1] = (runs[-1][0], place)
            else:
                runs.append((place, place))
        return any_of([_between(self.term, first, last) for first, last in runs])


@dataclass(frozen=True)
class Members:
    """A list: for entries that stand for all like them, whether one is there; `like` finds them."""

    terms: Mapping[str, Term]
    like: Callable[[str], str]


Variable = Anything
"""What stands for a fact: a `Choice`, `Members`, or a term of its own."""


@dataclass(frozen=True)
class Affiliate:
    """One place for an affiliate: whether it is taken, and the facts about the affiliate, by path."""

    exists: Term
    variables: Mapping[str, Variable]


@dataclass(frozen=True)
class Facts:
    """The variables of one generation's requests, and what well-formed requests keep to."""

    ruleset: Ruleset
    program: Program
    variables: Mapping[str, Variable]
    stated: Term
    affiliates: tuple[Affiliate, ...]
    form: tuple[Term, ...]

    @property
    def natural(self) -> Term:
        """Whether the applicant is a natural person."""
        return self.variables["entity.kind"].among(NATURAL_PERSONS)

    @property
    def employed(self) -> Term:
        """Whether the applicant is a natural person who acts for an employer."""
        return z3.And(self.natural, self.variables["use.on_behalf_of"].among(["employer"]))

    def counts(self, path: str) -> Term:
        """Whether a fact can have a bearing, given the others (policy, section 3)."""
        if path in {"entity.domicile", "use.on_behalf_of"}:
            return self.natural
        if path == "entity.principal_place_of_business":
            return z3.Not(self.natural)
        if path.startswith("entity.employer."):
            return self.employed
        if path in DECLARED_BY:
            declaring, code = DECLARED_BY[path]
            return self.variables[declaring].terms[code]
        return ALWAYS

    def multimodal(self) -> Term:
        """Whether the model is multimodal: as stated, else by its name, else by its generation."""
        name = self.variables[NAME]
        models = self.ruleset.vocabulary.models.values()
        released = self.ruleset.vocabulary.modality[self.program.generation.id]
        derived = z3.If(
            name.among([model.name for model in models]),
            name.among([model.name for model in models if model.multimodal]),
            z3.BoolVal(released is True),
        )
        return z3.If(self.stated, self.variables[STATED], derived)

    def terms(self, path: str) -> tuple[Term, ...]:
        """The terms that stand for one fact."""
        return tuple(_terms(self.variables[path]))


def facts_of(ruleset: Ruleset, program: Program, places: int | None = None) -> Facts:
    """Lay out the facts of a generation's requests, with places for affiliates: as many as suffice."""
    generation = program.generation
    if places is None:
        places = len(program.questions.get(AFFILIATES, ()))
    variables = {
        path: _variable(path, path, ruleset, generation)
        for path in FACTS
        if path not in {"model.generation", AFFILIATES} and not path.startswith(MEMBER)
    }
    affiliates = tuple(_affiliate(place, ruleset, generation) for place in range(places))
    facts = Facts(ruleset, program, variables, z3.Bool("multimodal is stated"), affiliates, ())
    return replace(facts, form=tuple(_form(facts)))


def domain(path: str, ruleset: Ruleset) -> Domain:
    """The domain of a fact, with the values that are policy data."""
    found = domain_of(path, ruleset.vocabulary.purposes, ruleset.vocabulary.generations)
    if found is None:
        raise KeyError(path)
    return found


def _affiliate(place: int, ruleset: Ruleset, generation: Generation) -> Affiliate:
    name = f"{AFFILIATES}[{place}]"
    members = {
        path: _variable(path, path.replace(f"{AFFILIATES}[]", name), ruleset, generation)
        for path in FACTS
        if path.startswith(MEMBER)
    }
    return Affiliate(z3.Bool(name), members)


def _variable(path: str, name: str, ruleset: Ruleset, generation: Generation) -> Variable:
    found = domain(path, ruleset)
    match found.kind:
        case "boolean" | "text":
            return z3.Bool(name)
        case "number":
            return z3.Int(name)
        case "code":
            return _choice(name, found.values)
        case "country":
            return _choice(name, _by_region(ruleset))
        case "model_name":
            models = [model.name for model in ruleset.vocabulary.models.values()]
            return _choice(name, (None, *models, DERIVATIVE))
        case "codes":
            return _members(name, found.values, lambda entry: entry)
        case "regions":
            entries = REGIONS if path == "use.distribution_regions" else COUNTRIES
            return _regions(name, sorted(entries), tuple(ruleset.regions.values()))
        case "languages":
            return _languages(name, generation)
    raise KeyError(found.kind)


def _choice(name: str, values: Sequence[str | None]) -> Choice:
    return Choice(tuple(values), z3.BitVec(name, max(1, (len(values) - 1).bit_length())))


def _between(term: Term, first: int, last: int) -> Term:
    if first == last:
        return term == first
    return z3.And(z3.UGE(term, first), z3.ULE(term, last))


def _by_region(ruleset: Ruleset) -> tuple[str, ...]:
    """All countries, those that no region tells apart beside each other."""
    regions = tuple(ruleset.regions.values())
    return tuple(sorted(COUNTRIES, key=lambda country: (_signature(country, regions), country)))


def _signature(entry: str, regions: Sequence[Region]) -> tuple[bool, ...]:
    return tuple(lies_in(entry, region) for region in regions)


def lies_in(entry: str, region: Region) -> bool:
    """Whether an entry of a list of countries and regions reaches into a region."""
    return entry in region.countries or entry in {WORLDWIDE, region.token}


def _members(name: str, entries: Sequence[str], like: Callable[[str], str]) -> Members:
    return Members({entry: z3.Bool(f"{name} {entry}") for entry in entries}, like)


def _regions(name: str, entries: Sequence[str], regions: Sequence[Region]) -> Members:
    first: dict[tuple[bool, ...], str] = {}
    for entry in entries:
        first.setdefault(_signature(entry, regions), entry)
    return _members(name, tuple(first.values()), lambda entry: first[_signature(entry, regions)])


def is_supported(tag: str, generation: Generation) -> bool:
    """Whether a generation supports the language of a tag; Filipino is Tagalog, and case means nothing."""
    primary = tag.partition("-")[0].lower()
    return {"fil": "tl"}.get(primary, primary) in generation.languages


def _languages(name: str, generation: Generation) -> Members:
    letters = [chr(letter) for letter in range(ord("a"), ord("z") + 1)]
    tags = [*sorted(generation.languages), "ja", *(one + other for one in letters for other in letters)]
    first: dict[bool, str] = {}
    for tag in tags:
        first.setdefault(is_supported(tag, generation), tag)
    return _members(name, tuple(first.values()), lambda tag: first[is_supported(tag, generation)])


def _terms(variable: Variable) -> Iterator[Term]:
    match variable:
        case Choice(_, term):
            yield term
        case Members(terms, _):
            yield from terms.values()
        case term:
            yield term


def _form(facts: Facts) -> Iterator[Term]:
    """What requests in good form that do not contradict themselves keep to (policy, sections 2 and 3)."""
    for variables in (facts.variables, *(affiliate.variables for affiliate in facts.affiliates)):
        for path, variable in variables.items():
            if isinstance(variable, Choice) and 1 << variable.term.size() != len(variable.values):
                yield z3.ULT(variable.term, len(variable.values))
            elif path in NEVER_EMPTY:
                yield any_of(list(variable.terms.values()))
            elif domain(path, facts.ruleset).kind == "number":
                yield z3.And(variable >= 0, variable <= MOST_USERS)
    yield z3.Or(facts.natural, facts.variables["use.on_behalf_of"].among(["self"]))
    yield from _model_form(facts)


def _model_form(facts: Facts) -> Iterator[Term]:
    """A name is one of the generation, and what is stated contradicts neither name nor generation."""
    vocabulary, generation = facts.ruleset.vocabulary, facts.program.generation.id
    name, stated, value = facts.variables[NAME], facts.stated, facts.variables[STATED]
    for model in vocabulary.models.values():
        chosen = name.among([model.name])
        if model.generation == generation:
            yield z3.Implies(z3.And(chosen, stated), value == z3.BoolVal(model.multimodal))
        else:
            yield z3.Not(chosen)
    released = vocabulary.modality[generation]
    if released is not None:
        yield z3.Implies(z3.And(stated, z3.Not(name.among([DERIVATIVE]))), value == z3.BoolVal(released))
    else:  # what nothing tells has to be stated
        yield z3.Or(stated, z3.Not(name.among([None, DERIVATIVE])))


def model_named(ruleset: Ruleset, name: str | None) -> str | None:
    """Which of the names that the variable knows a given name is."""
    if name is None:
        return None
    known = ruleset.vocabulary.models.get(normalise_model_name(name))
    return known.name if known else DERIVATIVE


def any_of(terms: Sequence[Term]) -> Term:
    """At least one of these; of none: never."""
    return terms[0] if len(terms) == 1 else z3.Or(*terms) if terms else NEVER


def all_of(terms: Sequence[Term]) -> Term:
    """All of these; of none: always."""
    return terms[0] if len(terms) == 1 else z3.And(*terms) if terms else ALWAYS
