"""The queue: found by filters, claimed, assigned, kept as views, and taken away as CSV."""

import csv
import io
import re
from collections.abc import Iterator
from typing import NamedTuple

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from eligibility.storage.embedded import EmbeddedPostgres
from tests.api.bodies import permitted
from tests.api.serving import Server, serving
from tests.conftest import FreshDatabase, fresh_database
from tests.dashboard.browsing import NARROW, person, press, send, tab_to, violations, web
from tests.dashboard.cases import claimed, decided, said

QUEUE = "/dashboard/queue"


class Desk(NamedTuple):
    server: Server
    database: FreshDatabase


@pytest.fixture(scope="module")
def desk(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A server with few cases, so that those of a test are on the first page."""
    with (
        fresh_database(postgres) as database,
        serving(database.service_url, tmp_path_factory.mktemp("desk")) as running,
    ):
        yield Desk(running, database)


@pytest.fixture(scope="module")
def server(desk: Desk) -> Server:
    return desk.server


def names(page: Page) -> list[str]:
    return page.locator("tbody th a").all_inner_texts()


def looks(desk: Desk) -> int:
    with psycopg.connect(desk.database.superuser_url) as superuser:
        [found] = superuser.execute("SELECT count(*) FROM record WHERE kind = 'access'").fetchall()
    return int(found[0])


def test_filters_find_cases_and_stand_in_the_address(browser: Browser, server: Server) -> None:
    decided(server, name="Filtered Ltd")
    about = decided(server, permitted(name="Disputed Ltd"))
    said(server, "reviewer", about, "dispute")
    with person(browser, server, java_script_enabled=False) as page:
        page.goto(QUEUE)
        assert {"Filtered Ltd", "Disputed Ltd"} <= set(names(page))
        page.get_by_text("Filters", exact=True).click()
        page.get_by_label("Why it is here").select_option(label="Disputed")
        page.get_by_label("Generation").select_option("llama-4")
        page.get_by_role("button", name="Show").click()
        assert names(page) == ["Disputed Ltd"]
        assert "cause=disputed" in page.url
        expect(page.get_by_label("Generation")).to_have_value("llama-4")
        page.goto(page.url)
        assert names(page) == ["Disputed Ltd"]
        page.get_by_role("link", name="Clear the filters").click()
        page.get_by_role("link", name=re.compile(r"^\d+ open$")).click()
        assert page.url.endswith("?state=open")


def test_the_list_is_read_page_by_page(browser: Browser, server: Server) -> None:
    wanted = {f"Paged {number}" for number in range(3)}
    for name in wanted:
        decided(server, name=name)
    with person(browser, server, java_script_enabled=False) as page:
        page.goto(f"{QUEUE}?limit=2")
        seen = names(page)
        while page.get_by_role("link", name="Next page").count():
            page.get_by_role("link", name="Next page").click()
            seen += names(page)
        assert wanted <= set(seen)
        assert len(page.get_by_role("row").all()) <= 3


def test_a_case_is_claimed_and_released_by_mouse(browser: Browser, server: Server) -> None:
    decided(server, name="Leased Ltd")
    with person(browser, server, java_script_enabled=False) as page:
        page.goto(f"{QUEUE}?state=open")
        page.get_by_role("button", name="Claim Leased Ltd").click()
        expect(page.get_by_role("status")).to_have_text("You hold the case now.")
        assert "state=open" in page.url
        page.get_by_role("link", name="held by me").click()
        assert names(page) == ["Leased Ltd"]
        page.get_by_role("button", name="Release Leased Ltd").click()
        expect(page.get_by_role("status").first).to_have_text("You hold the case no longer.")
        expect(page.get_by_text("No case matches.")).to_be_visible()


def test_a_case_is_claimed_and_opened_by_keyboard(browser: Browser, server: Server) -> None:
    about = decided(server, name="Opened Ltd")
    with person(browser, server) as page:
        page.goto(QUEUE)
        tab_to(page, "Claim and open Opened Ltd")
        press(page, "Enter")
        expect(page).to_have_url(f"{server.url}/dashboard/decisions/{about}?said=claimed")
        expect(page.get_by_role("button", name="Release")).to_be_visible()


def test_several_are_assigned_and_those_refused_are_named(browser: Browser, server: Server) -> None:
    for name in ("First Ltd", "Second Ltd"):
        decided(server, name=name)
    claimed(server, "admin", decided(server, name="Taken Ltd"))
    with person(browser, server, java_script_enabled=False) as page:
        page.goto(QUEUE)
        for name in ("First Ltd", "Second Ltd", "Taken Ltd"):
            page.get_by_label(f"Tick {name}").check()
        page.get_by_label("Assign those that are ticked to").select_option(label="test-approver")
        page.get_by_role("button", name="Assign").click()
        expect(page.get_by_role("status").first).to_have_text("2 cases are assigned.")
        told = page.get_by_role("alert")
        expect(told).to_contain_text("Taken Ltd")
        expect(told).to_contain_text("test-admin holds it until")
        expect(told.get_by_role("listitem")).to_have_count(1)
        page.goto(f"{QUEUE}?holder=test-approver")
        assert set(names(page)) == {"First Ltd", "Second Ltd"}


def test_several_are_assigned_by_keyboard(browser: Browser, server: Server) -> None:
    about = decided(server, name="Typed Ltd")
    with person(browser, server) as page:
        page.goto(f"{QUEUE}?holder=none")
        tab_to(page, f"Tick Typed Ltd, …{about[-8:]}")
        press(page, "Space")
        tab_to(page, page.get_by_label("Assign those that are ticked to"))
        page.keyboard.type("Me")
        tab_to(page, "Assign")
        press(page, "Enter")
        expect(page.get_by_role("status").first).to_have_text("The cases are assigned.")
        page.goto(f"{QUEUE}?holder=me")
        assert "Typed Ltd" in names(page)


def test_assigning_nothing_to_nobody_is_told_beside_the_fields(browser: Browser, server: Server) -> None:
    decided(server, name="Unticked Ltd")
    with person(browser, server) as page:
        page.goto(QUEUE)
        page.get_by_role("button", name="Assign").click()
        expect(page.get_by_role("alert")).to_be_focused()
        expect(page.get_by_role("alert").get_by_role("link")).to_have_count(2)
        assert not violations(page)


def test_somebody_elses_case_cannot_be_claimed_from_the_list(server: Server) -> None:
    about = decided(server, name="Held Ltd")
    claimed(server, "approver", about)
    with web(server, "reviewer") as client:
        path = f"/dashboard/decisions/{about}/claim"
        answer = send(client, path, on=QUEUE, back=f"{QUEUE}?state=open")
        assert answer.status_code == 409
        assert "test-approver holds it until" in answer.text
        assert "<h1>Queue</h1>" in answer.text
        elsewhere = send(client, path, on=QUEUE, back="//elsewhere.example/")
        assert elsewhere.status_code in {400, 409}
        assert "location" not in elsewhere.headers


def test_deadlines_are_said_in_words(desk: Desk, browser: Browser) -> None:
    late, paused = decided(desk.server, name="Late Ltd"), decided(desk.server, name="Paused Ltd")
    said(desk.server, "reviewer", paused, "ask")
    with web(desk.server, "reviewer") as client:
        client.get(QUEUE)  # which opens the cases of what was decided
    with psycopg.connect(desk.database.superuser_url) as superuser:
        superuser.execute(
            "UPDATE review_case SET due = now() - interval '2 days 1 hour' WHERE decision = %s", (late,)
        )
    with person(browser, desk.server) as page:
        page.goto(QUEUE)
        expect(page.get_by_role("row").filter(has_text="Late Ltd")).to_contain_text("overdue by 2 days")
        expect(page.get_by_role("row").filter(has_text="Paused Ltd")).to_contain_text(
            "paused with 4 days left"
        )
        page.goto(f"{QUEUE}?overdue=true")
        assert names(page) == ["Late Ltd"]


def test_a_view_is_kept_for_all_and_deleted_by_who_kept_it(browser: Browser, server: Server) -> None:
    with person(browser, server, java_script_enabled=False) as page:
        page.goto(f"{QUEUE}?state=proposed&order=opened")
        page.get_by_text("Keep this view, or delete one").click()
        page.get_by_label("Name of the view").fill("Second  looks")
        page.get_by_role("button", name="Keep the view").click()
        expect(page.get_by_role("status").first).to_contain_text("The view is kept.")
    with person(browser, server, "approver", java_script_enabled=False) as page:
        page.goto(QUEUE)
        page.get_by_role("navigation", name="Saved views").get_by_role("link", name="Second looks").click()
        assert page.url.endswith("?state=proposed&order=opened")
        page.get_by_text("Keep this view, or delete one").click()
        expect(page.get_by_role("button", name="Delete “Second looks”")).to_have_count(0)
        page.get_by_label("Name of the view").fill("Second looks")
        page.get_by_role("button", name="Keep the view").click()
        expect(page.get_by_role("alert")).to_contain_text("another person has one of this name")
        expect(page.get_by_label("Name of the view")).to_have_value("Second looks")
    with person(browser, server) as page:
        page.goto(QUEUE)
        tab_to(page, "Keep this view, or delete one")
        press(page, "Enter")
        tab_to(page, "Delete “Second looks”")
        press(page, "Enter")
        expect(page.get_by_role("status").first).to_have_text("The view is deleted.")
        expect(page.get_by_role("navigation", name="Saved views")).to_have_count(0)


def test_views_of_others_are_deleted_by_admins_alone(server: Server) -> None:
    with web(server, "reviewer") as client:
        assert send(client, f"{QUEUE}/views", on=QUEUE, name="For all").status_code == 303
        page = client.get(QUEUE).text
    [path] = re.findall(rf'action="({QUEUE}/views/[^"]+/delete)"', page)
    with web(server, "approver") as client:
        assert send(client, path, on=QUEUE).status_code == 409
    with web(server, "admin") as client:
        assert send(client, path, on=QUEUE).status_code == 303
        assert send(client, path, on=QUEUE).status_code == 409


@pytest.mark.parametrize("name", ["", "x" * 61, "\u202etxt"])
def test_a_view_needs_a_name(server: Server, name: str) -> None:
    with web(server, "reviewer") as client:
        answer = send(client, f"{QUEUE}/views", on=QUEUE, name=name)
    assert answer.status_code == 422
    assert "a name of 1 to 60 characters" in answer.text


def test_all_that_match_are_taken_away_as_csv(desk: Desk) -> None:
    wanted = {decided(desk.server, name=f"=cmd|{number}", reference="a;=b") for number in range(3)}
    before = looks(desk)
    with web(desk.server, "auditor") as client:
        answer = client.get(QUEUE, params={"format": "csv", "cause": "contact", "limit": "1"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="queue.csv"'
    lines = {line["decision"]: line for line in csv.DictReader(io.StringIO(answer.text))}
    assert wanted <= set(lines)
    line = lines[min(wanted)]
    assert line["name"].startswith("'=cmd|")
    assert line["reference"] == "a;'=b"
    assert (line["state"], line["reasons"], line["overdue"], line["holder"]) == (
        *("open", "clarification", "false", ""),
    )
    assert looks(desk) == before + 1


def test_a_list_is_a_look_and_asking_whether_it_changed_is_none(desk: Desk) -> None:
    decided(desk.server, name="Seen Ltd")
    with web(desk.server, "reviewer") as client:
        before = looks(desk)
        client.get(QUEUE)
        assert looks(desk) == before + 1
        first = client.get(QUEUE, params={"format": "state"}).text
        claimed(desk.server, "reviewer", decided(desk.server))
        assert client.get(QUEUE, params={"format": "state"}).text != first
        assert looks(desk) == before + 1


@pytest.mark.parametrize(
    "query", ["state=shut", "holder=nobody+at+all", "cursor=zz", "colour=red", "format=xls"]
)
def test_an_address_that_says_nothing_is_refused(server: Server, query: str) -> None:
    with web(server, "reviewer") as client:
        answer = client.get(f"{QUEUE}?{query}")
    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.text


def test_a_new_list_is_shown_unless_somebody_is_at_work_in_it(browser: Browser, server: Server) -> None:
    decided(server, name="There Ltd")
    with person(browser, server) as page:
        page.clock.install()
        page.goto(QUEUE)
        decided(server, name="Later Ltd")
        page.clock.fast_forward(20_000)
        expect(page.get_by_role("row").filter(has_text="Later Ltd")).to_be_visible()
        page.get_by_label("Tick There Ltd").check()
        decided(server, name="Latest Ltd")
        page.clock.fast_forward(20_000)
        expect(page.get_by_text("The list has changed.")).to_be_visible()
        expect(page.get_by_label("Tick There Ltd")).to_be_checked()
        page.get_by_role("link", name="Load it again").click()
        expect(page.get_by_role("row").filter(has_text="Latest Ltd")).to_be_visible()


def test_an_auditor_sees_the_list_without_forms(browser: Browser, server: Server) -> None:
    decided(server, name="Audited Ltd")
    with person(browser, server, "auditor") as page:
        page.goto(QUEUE)
        assert "Audited Ltd" in names(page)
        expect(page.locator("main form[method=post]")).to_have_count(0)
        expect(page.locator("main input[type=checkbox]")).to_have_count(0)
        assert not violations(page)


@pytest.mark.parametrize("query", ["", "?state=closed", "?holder=me&state=waiting"])
def test_nothing_keeps_people_from_using_the_list(browser: Browser, server: Server, query: str) -> None:
    said(server, "reviewer", decided(server, name="Closed Ltd"), "confirm")
    decided(server, name="Wide Ltd")
    with person(browser, server, viewport=NARROW) as page:
        page.goto(QUEUE + query)
        for words in ("Filters", "Keep this view"):
            page.locator("summary").filter(has_text=words).first.click()
        assert not violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
