"""Recorded facts lead back to the cells they were decided by, with their texts and without them."""

from functools import partial
from random import Random

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from eligibility.canonical import canonical
from eligibility.decider import Decider
from eligibility.deciding_again import Evaluator
from eligibility.reading import request_from
from eligibility.recording import decision_entry
from eligibility.storage.entries import Entry
from eligibility.storage.records import hash_text
from eligibility.verifying.meaning import Meaning
from tests.properties.requests import document
from tests.properties.sizes import sized


def recorded(decider: Decider, random: Random) -> Entry:
    request = request_from(document(random), decider.ruleset.vocabulary)
    key = random.choice((None, "a key"))
    return decision_entry(decider.decide(request), actor="system", channel="http", idempotency_key=key)


def envelope_of(entry: Entry) -> dict[str, object]:
    members: dict[str, object] = {"ruleset": entry.ruleset, "facts": entry.facts}
    return orjson.loads(canonical(members | ({"private": "committed"} if entry.private else {})))  # type: ignore[no-any-return]  # an object goes in
