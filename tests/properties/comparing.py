"""A decision in the oracle's terms."""

from typing import Any

from eligibility.decider import Decision
from tests.properties.oracle import Answer


def said(decision: Decision) -> Answer:
    """What callers are told, without words."""
    document: dict[str, Any] = decision.document()
    contact = document["contact"] or {"reasons": []}
    return Answer(
        outcome=document["outcome"],
        findings=frozenset(
            (made["finding"], made["effect"], made["reason"]) for made in document["findings"]
        ),
        obligations={due["obligation"]: (due["value"], due["status"]) for due in document["obligations"]},
        licensor=document["licensor"],
        reasons=frozenset(contact["reasons"]),
        missing={one["fact"]: frozenset(one["outcomes"]) for one in document["missing_facts"]},
        possible={
            due["obligation"]: frozenset(due["depends_on"]) for due in document["possible_obligations"]
        },
    )
