"""The structure of rule files, as pydantic models: which keys there are and what kind of value each takes."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([-.][a-z0-9]+)*$")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]
Month = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d$")]


class _Form(BaseModel):
    """Strict, and without keys that are not listed."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @classmethod
    def parts(cls) -> tuple[type[BaseModel], ...]:
        """The models whose keys may be meant by one that is unknown."""
        return _PARTS.get(cls.__name__, (cls,))


class VersionForm(_Form):
    """ruleset.yaml."""

    version: Words
    contact: Words


class DocumentForm(_Form):
    """A source that rules cite. `sections` are the numbers as typed for the project's sections from 1 on."""

    title: Words
    edition: Words
    date: Day | None
    url: Annotated[str, StringConstraints(pattern=r"^https://\S+$")]
    heading: Words | None = None
    numbering: Literal["typed", "counted"] | None = None
    sections: list[Words] | None = None


class DocumentsForm(_Form):
    """documents.yaml."""

    documents: dict[Id, DocumentForm]


class ModelForm(_Form):
    """A released model."""

    name: Words
    multimodal: bool


class GenerationForm(_Form):
    """A generation of models."""

    title: Words
    released: Day
    users_month: Month
    languages: list[Words]
    models: list[ModelForm] = Field(min_length=1)


class CatalogueForm(_Form):
    """catalogue.yaml."""

    generations: dict[Id, GenerationForm]
    purposes: list[Code]


class RegionForm(_Form):
    """A set of countries."""

    title: Words
    inside: Words
    outside: Words
    token: Words | None = None
    includes: list[Id] = Field(default_factory=list)
    members: list[Country]


class RegionsForm(_Form):
    """regions.yaml."""

    regions: dict[Id, RegionForm]


class FactForm(_Form):
    """The words for a fact, and what is presumed where it is not given."""

    label: Words
    question: Words
    presumed: bool | str | list[str] | None = None


class FactsForm(_Form):
    """facts.yaml."""

    facts: dict[str, FactForm]


class TestForm(_Form):
    """How the answer to a question is said."""

    holds: Words
    fails: Words


class OutcomeForm(_Form):
    """How an outcome is called."""

    title: Words


class ListsForm(_Form):
    """How enumerations are written."""

    separator: str
    last: str


class SummariesForm(_Form):
    """The sentences that sum up a decision."""

    permitted: Words
    permitted_with_obligations: Words
    prohibited: Words
    prohibited_alternatives: Words
    contact_separate_licence: Words
    contact_case_by_case: Words
    contact_clarification: Words
    contact_missing: Words


class EffectWordsForm(_Form):
    """How what a possible finding would do is said."""

    prohibits: Words
    contact_separate_licence: Words
    contact_case_by_case: Words
    contact_clarification: Words


class NoEffectForm(_Form):
    """How it is said that no finding has an effect."""

    prohibits: Words
    contact: Words
    exempts: Words
    note: Words


class OriginsForm(_Form):
    """How it is said where a value comes from."""

    given: Words
    presumed: Words
    derived: Words
    unknown: Words


class ExactOriginsForm(_Form):
    """The same where the value itself was said."""

    presumed: Words
    derived: Words


class ExplanationForm(_Form):
    """The sentences and parts of sentences that the text of an explanation is made of."""

    outcome: Words
    prohibits: Words
    contact_separate_licence: Words
    contact_case_by_case: Words
    contact_clarification: Words
    missing: Words
    missing_fact: Words
    whatever: Words
    may_be: Words
    alternative: Words
    effects: EffectWordsForm
    contact_aside: Words
    exempts_aside: Words
    note_aside: Words
    obligations: Words
    possible_obligations: Words
    grounds: Words
    since: Words
    sources: Words
    source: Words
    remark: Words
    sentence: Words
    between: str
    either: str
    or_if: str
    nothing: Words
    absent: Words
    absent_all: Words
    no_effect: NoEffectForm
    origins: OriginsForm
    exact_origins: ExactOriginsForm
    answer: TestForm
    certain_values: Words
    clauses: dict[Code, TestForm]


class ChangesForm(_Form):
    """How changes of facts are said, and what stood in the way of something."""

    changed: Words
    instead: Words
    given: Words
    meaning: Words
    either: str
    or_others: Words
    affiliate: Words
    unknown: Words
    yes: Words
    no: Words
    stood_in_the_way: Words
    is_: Words = Field(alias="is")
    not_known: Words
    does_not_apply: Words


class WordsForm(_Form):
    """Everything in texts.yaml."""

    summaries: SummariesForm
    recourse: Words
    tests: dict[Code, TestForm]
    outcomes: dict[Code, OutcomeForm]
    lists: ListsForm
    explanation: ExplanationForm
    changes: ChangesForm


class CitationForm(_Form):
    """Where a rule comes from: a clause in words, or an item of the acceptable use policy."""

    document: Words
    clause: Words | dict[Id, Words] | None = None
    item: Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)*$")] | None = None

    @model_validator(mode="after")
    def _names_one_place(self) -> Self:
        if (self.clause is None) == (self.item is None):
            raise ValueError("a citation names either a clause or an item")
        if self.item is not None and self.document != "aup":
            raise ValueError("only the acceptable use policy (`aup`) has items; name a clause")
        return self


class StatusForm(_Form):
    """How the status of an obligation follows from a fact."""

    fact: Words
    met: list[bool | str] | None = None
    unmet: list[bool | str] | None = None
    starts_with: Literal["value"] | None = None


class ThenForm(_Form):
    """What a rule concludes: exactly one of the five kinds."""

    derive: Id | None = None
    finding: Id | None = None
    obligation: Id | None = None
    licensor: Words | None = None
    outcome: Literal["permitted", "prohibited", "contact_meta"] | None = None
    effect: Literal["prohibits", "contact", "exempts", "note"] | None = None
    reason: Literal["separate_licence", "case_by_case", "clarification"] | None = None
    review: Id | None = None
    value: str | dict[Id, str] | None = None
    status: StatusForm | None = None

    @model_validator(mode="after")
    def _concludes_one_thing(self) -> Self:
        kinds = [self.derive, self.finding, self.obligation, self.licensor, self.outcome]
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("a rule concludes one of derive, finding, obligation, licensor, outcome")
        if (self.finding is None) != (self.effect is None):
            raise ValueError("a finding has an effect, and nothing else has one")
        if (self.effect == "contact") != (self.reason is not None):
            raise ValueError("a finding whose effect is contact has a reason, and no other has one")
        if self.review is not None and self.effect != "prohibits":
            raise ValueError("only a finding that prohibits can be reviewed")
        if self.obligation is None and (self.value is not None or self.status is not None):
            raise ValueError("only an obligation has a value or a status")
        return self


class RuleForm(_Form):
    """One rule."""

    id: Id
    title: Words
    summary: Words
    generations: Literal["all"] | list[Id] | dict[Literal["from", "until"], Id]
    when: list[JsonValue]
    then: ThenForm
    citations: list[CitationForm] = Field(min_length=1)


SECTIONS: dict[str, type[_Form]] = {
    "ruleset": VersionForm,
    "documents": DocumentsForm,
    "catalogue": CatalogueForm,
    "regions": RegionsForm,
    "facts": FactsForm,
    "texts": WordsForm,
}
"""The files that are no rule files, and their forms."""

_PARTS: dict[str, tuple[type[BaseModel], ...]] = {
    "RuleForm": (RuleForm, ThenForm, CitationForm, StatusForm),
    "DocumentsForm": (DocumentsForm, DocumentForm),
    "CatalogueForm": (CatalogueForm, GenerationForm, ModelForm),
    "RegionsForm": (RegionsForm, RegionForm),
    "FactsForm": (FactsForm, FactForm),
    "WordsForm": (
        *(WordsForm, SummariesForm, TestForm, OutcomeForm, ListsForm, ExplanationForm, ChangesForm),
        *(EffectWordsForm, NoEffectForm, OriginsForm, ExactOriginsForm),
    ),
}
