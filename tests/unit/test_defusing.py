"""Texts that a spreadsheet would run are shown instead."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eligibility.defusing import defused, defused_json

HARMFUL = [
    "=cmd|' /C calc'!A0",
    "+1+2",
    "-2+3",
    "@SUM(1)",
    "\tx",
    "\rx",
    "\nx",
    "  =1",
    "\u3000=1",
    "\u200b=1",
    "\ufeff=1",
    '"=1"',
    "'=1",
    "“=1”",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(1)",
    "\ufe661",
    "\u22121",
    '"  \uff1d1',
    "\x00=1",
]


@pytest.mark.parametrize("text", HARMFUL, ids=ascii)
def test_a_formula_at_the_beginning_gets_a_mark(text: str) -> None:
    assert defused(text) == f"'{text}"


@pytest.mark.parametrize(
    "text,expected",
    [
        ("Example;=1", "Example;'=1"),
        ("Example; =1", "Example;' =1"),
        ('Example";"=1', 'Example";\'"=1'),
        ("\t=1", "'\t'=1"),
        ("a\tb\t-1", "a\tb\t'-1"),
        ("first\n@second", "first\n'@second"),
        ("=1;=2\r\n=3", "'=1;'=2\r\n'=3"),
    ],
)
def test_a_formula_after_what_may_end_a_cell_gets_a_mark(text: str, expected: str) -> None:
    assert defused(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Example Robotics Inc.",
        "a=b",
        "1-2",
        "e@example.com",
        "Müller & Söhne; Köln",
        "🤖 robots",
        "licence.eu-multimodal;licence.mau-threshold",
        "'quoted'",
    ],
)
def test_harmless_texts_stay_as_they_are(text: str) -> None:
    assert defused(text) == text


def runs(cell: str) -> bool:
    """Whether a spreadsheet might run a cell: it looks past blanks and quotes, and not past a mark."""
    seen = cell.lstrip(' \t\r\n"')
    return seen.startswith(("=", "+", "-", "@", "\uff1d", "\uff20"))


@given(st.text(st.sampled_from("=+-@\uff1d\uff20;\t\r\n \"'ax,"), max_size=12))
def test_no_cell_of_a_defused_text_runs_whatever_ends_a_cell(text: str) -> None:
    safe = defused(text)
    for ends in ("", ";", "\t", "\n", ";\t\r\n"):
        cells = re.split(f"[{ends}]", safe) if ends else [safe]
        assert not [cell for cell in cells if runs(cell)], safe


@given(st.text(st.sampled_from("=+-@\uff1d\uff20;\t\r\n \"'ax,"), max_size=12), st.integers())
def test_defused_json_means_the_same_and_no_cell_of_it_runs(text: str, number: int) -> None:
    value = {"a": text, "b": [number, text], "c": -1}
    safe = defused_json(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    assert json.loads(safe) == value
    assert not [cell for cell in safe.split(";") if runs(cell)]
