"""The graph behind a decision and the text told from it, for every kind of outcome and of reason."""

import copy
import json
from typing import Any

from eligibility.building import build
from eligibility.decider import Decider
from eligibility.decision import decision_document
from eligibility.reading import flatten, request_from
from eligibility.ruleset import Ruleset
from eligibility.telling import MOST_TOLD, inside, tell
from eligibility.wording import Subject

CLEAN: dict[str, Any] = {
    "model": {"generation": "llama-4"},
    "entity": {"kind": "company", "principal_place_of_business": "US", "monthly_active_users": 1000},
    "use": {
        "activities": ["use"],
        "purposes": ["general"],
        "critical_infrastructure": {"role": "none"},
        "capacity": "licensee",
    },
}


def body(**changes: Any) -> dict[str, Any]:
    """The clean request with other facts, by path, `.` written `__`; None takes a fact away."""
    made = copy.deepcopy(CLEAN)
    for path, value in changes.items():
        *parts, last = path.split("__")
        place = made
        for part in parts:
            place = place.setdefault(part, {})
        place[last] = value
    return made


def explained(decider: Decider, **changes: Any) -> dict[str, Any]:
    """The explanation of a request, by either way of rendering."""
    decision = decider.decide(request_from(body(**changes), decider.ruleset.vocabulary))
    told: dict[str, Any] = decision.document()["explanation"]
    assert json.loads(decision.json())["explanation"] == told
    return told


def nodes(graph: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["id"]: node for node in graph["nodes"]}


def into(graph: dict[str, Any], node: str) -> set[str]:
    return {edge["from"] for edge in graph["edges"] if edge["to"] == node}


def test_a_prohibition_is_told_with_its_chain_its_values_and_its_source(decider: Decider) -> None:
    graph = explained(decider, entity__principal_place_of_business="DE")

    (text,) = graph["text"]
    assert text.startswith("Prohibited, because of a multimodal model for a licensee in the EU: ")
    assert "; an organisation based in the EU, since " in text
    assert "the country of the principal place of business is in the EU (DE)" in text
    assert (
        "whether the model is multimodal is answered yes (derived from the generation of the model)" in text
    )
    assert "not a recipient who only uses the product, since" in text
    assert text.endswith(" (Llama 4 acceptable use policy, Closing paragraph on multimodal models).")


def test_every_prohibition_has_a_paragraph_and_what_does_not_decide_comes_after_them(
    decider: Decider,
) -> None:
    text = explained(decider, use__purposes=["spam", "fraud"], entity__monthly_active_users=800_000_000)[
        "text"
    ]

    assert [paragraph.split(":")[0] for paragraph in text] == [
        "Prohibited, because of fraud",
        "Prohibited, because of spam",
        "Apart from that, the answer would be Meta's because of more than 700 million monthly active users",
    ]
    assert "monthly active users are above 700,000,000 (800,000,000)" in text[2]


def test_a_permission_says_what_was_not_found_then_notes_then_obligations(decider: Decider) -> None:
    text = explained(
        decider,
        use__activities=["distribute_product"],
        use__distribution_regions=["EU", "US"],
    )["text"]

    assert text[0] == (
        "Permitted: nothing found leaves the answer to Meta and nothing found prohibits the use"
        " (Llama 4 community license agreement, Section 1.a, Grant of Rights)."
    )
    assert text[1].startswith("Note (distribution of a product into the EU): ")
    assert "an entry in the EU is part of the regions of distribution (EU, US)" in text[1]
    assert text[2].startswith("These obligations come with the permission: ")
    assert "a prominent statement of what it was built with" in text[2]
    assert len(text) == len(["outcome", "note", "obligations"])


def test_an_exemption_has_its_reasons(decider: Decider) -> None:
    text = explained(
        decider,
        entity__principal_place_of_business="DE",
        use__capacity="end_user",
    )["text"]

    assert text[1].startswith("An exemption applies (a product with a multimodal model, used in the EU): ")
    assert "nothing but use is part of the activities (use)" in text[1]
    assert "capacity in which the model is used is end_user" in text[1]


def test_a_separate_licence_and_an_open_question_are_told_apart(decider: Decider) -> None:
    large = explained(decider, entity__monthly_active_users=700_000_001)["text"][0]
    derivative = explained(
        decider,
        model__name="acme/text-only",
        model__multimodal=False,
        entity__principal_place_of_business="FR",
    )["text"][0]

    assert ", for which a separate licence is needed: " in large
    assert ", which the published terms do not settle: " in derivative
    assert "whether the model is multimodal is answered no" in derivative


def test_a_case_by_case_review_says_that_a_prohibition_is_under_review(decider: Decider) -> None:
    graph = explained(
        decider, entity__kind="academic_institution", use__purposes=["espionage"], entity__employer=None
    )

    assert graph["text"][0].startswith(
        "Contact Meta, because of espionage, a prohibition that Meta reviews case by case for applicants of"
        " this kind: "
    )
    assert "since kind of applicant is academic_institution" in graph["text"][0]
    assert "derived:case-by-case-entity" in into(graph, "finding:aup.espionage")


def test_missing_facts_are_named_with_the_outcomes_each_leads_to(decider: Decider) -> None:
    graph = explained(decider, entity__monthly_active_users=None)

    assert graph["text"][0] == (
        "Contact Meta, because the answer depends on facts that were not given: monthly active users, which"
        " can lead to contact Meta or permitted."
    )
    assert graph["text"][1].startswith(
        "If monthly active users are above 700,000,000, a separate licence is needed, because of more than"
        " 700 million monthly active users"
    )
    assert graph["text"][1].endswith("Llama troubleshooting & FAQ, Legal, question 2).")
    assert nodes(graph)["unknown:entity.monthly_active_users"]["outcomes"] == ["contact_meta", "permitted"]


def test_of_many_findings_that_hang_on_missing_facts_only_the_titles_are_told(decider: Decider) -> None:
    graph = explained(decider, use__purposes=None)

    possible = [node for node in graph["nodes"] if node["kind"] == "possible_finding"]
    assert len(possible) > MOST_TOLD
    assert graph["text"][1].startswith("Depending on these facts, there may be: ")
    assert all(inside(node["title"]) in graph["text"][1] for node in possible)


def test_what_is_certain_though_no_single_rule_is_has_the_alternatives(decider: Decider) -> None:
    graph = explained(
        decider,
        entity__principal_place_of_business=None,
        entity__affiliates=[{"principal_place_of_business": "DE", "involved_in": ["development"]}],
    )

    text = graph["text"]
    assert text[0] == (
        "Prohibited, whatever the facts that were not given turn out to be: country of the principal place of"
        " business."
    )
    assert text[1].startswith(
        "If the country of the principal place of business is outside the EU, it is prohibited, because of an"
        " affiliate in the EU taking part in development: "
    )
    assert "the country of the principal place of business of affiliate 1 is in the EU (DE)" in text[1]
    # that it is in the EEA too, and not in Switzerland, goes without saying
    assert text[2].startswith(
        "If the country of the principal place of business is in the EU, it is prohibited, because of a"
        " multimodal model for a licensee in the EU: "
    )
    assert {node["kind"] for node in graph["nodes"]} >= {"unknown", "possible_finding"}
    assert "aup" in graph["rules"]["licence.eu-multimodal"]["citations"][0]["document"]


def test_a_rule_that_fires_though_its_effect_is_open_leads_to_both_effects(decider: Decider) -> None:
    graph = explained(
        decider,
        entity__kind="researcher",
        entity__domicile="US",
        entity__principal_place_of_business=None,
        entity__employer={"principal_place_of_business": "US"},
        use__on_behalf_of="employer",
        use__purposes=["espionage"],
    )

    possible = {node["id"] for node in graph["nodes"] if node["kind"] == "possible_finding"}
    assert possible == {
        "possible:aup.espionage prohibits",
        "possible:aup.espionage contact case_by_case",
    }
    assert nodes(graph)["finding:aup.espionage"]["effect"] is None
    assert all("finding:aup.espionage" in into(graph, node) for node in possible)
    assert any(paragraph.startswith("If kind of employer is ") for paragraph in graph["text"])


def test_what_is_presumed_is_marked_as_such(decider: Decider) -> None:
    graph = explained(decider, entity__principal_place_of_business="DE", use__capacity=None)

    assert nodes(graph)["fact:use.capacity"]["origin"] == "presumed"
    assert "end_user (not given, taken to be licensee)" in graph["text"][0]


def test_the_same_cells_given_presumed_and_derived_are_told_apart(decider: Decider) -> None:
    name = "Llama-4-Scout-17B-16E"
    where = {"entity__principal_place_of_business": "DE"}
    texts = [
        explained(decider, **where)["text"][0],
        explained(decider, **where, model__name=name)["text"][0],
        explained(decider, **where, model__name="acme/unknown")["text"][0],
        explained(decider, **where, model__multimodal=True)["text"][0],
        explained(decider, **where, model__multimodal=True, use__capacity=None)["text"][0],
    ]

    assert "answered yes (derived from the generation of the model);" in texts[0]
    assert "answered yes (derived from the name of the model);" in texts[1]
    assert texts[2] == texts[0]
    assert "answered yes;" in texts[3]
    assert texts[4] == texts[3].replace("(licensee)", "(not given, taken to be licensee)")


def test_a_derived_modality_leads_back_to_what_it_is_derived_from(decider: Decider) -> None:
    where = {"entity__principal_place_of_business": "DE"}
    by_generation = explained(decider, **where)
    by_name = explained(decider, **where, model__name="Llama-4-Scout-17B-16E")

    assert into(by_generation, "fact:model.multimodal") == {"fact:model.generation"}
    assert into(by_name, "fact:model.multimodal") == {"fact:model.name"}
    assert nodes(by_name)["fact:model.name"]["value"] == "Llama-4-Scout-17B-16E"


def test_a_name_that_is_asked_about_is_told_where_it_is_given_and_where_it_is_not(ruleset: Ruleset) -> None:
    document = copy.deepcopy(dict(ruleset.document))
    spam = next(rule for rule in document["rules"] if rule["id"] == "aup.spam")
    spam["when"].append({"not": {"model.name": {"is_derivative": True}}})
    fraud = next(rule for rule in document["rules"] if rule["id"] == "aup.fraud")
    fraud["when"].append({"model.name": {"is_derivative": True}})
    asking = Decider(build(document))
    purposes = {"use__purposes": ["spam", "fraud"], "model__multimodal": True}

    nameless = explained(asking, **purposes)["text"]
    released = explained(asking, **purposes, model__name="Llama-4-Scout-17B-16E")["text"]
    derivative = explained(asking, **purposes, model__name="acme/mine")["text"]

    assert ["is none outside the catalogue (not given)" in text for text in nameless] == [True]
    assert ["is none outside the catalogue (Llama-4-Scout-17B-16E)" in text for text in released] == [True]
    assert ["is one that the catalogue does not know (acme/mine)" in text for text in derivative] == [True]


def test_affiliates_are_told_by_their_number(decider: Decider) -> None:
    graph = explained(
        decider,
        entity__affiliates=[
            {"principal_place_of_business": "US", "involved_in": ["development"]},
            {"principal_place_of_business": "DE", "involved_in": ["distribution"]},
        ],
    )

    assert (
        "the country of the principal place of business of affiliate 2 is in the EU (DE)" in graph["text"][0]
    )
    assert "distribution is part of the involvement of affiliate 2 (distribution)" in graph["text"][0]
    assert nodes(graph)["fact:entity.affiliates[1].involved_in"]["label"] == "involvement of affiliate 2"


def test_a_rule_for_some_generations_rests_on_the_generation_and_others_do_not(decider: Decider) -> None:
    graph = explained(decider, entity__principal_place_of_business="DE", use__purposes=["spam"])

    test = "test:model.generation is llama-4"
    assert test in into(graph, "finding:licence.eu-multimodal")
    assert test not in into(graph, "finding:aup.spam")
    assert into(graph, test) == {"fact:model.generation"}


def test_conclusions_name_their_rules_and_rules_their_sources(decider: Decider) -> None:
    graph = explained(decider, entity__principal_place_of_business="DE")

    assert nodes(graph)["derived:principal-in-the-eu"]["rules"] == ["principal-in-the-eu.organisation"]
    assert nodes(graph)["licensor:Meta Platforms Ireland Limited"]["rules"] == ["licensor.ireland"]
    assert nodes(graph)["outcome:prohibited"]["rules"] == ["outcome.prohibited"]
    assert nodes(graph)["not:recipient"]["title"] == "Not a recipient who only uses the product"
    assert graph["rules"]["licence.eu-multimodal"] == {
        "title": "A multimodal model for a licensee in the EU",
        "citations": [
            {
                "document": "llama-4-aup",
                "title": "Llama 4 acceptable use policy",
                "clause": "Closing paragraph on multimodal models",
                "url": "https://www.llama.com/llama4/use-policy",
            }
        ],
    }


def test_obligations_are_part_of_a_permission_only(decider: Decider) -> None:
    permitted = explained(decider, use__activities=["improve_other_model"], use__output_model={})
    prohibited = explained(decider, use__purposes=["spam"])

    assert "obligation:follow-aup" in nodes(permitted)
    assert not [node for node in prohibited["nodes"] if "obligation" in node["kind"]]
    assert into(permitted, "possible:model-name-prefix") == {"unknown:use.output_model.distributed"}
    assert permitted["text"][-1] == (
        "Whether these come with it depends on facts not given: a name that begins as prescribed (whether the"
        " improved model is distributed)."
    )


def test_the_text_is_told_from_the_graph_alone(decider: Decider) -> None:
    graph = explained(decider, entity__principal_place_of_business="DE", use__purposes=["spam"])
    texts = decider.ruleset.texts
    told = json.loads(json.dumps({key: graph[key] for key in ("nodes", "edges", "rules")}))

    assert tell(told, texts) == graph["text"]

    changed = {"finding:licence.eu-multimodal": "title", "fact:entity.principal_place_of_business": "value"}
    for node in told["nodes"]:
        if node["id"] in changed:
            node[changed[node["id"]]] = "Perturbed"
    told["rules"]["aup.spam"]["citations"][0]["clause"] = "Elsewhere"
    (first,) = (paragraph for paragraph in tell(told, texts) if "EU" in paragraph)
    assert first.startswith("Prohibited, because of perturbed: ")
    assert "in the EU (Perturbed)" in first
    assert any("policy, Elsewhere)" in paragraph for paragraph in tell(told, texts))


def test_a_text_that_was_erased_is_told_without_its_words(decider: Decider) -> None:
    given = body(use__critical_infrastructure={"role": "operation", "certification": "ISO 27001"})
    decision = decider.decide(request_from(given, decider.ruleset.vocabulary))
    del given["use"]["critical_infrastructure"]["certification"]
    subject = Subject(decision.evaluation.questions, flatten(given))
    erased = decision_document(subject, decision.evaluation.content)["explanation"]

    assert "is given (ISO 27001)" in " ".join(decision.document()["explanation"]["text"])
    assert "is given and role" in " ".join(erased["text"])
    fact = nodes(erased)["fact:use.critical_infrastructure.certification"]
    assert (fact["value"], fact["origin"]) == (None, "given")


def test_what_is_recorded_reads_again_whatever_the_order_of_its_members(decider: Decider) -> None:
    """Records are canonical JSON, which sorts the members of objects."""
    of_two: dict[str, Any] = {"model__generation": "llama-3.2", "entity__principal_place_of_business": None}
    nothing: dict[str, Any] = {"use": {}}
    for changes in (of_two, nothing):
        decision = decider.decide(request_from(body(**changes), decider.ruleset.vocabulary))
        subject = Subject(decision.evaluation.questions, decision.request.facts)
        recorded = json.loads(decision.evaluation.content_bytes)

        assert decision_document(subject, recorded) == decision.document()


def test_a_policy_from_before_there_were_such_words_has_a_graph_and_no_text(ruleset: Ruleset) -> None:
    texts = {key: words for key, words in ruleset.texts.items() if key != "explanation"}
    old = Decider(build({**ruleset.document, "texts": texts}))

    graph = explained(old, entity__principal_place_of_business=None)

    assert graph["text"] == []
    assert graph["nodes"]
