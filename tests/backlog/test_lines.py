"""Lines and pieces of them: the same whatever blocks they come in, bounded in rows and bytes."""

from collections.abc import Iterator
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eligibility.backlog import lines
from eligibility.backlog.lines import lines_of, pieces_of, pieces_of_text, texts_of
from tests.properties.sizes import sized

LONGEST, MOST_BYTES = 12, 40
"""Small bounds, so that short texts reach them."""

TEXTS = st.lists(st.binary(max_size=9).map(lambda text: text.replace(b"\0", b"\n")) | st.just(b"\n" * 3)).map(
    b"".join
)
LONG = st.lists(st.sampled_from([b"a", b"bb\n", b"\n", b"c" * 7, b"d" * 13 + b"\n", b"e" * 30])).map(b"".join)


@pytest.fixture(autouse=True, scope="module")
def _small_bounds() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "LONGEST", LONGEST)
        patch.setattr(lines, "MOST_BYTES", MOST_BYTES)
        yield


def simple_lines(text: bytes) -> list[bytes]:
    """The lines of a text, told apart in the shortest way."""
    found = text.removesuffix(b"\n").split(b"\n") if text else []
    return [
        line if len(line) <= LONGEST else b'"a line of %d bytes: at most %d are read"' % (len(line), LONGEST)
        for line in found
    ]


def simple_pieces(found: list[bytes], rows: int) -> list[list[bytes]]:
    """As many lines as fit, one at least, again and again."""
    pieces = []
    while found:
        sums = list(accumulate(map(len, found[:rows])))
        count = max(1, sum(total <= MOST_BYTES for total in sums))
        pieces.append(found[:count])
        found = found[count:]
    return pieces


@settings(max_examples=sized(400, 20_000), deadline=None)
@given(TEXTS | LONG, st.integers(1, 12), st.integers(1, 6))
def test_lines_and_pieces_are_what_they_are_by_the_shortest_way(text: bytes, block: int, rows: int) -> None:
    blocks = [text[start : start + block] for start in range(0, len(text), block)]
    wanted = simple_lines(text)
    assert [line for some in lines_of(blocks) for line in some] == wanted
    assert b"".join(texts_of(blocks)) == b"".join(line + b"\n" for line in wanted)
    pieces = simple_pieces(wanted, rows)
    assert list(pieces_of(lines_of(blocks), rows)) == pieces
    assert list(pieces_of_text(texts_of(blocks), rows)) == [
        (len(piece), b"".join(line + b"\n" for line in piece)) for piece in pieces
    ]


def test_nothing_has_no_lines_and_an_empty_line_is_one() -> None:
    assert not list(texts_of([]))
    assert not list(pieces_of_text([], 3))
    assert list(texts_of([b"\n"])) == [b"\n"]
    assert list(pieces_of_text([b"\n\n"], 1)) == [(1, b"\n"), (1, b"\n")]
