"""The shipped cases pass and try everything; what holds answers against expectations can fail."""

from pathlib import Path
from typing import Any

import pytest

from eligibility.cases import Case, Expectation, Result, check, load_cases, run
from eligibility.coverage import untried
from eligibility.decider import Decider
from eligibility.errors import RulesetInvalid
from eligibility.ruleset import Ruleset

OTHER_FILE = "another.yaml"
FOUND = {
    "finding": "licence.eu-multimodal",
    "effect": "prohibits",
    "rules": ["licence.eu-multimodal"],
}
DUE = {"obligation": "built-with", "status": "met", "value": "Built with Llama"}
ANSWER: dict[str, Any] = {
    "outcome": "contact_meta",
    "findings": [FOUND],
    "obligations": [DUE],
    "possible_obligations": [{"obligation": "notice-file"}],
    "missing_facts": [{"fact": "entity.domicile", "outcomes": ["permitted", "prohibited"]}],
    "contact": {"email": "someone@example.com", "reasons": ["clarification"]},
    "assumptions": [{"fact": "use.capacity", "value": "licensee"}],
    "licensor": "Meta Platforms, Inc.",
}
REFUSED = {"status": 422, "errors": [{"pointer": "/entity/kind", "detail": "`kind` is missing"}]}
RIGHT: dict[str, Any] = {
    "outcome": "contact_meta",
    "rules": ["licence.eu-multimodal"],
    "findings": ["licence.eu-multimodal"],
    "absent": ["licence.capacity"],
    "effects": {"licence.eu-multimodal": "prohibits"},
    "obligations": ["built-with"],
    "possible_obligations": ["notice-file"],
    "obligation_status": {"built-with": "met"},
    "obligation_values": {"built-with": "Built with Llama"},
    "missing": ["entity.domicile"],
    "missing_outcomes": {"entity.domicile": ["prohibited", "permitted"]},
    "contact_reasons": ["clarification"],
    "assumptions": ["use.capacity"],
    "licensor": "Meta Platforms, Inc.",
}
WRONG: list[tuple[str, Any, str]] = [
    ("outcome", "permitted", "expected `permitted`, came `contact_meta`"),
    ("rules", [], "`licence.eu-multimodal` is there, which was not expected"),
    ("rules", ["licence.eu-multimodal", "licence.capacity"], "expected `licence.capacity`"),
    ("findings", ["licence.capacity"], "expected `licence.capacity`, which is not there"),
    ("absent", ["licence.eu-multimodal"], "`licence.eu-multimodal` is there, which it should not be"),
    ("effects", {"licence.eu-multimodal": "note"}, "expected `licence.eu-multimodal` to be `note`"),
    ("effects", {"licence.capacity": "prohibits"}, "expected `licence.capacity`, which is not there"),
    ("obligations", [], "`built-with` is there"),
    ("obligations", ["built-with", "follow-aup"], "expected `follow-aup`"),
    ("possible_obligations", [], "`notice-file` is there"),
    ("obligation_status", {"built-with": "unmet"}, "to be `unmet`, it is `met`"),
    ("obligation_values", {"built-with": None}, "to be null, it is `Built with Llama`"),
    ("missing", [], "`entity.domicile` is there"),
    ("missing", ["entity.domicile", "use.purposes"], "expected `use.purposes`"),
    (
        "missing_outcomes",
        {"entity.domicile": ["permitted"]},
        "to be `permitted`, it is `permitted`, `prohibited`",
    ),
    ("contact_reasons", ["case_by_case"], "expected `case_by_case`"),
    ("assumptions", ["use.on_behalf_of"], "expected `use.on_behalf_of`"),
    ("licensor", None, "expected null, came `Meta Platforms, Inc.`"),
]


def test_every_shipped_case_passes(results: tuple[Result, ...]) -> None:
    failed = {f"{r.case.file}:{r.case.line} {r.case.name}": r.complaints for r in results if r.complaints}
    assert not failed


def test_the_shipped_cases_leave_nothing_untried(decider: Decider, results: tuple[Result, ...]) -> None:
    assert not untried(decider, results)


def test_cases_run_in_any_order_with_the_same_results(decider: Decider, results: tuple[Result, ...]) -> None:
    again = [run(decider, result.case) for result in reversed(results)]
    assert list(reversed(again)) == list(results)


def test_a_right_expectation_has_no_complaints() -> None:
    assert check(RIGHT, 201, ANSWER) == []


def test_there_is_a_wrong_expectation_for_every_key() -> None:
    assert {key for key, _, _ in WRONG} | {"status", "pointer"} == set(Expectation.model_fields)
    assert set(RIGHT) | {"status", "pointer"} == set(Expectation.model_fields)


@pytest.mark.parametrize("key, wanted, words", WRONG)
def test_a_wrong_expectation_is_complained_of(key: str, wanted: object, words: str) -> None:
    complaints = check(RIGHT | {key: wanted}, 200, ANSWER)

    assert complaints
    assert all(complaint.startswith(f"{key}: ") for complaint in complaints)
    assert words in complaints[0]


@pytest.mark.parametrize(
    "expect, status, answer, words",
    [
        ({"status": 422, "pointer": "/entity"}, 422, REFUSED, "expected `/entity`, came /entity/kind"),
        ({"status": 400}, 422, REFUSED, "expected 400, came 422"),
        ({"status": 422}, 201, ANSWER, "expected 422, came 201 (contact_meta)"),
        ({"outcome": "permitted"}, 422, REFUSED, "expected a decision, permitted, came 422"),
        ({"outcome": "permitted"}, 503, {"detail": "later"}, "came 503 (later)"),
    ],
)
def test_refusals_and_decisions_are_not_mistaken_for_each_other(
    expect: dict[str, Any], status: int, answer: dict[str, Any], words: str
) -> None:
    assert words in "".join(check(expect, status, answer))


def test_an_expected_refusal_has_no_complaints() -> None:
    assert check({"status": 422, "pointer": "/entity/kind"}, 422, REFUSED) == []


def test_a_misspelt_key_of_an_expectation_is_no_pass() -> None:
    assert check({"findngs": []}, 200, ANSWER) == ["`findngs` is no key of `expect`"]


def without(results: tuple[Result, ...], *words: str) -> tuple[Result, ...]:
    """The results of cases in whose expectations none of the words stands."""
    return tuple(
        r for r in results if not any(w in repr(r.case.expect) + repr(r.case.request) for w in words)
    )


@pytest.mark.parametrize(
    "kind, word, lacking",
    [
        ("findings", "aup.spam", "aup.spam"),
        ("obligations", "disclose-dangers", "disclose-dangers"),
        ("values", "Built with Meta Llama 3", "the value of `built-with` for `llama-3`"),
        ("values", "about_page_first_sentences", None),
        ("thresholds", "700000000", "`entity.monthly_active_users` of exactly 700000000"),
        ("thresholds", "700000001", "`entity.monthly_active_users` of exactly 700000001"),
        ("sides", "'distribution_regions'", "`use.distribution_regions some_in eu` is never so"),
        ("sides", "'age_restricted_material'", "`use.purposes has age_restricted_material` is never so"),
    ],
)
def test_what_no_case_tries_is_named(
    decider: Decider, results: tuple[Result, ...], kind: str, word: str, lacking: str | None
) -> None:
    named = getattr(untried(decider, without(results, word)), kind)

    assert lacking in named if lacking is not None else named == ()


def test_every_status_of_an_obligation_wants_a_case(decider: Decider, results: tuple[Result, ...]) -> None:
    named = untried(decider, without(results, "obligation_status")).values

    assert {f"`notice-file` with the status `{status}`" for status in ("met", "unmet", "unknown")} <= set(
        named
    )


GOOD = """
cases:
  - case: a company outside the EU may use the model
    request: {model: {generation: llama-4}, entity: {kind: company}}
    expect: {outcome: contact_meta}
"""
BAD: list[tuple[str, str, str, str]] = [
    ("outcome:", "outcom:", "cases/another.yaml:5: `outcom` is no key here", "did you mean `outcome`?"),
    ("contact_meta", "maybe", "cases/another.yaml:5: `expect.outcome` can not be read", "'permitted'"),
    (
        "    request:",
        "    reqest:",
        "`request` is missing",
        "`reqest` is no key here: did you mean `request`?",
    ),
    ("{outcome: contact_meta}", "{}", "cases/another.yaml:3: nothing is expected", "add a key"),
    ("{outcome: contact_meta}", "{findings: [aup.spamm]}", "no finding `aup.spamm`", "`aup.spam`?"),
    ("{outcome: contact_meta}", "{absent: [licence.eu-ofice]}", "no finding", "`licence.eu-office`?"),
    ("{outcome: contact_meta}", "{rules: [licence.trminated]}", "no rule that makes a finding", "terminated"),
    ("{outcome: contact_meta}", "{obligations: [built-wth]}", "no obligation `built-wth`", "`built-with`?"),
    ("outcome: contact_meta", "status: 422, outcome: permitted", "by `status` and `pointer`", "remove"),
    ("outcome: contact_meta", "pointer: /use", "a refused request is expected by", "remove"),
    ("outcome: contact_meta", "status: 200", "`expect.status` can not be read", "400"),
    ("cases:", "case:", "cases/another.yaml:1: the file has the one key `cases`", "under it"),
    ("expect: {", "expect: {{", "this is no YAML", "correct the line"),
]


def written(folder: Path, text: str) -> Path:
    (folder / "cases").mkdir()
    (folder / "cases" / OTHER_FILE).write_text(text, encoding="utf-8")
    return folder


def test_cases_are_read_with_their_file_and_line(tmp_path: Path, ruleset: Ruleset) -> None:
    (case,) = load_cases(written(tmp_path, GOOD), ruleset)

    assert (case.file, case.line) == ("cases/another.yaml", 3)
    assert case.expect == {"outcome": "contact_meta"}


@pytest.mark.parametrize("old, new, said, remedy", BAD, ids=[new for _, new, _, _ in BAD])
def test_a_wrong_case_is_refused_with_place_and_remedy(
    tmp_path: Path, ruleset: Ruleset, old: str, new: str, said: str, remedy: str
) -> None:
    assert old in GOOD

    with pytest.raises(RulesetInvalid) as refused:
        load_cases(written(tmp_path, GOOD.replace(old, new)), ruleset)

    assert said in str(refused.value)
    assert remedy in str(refused.value)


@pytest.mark.parametrize("content", [b"\xe9: 1\n", b"cases: \x07\n"], ids=["latin-1", "control character"])
def test_cases_that_are_no_text_are_refused(tmp_path: Path, ruleset: Ruleset, content: bytes) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / OTHER_FILE).write_bytes(content)

    with pytest.raises(RulesetInvalid, match=OTHER_FILE):
        load_cases(tmp_path, ruleset)


def test_two_cases_of_one_name_are_refused(tmp_path: Path, ruleset: Ruleset) -> None:
    twice = GOOD + GOOD.removeprefix("\ncases:\n")

    with pytest.raises(RulesetInvalid, match=r"another.yaml:6: `cases/another.yaml:3` is called"):
        load_cases(written(tmp_path, twice), ruleset)


def test_a_folder_without_cases_is_refused(tmp_path: Path, ruleset: Ruleset) -> None:
    with pytest.raises(RulesetInvalid, match="there are no cases"):
        load_cases(tmp_path, ruleset)


def test_a_case_that_comes_out_otherwise_says_what_came(decider: Decider) -> None:
    request = {"model": {"generation": "llama-4"}, "entity": {"kind": "company"}}
    case = Case("a case", request, {"outcome": "permitted", "missing": []}, "cases/a.yaml", 1)

    result = run(decider, case)

    assert result.complaints[0] == "outcome: expected `permitted`, came `contact_meta`"
    assert "missing: `use.purposes` is there, which was not expected" in result.complaints
