import json
from typing import Any

import pytest

from eligibility.errors import UnacceptableRequest
from eligibility.facts import Vocabulary
from eligibility.reading import read_request, request_from
from tests.unit.refusing import pointers, put, refusal

# ---- codes, lists and members


@pytest.mark.parametrize(
    "path, value, pointer",
    [
        ("use", [], "/use"),
        ("use", "general", "/use"),
        ("entity.domicile", [], "/entity/domicile"),
        ("entity.domicile", ["DE"], "/entity/domicile"),
        ("entity.trade_restricted", {}, "/entity/trade_restricted"),
        ("use.distribution_regions", [{}], "/use/distribution_regions/0"),
        ("use.critical_infrastructure", "none", "/use/critical_infrastructure"),
        ("use.critical_infrastructure.role", "", "/use/critical_infrastructure/role"),
        ("use.capacity", " ", "/use/capacity"),
        ("use.capacity", "Licensee", "/use/capacity"),
        ("use.on_behalf_of", "boss", "/use/on_behalf_of"),
        ("use.activities", "use", "/use/activities"),
        ("use.activities", [], "/use/activities"),
        ("use.activities", ["use", "sell"], "/use/activities/1"),
        ("use.activities", ["use", ""], "/use/activities/1"),
        ("use.activities", [["use"]], "/use/activities/0"),
        ("use.purposes", [], "/use/purposes"),
        ("use.purposes", {"general": True}, "/use/purposes"),
        ("use.purposes", ["general", None], "/use/purposes/1"),
        ("use.purposes", ["general", " "], "/use/purposes/1"),
        ("use.purposes", [5], "/use/purposes/0"),
        ("use.purposes", ["spam"] * 101, "/use/purposes"),
        ("use.assurances.licensed_professional", "true", "/use/assurances/licensed_professional"),
        ("use.assurances.licensed_professional", 1, "/use/assurances/licensed_professional"),
        ("use.output_model.target", "other", "/use/output_model/target"),
        ("use.output_model.distributed", "", "/use/output_model/distributed"),
        ("use.attribution.built_with_location", "header", "/use/attribution/built_with_location"),
        ("use.distribution_regions", ["DE", "XX"], "/use/distribution_regions/1"),
        ("use.distribution_regions", ["DE", None], "/use/distribution_regions/1"),
        ("use.distribution_regions", "EU", "/use/distribution_regions"),
        ("use.languages", ["en"] * 101, "/use/languages"),
        ("use.languages", [None], "/use/languages/0"),
        ("entity.development_offices", ["EU"], "/entity/development_offices/0"),
        ("entity.development_offices", ["worldwide"], "/entity/development_offices/0"),
        ("entity.development_offices", [""], "/entity/development_offices/0"),
        ("entity.employer", [], "/entity/employer"),
        ("entity.employer.kind", "individual", "/entity/employer/kind"),
        ("entity.employer.relationship", "boss", "/entity/employer/relationship"),
        ("entity.employer.principal_place_of_business", "", "/entity/employer/principal_place_of_business"),
        ("entity.affiliates", {}, "/entity/affiliates"),
        ("entity.affiliates", [{}, None], "/entity/affiliates/1"),
        ("entity.affiliates", ["DE"], "/entity/affiliates/0"),
        ("entity.affiliates", [{}] * 101, "/entity/affiliates"),
        ("entity.affiliates", [{"relation": "cousin"}], "/entity/affiliates/0/relation"),
        ("entity.affiliates", [{"involved_in": ["x"]}], "/entity/affiliates/0/involved_in/0"),
        (
            "entity.affiliates",
            [{"involved_in": None}, {"involved_in": [None]}],
            "/entity/affiliates/1/involved_in/0",
        ),
        ("entity.affiliates", [{"country": "DE"}], "/entity/affiliates/0/country"),
        ("entity.can_accept_licence", "yes", "/entity/can_accept_licence"),
        ("model.multimodal", 0, "/model/multimodal"),
        ("model.nmae", "x", "/model/nmae"),
        ("model.generation.x", "x", "/model/generation"),
        ("use.purpose", ["general"], "/use/purpose"),
        ("use.a/b~c", 1, "/use/a~1b~0c"),
        ("use.", 1, "/use/"),
        ("request_id", "r-1", "/request_id"),
        ("models", None, "/models"),
    ],
)
def test_each_fault_of_form_is_refused_at_its_place(
    path: str, value: object, pointer: str, body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    if path == "model.generation.x":
        body["model"]["generation"] = {}
    put(body, path, value)

    assert pointers(body, vocabulary) == [pointer]


@pytest.mark.parametrize(
    "path, value, detail",
    [
        ("entity.domicile", "de", "`de` is no country code: write `DE`"),
        ("entity.domicile", "UK", "`UK` is no country code: write `GB`"),
        ("entity.domicile", "uk", "`uk` is no country code: write `GB`"),
        ("entity.domicile", "DEU", "`DEU` is no country code: write `DE`"),
        ("entity.domicile", "Germany", "`Germany` is no country code: write `DE`"),
        ("entity.domicile", "XX", "`XX` is no country code: use an upper-case ISO 3166-1 alpha-2 code"),
        ("entity.domicile", "EU", "`EU` is no country: it is allowed in `use.distribution_regions` only"),
        ("entity.domicile", 49, "must be a country code, not a number"),
        ("use.distribution_regions", ["eu"], "`eu` is no region: write `EU`"),
        ("use.distribution_regions", ["Worldwide"], "`Worldwide` is no region: write `worldwide`"),
        ("use.distribution_regions", ["uk"], "`uk` is no country code: write `GB`, `EU` or `worldwide`"),
        (
            "use.purposes",
            ["Spamm"],
            "`Spamm` is not one of the 15 codes that the policy lists: did you mean `spam`?",
        ),
        ("use.purposes", ["general purpose"], "did you mean `general`?"),
        ("use.purposes", ["gambling"], "`gambling` is not one of the 15 codes that the policy lists"),
        ("use.purposes", [], "an empty list says nothing: say `general`"),
        ("use.activities", [], "an empty list says nothing: name at least one"),
        ("use.activities", "use", "must be a list, not `use`: write `[…]`"),
        ("use.activities", ["use", None], "`null` in a list is refused: leave the item out"),
        ("use.capacity", "user", "use `licensee`, `integrated_product_recipient` or `end_user`"),
        ("use.purpose", ["spam"], "unknown member `purpose`: did you mean `purposes`?"),
        ("use.output_model.x", 1, "unknown member `x`: the members are `target`, `distributed` and `name`"),
        (
            "entity.licence_terminated",
            "true",
            "must be `true` or `false`, not `true`: write it without quotes",
        ),
        ("entity.name", "a\0", "holds the character NUL: leave it out"),
        ("entity.name", 5, "must be a text, not a number"),
        ("use.languages", ["en_US"], "`en_US` is no well-formed language tag"),
        ("entity.affiliates", [{}] * 101, "has 101 entries: at most 100 are allowed"),
        ("request_id", "r", "`request_id` belongs to the lines of a backlog: leave it out"),
        ("model.generation", "llama-5", "`llama-5` is not allowed here: use `llama-2`, `llama-3`"),
        ("model.generation", None, "`generation` is missing: every request needs it"),
    ],
)
def test_a_refusal_says_what_would_be_right(
    path: str, value: object, detail: str, body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    put(body, path, value)

    (fault,) = refusal(body, vocabulary)
    assert detail in fault.detail


def test_lists_are_sets_shown_sorted(body: dict[str, Any], vocabulary: Vocabulary) -> None:
    put(body, "use.activities", ["use", "develop", "use"])
    put(body, "use.languages", ["pt-BR", "de", "DE", "de"])
    put(body, "use.purposes", ["spam"] * 100)
    put(body, "entity.development_offices", ["US", "DE"])

    request = request_from(body, vocabulary)

    assert request.document["use"]["activities"] == ["develop", "use"]
    assert request.facts["use.languages"] == ("DE", "de", "pt-BR")
    assert request.facts["use.purposes"] == ("spam",)
    assert request.facts["entity.development_offices"] == ("DE", "US")


def test_affiliates_keep_their_number_and_order(body: dict[str, Any], vocabulary: Vocabulary) -> None:
    twin = {
        "principal_place_of_business": "US",
        "involved_in": ["distribution", "development"],
        "relation": None,
    }
    put(body, "entity.affiliates", [{}, twin, {"relation": "parent"}, twin])

    request = request_from(body, vocabulary)

    alike = {"principal_place_of_business": "US", "involved_in": ["development", "distribution"]}
    assert request.document["entity"]["affiliates"] == [{}, alike, {"relation": "parent"}, alike]
    assert request.facts["entity.affiliates"][1]["involved_in"] == ("development", "distribution")


def test_what_is_not_applicable_stays_but_must_be_well_formed(
    body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    put(body, "entity.employer", {"kind": "company", "principal_place_of_business": "US"})
    put(body, "entity.domicile", "DE")
    assert request_from(body, vocabulary).facts["entity.employer.kind"] == "company"

    put(body, "entity.employer.principal_place_of_business", "us")
    assert pointers(body, vocabulary) == ["/entity/employer/principal_place_of_business"]


@pytest.mark.parametrize("given, kept", [("r-1", "r-1"), (" ", None), ("", None), (None, None)])
def test_a_line_of_a_backlog_may_have_a_request_id(
    given: str | None, kept: str | None, body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    line = json.dumps({"request_id": given, **body}).encode()

    request = read_request(line, vocabulary, member_allowed_request_id=True)

    assert request.request_id == kept
    assert request.document == body
    assert "request_id" not in request.facts


@pytest.mark.parametrize("given", [5, "x" * 501, "a\0", [], {}])
def test_a_request_id_is_a_text(given: object, body: dict[str, Any], vocabulary: Vocabulary) -> None:
    with pytest.raises(UnacceptableRequest) as caught:
        request_from({**body, "request_id": given}, vocabulary, member_allowed_request_id=True)
    assert [fault.pointer for fault in caught.value.problems] == ["/request_id"]


def test_all_faults_of_form_are_reported_at_once_and_contradictions_not_yet(vocabulary: Vocabulary) -> None:
    body = {
        "model": {"generation": "llama-5", "name": 5, "multimodal": "no", "size": 1},
        "entity": {
            "domicile": "de",
            "employer": {"kind": "researcher", "place": "US"},
            "affiliates": [{"country": "DE"}, None, {"involved_in": ["selling", None]}],
            "monthly_active_users": 0.5,
            "name": "\0",
        },
        "use": {
            "on_behalf_of": "employer",
            "activities": [],
            "purposes": ["spam", "fishing"],
            "languages": ["en", "?"],
            "distribution_regions": "EU",
            "description": "x" * 10_001,
        },
        "request_id": "1",
        "extra": None,
    }

    assert pointers(body, vocabulary) == [
        *("/model/generation", "/model/name", "/model/multimodal", "/model/size"),
        *(
            "/entity/kind",
            "/entity/name",
            "/entity/domicile",
            "/entity/employer/kind",
            "/entity/employer/place",
        ),
        *("/entity/affiliates/0/country", "/entity/affiliates/1"),
        *("/entity/affiliates/2/involved_in/0", "/entity/affiliates/2/involved_in/1"),
        *("/entity/monthly_active_users", "/use/activities", "/use/purposes/1", "/use/distribution_regions"),
        *("/use/languages/1", "/use/description", "/request_id", "/extra"),
    ]


# ---- contradictions


@pytest.mark.parametrize(
    "model, faults",
    [
        ({"generation": "llama-4", "multimodal": False}, ["/model/multimodal"]),
        ({"generation": "llama-4", "multimodal": False, "name": "  "}, ["/model/multimodal"]),
        ({"generation": "llama-3.3", "multimodal": True}, ["/model/multimodal"]),
        ({"generation": "llama-3.3", "name": "Llama-4-Scout-17B-16E"}, ["/model/name"]),
        (
            {"generation": "llama-3.2", "name": "meta-llama/LLAMA-3.2-11B-Vision", "multimodal": False},
            ["/model/name"],
        ),
        ({"generation": "llama-3.2", "name": "Llama-3.2-1B", "multimodal": True}, ["/model/name"]),
        ({"generation": "llama-4", "name": "Llama-4-Scout-17B-16E", "multimodal": False}, ["/model/name"]),
        (
            {"generation": "llama-3.3", "name": "Llama-4-Scout-17B-16E", "multimodal": False},
            ["/model/name", "/model/name"],
        ),
    ],
)
def test_a_model_that_contradicts_itself_is_refused(
    model: dict[str, Any], faults: list[str], vocabulary: Vocabulary
) -> None:
    assert pointers({"model": model, "entity": {"kind": "company"}}, vocabulary) == faults


@pytest.mark.parametrize(
    "model",
    [
        {"generation": "llama-4", "multimodal": True},
        {"generation": "llama-3.3", "multimodal": False},
        {"generation": "llama-3.2", "multimodal": False},
        {"generation": "llama-3.2", "multimodal": True},
        {"generation": "llama-3.2", "name": "Llama-3.2-11B-Vision", "multimodal": True},
        {"generation": "llama-3", "name": "Llama-3-8B"},
        {"generation": "llama-4", "name": "Scout-text-only", "multimodal": False},
        {"generation": "llama-4", "name": "someone/Llama-4-Scout-17B-16E", "multimodal": False},
        {"generation": "llama-2", "name": "Llava-like", "multimodal": True},
    ],
)
def test_a_model_that_does_not_is_taken(model: dict[str, Any], vocabulary: Vocabulary) -> None:
    assert (
        request_from({"model": model, "entity": {"kind": "company"}}, vocabulary).document["model"] == model
    )


@pytest.mark.parametrize(
    "kind", ["company", "academic_institution", "government_agency", "other_organization"]
)
def test_an_organisation_cannot_act_for_an_employer(
    kind: str, body: dict[str, Any], vocabulary: Vocabulary
) -> None:
    put(body, "entity.kind", kind)
    put(body, "use.on_behalf_of", "employer")
    assert pointers(body, vocabulary) == ["/use/on_behalf_of"]

    put(body, "use.on_behalf_of", "self")
    assert request_from(body, vocabulary).facts["use.on_behalf_of"] == "self"


@pytest.mark.parametrize("kind", ["individual", "researcher"])
def test_a_natural_person_can(kind: str, body: dict[str, Any], vocabulary: Vocabulary) -> None:
    put(body, "entity.kind", kind)
    put(body, "use.on_behalf_of", "employer")

    assert request_from(body, vocabulary).facts["use.on_behalf_of"] == "employer"


def test_contradictions_are_reported_all_together(body: dict[str, Any], vocabulary: Vocabulary) -> None:
    put(body, "use.on_behalf_of", "employer")
    put(body, "model.multimodal", False)

    assert pointers(body, vocabulary) == ["/model/multimodal", "/use/on_behalf_of"]
