"""Every page with everything in it: light and dark, wide and narrow, and what WCAG 2.2 AA added."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from eligibility.storage.embedded import EmbeddedPostgres
from tests.dashboard.browsing import launched, person, stranger, violations
from tests.dashboard.furnished import Furnished, furnished
from tests.properties.sizes import sized

NARROWEST = {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def house(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with furnished(postgres, tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture(scope="module")
def window(house: Furnished) -> Iterator[Browser]:  # noqa: ARG001 - the server has to be there first
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


def pages(browser: Browser, house: Furnished, **options: Any) -> Iterator[tuple[str, Page]]:
    """Each page in turn, as an admin sees it; not what is downloaded or shown within pages."""
    with person(browser, house.server, "admin", **options) as page:
        for address in house.addresses(sized(1, 100)):
            kind = page.request.head(address).headers.get("content-type", "")
            if kind.startswith("text/html") and "/paper." not in address:
                page.goto(address)
                yield address, page


def test_axe_finds_nothing_wrong(window: Browser, house: Furnished) -> None:
    found = {address: violations(page) for address, page in pages(window, house)}
    assert len(found) > 3
    assert not {address: wrong for address, wrong in found.items() if wrong}


def test_nothing_scrolls_sideways_on_the_narrowest_window(window: Browser, house: Furnished) -> None:
    widths = {
        address: page.evaluate("document.scrollingElement.scrollWidth")
        for address, page in pages(window, house, viewport=NARROWEST)
    }
    assert not {address: width for address, width in widths.items() if width > NARROWEST["width"]}


def test_what_has_the_focus_is_seen(window: Browser, house: Furnished) -> None:
    """2.4.11: nothing lies over what has the focus; and one can see which it is."""
    hidden = {}
    for address, page in pages(window, house):
        for _ in range(400):
            page.keyboard.press("Tab")
            state = page.evaluate(_FOCUS)
            if state is None:
                break
            if state["problem"]:
                hidden[address] = state
    assert not hidden


_FOCUS = """() => {
    const it = document.activeElement;
    if (!it || it === document.body) return null;
    const box = it.getBoundingClientRect(), style = getComputedStyle(it);
    const x = Math.min(Math.max(box.x + box.width / 2, 0), innerWidth - 1);
    const y = Math.min(Math.max(box.y + box.height / 2, 0), innerHeight - 1);
    const top = document.elementFromPoint(x, y);
    const is_seen = top && (it.contains(top) || top.contains(it) || [...(it.labels || [])].includes(top));
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    const problem = !is_seen ? "covered" : !outlined ? "not marked" : "";
    return {problem, html: it.outerHTML.slice(0, 120)};
}"""


def test_nothing_has_to_be_dragged(window: Browser, house: Furnished) -> None:
    """2.5.7: no page has anything to drag."""
    for address, page in pages(window, house):
        assert page.locator("[draggable=true], input[type=range]").count() == 0, address


def test_targets_are_large_enough_or_apart(window: Browser, house: Furnished) -> None:
    """2.5.8: buttons and fields have 24 pixels; of links, axe knows which may be smaller."""
    small = {}
    for address, page in pages(window, house):
        found = page.evaluate(_SMALL)
        if found:
            small[address] = found
    assert not small


_SMALL = """() => [...document.querySelectorAll("button, input, select, textarea, summary")]
    .filter(it => it.type !== "hidden")
    .filter(it => it.checkVisibility({checkVisibilityCSS: true}) && !it.closest(".unseen"))
    .filter(it => { const box = it.getBoundingClientRect(); return box.width < 24 || box.height < 24; })
    .map(it => it.outerHTML.slice(0, 120))"""


def test_help_is_in_the_same_place_everywhere(window: Browser, house: Furnished) -> None:
    """3.2.6: the first link of the end of each page leads to help."""
    for address, page in pages(window, house):
        first = page.get_by_role("contentinfo").get_by_role("link").first
        expect(first, address).to_have_attribute("href", "/dashboard/help")


def test_signing_in_takes_no_memory_and_no_puzzle(window: Browser, house: Furnished) -> None:
    """3.3.8: a password manager may fill in the key, and it can be pasted."""
    with stranger(window, house.server) as page:
        page.goto("/dashboard/sign-in")
        key = page.get_by_label("Your key")
        expect(key).to_have_attribute("autocomplete", "current-password")
        key.focus()
        page.keyboard.insert_text(house.server.keys["reviewer"])
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Today")
