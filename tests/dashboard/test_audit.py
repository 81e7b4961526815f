"""The page of the log: verifying it, its checkpoints, exports, its acts, and who looked at what."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api.bodies import permitted
from tests.api.serving import Server, Who
from tests.dashboard.browsing import (
    HANDS,
    NARROW,
    Hand,
    form_token,
    person,
    press,
    send,
    tab_to,
    violations,
    web,
)

AUDIT = "/dashboard/audit"
PATIENCE = 60_000


def decided(server: Server) -> str:
    with server.client("portal") as portal:
        identifier: str = portal.post("/v1/decisions", json=permitted()).json()["id"]
    return identifier


def verdict(page: Page) -> str:
    """The newest verification's, once it has ended; without scripts by loading the page again."""
    newest = page.locator("#verification article").first.get_by_role("heading", level=3)
    for _ in range(60):
        words = newest.inner_text()
        if "Under way" not in words:
            return words
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError("the verification did not end")


def test_the_last_blocks_are_verified_by_mouse(browser: Browser, server: Server) -> None:
    decided(server)
    with person(browser, server, "auditor") as page:
        page.goto(AUDIT)
        assert not violations(page)
        page.get_by_label("How many blocks").fill("3")
        page.get_by_role("button", name="Verify").click()
        expect(page.get_by_role("status").first).to_contain_text("has begun")
        heading = page.locator("#verification article").first.get_by_role("heading", level=3)
        expect(heading).to_contain_text("It holds", timeout=PATIENCE)  # the part renews itself
        expect(page.locator("#verification article").first).to_contain_text("started by test-auditor")
        assert page.locator("#verification article").first.get_by_role("row").count() == 5
        assert "--" not in page.locator("#verification article").first.inner_text()
        assert not violations(page)


def test_a_range_is_verified_by_keyboard_without_scripts(browser: Browser, server: Server) -> None:
    decided(server)
    with person(browser, server, "admin", java_script_enabled=False, viewport=NARROW) as page:
        page.goto(AUDIT)
        tab_to(page, page.get_by_label("The last blocks"))
        press(page, "ArrowDown")
        tab_to(page, page.get_by_label("First record"))
        page.keyboard.type("1")
        tab_to(page, page.get_by_label("Last record"))
        page.keyboard.type("4")
        tab_to(page, page.get_by_label("Decide everything in it again"))
        press(page, "Space")
        tab_to(page, page.get_by_role("button", name="Verify"))
        press(page, "Enter")
        assert "It holds" in verdict(page)
        expect(page.locator("#verification article").first).to_contain_text("Records 1 to 4, deciding again")


def test_checkpoints_are_taken_from_a_file(browser: Browser, server: Server) -> None:
    with person(browser, server, "auditor") as page:
        page.goto(AUDIT)
        with page.expect_download() as download:
            page.get_by_role("link", name=re.compile("Take the newest")).click()
        page.get_by_label("Or take them from a file").set_input_files(download.value.path())
        expect(page.get_by_label("Against checkpoints")).to_have_value(re.compile('"number":'))
        page.get_by_role("button", name="Verify").click()
        assert "It holds" in verdict(page)
        expect(page.locator("#verification article").first).to_contain_text("against 1 checkpoint")


@pytest.mark.parametrize(
    "field,words",
    [
        ({"what": ""}, "say what to verify"),
        ({"what": "last"}, "say how many"),
        ({"what": "last", "blocks": "-1"}, "is no number"),
        ({"what": "range"}, "say from which record"),
        ({"what": "range", "first": "7", "last": "3"}, "comes before"),
        ({"what": "everything", "checkpoints": '{"number":1}'}, "is no checkpoint"),
        ({"what": "everything", "key": "/etc/hostname"}, "is no fingerprint"),
    ],
)
def test_what_cannot_be_verified_is_told(server: Server, field: dict[str, str], words: str) -> None:
    with web(server, "auditor") as client:
        answer = send(client, f"{AUDIT}/verify", on=AUDIT, **field)
    assert answer.status_code == 422
    assert words in answer.text


def test_that_somebody_verifies_is_recorded(server: Server) -> None:
    with web(server, "auditor") as client:
        answer = send(client, f"{AUDIT}/verify", on=AUDIT, what="range", first="1", last="2")
        assert answer.status_code == 303 or "under way" in answer.text
        text = client.get(f"{AUDIT}/accesses", params={"who": "test-auditor"}).text
    assert "verification:" in text


def test_the_newest_checkpoint_is_that_of_programs(server: Server) -> None:
    with web(server, "reviewer") as client, server.client("auditor") as auditor:
        answer = client.get(f"{AUDIT}/checkpoint")
        newest = auditor.get("/v1/audit/checkpoint").json()
    found = json.loads(answer.text)
    assert set(found) == set(newest)
    assert found["number"] <= newest["number"]
    assert f'filename="checkpoint-{found["number"]}.jsonl"' in answer.headers["content-disposition"]


@pytest.mark.parametrize("use", HANDS)
def test_a_copy_is_taken_and_recorded(browser: Browser, server: Server, use: Hand) -> None:
    about = decided(server)
    with person(browser, server, "reviewer") as page:
        page.goto(AUDIT)
        expect(page.get_by_role("heading", name="Verify now")).to_have_count(0)
        page.get_by_label("As", exact=True).select_option("csv")
        page.get_by_label("Without private texts and names").check()
        with page.expect_download() as download:
            use(page, page.get_by_role("button", name="Export"))
        content = download.value.path().read_text(encoding="utf-8")
    assert about in content
    assert "Example Robotics" not in content
    with server.client("auditor") as auditor:
        exports = auditor.get("/v1/audit/export", params={"kind": "export", "format": "jsonl"}).text
    lines = [json.loads(line) for line in exports.splitlines()]
    assert any(
        line.get("channel") == "dashboard" and line["facts"] == expected("csv", texts=False) for line in lines
    )


def expected(form: str, *, texts: bool) -> dict[str, Any]:
    return {"from": None, "to": None, "format": form, "kind": "decision", "texts": texts, "proofs": False}


@pytest.mark.parametrize(
    "who,fields,status",
    [
        ("reviewer", {"kind": "access", "format": "jsonl"}, 422),
        ("reviewer", {"kind": "review.comment", "format": "jsonl"}, 200),
        ("auditor", {"kind": "all", "format": "jsonl", "proofs": "yes"}, 200),
        ("auditor", {"format": "xml"}, 422),
        ("auditor", {"from": "2026-11-24", "to": "2026-11-23"}, 422),
        ("auditor", {"from": "soon"}, 422),
        ("auditor", {"from": "2026-11-24", "to": "2026-11-24", "kind": "decision"}, 200),
    ],
)
def test_copies_are_for_those_who_may_have_them(
    server: Server, who: Who, fields: dict[str, str], status: int
) -> None:
    with web(server, who) as client:
        assert send(client, f"{AUDIT}/export", on=AUDIT, **fields).status_code == status


def test_acts_are_listed_by_kind_person_and_time(browser: Browser, server: Server) -> None:
    with person(browser, server, "auditor") as page:
        page.goto(AUDIT)
        tab_to(page, "What was done")
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("What was done")
        assert not violations(page)
        page.get_by_label("What", exact=True).select_option("key.created")
        page.get_by_label("By", exact=False).first.fill("system")
        page.get_by_role("button", name="Find").last.click()
        expect(page.get_by_role("cell", name="made a key").first).to_be_visible()
        assert page.get_by_role("cell", name="entered somebody").count() == 0
        page.get_by_label("Up to and with").fill("2020-01-01")
        page.get_by_role("button", name="Find").last.click()
        expect(page.get_by_text("There is nothing like that.")).to_be_visible()


def test_looks_are_listed_with_what_was_seen(server: Server) -> None:
    about = decided(server)
    with web(server, "approver") as approver, web(server, "auditor") as auditor:
        approver.get(f"/dashboard/decisions/{about}")
        text = auditor.get(f"{AUDIT}/accesses", params={"who": "test-approver", "kind": "access"}).text
        acts = auditor.get(f"{AUDIT}/acts").text
    assert f"/dashboard/decisions/{about}" in text
    assert '<code class="soft">access</code>' not in acts


@pytest.mark.parametrize(
    "name,value", [("kind", "decision"), ("who", "x y z"), ("from", "1"), ("cursor", "1")]
)
def test_filters_of_acts_that_mean_nothing_are_told(server: Server, name: str, value: str) -> None:
    with web(server, "auditor") as client:
        assert client.get(f"{AUDIT}/acts", params={name: value}).status_code == 422


def test_nobody_verifies_for_another_with_a_stolen_form(server: Server) -> None:
    with web(server, "reviewer") as one, web(server, "auditor") as other:
        data = {"form": form_token(one, AUDIT), "what": "everything"}
        assert other.post(f"{AUDIT}/verify", data=data).status_code == 403
