"""`rules test` and `rules mutate`: the bars for what cases cover and notice, and how the commands end."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from eligibility.cli import main
from eligibility.commands import mutate
from eligibility.loading import shipped_rules
from eligibility.mutants import Mutant, mutants_of
from eligibility.ruleset import Ruleset
from eligibility.survivors import load_survivors
from tests.properties.sizes import sized
from tests.rules import small
from tests.rules.patching import copied, read, replace, write

LIMIT = 700_000_000
EVERY = sized(6, 1)
"""Of so many changes of the shipped policy, one is tried."""


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ("rules", *arguments))


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """A small policy with two cases, which leave most of what could be changed in it unnoticed."""
    folder = small.folder(tmp_path / "rules", *small.USERS)
    (folder / "cases").mkdir()
    cases = [
        {
            "case": f"{users} users",
            "request": {
                "model": {"generation": "llama-3.1"},
                "entity": {"kind": "company", "monthly_active_users": users},
                "use": {"activities": ["use"], "purposes": ["general"]},
            },
            "expect": {"outcome": outcome},
        }
        for users, outcome in ((LIMIT, "permitted"), (LIMIT + 1, "contact_meta"))
    ]
    write(folder / "cases" / "users.yaml", {"cases": cases})
    return folder


def justify(folder: Path, mutants: list[str]) -> None:
    entries = [{"mutant": mutant, "reason": "It is a small policy."} for mutant in mutants]
    write(folder / "survivors.yaml", {"survivors": entries})


def survivors(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(invoke("mutate", str(folder), "--json").stdout)["survivors"]
    return found


def some_mutants(ruleset: Ruleset) -> tuple[Mutant, ...]:
    """One mutant in so many, and all that a reason is given for; neighbours change the same rule."""
    every = mutants_of(ruleset)
    justified = load_survivors(shipped_rules(), every)
    return tuple(one for n, one in enumerate(every) if n % EVERY == 0 or one.id in justified)


def test_the_cases_of_the_shipped_policy_notice_nearly_every_change_and_the_rest_is_justified(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mutate, "mutants_of", some_mutants)
    done = invoke("mutate", "--json", *(("--at-least", "0") if EVERY > 1 else ()))
    document = json.loads(done.stdout)

    assert [one["mutant"] for one in document["survivors"] if one["reason"] is None] == []
    assert document["faults"] == []
    survived = len(document["survivors"])
    assert survived * 100 <= 2 * (survived + EVERY * document["killed"]["covered"])
    assert document["killed"]["of"] > 1000 / EVERY
    assert document["killed"]["of"] + len(document["refused"]) == document["mutants"]
    assert done.exit_code == 0


def test_survivors_without_a_reason_end_with_1_and_are_told(users: Path) -> None:
    done = invoke("mutate", str(users), "--at-least", "0")
    unnoticed = (
        "recipient: without end_user in use.capacity is_one_of [integrated_product_recipient, end_user]"
    )

    assert done.exit_code == 1
    assert f"  {unnoticed}\n    `recipient` is taken without end_user" in done.stdout
    assert unnoticed in [one["mutant"] for one in survivors(users)]
    assert "700000001\n" not in done.stdout


def test_survivors_with_reasons_end_with_0_where_the_bar_is_reached(users: Path) -> None:
    justify(users, [one["mutant"] for one in survivors(users)])

    assert invoke("mutate", str(users), "--at-least", "10").exit_code == 0
    assert invoke("mutate", str(users)).exit_code == 1
    assert {one["reason"] for one in survivors(users)} == {"It is a small policy."}


def test_a_reason_for_what_a_case_notices_ends_with_1(users: Path) -> None:
    threshold = f"licence.mau-threshold: entity.monthly_active_users above {LIMIT} -> {LIMIT + 1}"
    justify(users, [*(one["mutant"] for one in survivors(users)), threshold])

    done = invoke("mutate", str(users), "--at-least", "0")

    assert done.exit_code == 1
    assert f"`{threshold}` is killed by the case `{LIMIT + 1} users`: remove the entry" in done.stdout


def test_a_reason_for_what_is_no_mutant_is_a_fault_of_the_rules(users: Path) -> None:
    justify(users, ["recipient: without everything"])

    done = invoke("mutate", str(users))

    assert done.exit_code == 1
    assert "survivors.yaml:2: there is no mutant `recipient: without everything`" in done.stdout


def test_cases_that_fail_already_keep_mutants_from_being_tried(users: Path) -> None:
    replace(users / "cases" / "users.yaml", "outcome: permitted", "outcome: prohibited")

    done = invoke("mutate", str(users))
    document = json.loads(invoke("mutate", str(users), "--json").stdout)

    assert done.exit_code == 1
    assert "1 case fails without any change" in done.stderr
    assert document == {"failed": [f"{LIMIT} users"]}


def test_less_coverage_than_the_bar_ends_with_1_and_says_what_is_uncovered(tmp_path: Path) -> None:
    folder = copied(tmp_path / "rules", cases=True)
    path = folder / "cases" / "acceptable-use.yaml"
    content = read(path)
    content["cases"] = [
        case for case in content["cases"] if "refused assurance for impersonation" not in case["case"]
    ]
    write(path, content)

    done = invoke("test", str(folder))
    document = json.loads(invoke("test", str(folder), "--json").stdout)["coverage"]

    assert done.exit_code == 1
    assert "  aup.impersonation: no case turns on it that `use.purposes does not name impersonation`" in (
        done.stdout
    )
    assert document["uncovered"] == [
        {
            "rule": "aup.impersonation",
            "condition": "use.purposes does not name impersonation",
            "holds": False,
        }
    ]
    assert document["conditions"]["covered"] == document["conditions"]["of"] - 1
    assert invoke("test", str(folder), "--at-least", "99").exit_code == 0
