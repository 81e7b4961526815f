"""Versions of the policy on pages: from files to a draft, to in force by two people, and back again."""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from eligibility.storage.embedded import EmbeddedPostgres
from tests.api.bodies import permitted
from tests.api.governing import ALWAYS, act, files, load, reworded, stricter
from tests.api.serving import Server, Who, serving
from tests.conftest import fresh_database
from tests.dashboard.browsing import NARROW, person, press, send, tab_to, violations, web
from tests.dashboard.drafts import (
    LONG,
    address,
    approved,
    archived,
    compute_impact,
    digest_of,
    fields,
    state,
    take,
    until,
    work_out_differences,
)


@pytest.fixture(scope="module", autouse=True)
def governed(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose policy these tests replace; it has to be there before the browser."""
    with (
        fresh_database(postgres) as database,
        serving(database.service_url, tmp_path_factory.mktemp("governed")) as running,
    ):
        with running.client("portal") as portal:
            portal.post("/v1/decisions", json=permitted()).raise_for_status()
        yield running


@pytest.fixture
def reviewer(governed: Server) -> Iterator[httpx.Client]:
    with governed.client("reviewer") as client:
        yield client


def test_two_people_bring_a_zipped_draft_in_force_by_mouse(browser: Browser, governed: Server) -> None:
    with person(browser, governed, "reviewer") as page:
        page.goto("/dashboard/rulesets")
        page.get_by_role("link", name="Load a draft").click()
        assert not violations(page)
        page.get_by_label("Files of the folder").set_input_files(archived(stricter("stricter")))
        page.get_by_label("Why").fill("a million users are many")
        page.get_by_role("button", name="Load the draft").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Version stricter", timeout=LONG)
        expect(page.get_by_role("status").first).to_contain_text("The draft is kept")
        digest = digest_of(page)
        work_out_differences(governed, digest)
        page.get_by_role("button", name="Compute the impact").click()
        impact = page.get_by_role("region", name="Impact on past decisions")
        group = impact.get_by_role("heading", level=3)
        expect(group).to_contain_text("1 decision", timeout=LONG)
        expect(group).to_contain_text("Permitted")
        expect(group).to_contain_text("Contact Meta")
        expect(impact).to_contain_text("leaves it to Meta (a separate licence is needed)")
        take(page, "Propose it", "it follows the counsel's advice", "Propose")
        expect(page.get_by_role("status").first).to_contain_text("Another person has to approve it")
        expect(page.get_by_role("region", name="What comes next")).to_contain_text("1 of the 1 groups")
        assert not violations(page)
        assert page.get_by_role("form", name="Approve it").count() == 0  # reviewers do not approve
        take(page, "Sign off: group 1", "looked at it", "Sign off")
        expect(impact).to_contain_text("Signed off by test-reviewer")

        differences = page.get_by_role("region", name="Differences")
        expect(differences).to_contain_text("More than 700 million monthly active users")
        differences.locator("summary", has_text="A request that shows it").first.click()
        expect(differences.get_by_text("Monthly active users", exact=True).first).to_be_visible()

    with person(browser, governed, "approver") as page:
        page.goto(address(digest))
        take(page, "Approve it", "agreed", "Approve")
        expect(page.get_by_role("status").first).to_contain_text("It can be put in force")
        take(page, "Put it in force now", "from today on", "Put in force")
        expect(page.get_by_role("status").first).to_have_text("The ruleset is in force.")
        expect(page.get_by_role("contentinfo")).to_contain_text("Policy stricter")
        steps = page.get_by_role("region", name="Steps taken").get_by_role("listitem")
        expect(steps).to_have_count(4)
        expect(steps.last).to_contain_text("Put in force by test-approver")
        expect(steps.last).to_contain_text("from today on")
    assert state(governed, digest) == "in_force"


def test_two_people_go_back_by_keyboard_without_script(browser: Browser, governed: Server) -> None:
    with person(browser, governed, "approver", java_script_enabled=False) as page:
        with governed.client("approver") as client:
            act(client, approved(governed, reworded("to go back from")), "activation")
        page.goto("/dashboard/rulesets")
        tab_to(page, "to go back from")
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Version to go back from")
        former = page.get_by_role("region", name="What comes next").get_by_role("link").inner_text()
        tab_to(page, former)
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"V{former[1:]}")
        digest = digest_of(page)
        by_keyboard(page, "Propose")
        expect(page.get_by_role("main")).to_contain_text("the ruleset is proposed", ignore_case=True)
        alone = page.get_by_role("region", name="What comes next")
        expect(alone).to_contain_text("Who proposed a ruleset cannot approve it: let another person do it")
        expect(alone.get_by_role("button", name="Approve")).to_have_count(0)
    faultless(browser, governed, "approver", digest)
    with person(browser, governed, "admin", java_script_enabled=False, viewport=NARROW) as page:
        page.goto(address(digest))
        by_keyboard(page, "Approve")
        expect(page.get_by_role("main")).to_contain_text("It can be put in force.")
        by_keyboard(page, "Put in force")
        expect(page.get_by_role("main")).to_contain_text("The ruleset is in force.")
    assert state(governed, digest) == "in_force"


def faultless(browser: Browser, server: Server, who: Who, digest: str) -> None:
    """See that axe, which needs scripts, finds no fault with the page as it stands for somebody."""
    with person(browser, server, who, color_scheme="dark") as page:
        page.goto(address(digest))
        assert not violations(page)


def test_a_draft_is_loaded_signed_off_and_dated_by_keyboard(browser: Browser, governed: Server) -> None:
    with person(browser, governed, "reviewer") as page:
        page.goto("/dashboard/rulesets")
        tab_to(page, "Load a draft")
        press(page, "Enter")
        tab_to(page, page.get_by_label("Files of the folder"))
        with page.expect_file_chooser() as chooser:
            press(page, "Enter")
        chooser.value.set_files(archived(stricter("typed")))
        tab_to(page, "Why (needed)")
        page.keyboard.type("a million users are many")
        tab_to(page, "Load the draft")
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Version typed", timeout=LONG)
        digest = digest_of(page)
        work_out_differences(governed, digest)
        tab_to(page, "Compute the impact")
        press(page, "Enter")
        impact = page.get_by_role("region", name="Impact on past decisions")
        expect(impact.get_by_role("heading", level=3)).to_contain_text("1 decision", timeout=LONG)
        take_by_keyboard(page, "Propose it", "Propose")
        take_by_keyboard(page, "Sign off: group 1", "Sign off")
        expect(impact).to_contain_text("Signed off by test-reviewer")
    with person(browser, governed, "approver", locale="en-US") as page:
        page.goto(address(digest))
        take_by_keyboard(page, "Approve it", "Approve")
        form = page.get_by_role("form", name="Put it in force at a date")
        tab_to(page, form.get_by_label("Day"))
        page.keyboard.type("12312999")
        tab_to(page, form.get_by_label("Time, UTC"))
        page.keyboard.type("0930AM")
        take_by_keyboard(page, "Put it in force at a date", "Set the date")
        expect(page.get_by_role("main")).to_contain_text("31 Dec 2999, 09:30 UTC")
        take_by_keyboard(page, "Cancel the date", "Cancel the date")
        expect(page.get_by_role("status")).to_have_text("The date is cancelled.")
    assert state(governed, digest) == "approved"


def take_by_keyboard(page: Page, title: str, button: str) -> None:
    """Take a step by keyboard alone, with a reason."""
    form = page.get_by_role("form", name=title)
    tab_to(page, form.get_by_label("Why"))
    page.keyboard.type("by keyboard alone")
    tab_to(page, form.get_by_role("button", name=button))
    press(page, "Enter")


def by_keyboard(page: Page, button: str) -> None:
    """Give a reason in the first form, and press its button."""
    tab_to(page, "Why (needed)")
    page.keyboard.type("by keyboard alone")
    tab_to(page, button)
    press(page, "Enter")


def test_a_date_is_set_and_cancelled(browser: Browser, governed: Server) -> None:
    digest = approved(governed, reworded("dated"))
    with person(browser, governed, "approver", java_script_enabled=False) as page:
        page.goto(address(digest))
        form = page.get_by_role("form", name="Put it in force at a date")
        form.get_by_label("Day").fill("2020-01-01")
        form.get_by_label("Time, UTC").fill("09:30")
        take(page, "Put it in force at a date", "at the end of the quarter", "Set the date")
        expect(page.get_by_role("alert")).to_be_visible()  # that day has passed
        assert state(governed, digest) == "approved"
        form = page.get_by_role("form", name="Put it in force at a date")
        expect(form.get_by_label("Why")).to_have_value("at the end of the quarter")
        form.get_by_label("Day").fill("2999-12-31")
        form.get_by_role("button").click()
        expect(page.get_by_role("main")).to_contain_text("31 Dec 2999, 09:30 UTC")
        faultless(browser, governed, "admin", digest)
        take(page, "Cancel the date", "too far away", "Cancel the date")
        expect(page.get_by_role("status")).to_have_text("The date is cancelled.")
    assert state(governed, digest) == "approved"


def test_who_proposed_cannot_approve_whatever_is_sent(governed: Server) -> None:
    with governed.client("approver") as client:
        digest = load(client, reworded("alone"))
        act(client, digest, "proposal")
    with fields(governed, digest, "approver") as (client, given):
        answer = send(client, f"{address(digest)}/approval", on=address(digest), reason="me again", **given)
    assert answer.status_code == 409
    assert "let another person do it" in answer.text
    assert "me again" in answer.text
    assert state(governed, digest) == "proposed"


def test_who_looked_before_others_acted_is_told(governed: Server, reviewer: httpx.Client) -> None:
    digest = load(reviewer, reworded("stale"))
    act(reviewer, digest, "proposal")
    with fields(governed, digest, "approver") as (client, given):
        act(reviewer, digest, "withdrawal")
        act(reviewer, digest, "proposal")
        answer = send(client, f"{address(digest)}/withdrawal", on=address(digest), reason="wrong", **given)
    assert answer.status_code == 409
    assert "since you opened the page" in answer.text
    assert state(governed, digest) == "proposed"


def test_an_impact_that_was_computed_again_is_not_signed_unseen(
    governed: Server, reviewer: httpx.Client
) -> None:
    digest = load(reviewer, files("fewer", ("licence.yaml", "{above: 700000000}", "{above: 1000}")))
    compute_impact(reviewer, digest)
    [group] = reviewer.get(f"/v1/rulesets/{digest}/impact").json()["groups"]
    path = f"{address(digest)}/impact/{group['id']}/sign-off"
    with web(governed, "approver") as client:
        found = re.search(r'name="impact" value="([^"]+)"', client.get(address(digest)).text)
        assert found
        assert send(client, path, on=address(digest), impact=found[1]).status_code == 422  # without a reason
        before = reviewer.get(f"/v1/rulesets/{digest}/impact").json()["at"]
        reviewer.post(f"/v1/rulesets/{digest}/impact", json=ALWAYS).raise_for_status()
        until(lambda: reviewer.get(f"/v1/rulesets/{digest}/impact").json()["at"] != before)
        answer = send(client, path, on=address(digest), impact=found[1], reason="seen")
    assert answer.status_code == 409
    assert reviewer.get(f"/v1/rulesets/{digest}").json()["impact"]["signed_off"] == 0


def test_checks_run_and_what_they_find_appears(
    browser: Browser, governed: Server, reviewer: httpx.Client
) -> None:
    rules = {name: text for name, text in reworded("faulty cases").items() if not name.startswith("cases/")}
    digest = load(reviewer, {**rules, "cases/licence.yaml": "cases:\n  - case: nothing\n    request: {}\n"})
    with person(browser, governed, "reviewer") as page:
        page.goto(address(digest))
        page.get_by_role("button", name="Run the checks").click()
        checks = page.get_by_role("region", name="Checks", exact=True)
        expect(checks.get_by_role("row", name="The files load")).to_contain_text("Not passed", timeout=LONG)
        expect(checks).to_contain_text("cases/licence.yaml, line 2: `expect` is missing; add `expect`")
        expect(checks.get_by_role("row", name="The laws")).to_contain_text("Not passed", timeout=LONG)
        expect(checks.get_by_role("button", name="Run the checks")).to_be_visible(timeout=LONG)
        assert not violations(page)


def test_faults_of_files_are_told_with_their_lines(browser: Browser, governed: Server) -> None:
    sent = reworded("faulty")
    sent["regions.yaml"] = sent["regions.yaml"].replace("title:", "titel:", 1)
    with person(browser, governed, "reviewer") as page:
        page.goto("/dashboard/rulesets/new")
        payload: list[FilePayload] = [
            {"name": name, "mimeType": "text/yaml", "buffer": text.encode()}
            for name, text in sent.items()
            if not name.startswith("cases/")
        ]
        page.get_by_label("Files of the folder").set_input_files(payload)
        page.get_by_label("Why").fill("to be kept")
        page.get_by_role("button", name="Load the draft").click()
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("nothing was kept", timeout=LONG)
        expect(alert.get_by_role("row", name="titel")).to_contain_text(re.compile(r"regions.yaml\s*4"))
        expect(page.get_by_label("Why")).to_have_value("to be kept")
        assert not violations(page)


def test_files_and_cases_one_by_one_make_a_draft_that_can_be_taken_away(governed: Server) -> None:
    sent = reworded("one by one")
    with web(governed, "reviewer") as client:
        token = re.search(r'name="form" value="(\w+)"', client.get("/dashboard/rulesets/new").text)
        assert token
        parts: Any = [
            ("cases" if name.startswith("cases/") else "files", (name.rpartition("/")[2], text))
            for name, text in sent.items()
        ]
        data = {"form": token[1], "reason": "one by one"}
        answer = client.post("/dashboard/rulesets/new", data=data, files=parts, timeout=120)
        assert answer.status_code == 303, answer.text
        where = answer.headers["location"].partition("?")[0]
        again = client.post("/dashboard/rulesets/new", data=data, files=parts, timeout=120)
        assert again.headers["location"] == f"{where}?said=known"
        taken = client.get(f"{where}/files.zip")
    with zipfile.ZipFile(io.BytesIO(taken.content)) as archive:
        assert {name: archive.read(f"rules/{name}").decode() for name in sent} == sent


@pytest.mark.parametrize(
    "data,status",
    [({"reason": "why"}, 422), ({}, 422), ({"reason": "why", "more": "x"}, 400)],
    ids=["no file", "nothing", "an unknown field"],
)
def test_what_is_no_upload_is_refused(governed: Server, data: dict[str, str], status: int) -> None:
    with web(governed, "reviewer") as client:
        token = re.search(r'name="form" value="(\w+)"', client.get("/dashboard/rulesets/new").text)
        assert token
        nothing: Any = {"files": ("", b"")}  # as a browser sends a field without a file
        sent = {"form": token[1], **data}
        assert client.post("/dashboard/rulesets/new", data=sent, files=nothing).status_code == status
        without = client.post("/dashboard/rulesets/new", data=data, files={"files": ("a.yaml", b"a: 1")})
        assert without.status_code in {400, 403}


@pytest.mark.parametrize("first,last", [("2026-11-30", "2026-11-01"), ("yesterday", "2026-11-01"), ("", "")])
def test_a_period_that_cannot_be_is_said(
    governed: Server, reviewer: httpx.Client, first: str, last: str
) -> None:
    digest = reviewer.get("/v1/rulesets").json()["rulesets"][0]["digest"]
    with web(governed, "reviewer") as client:
        days = {"from": first, "to": last}
        answer = send(client, f"{address(digest)}/impact", on=address(digest), **days)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


def test_auditors_read_everything_and_are_offered_nothing(
    browser: Browser, governed: Server, reviewer: httpx.Client
) -> None:
    digest = load(reviewer, reworded("looked at"))
    with person(browser, governed, "auditor", color_scheme="dark") as page:
        page.goto("/dashboard/rulesets")
        assert not violations(page)
        expect(page.get_by_role("link", name="Load a draft")).to_have_count(0)
        page.get_by_role("link", name="looked at").click()
        expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
        expect(page.get_by_role("main")).to_contain_text("The proposal, by a person")
        assert not violations(page)
    with web(governed, "auditor") as client:
        answer = send(client, f"{address(digest)}/proposal", on="/dashboard/help", reason="x")
        assert answer.status_code == 403
        listed = client.get("/dashboard/rulesets?format=csv").text.splitlines()
    assert listed[0].startswith("version,digest,state")
    assert any(line.startswith(f"looked at,{digest},draft") for line in listed)


def test_there_is_no_page_of_what_there_is_not(governed: Server) -> None:
    with web(governed, "auditor") as client:
        for digest in (f"sha256:{64 * '0'}", "nothing"):
            assert client.get(address(digest)).status_code == 404
            assert client.get(f"{address(digest)}/files.zip").status_code == 404
