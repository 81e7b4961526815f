"""Recorded facts lead back to the cells they were decided by, with their texts and without them."""

from random import Random
from typing import Any

import orjson
import pytest

from eligibility.canonical import canonical
from eligibility.decider import Decider
from eligibility.reading import request_from
from eligibility.recording import decision_entry
from eligibility.storage.entries import Entry, StoredEvaluation
from eligibility.verifying.meaning import Meaning
from tests.properties.requests import document
from tests.properties.sizes import sized

EACH = sized(60, 3_000)
TEXTS = {"model.name", "use.critical_infrastructure.certification", "use.output_model.name"}


@pytest.fixture(scope="module")
def stored() -> dict[bytes, StoredEvaluation]:
    """The evaluations that were recorded so far, by key."""
    return {}


@pytest.fixture(scope="module")
def meaning(decider: Decider, stored: dict[bytes, StoredEvaluation]) -> Meaning:
    ruleset = decider.ruleset
    return Meaning({ruleset.digest: canonical(dict(ruleset.document))}, lambda key: stored[key].cells)


def recorded(decider: Decider, random: Random, stored: dict[bytes, StoredEvaluation]) -> tuple[Entry, bytes]:
    """A decision as it is recorded, and the key of its evaluation, which is stored."""
    request = request_from(document(random), decider.ruleset.vocabulary)
    key = random.choice((None, "a key"))
    entry = decision_entry(decider.decide(request), actor="system", channel="http", idempotency_key=key)
    assert entry.evaluation is not None
    stored[entry.evaluation.key] = entry.evaluation
    return entry, entry.evaluation.key


def envelope_of(entry: Entry) -> dict[str, Any]:
    """The members that meaning asks for, as they are read from the log."""
    members: dict[str, Any] = {"ruleset": entry.ruleset, "facts": dict(entry.facts or {})}
    read: dict[str, Any] = orjson.loads(canonical(members))
    return read | ({"private": "committed"} if entry.private else {})


def test_facts_lead_back_to_their_cells_with_and_without_texts(
    decider: Decider, meaning: Meaning, stored: dict[bytes, StoredEvaluation]
) -> None:
    random = Random(1)
    for _ in range(EACH):
        entry, key = recorded(decider, random, stored)
        assert meaning.fault(envelope_of(entry), entry.private, key) is None
        assert meaning.fault(envelope_of(entry), None, key) is None


def test_facts_lead_to_no_other_cells(
    decider: Decider, meaning: Meaning, stored: dict[bytes, StoredEvaluation]
) -> None:
    random = Random(2)
    for _ in range(EACH):
        (entry, key), (_, other) = recorded(decider, random, stored), recorded(decider, random, stored)
        if key == other:
            continue
        assert meaning.fault(envelope_of(entry), entry.private or {}, other) is not None
        if meaning.fault(envelope_of(entry), None, other) is None:
            assert entry.private
            mine, theirs = (orjson.loads(stored[one].cells) for one in (key, other))
            statuses = decider.questions[str(entry.generation)].statuses
            resting = TEXTS | {f"status of {name}" for name, (status, _) in statuses if status.fact in TEXTS}
            assert {fact for fact in mine if mine[fact] != theirs.get(fact)} <= resting
