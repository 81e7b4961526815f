"""Pictures of every page of the dashboard, to be looked at: `make screenshots`.

Starts a server whose log has something of everything in it, and writes `screenshots/SIZE/PAGE.png`: each page
as an admin sees it, whole, 1,440 and 390 pixels wide in light, and 1,440 in dark.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from eligibility.storage import migrate
from eligibility.storage.embedded import start_or_join
from tests.dashboard.browsing import NARROW, WIDE, launched, person, stranger
from tests.dashboard.furnished import Furnished, furnished

FOLDER = Path(__file__).parent.parent / "screenshots"
PATIENCE = 120_000
"""Milliseconds for what the service reads in the background."""

SIZES: dict[str, dict[str, Any]] = {
    "wide": {"viewport": WIDE},
    "narrow": {"viewport": NARROW},
    "dark": {"viewport": WIDE, "color_scheme": "dark"},
}


def take(browser: Browser, house: Furnished, folder: Path, options: dict[str, Any]) -> None:
    """Take a picture of each page in a browser of that size."""
    folder.mkdir(parents=True)
    with stranger(browser, house.server, **options) as page:
        page.goto("/dashboard/sign-in")
        save(page, folder, "sign-in")
    with person(browser, house.server, "admin", **options) as page:
        for number, address in enumerate(house.addresses(), 1):
            kind = page.request.head(address).headers.get("content-type", "")
            if kind.startswith("text/html") and "/paper." not in address and "/sign-in" not in address:
                page.goto(address)
                save(page, folder, f"{number:02} {address.removeprefix('/dashboard')}")


def save(page: Page, folder: Path, name: str) -> None:
    """Save the whole page, once nothing of it is still to be read."""
    expect(page.get_by_text("being read")).to_have_count(0, timeout=PATIENCE)
    page.screenshot(path=folder / (re.sub(r"[^\w.]+", "-", name).strip("-") + ".png"), full_page=True)


def main() -> int:
    """Take all pictures; 0 when done."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    reachable = Path(tempfile.mkdtemp(prefix="eligibility-screenshots-"))
    reachable.chmod(0o755)  # the database's own account has to come in
    try:
        with start_or_join(reachable / "database") as postgres:
            migrate.upgrade(postgres.owner_url)
            with furnished(postgres, reachable) as house, sync_playwright() as playwright:
                browser = launched(playwright)
                for name, options in SIZES.items():
                    print(f"pages, {name}: {FOLDER / name}")
                    take(browser, house, FOLDER / name, options)
                browser.close()
    finally:
        shutil.rmtree(reachable, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
