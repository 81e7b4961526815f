"""The report of a backlog: one page of HTML that stands by itself, with pictures and the same in tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from eligibility.backlog.charts import bar_chart, share
from eligibility.backlog.tally import OUTCOMES, Tally, by_frequency
from eligibility.ruleset import Ruleset

MOST_BARS: Final = 20
"""Findings that a picture shows; the table below has all."""

SHAPES: Final = {"permitted": "circle", "prohibited": "square", "contact_meta": "triangle-up"}
"""What tells outcomes apart beside their words."""

_REASONS: Final = {
    "separate_licence": "A separate licence is needed",
    "case_by_case": "Considered case by case",
    "clarification": "Terms or facts leave it open",
}
_TEMPLATES: Final = Path(__file__).parent / "templates"


class Run(NamedTuple):
    """A run over a backlog: names of files, the batch that it recorded (None where nothing was), its time.

    `started` has a time zone; `seconds` are those from there to the end.
    """

    source: str
    results: str
    batch: UUID | None
    started: datetime
    seconds: float


class Entry(NamedTuple):
    """A line of a table: what it is called, its name in results, its rows, and their share in words."""

    title: str
    name: str
    rows: int
    share: str


def page(run: Run, tally: Tally, ruleset: Ruleset, comparison: Mapping[str, Any] | None = None) -> str:
    """The page as HTML.

    `comparison` is with an earlier run: `with` (what it is compared with), `rows` (compared), `changed`, of
    these `moved` in the outcome; not compared are `other`, `only_before`, `only_now`; and `groups`, each of
    `rule` (an id or None), `title` (or None), `before` and `after` (outcomes, or None where refused), `rows`,
    and `lines` (some of them). A row may be in several groups.
    """
    outcomes = {name: tally.outcomes.get(name, 0) for name in OUTCOMES}
    findings = _entries(tally.findings, _titles(ruleset, "finding"), tally.decided)
    words = {name: str(words["title"]) for name, words in ruleset.texts["outcomes"].items()}
    return _template().render(
        run=run,
        tally=tally,
        ruleset=ruleset,
        comparison=comparison,
        words=words,
        shapes=SHAPES,
        outcomes=[Entry(words[name], name, rows, share(rows, tally.rows)) for name, rows in outcomes.items()],
        outcomes_chart=bar_chart(
            {words[name]: rows for name, rows in outcomes.items()},
            "Rows by outcome",
            total=tally.rows,
            shapes={words[name]: shape for name, shape in SHAPES.items()},
        ),
        findings=findings,
        findings_chart=bar_chart(_labelled(findings[:MOST_BARS]), "Rows by finding", total=tally.decided),
        reasons=_entries(tally.contact_reasons, _REASONS, tally.decided),
        missing=_entries(tally.missing_facts, _labels(ruleset, tally.missing_facts), tally.decided),
        obligations=_entries(tally.obligations, _titles(ruleset, "obligation"), tally.decided),
        refused_share=share(tally.refused, tally.rows),
        most_bars=MOST_BARS,
    )


def _entries(counts: Mapping[str, int], titles: Mapping[str, str], total: int) -> list[Entry]:
    return [
        Entry(titles.get(name, name), name, rows, share(rows, total)) for name, rows in by_frequency(counts)
    ]


def _labelled(entries: Iterable[Entry]) -> dict[str, int]:
    """Rows by title, or by title and name where a title stands twice."""
    labelled: dict[str, int] = {}
    for entry in entries:
        label = f"{entry.name}: {entry.title}" if entry.title in labelled else entry.title
        labelled[label] = entry.rows
    return labelled


def _titles(ruleset: Ruleset, kind: str) -> dict[str, str]:
    """What the first rule that concludes something is called, by the name of what it concludes."""
    return {rule.then.name: rule.title for rule in reversed(ruleset.rules) if rule.then.kind == kind}


def _labels(ruleset: Ruleset, paths: Iterable[str]) -> dict[str, str]:
    """What facts are called, whichever affiliate or generation they are about."""
    words = {"number": "…", "generation": "the model", "month": "the month that counts"}
    return {path: str(ruleset.words(path)["label"]).format(**words) for path in paths}


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = "{:,}".format
    environment.filters["moment"] = lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    environment.filters["duration"] = duration
    return environment.get_template("report.html")


def duration(seconds: float) -> str:
    """A time in words, to what matters: `0.8 s`, `12 min 5 s`, `3 h 20 min`."""
    if round(seconds, 1) < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
