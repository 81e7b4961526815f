"""The facts of a request, their kinds and values: what rules may ask, and what a request could give.

The paths and code lists are those of the policy, section 3. Members of affiliates are written
`entity.affiliates[].involved_in`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NATURAL_PERSONS = ("individual", "researcher")
ORGANISATIONS = (
    "company",
    "academic_institution",
    "government_agency",
    "government_partner",
    "other_organization",
)
RECIPIENTS = ("integrated_product_recipient", "end_user")
AFFILIATES = "entity.affiliates"
MEMBER = f"{AFFILIATES}[]."


@dataclass(frozen=True)
class Domain:
    """The kind of a fact and, for codes, its values.

    Kinds: `code`, `boolean`, `country`, `number`, `codes` (a list), `regions` (a list of countries and
    regions), `languages`, `text`, `model_name`, `affiliates`. Where a fact of codes has no values here, they
    are policy data: the generations, or the purposes.
    """

    kind: str
    values: tuple[str, ...] = ()


FACTS: Mapping[str, Domain] = {
    "model.generation": Domain("code"),
    "model.name": Domain("model_name"),
    "model.multimodal": Domain("boolean"),
    "entity.kind": Domain("code", NATURAL_PERSONS + ORGANISATIONS),
    "entity.name": Domain("text"),
    "entity.reference": Domain("text"),
    "entity.domicile": Domain("country"),
    "entity.principal_place_of_business": Domain("country"),
    "entity.employer.kind": Domain("code", ORGANISATIONS),
    "entity.employer.principal_place_of_business": Domain("country"),
    "entity.employer.relationship": Domain("code", ("employee", "contractor")),
    AFFILIATES: Domain("affiliates"),
    f"{MEMBER}relation": Domain("code", ("parent", "subsidiary", "affiliate")),
    f"{MEMBER}principal_place_of_business": Domain("country"),
    f"{MEMBER}involved_in": Domain("codes", ("development", "distribution")),
    "entity.development_offices": Domain("regions"),
    "entity.monthly_active_users": Domain("number"),
    "entity.ip_litigation_against_meta": Domain("boolean"),
    "entity.licence_terminated": Domain("boolean"),
    "entity.can_accept_licence": Domain("boolean"),
    "entity.trade_restricted": Domain("boolean"),
    "use.capacity": Domain("code", ("licensee", *RECIPIENTS)),
    "use.on_behalf_of": Domain("code", ("self", "employer")),
    "use.activities": Domain(
        "codes",
        ("use", "develop", "fine_tune", "distribute_model", "distribute_product", "improve_other_model"),
    ),
    "use.purposes": Domain("codes"),
    "use.critical_infrastructure.role": Domain("code", ("none", "operator_unrelated_use", "operation")),
    "use.critical_infrastructure.sector": Domain("text"),
    "use.critical_infrastructure.certification": Domain("text"),
    "use.assurances.licensed_professional": Domain("boolean"),
    "use.assurances.data_rights_obtained": Domain("boolean"),
    "use.assurances.age_gating_in_place": Domain("boolean"),
    "use.assurances.impersonation_authorised": Domain("boolean"),
    "use.assurances.known_dangers_disclosed": Domain("boolean"),
    "use.output_model.target": Domain("code", ("llama_derivative", "other_llm", "other_ai_model")),
    "use.output_model.distributed": Domain("boolean"),
    "use.output_model.name": Domain("text"),
    "use.distribution_regions": Domain("regions"),
    "use.languages": Domain("languages"),
    "use.attribution.built_with_location": Domain(
        "code",
        (
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
        ),
    ),
    "use.attribution.notice_file": Domain("boolean"),
    "use.attribution.licence_copy": Domain("boolean"),
    "use.description": Domain("text"),
}

TESTS: Mapping[str, tuple[str, ...]] = {
    "code": ("is", "is_one_of"),
    "boolean": ("is",),
    "country": ("in",),
    "number": ("above",),
    "codes": ("has", "has_only"),
    "regions": ("some_in",),
    "languages": ("some_unsupported",),
    "text": ("given",),
    "model_name": ("is_derivative",),
    "affiliates": ("some",),
}
"""The tests that may be asked of a fact of each kind."""

DECLARED_BY: Mapping[str, tuple[str, str]] = {
    "use.assurances.licensed_professional": ("use.purposes", "professional_practice"),
    "use.assurances.data_rights_obtained": ("use.purposes", "sensitive_personal_data"),
    "use.assurances.age_gating_in_place": ("use.purposes", "age_restricted_material"),
    "use.assurances.impersonation_authorised": ("use.purposes", "impersonation"),
    "use.output_model.target": ("use.activities", "improve_other_model"),
    "use.output_model.distributed": ("use.activities", "improve_other_model"),
}
"""Facts that count only because another fact, a list, names a code (policy, section 3)."""


def domain_of(path: str, purposes: tuple[str, ...] = (), generations: tuple[str, ...] = ()) -> Domain | None:
    """The domain of a fact, with the values that are policy data filled in; None if there is no such fact."""
    if path == "use.purposes":
        return Domain("codes", purposes)
    if path == "model.generation":
        return Domain("code", generations)
    return FACTS.get(path)
