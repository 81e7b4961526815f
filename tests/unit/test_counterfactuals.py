"""What would change a decision, on requests whose answers are known; and the bounds of the search."""

from typing import Any

import pytest

from eligibility import counterfactuals as module
from eligibility import reasoner as reasoner_module
from eligibility import smallest as smallest_module
from eligibility import sufficient as sufficient_module
from eligibility.building import build
from eligibility.counterfactuals import Smallest, check, combinations_of, counterfactuals
from eligibility.decider import Decider
from eligibility.errors import EvaluatorsDisagree
from eligibility.landscape import Landscape
from eligibility.reading import request_from
from eligibility.reasoner import Asked, Reasoner, checked
from eligibility.ruleset import Ruleset
from eligibility.sufficient import sufficient_reasons
from eligibility.why_not import unknown_name, why_not

Told = set[frozenset[tuple[str, str]]]


def body(**changes: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "model": {"generation": "llama-4"},
        "entity": {"kind": "company", "principal_place_of_business": "US", "monthly_active_users": 5},
        "use": {
            "activities": ["use"],
            "purposes": ["general"],
            "critical_infrastructure": {"role": "none"},
        },
    }
    for part, members in changes.items():
        made[part].update(members)
    return made


def told(found: Smallest) -> Told:
    """The changes as sets of facts with their values as texts."""
    return {
        frozenset((fact, str(value)) for fact, value in changes)
        for way in found.ways
        for changes in combinations_of(way)
    }


def changes_of(
    landscape: Landscape, decider: Decider, request: dict[str, Any], *, kind: bool = False
) -> dict[str, Smallest]:
    read = request_from(request, decider.ruleset.vocabulary)
    return counterfactuals(landscape, read, decider.decide(read).outcome, kind_may_change=kind)


def test_a_company_in_the_eu_is_told_every_single_way_out(landscape: Landscape, decider: Decider) -> None:
    found = changes_of(landscape, decider, body(entity={"principal_place_of_business": "DE"}))

    assert told(found["permitted"]) == {
        *(frozenset({("entity.principal_place_of_business", country)}) for country in ("US", "NO", "CH")),
        *(
            frozenset({("model.generation", generation)})
            for generation in ("llama-2", "llama-3", "llama-3.1", "llama-3.3")
        ),
        *(
            frozenset({("use.capacity", capacity)})
            for capacity in ("integrated_product_recipient", "end_user")
        ),
    }
    # in 3.2 a model without a name may be multimodal or not
    assert told(found["contact_meta"]) == {frozenset({("model.generation", "llama-3.2")})}


def test_what_the_applicant_is_changes_only_when_asked(landscape: Landscape, decider: Decider) -> None:
    request = body(entity={"principal_place_of_business": "DE"})
    kinds = {"academic_institution", "government_agency", "government_partner"}

    freed = told(changes_of(landscape, decider, request, kind=True)["contact_meta"])

    assert freed >= {frozenset({("entity.kind", kind)}) for kind in kinds}


def test_every_purpose_that_prohibits_is_a_change_of_one_fact(landscape: Landscape, decider: Decider) -> None:
    found = told(changes_of(landscape, decider, body())["prohibited"])
    purposes = {value for change in found for fact, value in change if fact == "use.purposes"}

    assert str(["general", "spam"]) in purposes
    assert len(purposes) == 32 - 4  # four hang on an assurance that would not be known
    assert frozenset({("entity.trade_restricted", "True")}) in found


def test_a_purpose_that_needs_an_assurance_leads_to_meta(landscape: Landscape, decider: Decider) -> None:
    found = told(changes_of(landscape, decider, body())["contact_meta"])

    assert frozenset({("use.purposes", str(["general", "impersonation"]))}) in found
    assert frozenset({("entity.monthly_active_users", "700000001")}) in found


def test_giving_an_unknown_fact_is_a_change_and_taking_one_back_is_none(
    landscape: Landscape, decider: Decider
) -> None:
    request = body()
    del request["entity"]["monthly_active_users"]

    found = changes_of(landscape, decider, request)

    assert frozenset({("entity.monthly_active_users", "0")}) in told(found["permitted"])
    known = told(changes_of(landscape, decider, body())["contact_meta"])
    assert not any(value == "None" for change in known for _, value in change)


def test_of_an_affiliate_a_member_changes_or_the_list(landscape: Landscape, decider: Decider) -> None:
    request = body(
        entity={
            "affiliates": [
                {"principal_place_of_business": "DE", "involved_in": ["development"]},
                {"principal_place_of_business": "US", "involved_in": ["development"]},
            ]
        }
    )
    found = told(changes_of(landscape, decider, request)["permitted"])

    assert frozenset({("entity.affiliates[0].principal_place_of_business", "US")}) in found
    assert frozenset({("entity.affiliates[0].involved_in", "()")}) in found
    kept = [{"principal_place_of_business": "US", "involved_in": ("development",)}]
    assert frozenset({("entity.affiliates", str(kept))}) in found


def test_a_full_list_of_affiliates_stays_one_that_can_be_sent(landscape: Landscape, decider: Decider) -> None:
    request = request_from(
        body(entity={"affiliates": [{"principal_place_of_business": "US"}] * 100}), decider.ruleset.vocabulary
    )
    found = counterfactuals(landscape, request, decider.decide(request).outcome)

    for way in found["prohibited"].ways:
        for changes in combinations_of(way):
            check(decider, request, changes, "prohibited")


def test_regions_keep_the_entries_that_need_not_go(landscape: Landscape, decider: Decider) -> None:
    request = request_from(
        body(use={"activities": ["distribute_product"], "distribution_regions": ["BR", "DE", "JP"]}),
        decider.ruleset.vocabulary,
    )

    [way] = why_not(landscape, request, "licence.eu-office").ways
    assert [fact for part in way for fact, _ in part[0]] == ["entity.development_offices"]
    assert why_not(landscape, request, "licence.eu-distribution").ways == ((),)


def test_what_stood_in_the_way_of_a_finding_that_needs_two(landscape: Landscape, decider: Decider) -> None:
    request = request_from(body(), decider.ruleset.vocabulary)

    found = told(why_not(landscape, request, "licence.integrated-product"))

    assert found == {
        frozenset({("entity.monthly_active_users", "700000001"), ("use.capacity", capacity)})
        for capacity in ("integrated_product_recipient", "end_user")
    }


def test_a_finding_of_other_generations_names_the_generation(landscape: Landscape, decider: Decider) -> None:
    request = request_from(body(), decider.ruleset.vocabulary)
    facts = {
        fact
        for change in told(why_not(landscape, request, "licence.improve-other-model"))
        for fact, _ in change
    }

    assert facts == {"model.generation", "use.activities", "use.output_model.target"}


@pytest.mark.parametrize(
    "name, words",
    [
        ("licence.mau-treshold", "did you mean `licence.mau-threshold`?"),
        ("permited", "did you mean `permitted`?"),
        ("x" * 10_000, "there is no outcome or finding"),
    ],
)
def test_a_name_that_there_is_not_is_told(ruleset: Ruleset, name: str, words: str) -> None:
    said = unknown_name(name, ruleset)

    assert said is not None
    assert words in said
    assert len(said) < 300


def test_the_names_that_there_are_are_fine(ruleset: Ruleset) -> None:
    assert unknown_name("licence.mau-threshold", ruleset) is None
    assert unknown_name("contact_meta", ruleset) is None


def test_an_outright_prohibition_is_forced_by_its_own_fact(landscape: Landscape, decider: Decider) -> None:
    request = request_from(body(use={"purposes": ["spam"]}), decider.ruleset.vocabulary)

    assert sufficient_reasons(landscape, request, "prohibited").sets == (frozenset({"use.purposes"}),)


def test_a_permission_is_forced_by_no_fact_alone(landscape: Landscape, decider: Decider) -> None:
    request = request_from(body(), decider.ruleset.vocabulary)

    for facts in sufficient_reasons(landscape, request, "permitted").sets:
        assert {"use.purposes", "use.critical_infrastructure.role", "entity.trade_restricted"} <= facts


def test_a_search_that_is_too_long_says_so(
    landscape: Landscape, decider: Decider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smallest_module, "MOST_STEPS", 50)

    found = changes_of(
        landscape, decider, {"model": {"generation": "llama-4"}, "entity": {"kind": "company"}}
    )

    assert not found["permitted"].complete
    assert found["permitted"].ways == ()


@pytest.mark.parametrize("bound", ["MOST_WAYS", "MOST_TOLD"])
def test_more_changes_than_are_told_are_said_to_be_left_out(
    landscape: Landscape, decider: Decider, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(module, bound, 3)

    found = changes_of(landscape, decider, body())["prohibited"]

    assert not found.complete
    assert len(told(found)) <= 3


def test_more_reasons_than_are_kept_are_said_to_be_left_out(
    landscape: Landscape, decider: Decider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sufficient_module, "MOST_SETS", 1)
    request = request_from(
        body(entity={"trade_restricted": True}, use={"purposes": ["spam"]}), decider.ruleset.vocabulary
    )

    found = sufficient_reasons(landscape, request, "prohibited")

    assert not found.complete
    assert len(found.sets) == 1


def test_what_is_left_out_is_told_to_callers(
    decider: Decider, ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_TOLD", 3)
    request = request_from(body(), ruleset.vocabulary)
    found = Reasoner(ruleset).find(request, "permitted", Asked(counterfactuals=True))

    document = checked(decider, request, found)["counterfactuals"]

    assert document["complete"] is False
    assert [one["complete"] for one in document["outcomes"]] == [False, False]


def test_a_change_that_leads_elsewhere_is_never_told(decider: Decider) -> None:
    request = request_from(body(), decider.ruleset.vocabulary)

    with pytest.raises(EvaluatorsDisagree):
        check(decider, request, (("entity.monthly_active_users", 6),), "prohibited")


def test_diagrams_that_searches_have_filled_are_built_anew(
    ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch
) -> None:
    reasoner = Reasoner(ruleset)
    first = reasoner.landscape()
    assert reasoner.landscape() is first

    monkeypatch.setattr(reasoner_module, "MOST_NODES", 10)

    assert reasoner.landscape() is not first


def test_a_policy_from_before_there_were_such_words_has_changes_without_sentences(ruleset: Ruleset) -> None:
    texts = {key: words for key, words in ruleset.texts.items() if key not in {"changes", "explanation"}}
    former = build({**ruleset.document, "texts": texts})
    decider = Decider(former)
    request = request_from(body(entity={"principal_place_of_business": "DE"}), former.vocabulary)
    asked = Asked(counterfactuals=True, sufficient_reasons=True, why_not=("licence.integrated-product",))

    found = Reasoner(former).find(request, decider.decide(request).outcome, asked)
    document = checked(decider, request, found)

    changes = [change for one in document["counterfactuals"]["outcomes"] for change in one["changes"]]
    assert changes
    assert all(change["text"] is None and change["parts"][0]["set"] for change in changes)
    [stood] = document["why_not"][0]["sets"]
    assert stood["text"] is None
    assert stood["conditions"][0]["is"] == ["not above 700000000"]
    assert document["sufficient_reasons"]["sets"]


def test_what_affiliates_are_is_said_with_all_that_one_of_them_has_to_be(
    decider: Decider, ruleset: Ruleset
) -> None:
    request = request_from(body(), ruleset.vocabulary)
    found = Reasoner(ruleset).find(request, "permitted", Asked(why_not=("licence.eu-affiliate-develops",)))

    texts = [one["text"] for one in checked(decider, request, found)["why_not"][0]["sets"]]

    assert any("no affiliate matches: names development and in the EU" in text for text in texts)
