"""The command that shows a difference: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from eligibility.cli import main
from eligibility.loading import shipped_rules
from tests.rules.patching import copied, replace


def diff(*arguments: Path | str) -> Result:
    return CliRunner().invoke(main, ["rules", "diff", *map(str, arguments)])


def test_the_command_ends_with_0_where_rules_are_proved_equal() -> None:
    done = diff(shipped_rules(), shipped_rules())

    assert done.exit_code == 0
    assert "proved equal for every request" in done.stdout


def test_the_command_ends_with_1_where_rules_differ_and_says_how(tmp_path: Path) -> None:
    new = copied(tmp_path / "new")
    replace(new / "licence.yaml", "above: 700000000", "above: 600000000")

    done = diff(shipped_rules(), new)
    as_json = diff(shipped_rules(), new, "--json")

    assert (done.exit_code, as_json.exit_code) == (1, 1)
    assert "permitted -> contact_meta  all generations" in done.stdout
    assert "licence.mau-threshold  changed: when" in done.stdout
    told_to_programs = json.loads(as_json.stdout)
    assert told_to_programs["equal"] is False
    move = next(one for one in told_to_programs["moves"] if one["old"] == "permitted")
    assert move["outcomes"] == {"old": "permitted", "new": "contact_meta"}
    assert f'"monthly_active_users":{move["request"]["entity"]["monthly_active_users"]}' in done.stdout


def test_every_part_of_a_difference_is_printed_for_people(tmp_path: Path) -> None:
    new = copied(tmp_path / "new")
    replace(new / "facts.yaml", "presumed: licensee", "presumed: end_user")
    replace(new / "catalogue.yaml", "- general", "- general\n  - divination")
    replace(new / "obligations.yaml", "llama-4: Built with Llama", "llama-4: Made with Llama")
    replace(new / "obligations.yaml", "met: [title,", "met: [website, title,")

    text = diff(shipped_rules(), new).stdout

    for words in (
        "use.capacity is taken to be licensee -> end_user",
        "purpose divination: only the new one accepts this",
        "refused by the other",
        "obligation built-with: “Built with Llama”",
        "“Made with Llama”",
        "facts.use.capacity.presumed",
        "they differ",
    ):
        assert words in text


def test_the_command_ends_with_2_and_names_the_folder_that_is_at_fault(tmp_path: Path) -> None:
    new = copied(tmp_path / "new")
    replace(new / "licence.yaml", "above: 700000000", "beyond: 700000000")

    done = diff(shipped_rules(), new)

    assert done.exit_code == 2
    assert f"{new}/licence.yaml:" in done.stderr
