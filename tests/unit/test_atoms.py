"""Cells: what values the rules tell apart, and which they do not."""

from collections.abc import Callable
from typing import Any

import pytest

from eligibility.answering import STATUSES
from eligibility.atoms import Questions, is_applicable, is_presumed, modality
from eligibility.codes import COUNTRIES
from eligibility.domains import AFFILIATES
from eligibility.facts import EligibilityRequest
from eligibility.reading import request_from
from eligibility.ruleset import Ruleset

MEMBERS = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE".split()  # noqa: SIM905 - one word a country
PART_OF_THE_UNION = ("GP", "MQ", "GF", "RE", "YT", "MF", "AX")
IN_THE_EEA_ONLY = ("IS", "LI", "NO")
ASSOCIATED_ONLY = ("GL", "FO", "NC", "PF", "BL", "PM", "WF", "AW", "CW", "SX", "BQ")
NEIGHBOURS = ("GB", "GI", "US", "MC", "SM", "VA", "AD", "TR")
GENERATIONS = ("llama-2", "llama-3", "llama-3.1", "llama-3.2", "llama-3.3", "llama-4")

Cell = Callable[..., Any]


@pytest.fixture(scope="module")
def questions(ruleset: Ruleset) -> dict[str, Questions]:
    return {name: Questions(ruleset, ruleset.program(name)) for name in ruleset.generations}


def request_of(ruleset: Ruleset, generation: str, kind: str, **facts: Any) -> EligibilityRequest:
    """A request with these facts, by path with `__` for `.`."""
    body: dict[str, Any] = {"model": {"generation": generation}, "entity": {"kind": kind}}
    for path, value in facts.items():
        *parts, last = path.split("__")
        inner = body
        for part in parts:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return request_from(body, ruleset.vocabulary)


@pytest.fixture
def cell(ruleset: Ruleset, questions: dict[str, Questions]) -> Cell:
    def of(fact: str, generation: str = "llama-4", kind: str = "company", **facts: Any) -> Any:
        asked = questions[generation]
        return asked.document(asked.cells(request_of(ruleset, generation, kind, **facts)))[fact]

    return of


PLACE = "entity.principal_place_of_business"


def test_the_lists_above_are_disjoint_and_every_member_state_is_a_country() -> None:
    lists = (MEMBERS, PART_OF_THE_UNION, IN_THE_EEA_ONLY, ASSOCIATED_ONLY, NEIGHBOURS, ("CH",))
    together = [country for each in lists for country in each]
    assert len(together) == len(set(together)) == 27 + 7 + 3 + 11 + 8 + 1
    assert set(together) <= COUNTRIES


@pytest.mark.parametrize("country", [*MEMBERS, *PART_OF_THE_UNION])
def test_member_states_and_territories_of_the_union_are_one_cell(cell: Cell, country: str) -> None:
    found = cell(PLACE, entity__principal_place_of_business=country)
    assert found == cell(PLACE, entity__principal_place_of_business="FR")
    assert "in eu" in found


@pytest.mark.parametrize("country", [*IN_THE_EEA_ONLY, *ASSOCIATED_ONLY, *NEIGHBOURS, "CH"])
def test_countries_near_the_union_are_not_in_it(cell: Cell, country: str) -> None:
    assert "in eu" not in cell(PLACE, entity__principal_place_of_business=country)


def test_every_country_is_in_one_of_three_or_four_cells(cell: Cell) -> None:
    cells = {tuple(cell(PLACE, entity__principal_place_of_business=country)) for country in sorted(COUNTRIES)}
    near = {
        tuple(cell(PLACE, entity__principal_place_of_business=country))
        for country in ("FR", "NO", "CH", "US")
    }
    assert cells == near
    assert (
        len({tuple(cell(PLACE, entity__principal_place_of_business=one)) for one in ("FR", "NO", "US")}) == 3
    )


@pytest.mark.parametrize(
    "regions", [["EU"], ["worldwide"], ["US", "worldwide"], ["FR"], ["AX", "NO"], ["EU", "US"]]
)
def test_regions_that_reach_the_union(cell: Cell, regions: list[str]) -> None:
    assert cell("use.distribution_regions", use__distribution_regions=regions) == ["some_in eu"]


@pytest.mark.parametrize("regions", [None, [], ["US"], ["NO", "CH"], ["GB", "GL", "BQ"]])
def test_regions_that_do_not(cell: Cell, regions: list[str] | None) -> None:
    assert cell("use.distribution_regions", use__distribution_regions=regions) == []


@pytest.mark.parametrize("offices", [["FR"], ["US", "MF"]])
def test_offices_in_the_union(cell: Cell, offices: list[str]) -> None:
    assert cell("entity.development_offices", entity__development_offices=offices) == ["some_in eu"]


SUPPORTED = [
    *(("llama-3.1", tag) for tag in ("en", "DE", "fr-CA", "it", "pt-BR", "hi", "ES-419", "th")),
    *(("llama-4", tag) for tag in ("ar", "id", "tl", "fil", "FIL-PH", "tl-Latn", "vi", "en-x-private")),
]
UNSUPPORTED = [
    *(("llama-3.1", tag) for tag in ("ar", "tl", "fil", "vi", "id", "ja")),
    *(("llama-4", tag) for tag in ("ja", "zh-Hant", "enm", "tlh", "i-klingon", "x-en")),
]


@pytest.mark.parametrize("generation, tag", SUPPORTED)
def test_languages_are_compared_by_primary_subtag(cell: Cell, generation: str, tag: str) -> None:
    assert cell("use.languages", generation, use__languages=["en", tag]) == []


@pytest.mark.parametrize("generation, tag", UNSUPPORTED)
def test_other_languages_are_noticed(cell: Cell, generation: str, tag: str) -> None:
    assert len(cell("use.languages", generation, use__languages=["en", tag])) == 1


def test_a_threshold_lies_just_above_its_number(cell: Cell) -> None:
    users = "entity.monthly_active_users"
    below, at, above = (
        cell(users, entity__monthly_active_users=count) for count in (0, 7 * 10**8, 7 * 10**8 + 1)
    )
    assert below == at == []
    assert above == ["above 700000000"]
    assert cell(users) is None


STATUS_OF_PREFIX = [
    ("llama-4", "Llama-Enterprise", "met"),
    ("llama-4", "Llama", "met"),
    ("llama-4", "Llamada", "met"),
    ("llama-4", "llama-enterprise", "unmet"),
    ("llama-4", "My Llama", "unmet"),
    ("llama-4", None, "unknown"),
    ("llama-4", "  ", "unknown"),
    ("llama-3", "Llama 3 Legal", "met"),
    ("llama-3", "Llama-3_Legal", "met"),
    ("llama-3", "Llama_3", "met"),
    ("llama-3", "Llama3", "unmet"),
    ("llama-3", "Meta Llama 3", "unmet"),
]


@pytest.mark.parametrize("generation, name, status", STATUS_OF_PREFIX)
def test_names_of_models_keep_the_prefix(cell: Cell, generation: str, name: str | None, status: str) -> None:
    assert cell("status of model-name-prefix", generation, use__output_model__name=name) == status


STATUS_OF_PLACE: dict[str | None, str] = {
    **dict.fromkeys(("title", "subtitle", "first_sentences", "about_page_first_sentences"), "met"),
    **dict.fromkeys(("footnote", "last_page", "none"), "unmet"),
    **dict.fromkeys(("website", "user_interface", "product_documentation", None), "unknown"),
}


@pytest.mark.parametrize("place, status", STATUS_OF_PLACE.items())
def test_places_of_attribution(cell: Cell, place: str | None, status: str) -> None:
    assert cell("status of built-with", use__attribution__built_with_location=place) == status


@pytest.mark.parametrize("given, status", [(True, "met"), (False, "unmet"), (None, "unknown")])
def test_files_that_go_with_copies(cell: Cell, given: bool | None, status: str) -> None:
    assert status in STATUSES
    assert cell("status of notice-file", use__attribution__notice_file=given) == status
    assert cell("status of licence-copy", use__attribution__licence_copy=given) == status


def test_affiliates_are_the_set_of_their_pairs(cell: Cell) -> None:
    german: dict[str, Any] = {"principal_place_of_business": "DE", "involved_in": []}
    french = {**german, "principal_place_of_business": "FR"}
    one = cell(AFFILIATES, entity__affiliates=[german])
    assert one == [[["in eu"], []]]
    assert cell(AFFILIATES, entity__affiliates=[french, german, {**german, "relation": "parent"}]) == one


def test_affiliates_that_can_have_no_bearing_are_left_out(cell: Cell) -> None:
    outside = [
        {"principal_place_of_business": "US", "involved_in": ["development"]},
        {"principal_place_of_business": "NO"},
    ]
    assert cell(AFFILIATES, entity__affiliates=outside) == []


def test_members_of_affiliates_are_unknown_one_by_one(cell: Cell) -> None:
    affiliates = [{}, {"involved_in": []}, {"principal_place_of_business": "FR"}, {}]
    pairs = cell(AFFILIATES, entity__affiliates=affiliates)
    assert sorted(pairs, key=repr) == sorted([[None, None], [None, []], [["in eu"], None]], key=repr)


NAMES = [
    ("llama-3.2", "Llama-3.2-11B-Vision", True),
    ("llama-3.2", "META-LLAMA/llama-3.2-1b", False),
    ("llama-3.2", "acme/llama", None),
    ("llama-3.2", None, None),
    ("llama-3", "meta-llama/Meta-Llama-3-8B", False),
    ("llama-3.3", "acme/vision", False),
    ("llama-4", None, True),
    ("llama-4", "acme/text", True),
]


@pytest.mark.parametrize("generation, name, multimodal", NAMES)
def test_modality_follows_the_name_then_the_generation(
    ruleset: Ruleset, generation: str, name: str | None, multimodal: bool | None
) -> None:
    request = request_of(ruleset, generation, "company", model__name=name)
    assert modality(request.facts, ruleset.vocabulary) is multimodal


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_derivative_is_what_it_says(ruleset: Ruleset, generation: str, stated: bool) -> None:
    request = request_of(ruleset, generation, "company", model__name="acme/own", model__multimodal=stated)
    assert modality(request.facts, ruleset.vocabulary) is stated


NOT_READ = {
    "entity__name": "Example Ltd",
    "entity__reference": "crm-1",
    "use__description": "text",
    "use__critical_infrastructure__sector": "power",
}


@pytest.mark.parametrize("fact", NOT_READ)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_facts_that_no_rule_reads_leave_the_cells_alone(
    ruleset: Ruleset, questions: dict[str, Questions], generation: str, fact: str
) -> None:
    plain = questions[generation].cells(request_of(ruleset, generation, "company"))
    given = request_of(ruleset, generation, "company", **{fact: NOT_READ[fact]})
    assert questions[generation].cells(given) == plain


def test_what_is_not_applicable_answers_no(cell: Cell) -> None:
    employer = {"entity__employer__kind": "company", "entity__employer__principal_place_of_business": "FR"}
    assert cell("entity.employer.principal_place_of_business", **employer) == []
    assert cell("entity.employer.principal_place_of_business", kind="individual", **employer) == []
    assert cell(PLACE, kind="individual", entity__principal_place_of_business="FR") == []
    assert cell("entity.domicile", kind="company", entity__domicile="FR") == []
    assurance = "use.assurances.licensed_professional"
    assert cell(assurance, use__purposes=["general"], use__assurances__licensed_professional=True) == []
    assert cell(assurance, use__purposes=["professional_practice"]) is None
    assert cell(assurance) is None


def test_an_employer_counts_only_for_who_acts_for_one(ruleset: Ruleset) -> None:
    acting = request_of(ruleset, "llama-4", "individual", use__on_behalf_of="employer").facts
    alone = request_of(ruleset, "llama-4", "individual").facts
    fact, users = "entity.employer.kind", "entity.monthly_active_users"
    assert (is_applicable(fact, acting), is_applicable(fact, alone)) == (True, False)
    presumed = ruleset.presumed
    assert (is_presumed(users, acting, presumed), is_presumed(users, alone, presumed)) == (False, True)
    company = request_of(ruleset, "llama-4", "company").facts
    assert not is_presumed("use.on_behalf_of", company, presumed)
    assert not is_presumed(users, company, presumed)
