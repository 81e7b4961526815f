"""Reasons beyond a decision, over HTTP: which are asked for, and finding them without holding others up."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from api.incoming import flag, parameter_fault
from api.problems import Refusal
from eligibility.counterfactuals import check
from eligibility.decider import Decider, Decision
from eligibility.errors import Fault, UnacceptableRequest
from eligibility.reasoner import Asked, Found, Reasoner
from eligibility.why_not import unknown_name

NAMES: Final = ("counterfactuals", "change_kind", "sufficient_reasons", "why_not")
"""The query parameters that ask for reasons."""

MOST_NAMES: Final = 10
"""Findings and outcomes that one request may ask `why_not` about."""

MOST_WAITING: Final = 32
"""Searches that wait for their turn; with more, callers are told to come back."""


def asked_for(given: Mapping[str, str], decider: Decider) -> Asked:
    """What the query parameters ask for. Raises UnacceptableRequest."""
    faults: list[Fault] = []
    flags = {name: flag(name, given, faults) for name in NAMES if name != "why_not"}
    if flags["change_kind"] and not flags["counterfactuals"]:
        alone = "`change_kind` says what `counterfactuals` may change: ask for them too"
        faults.append(parameter_fault("change_kind", alone))
    names = tuple(dict.fromkeys(given["why_not"].split(","))) if "why_not" in given else ()
    if len(names) > MOST_NAMES:
        faults.append(parameter_fault("why_not", f"at most {MOST_NAMES} names can be asked about at once"))
    for name in names[:MOST_NAMES]:
        detail = unknown_name(name, decider.ruleset)
        if detail is not None:
            faults.append(parameter_fault("why_not", detail))
    if faults:
        raise UnacceptableRequest(faults)
    return Asked(flags["counterfactuals"], flags["change_kind"], flags["sufficient_reasons"], names)


class Reasons:
    """Finds reasons in one thread of its own, to which the landscape belongs; decides where it is called."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reasons")
        self._reasoner: Reasoner | None = None
        self._waiting = 0

    async def find(self, decider: Decider, made: Decision, asked: Asked) -> dict[str, Any]:
        """The reasons for a decision that a decider made, each change among them decided first.

        Raises:
            Refusal: too many wait already.
            EvaluatorsDisagree, EngineFailure: as deciding does.
        """
        if self._waiting >= MOST_WAITING:
            detail = "too many searches for reasons wait for their turn"
            raise Refusal("unavailable", detail, headers={"retry-after": "1"})
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._thread, self._search, decider, made, asked)
        finally:
            self._waiting -= 1
        for changes, name in found.changes:
            check(decider, made.request, changes, name)
            await asyncio.sleep(0)  # others have their turn between two decisions
        return found.document

    def _search(self, decider: Decider, made: Decision, asked: Asked) -> Found:
        if self._reasoner is None or self._reasoner.ruleset.digest != decider.ruleset.digest:
            self._reasoner = Reasoner(decider.ruleset)
        return self._reasoner.find(made.request, made.outcome, asked)

    def close(self) -> None:
        """End the thread once the search that it is at has ended."""
        self._thread.shutdown(wait=False, cancel_futures=True)
