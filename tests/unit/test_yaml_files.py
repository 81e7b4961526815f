"""YAML is read as its version 1.2 says; what means more than it shows is refused; what is written is read."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from eligibility.errors import RuleFault
from eligibility.yaml_files import DEEPEST, line_of, read_yaml, yaml_text
from tests.properties.sizes import sized

SCALARS = {
    "NO": "NO",
    "yes": "yes",
    "off": "off",
    "12:30": "12:30",
    "1_000": "1_000",
    "<<": "<<",
    "=": "=",
    "true": True,
    "False": False,
    "~": None,
    "": None,
    "null": None,
    "010": 10,
    "0o17": 15,
    "0x1F": 31,
    "-7": -7,
    "1e3": 1000.0,
    ".5": 0.5,
    "+1.": 1.0,
    "-.inf": float("-inf"),
    "'7'": "7",
    '"true"': "true",
}

REFUSED = {
    "a: 1\nb: 2\na: 3": (3, "the key `a` is given twice"),
    "a: &x [1]\nb: *x": (1, "an alias"),
    "a: &x [*x]": (1, "an alias"),
    "? [1]\n: 2": (1, "a key is no text"),
    "&x a: 1\nb: {*x : 2}": (1, "an alias"),
    "a: 1\nb: !own 1": (2, "the tag `!own`"),
    "a: 1\nb: !own [1]": (2, "the tag `!own`"),
    "a: 1\nb: !own {c: 1}": (2, "the tag `!own`"),
    "a: !!set {b}": (1, "the tag `tag:yaml.org,2002:set`"),
    "a: !!timestamp x": (1, "a date without quotes"),
    "a: 2026-01-31": (1, "a date without quotes"),
    "a: !!bool maybe": (1, "the tag"),
    "a: !!int x": (1, "the tag"),
    f"a: {'9' * 5_000}": (1, "too long for a number"),
    "[" * 5_000: (1, "exceeded maximum nesting depth"),
    "a:\n " + "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1): (2, f"more than {DEEPEST} levels"),
    "a: 1\n---\nb: 1": (2, "another document"),
    'a: "x': (1, "end of stream"),
    "a: b: c": (1, "mapping values are not allowed"),
    "a: \x01": (None, "control characters"),
}


def read(path: Path, text: str) -> tuple[Any, list[RuleFault]]:
    path.write_text(text, encoding="utf-8", newline="")
    faults: list[RuleFault] = []
    return read_yaml(path, "x.yaml", faults), faults


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.yaml"


@pytest.mark.parametrize("text", SCALARS)
def test_scalars_are_what_version_1_2_says(file: Path, text: str) -> None:
    content, faults = read(file, f"a: {text}")
    assert not faults
    assert content == {"a": SCALARS[text]}
    assert type(content["a"]) is type(SCALARS[text])


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: repr(text[:20]))
def test_what_is_no_yaml_or_means_more_than_it_shows_is_refused(file: Path, text: str) -> None:
    line, said = REFUSED[text]
    content, [fault] = read(file, text)
    assert content is None
    assert (fault.file, fault.line) == ("x.yaml", line)
    assert said in fault.detail
    assert fault.remedy


def test_keys_are_texts_as_they_stand(file: Path) -> None:
    assert read(file, "NO: 1\n010: 2\ntrue: 3\n1.0: 4") == ({"NO": 1, "010": 2, "true": 3, "1.0": 4}, [])


def test_an_empty_file_holds_nothing(file: Path) -> None:
    assert read(file, "# nothing\n") == (None, [])


def test_places_have_lines(file: Path) -> None:
    content, _ = read(file, "\n# above\na:\n  - b: 1\n    c:\n      - x\n      - y\nd: 2")
    wanted = {
        (): 3,
        ("a",): 3,
        ("a", 0): 4,
        ("a", 0, "c"): 5,
        ("a", 0, "c", 1): 7,
        ("d",): 8,
        ("a", 0, "missing"): 4,
        ("a", 7): 3,
        ("d", "deeper"): 8,
    }
    assert {where: line_of(content, where) for where in wanted} == wanted


def test_windows_line_ends_and_a_mark_of_byte_order_are_read(file: Path) -> None:
    assert read(file, "\ufeffa: 1\r\nb: x\r\n") == ({"a": 1, "b": "x"}, [])


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "NO",
        "no",
        "0o14",
        "1e3",
        "1_0",
        "12:30",
        "~",
        "",
        "null",
        "2026-01-31",
        "<<",
        "=",
        ".nan",
        "0x1",
        "- a",
        "#",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=sized(300, 20_000), deadline=None)
@given(VALUES)
def test_what_is_written_is_read_as_it_was_here_and_by_version_1_1(
    tmp_path_factory: pytest.TempPathFactory, value: Any
) -> None:
    whole = {"value": value, "again": [value, value]}
    text = yaml_text(whole)
    assert read(tmp_path_factory.getbasetemp() / "written.yaml", text) == (whole, [])
    assert yaml.safe_load(text) == whole
