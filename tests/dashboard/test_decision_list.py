"""Finding decisions: by mouse, by keyboard, without scripts; what is refused, and who is seen to look."""

import csv
import io
import json
import re
from collections.abc import Iterator
from uuid import UUID, uuid4

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api.backlogs import ended, jsonl, requests, uploaded, working
from tests.api.bodies import permitted, prohibited, unclear
from tests.api.serving import Server
from tests.dashboard.browsing import NARROW, person, press, tab_to, violations, web

LIST = "/dashboard/decisions"


@pytest.fixture(scope="module")
def mark() -> str:
    """A word that nothing else in the log has."""
    return f"mark{uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def made(server: Server, mark: str) -> Iterator[dict[str, str]]:
    """The ids of three decisions with that word, by their outcome."""
    with server.client("portal") as portal, server.client("reviewer") as reviewer:
        ids = {}
        for body in (permitted, prohibited, unclear):
            sent = body(name=f"{mark} Ltd.", reference=f"{body.__name__}-{mark}")
            ids[body.__name__] = portal.post("/v1/decisions", json=sent).json()["id"]
        said = {"kind": "comment", "reason": "note", "text": f"said{mark}", "number": 0}
        answer = reviewer.post(f"/v1/decisions/{ids['permitted']}/reviews", json=said)
        assert answer.status_code == 201, answer.text
        yield ids


def seen(page: Page) -> set[str]:
    """The ids of the decisions on the page."""
    links = page.locator("tbody th[scope=row] a[href^='/dashboard/decisions/']").all()
    return {(link.get_attribute("href") or "").rsplit("/", 1)[-1] for link in links}


def test_words_and_outcomes_find_by_mouse(
    browser: Browser, server: Server, mark: str, made: dict[str, str]
) -> None:
    with person(browser, server) as page:
        page.goto(LIST)
        assert not violations(page)
        page.get_by_label("Words", exact=False).first.fill(f'"{mark} ltd"')
        page.get_by_role("button", name="Find").last.click()
        expect(page.get_by_role("heading", name="What was found")).to_be_visible()
        assert seen(page) == set(made.values())
        page.get_by_label("Decided as").select_option("Prohibited")
        page.get_by_role("button", name="Find").last.click()
        expect(page).to_have_url(re.compile(f"{mark}.*&outcome=prohibited"))
        assert seen(page) == {made["prohibited"]}
        assert not violations(page)
        page.get_by_role("link", name="Clear all").click()
        expect(page).to_have_url(f"{server.url}{LIST}")


def test_facts_find_by_keyboard_without_scripts(
    browser: Browser, server: Server, mark: str, made: dict[str, str]
) -> None:
    with person(browser, server, java_script_enabled=False, viewport=NARROW) as page:
        page.goto(f"{LIST}?text={mark}")
        assert seen(page) == set(made.values())
        tab_to(page, page.locator("summary", has_text="More filters"))
        press(page, "Enter")
        tab_to(page, page.get_by_label("Facts").first)
        page.keyboard.type("entity.principal_place_of_business=FR use.activities=develop")
        press(page, "Enter")
        expect(page.get_by_label("Facts").first).to_have_value(
            "entity.principal_place_of_business=FR use.activities=develop"
        )
        assert seen(page) == {made["prohibited"]}


def test_the_box_of_every_page_leads_to_what_it_finds(
    browser: Browser, server: Server, mark: str, made: dict[str, str]
) -> None:
    with person(browser, server, "auditor") as page:
        page.goto("/dashboard/help")
        tab_to(page, "Find decisions by a word or an id")
        page.keyboard.type(f"said{mark}")
        press(page, "Enter")
        expect(page.get_by_role("cell", name="a comment")).to_be_visible()
        assert seen(page) == {made["permitted"]}
        tab_to(page, "Find decisions by a word or an id")
        page.keyboard.type(made["unclear"])
        press(page, "Enter")
        expect(page).to_have_url(f"{server.url}{LIST}/{made['unclear']}")


def test_batches_are_found_and_what_is_in_them(
    server: Server, mark: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with server.client("reviewer") as reviewer, working(server.settings, tmp_path_factory.mktemp("w")):
        lines = [*requests(3), {"request_id": f"bad-{mark}", "model": {"generation": "llama-9"}}]
        batch = ended(reviewer, uploaded(reviewer, jsonl(lines)))["id"]
    with web(server, "reviewer") as client:
        answer = client.get(LIST, params={"text": f"bad-{mark}"})
        assert f'href="/dashboard/batches/{batch}"' in answer.text
        assert client.get(LIST, params={"batch": batch}).text.count('<th scope="row"><a ') == 3
        assert client.get(LIST, params={"text": batch}).headers["location"] == f"/dashboard/batches/{batch}"


@pytest.mark.parametrize(
    "name,value,words",
    [
        ("text", "…", "has no word in it"),
        ("facts", "entity.name=Example", "cannot be looked for"),
        ("facts", "entity.kind=firm", "is not allowed here"),
        ("facts", "entity.monthly_active_users=many", "is a whole number"),
        ("facts", "entity.domicile=", "needs a value"),
        ("facts", "entity.kind=company entity.kind=researcher", "is given twice"),
        ("outcome", "perhaps", "is not allowed here"),
        ("who", "Nobody Of This Name", "nobody here is called"),
        ("batch", "7", "is no id"),
        ("ruleset", "7", "is no digest"),
        ("from", "2026-02-30", "is no day"),
        ("cursor", "!", "is no cursor"),
    ],
)
def test_filters_that_mean_nothing_are_told_beside_their_field(
    server: Server, name: str, value: str, words: str
) -> None:
    with web(server, "reviewer") as client:
        answer = client.get(LIST, params={name: value})
    assert answer.status_code == 422
    assert words in answer.text


def test_unknown_filters_are_refused_and_empty_ones_are_none(server: Server) -> None:
    with web(server, "reviewer") as client:
        assert client.get(LIST, params={"colour": "blue"}).status_code == 422
        assert client.get(LIST, params={"text": "", "from": "", "outcome": " "}).status_code == 200


@pytest.mark.usefixtures("made")
def test_pages_follow_by_their_cursor(server: Server) -> None:
    with server.client("portal") as portal:
        for number in range(60):
            portal.post("/v1/decisions", json=permitted(name=f"Page {number}"))
    with web(server, "reviewer") as client:
        first = client.get(LIST)
        following = httpx.URL(first.text.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&"))
        second = client.get(str(following))
    one, two = (links(answer.text) for answer in (first, second))
    assert len(one) == 50
    assert two
    assert not set(one) & set(two)


def links(text: str) -> list[str]:
    return [part.split('"')[0] for part in text.split('<a href="/dashboard/decisions/')[1:]]


def test_all_that_is_found_is_taken_away_as_csv(server: Server, mark: str, made: dict[str, str]) -> None:
    with server.client("portal") as portal:
        sent = permitted(name=f"=formula {mark}", reference="a;b")
        extra = portal.post("/v1/decisions", json=sent).json()["id"]
    with web(server, "reviewer") as client:
        answer = client.get(LIST, params={"text": mark, "format": "csv"})
    assert answer.headers["content-disposition"] == 'attachment; filename="decisions.csv"'
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    assert set(rows) - {""} == {*made.values(), extra}  # a batch has the word too, in another test
    assert rows[extra]["name"] == f"'=formula {mark}"
    assert rows[made["prohibited"]]["findings"] == "licence.eu-multimodal"
    assert rows[made["unclear"]]["outcome_in_force"] == "contact_meta"


@pytest.mark.parametrize("more", [{}, {"format": "csv"}], ids=["page", "csv"])
def test_that_somebody_looks_is_recorded_before(
    server: Server, mark: str, made: dict[str, str], more: dict[str, str]
) -> None:
    before = looks(server)
    with web(server, "reviewer") as client:
        client.head(LIST, params={"text": mark, "format": "csv"})
        assert looks(server) == before
        client.get(LIST, params={"text": f"unclear-{mark}", **more})
    assert looks(server)[len(before) :] == [[made["unclear"]]]


def looks(server: Server) -> list[list[str]]:
    """What was looked at on pages, by decisions."""
    with server.client("admin") as admin:
        lines = admin.get("/v1/audit/export", params={"kind": "access", "format": "jsonl"}).text.splitlines()
    found = []
    for line in lines:
        record = json.loads(line)
        if record.get("channel") == "dashboard" and "decisions" in record["facts"]:
            found.append(record["facts"]["decisions"])
    return found


def test_nothing_that_is_found_runs_or_breaks_the_page(server: Server, mark: str) -> None:
    with server.client("portal") as portal:
        portal.post("/v1/decisions", json=permitted(name=f"<script>alert(1)</script> x{mark}"))
    with web(server, "reviewer") as client:
        answer = client.get(LIST, params={"text": f"x{mark}"})
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert" in answer.text
    [found] = set(links(answer.text))
    assert str(UUID(found)) == found
