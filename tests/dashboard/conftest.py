from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.api.conftest import own_server, server  # noqa: F401 - fixtures
from tests.api.serving import Server
from tests.dashboard.browsing import launched, person


@pytest.fixture(scope="module")
def browser(server: Server) -> Iterator[Browser]:  # noqa: F811, ARG001 - the server has to be there first
    """A browser for the tests of one file.

    No longer than that: as long as it is there its event loop runs, and tests of other files want their own.
    """
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture
def reviewer(browser: Browser, server: Server) -> Iterator[Page]:  # noqa: F811 - a fixture
    """A page of a reviewer who is signed in."""
    with person(browser, server, "reviewer") as page:
        yield page
