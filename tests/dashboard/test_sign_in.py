"""Signing in and out, in a browser and without; and what keeps others from acting in somebody's name."""

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.api.serving import Server
from tests.cli.running import NO_CERTIFICATES
from tests.dashboard.browsing import form_token, person, press, send, stranger, tab_to, violations, web


def test_one_signs_in_by_mouse_and_out_again(browser: Browser, server: Server) -> None:
    with stranger(browser, server) as page:
        page.goto("/dashboard/help")
        expect(page).to_have_url(f"{server.url}/dashboard/sign-in?next=%2Fdashboard%2Fhelp")
        page.get_by_label("Your key").fill(server.keys["reviewer"])
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(f"{server.url}/dashboard/help")
        expect(page.get_by_role("banner")).to_contain_text("test-reviewer")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("status")).to_have_text("You are signed out.")
        page.goto("/dashboard")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_one_signs_in_by_keyboard_without_script(browser: Browser, server: Server) -> None:
    with stranger(browser, server, java_script_enabled=False) as page:
        page.goto("/dashboard/sign-in")
        tab_to(page, page.get_by_label("Your key"))
        page.keyboard.type(server.keys["auditor"])
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Today")


def test_a_key_that_does_not_work_is_told_beside_its_field(browser: Browser, server: Server) -> None:
    with stranger(browser, server) as page:
        page.goto("/dashboard/sign-in")
        page.get_by_label("Your key").fill("elk_wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_focused()
        expect(page.get_by_label("Your key")).to_have_attribute("aria-invalid", "true")
        assert "elk_wrong" not in page.content()
        assert not violations(page)


@pytest.mark.parametrize("who,words", [("portal", "belongs to a system"), ("monitor", "belongs to a system")])
def test_keys_of_programs_sign_nobody_in(server: Server, who: str, words: str) -> None:
    with web(server, "nobody") as client:
        answer = send(client, "/dashboard/sign-in", on="/dashboard/sign-in", key=server.keys[who])  # type: ignore[index]  # both are among them
    assert answer.status_code == 422
    assert words in answer.text


def test_what_is_posted_from_another_site_is_refused(server: Server) -> None:
    with web(server, "reviewer") as client:
        token = form_token(client, "/dashboard/help")
        for headers in ({"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"}):
            answer = client.post("/dashboard/sign-out", data={"form": token}, headers=headers)
            assert answer.status_code == 403
        assert client.get("/dashboard").status_code == 200


def test_what_does_not_say_where_it_comes_from_is_refused(server: Server) -> None:
    with web(server, "reviewer") as signed_in:
        token, cookies = form_token(signed_in, "/dashboard/help"), dict(signed_in.cookies)
        answer = httpx.post(
            f"{server.url}/dashboard/sign-out",
            data={"form": token},
            cookies=cookies,
            verify=NO_CERTIFICATES,
        )
        assert answer.status_code == 403
        assert signed_in.get("/dashboard").status_code == 200


@pytest.mark.parametrize("given", [{}, {"form": "0" * 64}], ids=["without", "wrong"])
def test_a_form_that_is_not_ours_is_refused(server: Server, given: dict[str, str]) -> None:
    with web(server, "reviewer") as client:
        answer = client.post("/dashboard/sign-out", data={"x": "1", **given})
        assert answer.status_code == 403
        assert client.get("/dashboard").status_code == 200


def test_forms_of_one_person_are_no_good_for_another(server: Server) -> None:
    with web(server, "reviewer") as one, web(server, "auditor") as other:
        answer = other.post("/dashboard/sign-out", data={"form": form_token(one, "/dashboard/help")})
        assert answer.status_code == 403


def test_the_cookie_is_kept_from_scripts_and_other_sites(server: Server) -> None:
    with web(server, "nobody") as client:
        here = client.get("/dashboard/sign-in").headers["set-cookie"]
        elsewhere = client.get("/dashboard/sign-in", headers={"host": "law.example"}).headers["set-cookie"]
    assert "HttpOnly; SameSite=Lax" in here
    assert "Secure" not in here
    assert "HttpOnly; SameSite=Lax; Secure" in elsewhere


def test_signing_in_makes_a_new_token(server: Server) -> None:
    with web(server, "nobody") as client:
        client.get("/dashboard/sign-in")
        before = client.cookies["eligibility"]
        send(client, "/dashboard/sign-in", on="/dashboard/sign-in", key=server.keys["reviewer"])
        assert client.cookies["eligibility"] != before


def test_a_token_is_worth_nothing_after_signing_out(server: Server) -> None:
    with web(server, "reviewer") as client:
        token = client.cookies["eligibility"]
        send(client, "/dashboard/sign-out", on="/dashboard/help")
        client.cookies.set("eligibility", token)
        assert client.get("/dashboard").status_code == 303


@pytest.mark.parametrize(
    "wanted",
    [
        "https://elsewhere.example/dashboard",
        "//elsewhere.example/dashboard",
        "/dashboard\\@elsewhere.example",
        "/v1/x",
    ],
)
def test_signing_in_leads_nowhere_else(server: Server, wanted: str) -> None:
    with web(server, "nobody") as client:
        fields = {"key": server.keys["reviewer"], "next": wanted}
        answer = send(client, "/dashboard/sign-in", on="/dashboard/sign-in", **fields)
    assert answer.headers["location"] == "/dashboard"


def test_pages_are_closed_to_keys_and_calls_to_cookies(server: Server) -> None:
    with server.client("admin") as by_key, web(server, "admin") as by_cookie:
        assert by_key.get("/dashboard").status_code == 303
        assert by_cookie.get("/v1/decisions").status_code == 401


def test_pages_load_nothing_from_elsewhere_and_run_nothing_inline(server: Server) -> None:
    with web(server, "reviewer") as client:
        policy = client.get("/dashboard").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_what_is_not_there_is_told_on_a_page(browser: Browser, server: Server) -> None:
    with person(browser, server) as page:
        page.goto("/dashboard/nowhere")
        expect(page.get_by_role("heading", level=1)).to_have_text("There is no such thing")
        assert not violations(page)
