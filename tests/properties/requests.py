"""Requests of every sort: a seeded generator, also as a hypothesis strategy, and values at every boundary.

Requests are JSON objects as a caller would send them, in good form and without contradictions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.properties.oracle import (
    ACTIVITIES,
    ASSURANCES,
    CODES,
    GENERATIONS,
    MODALITY,
    MODELS,
    ORGANISATIONS,
    PERSONS,
    THRESHOLD,
)

KINDS = (*PERSONS, *ORGANISATIONS)
IN_EU = ("FR", "DE", "IE", "HR", "GP", "MQ", "GF", "RE", "YT", "MF", "AX")
ELSEWHERE = (
    "IS",
    "LI",
    "NO",
    "CH",
    "US",
    "GB",
    "GI",
    "GL",
    "FO",
    "NC",
    "PF",
    "BL",
    "PM",
    "WF",
    "AW",
    "CW",
    "SX",
    "BQ",
)
COUNTRIES = (*IN_EU, *ELSEWHERE)
COMMON = ("FR", "NO", "CH", "US")
USERS = (0, 1, THRESHOLD - 1, THRESHOLD, THRESHOLD + 1, 2**53 - 1)
LANGUAGES = (
    "en",
    "EN-us",
    "de",
    "th",
    "ar",
    "id",
    "vi",
    "tl",
    "fil",
    "FIL-PH",
    "ja",
    "sw",
    "zh-Hant",
    "i-klingon",
)
NAMES = (
    "Llama 3 tuned",
    "Llama-3-mine",
    "llama-3",
    "Llama",
    "LlamaLlama",
    "Built on Llama",
    "My model",
    "Llama_3",
)
PLACES = (
    *("title", "subtitle", "first_sentences", "about_page_first_sentences", "website", "user_interface"),
    *("product_documentation", "footnote", "last_page", "none"),
)
FLAGS = (False, True)

VALUES: dict[str, Sequence[Any]] = {
    "entity.name": ("Example Ltd", "Ærø {x} <b>"),
    "entity.reference": ("crm-4711",),
    "entity.domicile": COUNTRIES,
    "entity.principal_place_of_business": COUNTRIES,
    "entity.employer.kind": ORGANISATIONS,
    "entity.employer.principal_place_of_business": COUNTRIES,
    "entity.employer.relationship": ("employee", "contractor"),
    "entity.development_offices": ([], ["US"], ["FR"], ["US", "AX", "US"], ["NO", "CH", "GB"]),
    "entity.monthly_active_users": USERS,
    "entity.ip_litigation_against_meta": FLAGS,
    "entity.licence_terminated": FLAGS,
    "entity.can_accept_licence": FLAGS,
    "entity.trade_restricted": FLAGS,
    "use.capacity": ("licensee", "integrated_product_recipient", "end_user"),
    "use.on_behalf_of": ("self", "employer"),
    "use.activities": (
        *([one] for one in ACTIVITIES),
        ["use", "develop"],
        ["fine_tune", "distribute_product"],
    ),
    "use.purposes": tuple([code] for code in CODES),
    "use.critical_infrastructure.role": ("none", "operator_unrelated_use", "operation"),
    "use.critical_infrastructure.sector": ("power",),
    "use.critical_infrastructure.certification": ("ISO 27001", " "),
    **{f"use.assurances.{assurance}": FLAGS for assurance in (*ASSURANCES, "known_dangers_disclosed")},
    "use.output_model.target": ("llama_derivative", "other_llm", "other_ai_model"),
    "use.output_model.distributed": FLAGS,
    "use.output_model.name": NAMES,
    "use.distribution_regions": (
        [],
        ["EU"],
        ["worldwide"],
        ["US"],
        ["GP"],
        ["NO", "CH"],
        ["US", "worldwide"],
    ),
    "use.languages": ([], *([tag] for tag in LANGUAGES), ["en", "ja"]),
    "use.attribution.built_with_location": PLACES,
    "use.attribution.notice_file": FLAGS,
    "use.attribution.licence_copy": FLAGS,
    "use.description": ("What we do.",),
}
"""For each fact but the affiliates, values on both sides of whatever the policy may ask."""

INVOLVED: Sequence[list[str]] = ([], ["development"], ["distribution"], ["development", "distribution"])
AFFILIATES: Sequence[Any] = (
    [],
    *(
        [{"principal_place_of_business": country, "involved_in": involved}]
        for country in COMMON
        for involved in INVOLVED
    ),
    [{}],
    [{"principal_place_of_business": "DE"}],
    [{"involved_in": ["development"]}, {"involved_in": ["development"]}],
    [
        {"principal_place_of_business": "DE", "involved_in": []},
        {"principal_place_of_business": "FR", "involved_in": ["distribution"]},
    ],
)


def set_fact(document: dict[str, Any], fact: str, value: Any) -> None:
    """Set a fact, by its dotted path; None takes it away."""
    *path, last = fact.split(".")
    for part in path:
        document = document.setdefault(part, {})
    if value is None:
        document.pop(last, None)
    else:
        document[last] = deepcopy(value)


def document(random: Random) -> dict[str, Any]:
    """A request: of a generation and kind, with more or fewer facts given, plain or odd."""
    made: dict[str, Any] = {
        "model": {"generation": random.choice(GENERATIONS)},
        "entity": {"kind": random.choice(KINDS)},
    }
    given = random.choice((0.2, 0.6, 0.9, 1.0))
    odd = random.choice((0.05, 0.25, 0.6))
    _model(random, made["model"], given)
    for fact, values in VALUES.items():
        if random.random() < given:
            _fact(random, made, fact, values, odd)
    if made["entity"]["kind"] in ORGANISATIONS:
        set_fact(made, "use.on_behalf_of", random.choice((None, "self")))
    if random.random() < max(odd, 0.2):
        made["entity"]["affiliates"] = [
            _affiliate(random, given) for _ in range(random.choice((0, 1, 1, 2, 3)))
        ]
    return made


def _fact(random: Random, made: dict[str, Any], fact: str, values: Sequence[Any], odd: float) -> None:
    plain = PLAIN.get(fact)
    if plain is not None and random.random() > odd:
        value = random.choice(plain)
    elif fact == "use.activities":
        value = random.sample(ACTIVITIES, random.choice((1, 1, 2, 3, 6)))
    elif fact == "use.purposes":
        value = random.choices(CODES, k=random.choice((1, 1, 2, 3)))
    elif fact == "use.languages":
        value = random.choices(LANGUAGES, k=random.choice((0, 1, 2)))
    else:
        value = random.choice(values)
    set_fact(made, fact, value)


PLAIN: Mapping[str, Sequence[Any]] = {
    "entity.domicile": COMMON,
    "entity.principal_place_of_business": COMMON,
    "entity.employer.principal_place_of_business": COMMON,
    "entity.monthly_active_users": (1000, THRESHOLD),
    "entity.ip_litigation_against_meta": (False,),
    "entity.licence_terminated": (False,),
    "entity.can_accept_licence": (True,),
    "entity.trade_restricted": (False,),
    "use.activities": (
        *(["use"], ["use"], ["develop", "distribute_product"], ["fine_tune", "distribute_model"]),
        *(["improve_other_model"], ["use", "fine_tune"]),
    ),
    "use.purposes": (["general"],),
    "use.critical_infrastructure.role": ("none",),
    "use.assurances.known_dangers_disclosed": (True,),
}


def _model(random: Random, model: dict[str, Any], given: float) -> None:
    generation = GENERATIONS.index(model["generation"])
    choice = random.random()
    if choice < given / 2:
        name, (_, modal) = random.choice([item for item in MODELS.items() if item[1][0] == generation])
        prefix = random.choice(("", "meta-llama/", "Meta-", "META-LLAMA/meta-"))
        model["name"] = prefix + random.choice((name, name.upper(), name.title()))
        if random.random() < given / 2:
            model["multimodal"] = modal
    elif choice < given * 0.75:
        model["name"] = random.choice(("acme/tuned-llama", "someone/Llama-4-Scout-17B-16E", "Llama-4"))
        if random.random() < given:
            model["multimodal"] = random.choice(FLAGS)
    elif random.random() < given:
        modal_of_all = MODALITY[generation]
        model["multimodal"] = random.choice(FLAGS) if modal_of_all is None else modal_of_all


def _affiliate(random: Random, given: float) -> dict[str, Any]:
    affiliate: dict[str, Any] = {}
    if random.random() < given:
        affiliate["principal_place_of_business"] = random.choice(COMMON)
    if random.random() < given:
        affiliate["involved_in"] = list(random.choice(INVOLVED))
    if random.random() < given / 2:
        affiliate["relation"] = random.choice(("parent", "subsidiary", "affiliate"))
    return affiliate


def complete(generation: str, kind: str, **changes: Any) -> dict[str, Any]:
    """A harmless request of which every fact that counts is known; facts by path, `.` written `__`."""
    made: dict[str, Any] = {
        "model": {"generation": generation},
        "entity": {
            "kind": kind,
            "domicile": "US",
            "principal_place_of_business": "US",
            "monthly_active_users": 1000,
            "employer": {"kind": "company", "principal_place_of_business": "US", "relationship": "employee"},
        },
        "use": {
            "activities": ["use"],
            "purposes": ["general"],
            "critical_infrastructure": {"role": "none"},
            "assurances": dict.fromkeys(ASSURANCES, True),
            "output_model": {"target": "llama_derivative", "distributed": False},
        },
    }
    if MODALITY[GENERATIONS.index(generation)] is None:
        made["model"]["multimodal"] = True
    for fact, value in changes.items():
        set_fact(made, fact.replace("__", "."), value)
    return made


def bases(generation: str, kind: str) -> Iterator[dict[str, Any]]:
    """Complete requests from which one step leads over each boundary."""
    yield complete(generation, kind)
    everything = {
        "use__activities": list(ACTIVITIES),
        "use__distribution_regions": ["EU"],
        "use__languages": ["ja"],
    }
    yield complete(generation, kind, **everything)
    yield complete(generation, kind, use__capacity="end_user", entity__monthly_active_users=THRESHOLD + 1)
    yield complete(
        generation,
        kind,
        entity__domicile="FR",
        entity__principal_place_of_business="FR",
        entity__employer__principal_place_of_business="DE",
    )
    if kind in PERSONS:
        employed = {"use__on_behalf_of": "employer", "entity__domicile": "FR"}
        yield complete(generation, kind, **employed)
        contractor = {**employed, "entity__employer__relationship": "contractor"}
        yield complete(generation, kind, **contractor, use__capacity="end_user")
    yield {"model": {"generation": generation}, "entity": {"kind": kind}}


def neighbours(base: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The request with one fact at each of its values, or absent."""
    organisation = base["entity"]["kind"] in ORGANISATIONS
    generation = GENERATIONS.index(base["model"]["generation"])
    for fact, values in (*VALUES.items(), ("entity.affiliates", AFFILIATES), ("model.multimodal", FLAGS)):
        for value in (None, *values):
            if fact == "use.on_behalf_of" and organisation and value == "employer":
                continue
            if fact == "model.multimodal" and value != MODALITY[generation] is not None and value is not None:
                continue
            made = deepcopy(dict(base))
            set_fact(made, fact, value)
            yield made
    for modal in (None, *FLAGS):
        made = deepcopy(dict(base))
        set_fact(made, "model.name", "acme/tuned")
        set_fact(made, "model.multimodal", modal)
        yield made


def documents() -> st.SearchStrategy[dict[str, Any]]:
    """The same requests for hypothesis, which draws them so that they shrink."""
    return st.randoms(use_true_random=False).map(document)
