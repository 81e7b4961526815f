"""The life of rulesets on the command line, beside a running service."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Service
from tests.properties.sizes import sized
from tests.rules.patching import copied, replace


@pytest.fixture(scope="module")
def keys(service: Service, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files with a key each, by the role."""
    folder, files = tmp_path_factory.mktemp("keys"), dict[str, str]()
    for role in ("reviewer", "approver"):
        made = service.command("keys", "create", f"the {role}", "--role", role, "--json")
        file = folder / role
        file.write_text(json.loads(made.stdout)["key"], encoding="utf-8")
        files[role] = str(file)
    return files


@pytest.fixture(scope="module")
def draft(service: Service, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of a draft that says permissions in other words."""
    folder = copied(tmp_path_factory.mktemp("rules") / "rules", cases=True)
    replace(folder / "texts.yaml", "licence grants the rights", "licence grants all the rights")
    loaded = service.command("rulesets", "load", str(folder), "--reason", "better words", "--json")
    assert loaded.returncode == 0, loaded.stderr
    digest: str = json.loads(loaded.stdout)["digest"]
    return digest


def told(service: Service, digest: str) -> dict[str, Any]:
    shown = service.command("rulesets", "show", digest, "--json")
    assert shown.returncode == 0, shown.stderr
    found: dict[str, Any] = json.loads(shown.stdout)
    return found


def by(keys: dict[str, str], role: str) -> tuple[str, ...]:
    return ("--key-file", keys[role], "--reason", "for a test")


def test_a_draft_is_listed_beside_the_ruleset_in_force(service: Service, draft: str) -> None:
    listed = service.command("rulesets", "list", "--json")
    states = {each["digest"]: each["state"] for each in json.loads(listed.stdout)}
    assert states.pop(draft) in {"draft", "proposed"}
    assert list(states.values()) == ["in_force"]
    assert draft[:19] in service.command("rulesets", "list").stdout


def test_faults_of_a_folder_are_told(service: Service, tmp_path: Path) -> None:
    folder = copied(tmp_path / "rules")
    replace(folder / "licence.yaml", "    then:", "    thenn:")
    loaded = service.command("rulesets", "load", str(folder))
    assert loaded.returncode == 1
    assert "licence.yaml:" in loaded.stdout


def test_acts_take_the_key_of_somebody_who_may(service: Service, draft: str, keys: dict[str, str]) -> None:
    beginning = draft.removeprefix("sha256:")[:16]
    proposed = service.command("rulesets", "propose", beginning, *by(keys, "reviewer"))
    assert proposed.returncode == 0, proposed.stderr
    assert "proposed by the reviewer: for a test" in proposed.stdout
    for act, role, words in (
        ("approve", "reviewer", "the role `reviewer` may not do this"),
        ("approve", "approver", "its check `tests` was not made"),
        ("cancel", "approver", "let another person approve it first"),
    ):
        refused = service.command("rulesets", act, draft, *by(keys, role))
        assert refused.returncode == 1
        assert words in refused.stderr
    withdrawn = service.command("rulesets", "withdraw", draft, *by(keys, "approver"), "--json")
    assert json.loads(withdrawn.stdout)["state"] == "draft"
    assert [step["by"] for step in told(service, draft)["steps"]] == [
        "system",
        "the reviewer",
        "the approver",
    ]


def test_a_digest_that_is_not_known_or_not_told_apart_is_refused(service: Service, draft: str) -> None:
    assert draft
    for written, words in (("ffff", "no ruleset begins with `ffff`"), ("sha256:", "more than one ruleset")):
        refused = service.command("rulesets", "show", written)
        assert (refused.returncode, words in refused.stderr) == (1, True)


def test_a_key_that_does_not_work_is_refused(service: Service, draft: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("elk_unknown", encoding="utf-8")
    refused = service.command("rulesets", "propose", draft, "--key-file", str(file), "--reason", "why")
    assert refused.returncode == 1
    assert "does not work" in refused.stderr


def test_an_impact_is_computed_beside_the_service(service: Service, draft: str) -> None:
    computed = service.command("rulesets", "impact", draft, "--from", "2020-01-01", "--json")
    assert computed.returncode == 0, computed.stderr
    impact = json.loads(computed.stdout)
    assert (impact["decisions"], impact["groups"], impact["passed"]) == (0, [], True)
    empty = service.command("rulesets", "impact", draft, "--from", "2020-01-01", "--to", "2019-01-01")
    assert empty.returncode == 2


@pytest.mark.skipif(sized(1, 0) > 0, reason="half a minute of proving, which tests of the proof do anyway")
def test_a_checked_draft_is_put_in_force(service: Service, draft: str, keys: dict[str, str]) -> None:
    checked = service.command("rulesets", "check", draft)
    assert checked.returncode == 0, checked.stdout
    service.command("rulesets", "impact", draft, "--from", "2020-01-01")
    for act, role in (("propose", "reviewer"), ("approve", "approver"), ("activate", "approver")):
        done = service.command("rulesets", act, draft, *by(keys, role))
        assert done.returncode == 0, done.stderr
    assert told(service, draft)["state"] == "in_force"
