"""What settles what recorded cells leave open: of a decision's facts, the few that have to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any as Anything

from eligibility.atoms import MULTIMODAL, Questions
from eligibility.carrying_models import NAME
from eligibility.domains import AFFILIATES, DECLARED_BY, FACTS

KIND, BEHALF = "entity.kind", "use.on_behalf_of"
TEXTS = {"text", "model_name"}
"""The kinds of facts that may be private texts."""

_ABSENT: Mapping[str, Anything] = {}

Read = Callable[[Anything], Anything]


class Settling:
    """What is read of the facts of decisions whose recorded cells leave the same facts open.

    Two decisions of which the same is read, and which have the same recorded cells, have the same cells under
    the other ruleset, or are refused for the same reasons: cells that are not open follow from the recorded
    ones, and an open one from its fact, the list that declares it, and the sort of applicant.
    """

    def __init__(self, new: Questions, unanswered: Sequence[str]) -> None:
        """Settle what is left open of these facts, as the questions of the other ruleset ask about them."""
        of_statuses = {f"status of {obligation}": status.fact for obligation, (status, _) in new.statuses}
        found: dict[tuple[str, bool], Read] = {}
        for open_ in unanswered:
            for fact, is_whole in _rests_on(of_statuses.get(open_, open_), is_status=open_ in of_statuses):
                found[fact, is_whole] = _whole if is_whole else _as_asked(new, fact)
        self._reads = tuple((tuple(fact.split(".")), read) for (fact, _), read in found.items())
        self.reads_texts = any(FACTS[fact].kind in TEXTS for fact, _ in found)
        """Whether private texts are among what is read."""

    def read(self, facts: Mapping[str, Anything]) -> tuple[Anything, ...]:
        """What is read of facts, nested as they are recorded; None for what was not given."""
        found = []
        for path, read in self._reads:
            value = facts
            for name in path:
                value = value.get(name, _ABSENT)
            found.append(None if value is _ABSENT else read(value))
        return tuple(found)


def _rests_on(fact: str, *, is_status: bool) -> Iterator[tuple[str, bool]]:
    """What an open fact rests on, and whether more of it counts than what it answers to questions."""
    yield fact, is_status or fact == NAME
    yield from ((KIND, True), (BEHALF, True))
    if fact in DECLARED_BY:
        yield DECLARED_BY[fact][0], True
    if fact == NAME:
        yield MULTIMODAL, True


def _as_asked(new: Questions, fact: str) -> Read:
    if fact == AFFILIATES:
        return new.pairs
    question = new.by_fact.get(fact)
    if question is None:
        return _whole
    return lambda value: question.read(_whole(value))


def _whole(value: Anything) -> Anything:
    return tuple(value) if isinstance(value, list) else value
