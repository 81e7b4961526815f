"""`eligibility rules prove`: what it prints and how it ends."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from eligibility.cli import main
from eligibility.proving import laws
from tests.rules.patching import copied, replace


def prove(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["rules", "prove", *arguments])


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Rules of which two give one request different outcomes."""
    folder = copied(tmp_path / "rules")
    replace(folder / "outcome.yaml", "      - not: {effect: prohibits}\n", "")
    return folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the first three laws, which take no time."""
    monkeypatch.setattr(laws.prove, "__defaults__", (laws.LAWS[:3], *(laws.prove.__defaults__ or ())[1:]))


@pytest.mark.usefixtures("quick")
def test_a_broken_law_ends_with_1_and_a_request_ready_to_send(broken: Path) -> None:
    done = prove(str(broken), "--json")

    assert done.exit_code == 1
    answer = json.loads(done.stdout)
    assert answer["proved"] is False
    assert [law["law"] for law in answer["laws"]] == [law.id for law in laws.LAWS[:3]]
    [law] = [law for law in answer["laws"] if not law["holds"]]
    assert list(law) == ["law", "sentence", "holds", "checks", "seconds", "breaches", "not_proved"]
    assert law["law"] == "one-outcome"
    breach: dict[str, Any] = law["breaches"][0]
    assert list(breach) == ["law", "generation", "sentence", "request", "outcomes", "decision", "after"]
    assert breach["request"]["model"]["generation"] == breach["generation"]
    assert sorted(breach["outcomes"]) == ["contact_meta", "prohibited"]
    assert breach["decision"].startswith("none: ")


@pytest.mark.usefixtures("quick")
def test_people_are_told_which_law_is_broken_and_by_what(broken: Path) -> None:
    done = prove(str(broken))

    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "✗ one-outcome: Each request has exactly one outcome."
    assert lines[1].startswith("  broken: in `llama-2` a request has both the outcomes")
    request = json.loads(lines[2].removeprefix("    request: "))
    assert request["model"] == {"generation": "llama-2"}
    assert lines[3].startswith("    outcomes under the rules: ")
    assert any(line.startswith("✓ never-improves: ") for line in lines)
    assert lines[-1].startswith("1 of 3 laws not proved, ")


def test_rules_that_cannot_be_loaded_end_with_2(tmp_path: Path) -> None:
    folder = copied(tmp_path / "rules")
    (folder / "regions.yaml").unlink()

    done = prove(str(folder))

    assert done.exit_code == 2
    assert "regions.yaml: the file is missing" in done.stderr
    assert prove(str(tmp_path / "nowhere")).exit_code == 2
