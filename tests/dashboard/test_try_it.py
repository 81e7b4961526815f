"""Trying a request over all facts: live, without script, by keyboard; its address; and recording it, once."""

import re
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api.bodies import permitted
from tests.api.serving import Server
from tests.dashboard.browsing import NARROW, form_token, person, press, send, tab_to, violations, web

TRY = "/dashboard/try"
CLEAR = {
    "model.generation": "llama-4",
    "entity.kind": "company",
    "entity.principal_place_of_business": "US",
    "entity.monthly_active_users": "1200000",
    "use.activities": "develop",
    "use.purposes": "general",
    "use.critical_infrastructure.role": "none",
}


def filled_in(page: Page) -> None:
    """A request that is permitted, but for the number of users."""
    page.get_by_label("Generation of the model").select_option("Llama 4")
    page.get_by_label("Kind of applicant").select_option("Company")
    page.get_by_label("Country of the principal place of business").select_option("United States")
    page.get_by_label("Develop", exact=True).check()
    page.get_by_label("General", exact=True).check()
    page.get_by_label("Role in critical infrastructure").select_option("None")


def answer(page: Page) -> Any:
    return page.get_by_role("region", name="What is decided")


def address(**facts: str) -> str:
    return f"{TRY}?{httpx.QueryParams({**CLEAR, **facts})}"


def count_of(server: Server) -> int:
    with server.client("reviewer") as client:
        return len(client.get("/v1/decisions?requested_by=test-reviewer&limit=200").json()["decisions"])


def test_the_answer_follows_what_is_typed_and_nothing_is_recorded(browser: Browser, server: Server) -> None:
    before = count_of(server)
    with person(browser, server) as page:
        page.goto(TRY)
        expect(answer(page)).to_contain_text("choose at least")
        filled_in(page)
        expect(answer(page)).to_contain_text("monthly active users")
        users = page.get_by_label("Monthly active users in March 2025")
        users.press_sequentially("800000000")
        expect(answer(page)).to_contain_text("A separate licence is needed")
        users.fill("1200000")
        expect(answer(page)).to_contain_text("This use is permitted.")
        expect(users).to_be_focused()
        page.get_by_label("Name of the applicant").fill("Secret Robotics")
        page.get_by_label("Generation of the model").select_option("Llama 2")
        expect(page.get_by_label("Monthly active users in June 2023")).to_have_value("1200000")
        expect(page).to_have_url(re.compile(r"model\.generation=llama-2"))
        assert "Secret" not in page.url
        page.reload()
        expect(answer(page)).to_contain_text("This use is permitted.")
    assert count_of(server) == before


def test_one_request_is_under_way_at_a_time_and_the_newest_answer_is_shown(
    browser: Browser, server: Server
) -> None:
    with person(browser, server) as page:
        page.goto(address())
        under_way = most = 0

        def count(change: int, url: str) -> None:
            nonlocal under_way, most
            if url.endswith("/answer"):
                under_way += change
                most = max(most, under_way)

        page.on("request", lambda request: count(1, request.url))
        page.on("requestfinished", lambda request: count(-1, request.url))
        users = page.get_by_label("Monthly active users in March 2025")
        for number in ("5", "800000000", "7", "900000000", "8", "1000000000"):
            users.fill(number)
            page.wait_for_timeout(350)
        expect(answer(page)).to_contain_text("A separate licence is needed")
        expect(page).to_have_url(re.compile("=1000000000"))
        assert most == 1


def test_it_is_recorded_by_keyboard_without_script(browser: Browser, server: Server) -> None:
    before = count_of(server)
    with person(browser, server, java_script_enabled=False) as page:
        page.goto(address(**{"entity.monthly_active_users": ""}))
        tab_to(page, page.get_by_label("Monthly active users in March 2025"))
        page.keyboard.type("1200000")
        press(page, "Enter")
        expect(answer(page)).to_contain_text("This use is permitted.")
        expect(page.get_by_label("Monthly active users in March 2025")).to_have_value("1200000")
        assert count_of(server) == before
        tab_to(page, page.get_by_role("button", name="Record it"))
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Decision")
    assert count_of(server) == before + 1


def test_it_is_recorded_by_mouse(reviewer: Page) -> None:
    reviewer.goto(address())
    reviewer.get_by_label("Name of the applicant").fill("Grüße & Söhne <GmbH>")
    reviewer.get_by_role("button", name="Record it").click()
    expect(reviewer.get_by_role("heading", level=1)).to_have_text("Grüße & Söhne <GmbH>")
    expect(reviewer.get_by_role("status").first).to_have_text("The decision is recorded.")
    found = urlsplit(reviewer.url).path.rsplit("/", 1)[1]
    reviewer.goto(f"{TRY}?from={found}")
    expect(reviewer.get_by_label("Name of the applicant")).to_have_value("Grüße & Söhne <GmbH>")
    expect(answer(reviewer)).to_contain_text("This use is permitted.")


def test_tab_reaches_the_fields_in_their_order(reviewer: Page) -> None:
    reviewer.goto(TRY)
    tab_to(reviewer, "Show the answer")
    for label in ("Generation of the model (needed)", "Name of the model", "Kind of applicant (needed)"):
        tab_to(reviewer, label)
    press(reviewer, "C")
    expect(reviewer.get_by_label("Kind of applicant")).to_have_value("company")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_faults_are_told_beside_their_fields(browser: Browser, server: Server, script: bool) -> None:
    with person(browser, server, java_script_enabled=script) as page:
        page.goto(address())
        users = page.get_by_label("Monthly active users in March 2025")
        users.fill("many")
        if not script:
            page.get_by_role("button", name="Show the answer").click()
        expect(answer(page)).to_contain_text("Nothing is decided")
        expect(users).to_have_attribute("aria-invalid", "true")
        expect(users).to_have_accessible_description(re.compile("must be a whole number"))
        if script:
            assert not violations(page)
            users.fill("5")
            expect(users).not_to_have_attribute("aria-invalid", "true")
            expect(answer(page)).to_contain_text("This use is permitted.")


def test_affiliates_come_and_go_without_script(browser: Browser, server: Server) -> None:
    with person(browser, server, java_script_enabled=False) as page:
        page.goto(address())
        for _ in range(2):
            page.get_by_role("button", name="Add an affiliate").click()
        expect(answer(page)).to_contain_text("affiliate 1 take part")
        page.get_by_label("Country of the principal place of business of affiliate 1").select_option("Japan")
        second = page.get_by_role("group", name="Affiliate 2", exact=True)
        second.get_by_label("Country of the principal place").select_option("Germany")
        second.get_by_label("Development").check()
        page.get_by_role("button", name="Remove affiliate 1").click()
        first = page.get_by_role("group", name="Affiliate 1", exact=True)
        expect(first.get_by_label("Country of the principal place")).to_have_value("DE")
        expect(first.get_by_label("Development")).to_be_checked()
        expect(answer(page)).to_contain_text("This use is prohibited.")
        page.get_by_role("link", name="Address of this state").click()
        expect(answer(page)).to_contain_text("This use is prohibited.")
        page.get_by_role("button", name="Remove affiliate 1").click()
        expect(answer(page)).to_contain_text("This use is permitted.")


def test_what_would_change_it_is_told_on_request(reviewer: Page) -> None:
    reviewer.goto(address())
    expect(answer(reviewer)).not_to_contain_text("What would change it")
    reviewer.get_by_label("Also what would change it").check()
    expect(answer(reviewer)).to_contain_text("What would change it")
    expect(answer(reviewer)).to_contain_text("Prohibited, were this different")


def test_nothing_is_wrong_for_those_who_need_help(browser: Browser, server: Server) -> None:
    with person(browser, server, viewport=NARROW) as page:
        for each in (TRY, address(reasons="true", **{"entity.affiliates": "1"})):
            page.goto(each)
            assert not violations(page)
            assert page.evaluate("document.scrollingElement.scrollWidth") <= NARROW["width"]


def test_lists_are_typed_and_every_kind_of_fact_comes_back(server: Server) -> None:
    body = permitted(development_offices=["FR"], can_accept_licence=True)
    body["use"] |= {"languages": [], "distribution_regions": ["EU", "US"]}
    with server.client("portal") as portal:
        decided = portal.post("/v1/decisions", json=body).json()
    with web(server, "reviewer") as client:
        page = client.get(f"{TRY}?from={decided['id']}").text
        typed = _filled(page)
        typed["entity.development_offices"], typed["use.distribution_regions"] = ["france"], ["us; eu"]
        typed["once"] = ["a-token-of-its-own-for-this"]
        made = client.post(TRY, data={"form": form_token(client, TRY), **typed})
        assert made.status_code == 303, made.text
    identifier = urlsplit(made.headers["location"]).path.rsplit("/", 1)[1]
    with server.client("reviewer") as client:
        again = client.get(f"/v1/decisions/{identifier}").json()
    assert again["request"] == body
    assert again["outcome"] == decided["outcome"]
    assert again["recorded"]["channel"] == "dashboard"
    assert again["recorded"]["requested_by"] == "test-reviewer"


def _filled(page: str) -> dict[str, list[str]]:
    """What a browser would send of a page that is filled in."""
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input [^>]*>", page):
        name, value = (re.search(rf'\b{part}="([^"]*)"', tag) for part in ("name", "value"))
        is_box = 'type="radio"' in tag or 'type="checkbox"' in tag
        if name and name[1] not in {"form", "text"} and (not is_box or " checked" in tag):
            found.setdefault(name[1], []).append(value[1] if value else "on")
    for name, options in re.findall(r'<select [^>]*name="([^"]*)"[^>]*>(.*?)</select>', page, re.DOTALL):
        found[name] = re.findall(r'<option value="([^"]*)" selected', options)
    for name, text in re.findall(r'<textarea [^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', page, re.DOTALL):
        found[name] = [text]
    return found


def test_of_a_form_that_is_sent_twice_one_decision_is_recorded(server: Server) -> None:
    fields = {**CLEAR, "once": "one-token-for-both-of-them"}
    with web(server, "reviewer") as client:
        first, second = (send(client, TRY, on=TRY, **fields) for _ in range(2))
        assert first.headers["location"] == second.headers["location"]
        other = send(client, TRY, on=TRY, **{**fields, "entity.monthly_active_users": "7"})
        assert other.status_code == 409
        assert "has recorded a decision already" in other.text
        once = re.search(r'name="once" value="([^"]+)"', other.text)
        assert once
        assert once[1] != fields["once"]


def test_what_is_not_good_is_not_recorded(server: Server) -> None:
    before = count_of(server)
    with web(server, "reviewer") as client:
        wrong = {**CLEAR, "once": "a-token-for-what-is-wrong", "entity.kind": ""}
        answer = send(client, TRY, on=TRY, **wrong)
        assert answer.status_code == 422
        assert "`kind` is missing" in answer.text
        assert 'value="1200000"' in answer.text
        strange: list[dict[str, str | list[str]]] = [
            {"once": ""},
            {"use.nothing": "1"},
            {"entity.kind": ["company", "individual"]},
            {"entity.affiliates": "101"},
        ]
        for more in strange:
            assert send(client, TRY, on=TRY, **{**wrong, **more}).status_code == 400
    assert count_of(server) == before


def test_no_free_text_is_taken_from_an_address(server: Server) -> None:
    with web(server, "reviewer") as client:
        answer = client.get(address(**{"entity.name": "Secret"}))
        assert answer.status_code == 400
        shown = send(
            client, f"{TRY}/answer", on=TRY, **CLEAR, **{"entity.name": "Secret", "model.name": "Mine"}
        )
    addresses = re.findall(r'href="(/dashboard/try\?[^"]+)"', shown.text)
    assert addresses
    assert not any("Secret" in each or "Mine" in each for each in addresses)


def test_that_one_looks_at_anothers_request_is_recorded(server: Server) -> None:
    with server.client("portal") as portal:
        identifier = portal.post("/v1/decisions", json=permitted()).json()["id"]
    with web(server, "reviewer") as client:
        assert client.get(f"{TRY}?from={identifier}").status_code == 200
        assert client.get(f"{TRY}?from=nothing").status_code == 404
    with server.client("auditor") as auditor:
        log = auditor.get("/v1/audit/export?kind=access&format=jsonl").text
    assert identifier in log
