"""What-if with reasons: what would change the answer, why not something else, which facts force it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from api.problems import Refusal
from api.reasons import MOST_NAMES, MOST_WAITING, Reasons
from api.schemas import HypotheticalWithReasons
from eligibility.decider import Decider
from eligibility.documents import with_facts
from eligibility.loading import load_rules, shipped_rules
from eligibility.reading import request_from
from eligibility.reasoner import Asked
from tests.api.bodies import permitted, prohibited, unclear
from tests.api.problems import problem
from tests.api.serving import Server

PATH = "/v1/what-if"


def asked(client: httpx.Client, body: dict[str, Any], **parameters: str) -> dict[str, Any]:
    answer = client.post(PATH, json=body, params=parameters)
    assert answer.status_code == 200, answer.text
    HypotheticalWithReasons.model_validate_json(answer.content, strict=True)
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    "body", [permitted(), prohibited(), unclear()], ids=["permitted", "prohibited", "contact"]
)
def test_each_change_leads_where_it_is_said_to_lead(portal: httpx.Client, body: dict[str, Any]) -> None:
    told = asked(portal, body, counterfactuals="true")
    others = {one["outcome"]: one for one in told["counterfactuals"]["outcomes"]}

    assert told["counterfactuals"]["complete"] is True
    assert others.keys() == {"permitted", "prohibited", "contact_meta"} - {told["outcome"]}
    for outcome, one in others.items():
        assert one["changes"]
        for change in one["changes"]:
            facts = {fact: value for part in change["parts"] for fact, value in part["set"].items()}
            assert len(facts) == one["facts_changed"]
            changed = with_facts(body, facts.items())
            assert portal.post(PATH, json=changed).json()["outcome"] == outcome


def test_the_place_of_business_is_told_to_have_been_the_reason(portal: httpx.Client) -> None:
    told = asked(portal, prohibited(), counterfactuals="true", sufficient_reasons="true", why_not="permitted")

    [to_permitted] = [one for one in told["counterfactuals"]["outcomes"] if one["outcome"] == "permitted"]
    moved = [change for change in to_permitted["changes"] if "outside the EU" in change["text"]]
    assert moved[0]["parts"][0]["set"] == {"entity.principal_place_of_business": "US"}
    assert moved[0]["parts"][0]["instead_of"] == {"entity.principal_place_of_business": "FR"}
    [why_not] = told["why_not"]
    assert why_not["name"] == "permitted"
    assert any(
        condition["fact"] == "entity.principal_place_of_business" and condition["is"] == ["in the EU"]
        for one in why_not["sets"]
        for condition in one["conditions"]
    )
    assert {
        "model.generation",
        "model.multimodal",
        "entity.kind",
        "entity.principal_place_of_business",
        "use.activities",
    } in [{fact["fact"] for fact in held} for held in told["sufficient_reasons"]["sets"]]


def test_reasons_are_told_only_if_asked_for(portal: httpx.Client) -> None:
    plain = portal.post(PATH, json=permitted(), params={"counterfactuals": "false"}).json()

    assert not {"counterfactuals", "why_not", "sufficient_reasons"} & plain.keys()
    assert "id" not in plain


def test_a_finding_that_was_made_came_about(portal: httpx.Client) -> None:
    names = "licence.eu-multimodal,licence.mau-threshold"
    made, other = asked(portal, prohibited(), why_not=names)["why_not"]

    assert made["came_about"] is True
    assert made["sets"] == []
    assert other["came_about"] is False
    assert other["sets"][0]["conditions"][0]["fact"] == "entity.monthly_active_users"


def test_what_forces_an_unclear_outcome_is_nothing(portal: httpx.Client) -> None:
    told = asked(portal, unclear(), sufficient_reasons="true")

    assert told["sufficient_reasons"] == {"complete": True, "sets": []}


@pytest.mark.parametrize(
    "parameters, pointer, words",
    [
        ({"counterfactuals": "yes"}, "/counterfactuals", "use `true` or `false`"),
        ({"change_kind": "true"}, "/change_kind", "ask for them too"),
        ({"why_not": "licence.mau-treshold"}, "/why_not", "did you mean `licence.mau-threshold`?"),
        ({"why_not": ""}, "/why_not", "there is no outcome or finding"),
        ({"why_not": ",".join(f"n{n}" for n in range(MOST_NAMES + 1))}, "/why_not", "at most 10 names"),
        ({"counterfactual": "true"}, "/counterfactual", "did you mean `counterfactuals`?"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(
    portal: httpx.Client, parameters: dict[str, str], pointer: str, words: str
) -> None:
    document = problem(portal.post(PATH, json=permitted(), params=parameters), 422)

    assert pointer in [error["pointer"] for error in document["errors"]]
    assert any(words in error["detail"] for error in document["errors"])


def test_a_recorded_decision_takes_no_such_parameters(portal: httpx.Client) -> None:
    problem(portal.post("/v1/decisions", json=permitted(), params={"counterfactuals": "true"}), 422)


def test_a_contradictory_request_is_refused_before_anything_is_searched(portal: httpx.Client) -> None:
    body = permitted()
    body["model"]["generation"] = "llama-2"

    problem(portal.post(PATH, json=body, params={"counterfactuals": "true"}), 422)


def test_decisions_are_answered_while_reasons_are_searched(server: Server) -> None:
    """A long search has a thread of its own: decisions are made meanwhile, not after it."""
    body = unclear(affiliates=[{}] * 100)
    with ThreadPoolExecutor(1) as caller, server.client() as client:
        search = caller.submit(client.post, PATH, json=body, params={"counterfactuals": "true"})
        decided = 0
        while not search.done():
            assert client.post("/v1/decisions", json=permitted()).status_code == 201
            decided += 1
        assert search.result().status_code == 200
    # one may come before the search, and one after it
    assert decided > 3


async def test_of_too_many_searches_the_last_are_told_to_come_back() -> None:
    decider = Decider(load_rules(shipped_rules()))
    made = decider.decide(request_from(permitted(), decider.ruleset.vocabulary))
    reasons = Reasons()

    searches = [reasons.find(decider, made, Asked(counterfactuals=True)) for _ in range(MOST_WAITING + 3)]
    results = await asyncio.gather(*searches, return_exceptions=True)
    reasons.close()

    refused = [result for result in results if isinstance(result, Refusal)]
    assert len(refused) == 3
    assert all(one.headers == {"retry-after": "1"} for one in refused)
    assert sum(isinstance(result, dict) for result in results) == MOST_WAITING
