"""Requests like those a portal gets: mostly clean and complete, with the countries and kinds that occur."""

import random
from typing import Any

import orjson

COUNTRIES = (
    "US",
    "DE",
    "FR",
    "GB",
    "IN",
    "JP",
    "BR",
    "NL",
    "CA",
    "ES",
    "SE",
    "CH",
    "NO",
    "KR",
    "PL",
    "RE",
    "AU",
    "SG",
)
PURPOSES = (
    "professional_practice",
    "sensitive_personal_data",
    "age_restricted_material",
    "impersonation",
    "spam",
    "military_warfare",
    "fraud",
    "safety_circumvention",
)
ASSURANCES = {
    "professional_practice": "licensed_professional",
    "sensitive_personal_data": "data_rights_obtained",
    "age_restricted_material": "age_gating_in_place",
    "impersonation": "impersonation_authorised",
}
GENERATIONS = ("llama-4", "llama-3.1", "llama-3.2", "llama-3.3", "llama-3", "llama-2")
KINDS = (
    "company",
    "company",
    "company",
    "individual",
    "researcher",
    "academic_institution",
    "government_agency",
)
ACTIVITIES = ("use", "develop", "fine_tune", "distribute_product", "distribute_model", "improve_other_model")


def _zipf(random_: random.Random, values: tuple[str, ...]) -> str:
    return random_.choices(values, [1 / rank for rank in range(1, len(values) + 1)])[0]


def _entity(random_: random.Random, number: int) -> dict[str, Any]:
    kind = random_.choice(KINDS)
    entity: dict[str, Any] = {"kind": kind, "name": f"Applicant {number}", "reference": f"crm-{number}"}
    where = "domicile" if kind in {"individual", "researcher"} else "principal_place_of_business"
    if random_.random() < 0.95:
        entity[where] = _zipf(random_, COUNTRIES)
    if random_.random() < 0.95:
        entity["monthly_active_users"] = int(random_.lognormvariate(9, 4))
    if random_.random() < 0.2:
        entity["affiliates"] = [
            {
                "relation": "subsidiary",
                "principal_place_of_business": _zipf(random_, COUNTRIES),
                "involved_in": random_.choice(([], [], ["development"], ["distribution"])),
            }
            for _ in range(random_.randint(1, 3))
        ]
    return entity


def _use(random_: random.Random) -> dict[str, Any]:
    activities = sorted({_zipf(random_, ACTIVITIES) for _ in range(random_.randint(1, 3))})
    use: dict[str, Any] = {"activities": activities, "purposes": ["general"]}
    if random_.random() < 0.1:
        purpose = random_.choice(PURPOSES)
        use["purposes"] = ["general", purpose]
        if purpose in ASSURANCES:
            use["assurances"] = {ASSURANCES[purpose]: random_.random() < 0.8}
    if random_.random() < 0.97:
        use["critical_infrastructure"] = {
            "role": random_.choices(("none", "operator_unrelated_use", "operation"), (90, 6, 4))[0]
        }
    if "improve_other_model" in activities:
        use["output_model"] = {"target": "other_llm", "distributed": random_.random() < 0.5}
    if "distribute_product" in activities:
        use["distribution_regions"] = random_.choice((["EU", "US"], ["worldwide"], ["US"]))
        use["attribution"] = {
            "built_with_location": random_.choice(("title", "website", "footnote")),
            "licence_copy": True,
        }
    return use


def requests(count: int, seed: int = 1, first: int = 0) -> list[bytes]:
    """Bodies of requests; the same for the same seed. Applicants are numbered from `first`."""
    random_ = random.Random(seed)
    return [
        orjson.dumps(
            {
                "model": {"generation": _zipf(random_, GENERATIONS)},
                "entity": _entity(random_, number),
                "use": _use(random_),
            }
        )
        for number in range(first, first + count)
    ]
