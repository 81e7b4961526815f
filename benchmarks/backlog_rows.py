"""Backlogs to measure with: a million requests as a company's past holds them, the same for the same seed.

`alike` is the usual one: companies come again and again by a Zipf-like law, nine of ten requests are for
general purposes, and a million rows have some 20,000 distinct rows of cells. `values` has like cells, and
names, references, users and descriptions that occur once. In `cells` no two rows are alike to the rules.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet

from eligibility.atoms import Cells, Questions
from eligibility.backlog.form import BODY
from eligibility.contradictions import contradictions
from eligibility.domains import AFFILIATES, NATURAL_PERSONS
from eligibility.facts import EligibilityRequest
from eligibility.loading import load_rules, shipped_rules

Facts = dict[str, Any]
Draw = Callable[[], str]

COMPANIES: Final = 40_000
GENERAL: Final = 0.9
USES: Final = 1_700
"""Uses that are asked about again and again; as many with the general purpose as with others."""

ROW_GROUP: Final = 50_000
_AT_ONCE: Final = 64 * 2**20

GENERATIONS: Final = ("llama-3.1", "llama-4", "llama-3.3", "llama-3.2", "llama-3", "llama-2")
_MOST_FIRST: Final = (
    "US IN DE GB FR JP BR CA NL KR AU SG ES IT SE CH PL IL MX ID VN NO IE AE TR FI DK BE AT PT CZ RO ZA NG"
    " AR CL CO TH MY PH TW HK NZ GR HU BG HR SK LT LV EE SI LU MT CY IS LI RE GP KE EG SA PK BD LK UA"
)
_COUNTRIES: Final = tuple(_MOST_FIRST.split())
_KINDS: Final = (
    ("company", 78),
    ("individual", 9),
    ("researcher", 4),
    ("academic_institution", 4),
    ("other_organization", 2),
    ("government_agency", 2),
    ("government_partner", 1),
)
_ACTIVITIES: Final = (
    ("use", 30),
    ("develop", 24),
    ("distribute_product", 22),
    ("fine_tune", 14),
    ("distribute_model", 6),
    ("improve_other_model", 4),
)
_ASSURED: Final = {
    "professional_practice": "licensed_professional",
    "sensitive_personal_data": "data_rights_obtained",
    "age_restricted_material": "age_gating_in_place",
    "impersonation": "impersonation_authorised",
}
_PURPOSES: Final = (
    *_ASSURED,
    *("spam", "fraud", "disinformation", "human_generated_claim", "malicious_code", "harassment_bullying"),
    *("third_party_rights_violation", "transportation_operation", "unlawful_discrimination", "defamation"),
    *("heavy_machinery_operation", "fake_engagement", "military_warfare", "safety_circumvention"),
    *("other_criminal_activity", "sexual_solicitation", "self_harm", "illegal_drugs", "weapons"),
    *("violence_terrorism", "incitement_to_violence", "nuclear_industry", "espionage", "itar_activity"),
    *("biological_chemical_weapons", "unlawful_third_party_tools", "child_exploitation"),
)
_ROLES: Final = (("none", 97), ("operator_unrelated_use", 2), ("operation", 1))
_PLACES: Final = (("title", 30), ("first_sentences", 20), ("website", 30), ("footnote", 15), ("none", 5))
_MODELS: Final = {
    "llama-2": ("Llama-2-7b-chat", "Llama-2-13b"),
    "llama-3": ("Meta-Llama-3-8B-Instruct", "Meta-Llama-3-70B"),
    "llama-3.1": ("Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-70B", "Llama-3.1-405B-FP8"),
    "llama-3.2": ("Llama-3.2-3B-Instruct", "Llama-3.2-11B-Vision", "Llama-3.2-1B"),
    "llama-3.3": ("Llama-3.3-70B-Instruct",),
    "llama-4": ("Llama-4-Scout-17B-16E-Instruct", "Llama-4-Maverick-17B-128E"),
}


class Written(NamedTuple):
    """What a file of rows holds."""

    rows: int
    distinct: int
    """Rows of cells that are distinct to the rules."""


class Rows:
    """Rows of requests, drawn at random."""

    def __init__(self, seed: int) -> None:
        """Found the companies, each with its country, users and affiliates."""
        self._random = random.Random(seed)
        self._generation = self._zipf(GENERATIONS)
        self._country = self._zipf(_COUNTRIES)
        self._purpose = self._zipf(_PURPOSES)
        self._kind = self._weighted(_KINDS)
        self._activity = self._weighted(_ACTIVITIES)
        self._place = self._weighted(_PLACES)
        self._role = self._weighted(_ROLES)
        self._company = self._zipf([self._applicant(number) for number in range(COMPANIES)])
        self._general = self._zipf([self._use(["general"]) for _ in range(USES)])
        self._other = self._zipf([self._use(["general", self._purpose()]) for _ in range(USES)])

    def alike(self, number: int) -> Facts:
        """A row of the usual kind: a company that is known, with a use that is."""
        facts = {**self._company(), **(self._general if self._random.random() < GENERAL else self._other)()}
        facts["request_id"] = f"r-{number:08}"
        facts["entity.reference"] = f"crm-{self._random.randint(1, 50_000)}"
        return facts

    def values(self, number: int) -> Facts:
        """The same with values that no other row has."""
        facts = self.alike(number)
        facts["entity.name"] += f" No. {number:,}"
        facts["entity.reference"] = f"case {number}"
        facts["use.description"] = (
            f"Ticket {number * 7919:,} asks for “an evaluation{' again' * (number % 5)}”."
        )
        if "entity.monthly_active_users" in facts:
            facts["entity.monthly_active_users"] += number
        if "use.output_model.name" in facts:
            facts["use.output_model.name"] += f"-{number}"
        if number % 10 == 0:
            facts["model.name"] = f"tuned-{number}"
        return facts

    def cells(self, number: int) -> Facts:
        """A row that is seldom like another, since whatever counts is drawn for itself."""
        random_ = self._random
        purposes = ["general", *(self._purpose() for _ in range(random_.randint(0, 3)))]
        facts = {**self._applicant(number), **self._use(purposes), "request_id": f"r-{number:08}"}
        for flag in ("ip_litigation_against_meta", "licence_terminated", "trade_restricted"):
            if random_.random() < 0.1:
                facts[f"entity.{flag}"] = True
        if random_.random() < 0.1:
            facts["entity.can_accept_licence"] = False
        if random_.random() < 0.2:
            facts["use.assurances.known_dangers_disclosed"] = random_.random() < 0.5
        if random_.random() < 0.2:
            facts["use.critical_infrastructure.certification"] = "ISO 27001"
        facts["use.attribution.notice_file"] = random_.random() < 0.5
        facts["use.attribution.built_with_location"] = self._place()
        return facts

    def _zipf(self, values: Sequence[Any]) -> Callable[[], Any]:
        return self._weighted([(value, 1 / rank) for rank, value in enumerate(values, 1)])

    def _weighted(self, values: Sequence[tuple[Any, float]]) -> Callable[[], Any]:
        each, totals = [value for value, _ in values], list(accumulate(weight for _, weight in values))
        return lambda: self._random.choices(each, cum_weights=totals)[0]

    def _applicant(self, number: int) -> Facts:
        random_, kind = self._random, self._kind()
        facts: Facts = {"entity.kind": kind, "entity.name": f"Applicant {number}"}
        is_person = kind in NATURAL_PERSONS
        if random_.random() < 0.98:
            where = "domicile" if is_person else "principal_place_of_business"
            facts[f"entity.{where}"] = self._country()
        if random_.random() < (0.3 if is_person else 0.98):
            facts["entity.monthly_active_users"] = int(random_.lognormvariate(9, 4))
        if is_person and random_.random() < 0.3:
            facts["use.on_behalf_of"] = "employer"
            facts["entity.employer.kind"] = "company"
            facts["entity.employer.principal_place_of_business"] = self._country()
            facts["entity.employer.relationship"] = random_.choice(("employee", "employee", "contractor"))
        if not is_person and random_.random() < 0.1:
            facts[AFFILIATES] = tuple(self._affiliate() for _ in range(random_.randint(1, 3)))
        if not is_person and random_.random() < 0.1:
            facts["entity.development_offices"] = tuple({self._country() for _ in range(2)})
        return facts

    def _affiliate(self) -> Facts:
        return {
            "relation": self._random.choice(("parent", "subsidiary", "subsidiary", "affiliate")),
            "principal_place_of_business": self._country(),
            "involved_in": self._random.choice(((), (), (), ("development",), ("distribution",))),
        }

    def _use(self, purposes: Sequence[str]) -> Facts:
        random_, generation = self._random, self._generation()
        activities = {self._activity() for _ in range(random_.choice((1, 1, 2, 2, 3)))}
        facts: Facts = {
            "model.generation": generation,
            "use.activities": tuple(sorted(activities)),
            "use.purposes": tuple(sorted(set(purposes))),
        }
        if random_.random() < 0.4:
            facts["model.name"] = random_.choice(_MODELS[generation])
        for purpose in facts["use.purposes"]:
            if purpose in _ASSURED and random_.random() < 0.95:
                facts[f"use.assurances.{_ASSURED[purpose]}"] = random_.random() < 0.8
        if random_.random() < 0.99:
            facts["use.critical_infrastructure.role"] = self._role()
        if random_.random() < 0.03:
            facts["use.capacity"] = random_.choice(("end_user", "integrated_product_recipient"))
        self._distribution(facts, activities)
        return facts

    def _distribution(self, facts: Facts, activities: set[str]) -> None:
        random_ = self._random
        if "improve_other_model" in activities and random_.random() < 0.95:
            targets = ("other_llm", "other_ai_model", "llama_derivative")
            facts["use.output_model.target"] = random_.choice(targets)
            facts["use.output_model.distributed"] = random_.random() < 0.5
        if "fine_tune" in activities and random_.random() < 0.3:
            facts["use.output_model.name"] = random_.choice(("Llama-helper", "Helper"))
            facts["use.languages"] = random_.choice((("en",), ("de", "en"), ("pl",), ("en-US", "zh")))
        if "distribute_product" in activities:
            facts["use.distribution_regions"] = random_.choice((("EU", "US"), ("worldwide",), ("US",)))
            if random_.random() < 0.5:
                facts["use.attribution.built_with_location"] = self._place()
                facts["use.attribution.licence_copy"] = True


class _Reader:
    """Finds the cells of rows, and leaves out what contradicts itself."""

    def __init__(self) -> None:
        ruleset = load_rules(shipped_rules())
        self._vocabulary = ruleset.vocabulary
        self._questions = {name: Questions(ruleset, ruleset.program(name)) for name in ruleset.generations}

    def cells(self, facts: Facts) -> tuple[str, Cells] | None:
        if contradictions(facts, self._vocabulary):
            return None
        generation = facts["model.generation"]
        return generation, self._questions[generation].cells(EligibilityRequest({}, facts))


def _document(facts: Mapping[str, Any]) -> Facts:
    document: Facts = {}
    for path, value in facts.items():
        *parents, name = path.split(".")
        inner = document
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[name] = value
    return document


def _drawn(draw: Callable[[int], Facts], seen: set[int], *, once: bool) -> Iterator[bytes]:
    """Lines without end; with `once`, only those whose cells none before had. `seen` gets what they have."""
    reader, number = _Reader(), 0
    while True:
        facts = draw(number)
        cells = reader.cells(facts)
        if cells is None or (once and hash(cells) in seen):
            continue
        seen.add(hash(cells))
        number += 1
        yield orjson.dumps(_document(facts), option=orjson.OPT_APPEND_NEWLINE)


def write(kind: str, path: Path, rows: int, seed: int = 1) -> Written:
    """Write rows of a kind (`alike`, `values` or `cells`) as JSONL, some at a time."""
    drawing, seen = Rows(seed), set[int]()
    lines = _drawn(getattr(drawing, kind), seen, once=kind == "cells")
    with path.open("wb") as file:
        file.writelines(islice(lines, rows))
    return Written(rows, len(seen))


def as_parquet(source: Path, target: Path) -> None:
    """The same rows as Parquet, some at a time."""
    reading = pyarrow.json.ReadOptions(use_threads=False, block_size=_AT_ONCE)
    parsing = pyarrow.json.ParseOptions(explicit_schema=BODY, unexpected_field_behavior="error")
    with (
        pyarrow.json.open_json(source, reading, parsing) as batches,
        pyarrow.parquet.ParquetWriter(target, BODY, compression="zstd") as writer,
    ):
        for batch in batches:
            writer.write_table(pa.Table.from_batches([batch]).select(BODY.names), row_group_size=ROW_GROUP)
