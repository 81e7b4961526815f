"""Each law is broken on purpose, and each time the proof finds it out and shows a request."""

import pytest
import z3

from eligibility import layout
from eligibility.conditions import All, Ask, Holds, Not, atom
from eligibility.proving import scenes
from eligibility.proving.breaches import Breach, Finding, Witness
from eligibility.proving.laws import LAWS, Law, Proof, prove
from eligibility.proving.requests import truths, values
from eligibility.proving.scenes import scene_of
from eligibility.reading import request_from
from eligibility.ruleset import Ruleset
from tests.properties.brute_force import unknown
from tests.proving.breaking import (
    also,
    asking,
    at_level,
    concluding,
    only_in,
    rearranged,
    rewritten,
    when,
    with_rule,
)

UNGATED = {"use.assurances.age_gating_in_place": {"is": False}}
USERS = "entity.monthly_active_users"


def proof_of(ruleset: Ruleset, law: str) -> Proof:
    [proof] = prove(ruleset, [one for one in LAWS if one.id == law])
    return proof


def broken(ruleset: Ruleset, law: str, words: str) -> Breach:
    """The breach of a law that says this; all witnesses of all breaches are requests that say everything."""
    proof = proof_of(ruleset, law)
    assert not proof.holds
    assert not proof.unknown
    for breach in proof.breaches:
        for witness in (breach.witness, breach.after):
            if witness is not None:
                assert not unknown(request_from(witness.request, ruleset.vocabulary).facts)
    said = [breach for breach in proof.breaches if words in breach.sentence]
    assert said, [breach.sentence for breach in proof.breaches]
    return said[0]


def shown(witness: Witness | None) -> Witness:
    assert witness is not None
    return witness


def fires(ruleset: Ruleset, witness: Witness, rule: str) -> bool | None:
    """Whether a rule fires for a witness, as it is read."""
    request = request_from(witness.request, ruleset.vocabulary)
    scene = scene_of(ruleset, ruleset.program(request.facts["model.generation"]))
    [fired] = truths([scene.reading.fires[rule]], values(scene.facts, request.facts))
    return fired


# --- one-outcome --------------------------------------------------------------------------------------------


def test_two_outcomes_at_once(ruleset: Ruleset) -> None:
    policy = rewritten(ruleset, outcome__contact_meta=when({"effect": "contact"}))
    witness = shown(broken(policy, "one-outcome", "both the outcomes").witness)
    assert set(witness.outcomes) == {"prohibited", "contact_meta"}
    assert witness.decision.startswith("none: ")


def test_no_outcome_at_all(ruleset: Ruleset) -> None:
    policy = rewritten(ruleset, outcome__permitted=also({"use.capacity": {"is": "licensee"}}))
    witness = shown(broken(policy, "one-outcome", "has no outcome").witness)
    assert witness.outcomes == ()
    assert witness.request["use"]["capacity"] != "licensee"


# --- never-outvoted -----------------------------------------------------------------------------------------


def test_a_prohibition_that_recipients_may_ignore(ruleset: Ruleset) -> None:
    policy = rewritten(
        ruleset,
        outcome__prohibited=also({"not": "recipient"}),
        outcome__contact_meta=when(
            {"effect": "contact"}, {"any": ["recipient", {"not": {"effect": "prohibits"}}]}
        ),
        outcome__permitted=when(
            {"not": {"effect": "contact"}}, {"any": ["recipient", {"not": {"effect": "prohibits"}}]}
        ),
    )
    policy = only_in(policy, "llama-4")
    assert proof_of(policy, "one-outcome").holds
    witness = shown(broken(policy, "never-outvoted", "the prohibition `aup.spam` is outvoted").witness)
    assert witness.outcomes == ("permitted",) == (witness.decision,)
    assert "spam" in witness.request["use"]["purposes"]


# --- never-improves -----------------------------------------------------------------------------------------


def better(breach: Breach) -> tuple[str, str]:
    return shown(breach.witness).decision, shown(breach.after).decision


def test_a_purpose_that_excuses_another(ruleset: Ruleset) -> None:
    policy = rewritten(ruleset, aup__spam=also({"not": {"use.purposes": {"has": "general"}}}))
    breach = broken(policy, "never-improves", "declaring a further purpose")
    assert better(breach) == ("prohibited", "permitted")
    before, after = shown(breach.witness).request["use"], shown(breach.after).request["use"]
    assert set(before["purposes"]) < set(after["purposes"])
    assert {**before, "purposes": 0, "assurances": 0} == {**after, "purposes": 0, "assurances": 0}


def test_a_threshold_that_the_largest_are_exempt_from(ruleset: Ruleset) -> None:
    policy = rewritten(ruleset, licence__mau_threshold=also({"not": {USERS: {"above": 10**9}}}))
    breach = broken(policy, "never-improves", "having more users")
    assert better(breach) == ("contact_meta", "permitted")
    before, after = shown(breach.witness).request["entity"], shown(breach.after).request["entity"]
    assert 700_000_000 < before["monthly_active_users"] <= 10**9 < after["monthly_active_users"]


def test_an_affiliate_that_had_better_take_part_in_development(ruleset: Ruleset) -> None:
    policy = rewritten(
        ruleset, licence__eu_affiliate_develops=lambda words: words["then"].update(effect="note")
    )
    breach = broken(policy, "never-improves", "an affiliate in the EU taking part")
    assert better(breach) == ("contact_meta", "permitted")
    affiliates = shown(breach.after).request["entity"]["affiliates"]
    assert "development" in affiliates[-1]["involved_in"]


# --- no-idle-rule -------------------------------------------------------------------------------------------


def test_a_rule_that_can_never_fire(ruleset: Ruleset) -> None:
    spam = {"use.purposes": {"has": "spam"}}
    policy = rewritten(ruleset, aup__spam=when(spam, {"not": spam}))
    assert broken(policy, "no-idle-rule", "the rule `aup.spam` can never fire").witness is None


def test_a_finding_that_another_shadows(ruleset: Ruleset) -> None:
    both = [{"use.purposes": {"has": "spam"}}, {"use.purposes": {"has": "fraud"}}]
    policy = with_rule(ruleset, id="aup.x", when=both, then={"finding": "aup.x", "effect": "prohibits"})
    broken(policy, "no-idle-rule", "the rule `aup.x` is shadowed by `aup.fraud`")
    breach = broken(policy, "no-idle-rule", "the rule `aup.x` is shadowed by `aup.spam`")
    assert {"spam", "fraud"} <= set(shown(breach.witness).request["use"]["purposes"])
    assert len(proof_of(policy, "no-idle-rule").breaches) == 2 * len(ruleset.generations)


def test_a_finding_under_review_and_an_outright_one_do_not_shadow_each_other(ruleset: Ruleset) -> None:
    espionage = [{"use.purposes": {"has": "espionage"}}]
    policy = with_rule(ruleset, id="aup.x", when=espionage, then={"finding": "aup.x", "effect": "prohibits"})
    assert proof_of(policy, "no-idle-rule").holds


def test_a_rule_that_another_for_the_same_thing_shadows(ruleset: Ruleset) -> None:
    narrow = [{"use.capacity": {"is": "end_user"}}, {"use.activities": {"has_only": ["use"]}}]
    policy = with_rule(ruleset, id="recipient.x", when=narrow, then={"derive": "recipient"})
    breach = broken(policy, "no-idle-rule", "the rule `recipient.x` is shadowed by `recipient`")
    assert fires(policy, shown(breach.witness), "recipient.x")


def test_a_finding_that_is_made_in_two_ways(ruleset: Ruleset) -> None:
    spam, note = "aup.spam", "licence.recipient-claim-void.since-3.2"
    policy = rearranged(ruleset, note, lambda rule: concluding(rule, spam))
    breach = broken(
        policy, "no-idle-rule", "the finding `aup.spam` is made as `prohibits` and `note` at once"
    )
    assert fires(policy, shown(breach.witness), spam)
    assert fires(policy, shown(breach.witness), note)


# --- no-order -----------------------------------------------------------------------------------------------


def test_a_rule_that_asks_before_the_answer_is_settled(ruleset: Ruleset) -> None:
    policy = rearranged(ruleset, "licence.mau-threshold", lambda rule: at_level(rule, 0))
    breach = broken(policy, "no-order", "`licence.mau-threshold` (level 0) asks for `recipient`")
    witness = shown(breach.witness)
    assert fires(policy, witness, "recipient")
    assert witness.outcomes == ("permitted",)
    assert not fires(policy, witness, "licence.mau-threshold")


def test_an_outcome_that_comes_before_the_findings(ruleset: Ruleset) -> None:
    policy = rearranged(ruleset, "outcome.prohibited", lambda rule: at_level(rule, 1))
    breach = broken(policy, "no-order", "`outcome.prohibited` (level 1) asks for all findings")
    assert shown(breach.witness).outcomes == ("prohibited",)


def test_a_fact_that_follows_from_itself(ruleset: Ruleset) -> None:
    policy = rearranged(ruleset, "recipient", lambda rule: asking(rule, Holds("recipient")))
    breach = broken(policy, "no-order", "the rules can be read in two ways")
    assert shown(breach.witness).outcomes == ()


def test_a_fact_that_holds_where_it_does_not(ruleset: Ruleset) -> None:
    policy = rearranged(ruleset, "recipient", lambda rule: asking(rule, Not(Holds("recipient"))))
    breach = broken(policy, "no-order", "the rules contradict themselves for a request, about `recipient`")
    assert shown(breach.witness).outcomes == ()


def test_nothing_else_is_proved_of_rules_that_rest_on_themselves(ruleset: Ruleset) -> None:
    policy = rearranged(ruleset, "recipient", lambda rule: asking(rule, Holds("recipient")))
    for law in ("one-outcome", "never-improves", "missing-facts"):
        proof = proof_of(policy, law)
        assert not proof.holds
        assert all("`recipient` rests on itself" in reason for reason in proof.unknown)
        assert len(proof.unknown) == len(ruleset.generations)


# --- missing-facts ------------------------------------------------------------------------------------------


def test_a_service_that_forgets_to_try_a_value(ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch) -> None:
    every = layout.possible_cells
    monkeypatch.setattr(
        layout,
        "possible_cells",
        lambda question, domain: every(question, domain)[: 1 if question.fact == USERS else None],
    )
    breach = broken(
        only_in(ruleset, "llama-4"), "missing-facts", "trying what is unknown says something else"
    )
    assert shown(breach.witness).request["entity"]["monthly_active_users"] > 700_000_000


def test_a_service_that_tries_a_list_that_is_empty(ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout.Layout, "_has_spare", lambda *_: True)
    policy = with_rule(
        ruleset,
        id="principal-an-organisation.x",
        when=[{"any": [{"use.activities": {"has": code}} for code in ("use", "develop")]}],
        then={"derive": "principal-an-organisation"},
    )
    breach = broken(only_in(policy, "llama-4"), "missing-facts", "a value is tried for `use.activities`")
    assert breach.witness is None


def test_an_assurance_that_is_asked_for_without_its_purpose(ruleset: Ruleset) -> None:
    policy = only_in(rewritten(ruleset, aup__age_restricted_material=when(UNGATED)), "llama-4")
    breach = broken(policy, "missing-facts", "trying what is unknown says something else")
    assert "age_restricted_material" not in shown(breach.witness).request["use"]["purposes"]
    assert len(shown(breach.witness).outcomes) == 1  # which, hangs on the request that the solver finds first


def test_a_place_that_no_request_can_name(ruleset: Ruleset) -> None:
    offices = "entity.development_offices"
    outside = [{offices: {"some_in": "eu"}}, {"not": {offices: {"some_in": "eea"}}}]
    policy = only_in(rewritten(ruleset, licence__eu_office=also(*outside)), "llama-4")
    breach = broken(policy, "missing-facts", f"a value is tried for `{offices}` that no request can give")
    assert breach.witness is None


def test_affiliates_that_add_up_to_what_none_of_them_is(ruleset: Ruleset) -> None:
    alone = {"entity.affiliates": {"some": {"involved_in": {"has_only": ["distribution"]}}}}
    policy = only_in(rewritten(ruleset, licence__eu_office=also(alone)), "llama-4")
    breach = broken(policy, "missing-facts", "two affiliates add up to what none can add alone")
    assert len(shown(breach.witness).request["entity"]["affiliates"]) == 2


# --- all-reached --------------------------------------------------------------------------------------------


def test_an_obligation_of_those_who_are_prohibited(ruleset: Ruleset) -> None:
    policy = rewritten(ruleset, notice_file=also("aup.spam"))
    for generation in ruleset.generations:
        text = ruleset.program(generation).statuses["notice-file"][1]
        detail = (
            f"in `{generation}` the obligation `notice-file`, with the text “{text}”, is due in no permitted"
        )
        assert broken(policy, "all-reached", detail).witness is None


def test_a_threshold_that_nobody_can_be_above(ruleset: Ruleset) -> None:
    most = Ask(atom(USERS, "above", 2**53 - 1))
    policy = rearranged(ruleset, "licence.mau-threshold", lambda rule: asking(rule, All((most,))))
    breach = broken(policy, "all-reached", f"no request has `{USERS}` above {2**53 - 1}")
    assert breach.witness is None
    assert not [one for one in proof_of(policy, "all-reached").breaches if f"`{USERS}` at" in one.sentence]


# --- all of them --------------------------------------------------------------------------------------------


def test_a_solver_that_gives_up_has_proved_nothing(ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "PATIENCE", 20)
    one, other = z3.Ints("one other")
    product = 1_000_000_007 * 998_244_353 * 1_000_000_009 * 754_974_721
    factors = (one > 1, other > 1, one * other == product, one**3 + other**3 > one * one * other)
    hard = Law("hard", "Nobody finds factors.", lambda scene: [Finding("found", scene.example(*factors))])
    [proof] = prove(only_in(ruleset, "llama-4"), [hard])
    assert not proof.holds
    assert not proof.breaches
    assert "the solver gave up" in proof.unknown[0]
