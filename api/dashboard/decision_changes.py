"""What would change a decision: searched for when somebody asks, under the ruleset that it was made under."""

from __future__ import annotations

from typing import Any, NamedTuple

from api.service import Service
from eligibility.errors import UnacceptableRequest
from eligibility.reading import request_from
from eligibility.reasoner import Asked
from eligibility.storage.decisions import StoredDecision


class Changes(NamedTuple):
    """For each other outcome the smallest changes that lead to it; or why none can be told."""

    outcomes: list[dict[str, Any]]
    why_not: str | None = None


async def changes(service: Service, stored: StoredDecision) -> Changes:
    """Search for them, each decided by both evaluators before it is told.

    Raises Refusal where too many searches wait, EvaluatorsDisagree, EngineFailure, StorageUnavailable.
    """
    decider = await service.in_force.current()
    if decider.ruleset.digest != stored.ruleset:
        return Changes(
            [],
            "It was decided under a version of the policy that is no longer in force. Changes are searched"
            " for under the one in force only, and might not hold for this decision.",
        )
    try:
        made = decider.decide(request_from(stored.facts, decider.ruleset.vocabulary))
    except UnacceptableRequest:
        made = None
    if made is None or made.evaluation.key != stored.evaluation_key:
        return Changes(
            [], "Texts that it was decided from were erased, so changes of its facts cannot be decided."
        )
    found = await service.reasons.find(decider, made, Asked(counterfactuals=True))
    return Changes(found["counterfactuals"]["outcomes"])
