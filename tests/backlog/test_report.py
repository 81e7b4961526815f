"""The report of a backlog: it says what was counted, stands by itself, and can be read by everybody."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest

from eligibility.backlog.charts import bar_chart, share
from eligibility.backlog.deciding import BacklogDecider
from eligibility.backlog.report import MOST_BARS, Run, duration, page
from eligibility.backlog.tally import MOST_REFUSED, Tally, tally_decided
from eligibility.ruleset import Ruleset
from tests.backlog.results import decided
from tests.backlog.tables import texts

BATCH = UUID("0199c0de-0000-7000-8000-000000000001")
RUN = Run("requests.jsonl", "results.jsonl", BATCH, datetime(2026, 8, 1, 12, 30, tzinfo=UTC), 12.5)


def group(
    rule: str | None, title: str | None, before: str | None, after: str, lines: list[int]
) -> Mapping[str, Any]:
    """Rows that differ alike, as a comparison has them."""
    rows = len(lines)
    return {"rule": rule, "title": title, "before": before, "after": after, "rows": rows, "lines": lines}


COMPARISON: Mapping[str, Any] = {
    "with": "previous <1>.jsonl",
    "rows": 1_000,
    "changed": 3,
    "moved": 2,
    "other": 4,
    "only_before": 0,
    "only_now": 1,
    "groups": [
        group("licence.eu-multimodal", "A title", "permitted", "prohibited", [4, 9]),
        group(None, None, None, "contact_meta", [77]),
    ],
}
VOID = {"meta", "br", "link"}


class Outline(HTMLParser):
    """The elements of a page; raises where one is not closed, or another is."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.found if found == tag]


def outline(html: str) -> Outline:
    parser = Outline()
    parser.feed(html)
    parser.close()
    assert not parser.open
    return parser


@pytest.fixture(scope="module")
def tally(backlog: BacklogDecider) -> Tally:
    return tally_decided(decided(backlog, 400))


@pytest.fixture(scope="module")
def html(tally: Tally, ruleset: Ruleset) -> str:
    return page(RUN, tally, ruleset, COMPARISON)


def test_it_says_what_was_run(html: str, ruleset: Ruleset) -> None:
    said = (
        str(BATCH),
        ruleset.digest,
        ruleset.version,
        "2026-08-01 12:30:00 UTC",
        "12.5 s, 32 rows a second",
    )
    assert all(text in html for text in said)
    assert "dry run" not in html


def test_every_number_stands_in_a_table(html: str, tally: Tally) -> None:
    document = tally.document()
    for counted in ("outcomes", "findings", "obligations", "missing_facts", "contact_reasons"):
        for name, rows in document[counted].items():
            assert re.search(rf'<code>{re.escape(name)}</code></td><td class="n">{rows:,}</td>', html), name
    assert f"{tally.decided:,} decided, {tally.refused:,} refused" in html


def test_a_picture_says_its_numbers_in_words(html: str, tally: Tally) -> None:
    pictures = [one for one in outline(html).named("svg") if one.get("role") == "img"]
    assert len(pictures) == 2
    assert f"Prohibited {tally.outcomes['prohibited']:,} (" in str(pictures[0]["aria-label"])
    assert str(pictures[1]["aria-label"]).count(";") == MOST_BARS - 1
    assert all(one.get("aria-hidden") for one in outline(html).named("svg") if one not in pictures)


def test_it_loads_and_runs_nothing(html: str) -> None:
    outer = outline(html)
    assert not {tag for tag, _ in outer.found} & {"script", "link", "img", "iframe", "object"}
    assert not re.search(r"url\(|@import|javascript:", html)
    assert not [name for _, attributes in outer.found for name in attributes if name.startswith("on")]
    assert set(re.findall(r"https?://[^\"' ]+", html)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_its_structure_can_be_walked(html: str) -> None:
    outer = outline(html)
    assert outer.named("html") == [{"lang": "en"}]
    assert len(outer.named("h1")) == len(outer.named("main")) == len(outer.named("title")) == 1
    assert len(outer.named("table")) == len(outer.named("caption")) == 7
    assert all(cell.get("scope") in {"col", "row"} for cell in outer.named("th"))
    labels = [one["aria-label"] for one in outer.named("div")]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark", "print"])
def test_its_colours_are_far_enough_apart(theme: int, html: str) -> None:
    """At least 4.5 to 1 for texts, 3 to 1 for what else carries meaning (WCAG 2.2, 1.4.3 and 1.4.11)."""
    block = re.findall(r":root {([^}]*)}", html)[theme]
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]+)", block))
    for name, least in {"ink": 4.5, "soft": 4.5, "bar": 3, "edge": 3}.items():
        assert contrast(colours[name], colours["paper"]) >= least, name


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted(map(luminance, (one, other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_what_callers_wrote_is_shown_and_not_run(backlog: BacklogDecider, ruleset: Ruleset) -> None:
    line = b'{"request_id":"<script>alert(1)</script>","<img src=x>":1,"model":{"generation":"\\"><b>"}}'
    html = page(RUN._replace(source="<i>.jsonl"), tally_decided(backlog.decide(texts([line]))), ruleset)
    assert not outline(html).named("script")
    assert not outline(html).named("img")
    assert not outline(html).named("b")
    assert not outline(html).named("i")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "&lt;img src=x&gt;" in html


def test_refused_lines_are_named_up_to_a_hundred(backlog: BacklogDecider, ruleset: Ruleset) -> None:
    some = page(RUN, tally_decided(backlog.decide(texts([b"{"] * 3))), ruleset)
    many = page(RUN, tally_decided(backlog.decide(texts([b"{"] * (MOST_REFUSED + 1)))), ruleset)
    assert "All refused lines" in some
    assert f"The first {MOST_REFUSED} of {MOST_REFUSED + 1} refused lines" in many
    assert many.count("not JSON") == MOST_REFUSED


def test_a_comparison_tells_outcomes_by_words(html: str) -> None:
    section = html[html.index("Compared with an earlier run") :]
    assert "1,000 rows were compared with previous &lt;1&gt;.jsonl: 3 differ." in section
    assert "The outcome is another for 2." in section
    assert "Not compared: 4 whose name is another than before, 0 only in what" in section
    assert re.search(r"licence\.eu-multimodal.*Permitted.*Prohibited.*4, 9", section)
    assert re.search(r"no rule.*refused.*Contact Meta.*77", section)


def test_a_run_without_rows_or_record_has_a_page_too(ruleset: Ruleset) -> None:
    html = page(RUN._replace(batch=None, seconds=0.0), Tally(), ruleset)
    outline(html)
    assert "This was a dry run: nothing was recorded." in html
    assert "No line was refused." in html
    assert "Compared with" not in html


def test_a_chart_is_a_picture_in_the_colours_of_its_page() -> None:
    drawn = bar_chart({"One & <two>": 3, "None": 0}, "Things", total=3, shapes={"None": "square"})
    root = ET.fromstring(drawn)  # noqa: S314 - our own picture
    assert root.get("role") == "img"
    assert root.get("aria-label") == "Things: One & <two> 3 (100.0 %); None 0 (0.0 %)."
    said = {element.text for element in root.iter() if element.tag.endswith("}text")}
    assert said == {"One & <two>", "None", "3 (100.0 %)", "0 (0.0 %)"}
    fills = {element.get("fill") for element in root.iter()} - {None, "none", "transparent"}
    assert fills == {"currentColor", "var(--bar)"}


def test_a_chart_of_nothing_is_one_too() -> None:
    assert ET.fromstring(bar_chart({}, "Things")).get("role") == "img"  # noqa: S314 - as above


def test_a_long_label_is_cut_in_the_picture_and_not_in_its_words() -> None:
    label = "a label of many words " * 5
    drawn = bar_chart({label: 1}, "Things")
    assert f"{label} 1." in drawn
    assert "…" in drawn


@pytest.mark.parametrize(
    "count, total, said",
    [
        (0, 10, "0.0 %"),
        (1, 10_000, "< 0.1 %"),
        (1, 3, "33.3 %"),
        (9_999, 10_000, "> 99.9 %"),
        (5, 5, "100.0 %"),
        (0, 0, "–"),
    ],
)
def test_shares_in_words(count: int, total: int, said: str) -> None:
    assert share(count, total) == said


@pytest.mark.parametrize(
    "seconds, said",
    [(0.04, "0.0 s"), (59.5, "59.5 s"), (59.97, "1 min 0 s"), (725.2, "12 min 5 s"), (12_030, "3 h 20 min")],
)
def test_durations_in_words(seconds: float, said: str) -> None:
    assert duration(seconds) == said
