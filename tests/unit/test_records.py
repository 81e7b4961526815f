import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eligibility.canonical import canonical, timestamp
from eligibility.storage.records import (
    Envelope,
    commitment,
    hash_bytes,
    hash_text,
    join_private,
    leaf,
    mac,
    split_private,
)

LARGEST = 2**53 - 1
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(max_codepoint=127))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=30,
)


@given(VALUES)
def test_the_fast_canonical_json_is_that_of_rfc_8785(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("text", [chr(code) for code in [*range(0x30), 0x7F, 0x80, 0x2028, 0xFFFF, 0x1F600]])
def test_every_awkward_character_is_written_as_rfc_8785_says(text: str) -> None:
    assert canonical([text]) == rfc8785.dumps([text])


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        [1.5],
        {"n": float("nan")},
        LARGEST + 1,
        [-LARGEST - 1],
        {"é": 1},
        {1: 1},
        "\ud800",
        b"bytes",
        {"at": datetime(2026, 11, 24, tzinfo=UTC)},
        UUID(int=1),
        {1, 2},
    ],
    ids=repr,
)
def test_what_the_fast_way_could_write_otherwise_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="canonical JSON"):
        canonical(value)


def test_a_leaf_and_a_commitment_are_the_hashes_that_are_specified() -> None:
    assert leaf(b"body") == sha256(b"\x00body").digest()
    assert commitment(b"salt", b"{}") == "sha256:" + sha256(b"salt{}").hexdigest()


def test_a_hash_reads_back_as_it_was_shown() -> None:
    assert hash_bytes(hash_text(bytes(range(32)))) == bytes(range(32))


@pytest.mark.parametrize(
    "text", ["", "sha256:", "md5:" + "0" * 64, "sha256:" + "0" * 63, "sha256:" + "x" * 64]
)
def test_what_is_no_hash_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no hash|hexadecimal"):
        hash_bytes(text)


def test_times_are_shown_in_utc_with_microseconds() -> None:
    east = timezone(timedelta(hours=2))
    assert timestamp(datetime(2026, 11, 24, 23, 0, tzinfo=east)) == "2026-11-24T21:00:00.000000Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        timestamp(datetime(2026, 11, 24))  # noqa: DTZ001  # its want of a zone is the point


def test_macs_tell_purposes_and_parts_apart() -> None:
    macs = {
        mac(b"k", "a", b"bc"),
        mac(b"k", "ab", b"c"),
        mac(b"k", "a", b"b", b"c"),
        mac(b"k", "a", b"", b"bc"),
        mac(b"other", "a", b"bc"),
    }
    assert len(macs) == 5


def test_an_envelope_leaves_out_what_it_does_not_have() -> None:
    at = datetime(2026, 11, 24, 21, tzinfo=UTC)
    envelope = Envelope(kind="remark", id=UUID(int=7), at=at, actor="system", channel="cli")
    assert json.loads(envelope.canonical()) == {
        "v": 1,
        "kind": "remark",
        "id": str(UUID(int=7)),
        "at": "2026-11-24T21:00:00.000000Z",
        "actor": "system",
        "channel": "cli",
    }


DOCUMENT = {
    "model": {"generation": "llama-4", "name": "Our-Llama"},
    "entity": {
        "kind": "company",
        "name": "Example Robotics Inc.",
        "reference": "crm-4711",
        "affiliates": [{"relation": "parent", "involved_in": []}],
    },
    "use": {
        "purposes": ["general"],
        "description": "to sort parcels",
        "critical_infrastructure": {"role": "none", "sector": "post", "certification": "yes"},
        "output_model": {"name": "Llama Parcels"},
    },
}


def test_all_free_texts_are_private() -> None:
    facts, private = split_private(DOCUMENT, lambda _: False)
    assert facts == {
        "model": {"generation": "llama-4"},
        "entity": {"kind": "company", "affiliates": [{"relation": "parent", "involved_in": []}]},
        "use": {"purposes": ["general"], "critical_infrastructure": {"role": "none"}},
    }
    assert private == {
        "model": {"name": "Our-Llama"},
        "entity": {"name": "Example Robotics Inc.", "reference": "crm-4711"},
        "use": {
            "description": "to sort parcels",
            "critical_infrastructure": {"sector": "post", "certification": "yes"},
            "output_model": {"name": "Llama Parcels"},
        },
    }


def test_a_published_model_name_is_no_private_text() -> None:
    facts, private = split_private(DOCUMENT, lambda name: name == "Our-Llama")
    assert facts["model"]["name"] == "Our-Llama"
    assert "model" not in private


def test_parting_does_not_change_what_was_given() -> None:
    before = json.dumps(DOCUMENT)
    split_private(DOCUMENT, lambda _: False)
    assert json.dumps(DOCUMENT) == before


def members(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: st.text(max_size=3) for name in names})


@settings(suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "model": members("generation", "name"),
            "entity": members("kind", "name", "reference"),
            "use": st.fixed_dictionaries(
                {},
                optional={
                    "capacity": st.text(max_size=3),
                    "description": st.text(max_size=3),
                    "critical_infrastructure": members("role", "sector", "certification"),
                    "output_model": members("target", "name"),
                },
            ),
        },
    ),
    st.booleans(),
)
def test_the_two_halves_make_the_whole(document: dict[str, Any], known: bool) -> None:
    facts, private = split_private(document, lambda _: known)
    assert join_private(facts, private) == document
