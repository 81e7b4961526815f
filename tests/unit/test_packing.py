import json
from random import Random
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from eligibility.canonical import canonical
from eligibility.decider import Decider
from eligibility.reading import request_from
from eligibility.recording import decision_entry
from eligibility.storage.entries import prepare
from eligibility.storage.packing import packed, unpacked
from tests.properties.requests import document

ACTOR = "01982c3e-0000-7000-8000-000000000001"
DIGEST = "sha256:" + "0a" * 32


def envelope(**changes: Any) -> dict[str, Any]:
    members = {
        "actor": ACTOR,
        "at": "2026-11-27T05:56:48.481000Z",
        "channel": "http",
        "evaluation": DIGEST,
        "facts": {"model": {"generation": "llama-4"}},
        "id": "01a21b93-eae1-76a9-8dfc-817fb3d40e23",
        "kind": "decision",
        "outcome": "permitted",
        "private": DIGEST,
        "ruleset": DIGEST,
        "v": 1,
    }
    return {name: value for name, value in {**members, **changes}.items() if value is not None}


def test_envelopes_of_decisions_are_canonical_and_packed_and_lose_nothing(decider: Decider) -> None:
    random = Random(7)
    for _ in range(200):
        request = request_from(document(random), decider.ruleset.vocabulary)
        entry = decision_entry(decider.decide(request), actor=ACTOR, channel="http", idempotency_key="k")
        body = prepare(entry, b"secret").body
        assert body == rfc8785.dumps(json.loads(body))
        assert len(packed(body)) < len(body) - 250
        assert unpacked(packed(body)) == body


def test_the_actor_system_is_packed_too() -> None:
    body = canonical(envelope(actor="system"))
    assert len(packed(body)) == len(packed(canonical(envelope())))
    assert unpacked(packed(body)) == body


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    ['","facts":{"', '},"id":"', "\n", 'x"', DIGEST]
)


@given(st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=5), TEXTS, max_size=5))
def test_whatever_texts_the_facts_hold_they_lose_nothing(facts: dict[str, str]) -> None:
    body = canonical(envelope(facts=facts))
    assert len(packed(body)) < len(body)
    assert unpacked(packed(body)) == body


@pytest.mark.parametrize(
    "changes",
    [
        {"actor": str(UUID(int=0))},
        {"actor": "systems"},
        {"actor": ACTOR.upper()},
        {"at": "2026-11-27T05:56:48Z"},
        {"channel": "h ttp"},
        {"channel": ""},
        {"kind": "access"},
        {"outcome": None},
        {"private": None},
        {"ruleset": DIGEST.upper()},
        {"evaluation": DIGEST[:-1]},
        {"facts": None},
        {"subject": "x"},
        {"v": 2},
        {"zzz": 1},
    ],
    ids=str,
)
def test_what_looks_otherwise_is_kept_as_it_is(changes: dict[str, Any]) -> None:
    body = canonical(envelope(**changes))
    assert packed(body) == body
    assert unpacked(body) == body


def test_bytes_that_mean_the_same_but_are_others_are_told_apart() -> None:
    body = canonical(envelope())
    spaced = json.dumps(envelope()).encode()
    assert unpacked(packed(spaced)) == spaced != body
