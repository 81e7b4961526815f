"""Commands that need no database, in this process: what they print and how they end."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from eligibility.cli import main
from tests.cli.running import REQUEST, ROOT, environment
from tests.rules.patching import BROKEN, apply, copied, read, replace

IN_THE_EU: dict[str, Any] = {**REQUEST, "entity": {"kind": "individual", "domicile": "DE"}}
BARE: dict[str, Any] = {"model": {"generation": "llama-4"}, "entity": {"kind": "company"}}
ESCAPE = "\x1b["


def invoke(*arguments: str, text: str | bytes = "") -> Result:
    return CliRunner().invoke(main, arguments, input=text)


def decide(request: object, *options: str) -> Result:
    return invoke("decide", "-", *options, text=json.dumps(request))


@pytest.mark.parametrize(
    "request_, outcome",
    [(REQUEST, "permitted"), (IN_THE_EU, "prohibited"), (BARE, "contact_meta")],
    ids=["permitted", "prohibited", "contact"],
)
def test_a_decision_ends_with_0_whatever_the_outcome(request_: dict[str, Any], outcome: str) -> None:
    done = decide(request_, "--json")

    assert done.exit_code == 0
    assert json.loads(done.stdout)["outcome"] == outcome


def test_a_decision_for_people_begins_with_the_outcome_and_says_everything() -> None:
    lines = decide(IN_THE_EU).stdout.splitlines()

    assert lines[0] == "✗ Prohibited"
    text = "\n".join(lines)
    for words in (
        "licence.eu-multimodal",
        "Prohibited, because of a multimodal model for a licensee in the EU: ",
        "the country of domicile is in the EU (DE)",
        "llama-4-aup, Closing paragraph on multimodal models: https://",
        "use.capacity: licensee",
        "Meta Platforms Ireland Limited",
        "Recourse",
        "Not recorded",
    ):
        assert words in text


def test_missing_facts_are_asked_as_questions() -> None:
    text = decide(BARE).stdout

    assert text.startswith("? Contact Meta\n")
    assert "In which country does the organisation have its principal place of business?" in text
    assert "entity.monthly_active_users: leads to contact_meta or permitted" in text
    assert "llamamodels@meta.com (clarification)" in text


def test_obligations_come_with_status_value_and_source() -> None:
    use = {
        **REQUEST["use"],
        "activities": ["distribute_product"],
        "attribution": {"built_with_location": "title"},
    }
    text = decide({**REQUEST, "use": use}).stdout

    assert text.startswith("✓ Permitted\n")
    assert re.search(r"met  .*  built-with\n", text)
    assert "“Built with Llama”" in text


def test_a_refused_request_ends_with_2_and_names_every_fault() -> None:
    wrong = {"model": {"generation": "llama-5"}, "entity": {"kind": "company", "domicil": "US"}}

    done = decide(wrong)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "/model/generation: " in done.stderr
    assert "/entity/domicil: unknown member `domicil`: did you mean `domicile`?" in done.stderr

    document = json.loads(decide(wrong, "--json").stdout)
    assert document["status"] == 422
    assert {fault["pointer"] for fault in document["errors"]} == {"/model/generation", "/entity/domicil"}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe{}", b'{"a": NaN}', b'"\\ud800"', b"[" * 1000])
def test_what_is_no_json_ends_with_2(body: bytes) -> None:
    done = invoke("decide", "-", text=body)

    assert done.exit_code == 2
    assert done.stderr.startswith("the request is refused:\n")


def test_a_request_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text(json.dumps(REQUEST), encoding="utf-8")

    assert invoke("decide", str(tmp_path / "request.json")).stdout.startswith("✓ Permitted")


def test_another_rules_folder_decides_where_it_is_named(tmp_path: Path) -> None:
    folder = copied(tmp_path / "rules")
    replace(folder / "ruleset.yaml", '"2026.11.2"', '"of my own"')

    document = json.loads(decide(REQUEST, "--json", "--rules", str(folder)).stdout)

    assert document["ruleset"]["version"] == "of my own"


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["decide", "no-such-file"], "no-such-file"),
        (["decide", "-", "--record", "--rules", "."], "`--record` decides under the policy in force"),
        (["rules", "check", "no-such-folder"], "no-such-folder"),
        (["rules", "show", "aup.spamm"], "there is no rule or finding `aup.spamm`: did you mean `aup.spam`?"),
        (["rules", "show", "--document", "llama-4-up"], "did you mean `llama-4-aup`?"),
        (["keys", "create", "a"], "--role"),
        (["keys", "create", "a", "--role", "king"], "'king' is not one of"),
        (["keys", "create", " ", "--role", "portal"], "printable characters"),
        (["keys", "create", "a", "--role", "portal", "--expires", "2020-01-01"], "has passed"),
        (["keys", "create", "a", "--role", "portal", "--expires", "soon"], "soon"),
        (["keys", "revoke", "7"], "7"),
        (["no-such-command"], "no-such-command"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], words: str) -> None:
    done = invoke(*arguments)

    assert done.exit_code == 2
    assert words in done.stderr


def test_the_shipped_rules_are_in_order() -> None:
    done = invoke("rules", "check")
    document = json.loads(invoke("rules", "check", "--json").stdout)

    assert done.exit_code == 0
    assert document["digest"] in done.stdout
    assert document["valid"] is True
    assert set(document["rules_by_generation"]["llama-4"]) == {"derive", "find", "conclude"}
    assert re.search(r"llama-4 +\d+ +\d+ +\d+", done.stdout)


@pytest.mark.parametrize("path", BROKEN[:3], ids=lambda path: path.stem)
def test_broken_rules_end_with_1_and_are_told_by_file_and_line(path: Path, tmp_path: Path) -> None:
    folder = copied(tmp_path / "rules", cases=True)
    way = read(path)
    apply(way, folder)

    done = invoke("rules", "check", str(folder))
    document = json.loads(invoke("rules", "check", str(folder), "--json").stdout)

    assert done.exit_code == 1
    assert all(words in done.stdout for words in way["says"])
    assert re.search(r"^\S+\.yaml(:\d+)?: .+: .+", done.stdout)
    assert document["valid"] is False
    assert {fault["file"] for fault in document["faults"]} == {way["file"]}


def test_the_shipped_cases_pass() -> None:
    assert re.fullmatch(
        r"rules (\d+) of \1, conditions (\d+) of \2 covered both ways\n"
        r"\d+ cases, 0 failed; every finding, obligation and threshold is tried\n",
        invoke("rules", "test").stdout,
    )


def test_a_case_that_fails_ends_with_1_and_says_what_came(tmp_path: Path) -> None:
    folder = copied(tmp_path / "rules", cases=True)
    replace(folder / "cases" / "licence.yaml", "outcome: prohibited", "outcome: permitted")

    done = invoke("rules", "test", str(folder))
    document = json.loads(invoke("rules", "test", str(folder), "--json").stdout)

    assert done.exit_code == 1
    assert re.match(
        r"FAILED cases/licence\.yaml:\d+: .+\n +outcome: expected `permitted`, came `prohibited`", done.stdout
    )
    assert " 1 failed" in done.stdout.splitlines()[-1]
    assert [case["file"] for case in document["failed"]] == ["cases/licence.yaml"]


def test_a_finding_that_no_case_expects_ends_with_1(tmp_path: Path) -> None:
    folder = copied(tmp_path / "rules", cases=True)
    (folder / "cases" / "critical-infrastructure.yaml").unlink()

    done = invoke("rules", "test", str(folder))

    assert done.exit_code == 1
    assert "findings that no case expects:\n" in done.stdout
    assert "aup.critical-infrastructure-certification" in done.stdout


def test_wrong_rules_and_cases_keep_cases_from_being_tried(tmp_path: Path) -> None:
    folder = copied(tmp_path / "rules", cases=True)
    replace(folder / "cases" / "licence.yaml", "outcome:", "outcom:")

    assert "did you mean `outcome`?" in invoke("rules", "test", str(folder)).stdout


def test_all_rules_are_shown_in_a_table() -> None:
    done = invoke("rules", "show")
    shown = json.loads(invoke("rules", "show", "--json").stdout)

    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == len(shown) + 1
    for rule in shown:
        assert re.search(rf"(?m)^{re.escape(rule['id'])} ", done.stdout)


def test_only_rules_that_cite_a_document_are_shown_where_it_is_named() -> None:
    shown = json.loads(invoke("rules", "show", "--document", "llama-2-aup", "--json").stdout)

    assert shown
    for rule in shown:
        assert any(cited["document"] == "llama-2-aup" for cited in rule["citations"]["llama-2"])


def test_one_rule_is_shown_with_its_condition_sources_and_cases() -> None:
    text = invoke("rules", "show", "licence.eu-affiliate-distributes").stdout

    for words in (
        "generations: llama-3.2 and later",
        "not recipient",
        "an entry of entity.affiliates with ",
        "involved_in names distribution",
        "principal_place_of_business in the EU",
        "no entry of entity.affiliates",
        "effect: contact, reason clarification",
        "llama-faq, Restriction on Llama Multimodal Models in the EU, question 3: https://",
        "(cases/licence.yaml:",
    ):
        assert words in text


def test_a_finding_is_shown_with_all_the_rules_that_make_it() -> None:
    text = invoke("rules", "show", "aup.biological-chemical-weapons").stdout

    assert "aup.biological-chemical-weapons.since-3.2" in text
    assert "aup.biological-chemical-weapons.before-3.2" in text


def test_every_rule_can_be_told_in_words() -> None:
    for rule in json.loads(invoke("rules", "show", "--json").stdout):
        assert rule["when"]
        assert not [line for line in rule["when"] if re.search(r"[{}]|Atom|Holds", line)]


def test_the_roles_of_a_database_follow_its_name() -> None:
    text = invoke("db", "roles", "--database", "licences").stdout

    assert 'CREATE ROLE "licences_owner" LOGIN' in text
    assert 'CREATE ROLE "licences_service" LOGIN' in text
    assert 'CREATE DATABASE "licences" OWNER "licences_owner"' in text


@pytest.mark.parametrize(
    "arguments", [["rules", "check"], ["rules", "show", "aup.spam"], ["db", "roles"], ["decide", "-"]]
)
def test_output_elsewhere_than_on_a_terminal_is_plain(arguments: list[str]) -> None:
    assert ESCAPE not in invoke(*arguments, text=json.dumps(REQUEST)).output


def on_a_terminal(*arguments: str, **changes: str) -> str:
    """What a command prints on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    clean = {k: v for k, v in environment(Path("unused")).items() if k not in {"NO_COLOR", "COLORTERM", "CI"}}
    env = clean | {"TERM": "xterm-256color", "COLUMNS": "80"} | changes
    process = subprocess.Popen(
        [sys.executable, "-m", "eligibility", *arguments], cwd=ROOT, env=env, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            read_now = os.read(ours, 65536)
        except OSError:  # Linux says so that the other end is closed
            break
        if not read_now:
            break
        said += read_now
    os.close(ours)
    assert process.wait(60) == 0
    return said.decode()


def test_output_on_a_terminal_is_coloured_and_folded_unless_told_otherwise() -> None:
    arguments = ("rules", "show", "licence.eu-multimodal")
    plain = on_a_terminal(*arguments, NO_COLOR="1")

    assert "\x1b[31m" in on_a_terminal(*arguments)
    assert "\x1b[31m" not in plain
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in plain.splitlines()) <= 80


def test_help_names_every_command() -> None:
    text = invoke("--help").stdout

    assert all(re.search(rf"(?m)^  {name} ", text) for name in main.commands)


def test_the_command_line_loads_nothing_heavy_before_it_is_needed() -> None:
    heavy = "{'durable', 'litestar', 'pydantic', 'rich', 'sqlalchemy', 'uvicorn'}"
    code = f"import sys, eligibility.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_a_dry_run_loads_nothing_of_the_database(tmp_path: Path) -> None:
    """It takes as long as all the rest that is loaded."""
    request = '{"model":{"generation":"llama-4"},"entity":{"kind":"company"}}'
    (tmp_path / "in.jsonl").write_text(request, encoding="utf-8")
    arguments = ["batch", "--dry-run", "in.jsonl", "out.jsonl"]
    code = (
        "import sys, eligibility.cli; eligibility.cli.main(standalone_mode=False, args="
        f"{arguments}); print(sorted({{'psycopg', 'sqlalchemy'}} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert done.stdout.endswith("[]\n")
    assert (tmp_path / "out.jsonl").exists()
