"""Steps in the life of rulesets, as the tests of its pages take them."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import orjson
from playwright.sync_api import FilePayload, Page

from eligibility.building import build
from eligibility.difference import difference, document
from eligibility.ruleset_life import Checked
from eligibility.storage.database import Database
from eligibility.storage.log import AuditLog
from eligibility.storage.ruleset_moves import SYSTEM, record_check
from eligibility.storage.rulesets import in_force
from eligibility.storage.rulesets import load as kept
from tests.api.governing import ALWAYS, act, load, pass_checks, recording
from tests.api.serving import Server, Who
from tests.dashboard.browsing import web

LONG = 60_000
"""Milliseconds for what another process does."""


def zipped(sent: dict[str, str], top: str = "rules/") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in sent.items():
            archive.writestr(top + name, text)
    return out.getvalue()


def archived(sent: dict[str, str]) -> FilePayload:
    return {"name": "rules.zip", "mimeType": "application/zip", "buffer": zipped(sent)}


def work_out_differences(server: Server, digest: str) -> None:
    """Record every check as passed, and the differences as they are."""
    pass_checks(server, digest)

    async def work(database: Database, log: AuditLog) -> None:
        against = str(await in_force(database))
        stored = [await kept(database, each) for each in (against, digest)]
        told = document(difference(*(build(orjson.loads(each.document)) for each in stored)))
        checked = Checked("difference", passed=True, report={"summary": "worked out", **told})
        await record_check(log, digest, checked, against=against, actor=SYSTEM)

    recording(server, work)


def approved(server: Server, sent: dict[str, str]) -> str:
    """A ruleset that could be put in force, and is told no otherwise than the one that is."""
    with server.client("reviewer") as client, server.client("approver") as other:
        digest = load(client, sent)
        act(client, digest, "proposal")
        pass_checks(server, digest)
        compute_impact(client, digest)
        for group in client.get(f"/v1/rulesets/{digest}/impact").json()["groups"]:
            act(client, digest, f"impact/{group['id']}/sign-off")
        act(other, digest, "approval")
    return digest


def compute_impact(client: httpx.Client, digest: str) -> None:
    client.post(f"/v1/rulesets/{digest}/impact", json=ALWAYS).raise_for_status()
    until(lambda: client.get(f"/v1/rulesets/{digest}/impact").status_code == 200)


def until(look: Callable[[], bool]) -> None:
    deadline = datetime.now(UTC) + timedelta(milliseconds=LONG)
    while not look():
        assert datetime.now(UTC) < deadline


def address(digest: str) -> str:
    return f"/dashboard/rulesets/{digest}"


def digest_of(page: Page) -> str:
    found = re.search(r"/rulesets/(sha256:[0-9a-f]{64})", page.url)
    assert found, page.url
    return found[1]


def take(page: Page, title: str, why: str, button: str) -> None:
    """Take a step by mouse."""
    form = page.get_by_role("form", name=title)
    form.get_by_label("Why").fill(why)
    form.get_by_role("button", name=button).click()


def state(server: Server, digest: str) -> str:
    with server.client("reviewer") as client:
        told: str = client.get(f"/v1/rulesets/{digest}").json()["state"]
    return told


@contextmanager
def fields(server: Server, digest: str, who: Who) -> Iterator[tuple[httpx.Client, dict[str, str]]]:
    """A person, and what the forms on the page of a ruleset say of where it stands."""
    with server.client("reviewer") as asking:
        told = asking.get(f"/v1/rulesets/{digest}").json()
    with web(server, who) as client:
        number = re.search(r'name="number" value="(\d+)"', client.get(address(digest)).text)
        yield client, {"number": number[1] if number else "0", "in_force": told["in_force"]}
