"""`eligibility decide` with the reasons beyond the decision."""

import json
from typing import Any

from click.testing import CliRunner, Result

from eligibility.cli import main
from tests.cli.running import REQUEST

IN_THE_EU: dict[str, Any] = {**REQUEST, "entity": {"kind": "individual", "domicile": "DE"}}


def decide(request: object, *options: str) -> Result:
    return CliRunner().invoke(main, ["decide", "-", *options], input=json.dumps(request))


def test_what_would_change_it_is_told_in_sentences() -> None:
    done = decide(IN_THE_EU, "--what-would-change-it")

    assert done.exit_code == 0
    assert "What would lead to permitted" in done.stdout
    assert "country of domicile (US, NO or CH: outside the EU; instead of DE)" in done.stdout
    assert "kind of applicant (" not in done.stdout


def test_the_kind_of_applicant_changes_where_it_may() -> None:
    done = decide(IN_THE_EU, "--what-would-change-it", "--change-kind", "--json")

    outcomes = {one["outcome"]: one for one in json.loads(done.stdout)["counterfactuals"]["outcomes"]}
    kinds = [
        value
        for change in outcomes["contact_meta"]["changes"]
        for part in change["parts"]
        for values in (part["set"], *part["or"])
        for fact, value in values.items()
        if fact == "entity.kind"
    ]
    assert "researcher" in kinds


def test_why_not_names_what_stood_in_the_way_of_each_name() -> None:
    done = decide(IN_THE_EU, "--why-not", "licence.mau-threshold", "--why-not", "licence.eu-multimodal")

    assert "Why not licence.mau-threshold" in done.stdout
    assert "monthly active users are not above 700,000,000" in done.stdout
    assert "Why not licence.eu-multimodal\n  It did come about." in done.stdout


def test_a_name_that_there_is_not_is_refused_with_the_nearest() -> None:
    done = decide(IN_THE_EU, "--why-not", "licence.mau-treshold")

    assert done.exit_code == 2
    assert "did you mean `licence.mau-threshold`?" in done.stderr


def test_sufficient_reasons_are_told_with_values() -> None:
    done = decide(IN_THE_EU, "--sufficient-reasons")

    assert "What forces the outcome, whatever else is so" in done.stdout
    assert "country of domicile (DE)" in done.stdout


def test_where_facts_are_missing_nothing_forces_the_outcome() -> None:
    bare = {"model": {"generation": "llama-4"}, "entity": {"kind": "company"}}

    assert (
        "Nothing does: the outcome rests on facts that are not known."
        in decide(bare, "--sufficient-reasons").stdout
    )


def test_changing_the_kind_belongs_to_what_would_change_it() -> None:
    done = decide(IN_THE_EU, "--change-kind")

    assert done.exit_code == 2
    assert "goes with `--what-would-change-it`" in done.stderr
