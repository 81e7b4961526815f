"""Each sort of change of a rule, and what it is said to mean."""

from __future__ import annotations

from copy import deepcopy

import pytest

from eligibility.comparing import OUTCOME, Change
from eligibility.decider import Decider
from eligibility.difference import difference
from eligibility.errors import EvaluatorsDisagree, RulesetInvalid
from eligibility.loading import load_rules, shipped_rules
from eligibility.ruleset import Ruleset
from eligibility.sides import Sides
from tests.rules.differences import (
    ALL,
    USERS,
    Document,
    by_rule,
    compared,
    decide,
    moves,
    own,
    rule,
    told,
)


def test_a_ruleset_is_proved_equal_to_itself_loaded_again(ruleset: Ruleset) -> None:
    found = difference(ruleset, load_rules(shipped_rules()))

    assert found.equal
    assert (found.moves, found.rules, found.elsewhere) == ((), (), ())


def test_other_words_are_proved_equal_and_the_rule_is_listed(ruleset: Ruleset) -> None:
    def reword(words: Document) -> None:
        rule(words, "licence.mau-threshold").update(title="Many users", summary="Very many.")
        words["texts"]["recourse"] = "Write to {email}."

    found = compared(ruleset, reword)

    assert found.equal
    assert own(found) == {"licence.mau-threshold": "reworded"}
    assert by_rule(found)["licence.mau-threshold"].parts == ("title", "summary")
    assert found.elsewhere == ("texts.recourse",)


def test_a_condition_written_another_way_is_proved_equal(ruleset: Ruleset) -> None:
    def twice(words: Document) -> None:
        when = rule(words, "licence.mau-threshold")["when"]
        when.append({"not": {"not": when[0]}})

    found = compared(ruleset, twice)

    assert found.equal
    assert own(found) == {"licence.mau-threshold": "changed"}
    assert by_rule(found)["licence.mau-threshold"].shown == ()


def test_a_lower_threshold_sends_those_between_to_meta(ruleset: Ruleset) -> None:
    def lower(words: Document) -> None:
        rule(words, "licence.mau-threshold")["when"][0] = {USERS: {"above": 600_000_000}}

    found = compared(ruleset, lower)

    assert moves(found.moves) == {("permitted", "contact_meta"): ALL}
    assert 600_000_000 < found.moves[0].request["entity"]["monthly_active_users"] <= 700_000_000
    changed_rule = by_rule(found)["licence.mau-threshold"]
    assert (changed_rule.own, changed_rule.parts) == ("changed", ("when",))
    assert moves(changed_rule.shown) == {("permitted", "contact_meta"): ALL}
    assert told(changed_rule, "finding") == {"licence.mau-threshold": (None, ("contact", "separate_licence"))}
    assert by_rule(found)["outcome.permitted"].follows_from == ("effect contact",)


def test_a_condition_dropped_reaches_those_it_spared(ruleset: Ruleset) -> None:
    def spare_nobody(words: Document) -> None:
        rule(words, "licence.mau-threshold")["when"].remove({"not": "recipient"})

    found = compared(ruleset, spare_nobody)

    assert moves(found.moves) == {("permitted", "contact_meta"): ALL}
    assert found.moves[0].request["use"]["capacity"] != "licensee"
    assert own(found) == {"licence.mau-threshold": "changed"}


def test_a_prohibition_turned_into_a_contact_moves_outcomes(ruleset: Ruleset) -> None:
    def soften(words: Document) -> None:
        rule(words, "licence.terminated")["then"].update(effect="contact", reason="clarification")

    found = compared(ruleset, soften)

    assert moves(found.moves) == {("prohibited", "contact_meta"): ALL}
    assert told(by_rule(found)["licence.terminated"], "finding") == {
        "licence.terminated": (("prohibits", None), ("contact", "clarification"))
    }


def test_a_note_added_moves_no_outcome_and_takes_the_blame_for_none(ruleset: Ruleset) -> None:
    def note(words: Document) -> None:
        added = deepcopy(rule(words, "licence.terminated"))
        added.update(id="licence.noted", when=[], then={"finding": "licence.noted", "effect": "note"})
        words["rules"].append(added)
        words["rules"].remove(rule(words, "licence.terminated"))

    found = compared(ruleset, note)

    assert own(found) == {"licence.noted": "new", "licence.terminated": "gone"}
    assert moves(by_rule(found)["licence.noted"].shown) == {}
    assert told(by_rule(found)["licence.noted"], "finding") == {"licence.noted": (None, ("note", None))}
    gone = {("prohibited", "permitted"): ALL, ("prohibited", "contact_meta"): ALL}
    assert moves(by_rule(found)["licence.terminated"].shown) == moves(found.moves) == gone


def test_a_rule_under_another_id_is_proved_equal(ruleset: Ruleset) -> None:
    found = compared(ruleset, lambda words: rule(words, "licence.terminated").update(id="licence.ended"))

    assert found.equal
    assert own(found) == {"licence.ended": "new", "licence.terminated": "gone"}


def test_fewer_generations_free_only_those_that_are_left_out(ruleset: Ruleset) -> None:
    found = compared(
        ruleset,
        lambda words: rule(words, "licence.eu-multimodal").update(generations=["llama-3.2", "llama-4"]),
    )

    assert set(moves(found.moves).values()) == {("llama-3.3",)}
    assert by_rule(found)["licence.eu-multimodal"].parts == ("generations",)
    assert by_rule(found)["licence.eu-multimodal"].generations == ("llama-3.3",)


def test_another_literal_text_is_due_where_both_permit(ruleset: Ruleset) -> None:
    def other(words: Document) -> None:
        rule(words, "built-with")["then"]["value"]["llama-4"] = "Made with Llama"

    found = compared(ruleset, other)

    assert found.moves == ()
    [one] = by_rule(found)["built-with"].shown
    assert one.generations == ("llama-4",)
    assert (one.change.before.value, one.change.after.value) == ("Built with Llama", "Made with Llama")


def test_another_status_is_shown_by_a_value_that_has_it(ruleset: Ruleset) -> None:
    def other(words: Document) -> None:
        rule(words, "built-with")["then"]["status"]["met"].append("website")

    found = compared(ruleset, other)

    one = next(one for one in by_rule(found)["built-with"].shown if "llama-4" in one.generations)
    assert one.request["use"]["attribution"] == {"built_with_location": "website"}
    statuses = [
        next(due["status"] for due in decide(Decider(side), one.request)["obligations"] if due["value"])
        for side in found.rulesets
    ]
    assert statuses == ["unknown", "met"]


def test_a_review_added_turns_prohibitions_of_some_into_contacts(ruleset: Ruleset) -> None:
    def review(words: Document) -> None:
        rule(words, "licence.terminated")["then"]["review"] = "case-by-case-entity"

    found = compared(ruleset, review)

    assert moves(found.moves) == {("prohibited", "contact_meta"): ALL}
    assert told(by_rule(found)["licence.terminated"], "finding") == {
        "licence.terminated": (("prohibits", None), ("contact", "case_by_case"))
    }


def test_where_the_new_rules_give_no_single_outcome_that_is_said(ruleset: Ruleset) -> None:
    def both(words: Document) -> None:
        rule(words, "outcome.contact-meta")["when"].remove({"not": {"effect": "prohibits"}})

    found = compared(ruleset, both)

    [move] = found.moves
    assert (move.change.before, move.change.after) == ("prohibited", None)
    assert move.outcomes == ("prohibited", None)


def test_rulesets_of_different_semantics_are_not_compared(ruleset: Ruleset) -> None:
    with pytest.raises(RulesetInvalid, match="can not be compared"):
        compared(ruleset, lambda words: words.update(semantics=words["semantics"] + 1))


def test_a_request_that_does_not_show_what_it_should_is_never_shown(ruleset: Ruleset) -> None:
    sides = Sides(ruleset, ruleset)
    request = sides.request(sides.accepted("llama-4"))

    with pytest.raises(EvaluatorsDisagree):
        sides.show(Change(OUTCOME, "permitted", "prohibited"), ["llama-4"], request)
