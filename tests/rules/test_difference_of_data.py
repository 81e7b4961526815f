"""What changes of regions, presumptions, models, purposes and generations are said to mean."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest

from eligibility.difference import document
from eligibility.errors import UnacceptableRequest
from eligibility.reading import request_from
from eligibility.ruleset import Ruleset
from tests.rules.differences import (
    ALL,
    UNDER_THE_CLAUSE,
    Document,
    by_rule,
    changed,
    compared,
    moves,
    own,
    rule,
)


def test_a_country_taken_out_of_the_eu_frees_it_and_no_rule_is_blamed(ruleset: Ruleset) -> None:
    found = compared(ruleset, lambda words: words["regions"]["eu"]["members"].remove("AX"))

    assert moves(found.moves)["prohibited", "permitted"] == UNDER_THE_CLAUSE
    assert all("AX" in json.dumps(one.request) for one in found.moves)
    assert own(found) == {}
    assert by_rule(found)["principal-in-the-eu.person"].follows_from == ("region eu",)
    assert by_rule(found)["licence.eu-multimodal"].follows_from == ("derived fact principal-in-the-eu",)
    assert "licensor" in {one.change.entry[0] for one in by_rule(found)["licensor.ireland"].shown}
    assert found.elsewhere == ("regions.eu.members",)


def test_another_presumption_changes_requests_that_leave_the_fact_out(ruleset: Ruleset) -> None:
    found = compared(
        ruleset, lambda words: words["facts"]["entity.can_accept_licence"].update(presumed=False)
    )

    assert not found.equal
    assert (found.moves, found.rules) == ((), ())
    [omitted] = found.left_out
    assert (omitted.facts, omitted.old, omitted.new) == (("entity.can_accept_licence",), (True,), (False,))
    assert moves(omitted.shown)["permitted", "prohibited"] == ALL
    assert all("can_accept_licence" not in one.request["entity"] for one in omitted.shown)


def test_a_fact_no_longer_presumed_is_asked_for(ruleset: Ruleset) -> None:
    found = compared(ruleset, lambda words: words["facts"]["entity.trade_restricted"].pop("presumed"))

    [omitted] = found.left_out
    assert (omitted.old, omitted.new) == ((False,), ("unknown",))
    assert moves(omitted.shown) == {("permitted", "contact_meta"): ALL}


def test_presumptions_that_only_matter_together_are_found(ruleset: Ruleset) -> None:
    both = ("entity.licence_terminated", "entity.trade_restricted")

    def together(words: Document) -> None:
        so = [{fact: {"is": True}} for fact in both]
        either = rule(words, "licence.terminated")
        either["when"] = [{"any": so}]
        either["then"].update(effect="contact", reason="clarification")
        rule(words, "licence.trade-compliance")["when"] = so

    def presume(words: Document) -> None:
        for fact in both:
            words["facts"][fact]["presumed"] = True

    found = compared(changed(ruleset, together), presume)

    *single, joint = found.left_out
    assert joint.facts == both
    assert moves(joint.shown)["permitted", "prohibited"] == ALL
    assert all(("permitted", "prohibited") not in moves(one.shown) for one in single)


def test_what_a_presumption_cannot_be_worked_out_for_is_said(ruleset: Ruleset) -> None:
    found = compared(ruleset, lambda words: words["facts"]["use.on_behalf_of"].update(presumed="employer"))

    assert not found.equal
    assert found.unproved == ("what follows from another presumption about `use.on_behalf_of`",)


def test_another_token_of_a_region_is_not_passed_over(ruleset: Ruleset) -> None:
    found = compared(ruleset, lambda words: words["regions"]["eu"].update(token=None))

    assert not found.equal
    assert found.unproved == ()
    gone = {one.change.entry[1] for differing in found.rules for one in differing.shown}
    assert gone == {"licence.eu-distribution", "licence.eu-model-recipients"}
    requests = [one.request for differing in found.rules for one in differing.shown]
    assert {tuple(request["use"]["distribution_regions"]) for request in requests} == {("EU",)}


def test_a_model_gone_from_the_catalogue_is_a_derivative(ruleset: Ruleset) -> None:
    name = "Llama-3.2-11B-Vision"

    def drop(words: Document) -> None:
        models = words["generations"]["llama-3.2"]["models"]
        models.remove({"name": name, "multimodal": True})

    found = compared(ruleset, drop)

    assert {(one.what, one.names, one.by) for one in found.accepted} == {("model", (name,), "new")}
    [omitted] = found.left_out
    assert (omitted.facts, omitted.old, omitted.new) == (("model.multimodal",), (True,), ("unknown",))
    assert moves(omitted.shown)["prohibited", "contact_meta"] == ("llama-3.2",)
    assert all(one.request["model"] == {"generation": "llama-3.2", "name": name} for one in omitted.shown)


def test_a_first_multimodal_model_leaves_the_modality_of_its_generation_unknown(ruleset: Ruleset) -> None:
    def add(words: Document) -> None:
        words["generations"]["llama-3.3"]["models"].append({"name": "Llama-3.3-Eye", "multimodal": True})

    found = compared(ruleset, add)

    by = {(name, one.by) for one in found.accepted for name in one.names}
    assert {("", "new"), ("Llama-3.3-Eye", "old")} <= by
    unnamed = [one for one in found.left_out if one.shown[0].request["model"] == {"generation": "llama-3.3"}]
    assert [(one.old, one.new) for one in unnamed] == [((False,), ("unknown",))]


def test_a_new_purpose_is_refused_by_the_old_rules_and_prohibited_by_the_new(ruleset: Ruleset) -> None:
    def add(words: Document) -> None:
        words["purposes"].append("divination")
        added = deepcopy(rule(words, "licence.terminated"))
        added.update(id="aup.divination", when=[{"use.purposes": {"has": "divination"}}])
        added["then"] = {"finding": "aup.divination", "effect": "prohibits"}
        words["rules"].append(added)

    found = compared(ruleset, add)

    assert not found.equal
    [one] = found.accepted
    assert (one.what, one.names, one.by, one.outcome) == ("purpose", ("divination",), "new", "prohibited")
    assert one.request["use"]["purposes"] == ["divination"]
    with pytest.raises(UnacceptableRequest):
        request_from(one.request, ruleset.vocabulary)
    assert own(found) == {"aup.divination": "new"}
    assert found.moves == ()


def test_requests_are_shown_with_purposes_that_both_know(ruleset: Ruleset) -> None:
    def rename(words: Document) -> None:
        words["purposes"][words["purposes"].index("general")] = "anything"
        rule(words, "licence.mau-threshold")["when"].pop()

    found = compared(ruleset, rename)

    assert {(one.names[0], one.by) for one in found.accepted} == {("general", "old"), ("anything", "new")}
    assert found.moves
    assert all(one.request["use"]["purposes"] != ["general"] for one in found.moves)


def test_a_generation_that_is_gone_is_told_with_a_request(ruleset: Ruleset) -> None:
    def drop(words: Document) -> None:
        del words["generations"]["llama-2"]
        for one in words["rules"]:
            _forget(one, "llama-2")

    def _forget(one: Document, generation: str) -> None:
        if isinstance(one["generations"], list) and generation in one["generations"]:
            one["generations"].remove(generation)
        for part in (one["then"].get("value"), *(cited.get("clause") for cited in one["citations"])):
            if isinstance(part, dict):
                part.pop(generation, None)

    found = compared(ruleset, drop)

    one = next(one for one in found.accepted if one.what == "generation")
    assert (one.names, one.by, one.outcome) == (("llama-2",), "old", "permitted")
    [models] = [one for one in found.accepted if one.what == "model"]
    assert models.by == "new"
    assert "Llama-2-7b" in models.names
    assert document(found)["generations"] == {"added": [], "removed": ["llama-2"]}
    assert found.moves == ()


def test_a_fact_left_out_where_the_new_rules_give_no_single_outcome_is_not_called_a_contact(
    ruleset: Ruleset,
) -> None:
    def both(words: Document) -> None:
        words["facts"]["entity.trade_restricted"].pop("presumed")
        rule(words, "outcome.contact-meta")["when"].remove({"not": {"effect": "prohibits"}})

    found = compared(ruleset, both)

    [omitted] = found.left_out
    assert moves(omitted.shown)["permitted", "contact_meta"] == ALL
    assert ("contact_meta", None) in moves(omitted.shown)
