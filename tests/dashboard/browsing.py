"""A real browser, and people who use it: signed in, with nothing allowed but what is on this machine."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, Route

from tests.api.serving import Server, Who
from tests.cli.running import NO_CERTIFICATES

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOOPBACK = {"127.0.0.1", "localhost"}
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

AXE = Axe()


def launched(playwright: Playwright) -> Browser:
    """The system's Chromium: there is no other."""
    where = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert where, "these tests drive Chromium: install it, as by `apt-get install chromium`"
    return playwright.chromium.launch(executable_path=where, args=ARGUMENTS)


def only_loopback(route: Route) -> None:
    if urlsplit(route.request.url).hostname in LOOPBACK:
        route.continue_()
    else:
        route.abort()


@contextmanager
def person(browser: Browser, server: Server, who: Who = "reviewer", **options: Any) -> Iterator[Page]:
    """A page of somebody's own browser, signed in; `options` are those of Playwright's contexts."""
    with stranger(browser, server, **options) as page:
        sign_in(page.context, server, who)
        yield page


@contextmanager
def stranger(browser: Browser, server: Server, **options: Any) -> Iterator[Page]:
    """A page of a browser that nobody is signed in with. What fails on the page fails the test."""
    context = browser.new_context(base_url=server.url, **({"viewport": WIDE} | options))
    context.set_default_timeout(15_000)
    context.route("**/*", only_loopback)
    page = context.new_page()
    page.on("filechooser", lambda _: None)  # of which one is told from now on, also where it opens at once
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if _is_wrong(said.type, said.text) else None)
    yield page
    context.close()
    assert not wrong


def _is_wrong(kind: str, text: str) -> bool:
    # that an answer was a refusal is the browser's own remark on it
    return kind in {"error", "warning"} and not text.startswith("Failed to load resource")


def sign_in(context: BrowserContext, server: Server, who: Who) -> None:
    """Sign in without the page for it, which has tests of its own."""
    with web(server, who) as client:
        token = client.cookies["eligibility"]
    context.add_cookies([{"name": "eligibility", "value": token, "url": f"{server.url}/dashboard"}])


@contextmanager
def web(server: Server, who: Who) -> Iterator[httpx.Client]:
    """What a browser does without a browser: `who` is signed in, and forms say where they come from."""
    headers = {"origin": server.url}
    with httpx.Client(base_url=server.url, headers=headers, timeout=30, verify=NO_CERTIFICATES) as client:
        if who != "nobody":
            answer = send(client, "/dashboard/sign-in", on="/dashboard/sign-in", key=server.keys[who])
            assert answer.status_code == 303, answer.text
        yield client


def send(client: httpx.Client, path: str, *, on: str, **fields: str | list[str]) -> httpx.Response:
    """Send a form as the page at `on` would, with the token that it hands out."""
    return client.post(path, data={"form": form_token(client, on), **fields})


def form_token(client: httpx.Client, on: str) -> str:
    """The token in the forms of a page."""
    found = re.search(r'name="form" value="([0-9a-f]{64})"', client.get(on).text)
    assert found, f"there is no form on {on}"
    return found[1]


def violations(page: Page) -> list[str]:
    """What axe finds wrong with a page as it stands, each with where, light and dark.

    A dark page is the light one in other colours, so of it the colours alone are examined.
    """
    page.emulate_media(color_scheme="light")
    found = _found(page, {"rules": {"target-size": {"enabled": True}}})
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {each}" for each in _found(page, {"runOnly": ["color-contrast"]})]
    page.emulate_media(color_scheme="light")
    return found


def _found(page: Page, options: dict[str, Any]) -> list[str]:
    found = AXE.run(page, options=options).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]} ({each['help']})" for each in found]


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


Hand = Callable[[Page, Locator], None]
"""How something is used."""


def by_mouse(_page: Page, what: Locator) -> None:
    what.click()


def by_keyboard(page: Page, what: Locator) -> None:
    tab_to(page, what)
    press(page, "Enter")


HANDS: list[Hand] = [by_mouse, by_keyboard]


def tab_to(page: Page, what: str | Locator) -> None:
    """Press Tab until this, or what has these words or this label, has the focus: it needs no mouse."""
    for _ in range(300):
        page.keyboard.press("Tab")
        if has_focus(page, what):
            return
    raise AssertionError(f"Tab never came to `{what}`")


def has_focus(page: Page, what: str | Locator) -> bool:
    """Whether what is typed now goes there."""
    if isinstance(what, str):
        return bool(page.evaluate(_NAME_OF_FOCUS).strip() == what)
    return bool(what.evaluate("it => it === document.activeElement"))


_NAME_OF_FOCUS = """() => {
    const it = document.activeElement;
    if (!it || it === document.body) return "";
    if (it.labels && it.labels.length) return it.labels[0].innerText;
    return it.getAttribute("aria-label") || it.innerText || it.value || "";
}"""
