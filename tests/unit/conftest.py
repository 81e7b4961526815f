import copy
from typing import Any

import pytest

from eligibility.facts import CatalogueModel, Vocabulary, normalise_model_name

MODELS = (
    CatalogueModel("Llama-2-7b-chat-hf", "llama-2", multimodal=False),
    CatalogueModel("Meta-Llama-3-8B", "llama-3", multimodal=False),
    CatalogueModel("Llama-3.1-405B-Instruct-FP8", "llama-3.1", multimodal=False),
    CatalogueModel("Llama-3.2-1B", "llama-3.2", multimodal=False),
    CatalogueModel("Llama-3.2-11B-Vision", "llama-3.2", multimodal=True),
    CatalogueModel("Llama-3.3-70B-Instruct", "llama-3.3", multimodal=False),
    CatalogueModel("Llama-4-Scout-17B-16E", "llama-4", multimodal=True),
)
PURPOSES = (
    *(
        "general",
        "violence_terrorism",
        "child_exploitation",
        "age_restricted_material",
        "professional_practice",
    ),
    *(
        "sensitive_personal_data",
        "malicious_code",
        "military_warfare",
        "weapons",
        "illegal_drugs",
        "self_harm",
    ),
    *("fraud", "disinformation", "spam", "impersonation"),
)
MODALITY = {
    "llama-2": False,
    "llama-3": False,
    "llama-3.1": False,
    "llama-3.2": None,
    "llama-3.3": False,
    "llama-4": True,
}
SMALLEST: dict[str, Any] = {"model": {"generation": "llama-4"}, "entity": {"kind": "company"}}


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    """Return the words of a small policy: one model or two of each generation, some purposes."""
    models = {normalise_model_name(model.name): model for model in MODELS}
    return Vocabulary(tuple(MODALITY), PURPOSES, models, MODALITY)


@pytest.fixture
def body() -> dict[str, Any]:
    """Return the smallest request there is, to be changed at will."""
    return copy.deepcopy(SMALLEST)
