"""Requests for tests, by the outcome that they get."""

import copy
from typing import Any

_PERMITTED: dict[str, Any] = {
    "model": {"generation": "llama-4", "name": "Llama-4-Maverick-17B-128E-Instruct"},
    "entity": {
        "kind": "company",
        "name": "Example Robotics Inc.",
        "reference": "crm-4711",
        "principal_place_of_business": "US",
        "affiliates": [
            {"relation": "subsidiary", "principal_place_of_business": "DE", "involved_in": []},
            {"relation": "parent", "principal_place_of_business": "JP", "involved_in": ["development"]},
        ],
        "monthly_active_users": 1_200_000,
    },
    "use": {
        "activities": ["develop", "distribute_product"],
        "purposes": ["general"],
        "critical_infrastructure": {"role": "none"},
        "distribution_regions": ["EU", "US"],
        "attribution": {"built_with_location": "about_page_first_sentences", "licence_copy": True},
        "description": "An assistant for people who repair robots.",
    },
}


def permitted(**entity: Any) -> dict[str, Any]:
    body = copy.deepcopy(_PERMITTED)
    body["entity"].update(entity)
    return body


def prohibited(**entity: Any) -> dict[str, Any]:
    return permitted(principal_place_of_business="FR", **entity)


def unclear(**entity: Any) -> dict[str, Any]:
    """Almost nothing is known."""
    return {"model": {"generation": "llama-3.2"}, "entity": {"kind": "company", **entity}}
