"""Reviews on the page of a decision: by two people, by mouse and keyboard, and refused with words."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from eligibility.review import Kind
from eligibility.storage.attachments import LARGEST
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
from tests.dashboard.cases import case, claimed, decided, said


def address(about: str, query: str = "") -> str:
    return f"/dashboard/decisions/{about}{query}"


def fill_in(page: Page, reason: str, text: str) -> None:
    page.get_by_label("Reason (needed)").select_option(label=reason)
    page.get_by_role("textbox", name="needed").fill(text)


def test_two_people_override_by_mouse_without_script(browser: Browser, server: Server) -> None:
    about = decided(server, name="Overridden Ltd")
    with person(browser, server, "reviewer", java_script_enabled=False) as page:
        page.goto(address(about))
        page.get_by_role("link", name="Propose another outcome").click()
        page.get_by_label("The outcome should be").select_option(label="Permitted")
        fill_in(page, "An agreement with the licensor says otherwise", "See the agreement of May.")
        page.get_by_role("button", name="Propose another outcome").click()
        expect(page.get_by_role("status")).to_contain_text("It takes a second person to agree.")
        expect(page.get_by_role("link", name="Agree")).to_have_count(0)
        expect(page.get_by_text("Who proposed another outcome cannot agree")).to_be_visible()
    with person(browser, server, "approver", java_script_enabled=False) as page:
        page.goto(address(about))
        expect(page.get_by_text("See the agreement of May.")).to_be_visible()
        page.get_by_role("link", name="Agree").click()
        fill_in(page, "Seen, and agreed", "I have seen it.")
        page.get_by_role("button", name="Agree").click()
        expect(page.get_by_role("status")).to_contain_text("the other outcome is in force")
        expect(page.get_by_role("link", name="Make it a precedent")).to_have_attribute(
            "href", f"/dashboard/precedents/new?decision={about}"
        )
    with server.client("portal") as portal:
        told = portal.get(f"/v1/decisions/{about}").json()
    assert (told["outcome"], told["outcome_in_force"]) == ("contact_meta", "permitted")


def test_two_people_override_by_keyboard(browser: Browser, server: Server) -> None:
    about = decided(server, name="Typed Ltd")
    for who, act, first, words in (
        ("reviewer", "Propose another outcome", "The outcome should be (needed)", "proposed by keyboard"),
        ("approver", "Agree", "Reason (needed)", "agreed by keyboard"),
    ):
        with person(browser, server, who) as page:  # type: ignore[arg-type]  # both are among them
            page.goto(address(about))
            tab_to(page, act)
            press(page, "Enter")
            expect(page.get_by_role("button", name=act)).to_be_visible()
            tab_to(page, first)
            if who == "reviewer":
                page.keyboard.type("Prohibited")
                press(page, "Tab")
            press(page, "ArrowDown", "Tab")
            page.keyboard.type(words)
            press(page, "Tab", "Enter")
            expect(page.get_by_role("status")).to_be_visible()
            expect(page.get_by_text(words)).to_be_visible()
    told = case(server, about)
    assert (told["state"], told["outcome_in_force"]) == ("closed", "prohibited")
    assert [step["text"] for step in told["reviews"]] == ["proposed by keyboard", "agreed by keyboard"]


def test_nothing_is_done_to_a_case_that_changed_and_what_was_typed_stays(
    browser: Browser, server: Server
) -> None:
    about = decided(server)
    with person(browser, server) as page:
        page.goto(address(about, "?do=override"))
        page.get_by_label("The outcome should be").select_option("permitted")
        fill_in(page, "An agreement with the licensor says otherwise", "It took me an hour to write this.")
        said(server, "approver", about, "comment")
        page.get_by_role("button", name="Propose another outcome").click()
        expect(page.get_by_role("alert")).to_contain_text("test-approver commented at")
        expect(page.get_by_role("alert")).to_contain_text("nothing was done")
        expect(page.get_by_label("Your words")).to_have_value("It took me an hour to write this.")
        expect(page.get_by_label("The outcome should be")).to_have_value("permitted")
        expect(page.get_by_label("Reason (needed)")).to_have_value("agreement")
        assert not violations(page)
        assert case(server, about)["number"] == 1
        page.get_by_role("button", name="Propose another outcome").click()
        expect(page.get_by_role("status")).to_contain_text("Another outcome is proposed.")


def test_what_was_typed_can_be_copied_where_it_cannot_be_sent_again(browser: Browser, server: Server) -> None:
    about = decided(server)
    with person(browser, server) as page:
        page.goto(address(about, "?do=confirm"))
        fill_in(page, "It was decided rightly", "Confirmed with care.")
        said(server, "approver", about, "confirm")
        page.get_by_role("button", name="Confirm the outcome").click()
        expect(page.get_by_role("alert")).to_contain_text("test-approver confirmed the outcome at")
        expect(page.get_by_role("blockquote")).to_have_text("Confirmed with care.")
        expect(page.get_by_role("button", name="Confirm the outcome")).to_have_count(0)
        assert not violations(page)


def test_nobody_agrees_to_their_own_proposal(server: Server) -> None:
    about = decided(server)
    said(server, "approver", about, "override", outcome="permitted")
    step = {"kind": "agree", "reason": "agreed", "text": "me too", "number": "1"}
    with web(server, "approver") as client:
        answer = send(client, address(about, "/reviews"), on=address(about), **step)
    assert answer.status_code == 409
    assert "Who proposed another outcome cannot agree or decline" in answer.text
    with web(server, "reviewer") as client:
        assert send(client, address(about, "/reviews"), on=address(about), **step).status_code == 403
        assert "An approver or an admin has to agree or decline." in client.get(address(about)).text
    assert case(server, about)["state"] == "proposed"


def test_who_does_not_hold_the_case_is_told_and_may_comment(browser: Browser, server: Server) -> None:
    about = decided(server)
    claimed(server, "approver", about)
    step = {"kind": "confirm", "reason": "as_decided", "text": "quickly", "number": "0"}
    with web(server, "reviewer") as client:
        for path, fields in (
            ("/reviews", step),
            ("/claim", {}),
            ("/release", {}),
            ("/hand-over", {"to": about}),
        ):
            answer = send(client, address(about, path), on=address(about), **fields)
            assert answer.status_code == 409, path
        assert (
            "Somebody else holds the case"
            in send(client, address(about, "/reviews"), on=address(about), **step).text
        )
    with person(browser, server, java_script_enabled=False) as page:
        page.goto(address(about))
        expect(page.get_by_text("test-approver holds the case.")).to_be_visible()
        expect(page.get_by_role("link", name="Confirm the outcome")).to_have_count(0)
        page.get_by_role("link", name="Comment").click()
        fill_in(page, "For whoever reads it later", "Look at clause 2.")
        page.get_by_role("button", name="Comment").click()
        expect(page.get_by_role("status")).to_have_text("Your comment is kept.")


def test_a_case_is_claimed_handed_over_and_released(browser: Browser, server: Server) -> None:
    about = decided(server)
    with person(browser, server, java_script_enabled=False) as page:
        page.goto(address(about))
        page.get_by_role("button", name="Claim").click()
        expect(page.get_by_role("status")).to_have_text("You hold the case now.")
        page.get_by_label("Hand over to").select_option(label="test-approver")
        page.get_by_role("button", name="Hand over").click()
        expect(page.get_by_role("status")).to_have_text("The case is handed over.")
        expect(page.get_by_role("button", name="Release")).to_have_count(0)
    assert case(server, about)["holder"] == "test-approver"
    with person(browser, server, "approver") as page:
        page.goto(address(about))
        tab_to(page, "Release")
        press(page, "Enter")
        expect(page.get_by_role("status")).to_have_text("You hold the case no longer.")
    assert case(server, about)["holder"] is None


@pytest.mark.parametrize("use", HANDS)
def test_asking_pauses_the_deadline_until_the_answer_is_noted(
    browser: Browser, server: Server, use: Hand
) -> None:
    about = decided(server)
    due = case(server, about)["due"]
    with person(browser, server, java_script_enabled=False) as page:
        page.goto(address(about, "?ask=1"))
        ticked = page.get_by_role("checkbox")
        assert ticked.count() > 1
        assert all(each.is_checked() for each in ticked.all())
        expect(page.get_by_label("What you write to the applicant")).to_have_value(
            "\n".join(
                [
                    "To decide this we need to know:",
                    *(f"- {words}" for words in page.locator("fieldset label").all_inner_texts()),
                ]
            )
        )
        ticked.first.uncheck()
        page.get_by_label("Reason (needed)").select_option("facts_missing")
        use(page, page.get_by_role("button", name="Ask the applicant"))
        expect(page.get_by_role("status")).to_contain_text("The deadline is paused")
        expect(page.get_by_text("paused with 4 days left")).to_be_visible()
        paused = case(server, about)
        assert (paused["state"], len(paused["reviews"][0]["questions"])) == ("waiting", ticked.count() or 4)
        use(page, page.get_by_role("link", name="Note the answer"))
        fill_in(page, "The applicant has answered", "Fewer than a million users.")
        use(page, page.get_by_role("button", name="Note the answer"))
        expect(page.get_by_role("status")).to_contain_text("The deadline counts on.")
    answered = case(server, about)
    assert answered["state"] == "open"
    assert answered["paused_at"] is None
    assert answered["due"] > due


@pytest.mark.parametrize("use", HANDS)
def test_a_file_is_attached_and_downloaded_again(
    browser: Browser, server: Server, tmp_path: Path, use: Hand
) -> None:
    about, letter = decided(server), tmp_path / "letter é.html"
    letter.write_bytes(b"<script>alert(1)</script>" * 50_000)
    with person(browser, server, java_script_enabled=False) as page:
        page.goto(address(about, "?do=attach"))
        with page.expect_file_chooser() as chooser:
            use(page, page.get_by_label("File"))
        chooser.value.set_files(letter)
        fill_in(page, "It shows a fact", "What they wrote.")
        use(page, page.get_by_role("button", name="Attach the file"))
        expect(page.get_by_role("status")).to_have_text("The file is attached.")
        expect(page.get_by_text("text/html, 1.2 MB")).to_be_visible()
        with page.expect_download() as downloading:
            use(page, page.get_by_role("link", name="letter é.html"))
        assert downloading.value.suggested_filename == "letter é.html"
        assert downloading.value.path().read_bytes() == letter.read_bytes()
    made = case(server, about)["reviews"][0]["id"]
    with web(server, "auditor") as client:
        answer = client.get(address(about, f"/files/{made}"))
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-security-policy"].startswith("sandbox")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert client.get(address(decided(server), f"/files/{made}")).status_code == 404


@pytest.mark.parametrize(
    "content,fields,words",
    [
        (b"x" * (LARGEST + 1), {}, "10 MB at most"),
        (b"", {}, "10 MB at most"),
        (None, {}, "10 MB at most"),
        (b"x", {"reason": ""}, "Choose the reason."),
        (b"x", {"text": " "}, "Say why, in some words."),
        (b"x", {"reason": "note"}, "is no reason for `attach`"),
    ],
    ids=str,
)
def test_a_file_that_cannot_be_kept_is_told_and_the_text_stays(
    server: Server, content: bytes | None, fields: dict[str, str], words: str
) -> None:
    about = decided(server)
    given = {"reason": "evidence", "text": "long words", **fields}
    file = ("letter.pdf", content, "application/pdf") if content is not None else ("", b"", "")
    with web(server, "reviewer") as client:
        token = form_token(client, address(about))
        answer = client.post(
            address(about, "/files"), data={"form": token, "kind": "attach", **given}, files={"file": file}
        )
    assert answer.status_code == 422
    assert words in answer.text.replace("&#39;", "'")
    assert given["text"].strip() in answer.text
    assert case(server, about)["number"] == 0


@pytest.mark.parametrize(
    "body,kind,status",
    [
        (b"form=x", "application/x-www-form-urlencoded", 415),
        (b"no parts", "multipart/form-data; boundary=b", 400),
        (b"no boundary", "multipart/form-data", 400),
        (
            b'--b\r\ncontent-disposition: form-data; name="text"\r\n\r\n\xff\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            400,
        ),
        (
            b'--b\r\ncontent-disposition: form-data; name="text"\r\n\r\nx\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            403,
        ),
    ],
    ids=str,
)
def test_a_body_that_is_no_form_of_ours_is_refused(
    server: Server, body: bytes, kind: str, status: int
) -> None:
    about = decided(server)
    with web(server, "reviewer") as client:
        answer = client.post(address(about, "/files"), content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert case(server, about)["number"] == 0


def test_reason_and_text_are_needed_and_told_beside_their_fields(browser: Browser, server: Server) -> None:
    about = decided(server)
    with person(browser, server, color_scheme="dark") as page:
        page.goto(address(about, "?do=override"))
        page.evaluate("document.querySelectorAll('[required]').forEach((each) => (each.required = false))")
        page.get_by_label("Your words").fill("kept")
        page.get_by_role("button", name="Propose another outcome").click()
        expect(page.get_by_role("alert")).to_be_focused()
        expect(page.get_by_role("alert").get_by_role("link")).to_have_text(
            ["Choose the reason.", "Choose the outcome that should be in force."]
        )
        expect(page.get_by_label("Your words")).to_have_value("kept")
        page.get_by_role("link", name="Choose the reason.").click()
        expect(page.get_by_label("Reason (needed)")).to_be_focused()
        expect(page.get_by_label("Reason (needed)")).to_have_attribute("aria-invalid", "true")
        assert not violations(page)
    assert case(server, about)["number"] == 0


@pytest.mark.parametrize("use", HANDS)
@pytest.mark.parametrize(
    "before,who,kind,notice",
    [
        ((), "admin", "confirm", "The outcome is confirmed."),
        (("override",), "approver", "decline", "You declined the other outcome."),
        (("override",), "reviewer", "withdraw", "The proposal is withdrawn."),
        (("confirm",), "reviewer", "dispute", "The decision is disputed"),
    ],
)
def test_each_other_step_is_taken_on_the_page(
    browser: Browser, server: Server, before: tuple[Kind, ...], who: Who, kind: Kind, notice: str, use: Hand
) -> None:
    about = decided(server)
    for step in before:
        more = {"outcome": "permitted"} if step == "override" else {}
        said(server, "reviewer", about, step, **more)
    with person(browser, server, who, java_script_enabled=False) as page:
        page.goto(address(about, f"?do={kind}"))
        page.get_by_label("Reason (needed)").select_option(index=1)
        page.get_by_label("Your words").fill("my words")
        use(page, page.get_by_role("main").locator("button.main"))
        expect(page.get_by_role("status")).to_contain_text(notice)
        expect(page.get_by_text("my words")).to_be_visible()
    assert case(server, about)["reviews"][-1]["kind"] == kind


def test_an_auditor_sees_every_step_and_no_form(browser: Browser, server: Server) -> None:
    about = decided(server)
    said(server, "reviewer", about, "ask", questions=["entity.monthly_active_users"])
    with person(browser, server, "auditor") as page:
        page.goto(address(about, "?do=answer"))
        expect(page.get_by_text("ask by reviewer")).to_be_visible()
        expect(page.locator("ol.steps").get_by_text("How many monthly active users")).to_be_visible()
        expect(page.locator("section[aria-labelledby=review] form[method=post]")).to_have_count(0)
        expect(page.get_by_role("link", name="Note the answer")).to_have_count(0)


def test_a_decision_that_needs_nobody_can_be_disputed(browser: Browser, server: Server) -> None:
    about = decided(server, permitted())
    if case(server, about)["causes"]:
        pytest.skip("one in a hundred is sampled for quality")
    with person(browser, server, java_script_enabled=False) as page:
        page.goto(address(about))
        expect(page.get_by_text("nobody had to look at it")).to_be_visible()
        page.get_by_role("link", name="Dispute").click()
        fill_in(page, "The outcome does not follow from the facts", "It cannot be.")
        page.get_by_role("button", name="Dispute").click()
        expect(page.get_by_role("status")).to_contain_text("its case is in the queue")


def test_nothing_keeps_people_from_using_the_panel(browser: Browser, server: Server) -> None:
    about, proposed, done = decided(server), decided(server), decided(server)
    for each in (proposed, done):
        said(server, "reviewer", each, "override", outcome="permitted")
    said(server, "approver", done, "agree")
    claimed(server, "approver", about)
    with person(browser, server, "approver", viewport=NARROW) as page:
        for path in (
            address(about, "?ask=1"),
            address(about, "?do=attach"),
            address(proposed, "?do=agree"),
            address(proposed, "?do=withdraw"),
            address(done),
        ):
            page.goto(path)
            assert not violations(page), path
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], path
