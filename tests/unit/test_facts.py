import copy
import re
from typing import Any

import pytest
from pydantic import BaseModel

from eligibility.codes import COUNTRIES, LANGUAGE_TAG
from eligibility.errors import UnacceptableRequest
from eligibility.facts import (
    NATURAL_PERSONS,
    ORGANISATIONS,
    BacklogLine,
    EligibilityRequest,
    RequestBody,
    Vocabulary,
    normalise_model_name,
)
from eligibility.reading import request_from


def put(body: dict[str, Any], path: str, value: object) -> None:
    *sections, leaf = path.split(".")
    for section in sections:
        body = body.setdefault(section, {})
    body[leaf] = value


@pytest.mark.parametrize(
    "written",
    [
        "Meta-Llama-3-8B",
        "llama-3-8b",
        "LLAMA-3-8B",
        "meta-llama/Meta-Llama-3-8B",
        "Meta-LLaMA/llama-3-8B",
        "META-LLAMA/META-LLAMA-3-8B",
    ],
)
def test_names_of_models_are_compared_without_case_owner_and_meta(
    written: str, vocabulary: Vocabulary
) -> None:
    model = vocabulary.model(written)

    assert model is not None
    assert model.name == "Meta-Llama-3-8B"


@pytest.mark.parametrize(
    "written",
    [
        "someone/Llama-3-8B",
        "someone/meta-llama/Llama-3-8B",
        "meta-llama/meta-llama/Llama-3-8B",
        " Llama-3-8B",
        "Llama-3-8B-tuned",
        "Llama 3 8B",
        "meta-llama/",
        "",
    ],
)
def test_other_names_are_those_of_derivatives(written: str, vocabulary: Vocabulary) -> None:
    assert vocabulary.model(written) is None


def test_no_name_is_no_model(vocabulary: Vocabulary) -> None:
    assert vocabulary.model(None) is None


def test_a_normalised_name_stays_as_it_is() -> None:
    assert (
        normalise_model_name(normalise_model_name("meta-llama/Llama-4-Scout-17B-16E"))
        == "llama-4-scout-17b-16e"
    )


def test_the_kinds_of_entity_are_two_of_persons_and_five_of_organisations() -> None:
    assert NATURAL_PERSONS == ("individual", "researcher")
    assert len(ORGANISATIONS) == 5
    assert "other_organization" in ORGANISATIONS


def test_the_standard_has_249_countries_and_territories() -> None:
    assert len(COUNTRIES) == 249
    assert {"GB", "GR", "AX", "PS", "TW"} <= COUNTRIES
    assert not {"UK", "EU", "XX", "EL", "XK", "AN"} & COUNTRIES


# One case for each production of the grammar in RFC 5646, section 2.1.
@pytest.mark.parametrize(
    "tag",
    [
        *(
            "en",
            "EN",
            "fil",
            "tl",
            "zh-cmn",
            "zh-cmn-Hans-CN",
            "sr-Latn",
            "sr-Latn-RS",
            "es-419",
            "de-CH-1901",
        ),
        *("sl-rozaj-biske-1994", "hy-Latn-IT-arevela", "abcd", "abcdefgh", "zh-gan-yue-min", "de-1996-1996"),
        *("en-a-myext-b-another", "de-DE-u-co-phonebk", "en-x-us", "x-whatever", "x-a-b-c", "X-1", "de-Qaaa"),
        *("i-klingon", "I-Klingon", "en-GB-oed", "sgn-be-fr", "zh-min-nan", "art-lojban", "cel-gaulish"),
    ],
)
def test_well_formed_language_tags_are_taken(tag: str, body: dict[str, Any], vocabulary: Vocabulary) -> None:
    put(body, "use.languages", [tag])

    assert request_from(body, vocabulary).facts["use.languages"] == (tag,)
    assert re.fullmatch(LANGUAGE_TAG, tag)


@pytest.mark.parametrize(
    "tag",
    [
        *(
            "",
            " ",
            "e",
            "en_US",
            "en-",
            "-en",
            "en--US",
            "english1",
            "abcdefghi",
            "de-419-DE",
            "a-DE",
            "12",
            "x",
        ),
        *(
            "x-",
            "x-123456789",
            "en-a",
            "en-x",
            "i-unknown",
            "de-DE-Latn",
            "en ",
            "en\n",
            "énglish",
            "zh-a-b-c-d-x",
        ),
        *("ar-a-aaa-b", "*", "en;q=0.5", "abcd-abc", "zh-aaa-bbb-ccc-ddd"),
    ],
)
def test_other_texts_are_no_language_tags(tag: str, body: dict[str, Any], vocabulary: Vocabulary) -> None:
    put(body, "use.languages", ["en", tag])

    with pytest.raises(UnacceptableRequest) as caught:
        request_from(body, vocabulary)
    assert [fault.pointer for fault in caught.value.problems] == ["/use/languages/1"]


FULL: dict[str, Any] = {
    "model": {"generation": "llama-3.2", "name": "Llama-3.2-11B-Vision", "multimodal": True},
    "entity": {
        "kind": "researcher",
        "name": "Ana Beispiel",
        "reference": "r-1",
        "domicile": "FR",
        "principal_place_of_business": "US",
        "employer": {"kind": "company", "principal_place_of_business": "US", "relationship": "contractor"},
        "affiliates": [
            {
                "relation": "parent",
                "principal_place_of_business": "DE",
                "involved_in": ["development", "distribution"],
            }
        ],
        "development_offices": ["DE", "FR"],
        "monthly_active_users": 700_000_001,
        "ip_litigation_against_meta": False,
        "licence_terminated": False,
        "can_accept_licence": True,
        "trade_restricted": False,
    },
    "use": {
        "capacity": "end_user",
        "on_behalf_of": "employer",
        "activities": ["develop", "use"],
        "purposes": ["general", "spam"],
        "critical_infrastructure": {"role": "none", "sector": "rail", "certification": "ISO 1"},
        "assurances": {
            "licensed_professional": True,
            "data_rights_obtained": False,
            "age_gating_in_place": True,
            "impersonation_authorised": False,
            "known_dangers_disclosed": True,
        },
        "output_model": {"target": "other_llm", "distributed": False, "name": "Llama Next"},
        "distribution_regions": ["EU", "US", "worldwide"],
        "languages": ["de", "pt-BR"],
        "attribution": {"built_with_location": "website", "notice_file": True, "licence_copy": False},
        "description": "what it is for",
    },
}


def leaves(form: type[BaseModel], prefix: str = "") -> set[str]:
    paths: set[str] = set()
    for name, schema in form.model_json_schema()["properties"].items():
        field = form.model_fields[name].annotation
        inner = [kind for kind in (field, *getattr(field, "__args__", ())) if isinstance(kind, type)]
        forms = [kind for kind in inner if issubclass(kind, BaseModel)]
        paths |= leaves(forms[0], f"{prefix}{name}.") if forms else {prefix + name}
        assert schema.get("description") or "$ref" in str(schema)
    return paths


def test_a_full_request_is_kept_whole_and_by_dotted_path(vocabulary: Vocabulary) -> None:
    request = request_from(FULL, vocabulary)

    assert request.document == FULL
    assert set(request.facts) == leaves(RequestBody)
    assert request.facts["use.output_model.target"] == "other_llm"
    assert request.facts["use.distribution_regions"] == ("EU", "US", "worldwide")
    assert request.facts["entity.affiliates"] == (
        {
            "relation": "parent",
            "principal_place_of_business": "DE",
            "involved_in": ("development", "distribution"),
        },
    )


@pytest.mark.parametrize("path", sorted(leaves(RequestBody)))
def test_no_fact_takes_an_object_or_a_list_of_lists(path: str, vocabulary: Vocabulary) -> None:
    place = "/" + path.replace(".", "/")
    is_list = isinstance(request_from(FULL, vocabulary).facts[path], tuple)

    for value, pointer in [({"x": 1}, place), ([[]], f"{place}/0" if is_list else place)]:
        body = copy.deepcopy(FULL)
        put(body, path, value)
        with pytest.raises(UnacceptableRequest) as caught:
            request_from(body, vocabulary)
        assert [fault.pointer for fault in caught.value.problems] == [pointer]


def test_the_smallest_request_holds_two_facts(body: dict[str, Any], vocabulary: Vocabulary) -> None:
    assert request_from(body, vocabulary) == EligibilityRequest(
        document=body, facts={"model.generation": "llama-4", "entity.kind": "company"}, request_id=None
    )


def test_what_was_given_is_not_changed(vocabulary: Vocabulary) -> None:
    given = {"model": {"generation": "llama-4", "name": None}, "entity": {"kind": "company"}, "use": {}}

    request_from(given, vocabulary)

    assert given == {
        "model": {"generation": "llama-4", "name": None},
        "entity": {"kind": "company"},
        "use": {},
    }


def test_the_json_schema_lists_each_fact_with_its_meaning_and_an_example(vocabulary: Vocabulary) -> None:
    schema = RequestBody.model_json_schema()

    forms = [schema, *(each for each in schema["$defs"].values() if each["type"] == "object")]
    assert len(forms) == 10
    for form in forms:
        assert form["additionalProperties"] is False
        assert all("description" in member for member in form["properties"].values()), form["title"]
    assert schema["required"] == ["model", "entity"]
    assert set(schema["$defs"]["Country"]["enum"]) == COUNTRIES
    for example in schema["examples"]:
        assert request_from(example, vocabulary).document == example


def test_a_line_of_a_backlog_is_a_request_with_one_more_member() -> None:
    assert set(BacklogLine.model_fields) - set(RequestBody.model_fields) == {"request_id"}
