"""The policy once more, by hand: an oracle that was written from the policy page alone, never from `rules/`.

`answer` decides requests of which every fact that counts is known; `brute_force` does the others.
Facts are by dotted path, lists as tuples, affiliates as a tuple of dicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Facts = Mapping[str, Any]
Made = tuple[str, str, str | None]

GENERATIONS = ("llama-2", "llama-3", "llama-3.1", "llama-3.2", "llama-3.3", "llama-4")
TWO, THREE, THREE_1, THREE_2, _, FOUR = range(6)
MODALITY = (False, False, False, None, False, True)
PERSONS = ("individual", "researcher")
ORGANISATIONS = (
    *("company", "academic_institution", "government_agency", "government_partner"),
    "other_organization",
)
ACTIVITIES = ("use", "develop", "fine_tune", "distribute_model", "distribute_product", "improve_other_model")
CASE_BY_CASE = {"researcher", "academic_institution", "government_agency", "government_partner"}
RECIPIENTS = {"end_user", "integrated_product_recipient"}

MEMBERS = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"
EU = frozenset(f"{MEMBERS} GP MQ GF RE YT MF AX".split())
EEA = EU | {"IS", "LI", "NO"}
THRESHOLD = 700_000_000
EIGHT = frozenset(("en", "de", "fr", "it", "pt", "hi", "es", "th"))
TWELVE = EIGHT | {"ar", "id", "tl", "vi"}
LANGUAGES = (frozenset({"en"}), frozenset({"en"}), EIGHT, EIGHT, EIGHT, TWELVE)

MODELS: dict[str, tuple[int, bool]] = {
    **{
        f"llama-2-{size}b{chat}{hf}": (0, False)
        for size in (7, 13, 70)
        for chat in ("", "-chat")
        for hf in ("", "-hf")
    },
    **{f"llama-3-{size}b{end}": (1, False) for size in (8, 70) for end in ("", "-instruct")},
    **{f"llama-3.1-{size}b{end}": (2, False) for size in (8, 70, 405) for end in ("", "-instruct")},
    **{f"llama-3.1-405b{end}-fp8": (2, False) for end in ("", "-instruct")},
    **{f"llama-3.2-{size}b{end}": (3, False) for size in (1, 3) for end in ("", "-instruct")},
    **{f"llama-3.2-{size}b-vision{end}": (3, True) for size in (11, 90) for end in ("", "-instruct")},
    "llama-3.3-70b-instruct": (4, False),
    **{
        f"llama-4-{model}{end}": (5, True)
        for model in ("scout-17b-16e", "maverick-17b-128e")
        for end in ("", "-instruct")
    },
    "llama-4-maverick-17b-128e-instruct-fp8": (5, True),
}

PURPOSES: dict[str, tuple[int, bool, str | None]] = {
    # code: the first generation, whether reviewed case by case, the assurance that lifts it
    **dict.fromkeys(
        (
            *("violence_terrorism", "child_exploitation", "human_trafficking_sexual_violence"),
            *("sexual_solicitation", "other_criminal_activity", "harassment_bullying"),
            *("unlawful_discrimination", "third_party_rights_violation", "malicious_code"),
            *(
                "biological_chemical_weapons",
                "weapons",
                "illegal_drugs",
                "self_harm",
                "incitement_to_violence",
            ),
            *("fraud", "disinformation", "defamation", "spam", "human_generated_claim", "fake_engagement"),
        ),
        (TWO, False, None),
    ),
    **dict.fromkeys(
        (
            *("military_warfare", "nuclear_industry", "espionage", "itar_activity"),
            *("transportation_operation", "heavy_machinery_operation"),
        ),
        (TWO, True, None),
    ),
    "age_restricted_material": (TWO, False, "age_gating_in_place"),
    "professional_practice": (TWO, False, "licensed_professional"),
    "sensitive_personal_data": (TWO, False, "data_rights_obtained"),
    "impersonation": (TWO, False, "impersonation_authorised"),
    "safety_circumvention": (THREE_2, True, None),
    "unlawful_third_party_tools": (THREE_2, False, None),
}
CODES = ("general", *PURPOSES)
ASSURANCES = {assurance: code for code, (_, _, assurance) in PURPOSES.items() if assurance}


def models_key(name: str) -> str:
    """The name that released models are compared by."""
    return name.casefold().removeprefix("meta-llama/").removeprefix("meta-")


class Case:
    """One request in the words of the policy."""

    def __init__(self, facts: Facts) -> None:
        get = facts.get
        self.facts = facts
        self.age = GENERATIONS.index(facts["model.generation"])
        self.natural = facts["entity.kind"] in PERSONS
        self.employed = self.natural and get("use.on_behalf_of") == "employer"
        where = "entity.employer." if self.employed else "entity."
        self.principal = get(f"{where}kind")
        self.country = get(
            "entity.domicile" if self.natural and not self.employed else f"{where}principal_place_of_business"
        )
        self.in_eu = self.country in EU
        self.reviewed = self.principal in CASE_BY_CASE
        activities = frozenset(get("use.activities") or ())
        self.activities = activities
        self.claims = get("use.capacity") in RECIPIENTS
        self.recipient = self.claims and activities == {"use"}
        self.under_eu_clause = self.age >= THREE_2 and bool(multimodal(facts))
        self.many_users = (get("entity.monthly_active_users") or 0) > THRESHOLD
        self.purposes = get("use.purposes") or ()
        self.role = get("use.critical_infrastructure.role")
        involved = [
            affiliate.get("involved_in") or ()
            for affiliate in get("entity.affiliates") or ()
            if affiliate.get("principal_place_of_business") in EU
        ]
        self.eu_affiliates = bool(involved)
        self.eu_develops = any("development" in each for each in involved)
        self.eu_distributes = any("distribution" in each for each in involved)

    def barred_abroad(self) -> bool:
        return self.under_eu_clause and not self.in_eu and not self.recipient

    def resident_employed(self, relationship: str) -> bool:
        return (
            self.under_eu_clause
            and self.employed
            and not self.in_eu
            and self.facts.get("entity.domicile") in EU
            and self.facts.get("entity.employer.relationship") == relationship
        )

    def reaches_eu(self) -> bool:
        regions = self.facts.get("use.distribution_regions") or ()
        return (
            self.under_eu_clause
            and not self.in_eu
            and any(region in EU or region in {"EU", "worldwide"} for region in regions)
        )

    def said(self, fact: str) -> bool:
        return self.facts.get(fact) is True

    def denied(self, fact: str) -> bool:
        return self.facts.get(fact) is False


def multimodal(facts: Facts) -> bool | None:
    """As stated, else by the name, else by the generation."""
    stated: bool | None = facts.get("model.multimodal")
    if stated is not None:
        return stated
    known = MODELS.get(models_key(facts.get("model.name") or ""))
    return known[1] if known else MODALITY[GENERATIONS.index(facts["model.generation"])]


def _text_derivative(case: Case) -> bool:
    name = case.facts.get("model.name")
    return (
        case.age == FOUR
        and name is not None
        and models_key(name) not in MODELS
        and case.denied("model.multimodal")
        and case.in_eu
        and not case.recipient
    )


def _unsupported(case: Case) -> bool:
    primary = (tag.split("-")[0].lower() for tag in case.facts.get("use.languages") or ())
    return (
        case.age >= THREE_1
        and "fine_tune" in case.activities
        and any({"fil": "tl"}.get(tag, tag) not in LANGUAGES[case.age] for tag in primary)
    )


def _improves_other(case: Case) -> bool:
    return (
        case.age <= THREE
        and "improve_other_model" in case.activities
        and case.facts.get("use.output_model.target") in {"other_llm", "other_ai_model"}
    )


REVIEWED = "prohibits, unless reviewed case by case"
CLARIFICATION, SEPARATE = "contact clarification", "contact separate_licence"

FINDINGS: tuple[tuple[str, str, Callable[[Case], bool]], ...] = (
    ("licence.eu-multimodal", REVIEWED, lambda c: c.under_eu_clause and c.in_eu and not c.recipient),
    ("licence.eu-multimodal-end-user", "exempts", lambda c: c.under_eu_clause and c.in_eu and c.recipient),
    ("licence.eu-text-derivative", CLARIFICATION, _text_derivative),
    ("licence.eu-resident-employee", "note", lambda c: c.resident_employed("employee")),
    (
        "licence.eu-resident-contractor",
        CLARIFICATION,
        lambda c: c.resident_employed("contractor") and not c.recipient,
    ),
    ("licence.eu-affiliate-develops", "prohibits", lambda c: c.barred_abroad() and c.eu_develops),
    (
        "licence.eu-affiliate-distributes",
        CLARIFICATION,
        lambda c: c.barred_abroad() and not c.eu_develops and c.eu_distributes,
    ),
    (
        "licence.eu-affiliate-excluded",
        "note",
        lambda c: c.barred_abroad() and c.eu_affiliates and not c.eu_develops and not c.eu_distributes,
    ),
    (
        "licence.eu-office",
        "note",
        lambda c: (
            c.under_eu_clause
            and c.principal in ORGANISATIONS
            and not c.in_eu
            and not EU.isdisjoint(c.facts.get("entity.development_offices") or ())
        ),
    ),
    ("licence.eu-distribution", "note", lambda c: "distribute_product" in c.activities and c.reaches_eu()),
    ("licence.eu-model-recipients", "note", lambda c: "distribute_model" in c.activities and c.reaches_eu()),
    ("licence.mau-threshold", SEPARATE, lambda c: c.many_users and not c.recipient),
    ("licence.integrated-product", "exempts", lambda c: c.many_users and c.recipient),
    ("licence.recipient-claim-void", "note", lambda c: c.claims and not c.recipient),
    ("licence.improve-other-model", REVIEWED, _improves_other),
    (
        "licence.improve-with-attribution",
        "note",
        lambda c: c.age >= THREE_1 and "improve_other_model" in c.activities,
    ),
    ("licence.ip-litigation", "prohibits", lambda c: c.said("entity.ip_litigation_against_meta")),
    ("licence.terminated", "prohibits", lambda c: c.said("entity.licence_terminated")),
    ("licence.capacity", "prohibits", lambda c: c.denied("entity.can_accept_licence")),
    ("licence.trade-compliance", "prohibits", lambda c: c.said("entity.trade_restricted")),
    ("licence.unsupported-language", "note", _unsupported),
    ("aup.critical-infrastructure-operation", REVIEWED, lambda c: c.role == "operation"),
    ("aup.critical-infrastructure-unrelated", "note", lambda c: c.role == "operator_unrelated_use"),
    (
        "aup.critical-infrastructure-certification",
        "note",
        lambda c: c.role == "operation" and bool(c.facts.get("use.critical_infrastructure.certification")),
    ),
    ("aup.undisclosed-dangers", "prohibits", lambda c: c.denied("use.assurances.known_dangers_disclosed")),
)


def findings_of(case: Case) -> Iterator[Made]:
    effects = [(name, effect) for name, effect, when in FINDINGS if when(case)]
    for code in case.purposes:
        if code == "general":
            continue
        since, reviewed, assurance = PURPOSES[code]
        if case.age < since:
            effects.append(("aup.not-in-this-generation", "note"))
        elif assurance is None or not case.said(f"use.assurances.{assurance}"):
            effects.append((f"aup.{code.replace('_', '-')}", REVIEWED if reviewed else "prohibits"))
    for name, effect in effects:
        if effect == REVIEWED:
            yield (name, "contact", "case_by_case") if case.reviewed else (name, "prohibits", None)
        else:
            kind, _, reason = effect.partition(" ")
            yield name, kind, reason or None


NAMES = ("2", "3", "3.1", "3.2", "3.3", "4")
RIGHTS = "All Rights Reserved."


def _notice(age: int) -> str:
    if age == TWO:
        terms = "LLAMA 2 Community License, Copyright (c) Meta Platforms, Inc."
        return f"Llama 2 is licensed under the {terms} {RIGHTS}"
    name = "Meta Llama 3" if age == THREE else f"Llama {NAMES[age]}"
    return f"{name} is licensed under the {name} Community License, Copyright © Meta Platforms, Inc. {RIGHTS}"


def obligations_of(case: Case, findings: frozenset[Made]) -> Iterator[tuple[str, str | None]]:
    model, service = ("distribute_model" in case.activities, "distribute_product" in case.activities)
    from_three = case.age >= THREE
    if model or (service and from_three):
        yield "licence-copy", None
    if from_three and (model or service):
        yield "built-with", "Built with Meta Llama 3" if case.age == THREE else "Built with Llama"
    made = "fine_tune" in case.activities and (model or service)
    improved = "improve_other_model" in case.activities and case.said("use.output_model.distributed")
    if from_three and (made or improved):
        yield "model-name-prefix", "Llama 3" if case.age == THREE else "Llama"
    if model:
        yield "notice-file", _notice(case.age)
    yield "follow-aup", None
    if service:
        yield "disclose-dangers", None
    if case.age <= THREE:
        yield "no-other-model", None
    if ("licence.eu-affiliate-excluded", "note", None) in findings:
        yield "exclude-eu-affiliates", None


PLACES = {
    **dict.fromkeys(("title", "subtitle", "first_sentences", "about_page_first_sentences"), "met"),
    **dict.fromkeys(("footnote", "last_page", "none"), "unmet"),
}


def status(obligation: str, value: str | None, facts: Facts) -> str:
    """What the facts say of an obligation: `met`, `unmet` or `unknown`."""
    if obligation == "built-with":
        return PLACES.get(facts.get("use.attribution.built_with_location") or "", "unknown")
    if obligation in {"notice-file", "licence-copy"}:
        given = facts.get(f"use.attribution.{obligation.replace('-', '_')}")
        return "unknown" if given is None else "met" if given else "unmet"
    name = facts.get("use.output_model.name")
    if obligation == "model-name-prefix" and name is not None and value is not None:
        alike = str.maketrans("-_", "  ")
        return "met" if name.translate(alike).startswith(value.translate(alike)) else "unmet"
    return "unknown"


@dataclass(frozen=True)
class Answer:
    """What the policy says. With unknown facts: what holds for certain, and what can."""

    outcome: str
    findings: frozenset[Made]
    obligations: Mapping[str, tuple[str | None, str]]
    licensor: str | None
    reasons: frozenset[str]
    missing: Mapping[str, frozenset[str]] = field(default_factory=dict)
    possible: Mapping[str, frozenset[str]] = field(default_factory=dict)


def outcome_of(findings: frozenset[Made]) -> str:
    effects = {effect for _, effect, _ in findings}
    return "prohibited" if "prohibits" in effects else "contact_meta" if "contact" in effects else "permitted"


def reasons_of(findings: frozenset[Made]) -> frozenset[str]:
    return frozenset(reason for _, _, reason in findings if reason)


def licensor_of(country: str | None) -> str | None:
    if country is None:
        return None
    return "Meta Platforms Ireland Limited" if country in EEA or country == "CH" else "Meta Platforms, Inc."


def answer(facts: Facts) -> Answer:
    """Decide a request of which every fact that counts is known."""
    case = Case(facts)
    findings = frozenset(findings_of(case))
    outcome = outcome_of(findings)
    due = obligations_of(case, findings) if outcome == "permitted" else ()
    return Answer(
        outcome=outcome,
        findings=findings,
        obligations={name: (value, status(name, value, facts)) for name, value in due},
        licensor=licensor_of(case.country),
        reasons=reasons_of(findings) if outcome == "contact_meta" else frozenset(),
    )


PRESUMED: dict[str, Any] = {
    "entity.affiliates": [],
    "entity.development_offices": [],
    "entity.monthly_active_users": f"not above {THRESHOLD}",
    "entity.ip_litigation_against_meta": False,
    "entity.licence_terminated": False,
    "entity.can_accept_licence": True,
    "entity.trade_restricted": False,
    "use.capacity": "licensee",
    "use.on_behalf_of": "self",
    "use.assurances.known_dangers_disclosed": True,
    "use.distribution_regions": [],
    "use.languages": [],
}


def assumptions(facts: Facts) -> dict[str, Any]:
    """Every presumed fact that was not given, unless it is not applicable."""
    case = Case(facts)
    left_out = {
        "entity.monthly_active_users": not case.natural or case.employed,
        "use.on_behalf_of": not case.natural,
    }
    return {
        fact: value
        for fact, value in PRESUMED.items()
        if facts.get(fact) is None and not left_out.get(fact, False)
    }
