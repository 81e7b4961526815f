"""The golden cases, each through the running server."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.schemas import Decision, ProblemDocument
from eligibility.cases import check
from tests.api.serving import Server

_FILE = Path(__file__).parent.parent / "data" / "golden.jsonl"
CASES: list[dict[str, Any]] = [json.loads(line) for line in _FILE.read_text(encoding="utf-8").splitlines()]

by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])


@by_name
def test_a_golden_case_is_decided_as_it_says(portal: httpx.Client, case: dict[str, Any]) -> None:
    answer = portal.post("/v1/decisions", json=case["request"])
    assert check(case["expect"], answer.status_code, answer.json()) == []
    if "status" in case["expect"]:
        ProblemDocument.model_validate_json(answer.content, strict=True)
    else:
        assert answer.status_code == 201
        Decision.model_validate_json(answer.content, strict=True)


@pytest.mark.parametrize(
    "case", [case for case in CASES if "status" not in case["expect"]], ids=lambda case: case["case"]
)
def test_a_golden_case_reads_again_as_it_was_answered(server: Server, case: dict[str, Any]) -> None:
    with server.client("portal") as portal:
        answered = portal.post("/v1/decisions", json=case["request"])
        again = portal.get(answered.headers["location"]).json()
    for member, value in answered.json().items():
        assert again[member] == value


def test_there_are_golden_cases_and_each_has_a_name_of_its_own() -> None:
    assert len({case["case"] for case in CASES}) == len(CASES) > 150
