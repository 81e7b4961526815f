"""The policy in force as people browse and search it, and the register of clauses."""

import csv
import io
import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from api.dashboard.rule_words import Line, condition_lines
from eligibility.ruleset import Ruleset
from eligibility.storage.embedded import EmbeddedPostgres
from tests.api.bodies import permitted, prohibited
from tests.api.serving import Server, serving
from tests.conftest import fresh_database
from tests.dashboard.browsing import NARROW, person, press, tab_to, violations, web

RULE = "/dashboard/rules/licence.mau-threshold"
REGISTER = "/dashboard/rules/register"
PATIENCE = 90.0


@pytest.fixture(scope="session")
def read(server: Server) -> None:
    """The register and the cases are read once, which takes some seconds."""
    deadline = time.monotonic() + PATIENCE
    with web(server, "reviewer") as client:
        while any("being read" in client.get(path).text for path in (RULE, REGISTER)):
            assert time.monotonic() < deadline
            time.sleep(0.2)


@pytest.fixture(scope="module", autouse=True)
def fresh(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that nobody has asked anything; it has to be there before the browser."""
    with (
        fresh_database(postgres) as database,
        serving(database.service_url, tmp_path_factory.mktemp("fresh")) as running,
    ):
        yield running


def rows(server: Server, path: str, **parameters: str) -> list[dict[str, str]]:
    with web(server, "auditor") as client:
        answer = client.get(path, params={"format": "csv", **parameters})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.mark.usefixtures("read")
def test_a_rule_is_found_by_its_words_and_read(browser: Browser, server: Server) -> None:
    with person(browser, server) as page:
        page.goto("/dashboard/rules")
        assert not violations(page)
        page.get_by_label("Words", exact=True).fill("700 active")
        page.get_by_label("What it does").select_option("Leaves it to Meta")
        page.get_by_role("button", name="Show").click()
        expect(page).to_have_url(
            re.compile(r"text=700\+active&generation=&effect=contact&document=&by=clause")
        )
        expect(page.get_by_role("table")).to_have_count(2)  # it cites the licence and the FAQ
        page.get_by_role("link", name="More than 700 million monthly active users").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(
            "More than 700 million monthly active users"
        )
        conditions = page.get_by_role("region", name="Where all of these hold")
        expect(conditions).to_contain_text("Monthly active users are above 700,000,000")
        expect(conditions.get_by_role("link")).to_have_text("Not a recipient who only uses the product")
        where = page.get_by_role("region", name="Where it is written")
        expect(where).to_contain_text("Section 2, Additional Commercial Terms")
        page.get_by_role("region", name="Cases").locator("summary").first.click()
        expect(page.get_by_role("region", name="Cases")).to_contain_text("Monthly active users")
        assert not violations(page)


@pytest.mark.usefixtures("read")
def test_a_rule_is_found_by_keyboard_without_script(browser: Browser, server: Server) -> None:
    with person(browser, server, java_script_enabled=False, viewport=NARROW) as page:
        page.goto("/dashboard/rules")
        tab_to(page, page.get_by_label("Words", exact=True))
        page.keyboard.type("weapons guns")
        press(page, "Enter")
        expect(page.get_by_role("main")).to_contain_text("1 rule of version")
        tab_to(page, "Guns or illegal weapons")
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Guns or illegal weapons")
        tab_to(page, "Register of clauses")
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Register of clauses")


@pytest.mark.usefixtures("read")
@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/rules?by=topic",
        "/dashboard/rules?text=nothing+has+these+words",
        "/dashboard/rules/built-with",
        "/dashboard/rules/outcome.permitted",
        REGISTER,
        f"{REGISTER}?document=llama-faq",
    ],
)
def test_pages_have_no_fault(browser: Browser, server: Server, path: str) -> None:
    with person(browser, server, "auditor") as page:
        page.goto(path)
        assert not violations(page)
        page.set_viewport_size(NARROW)  # type: ignore[arg-type]  # width and height
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]


@pytest.mark.usefixtures("read")
def test_what_became_of_each_clause_is_read_from_document_to_rule(browser: Browser, server: Server) -> None:
    with person(browser, server, java_script_enabled=False) as page:
        page.goto(REGISTER)
        page.get_by_role("link", name="Llama 4 Acceptable Use Policy", exact=True).click()
        expect(page.get_by_role("row", name="Age-restricted material")).to_contain_text("Encoded")
        page.get_by_label("Standing").select_option("Left to people")
        page.get_by_role("button", name="Show").click()
        expect(page).to_have_url(re.compile("document=llama-4-aup&standing=people"))
        expect(page.get_by_role("table")).not_to_contain_text("Encoded")


def test_pages_renew_themselves_once_the_files_are_read(browser: Browser, fresh: Server) -> None:
    with person(browser, fresh) as page:
        page.goto(REGISTER)
        expect(page.get_by_role("main")).to_contain_text("being read")
        expect(page.get_by_role("table")).to_contain_text("Llama 4 Acceptable Use Policy", timeout=90_000)


def test_the_number_of_times_that_a_rule_fired_is_told(fresh: Server) -> None:
    with fresh.client("portal") as portal:
        for body in (prohibited(), prohibited(), permitted()):
            assert portal.post("/v1/decisions", json=body).status_code == 201
    with web(fresh, "reviewer") as client:
        fired = client.get("/dashboard/rules/licence.eu-multimodal").text
        idle = client.get("/dashboard/rules/aup.weapons").text
    assert "in 2 decisions, as of" in fired
    assert "/dashboard/decisions?finding=licence.eu-multimodal" in fired
    assert "in 0 decisions, as of" in idle


def test_every_rule_has_a_page_with_its_conditions(server: Server, ruleset: Ruleset) -> None:
    with web(server, "auditor") as client:
        for rule in ruleset.rules:
            answer = client.get(f"/dashboard/rules/{rule.id}")
            assert answer.status_code == 200, rule.id
            assert f"<h1>{rule.title}</h1>".replace("'", "&#39;") in answer.text


def test_conditions_are_nested_and_said_in_the_words_of_the_policy(ruleset: Ruleset) -> None:
    rules = {rule.id: rule for rule in ruleset.rules}
    lines = condition_lines(rules["licence.eu-affiliate-distributes"].when, ruleset)
    assert lines[2] == Line("Not a recipient who only uses the product", "/dashboard/rules/recipient")
    assert lines[3].words == "There is an affiliate X for which all of these hold"
    assert [line.words for line in lines[3].below] == [
        "Distribution is part of the involvement of affiliate X",
        "The country of the principal place of business of affiliate X is in the EU",
    ]
    [either] = condition_lines(rules["built-with"].when, ruleset)
    assert (either.words, len(either.below)) == ("Any of these", 2)
    [prohibited] = condition_lines(rules["outcome.prohibited"].when, ruleset)
    assert prohibited.address == "/dashboard/rules?effect=prohibits"


@pytest.mark.parametrize(
    "name,where",
    [
        ("aup.safety-circumvention", None),
        ("recipient", None),
        ("prohibited", "/dashboard/rules/outcome.prohibited"),
        ("principal-in-the-eu", "/dashboard/rules?text=principal-in-the-eu&by=topic"),
    ],
)
def test_names_of_conclusions_lead_to_their_rules(server: Server, name: str, where: str | None) -> None:
    with web(server, "reviewer") as client:
        answer = client.get(f"/dashboard/rules/{name}")
    assert answer.headers.get("location") == where
    assert answer.status_code == (200 if where is None else 303)


def test_filters_pick_out_rules(server: Server, ruleset: Ruleset) -> None:
    every = {row["rule"]: row for row in rows(server, "/dashboard/rules")}
    assert set(every) == {rule.id for rule in ruleset.rules}
    old = {row["rule"] for row in rows(server, "/dashboard/rules", generation="llama-2")}
    assert "built-with" not in old
    assert old == {name for name, row in every.items() if "llama-2" in row["generations"].split(";")}
    notes = rows(server, "/dashboard/rules", effect="note", document="llama-faq")
    assert notes
    assert {row["gives"] for row in notes} == {"note"}
    assert all("llama-faq: " in row["clauses"] for row in notes)
    assert not rows(server, "/dashboard/rules", text="weapons zebra")


@pytest.mark.usefixtures("read")
def test_clauses_are_taken_away_as_csv(server: Server) -> None:
    people = rows(server, REGISTER, standing="people")
    assert people
    assert {row["standing"] for row in people} == {"people"}
    assert len(rows(server, REGISTER)) > len(people)


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/rules?generation=llama-1",
        "/dashboard/rules?effect=forbids",
        "/dashboard/rules?by=age",
        "/dashboard/rules?words=x",
        "/dashboard/rules?format=xlsx",
        f"{REGISTER}?document=llama-9-aup",
    ],
)
def test_what_cannot_be_looked_for_is_said(server: Server, path: str) -> None:
    with web(server, "reviewer") as client:
        assert client.get(path).status_code == 422


def test_what_there_is_not_is_said(server: Server) -> None:
    with web(server, "reviewer") as client:
        assert client.get("/dashboard/rules/aup.nothing").status_code == 404
