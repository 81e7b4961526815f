"""Batches on pages: uploaded, watched to their end, taken away, compared, cancelled."""

import csv
import gzip
import io
import json
import re
from collections.abc import Callable, Iterator

import httpx
import pyarrow.parquet as pq
import pytest
import uuid_utils.compat
from playwright.sync_api import Browser, FilePayload, Page, expect, sync_playwright

from eligibility.backlog.columns import COLUMNS
from eligibility.storage.embedded import EmbeddedPostgres
from tests.api.backlogs import as_csv, ended, jsonl, requests, results, uploaded, working
from tests.api.serving import Server, serving
from tests.conftest import fresh_database
from tests.dashboard.browsing import (
    HANDS,
    NARROW,
    Hand,
    form_token,
    launched,
    person,
    press,
    send,
    tab_to,
    violations,
    web,
)

BATCHES = "/dashboard/batches"
NEW = f"{BATCHES}/new"
BAD = b'{"model": {"generation": "llama-9"}}\n{"modell": 1}\n'


@pytest.fixture(scope="module")
def batch_server(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own, with workers."""
    folder = tmp_path_factory.mktemp("batches")
    limits = {"ELIGIBILITY_BATCHES_PER_KEY": "3", "ELIGIBILITY_BATCH_LINES": "100"}
    with (
        fresh_database(postgres) as database,
        serving(database.service_url, folder / "server", None, **limits) as server,
        working(server.settings, folder),
    ):
        yield server


@pytest.fixture(scope="module")
def idle_server(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server where nobody decides what it takes."""
    folder = tmp_path_factory.mktemp("idle")
    with (
        fresh_database(postgres) as database,
        serving(database.service_url, folder, None, ELIGIBILITY_BATCH_BYTES="20000") as server,
    ):
        yield server


@pytest.fixture(scope="module")
def window(batch_server: Server, idle_server: Server) -> Iterator[Browser]:  # noqa: ARG001 - the servers have to be there first
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pair(batch_server: Server) -> tuple[str, str]:
    """The ids of two batches over the same rows, of which the later one has more users; both have ended."""
    with batch_server.client("reviewer") as client:
        places = [
            uploaded(client, jsonl(requests(30, monthly_active_users=users)) + BAD)
            for users in (5, 800_000_000)
        ]
        first, second = (ended(client, place)["id"] for place in places)
    return first, second


def payload(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "text/plain", "buffer": content}


def choose(page: Page, name: str, content: bytes) -> None:
    page.get_by_label("File").set_input_files(payload(name, content))


def sent(client: httpx.Client, name: str, content: bytes, **fields: str) -> httpx.Response:
    data = {"form": form_token(client, NEW), **fields}
    return client.post(NEW, data=data, files={"file": (name, content)})


def test_a_file_is_uploaded_by_mouse_and_watched_to_its_end(window: Browser, batch_server: Server) -> None:
    with person(window, batch_server) as page:
        page.goto(BATCHES)
        page.get_by_role("link", name="Upload a file").click()
        choose(page, "mine.csv", as_csv(requests(30)))
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("status")).to_contain_text("The file is stored")
        expect(page.get_by_role("heading", name="Done")).to_be_visible(timeout=60_000)
        row = page.get_by_role("row", name="Permitted")
        expect(row).to_contain_text("10")
        picture = page.get_by_role("img", name="Rows by outcome")
        expect(picture).to_have_js_property("complete", value=True)
        assert picture.evaluate("it => it.naturalWidth") > 0
        page.get_by_role("link", name="Batches", exact=True).click()
        expect(page.get_by_role("row").nth(1)).to_contain_text("test-reviewer")


def test_a_file_is_uploaded_by_keyboard_without_script(window: Browser, batch_server: Server) -> None:
    with person(window, batch_server, java_script_enabled=False) as page:
        page.goto(NEW)
        tab_to(page, page.get_by_label("File"))
        with page.expect_file_chooser() as chooser:
            press(page, "Enter")
        chooser.value.set_files(payload("mine.jsonl.gz", gzip.compress(jsonl(requests(9)) + BAD)))
        tab_to(page, page.get_by_role("button", name="Upload"))
        press(page, "Enter")
        expect(page.get_by_role("status")).to_contain_text("The file is stored")
        address = page.url
        with batch_server.client("reviewer") as client:
            ended(client, f"/v1/batches/{re.split('[/?]', address)[-2]}")
        page.goto(address)
        expect(page.get_by_role("heading", name="Done")).to_be_visible()
        refused = page.get_by_role("region", name="Refused lines")
        expect(refused.get_by_role("row").nth(1)).to_contain_text("`llama-9` is not allowed here")
        expect(refused.get_by_role("row").nth(2)).to_contain_text("/modell")


def test_a_file_that_is_not_good_is_told_of_beside_its_field(window: Browser, batch_server: Server) -> None:
    with person(window, batch_server) as page:
        page.goto(NEW)
        choose(page, "mine.csv", b"model.generation,entity.kinds\nllama-4,company\n")
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("alert")).to_be_focused()
        expect(page.get_by_label("File")).to_have_attribute("aria-invalid", "true")
        expect(page.locator("#fault-file").first).to_contain_text("did you mean `entity.kind`?")
        assert not violations(page)


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("mine.txt", b"{}", "does not say its format"),
        ("", b"", "choose a file"),
        ("mine.jsonl", b"{}\n" * 101, "more than 100 lines"),
    ],
)
def test_what_is_refused(batch_server: Server, name: str, content: bytes, words: str) -> None:
    with web(batch_server, "reviewer") as client:
        if name:
            answer = sent(client, name, content)
        else:
            token = form_token(client, NEW).encode()
            answer = client.post(NEW, files=[("form", (None, token)), ("file", ("", b""))])
    assert answer.status_code == 422, answer.text
    assert words in answer.text


def test_a_file_that_is_too_large_is_refused(idle_server: Server) -> None:
    with web(idle_server, "reviewer") as client:
        answer = sent(client, "mine.jsonl", b" " * 20_001)
        assert answer.status_code == 422
        assert "larger than can be taken" in answer.text
        assert "There are none." in client.get(BATCHES).text


def test_the_token_of_the_form_has_to_come_before_the_file(idle_server: Server) -> None:
    with web(idle_server, "reviewer") as client:
        token = form_token(client, NEW)
        for files in (
            [("file", ("mine.jsonl", b"{}\n")), ("form", (None, token.encode()))],
            [("file", ("mine.jsonl", b"{}\n"))],
            [("form", (None, b"0" * 64)), ("file", ("mine.jsonl", b"{}\n"))],
        ):
            assert client.post(NEW, files=files).status_code == 403
        broken = {"content-type": "multipart/form-data; boundary=x"}
        assert client.post(NEW, content=b"--x\r\nnothing", headers=broken).status_code == 400
        assert "There are none." in client.get(BATCHES).text


def test_results_are_taken_away_as_calls_give_them(batch_server: Server, pair: tuple[str, str]) -> None:
    with web(batch_server, "reviewer") as pages, batch_server.client("reviewer") as calls:
        for query in ("?format=jsonl", "?format=csv&full=true", "?format=parquet"):
            answer = pages.get(f"{BATCHES}/{pair[0]}/results{query}")
            assert answer.content == calls.get(f"/v1/batches/{pair[0]}/results{query}").content
        refused = pages.get(f"{BATCHES}/{pair[0]}/refused?format=csv")
        assert "attachment" in refused.headers["content-disposition"]
        assert [row["line"] for row in csv.DictReader(io.StringIO(refused.text))] == ["31", "32"]
        assert len(results(calls, f"/v1/batches/{pair[0]}")) == 32


def compare_by_mouse(page: Page, before: str) -> None:
    page.get_by_text("Compare with another batch", exact=True).click()
    page.get_by_label("Batch to compare with").select_option(before)
    page.get_by_role("button", name="Compare").click()


def compare_by_keyboard(page: Page, before: str) -> None:
    tab_to(page, "Compare with another batch")
    press(page, "Enter")
    batches = page.get_by_label("Batch to compare with")
    tab_to(page, batches)
    press(page, "Home")
    while batches.input_value() != before:
        press(page, "ArrowDown")
    tab_to(page, page.get_by_role("button", name="Compare"))
    press(page, "Enter")


@pytest.mark.parametrize("compare", [compare_by_mouse, compare_by_keyboard])
def test_batches_are_compared(
    window: Browser, batch_server: Server, pair: tuple[str, str], compare: Callable[[Page, str], None]
) -> None:
    before, now = pair
    with person(window, batch_server) as page:
        page.goto(f"{BATCHES}/{now}")
        compare(page, before)
        expect(page.get_by_role("heading", level=2)).to_have_text("30 rows differ")
        moved = page.get_by_role("row", name="licence.mau-threshold").filter(has_text="Permitted")
        expect(page.get_by_text("The outcome is another for 10.")).to_be_visible()
        expect(moved).to_contain_text("Contact Meta")
        assert not violations(page)


@pytest.mark.parametrize("other", ["itself", "unknown"])
def test_what_cannot_be_compared_is_refused(batch_server: Server, pair: tuple[str, str], other: str) -> None:
    named = {"itself": pair[1], "unknown": str(uuid_utils.compat.uuid7())}[other]
    with web(batch_server, "auditor") as client:
        answer = client.get(f"{BATCHES}/{pair[1]}/comparison?with={named}")
    assert answer.status_code == (422 if other == "itself" else 404)


def test_the_report_is_one_file(window: Browser, batch_server: Server, pair: tuple[str, str]) -> None:
    with person(window, batch_server, "auditor") as page:
        page.goto(f"{BATCHES}/{pair[0]}/paper.html")
        expect(page.get_by_role("heading", level=1)).to_contain_text(pair[0])
        expect(page.get_by_text("32 rows were read: 30 decided, 2 refused.")).to_be_visible()


@pytest.mark.parametrize("use", HANDS)
def test_a_batch_is_cancelled(window: Browser, idle_server: Server, use: Hand) -> None:
    with person(window, idle_server) as page:
        page.goto(NEW)
        choose(page, "mine.jsonl", jsonl(requests(3)))
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("progressbar")).to_be_visible()
        assert not violations(page)
        use(page, page.get_by_role("button", name="Cancel this batch"))
        expect(page.get_by_role("status")).to_contain_text("Nothing more of this batch is decided.")
        expect(page.get_by_role("heading", name="Cancelled")).to_be_visible()
        here = re.split("[?]", page.url)[0].removeprefix(idle_server.url)
        expect(page.get_by_role("button", name="Cancel this batch")).to_have_count(0)
    with web(idle_server, "approver") as client:
        said = send(client, f"{here}/cancel", on="/dashboard/help").headers["location"]
    assert said == f"{here}?said=cancelled"


def test_nothing_is_wrong_for_those_who_need_help(
    window: Browser, batch_server: Server, pair: tuple[str, str]
) -> None:
    with person(window, batch_server, "auditor", viewport=NARROW) as page:
        for address in (BATCHES, f"{BATCHES}/{pair[0]}", f"{BATCHES}/{pair[1]}/comparison?with={pair[0]}"):
            page.goto(address)
            assert not violations(page)
            assert page.evaluate("document.scrollingElement.scrollWidth") <= NARROW["width"]
            expect(page.get_by_role("link", name="Upload a file")).to_have_count(0)


def test_the_list_is_ones_own_or_everybodys_and_taken_away(
    batch_server: Server, pair: tuple[str, str]
) -> None:
    with web(batch_server, "approver") as client:
        assert pair[0] in client.get(BATCHES).text
        assert pair[0] not in client.get(f"{BATCHES}?whose=mine").text
        rows = list(csv.DictReader(io.StringIO(client.get(f"{BATCHES}?whose=&format=csv").text)))
        assert client.get(f"{BATCHES}?whose=theirs").status_code == 422
    found = next(row for row in rows if row["id"] == pair[1])
    assert (found["rows"], found["decided"], found["refused"]) == ("32", "30", "2")


def test_that_one_looks_into_anothers_batch_is_recorded(batch_server: Server, pair: tuple[str, str]) -> None:
    def looks() -> int:
        with batch_server.client("auditor") as auditor:
            log = auditor.get("/v1/audit/export?kind=access&format=jsonl").text
        return sum(pair[0] in line for line in log.splitlines())

    before = looks()
    with web(batch_server, "approver") as client:
        client.get(f"{BATCHES}/{pair[0]}", headers={"x-part": "progress"})
        assert looks() == before
        client.get(f"{BATCHES}/{pair[0]}")
    assert looks() == before + 1


def test_there_are_files_to_fill_in(batch_server: Server) -> None:
    with web(batch_server, "reviewer") as client:
        header, line, columns = (
            client.get(f"{BATCHES}/template.{form}").content for form in ("csv", "jsonl", "parquet")
        )
        assert next(csv.reader([header.decode()])) == list(COLUMNS)
        assert set(json.loads(line)) == {"request_id", "model", "entity", "use"}
        assert pq.read_schema(io.BytesIO(columns)).names == ["request_id", "model", "entity", "use"]
        for name, content in (("a.csv", header), ("a.jsonl", line), ("a.parquet", columns)):
            assert sent(client, name, content).status_code == 303
