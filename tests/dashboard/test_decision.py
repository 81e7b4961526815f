"""The page of a decision: read by mouse, by keyboard and without script, in every state."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.api.bodies import permitted, prohibited, unclear
from tests.api.serving import Server
from tests.dashboard.browsing import NARROW, person, press, tab_to, violations, web
from tests.dashboard.deciding import decided, overridden, path


def no_violations(page: Page) -> None:
    assert violations(page) == []


def test_a_decision_is_read_by_mouse_and_its_record_verified(browser: Browser, server: Server) -> None:
    identifier = decided(server, prohibited(name="Ada & Co", reference="crm-page-1"))
    with person(browser, server, "auditor") as page:
        page.goto(path(identifier))
        expect(page.get_by_role("heading", level=1)).to_have_text("Ada & Co")
        expect(page.locator(".verdict")).to_have_text("■ Prohibited This use is prohibited.")
        card = page.locator(".card", has_text="A multimodal model for a licensee in the EU").first
        expect(card.get_by_role("link", name=re.compile("Closing paragraph"))).to_have_attribute(
            "href", re.compile(r"^https://www\.llama\.com/")
        )
        expect(card).to_contain_text("country of the principal place of business: France (FR) – in the EU")
        picture = page.get_by_role("img", name=re.compile("The reasoning as a graph of 22 boxes"))
        assert picture.evaluate("image => image.complete && image.naturalWidth > 500")
        page.get_by_text("The graph as a table", exact=True).click()
        expect(page.get_by_role("row", name=re.compile("Finding: prohibits it"))).to_be_visible()
        page.get_by_role("link", name="Search for them").click()
        expect(page.locator("section", has=page.locator("#changes"))).to_contain_text("Permitted, were this")
        page.get_by_role("button", name="Verify now").click()
        expect(page.get_by_role("status")).to_contain_text("nothing is wrong with the record")
        expect(page.locator("li", has_text="✓ Holds")).to_have_count(4)
        no_violations(page)


def test_the_same_by_keyboard_without_script(browser: Browser, server: Server) -> None:
    identifier = decided(server, prohibited(reference="crm-page-2"))
    with person(browser, server, "reviewer", java_script_enabled=False) as page:
        page.goto(path(identifier))
        tab_to(page, page.get_by_role("link", name="What would change it"))
        press(page, "Enter")
        expect(page).to_have_url(re.compile("#changes$"))
        tab_to(page, page.get_by_role("link", name="Search for them"))
        press(page, "Enter")
        expect(page.locator("section", has=page.locator("#changes"))).to_contain_text("Permitted, were this")
        tab_to(page, page.get_by_text("The graph as a table", exact=True))
        press(page, "Enter")
        expect(page.get_by_role("row", name=re.compile("Finding: prohibits it"))).to_be_visible()
        tab_to(page, page.get_by_role("button", name="Verify now"))
        press(page, "Enter")
        expect(page.get_by_role("status")).to_contain_text("nothing is wrong with the record")


def test_everything_on_the_page_is_reached_by_tab(browser: Browser, server: Server) -> None:
    identifier = decided(server, unclear(name="Reached by Tab"))
    with person(browser, server) as page:
        page.goto(path(identifier))
        for words in ("As PDF", "Search for them", "Ask the applicant, and note it", "Verify now"):
            tab_to(page, words)


def test_nothing_keeps_people_from_using_the_page(browser: Browser, server: Server) -> None:
    pages = [
        decided(server, permitted(reference="crm-same")),
        decided(server, permitted(reference="crm-same")),
        decided(server, unclear()),
        overridden(server, prohibited(), "permitted"),
    ]
    with person(browser, server) as page:
        for identifier in pages:
            page.goto(f"{path(identifier)}?show=changes")
            page.get_by_text("The graph as a table", exact=True).click()
            no_violations(page)
        picture = page.locator("picture img")
        assert "dark=true" not in picture.evaluate("image => image.currentSrc")
        page.emulate_media(color_scheme="dark")
        dark = f"{server.url}{path(pages[-1])}/graph.svg?dark=true"
        expect(picture).to_have_js_property("currentSrc", dark)


def test_nothing_breaks_on_a_narrow_screen(browser: Browser, server: Server) -> None:
    identifier = decided(server, permitted(name="N" * 300, reference="crm-same"))
    with person(browser, server, viewport=NARROW) as page:
        page.goto(f"{path(identifier)}?show=changes")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        no_violations(page)


def test_an_outcome_that_was_overridden_stands_first_and_the_one_decided_after(
    browser: Browser, server: Server
) -> None:
    identifier = overridden(server, prohibited(), "permitted")
    with person(browser, server, "auditor") as page:
        page.goto(path(identifier))
        expect(page.locator(".verdict")).to_have_text("● Permitted This use is permitted.")
        expect(page.get_by_text("It was decided as")).to_contain_text("■ Prohibited")
        history = page.get_by_role("region", name="Table of the history")
        expect(history).to_contain_text(
            "Proposed another outcome Permitted: an agreement with the licensor says otherwise"
        )
        expect(history).to_contain_text("Agreed to another outcome")


def test_missing_facts_are_questions_to_send_and_to_ask_from_the_page(
    browser: Browser, server: Server
) -> None:
    identifier = decided(server, unclear(reference="crm-ask"))
    with person(browser, server, "reviewer", permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto(path(identifier))
        page.get_by_role("button", name="Copy the questions").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        text = page.evaluate("navigator.clipboard.readText()")
        assert text.startswith("To decide on your request crm-ask to use Llama 3.2, we need to know:\n\n1. ")
        assert "in August 2024" in text
        assert identifier in text
        ask = page.get_by_role("link", name="Ask the applicant, and note it")
        expect(ask).to_have_attribute("href", f"{path(identifier)}?ask=1#review")
    with web(server, "auditor") as client:
        assert "?ask=1" not in client.get(path(identifier)).text


def test_texts_in_names_are_shown_as_they_are_and_run_nothing(browser: Browser, server: Server) -> None:
    name = '"><script>document.title="x"</script>'
    identifier = decided(server, permitted(name=name))
    with person(browser, server) as page:
        page.goto(path(identifier))
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        assert page.title() != "x"
