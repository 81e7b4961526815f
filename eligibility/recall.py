"""Reading recorded decisions again: pure functions of what is recorded and of the recorded ruleset."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any as Anything
from uuid import UUID

from eligibility.atoms import Questions
from eligibility.canonical import timestamp
from eligibility.decision import Content, decision_document, in_order
from eligibility.reading import flatten
from eligibility.wording import Subject


def recalled(
    questions: Questions,
    content: Content,
    request: Mapping[str, Anything],
    identifier: UUID,
    decided_at: datetime,
) -> dict[str, Anything]:
    """The decision as it was answered.

    `content` is that of the recorded evaluation, `questions` are those of the recorded ruleset and
    generation, `request` holds the recorded facts as nested JSON. They are not checked again, since texts
    that were erased are missing; where they stood, the decision has null.
    """
    document = decision_document(Subject(questions, flatten(request)), content)
    return {"id": str(identifier), "decided_at": timestamp(decided_at), **document}


def missing_facts(questions: Questions, content: Content, request: Mapping[str, Anything]) -> list[str]:
    """The paths of the facts that were missing, in the order of the policy's table."""
    subject = Subject(questions, flatten(request))
    paths = [path for missing in content["missing"] for path in subject.paths(missing["fact"])]
    return sorted(paths, key=in_order)
