"""Words of texts, and the filters that tell where some cannot be."""

import json

import pytest

from eligibility.words import Looked, filter_of, phrases, seems_in, words


@pytest.mark.parametrize(
    "text,found",
    [
        ("Example Robotics Inc.", ["example", "robotics", "inc"]),
        ("crm-4711/b", ["crm", "4711", "b"]),
        ("STRASSE Straße \uff21\uff22", ["strasse", "strasse", "ab"]),
        ("株式会社 Ünïcode", ["株式会社", "ünïcode"]),
        (" … ", []),
    ],
)
def test_words_are_letters_and_digits_whatever_their_case(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_quotes_and_signs_keep_words_together() -> None:
    assert phrases('crm-4711 "Example Robotics" inc') == (("crm", "4711"), ("example", "robotics"), ("inc",))
    assert phrases('"an open quote') == (("an", "open", "quote"),)
    assert phrases("same SAME") == (("same",),)
    assert phrases("- … ''") == ()


@pytest.mark.parametrize(
    "asked,is_found",
    [
        ("robotics", True),
        ("ROBOTICS example", True),
        ("robot", False),
        ('"example robotics"', True),
        ('"robotics example"', False),
        ("example-robotics", True),
        ("crm-4711", True),
        ("crm-471", False),
        ('"inc crm"', False),  # in two texts
        ("zürich", True),
        ("ZÜRICH robots", True),
        ("newline", True),
        ("nnewline", False),
        ("name", False),  # of a member
        ("secretkey", False),
    ],
)
def test_texts_have_whole_words_in_their_order(asked: str, is_found: bool) -> None:
    private = {
        "entity": {"name": "Example Robotics, Inc.", "reference": "CRM-4711"},
        "use": {"description": "Robots in Zürich.\nNewline"},
        "idempotency_key": "secretkey",
    }
    content = json.dumps(private, ensure_ascii=False).encode()
    assert Looked(phrases(asked)).is_in(content) is is_found


def test_a_filter_has_all_its_words_and_seldom_another() -> None:
    kept = [f"word{number}" for number in range(5000)]
    bits = filter_of(kept)
    assert len(bits) == 10_000
    assert all(seems_in(bits, word) for word in kept)
    others = sum(seems_in(bits, f"other{number}") for number in range(20_000))
    assert others < 60  # 28 are to be expected
