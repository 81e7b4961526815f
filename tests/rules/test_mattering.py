"""Which rules and conditions cases show to matter: only what the rule turns on, both ways, for certain."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from eligibility.cases import Case, Result
from eligibility.conditions import All, Ask, Condition, Effect, Holds, Not, leaves
from eligibility.conditions import Any as AnyOf
from eligibility.decider import Decider
from eligibility.diagram import TRUE, Space
from eligibility.mattering import Coverage, Share, _deciding, coverage
from eligibility.ruleset import Ruleset
from eligibility.semantics import World
from tests.rules import small
from tests.rules.small import USERS, case

LARGE, LIMIT = 700_000_001, 700_000_000
USED: dict[str, Any] = {"activities": ["use"], "purposes": ["general"]}


def covered(ruleset: Ruleset, *cases: Case) -> Coverage:
    return coverage(Decider(ruleset), small.results(ruleset, cases))


def uncovered(ruleset: Ruleset, *cases: Case) -> set[tuple[str, str, bool]]:
    """What cases leave uncovered: the rule, its condition (or nothing), and which way."""
    return {
        (one.rule.id, said(one.condition) if one.condition else "", one.holds)
        for one in covered(ruleset, *cases).uncovered
    }


def said(leaf: Ask | Holds | Effect) -> str:
    match leaf:
        case Ask(atom):
            return atom.id
        case Holds(name):
            return name
        case Effect(effect):
            return effect


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Ruleset:
    return small.policy(tmp_path_factory.mktemp("users") / "rules", *USERS)


def test_the_shipped_cases_cover_every_rule_and_condition_both_ways(
    decider: Decider, results: tuple[Result, ...]
) -> None:
    found = coverage(decider, results)

    assert [(one.rule.id, one.condition, one.holds) for one in found.uncovered] == []
    assert found.rules == (len(decider.ruleset.rules),) * 2
    assert found.conditions.covered == found.conditions.of > found.rules.of
    assert found.reaches(100)


def test_a_request_of_which_nothing_is_known_shows_nothing(users: Ruleset) -> None:
    found = covered(users, case())

    assert found.rules.covered == 0
    assert found.conditions.covered == 0
    assert not found.reaches(1)


def test_a_condition_beside_one_that_fails_too_is_not_shown(users: Ruleset) -> None:
    threshold = ("licence.mau-threshold", f"entity.monthly_active_users above {LIMIT}")

    # the large company is no recipient, the small one is: either alone would have kept the rule from firing
    found = uncovered(users, case(**USED, users=LARGE), case(**USED, users=1, capacity="end_user"))

    assert (*threshold, False) in found
    assert ("licence.mau-threshold", "recipient", True) in found
    assert not {("licence.mau-threshold", "", True), ("licence.mau-threshold", "", False)} & found

    more = (case(**USED, users=1), case(**USED, users=LARGE, capacity="end_user"))
    found = uncovered(users, case(**USED, users=LARGE), *more)

    assert not [one for one in found if one[0] == "licence.mau-threshold"]


def test_an_unknown_fact_that_the_rule_turns_on_as_well_hides_a_condition(users: Ruleset) -> None:
    known = case(**USED, users=LARGE)
    activities_unknown = case(purposes=["general"], users=1, capacity="end_user")

    found = uncovered(users, known, activities_unknown)

    assert ("licence.mau-threshold", f"entity.monthly_active_users above {LIMIT}", False) in found


def test_the_outcomes_turn_on_effects(users: Ruleset) -> None:
    plain, spam = case(**USED, users=1), case(**USED | {"purposes": ["spam"]}, users=1)

    assert ("outcome.permitted", "prohibits", True) in uncovered(users, plain)
    assert ("outcome.permitted", "prohibits", True) not in uncovered(users, plain, spam)


def test_the_name_of_a_review_is_a_condition_too(tmp_path: Path) -> None:
    ruleset = small.policy(tmp_path / "rules", "aup.espionage", "case-by-case-entity.own", "aup.spam")
    spying = USED | {"purposes": ["espionage"]}
    review = ("aup.espionage", "case-by-case-entity")
    company, agency = case(**spying), case(**spying, kind="government_agency")

    assert (*review, True) in uncovered(ruleset, company)
    assert (*review, False) in uncovered(ruleset, agency)
    assert not {(*review, True), (*review, False)} & uncovered(ruleset, company, agency)


def test_what_declares_an_assurance_is_shown_by_an_unknown_list_alone(tmp_path: Path) -> None:
    ruleset = small.policy(
        tmp_path / "rules", "aup.impersonation", "aup.spam", "licence.mau-threshold", "recipient"
    )
    refused = {"activities": ["use"], "assurances": {"impersonation_authorised": False}}
    declared = ("aup.impersonation", "use.purposes has impersonation")
    fires = case(**refused, purposes=["impersonation"])
    not_declared = case(**refused, purposes=["general"])

    assert (*declared, True) not in uncovered(ruleset, fires)
    assert (*declared, False) in uncovered(ruleset, fires, not_declared)
    assert (*declared, False) not in uncovered(ruleset, fires, case(**refused))


def test_a_rule_without_conditions_need_only_fire(tmp_path: Path) -> None:
    ruleset = small.policy(tmp_path / "rules", "follow-aup", "aup.spam", "licence.mau-threshold", "recipient")

    assert "follow-aup" not in {rule for rule, _, _ in uncovered(ruleset, case(**USED))}
    assert ("follow-aup", "", True) in uncovered(ruleset)


def without(results: Sequence[Result], word: str) -> list[Result]:
    return [result for result in results if word not in repr(result.case.request)]


@pytest.mark.parametrize(
    "word, rule, condition, holds",
    [
        ("spam", "aup.spam", "", True),
        ("espionage", "aup.espionage", "case-by-case-entity", True),
        ("distribute_model", "built-with", "use.activities has distribute_model", True),
        ("'CH'", "principal-in-the-eea-or-switzerland.person", "entity.domicile in switzerland", True),
    ],
)
def test_what_the_shipped_cases_would_leave_uncovered_is_named(
    decider: Decider, results: tuple[Result, ...], word: str, rule: str, condition: str, holds: bool
) -> None:
    found = coverage(decider, without(results, word)).uncovered

    named = {(one.rule.id, said(one.condition) if one.condition else "", one.holds) for one in found}
    assert (rule, condition, holds) in named


def test_where_a_condition_decides_is_where_the_whole_would_come_out_otherwise(ruleset: Ruleset) -> None:
    """Every condition of every shipped rule, with every answer to its parts, against plain evaluation."""
    tried = 0
    for rule in ruleset.rules:
        parts = list(leaves(rule.when))
        for answers in product((False, True), repeat=len(set(parts))):
            truth = dict(zip(dict.fromkeys(parts), answers, strict=True))
            for place, (leaf, where) in enumerate(_deciding(rule.when, TRUE, world_of(truth))):
                assert leaf == parts[place]
                outcomes = {plainly(rule.when, truth, place, value) for value in (False, True)}
                assert (where == TRUE) is (len(outcomes) == 2), (rule.id, said(leaf), truth)
                tried += 1
    assert tried > 500


def world_of(truth: dict[Any, bool]) -> World:
    world = World({}, Space(), {}, {})
    atoms = {leaf.atom: int(value) for leaf, value in truth.items() if isinstance(leaf, Ask)}
    for leaf, value in truth.items():
        if isinstance(leaf, Holds):
            world.settled[leaf.name] = int(value)
        elif isinstance(leaf, Effect):
            world.effects[leaf.effect] = int(value)
    return world._replace(atoms=atoms)


def plainly(condition: Condition, truth: dict[Any, bool], place: int, value: bool) -> bool:
    """A condition evaluated part by part, with the leaf at one place having a value of its own."""
    seen = iter(range(len(list(leaves(condition)))))

    def of(part: Condition) -> bool:
        match part:
            case Not(inner):
                return not of(inner)
            case All(parts):
                return all(list(map(of, parts)))
            case AnyOf(parts):
                return any(list(map(of, parts)))
            case leaf:
                return value if next(seen) == place else truth[leaf]

    return of(condition)


@pytest.mark.parametrize(
    "share, percent, reached",
    [
        (Share(98, 100), 98, True),
        (Share(979, 1000), 98, False),
        (Share(1, 3), 100, False),
        (Share(3, 3), 100, True),
        (Share(0, 3), 0, True),
    ],
)
def test_a_share_is_compared_exactly(share: Share, percent: float, reached: bool) -> None:
    assert share.reaches(percent) is reached
