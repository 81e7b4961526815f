"""The quick way of parsing JSON takes a body only where the exact way would find the same."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eligibility.reading import DEEPEST, _exactly, _quickly

NAMES = st.sampled_from(["a", "b", "a b", "ü", 'q":', "x:1,", ""])
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
SPACES = st.sampled_from(["", " ", "\n\t", "  "])


@st.composite
def _text(draw: st.DrawFn) -> str:
    value = draw(NAMES | st.sampled_from(["1.5,", "3e7]", "llama-3.1", "\u2028", "\ud83d\ude00", "/"]))
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


@st.composite
def _collection(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    items = draw(st.lists(values, max_size=4))
    space, gap = draw(SPACES), draw(SPACES)
    if draw(st.booleans()):
        return f"[{space}{f'{gap},{space}'.join(items)}{gap}]"
    members = [f"{json.dumps(draw(NAMES))}{gap}:{space}{item}" for item in items]
    return f"{{{space}{f'{gap},{space}'.join(members)}{gap}}}"


JSON = st.recursive(
    NUMBERS | _text() | st.sampled_from(["true", "null", "NaN", "1.", '"\\ud800"']), _collection
)


@given(JSON)
def test_whatever_it_takes_the_exact_way_reads_the_same(text: str) -> None:
    body = b'{"body":' + text.encode(errors="surrogatepass") + b"}"
    quick = _quickly(body)
    assert quick is None or repr(quick) == repr(_exactly(body))


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":1}',
        b'{"a":{"b":1,"b":[]}}',
        b'{"a":1.5}',
        b'{"a":[1e3]}',
        b'{"a":700000000.00000001}',
        b'{"a":9007199254740993}',
        b'{"a":18446744073709551616}',
        b'{"a":NaN}',
        b'{"a":1}x',
        b'"text"',
        b"1.0",
        b"null",
        b"",
        b'{"a":' + b"[" * DEEPEST + b"]" * DEEPEST + b"}",
    ],
)
def test_it_leaves_alone_what_could_be_read_otherwise(body: bytes) -> None:
    assert _quickly(body) is None


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_it_takes_usual_bodies(separators: tuple[str, str]) -> None:
    body: dict[str, Any] = {
        "model": {"generation": "llama-3.1"},
        "entity": {"kind": "company", "name": "Müller, S.A. 3.5: no", "monthly_active_users": 700_000_000},
        "use": {"purposes": ["general"], "description": "see https://example.com/1.5"},
    }
    written = json.dumps(body, separators=separators, ensure_ascii=False).encode()
    assert _quickly(written) == body
