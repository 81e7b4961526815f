"""Precedents on pages: from an override to a case file, shown on like decisions, and ended."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api.bodies import permitted
from tests.api.serving import Server, Who
from tests.api.test_precedents import asked, overridden
from tests.dashboard.browsing import NARROW, WIDE, person, press, send, tab_to, violations, web

SOON = (datetime.now(UTC) + timedelta(days=90)).date().isoformat()
NEW = "/dashboard/precedents/new"


@pytest.fixture(scope="module")
def people(server: Server) -> Iterator[dict[Who, httpx.Client]]:
    with server.client("reviewer") as reviewer, server.client("approver") as approver:
        yield {"reviewer": reviewer, "approver": approver}


@pytest.fixture
def override(people: dict[Who, httpx.Client]) -> str:
    """A decision whose override is in force."""
    return overridden(people["reviewer"], people["approver"])


@pytest.fixture
def precedent(people: dict[Who, httpx.Client], override: str) -> str:
    answer = people["reviewer"].post("/v1/precedents", json=asked(override, text="as agreed in March"))
    assert answer.status_code == 201, answer.text
    identifier: str = answer.json()["id"]
    return identifier


def like(people: dict[Who, httpx.Client]) -> str:
    """A decision like those of overrides."""
    identifier: str = (
        people["reviewer"].post("/v1/decisions", json=permitted(name="Another Inc.")).json()["id"]
    )
    return identifier


def told(people: dict[Who, httpx.Client], precedent: str) -> dict[str, Any]:
    listed = people["reviewer"].get("/v1/precedents").json()["precedents"]
    found: dict[str, Any] = next(each for each in listed if each["id"] == precedent)
    return found


def identifier_of(page: Page) -> str:
    found = re.search(r"/dashboard/precedents/([0-9a-f-]{36})", page.url)
    assert found, page.url
    return found[1]


def test_from_an_override_to_a_case_file_by_mouse(
    browser: Browser, server: Server, people: dict[Who, httpx.Client], override: str
) -> None:
    with person(browser, server, java_script_enabled=False) as page:
        page.goto(f"/dashboard/decisions/{override}")
        page.get_by_role("link", name="Make it a precedent").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Make a precedent")
        for box in page.get_by_role("checkbox").all():
            box.set_checked(False)
        page.get_by_label("Kind of applicant").check()
        page.get_by_label("Last day on which it counts").fill(SOON)
        page.get_by_label("Why it is a precedent").fill("The parent alone is in the Union")
        page.get_by_role("button", name="Make it a precedent").click()
        expect(page.get_by_role("status")).to_have_text("The precedent was made.")
        made = told(people, identifier_of(page))
        assert set(made["pattern"]) == {"model.generation", "entity.kind"}
        assert (
            made["expires_at"][:10] == (datetime.fromisoformat(SOON) + timedelta(days=1)).date().isoformat()
        )
        pattern = page.get_by_role("region", name="Which decisions are like it")
        expect(pattern).to_contain_text("Llama 4")
        expect(pattern).to_contain_text("is one of company, academic institution")
        with page.expect_download() as downloading:
            page.get_by_role("link", name="Save as a policy test case").click()
        case = people["reviewer"].get(f"/v1/precedents/{made['id']}/case", params={"as": "file"})
        assert downloading.value.path().read_bytes() == case.content
        assert downloading.value.suggested_filename == f"precedent-{made['id']}.yaml"


def test_a_like_decision_shows_it_until_it_has_ended(
    browser: Browser, server: Server, people: dict[Who, httpx.Client], precedent: str
) -> None:
    alike = like(people)
    with person(browser, server, java_script_enabled=False) as page:
        page.goto(f"/dashboard/decisions/{alike}")
        expect(page.get_by_text("This use is permitted.")).to_be_visible()
        page.get_by_role("link", name=f"precedent …{precedent[-8:]}").click()
        expect(page.get_by_text("as agreed in March")).to_be_visible()
        rows = page.get_by_role("region", name="Decisions like it").get_by_role("row")
        expect(rows.filter(has_text=alike[-8:])).to_contain_text("Permitted")
        page.get_by_text("End this precedent").click()
        page.get_by_role("button", name="End it now").click()
        expect(page.get_by_role("status")).to_have_text("The precedent has ended.")
        expect(page.get_by_text("End this precedent")).to_have_count(0)
        page.goto(f"/dashboard/decisions/{alike}")
        expect(page.get_by_role("link", name=f"precedent …{precedent[-8:]}")).to_have_count(0)
    assert told(people, precedent)["active"] is False


def test_from_an_override_to_a_case_file_and_to_its_end_by_keyboard(
    browser: Browser, server: Server, people: dict[Who, httpx.Client], override: str
) -> None:
    with person(browser, server, "approver") as page:
        page.goto(f"/dashboard/decisions/{override}")
        tab_to(page, "Make it a precedent")
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Make a precedent")
        tab_to(page, "Whether the model is multimodal\nyes")
        press(page, "Space")  # a permission rests on all facts: all were ticked
        tab_to(page, "Why it is a precedent (needed)")
        page.keyboard.type("All like it")
        tab_to(page, "Make it a precedent")
        press(page, "Enter")
        expect(page.get_by_role("status")).to_have_text("The precedent was made.")
        made = identifier_of(page)
        tab_to(page, "Save as a policy test case")
        with page.expect_download() as downloading:
            press(page, "Enter")
        assert f"as in precedent {made}" in downloading.value.path().read_text()
        tab_to(page, "End this precedent")
        press(page, "Enter")
        tab_to(page, "End it now")
        press(page, "Enter")
        expect(page.get_by_role("status")).to_have_text("The precedent has ended.")
    ended = told(people, made)
    assert "entity.kind" in ended["pattern"]
    assert "model.multimodal" not in ended["pattern"]
    assert (ended["made_by"], ended["active"]) == ("test-approver", False)


def test_what_is_wrong_is_told_beside_its_field_and_what_was_typed_stays(
    browser: Browser, server: Server, override: str
) -> None:
    with person(browser, server) as page:
        page.goto(f"{NEW}?decision={override}")
        ticked = page.get_by_role("checkbox", checked=True).count()
        page.get_by_role("checkbox", checked=True).first.uncheck()
        page.get_by_label("Why it is a precedent").fill("All like it")
        page.locator("form[method=post][action$=new]").evaluate("form => form.noValidate = true")
        page.get_by_label("Last day on which it counts").fill("2100-01-01")
        page.get_by_role("button", name="Make it a precedent").click()
        expect(page.get_by_role("alert")).to_be_focused()
        field = page.get_by_label("Last day on which it counts")
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(page.locator("#fault-expires")).to_contain_text("within two years")
        expect(page.get_by_label("Why it is a precedent")).to_have_value("All like it")
        expect(page.get_by_role("checkbox", checked=True)).to_have_count(ticked - 1)
        assert not violations(page)


@pytest.mark.parametrize(
    "changes,pointer",
    [
        ({"text": " "}, "text"),
        ({"expires": "soon"}, "expires"),
        ({"expires": "2020-01-01"}, "expires"),
        ({"expires": ""}, "expires"),
        ({"fact": ["entity.name"]}, "facts"),
    ],
)
def test_what_cannot_be_is_refused(
    server: Server, override: str, changes: dict[str, Any], pointer: str
) -> None:
    on = f"{NEW}?decision={override}"
    fields = {"decision": override, "number": "2", "fact": ["entity.kind"], "expires": SOON, "text": "x"}
    with web(server, "reviewer") as client:
        answer = send(client, NEW, on=on, **(fields | changes))
        assert answer.status_code == 422
        assert f'id="fault-{pointer}"' in answer.text


def test_nothing_is_made_of_a_case_that_changed(
    server: Server, people: dict[Who, httpx.Client], override: str
) -> None:
    word = {"kind": "comment", "reason": "note", "text": "wait"}
    fields: dict[str, Any] = {
        "decision": override,
        "number": "2",
        "fact": ["entity.kind"],
        "expires": SOON,
        "text": "keep this",
    }
    with web(server, "reviewer") as client:
        people["approver"].post(f"/v1/decisions/{override}/reviews", json=word)
        answer = send(client, NEW, on=f"{NEW}?decision={override}", **fields)
    assert answer.status_code == 409
    assert "changed meanwhile" in answer.text
    assert "keep this" in answer.text
    assert 'name="number" value="3"' in answer.text


def test_only_an_override_in_force_becomes_one(server: Server, people: dict[Who, httpx.Client]) -> None:
    alike = like(people)
    with web(server, "reviewer") as client:
        answer = client.get(f"{NEW}?decision={alike}")
        assert answer.status_code == 409
        assert "override that is in force" in answer.text
        assert client.get(f"{NEW}?decision=x").status_code == 404
        assert client.get(NEW).status_code == 404
        assert "Make it a precedent" not in client.get(f"/dashboard/decisions/{alike}").text


def test_it_ends_once(server: Server, precedent: str) -> None:
    path = f"/dashboard/precedents/{precedent}"
    with web(server, "reviewer") as client:
        assert send(client, f"{path}/end", on=path).headers["location"] == f"{path}?said=ended"
        answer = send(client, f"{path}/end", on="/dashboard/help")
        assert answer.status_code == 409
        assert "has ended already" in answer.text


def test_an_auditor_sees_and_changes_nothing(server: Server, precedent: str, override: str) -> None:
    with web(server, "auditor") as client:
        assert "End this precedent" not in client.get(f"/dashboard/precedents/{precedent}").text
        assert "Make it a precedent" not in client.get(f"/dashboard/decisions/{override}").text


def test_that_like_decisions_are_seen_is_recorded(server: Server, precedent: str, override: str) -> None:
    with web(server, "auditor") as client:
        client.get(f"/dashboard/precedents/{precedent}")
    with server.client("auditor") as auditor:
        accesses = auditor.get(
            "/v1/audit/export", params={"kind": "access", "format": "jsonl"}
        ).text.splitlines()
    seen = [line for line in accesses if override in line and '"dashboard"' in line]
    assert seen


def test_the_list_is_filtered_in_the_address_and_given_as_csv(
    browser: Browser, server: Server, people: dict[Who, httpx.Client], precedent: str
) -> None:
    people["approver"].delete(f"/v1/precedents/{precedent}")
    with person(browser, server, java_script_enabled=False) as page:
        page.goto("/dashboard/precedents")
        page.get_by_label("State").select_option("Ended")
        page.get_by_label("Generation").select_option("Llama 4")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page).to_have_url(re.compile(r"\?state=ended&generation=llama-4&outcome=$"))
        expect(page.get_by_role("link", name=f"…{precedent[-8:]}")).to_be_visible()
        address = page.get_by_role("link", name="All of them as CSV").get_attribute("href") or ""
    with web(server, "auditor") as client:
        file = client.get(address)
        assert precedent not in client.get("/dashboard/precedents?state=active").text
        assert precedent not in client.get("/dashboard/precedents?outcome=permitted").text
        assert client.get("/dashboard/precedents?state=gone").status_code == 422
    assert file.headers["content-disposition"] == 'attachment; filename="precedents.csv"'
    rows = list(csv.DictReader(io.StringIO(file.text)))
    [row] = [row for row in rows if row["id"] == precedent]
    assert (row["state"], row["outcome"], row["facts"]) == ("ended", "prohibited", "entity.kind")
    assert {row["state"] for row in rows} == {"ended"}


def test_one_whose_override_gave_way_to_another_has_lapsed(
    server: Server, people: dict[Who, httpx.Client], precedent: str, override: str
) -> None:
    word = {"reason": "new_evidence", "text": "it is open", "number": 2, "outcome": "contact_meta"}
    path = f"/v1/decisions/{override}/reviews"
    assert people["reviewer"].post(path, json={"kind": "override", **word}).status_code == 201
    word = {"kind": "agree", "reason": "agreed", "text": "seen", "number": 3}
    assert people["approver"].post(path, json=word).status_code == 201
    with web(server, "auditor") as client:
        assert precedent in client.get("/dashboard/precedents?state=lapsed").text
        assert precedent not in client.get("/dashboard/precedents?state=active").text
        shown = client.get(f"/dashboard/precedents/{precedent}").text
    assert "The override is no longer in force" in shown


def test_the_list_is_filtered_by_keyboard(browser: Browser, server: Server, precedent: str) -> None:
    with person(browser, server) as page:
        page.goto("/dashboard/precedents")
        tab_to(page, "State")
        page.keyboard.type("Act")
        tab_to(page, "Show")
        press(page, "Enter")
        expect(page).to_have_url(re.compile(r"\?state=active&"))
        tab_to(page, f"…{precedent[-8:]}")
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Precedent …{precedent[-8:]}")


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_they_can_be_used_by_all(
    browser: Browser, server: Server, precedent: str, override: str, viewport: dict[str, int]
) -> None:
    with person(browser, server, viewport=viewport) as page:
        for path in (f"/{precedent}", f"/new?decision={override}", "", "?state=expired"):
            page.goto(f"/dashboard/precedents{path}")
            for summary in page.locator("summary").all():
                summary.click()
            assert not violations(page)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
