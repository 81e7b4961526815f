"""Mutants of a policy: which there are, which a case kills, which survive, and which loading would refuse."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eligibility.building import build
from eligibility.cases import Case, Result
from eligibility.decider import Decider
from eligibility.errors import RulesetInvalid
from eligibility.killing import Fate, fates
from eligibility.mutants import Mutant, mutants_of
from eligibility.reading import request_from
from eligibility.ruleset import Ruleset, digest_of
from eligibility.semantics import Semantics
from eligibility.shortcut import answer
from eligibility.survivors import FILE, load_survivors, overtaken
from tests.rules import small
from tests.rules.small import USERS, case

LIMIT = 700_000_000
USED: dict[str, Any] = {"activities": ["use"], "purposes": ["general"]}
SPAM = USED | {"purposes": ["spam"]}
ABOVE = f"licence.mau-threshold: entity.monthly_active_users above {LIMIT}"


@pytest.fixture(scope="module")
def mutants(ruleset: Ruleset) -> tuple[Mutant, ...]:
    """The mutants of the shipped policy."""
    return mutants_of(ruleset)


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Ruleset:
    return small.policy(tmp_path_factory.mktemp("users") / "rules", *USERS)


def fated(ruleset: Ruleset, *cases: Case) -> dict[str, Fate]:
    """What becomes of every mutant, by id."""
    results = small.results(ruleset, cases)
    assert [one.complaints for one in results if one.complaints] == []
    return {fate.mutant.id: fate for fate in fates(ruleset, results, mutants_of(ruleset))}


def kinds(ruleset: Ruleset, *cases: Case) -> dict[str, str]:
    return {name: fate.kind for name, fate in fated(ruleset, *cases).items()}


def expecting(outcome: str, /, **facts: Any) -> Case:
    return case({"outcome": outcome}, **facts)


def test_no_two_mutants_have_one_id_or_are_the_same_policy(
    ruleset: Ruleset, mutants: Sequence[Mutant]
) -> None:
    written = [digest_of(mutant.document) for mutant in mutants if not mutant.early]

    assert [name for name, count in Counter(mutant.id for mutant in mutants).items() if count > 1] == []
    assert len(set(written)) == len(written)
    assert ruleset.digest not in written


def test_ids_do_not_depend_on_the_order_in_which_rules_are_written(
    ruleset: Ruleset, mutants: Sequence[Mutant]
) -> None:
    turned = build({**ruleset.document, "rules": list(reversed(ruleset.document["rules"]))})

    assert [mutant.id for mutant in mutants_of(turned)] == [mutant.id for mutant in mutants]


@pytest.mark.parametrize(
    "name, sentence",
    [
        (
            f"{ABOVE} -> 700000001",
            f"In `licence.mau-threshold`, `entity.monthly_active_users above {LIMIT}` becomes `700000001`.",
        ),
        (f"{ABOVE} -> 699999999", "699999999"),
        (f"{ABOVE} -> not", "negated"),
        ("licence.mau-threshold: not recipient -> without not", "`not recipient` is no longer negated"),
        (
            "licence.mau-threshold: without not recipient",
            "`licence.mau-threshold` is taken without not recipient.",
        ),
        (f"licence.mau-threshold: all({ABOVE.split(': ')[1]}; not recipient) -> any", "becomes `any`"),
        ("licence.capacity: entity.can_accept_licence is false -> true", "becomes `true`"),
        ("aup.spam: use.purposes has spam -> impersonation", "becomes `impersonation`"),
        ("recipient: with develop in use.activities has_only [use]", "with develop"),
        (
            "recipient: without end_user in use.capacity is_one_of [integrated_product_recipient, end_user]",
            "without end_user",
        ),
        ("licence.eu-office: entity.development_offices some_in eu -> eea", "becomes `eea`"),
        ("aup.spam: without generation llama-2", "without generation llama-2"),
        ("aup.safety-circumvention: with generation llama-3.1", "with generation llama-3.1"),
        ("aup.spam: effect prohibits -> contact", "becomes `contact`"),
        ("licence.mau-threshold: reason separate_licence -> clarification", "becomes `clarification`"),
        ("aup.espionage: without review by case-by-case-entity", "without review"),
        ("aup.spam: with review by case-by-case-entity", "with review"),
        ("built-with: without the last letter of its value for llama-3", "last letter"),
        ("follow-aup: value null -> x", "becomes `x`"),
        ("built-with: with website as status met", "with website"),
        ("built-with: without footnote as status unmet", "without footnote"),
        ("model-name-prefix: without a start as status met", "without a start"),
        ("licensor.ireland: without the last letter of the licensor", "last letter"),
        ("region eu: without FR", "without FR"),
        ("region eu: with CH", "with CH"),
        ("region eu: without the token EU", "without the token"),
        ("region eea: without eu", "without eu"),
        ("llama-4: without ar", "without ar"),
        ("llama-4: with ja", "with ja"),
        ("entity.can_accept_licence: presumed true -> false", "becomes `false`"),
        ("use.capacity: presumed licensee -> end_user", "becomes `end_user`"),
        ("entity.affiliates: without what is presumed", "without what is presumed"),
        ("outcome.contact-meta: effect contact -> note", "becomes `note`"),
        ("licence.mau-threshold: before what it names is settled", "before what it names"),
    ],
)
def test_each_way_of_changing_one_thing_is_among_them(
    mutants: Sequence[Mutant], name: str, sentence: str
) -> None:
    found = {mutant.id: mutant.sentence for mutant in mutants}

    assert name in found
    assert sentence in found[name]


def test_a_threshold_survives_where_no_case_stands_at_it(users: Ruleset) -> None:
    far = [expecting("contact_meta", **USED, users=2**40), expecting("permitted", **USED, users=5)]
    found = kinds(users, *far)

    assert found[f"{ABOVE} -> 700000001"] == "survived"
    assert found[f"{ABOVE} -> 699999999"] == "survived"
    assert found[f"{ABOVE} -> not"] == "killed"


def test_cases_on_both_sides_of_a_threshold_kill_it(users: Ruleset) -> None:
    near = [expecting("contact_meta", **USED, users=LIMIT + 1), expecting("permitted", **USED, users=LIMIT)]
    found = fated(users, *near)

    assert found[f"{ABOVE} -> 700000001"].kind == "killed"
    assert found[f"{ABOVE} -> 700000001"].why == near[0].name
    assert found[f"{ABOVE} -> 699999999"].why == near[1].name


def test_a_dropped_condition_survives_until_a_case_turns_on_it(users: Ruleset) -> None:
    licensees = [expecting("contact_meta", **USED, users=LIMIT + 1), expecting("permitted", **USED, users=5)]
    recipient = expecting("permitted", **USED, users=LIMIT + 1, capacity="end_user")
    dropped = "licence.mau-threshold: without not recipient"

    assert kinds(users, *licensees)[dropped] == "survived"
    assert kinds(users, *licensees, recipient)[dropped] == "killed"


def test_an_effect_survives_where_no_case_expects_anything_of_it(users: Ruleset) -> None:
    nothing = case({"obligations": []}, **SPAM, users=5)
    changed = "aup.spam: effect prohibits -> exempts"

    assert kinds(users, nothing)[changed] == "survived"
    assert kinds(users, case({"effects": {"aup.spam": "prohibits"}}, **SPAM, users=5))[changed] == "killed"


def test_a_mutant_without_exactly_one_outcome_is_killed_by_any_case_that_shows_it(users: Ruleset) -> None:
    silent = case({"findings": ["aup.spam"]}, **SPAM, users=5)

    assert kinds(users, silent)["outcome.permitted: without not effect prohibits"] == "killed"


def test_a_rule_evaluated_before_what_it_names_misses_it(users: Ruleset) -> None:
    early = "licence.mau-threshold: before what it names is settled"
    recipient = expecting("permitted", **USED, users=LIMIT + 1, capacity="end_user")

    assert kinds(users, expecting("contact_meta", **USED, users=LIMIT + 1))[early] == "survived"
    assert kinds(users, recipient)[early] == "killed"


def test_a_mutant_that_loading_would_refuse_is_neither_killed_nor_survives(
    ruleset: Ruleset, mutants: Sequence[Mutant]
) -> None:
    wanted = {
        "under-the-eu-clause: without generation llama-4": "can never fire",
        "aup.unlawful-third-party-tools: with generation llama-3.1": "nothing is known of",
        "licence.eu-multimodal: with generation llama-3.1": "`licence.eu-multimodal` can never fire",
    }
    found = list(fates(ruleset, [], [mutant for mutant in mutants if mutant.id in wanted]))

    assert {fate.mutant.id: fate.kind for fate in found} == dict.fromkeys(wanted, "refused")
    for fate in found:
        assert wanted[fate.mutant.id] in fate.why


def test_without_cases_nothing_is_killed(users: Ruleset) -> None:
    assert set(kinds(users).values()) == {"survived", "refused"}


def test_what_mutants_are_tried_by_is_what_the_engine_decides(
    decider: Decider, results: Sequence[Result]
) -> None:
    """Of every shipped case, everything that expectations can look at."""
    semantics = {name: Semantics(program) for name, program in decider.ruleset.programs.items()}
    decided = [result for result in results if result.status == 200]
    for result in decided:
        request = request_from(result.case.request, decider.ruleset.vocabulary)
        generation = request.facts["model.generation"]
        came = answer(decider.questions[generation], semantics[generation], request)
        assert looked_at(came) == looked_at(result.answer), result.case.name
    assert len(decided) > 500


def looked_at(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "outcome": answer["outcome"],
        "findings": [
            [one[key] for key in ("finding", "effect", "reason")] + sorted(one["rules"])
            for one in answer["findings"]
        ],
        "obligations": [
            [one[key] for key in ("obligation", "status", "value")] for one in answer["obligations"]
        ],
        "possible": [one["obligation"] for one in answer["possible_obligations"]],
        "missing": sorted((one["fact"], list(one["outcomes"])) for one in answer["missing_facts"]),
        "reasons": (answer["contact"] or {}).get("reasons"),
        "assumptions": answer["assumptions"],
        "licensor": answer["licensor"],
    }


ENTRY = f'survivors:\n  - mutant: "{ABOVE} -> 700000001"\n    reason: No case stands there.\n'


def written(folder: Path, text: str) -> Path:
    (folder / FILE).write_text(text, encoding="utf-8")
    return folder


def test_survivors_are_justified_one_by_one(users: Ruleset, tmp_path: Path) -> None:
    mutants = mutants_of(users)

    assert load_survivors(tmp_path, mutants) == {}
    [survivor] = load_survivors(written(tmp_path, ENTRY), mutants).values()
    assert (survivor.mutant, survivor.reason) == (f"{ABOVE} -> 700000001", "No case stands there.")
    assert survivor.line == 2


@pytest.mark.parametrize(
    "old, new, says",
    [
        (
            "700000001",
            "700000002",
            rf"{FILE}:2: there is no mutant `{re.escape(ABOVE)} -> 700000002`: did you mean",
        ),
        (
            "reason:",
            "because:",
            rf"{FILE}:3: `because` can not be read: extra inputs.* `mutant` and `reason`",
        ),
        (
            "No case stands there.",
            '""',
            rf"{FILE}:3: `reason` can not be read: string should have at least 1",
        ),
        ("survivors:", "survivor:", rf"{FILE}:1: the file has the one key `survivors`"),
        ("survivors:", "survivors: [", rf"{FILE}:\d: this is no YAML"),
        (
            ENTRY,
            ENTRY + ENTRY.removeprefix("survivors:\n"),
            rf"{FILE}:4: .* stands in line 2 too: justify it once",
        ),
    ],
    ids=["unknown", "key", "blank", "file", "yaml", "twice"],
)
def test_a_wrong_entry_is_a_fault_by_file_and_line(
    users: Ruleset, tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert old in ENTRY
    with pytest.raises(RulesetInvalid, match=says):
        load_survivors(written(tmp_path, ENTRY.replace(old, new)), mutants_of(users))


def test_an_entry_about_a_mutant_that_does_not_survive_is_overtaken(users: Ruleset, tmp_path: Path) -> None:
    near = expecting("contact_meta", **USED, users=LIMIT + 1)
    survivors = load_survivors(written(tmp_path, ENTRY), mutants_of(users))
    killed = list(fated(users, near).values())
    refused = [replace(fate, kind="refused", why="so") for fate in killed]
    alive = list(fated(users).values())

    assert [str(fault) for fault in overtaken(survivors, killed)] == [
        f"{FILE}:2: `{ABOVE} -> 700000001` is killed by the case `{near.name}`: remove the entry"
    ]
    assert "is refused: so" in str(next(overtaken(survivors, refused)))
    assert list(overtaken(survivors, alive)) == []
