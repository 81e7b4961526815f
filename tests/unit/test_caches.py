"""What a process remembers of requests: never their texts, which could not be erased there."""

from typing import Any

import orjson

from eligibility.atoms import Kept
from eligibility.decider import Decider
from eligibility.reading import read_request
from eligibility.recent import Recent
from eligibility.recording import decision_entry

SECRET = "A Text To Be Forgotten"
BODY: dict[str, Any] = {
    "model": {"generation": "llama-4", "name": f"{SECRET} 1", "multimodal": True},
    "entity": {
        "kind": "company",
        "name": f"{SECRET} 2",
        "reference": f"{SECRET} 3",
        "principal_place_of_business": "US",
    },
    "use": {
        "activities": ["develop", "distribute_model"],
        "purposes": ["general"],
        "description": f"{SECRET} 4",
        "critical_infrastructure": {
            "role": "operation",
            "sector": f"{SECRET} 5",
            "certification": f"{SECRET} 6",
        },
        "output_model": {"name": f"{SECRET} 7", "distributed": True},
    },
}


def test_nothing_that_is_remembered_holds_a_text(decider: Decider) -> None:
    made = decider.decide(read_request(orjson.dumps(BODY), decider.ruleset.vocabulary))
    answer = made.json()
    entry = decision_entry(made, actor="system", channel="http", idempotency_key=f"{SECRET} 8")
    private = repr(entry.private)
    assert all(f"{SECRET} {n}" in private for n in range(1, 9))
    assert SECRET.encode() in answer
    remembered: list[tuple[Any, Any]] = [
        *decider._evaluations._newer.items(),
        *decider._evaluations._older.items(),
        *decider._templates._newer.items(),
        *decider._templates._older.items(),
    ]
    for questions in decider.questions.values():
        asked = (*questions.asked, questions.country, questions.involvement)
        readers = [question.read.__self__ for question in asked]  # type: ignore[attr-defined]  # all are methods
        remembered += [(reader, None) for reader in readers if isinstance(reader, Kept)]
    assert remembered
    assert SECRET not in repr(remembered)


def test_what_was_used_lately_is_kept_and_no_more_than_asked_for() -> None:
    recent: Recent[int, str] = Recent(8)
    for n in range(100):
        recent.put(n, str(n))
        assert recent.get(0 if n else n) == "0"
        assert all(recent.get(kept) == str(kept) for kept in range(max(1, n - 2), n + 1))
    assert len(recent._newer) + len(recent._older) <= 8
    assert recent.get(50) is None
