"""The policy, as portals read it to build their forms."""

from typing import Any

import httpx
import pytest

from api.policy_views import VIEWS
from api.schemas import PolicyIndex, PolicyView
from eligibility.codes import COUNTRIES
from eligibility.domains import FACTS
from eligibility.ruleset import Ruleset
from tests.api.bodies import permitted


def read(portal: httpx.Client, name: str) -> dict[str, dict[str, Any]]:
    """A view's entries by their name, the first member of each."""
    answer = portal.get(f"/v1/policy/{name}").json()
    return {next(iter(entry.values())): entry for entry in answer[name]}


def test_the_index_names_the_ruleset_and_leads_to_every_view(portal: httpx.Client, ruleset: Ruleset) -> None:
    answer = portal.get("/v1/policy")
    PolicyIndex.model_validate_json(answer.content, strict=True)
    index = answer.json()
    assert index["ruleset"] == {"version": ruleset.version, "digest": ruleset.digest}
    assert {each["outcome"] for each in index["outcomes"]} == {"permitted", "prohibited", "contact_meta"}
    assert set(index["views"]) == set(VIEWS)
    for address in index["views"].values():
        assert portal.get(address).status_code == 200


@pytest.mark.parametrize("name", [None, *VIEWS])
def test_an_answer_names_its_ruleset_and_is_not_sent_twice(
    portal: httpx.Client, ruleset: Ruleset, name: str | None
) -> None:
    path = "/v1/policy" if name is None else f"/v1/policy/{name}"
    answer = portal.get(path)
    (PolicyIndex if name is None else PolicyView).model_validate_json(answer.content)
    assert answer.json()["ruleset"]["digest"] == ruleset.digest
    assert answer.headers["etag"] == f'"{ruleset.digest}"'
    assert answer.headers["cache-control"] == "private, no-cache"
    for known in (answer.headers["etag"], f'"other", W/{answer.headers["etag"]}', "*"):
        unchanged = portal.get(path, headers={"if-none-match": known})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert portal.get(path, headers={"if-none-match": '"other"'}).content == answer.content


def test_a_view_that_does_not_exist_is_404_and_names_those_that_do(portal: httpx.Client) -> None:
    answer = portal.get("/v1/policy/laws")
    assert answer.status_code == 404
    assert "`findings`" in answer.json()["detail"]


def test_generations_name_the_month_in_which_users_are_counted(portal: httpx.Client) -> None:
    found = read(portal, "generations")
    assert list(found) == ["llama-2", "llama-3", "llama-3.1", "llama-3.2", "llama-3.3", "llama-4"]
    assert found["llama-4"]["users_month_name"] == "March 2025"
    assert found["llama-4"]["released"] == "2025-04-05"
    assert len(found["llama-4"]["languages"]) == 12
    modality = {name: entry["multimodal"] for name, entry in found.items()}
    assert modality["llama-4"] is True
    assert modality["llama-3.2"] is None
    assert modality["llama-2"] is False


def test_models_are_those_of_the_catalogue(portal: httpx.Client, ruleset: Ruleset) -> None:
    found = read(portal, "models")
    assert found["Llama-3.2-11B-Vision"] == {
        "model": "Llama-3.2-11B-Vision",
        "generation": "llama-3.2",
        "multimodal": True,
    }
    assert len(found) == len(ruleset.vocabulary.models)


def test_purposes_say_what_comes_of_them(portal: httpx.Client, ruleset: Ruleset) -> None:
    found = read(portal, "purposes")
    assert list(found) == list(ruleset.vocabulary.purposes)
    for code, entry in found.items():
        if code == "general":
            assert entry["finding"] is None
        else:
            assert entry["finding"] == f"aup.{code.replace('_', '-')}"
            assert entry["title"]
    assert found["professional_practice"]["assurance"] == "use.assurances.licensed_professional"
    assert found["spam"]["assurance"] is None
    assert found["safety_circumvention"]["generations"] == ["llama-3.2", "llama-3.3", "llama-4"]
    assert found["biological_chemical_weapons"]["generations"] == list(ruleset.generations)


def test_findings_cite_where_they_come_from_in_each_generation(portal: httpx.Client) -> None:
    found = read(portal, "findings")
    documents = read(portal, "documents")
    assert found["licence.mau-threshold"]["reason"] == "separate_licence"
    assert found["licence.eu-multimodal"]["reviewable"] is True
    assert found["licence.ip-litigation"]["reviewable"] is False
    for finding in found.values():
        assert finding["effect"] in {"prohibits", "contact", "exempts", "note"}
        for rule in finding["rules"]:
            assert list(rule["citations"]) == rule["generations"]
            for cited in rule["citations"].values():
                assert cited
                assert {each["document"] for each in cited} <= set(documents)


def test_obligations_give_the_literal_texts(portal: httpx.Client) -> None:
    found = read(portal, "obligations")
    assert found["built-with"]["values"]["llama-3"] == "Built with Meta Llama 3"
    assert found["built-with"]["values"]["llama-4"] == "Built with Llama"
    assert found["follow-aup"]["values"]["llama-4"] is None
    assert found["built-with"]["status_follows_from"] == "use.attribution.built_with_location"


def test_facts_give_all_that_a_form_needs(portal: httpx.Client) -> None:
    found = read(portal, "facts")
    assert list(found) == list(FACTS)
    assert {path for path, entry in found.items() if entry["needed"]} == {"model.generation", "entity.kind"}
    users = found["entity.monthly_active_users"]
    assert "{month}" in users["question"]
    assert "March 2025" in users["questions"]["llama-4"]
    assert "June 2023" in users["questions"]["llama-2"]
    assert users["presumed"] == "not above 700000000"
    assert found["entity.affiliates"]["presumed"] == []
    assert "presumed" not in found["entity.domicile"]
    assert found["entity.kind"]["values"][:2] == ["individual", "researcher"]
    assert found["use.purposes"]["values"][-1] == "general"
    declared = found["use.output_model.target"]["declared_by"]
    assert declared == {"fact": "use.activities", "value": "improve_other_model"}
    for entry in found.values():
        for text in (entry["questions"] or {}).values():
            assert "{generation}" not in text
            assert "{month}" not in text


def test_what_is_needed_is_what_a_request_is_refused_without(portal: httpx.Client) -> None:
    needed = {path for path, entry in read(portal, "facts").items() if entry["needed"]}
    refused = portal.post("/v1/what-if", json={}).json()["errors"]
    assert {error["pointer"].strip("/").replace("/", ".") for error in refused} == needed


def test_regions_and_countries_are_those_that_requests_may_name(portal: httpx.Client) -> None:
    regions, countries = read(portal, "regions"), read(portal, "countries")
    assert set(countries) == COUNTRIES
    assert countries["DE"]["name"] == "Germany"
    assert regions["eu"]["token"] == "EU"
    assert set(regions["eea"]["countries"]) - set(regions["eu"]["countries"]) == {"IS", "LI", "NO"}
    assert set(regions["eu"]["countries"]) <= set(countries)


def test_every_value_that_a_form_is_offered_is_accepted(portal: httpx.Client) -> None:
    for path, entry in read(portal, "facts").items():
        section, member, *rest = path.split(".")
        if entry["kind"] != "code" or "[]" in path or path in {"model.generation", "use.on_behalf_of"}:
            continue
        for value in entry["values"]:
            body = permitted()
            place = body[section].setdefault(member, {}) if rest else body[section]
            place[rest[0] if rest else member] = value
            answer = portal.post("/v1/what-if", json=body)
            assert answer.status_code == 200, (path, value, answer.text)
