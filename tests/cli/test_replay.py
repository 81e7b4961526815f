"""`eligibility audit replay`, beside a service that runs."""

import json
from pathlib import Path

import pytest

from tests.cli.running import REQUEST, Service
from tests.rules.patching import copied, replace


@pytest.fixture(scope="module")
def decided(service: Service) -> list[str]:
    """The ids of three decisions, two of them alike."""
    bodies = [
        {**REQUEST, "entity": {"kind": "company", "principal_place_of_business": "US"}},
        REQUEST,
        REQUEST,
    ]
    bodies[0]["entity"]["monthly_active_users"] = 5_000
    with service.client() as client:
        return [client.post("/v1/decisions", json=body).json()["id"] for body in bodies]


@pytest.fixture
def stricter(tmp_path: Path) -> Path:
    """A policy by which 4,999 users are as many as one may have."""
    folder = copied(tmp_path / "rules")
    for _ in range(2):
        replace(folder / "licence.yaml", "{above: 700000000}", "{above: 4999}")
    return folder


def test_under_their_own_rulesets_decisions_come_out_the_same(service: Service, decided: list[str]) -> None:
    done = service.command("audit", "replay")
    assert done.returncode == 0, done.stderr
    assert (
        f"{len(decided)} decisions were decided again under their own rulesets: nothing differs"
        in done.stdout
    )


def test_under_another_policy_what_differs_is_said_by_rule(
    service: Service, decided: list[str], stricter: Path
) -> None:
    done = service.command("audit", "replay", "--ruleset", str(stricter))
    assert done.returncode == 1, done.stderr
    assert f"1 decision: permitted -> contact_meta  such as {decided[0]}" in done.stdout
    assert "fires: licence.mau-threshold  " in done.stdout
    assert "finding licence.mau-threshold: none -> contact (separate_licence)" in done.stdout
    assert "1 differ" in done.stdout
    told = service.command("audit", "replay", "--ruleset", str(stricter), "--json")
    document = json.loads(told.stdout)
    assert told.returncode == 1
    assert (document["decisions"], document["unchanged"]) == (3, 2)
    assert [group["example"] for group in document["groups"]] == [decided[0]]


def test_a_period_and_a_digest_choose_what_is_decided_again_and_how(
    service: Service, decided: list[str]
) -> None:
    with service.client() as client:
        digest = client.get(f"/v1/decisions/{decided[0]}").json()["ruleset"]["digest"]
    never = service.command("audit", "replay", "--until", "2026-01-01", "--ruleset", digest)
    assert never.returncode == 0, never.stderr
    assert "0 decisions were decided again" in never.stdout


@pytest.mark.parametrize(
    "given,code,words",
    [
        pytest.param("nowhere", 2, "neither a folder nor a digest", id="no folder"),
        pytest.param("sha256:" + "00" * 32, 1, "there is no ruleset", id="unknown"),
        pytest.param("sha256:00", 2, "64 hexadecimal digits", id="no digest"),
    ],
)
def test_a_ruleset_that_there_is_not_is_refused(service: Service, given: str, code: int, words: str) -> None:
    done = service.command("audit", "replay", "--ruleset", given)
    assert words in done.stderr
    assert done.returncode == code
