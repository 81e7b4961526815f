"""The description of the service: complete, worked through, and true."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from api.app import HANDLERS
from api.dashboard.sessions import is_of_dashboard
from api.documented import OPERATION
from api.forms import FormOfCall, read_form
from api.roles import ROUTES
from api.schemas import ProblemDocument
from eligibility.facts import RequestBody
from tests.api.serving import Server
from tests.rules.patching import read

METHODS = {"delete", "get", "post"}


@pytest.fixture(scope="session")
def document(server: Server) -> dict[str, Any]:
    answer = httpx.get(f"{server.url}/schema/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS & set(item):
            yield method, path, item[method]


def everything(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from everything(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from everything(inner)


def test_every_route_is_described(document: dict[str, Any]) -> None:
    described = {(method.upper(), path) for method, path, _ in operations(document)}
    assert described == {call for call in ROUTES if not is_of_dashboard(call[1])}
    assert document["openapi"].startswith("3.1")


def test_yaml_says_the_same_as_json(server: Server, document: dict[str, Any], tmp_path: Path) -> None:
    answer = httpx.get(f"{server.url}/schema/openapi.yaml")
    assert answer.headers["content-type"].startswith("application/yaml")
    path = tmp_path / "openapi.yaml"
    path.write_text(answer.text, encoding="utf-8")
    assert read(path) == document, "by YAML 1.2"
    assert yaml.safe_load(answer.text) == document, "by YAML 1.1"


def test_every_call_says_what_it_does_and_who_may(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for method, path, operation in operations(document):
        assert operation["summary"], path
        assert len(operation["description"]) > len(operation["summary"])
        roles = ROUTES[method.upper(), path]
        assert operation["security"] == ([] if roles == {"anyone"} else [{"key": []}])
        for role in roles - {"anyone"}:
            assert f"`{role}`" in operation["description"]


def test_every_parameter_is_described_with_an_example(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        named = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}
        for parameter in operation["parameters"]:
            assert parameter["description"]
            assert parameter["schema"]
            assert parameter["example"] is not None


def test_every_answer_that_has_a_body_has_a_schema_and_an_example(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        if path.startswith("/schema/openapi"):
            continue
        for status, answer in operation["responses"].items():
            assert answer["description"]
            if status != "304":
                content, *others = answer["content"].values()
                assert content["schema"]["$ref"]
                assert content["example"]
                assert not any(others)  # no JSON, so that there is no schema of them


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    found = [handler.opt[OPERATION] for handler in HANDLERS if OPERATION in handler.opt]
    answers = [answer for operation in found for answer in operation.answers.values()]
    models = {
        model.__name__: model for model in (ProblemDocument, *(answer.model for answer in answers)) if model
    }
    for _, _, operation in operations(document):
        for answer in operation["responses"].values():
            for content in filter(None, answer.get("content", {}).values()):
                model = models[content["schema"]["$ref"].rsplit("/", 1)[1]]
                model.model_validate_json(json.dumps(content["example"]), strict=True)


def test_every_example_of_a_body_fits_its_form(document: dict[str, Any]) -> None:
    found = [handler.opt[OPERATION].body for handler in HANDLERS if OPERATION in handler.opt]
    forms = {form.__name__: form for form in found if form is not None and issubclass(form, FormOfCall)}
    assert len(forms) > 2
    for _, _, operation in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            form = forms.get(content.get("schema", {}).get("$ref", "").rsplit("/", 1)[-1])
            if form is not None:
                read_form(form, json.dumps(content["example"]).encode())


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = [value["$ref"] for value in everything(document) if "$ref" in value]
    assert references
    for reference in references:
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def test_every_member_of_a_schema_is_described(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        for member, words in schema.get("properties", {}).items():
            assert words.get("description") or "$ref" in words, f"{name}.{member}"


def test_no_problem_is_answered_that_is_not_described(document: dict[str, Any], portal: httpx.Client) -> None:
    kinds = {kind["type"]: kind for kind in portal.get("/schema/problems").json()["problems"]}
    for _, _, operation in operations(document):
        for answer in operation["responses"].values():
            problem = answer.get("content", {}).get("application/problem+json")
            if problem is not None:
                example = problem["example"]
                assert kinds[example["type"]]["status"] == example["status"]
    for kind in kinds.values():
        assert kind["title"]
        assert kind["remedy"]


def test_the_worked_example_of_a_decision_is_what_posting_it_answers(
    document: dict[str, Any], portal: httpx.Client
) -> None:
    operation = document["paths"]["/v1/decisions"]["post"]
    request = operation["requestBody"]["content"]["application/json"]["example"]
    expected = operation["responses"]["201"]["content"]["application/json"]["example"]
    answered = portal.post("/v1/decisions", json=request)
    assert answered.status_code == 201
    came = answered.json()
    own = {"id", "decided_at"}
    assert {k: v for k, v in came.items() if k not in own} == {
        k: v for k, v in expected.items() if k not in own
    }
    recorded = portal.get(answered.headers["location"]).json()
    shown = document["paths"]["/v1/decisions/{identifier}"]["get"]["responses"]["200"]
    example = shown["content"]["application/json"]["example"]
    own |= {"recorded"}
    assert {k: v for k, v in recorded.items() if k not in own} == {
        k: v for k, v in example.items() if k not in own
    }


def test_the_worked_example_of_what_if_is_what_posting_it_answers(
    document: dict[str, Any], portal: httpx.Client
) -> None:
    operation = document["paths"]["/v1/what-if"]["post"]
    request = operation["requestBody"]["content"]["application/json"]["example"]
    expected = operation["responses"]["200"]["content"]["application/json"]["example"]
    came = portal.post("/v1/what-if", json=request).json()
    assert {**came, "decided_at": None} == {**expected, "decided_at": None}


@pytest.mark.parametrize("path,view", [("/v1/policy", None), ("/v1/policy/{view}", "generations")])
def test_the_worked_examples_of_the_policy_are_the_policy(
    document: dict[str, Any], portal: httpx.Client, path: str, view: str | None
) -> None:
    answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    assert portal.get(path.replace("{view}", str(view))).json() == answer["example"]


def test_the_example_queries_are_accepted(document: dict[str, Any], portal: httpx.Client) -> None:
    operation = document["paths"]["/v1/decisions"]["get"]
    query = {each["name"]: each["example"] for each in operation["parameters"]}
    assert portal.get("/v1/decisions", params=query).status_code == 200


def test_the_request_is_described_by_the_form_that_reads_it(document: dict[str, Any]) -> None:
    described = document["components"]["schemas"]["RequestBody"]
    assert set(described["properties"]) == set(RequestBody.model_fields)
    assert described["additionalProperties"] is False


def test_nothing_in_it_is_loaded_from_elsewhere(server: Server) -> None:
    for path in ("/schema", "/schema/swagger", "/schema/redoc", "/schema/elements"):
        assert httpx.get(server.url + path).status_code == 404
