"""The offline verifier by itself: its canonical JSON, and what it is made of."""

import ast
import sys
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from eligibility.canonical import canonical
from tools import verify_receipt

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_its_canonical_json_is_that_of_the_rfc_and_of_the_service(value: Any) -> None:
    assert verify_receipt.canonical(value) == rfc8785.dumps(value) == canonical(value)


@pytest.mark.parametrize(
    "value", [1.5, 1.0, 2**53, -(2**53), {"ü": 1}, {1: 2}, "\ud800", (1,), b"", float("nan")]
)
def test_what_is_not_canonical_is_refused(value: object) -> None:
    with pytest.raises(verify_receipt.NotProved):
        verify_receipt.canonical({"inner": [value]})


def test_it_is_one_short_file_that_shares_nothing_with_the_service() -> None:
    text = Path(verify_receipt.__file__).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}
