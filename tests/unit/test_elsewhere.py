"""Deciding in a process of its own, under any ruleset."""

import asyncio
import copy
import os
import signal
from random import Random
from typing import Any

import pytest

from eligibility.again import Given, Recorded, Replayed
from eligibility.canonical import canonical
from eligibility.decider import Decider
from eligibility.elsewhere import Elsewhere, deciding_elsewhere
from eligibility.errors import EngineFailure, RulesetInvalid
from eligibility.evaluation import Evaluation
from eligibility.reading import request_from
from eligibility.replay import Changed, NotAccepted, NotDecidable
from eligibility.ruleset import SEMANTICS, Ruleset
from tests.properties.requests import document
from tests.rules.differences import USERS, changed


def kept(ruleset: Ruleset) -> bytes:
    return canonical(dict(ruleset.document))


def evaluations(decider: Decider, count: int) -> list[Evaluation]:
    random = Random(3)
    requests = [request_from(document(random), decider.ruleset.vocabulary) for _ in range(count)]
    return [decider.decide(request).evaluation for request in requests]


def pid_of(elsewhere: Elsewhere) -> int:
    return elsewhere._process.pid


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_cells_give_the_content_that_was_recorded(decider: Decider) -> None:
    made = evaluations(decider, 40)
    async with deciding_elsewhere(kept(decider.ruleset)) as elsewhere:
        found = await elsewhere.contents([one.cells_bytes for one in made])
        strange = await elsewhere.contents([b"{}", b"?", made[0].cells_bytes.replace(b"llama-", b"alpaca-")])
    assert found == [one.content_bytes for one in made]
    assert strange == [None, None, None]


async def test_another_ruleset_of_other_semantics_is_refused_in_our_words(ruleset: Ruleset) -> None:
    document = copy.deepcopy(dict(ruleset.document)) | {"semantics": SEMANTICS + 1}
    with pytest.raises(RulesetInvalid, match=f"semantics {SEMANTICS + 1}"):
        async with deciding_elsewhere(canonical(document)):
            pass


async def test_the_process_ends_with_the_block_and_when_it_is_cancelled(ruleset: Ruleset) -> None:
    pids: asyncio.Queue[int] = asyncio.Queue()

    async def wait() -> None:
        async with deciding_elsewhere(kept(ruleset)) as elsewhere:
            pids.put_nowait(pid_of(elsewhere))
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    async with deciding_elsewhere(kept(ruleset)) as elsewhere:
        ended = pid_of(elsewhere)
    cancelled = await pids.get()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not is_alive(ended)
    assert not is_alive(cancelled)


async def test_an_answer_that_does_not_come_is_an_error_and_kills_the_process(decider: Decider) -> None:
    cells = [one.cells_bytes for one in evaluations(decider, 1)]
    async with deciding_elsewhere(kept(decider.ruleset)) as elsewhere:
        os.kill(pid_of(elsewhere), signal.SIGSTOP)
        elsewhere._seconds = 0.05
        with pytest.raises(EngineFailure, match="no answer"):
            await elsewhere.contents(cells)
        with pytest.raises(EngineFailure, match="ended"):
            await elsewhere.contents(cells)


async def test_a_process_that_ends_is_an_error(decider: Decider) -> None:
    async with deciding_elsewhere(kept(decider.ruleset)) as elsewhere:
        os.kill(pid_of(elsewhere), signal.SIGKILL)
        with pytest.raises(EngineFailure, match="ended"):
            await elsewhere.contents([b"{}"])


async def test_a_decision_is_decided_again_and_what_differs_is_said(decider: Decider) -> None:
    request = request_from(
        {
            "model": {"generation": "llama-2"},
            "entity": {"kind": "company", "principal_place_of_business": "US", "monthly_active_users": 5000},
            "use": {
                "activities": ["use"],
                "purposes": ["general"],
                "critical_infrastructure": {"role": "none"},
            },
        },
        decider.ruleset.vocabulary,
    )
    made = decider.decide(request).evaluation
    recorded = Recorded(made.ruleset, made.cells_bytes, made.content_bytes)
    given = Given(canonical({"facts": request.document}), None)
    draft = changed(decider.ruleset, lower_threshold)
    no_such_generation = changed(decider.ruleset, without_generation)
    async with deciding_elsewhere(kept(decider.ruleset)) as same, deciding_elsewhere(kept(draft)) as other:
        assert await same.again(recorded, given) == Replayed(None, made.content_bytes)
        with pytest.raises(EngineFailure, match="not made known"):
            await other.again(recorded, given)
        await other.know(decider.ruleset.digest, kept(decider.ruleset))
        by_facts, by_cells = await other.again(recorded, given), await other.again(recorded)
    assert isinstance(by_facts.again, Changed)
    assert by_facts.again.outcome == ("permitted", "contact_meta")
    assert [change.name for change in by_facts.again.lists["findings"]] == ["licence.mau-threshold"]
    assert by_cells == Replayed(NotDecidable(("entity.monthly_active_users",)), None)
    async with deciding_elsewhere(kept(no_such_generation)) as elsewhere:
        await elsewhere.know(decider.ruleset.digest, kept(decider.ruleset))
        found = await elsewhere.again(recorded, given)
    assert found == Replayed(NotAccepted((("model.generation", "llama-2"),)), None)


def lower_threshold(words: dict[str, Any]) -> None:
    for one in words["rules"]:
        for part in one["when"]:
            if isinstance(part, dict) and USERS in part:
                part[USERS] = {"above": 4_999}


def without_generation(words: dict[str, Any]) -> None:
    del words["generations"]["llama-2"]
    for one in words["rules"]:
        if isinstance(one["generations"], list) and "llama-2" in one["generations"]:
            one["generations"].remove("llama-2")
        if isinstance(one["then"].get("value"), dict):
            one["then"]["value"].pop("llama-2", None)
    words["rules"] = [one for one in words["rules"] if one["generations"]]
