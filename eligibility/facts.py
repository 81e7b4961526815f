"""What a caller may say: the facts of the policy (section 3), their types, units and bounds.

The pydantic models are the form of a request: they check bodies and describe them to callers (JSON Schema).
What the rest of the project works with is `EligibilityRequest`, plain values by dotted path.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from eligibility.scalars import (
    Country,
    Description,
    Entries,
    Generation,
    Language,
    Purpose,
    Region,
    SomeEntries,
    Text,
    Users,
)

OrganisationKind = Literal[
    "company", "academic_institution", "government_agency", "government_partner", "other_organization"
]
EntityKind = Literal["individual", "researcher", OrganisationKind]
ORGANISATIONS: Final[tuple[str, ...]] = get_args(OrganisationKind)
NATURAL_PERSONS: Final[tuple[str, ...]] = ("individual", "researcher")


@dataclass(frozen=True)
class CatalogueModel:
    """A foundation model under the name its weights are published by."""

    name: str
    generation: str
    multimodal: bool


@dataclass(frozen=True)
class Vocabulary:
    """The words of a request that the ruleset decides on.

    `models` are keyed by `normalise_model_name`; `modality` says of each generation whether all its released
    models are multimodal, and is None where they differ.
    """

    generations: tuple[str, ...]
    purposes: tuple[str, ...]
    models: Mapping[str, CatalogueModel]
    modality: Mapping[str, bool | None]

    @cached_property
    def purpose_codes(self) -> frozenset[str]:
        """The purposes, to look one up."""
        return frozenset(self.purposes)

    def model(self, name: str | None) -> CatalogueModel | None:
        """Return the released model of that name, None for a derivative or where no name is given."""
        return None if name is None else self.models.get(normalise_model_name(name))


@dataclass(frozen=True)
class EligibilityRequest:
    """A request that is in good form and does not contradict itself.

    `document` holds the facts as given, as nested JSON: absent ones left out, lists that are sets sorted,
    numbers of users as int. `facts` holds the same by the dotted path of each leaf, lists as tuples
    (`entity.affiliates` as a tuple of dicts). What is not applicable is still there.
    """

    document: dict[str, Any]
    facts: dict[str, Any]
    request_id: str | None = None


def normalise_model_name(name: str) -> str:
    """Return what names of models are compared by: no case, no owner `meta-llama/`, no `Meta-`."""
    return name.casefold().removeprefix("meta-llama/").removeprefix("meta-")


_FORM = ConfigDict(strict=True, extra="forbid", frozen=True)


class ModelFacts(BaseModel):
    """The Llama model that the request is about."""

    model_config = _FORM

    generation: Generation = Field(
        description="Llama generation whose licence applies, by the policy's code.", examples=["llama-4"]
    )
    name: Text | None = Field(
        default=None,
        description="Name the weights are published by, or a derivative's own name. Case, the owner prefix"
        " `meta-llama/` and `Meta-` do not matter.",
        examples=["Llama-4-Maverick-17B-128E-Instruct"],
    )
    multimodal: bool | None = Field(
        default=None,
        description="Whether it takes more than text. Derived from name or generation when absent.",
    )


class Employer(BaseModel):
    """Whom a natural person works for. Counts only with `use.on_behalf_of` `employer`."""

    model_config = _FORM

    kind: OrganisationKind | None = Field(
        default=None, description="What sort of organisation the employer is."
    )
    principal_place_of_business: Country | None = Field(
        default=None, description="Where the employer is run from, ISO 3166-1 alpha-2.", examples=["US"]
    )
    relationship: Literal["employee", "contractor"] | None = Field(
        default=None, description="How the person works for the employer."
    )


class Affiliate(BaseModel):
    """A company under common control with the applicant, or with the employer acted for."""

    model_config = _FORM

    relation: Literal["parent", "subsidiary", "affiliate"] | None = Field(
        default=None, description="What the affiliate is to the applicant."
    )
    principal_place_of_business: Country | None = Field(
        default=None, description="Where the affiliate is run from, ISO 3166-1 alpha-2.", examples=["DE"]
    )
    involved_in: Annotated[list[Literal["development", "distribution"]], Entries] | None = Field(
        default=None, description="What the affiliate takes part in; `[]` for nothing."
    )


class EntityFacts(BaseModel):
    """Who asks: a natural person or an organisation."""

    model_config = _FORM

    kind: EntityKind = Field(description="The first two are natural persons, the rest organisations.")
    name: Text | None = Field(default=None, description="Name of the applicant; no rule reads it.")
    reference: Text | None = Field(
        default=None, description="The caller's own reference; no rule reads it.", examples=["crm-4711"]
    )
    domicile: Country | None = Field(
        default=None, description="Where a natural person is domiciled, ISO 3166-1 alpha-2.", examples=["FR"]
    )
    principal_place_of_business: Country | None = Field(
        default=None, description="Where an organisation is run from, ISO 3166-1 alpha-2.", examples=["US"]
    )
    employer: Employer | None = Field(default=None, description="Whom a natural person works for.")
    affiliates: Annotated[list[Affiliate], Entries] | None = Field(
        default=None, description="Affiliates of the applicant, or of the employer acted for. Presumed none."
    )
    development_offices: Annotated[list[Country], Entries] | None = Field(
        default=None, description="Countries of the offices that develop. Presumed none."
    )
    monthly_active_users: Users | None = Field(
        default=None,
        description="People, each counted once, who used any product or service of the licensee or its"
        " affiliates in the calendar month before the generation's release.",
        examples=[1_200_000],
    )
    ip_litigation_against_meta: bool | None = Field(
        default=None,
        description="Whether the applicant brought a claim, against Meta or anyone, that Llama materials or"
        " outputs infringe its rights. Presumed false.",
    )
    licence_terminated: bool | None = Field(
        default=None, description="Whether Meta ended an earlier licence. Presumed false."
    )
    can_accept_licence: bool | None = Field(
        default=None, description="Of legal age, and with authority to bind the licensee. Presumed true."
    )
    trade_restricted: bool | None = Field(
        default=None,
        description="Whether trade compliance laws forbid dealing with the applicant. Presumed false.",
    )


class CriticalInfrastructure(BaseModel):
    """Whether critical infrastructure is operated, and whether the use has to do with it."""

    model_config = _FORM

    role: Literal["none", "operator_unrelated_use", "operation"] | None = Field(
        default=None,
        description="`operation`: the use has to do with operating it; `operator_unrelated_use`: it is an"
        " operator's, and has not.",
    )
    sector: Text | None = Field(default=None, description="Which infrastructure; no rule reads it.")
    certification: Text | None = Field(default=None, description="Certification held, if any.")


class Assurances(BaseModel):
    """What the applicant vouches for. Each counts only with the purpose it belongs to."""

    model_config = _FORM

    licensed_professional: bool | None = Field(
        default=None, description="For `professional_practice`: whoever practises is licensed to."
    )
    data_rights_obtained: bool | None = Field(
        default=None,
        description="For `sensitive_personal_data`: the rights and consents the law asks for are there.",
    )
    age_gating_in_place: bool | None = Field(
        default=None,
        description="For `age_restricted_material`: the age checks the law asks for are in place.",
    )
    impersonation_authorised: bool | None = Field(
        default=None, description="For `impersonation`: whoever is impersonated has agreed, or has the right."
    )
    known_dangers_disclosed: bool | None = Field(
        default=None, description="End users are told of the system's known dangers. Presumed true."
    )


class OutputModel(BaseModel):
    """The model that Llama or its outputs help to make. Counts only with `improve_other_model`."""

    model_config = _FORM

    target: Literal["llama_derivative", "other_llm", "other_ai_model"] | None = Field(
        default=None,
        description="`llama_derivative`: of the stated generation; `other_llm`: any other language model,"
        " other Llama generations included.",
    )
    distributed: bool | None = Field(default=None, description="Whether the model made is given to others.")
    name: Text | None = Field(default=None, description="Name of the model made, however it was made.")


class Attribution(BaseModel):
    """Where and how Llama is named. Touches only the status of obligations."""

    model_config = _FORM

    built_with_location: (
        Literal[
            "title",
            "subtitle",
            "first_sentences",
            "about_page_first_sentences",
            "website",
            "user_interface",
            "product_documentation",
            "footnote",
            "last_page",
            "none",
        ]
        | None
    ) = Field(default=None, description="Where the words that name Llama are displayed.")
    notice_file: bool | None = Field(
        default=None, description="Whether the notice file goes with the copies."
    )
    licence_copy: bool | None = Field(
        default=None, description="Whether a copy of the licence goes with them."
    )


Activity = Literal[
    "use", "develop", "fine_tune", "distribute_model", "distribute_product", "improve_other_model"
]


class UseFacts(BaseModel):
    """What the model is to be used for."""

    model_config = _FORM

    capacity: Literal["licensee", "integrated_product_recipient", "end_user"] | None = Field(
        default=None, description="In what capacity the applicant gets the model. Presumed `licensee`."
    )
    on_behalf_of: Literal["self", "employer"] | None = Field(
        default=None,
        description="`employer`: a natural person within the scope of the work for one. Presumed `self`; an"
        " organisation may only say `self`.",
    )
    activities: Annotated[list[Activity], SomeEntries] | None = Field(
        default=None, description="What is done with the model."
    )
    purposes: Annotated[list[Purpose], SomeEntries] | None = Field(
        default=None,
        description="Codes of what the use is for, as the policy lists them; `general` where none fits.",
        examples=[["general"]],
    )
    critical_infrastructure: CriticalInfrastructure | None = Field(
        default=None, description="Operation of critical infrastructure."
    )
    assurances: Assurances | None = Field(default=None, description="What the applicant vouches for.")
    output_model: OutputModel | None = Field(default=None, description="The other model that is improved.")
    distribution_regions: Annotated[list[Region], Entries] | None = Field(
        default=None, description="Countries, `EU` or `worldwide` (the EU included). Presumed none."
    )
    languages: Annotated[list[Language], Entries] | None = Field(
        default=None, description="Language tags (BCP 47), compared by primary subtag. Presumed none."
    )
    attribution: Attribution | None = Field(default=None, description="Where and how Llama is named.")
    description: Description | None = Field(default=None, description="For reviewers; no rule reads it.")


class RequestBody(BaseModel):
    """Facts about one use of a Llama model. `null` and blank texts equal absence; lists are sets."""

    model_config = ConfigDict(
        **_FORM,
        json_schema_extra={
            "examples": [
                {
                    "model": {"generation": "llama-4", "name": "Llama-4-Maverick-17B-128E-Instruct"},
                    "entity": {
                        "kind": "company",
                        "name": "Example Robotics Inc.",
                        "principal_place_of_business": "US",
                        "monthly_active_users": 1_200_000,
                    },
                    "use": {
                        "activities": ["develop", "distribute_product"],
                        "purposes": ["general"],
                        "critical_infrastructure": {"role": "none"},
                    },
                }
            ]
        },
    )

    model: ModelFacts = Field(description="The Llama model.")
    entity: EntityFacts = Field(description="The applicant.")
    use: UseFacts | None = Field(default=None, description="The use.")


class BacklogLine(RequestBody):
    """One line of a backlog: a request with the caller's own name for it."""

    request_id: Text | None = Field(
        default=None, description="Handed back with the result; no rule reads it."
    )
