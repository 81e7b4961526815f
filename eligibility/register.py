"""The register of clauses: what has become of each clause of the documents that rules cite.

It stands beside the rules and is no part of the ruleset: it decides nothing, and its words change no digest.
Reading it holds it against the citations of the rules, in both directions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal, Self
from typing import Any as Anything

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from eligibility.building import printed
from eligibility.errors import RuleFault, RulesetInvalid
from eligibility.parsing import DocumentFault, Place, near, parse_generations
from eligibility.ruleset import Rule, Ruleset
from eligibility.schema import Id, Words
from eligibility.yaml_files import line_of, plain, read_entries

FILE = "register.yaml"
"""Where in a rules folder the register stands."""

Standing = Literal["encoded", "informational", "people"]
STANDINGS: tuple[Standing, ...] = ("encoded", "informational", "people")
Rules = Annotated[list[Id], Field(min_length=1)]
GROUPS = ("licence", "aup")
"""Documents of which each generation has its own."""


@dataclass(frozen=True)
class Entry:
    """One clause of one document, as rules cite it, and its standing.

    `heading` says what it is about where the clause's own words do not. `rules` are the ids of all rules that
    cite it. `reason` says why nothing follows from it or why it is left to people; for a clause with rules,
    what it holds beyond them, if anything.
    """

    document: str
    clause: str
    heading: str | None
    standing: Standing
    rules: tuple[str, ...]
    reason: str | None


class EntryForm(BaseModel):
    """One entry as it is written: one clause or several, of one document or of each generation's."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    document: Words
    generations: Literal["all"] | list[Id] | dict[Literal["from", "until"], Id] = "all"
    clause: Words | dict[Id, Words] | None = None
    clauses: Annotated[dict[Words, Words], Field(min_length=1)] | None = None
    item: Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)*$")] | None = None
    heading: Words | None = None
    cited_as: list[Words] = Field(default_factory=list)
    encoded: Rules | None = None
    informational: Words | None = None
    people: Words | Rules | None = None
    besides: Words | None = None

    @property
    def standing(self) -> Standing:
        """Which of the three it is."""
        return next(name for name in STANDINGS if getattr(self, name) is not None)

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that are named."""
        named = self.encoded or self.people
        return tuple(named) if isinstance(named, list) else ()

    @property
    def reason(self) -> str | None:
        """The reason, or what the clause holds beyond its rules."""
        return self.informational or (self.people if isinstance(self.people, str) else self.besides)

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if sum(place is not None for place in (self.clause, self.clauses, self.item)) != 1:
            raise ValueError("an entry names one of clause, clauses, item")
        if sum(getattr(self, name) is not None for name in STANDINGS) != 1:
            raise ValueError(f"an entry has one standing of {', '.join(STANDINGS)}, with its rules or reason")
        if self.clauses is not None and (self.heading or self.cited_as):
            raise ValueError("`clauses` gives each its heading, and says nothing of how rules cite them")
        if self.item is not None and self.document != "aup":
            raise ValueError("only the acceptable use policy (`aup`) has items; name a clause")
        if len(set(self.rules)) < len(self.rules):
            raise ValueError("a rule is named once")
        if self.besides is not None and not self.rules:
            raise ValueError("`besides` is for clauses with rules; make it part of the reason")
        if self.document not in GROUPS and "generations" in self.model_fields_set:
            raise ValueError("only `licence` and `aup` are documents of several generations")
        return self


@dataclass(frozen=True)
class _Clause:
    """A clause that an entry speaks of; the generation where it speaks of each generation's document."""

    generation: str | None
    document: str
    clause: str
    heading: str | None


@dataclass(frozen=True)
class _Written:
    """An entry, the node of YAML that knows its lines, and the clauses it speaks of."""

    form: EntryForm
    node: Anything
    places: tuple[_Clause, ...] = ()

    def fault(self, where: Place, detail: str, remedy: str) -> RuleFault:
        """A fault at a place in it."""
        return RuleFault(FILE, line_of(self.node, where), detail, remedy)


def load_register(folder: Path, ruleset: Ruleset) -> tuple[Entry, ...]:
    """Load the register of a rules folder, strictly: by document, else as it is written.

    There are no entries where the folder has no register.

    Raises:
        RulesetInvalid: everything that is wrong with it, or between it and what the rules cite.
    """
    faults: list[RuleFault] = []
    written = [_placed(one, ruleset, faults) for one in _read(folder / FILE, faults)]
    rules = {rule.id: rule for rule in ruleset.rules}
    if not faults:
        faults.extend(_twice(written))
        faults.extend(_misnamed(written, rules))
    if written and not faults:  # what is misnamed would be overlooked too
        faults.extend(_overlooked(written, ruleset.rules))
    if faults:
        raise RulesetInvalid(faults)
    entries = [entry for one in written for entry in _entries(one, rules)]
    order = list(ruleset.document["documents"])
    return tuple(sorted(entries, key=lambda entry: order.index(entry.document)))


def _read(path: Path, faults: list[RuleFault]) -> Iterator[_Written]:
    """The entries as they are written; none where there is no file."""
    if not path.exists():
        return
    for node in read_entries(path, FILE, "register", faults):
        try:
            yield _Written(EntryForm.model_validate(plain(node)), node)
        except ValidationError as error:
            for found in error.errors(include_url=False):
                # behind the key stands the branch of a union, which says nothing to people
                place = found["loc"][:1]
                fault = RuleFault(FILE, line_of(node, place), *_explain(found["type"], place, found["msg"]))
                if fault not in faults:
                    faults.append(fault)


def _explain(kind: str, place: Place, message: str) -> tuple[str, str]:
    name = str(place[0]) if place else ""
    if kind == "extra_forbidden":
        known = "rules/README.md lists the keys"
        return f"`{name}` is no key here", near(name, EntryForm.model_fields) or known
    if kind == "missing":
        return f"`{name}` is missing", f"add `{name}`"
    said = message.removeprefix("Value error, ")
    if not name:
        return said, "see rules/README.md"
    return f"`{name}` can not be read: {said[:1].lower()}{said[1:]}", "see rules/README.md"


def _placed(one: _Written, ruleset: Ruleset, faults: list[RuleFault]) -> _Written:
    """The entry with the clauses it speaks of, as rules cite them; what is wrong is added to the faults."""
    form, documents = one.form, ruleset.document["documents"]
    found: list[DocumentFault] = []
    generations: tuple[str | None, ...] = (None,)
    if form.document in GROUPS:
        known = tuple(ruleset.generations)
        generations = parse_generations(form.generations, known, ("generations",), found)
        if not generations and not found:
            found.append(DocumentFault(("generations",), "no generation lies there", "exchange the two"))
    if isinstance(form.clause, Mapping) and set(form.clause) != set(generations) and not found:
        meant = ", ".join(name for name in generations if name)
        remedy = f"give it for {meant}, and for no other" if meant else "write it as one text"
        found.append(DocumentFault(("clause",), "`clause` is not given for just these generations", remedy))
    places: list[_Clause] = []
    for generation in generations if not found else ():
        document = f"{generation}-{form.document}" if generation else form.document
        if document not in documents:
            remedy = near(document, [*GROUPS, *documents]) or "list it in documents.yaml"
            found.append(DocumentFault(("document",), f"there is no document `{document}`", remedy))
            continue
        try:
            clauses = _clauses(form, generation, documents[document])
        except KeyError:
            remedy = "leave the generation out, or correct the number"
            found.append(DocumentFault(("item",), f"`{document}` has no item {form.item}", remedy))
            continue
        places.extend(_Clause(generation, document, *clause) for clause in clauses)
    faults.extend(one.fault(fault.where, fault.detail, fault.remedy) for fault in found)
    return replace(one, places=tuple(places))


def _clauses(
    form: EntryForm, generation: str | None, document: Mapping[str, Anything]
) -> list[tuple[str, str | None]]:
    """The clauses of one document, each with its heading. KeyError where it has no such item."""
    if form.clauses is not None:
        return list(form.clauses.items())
    if form.item is not None:
        return [(printed(form.item, document), form.heading)]
    clause = form.clause[str(generation)] if isinstance(form.clause, Mapping) else str(form.clause)
    return [(clause, form.heading)]


def _entries(one: _Written, rules: Mapping[str, Rule]) -> Iterator[Entry]:
    for place in one.places:
        named = tuple(name for name in one.form.rules if _in_force(rules[name], place))
        yield Entry(place.document, place.clause, place.heading, one.form.standing, named, one.form.reason)


def _in_force(rule: Rule, place: _Clause) -> bool:
    return place.generation is None or place.generation in rule.generations


def _names(one: _Written, place: _Clause) -> tuple[str, ...]:
    """The words by which rules may cite a clause."""
    return (place.clause, *one.form.cited_as)


def _twice(written: Iterable[_Written]) -> Iterator[RuleFault]:
    """Clauses that have an entry already."""
    first: dict[tuple[str, str], _Written] = {}
    for one in written:
        for place in one.places:
            for name in dict.fromkeys(_names(one, place)):
                same = first.setdefault((place.document, name), one)
                if same is not one:
                    line = line_of(same.node, ())
                    detail = f"`{name}` of `{place.document}` has an entry at line {line} already"
                    yield one.fault((), detail, "keep one of them")


def _misnamed(written: Iterable[_Written], rules: Mapping[str, Rule]) -> Iterator[RuleFault]:
    """Rules that there are not, or that are not as the entry says that names them."""
    for one in written:
        where = (one.form.standing,)
        for name in one.form.rules:
            if name not in rules:
                yield one.fault(where, f"there is no rule `{name}`", near(name, rules) or "name one")
        named = [rules[name] for name in one.form.rules if name in rules]
        for rule in named:
            yield from _not_citing(one, rule)
        for place in one.places if named else ():
            if not any(_in_force(rule, place) for rule in named):
                detail = f"none of the rules is in force for `{place.clause}` of `{place.document}`"
                yield one.fault(where, detail, "make an entry of its own for that generation")
        if one.form.people and named and not any(_leaves_to_people(rule) for rule in named):
            detail = "none of these rules sends the applicant to Meta or tells them anything"
            yield one.fault(where, detail, "name one that does, or give a reason instead")


def _not_citing(one: _Written, rule: Rule) -> Iterator[RuleFault]:
    """A rule that is named, and is in force nowhere or does not cite the clause where it is."""
    where = (one.form.standing,)
    places = [place for place in one.places if _in_force(rule, place)]
    if not places:
        yield one.fault(where, f"`{rule.id}` is in force in none of these generations", "leave it out")
    cited = {(cited.document, cited.clause) for each in rule.citations.values() for cited in each}
    lacking = [
        f"`{place.clause}` of `{place.document}`"
        for place in places
        if cited.isdisjoint((place.document, name) for name in _names(one, place))
    ]
    if lacking:
        detail = f"`{rule.id}` does not cite {', '.join(lacking)}"
        yield one.fault(where, detail, "leave it out, or let the rule cite it")


def _leaves_to_people(rule: Rule) -> bool:
    then = rule.then
    return then.kind == "obligation" or then.effect in {"contact", "note"} or then.name == "contact_meta"


def _overlooked(written: Sequence[_Written], rules: Iterable[Rule]) -> Iterator[RuleFault]:
    """What rules cite and the register does not say, and other words for a clause that no rule uses."""
    entries = {
        (place.document, name): one for one in written for place in one.places for name in _names(one, place)
    }
    citing: dict[tuple[str, str], list[str]] = {}
    for rule in rules:
        for cited in dict.fromkeys(cited for each in rule.citations.values() for cited in each):
            citing.setdefault((cited.document, cited.clause), []).append(rule.id)
    for (document, clause), ids in citing.items():
        one = entries.get((document, clause))
        if one is None:
            detail = f"`{clause}` of `{document}`, which {', '.join(ids)} cites, has no entry"
            yield RuleFault(FILE, None, detail, "add one, or correct the citation")
        elif unnamed := [name for name in ids if name not in one.form.rules]:
            detail = f"{', '.join(unnamed)} cites `{clause}` of `{document}`, and the entry does not say so"
            yield one.fault((), detail, "name it there, or let the rule cite another clause")
    used = {clause for _, clause in citing}
    for one in written:
        for words in one.form.cited_as:
            if words not in used:
                yield one.fault(("cited_as",), f"no rule cites `{words}`", "leave it out")
