"""Keys and people: made, shown once, revoked with what they let in."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.api.bodies import unclear
from tests.api.serving import Server
from tests.cli.running import NO_CERTIFICATES
from tests.dashboard.browsing import (
    NARROW,
    form_token,
    person,
    press,
    send,
    stranger,
    tab_to,
    violations,
    web,
)

PEOPLE = "/dashboard/people"


def name() -> str:
    return f"Grace Example {uuid4().hex[:8]}"


def made(client: httpx.Client, who: str, role: str = "reviewer", **more: str) -> tuple[str, str]:
    """Make a key: its id, and itself."""
    fields = {"name": who, "kind": "person", "role": role, **more}
    answer = send(client, f"{PEOPLE}/keys", on=PEOPLE, **fields)
    assert answer.status_code == 200, answer.text
    secret = re.findall(r'<pre id="new-key">(elk_[\w-]+)</pre>', answer.text)[0]
    [identifier] = re.findall(rf"keys/([0-9a-f-]{{36}})\">Revoke<span[^>]*> [^<]* of {who}<", answer.text)
    return identifier, secret


def test_a_key_is_made_shown_once_and_revoked_by_mouse(browser: Browser, server: Server) -> None:
    who = name()
    with person(browser, server, "admin") as page:
        page.goto(PEOPLE)
        assert not violations(page)
        page.get_by_label("Name").fill(who)
        page.get_by_label("Role").select_option("approver")
        page.get_by_label("Label").fill("laptop")
        page.get_by_role("button", name="Make the key").click()
        expect(page.get_by_role("status")).to_contain_text("shown this once")
        secret = page.locator("#new-key").inner_text()
        assert not violations(page)
        assert secret not in page.url
        assert works(server, secret)
        page.goto(PEOPLE)
        assert secret not in page.content()
        row = page.get_by_role("row", name=who)
        expect(row).to_contain_text("laptop")
        row.get_by_role("link", name="Revoke").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Revoke a key of {who}?")
        assert not violations(page)
        page.get_by_role("button", name="Revoke the key").click()
        expect(page.get_by_role("status")).to_contain_text("is revoked")
        expect(page.get_by_role("row", name=who)).to_contain_text("revoked")
        assert not works(server, secret)


def works(server: Server, secret: str) -> bool:
    answer = httpx.get(
        f"{server.url}/v1/policy", headers={"authorization": f"Bearer {secret}"}, verify=NO_CERTIFICATES
    )
    return answer.status_code == 200


def test_a_key_is_made_and_revoked_by_keyboard_without_scripts(browser: Browser, server: Server) -> None:
    who = name()
    with person(browser, server, "admin", java_script_enabled=False, viewport=NARROW) as page:
        page.goto(PEOPLE)
        tab_to(page, page.get_by_label("Name"))
        page.keyboard.type(who)
        press(page, "Enter")
        assert page.locator("#new-key").inner_text().startswith("elk_")
        tab_to(page, page.get_by_role("row", name=who).get_by_role("link", name="Revoke"))
        press(page, "Enter")
        tab_to(page, page.get_by_role("button", name="Revoke the key"))
        press(page, "Enter")
        expect(page.get_by_role("row", name=who)).to_contain_text("revoked")


def test_sessions_end_with_their_key(server: Server) -> None:
    who = name()
    with web(server, "admin") as admin, web(server, "nobody") as theirs:
        identifier, secret = made(admin, who)
        send(theirs, "/dashboard/sign-in", on="/dashboard/sign-in", key=secret)
        assert theirs.get("/dashboard").status_code == 200
        asked = admin.get(f"{PEOPLE}/keys/{identifier}").text
        assert "1 session will end with it" in asked
        send(admin, f"{PEOPLE}/keys/{identifier}/revocation", on=PEOPLE)
        assert theirs.get("/dashboard").status_code == 303
        again = send(admin, f"{PEOPLE}/keys/{identifier}/revocation", on=PEOPLE)
        assert again.status_code == 422
        assert "revoked already" in again.text


def test_ones_own_key_is_not_revoked_without_a_warning(browser: Browser, server: Server) -> None:
    with web(server, "admin") as admin:
        identifier, secret = made(admin, name(), "admin")
    with stranger(browser, server) as page:
        page.goto("/dashboard/sign-in")
        page.get_by_label("Your key").fill(secret)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("banner")).to_contain_text("Grace Example")
        page.goto(f"{PEOPLE}/keys/{identifier}")
        expect(page.get_by_text("This is the key that you are signed in with")).to_be_visible()
        page.get_by_role("button", name="Revoke the key").click()
        expect(page.get_by_role("alert")).to_contain_text("say that you know")
        assert not violations(page)
        page.get_by_label("I have another key").check()
        page.get_by_role("button", name="Revoke the key").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_the_key_of_the_first_start_and_who_holds_cases_are_shown(server: Server) -> None:
    with server.client("portal") as portal, server.client("reviewer") as reviewer:
        about = portal.post("/v1/decisions", json=unclear()).json()["id"]
        assert reviewer.post(f"/v1/reviews/{about}/claim").status_code == 200
    with web(server, "admin") as admin:
        text = admin.get(PEOPLE).text
    assert "of the first start" in text
    assert re.search(r"/dashboard/queue\?holder=test-reviewer\">\d+ cases?<", text)


@pytest.mark.parametrize(
    "field,value,words",
    [
        ("name", "", "give a name"),
        ("name", "test-portal", "is a system"),
        ("kind", "robot", "is not allowed here"),
        ("role", "king", "is not allowed here"),
        ("expires", "2020-01-01", "has passed"),
        ("expires", "soon", "is no time"),
        ("label", "x" * 3000, "at most"),
    ],
)
def test_a_key_that_cannot_be_is_told_and_what_was_typed_is_kept(
    server: Server, field: str, value: str, words: str
) -> None:
    fields = {"name": "Somebody Else", "kind": "person", "role": "auditor", field: value}
    with web(server, "admin") as admin:
        answer = send(admin, f"{PEOPLE}/keys", on=PEOPLE, **fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert field == "role" or '<option value="auditor" selected>' in answer.text


def test_keys_expire_when_their_day_is_over(server: Server) -> None:
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    who = name()
    with web(server, "admin") as admin:
        _, secret = made(admin, who, expires=tomorrow)
        text = admin.get(PEOPLE).text
    assert works(server, secret)
    after = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    assert f'<time datetime="{after}T00:00:00.000000Z">' in text


def test_who_made_and_revoked_a_key_is_recorded(server: Server) -> None:
    with web(server, "admin") as admin:
        identifier, _ = made(admin, name())
        send(admin, f"{PEOPLE}/keys/{identifier}/revocation", on=PEOPLE)
        acts = admin.get("/dashboard/audit/acts", params={"who": "test-admin"}).text
    assert acts.count(identifier) == 2
    assert "by dashboard" in acts


def test_no_key_is_made_from_another_site(server: Server) -> None:
    with web(server, "admin") as admin:
        data = {"form": form_token(admin, PEOPLE), "name": "X", "kind": "person", "role": "admin"}
        answer = admin.post(f"{PEOPLE}/keys", data=data, headers={"origin": "https://elsewhere.example"})
        assert answer.status_code == 403
        assert admin.get(f"{PEOPLE}/keys/{uuid4()}").status_code == 404


def test_keys_are_taken_away_as_csv(server: Server) -> None:
    who = name()
    with web(server, "admin") as admin:
        identifier, secret = made(admin, who, label="=1+1")
        answer = admin.get(PEOPLE, params={"format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = {line["key"]: line for line in csv.DictReader(io.StringIO(answer.text))}
    assert (lines[identifier]["name"], lines[identifier]["label"]) == (who, "'=1+1")
    assert secret not in answer.text
