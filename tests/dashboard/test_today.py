"""The page of today: what waits, what was decided, what changed, and whether anything is wrong."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api.bodies import permitted, prohibited, unclear
from tests.api.serving import Server
from tests.api.test_precedents import overridden
from tests.dashboard.browsing import NARROW, WIDE, person, press, tab_to, violations, web

pytestmark = pytest.mark.usefixtures("held")


@pytest.fixture(scope="module")
def held(server: Server) -> str:
    """A case that the reviewer holds."""
    with server.client("portal") as portal, server.client("reviewer") as reviewer:
        for body in (permitted(), prohibited()):
            assert portal.post("/v1/decisions", json=body).status_code == 201
        about: str = portal.post("/v1/decisions", json=unclear()).json()["id"]
        assert reviewer.post(f"/v1/reviews/{about}/claim").status_code == 200
    return about


@pytest.fixture
def today(browser: Browser, server: Server) -> Iterator[Page]:
    """The page as a reviewer sees it who has no scripts."""
    with person(browser, server, java_script_enabled=False) as page:
        page.goto("/dashboard")
        yield page


def test_what_one_holds_is_on_top_and_leads_to_its_page(today: Page, held: str) -> None:
    row = (
        today.get_by_role("region", name="Cases that you hold").get_by_role("row").filter(has_text=held[-8:])
    )
    expect(row).to_contain_text("Needs a person")
    expect(row).to_contain_text("test-reviewer")
    row.get_by_role("link").click()
    expect(today).to_have_url(re.compile(f"/dashboard/decisions/{held}$"))


@pytest.mark.parametrize(
    "name,query",
    [
        ("open", "state=open"),
        ("overdue", "overdue=true"),
        ("for a second person", "state=proposed"),
        ("for the applicant", "state=waiting"),
        ("disputed", "cause=disputed"),
    ],
)
def test_counts_lead_to_the_queue_that_they_count(today: Page, name: str, query: str) -> None:
    link = today.get_by_role("link", name=re.compile(rf"^\s*[\d,]+ {name}\s*$"))
    expect(link).to_have_attribute("href", f"/dashboard/queue?{query}")


def test_counts_are_those_of_the_queue(server: Server) -> None:
    with server.client("reviewer") as reviewer, web(server, "reviewer") as client:
        counts = reviewer.get("/v1/reviews").json()["counts"]
        shown = client.get("/dashboard").text
    found = re.findall(r'queue\?([a-z]+=[a-z]+)"><strong>([\d,]+)</strong>', shown)
    numbers = {query: int(number.replace(",", "")) for query, number in found}
    assert counts["open"] > 0
    assert numbers["state=open"] == counts["open"]
    assert numbers["overdue=true"] == counts["overdue"]
    assert numbers["cause=contact"] + numbers["cause=disputed"] + numbers["cause=sampled"] >= counts["open"]


def test_a_period_is_chosen_by_mouse(today: Page) -> None:
    expect(today.get_by_role("heading", name="What was decided in 30 days")).to_be_visible()
    today.get_by_role("link", name="7 days").click()
    expect(today).to_have_url(re.compile(r"days=7#decided$"))
    expect(today.get_by_role("heading", name="What was decided in 7 days")).to_be_visible()


def test_a_period_is_chosen_and_the_table_opened_by_keyboard(browser: Browser, server: Server) -> None:
    with person(browser, server) as page:
        page.goto("/dashboard")
        tab_to(page, "90 days")
        press(page, "Enter")
        expect(page.get_by_role("heading", name="What was decided in 90 days")).to_be_visible()
        tab_to(page, "The same as a table")
        press(page, "Enter")
        rows = page.get_by_role("region", name="Decisions by day").get_by_role("row")
        expect(rows).to_have_count(91)
        day = datetime.now(UTC)
        expect(rows.nth(1)).to_contain_text(f"{day.day} {day:%b %Y}")


def test_the_picture_says_in_words_what_the_table_has(today: Page, server: Server) -> None:
    said = today.get_by_role("img").get_attribute("alt") or ""
    totals = [
        int(number.replace(",", "")) for number in re.findall(r"(?:Permitted|Prohibited|Meta) ([\d,]+)", said)
    ]
    today.get_by_text("The same as a table").click()
    rows = today.get_by_role("region", name="Decisions by day").locator("tbody tr").all()
    columns = zip(
        *([int(cell.replace(",", "")) for cell in row.locator("td").all_inner_texts()] for row in rows),
        strict=True,
    )
    assert totals == [sum(column) for column in columns]
    assert min(totals) > 0
    with web(server, "reviewer") as client:
        svg = client.get("/dashboard/pictures/decided.svg?days=30")
    assert f"Permitted {totals[0]:,}" in svg.text


def test_the_picture_is_an_image_that_runs_nothing_and_has_patterns(server: Server) -> None:
    with web(server, "auditor") as client:
        light = client.get("/dashboard/pictures/decided.svg")
        dark = client.get("/dashboard/pictures/decided.svg?days=30&dark=true&narrow=true")
    assert light.headers["content-type"] == "image/svg+xml"
    assert (
        light.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    )
    for name in ("permitted", "prohibited", "contact_meta"):
        assert f'<pattern id="{name}"' in light.text
        assert f'fill="url(#{name})"' in light.text
    assert light.text != dark.text


def test_the_picture_loads_where_the_page_stands(browser: Browser, server: Server) -> None:
    for scheme, wanted in (("light", "days=30"), ("dark", "days=30&dark=true")):
        with person(browser, server, color_scheme=scheme) as page:
            page.goto("/dashboard")
            image = page.get_by_role("img")
            expect(image).to_have_js_property("complete", value=True)
            assert image.evaluate("it => it.naturalWidth") > 0
            assert image.evaluate("it => it.currentSrc").endswith(wanted)


def test_a_rule_that_fires_leads_to_its_page(today: Page) -> None:
    row = today.get_by_role("region", name="Rules that fire most").get_by_role("row").nth(1)
    assert re.match(r"/dashboard/rules/[\w.-]+$", row.get_by_role("link").get_attribute("href") or "")
    assert "%" in row.inner_text()


def test_changes_are_told_with_who_and_when(server: Server) -> None:
    with server.client("reviewer") as reviewer, server.client("approver") as approver:
        about = overridden(reviewer, approver)
    with web(server, "auditor") as client:
        shown = client.get("/dashboard").text
    assert f'<a href="/dashboard/decisions/{about}">Another outcome came into force</a>' in shown
    assert "by test-approver" in shown


def test_database_and_log_are_told(today: Page) -> None:
    health = today.get_by_role("region", name="Whether anything is wrong")
    expect(health).to_contain_text("It answers, and is up to date")
    expect(health).to_contain_text("The key that signs the log is here.")


def test_an_auditor_holds_nothing(server: Server) -> None:
    with web(server, "auditor") as client:
        shown = client.get("/dashboard").text
    assert "Due next" in shown
    assert "Yours" not in shown


@pytest.mark.parametrize("query", ["days=31", "days=x", "weeks=1"])
def test_a_period_that_there_is_not_is_refused(server: Server, query: str) -> None:
    with web(server, "reviewer") as client:
        assert client.get(f"/dashboard?{query}").status_code == 422
        assert client.get("/dashboard?days=").status_code == 200


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_it_can_be_used_by_all(
    browser: Browser,
    server: Server,
    viewport: dict[str, int],
) -> None:
    with person(browser, server, viewport=viewport) as page:
        page.goto("/dashboard")
        page.get_by_text("The same as a table").click()
        assert not violations(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
