"""Our engine module is spared what the rule engine is known to get wrong; `test_raw_engine` shows that."""

import json
import re
import sys
import threading
from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

import durable_rules_engine as raw
import pytest

from eligibility import engine as engine_module
from eligibility.compiler import MOST_MATCHING, WIDEST, compile_program
from eligibility.conditions import Any as Either
from eligibility.conditions import Ask, Condition, atom
from eligibility.engine import Engine, engine_for
from eligibility.errors import EngineFailure
from eligibility.ruleset import Conclusion, Program, Rule, Ruleset
from tests.unit.processes import alone

GENERATION = "llama-4"
OURS = """
from pathlib import Path
from eligibility.decider import Decider
from eligibility.engine import engine_for
from eligibility.loading import load_rules
from eligibility.reading import request_from

policy = load_rules(Path("rules"))
body = {"model": {"generation": "llama-4"}, "entity": {"kind": "company"}}
"""


@pytest.fixture(scope="module")
def engine(ruleset: Ruleset) -> Engine:
    return engine_for(ruleset, GENERATION)


def assert_fact(handle: int, text: str) -> tuple[int, int]:
    code, state = raw.assert_fact(handle, text)
    return int(code), int(state)


class Spy:
    """The C functions as they are, with a note of what goes into them."""

    def __init__(self, assert_fact: Callable[[int, str], tuple[int, int]] = assert_fact) -> None:
        self.facts: list[dict[str, Any]] = []
        self.live: set[str] = set()
        self.most_live = 0
        self._assert_fact = assert_fact

    def assert_fact(self, handle: int, text: str) -> tuple[int, int]:
        fact = json.loads(text)
        self.facts.append(fact)
        self.live.add(fact["sid"])
        self.most_live = max(self.most_live, len(self.live))
        return self._assert_fact(handle, text)

    def delete_state(self, handle: int, session: str) -> None:
        self.live.remove(session)
        raw.delete_state(handle, session)

    def put_in(self, monkeypatch: pytest.MonkeyPatch) -> "Spy":
        functions = {name: getattr(raw, name) for name in dir(raw) if not name.startswith("_")}
        functions |= {"assert_fact": self.assert_fact, "delete_state": self.delete_state}
        monkeypatch.setattr(engine_module, "durable_rules_engine", SimpleNamespace(**functions))
        return self


def rule(name: str, when: Condition, effect: str = "note") -> Rule:
    then = Conclusion("finding", name, effect)
    return Rule(name, name, name, (GENERATION,), everywhere=True, when=when, then=then, citations={})


def synthetic(ruleset: Ruleset, name: str, *rules: Rule) -> Engine:
    atoms = tuple(leaf.atom for each in rules for leaf in parts(each.when))
    return Engine(name, compile_program(Program(ruleset.generations[GENERATION], rules, atoms)))


def parts(condition: Condition) -> list[Ask]:
    if isinstance(condition, Either):
        return [leaf for part in condition.parts for leaf in parts(part)]
    assert isinstance(condition, Ask)
    return [condition]


def code(name: str) -> Ask:
    return Ask(atom("use.purposes", "has", name))


def test_every_fact_of_ours_has_a_rule_of_its_own(ruleset: Ruleset) -> None:
    for generation in ruleset.generations:
        compiled = compile_program(ruleset.program(generation))
        for level in compiled.levels:
            assert compiled.definition[f"{level.marker}_seen"] == {"all": [{"m": {level.marker: True}}]}


def test_a_session_in_which_nothing_holds_begins_and_ends(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy().put_in(monkeypatch)
    assert engine.run(()).outcomes == {"permitted"}
    assert len(spy.facts) == len(engine.compiled.levels)
    assert not spy.live


def test_no_rule_of_ours_matches_on_the_session_or_the_id(ruleset: Ruleset) -> None:
    for generation in ruleset.generations:
        definition = json.dumps(compile_program(ruleset.program(generation)).definition)
        names = set(re.findall(r'"([^"]+)"', definition)) - set(
            compile_program(ruleset.program(generation)).definition
        )
        assert all(re.fullmatch(r"all|m|\$and|level\d+|[hn]\d+_\d+", name) for name in names), names


def test_a_second_thread_is_refused(engine: Engine) -> None:
    refused: list[BaseException] = []

    def call() -> None:
        try:
            engine.run(())
        except EngineFailure as failure:
            refused.append(failure)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert "another thread" in str(refused[0])
    assert engine.run(()).outcomes == {"permitted"}


def test_fifty_thousand_sessions_of_ours_take_no_more_memory_than_the_first() -> None:
    grown, most = alone(
        OURS,
        "import json, resource",
        "engine = engine_for(policy, 'llama-4')",
        "atoms = policy.program('llama-4').atoms",
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss",
        "def many(times):",
        "    for number in range(times): engine.run(atoms[number % 50 :: 7])",
        "many(2_000); before = peak(); many(50_000)",
        "print(json.dumps([peak() - before, engine._sessions]))",
    )
    per_kilobyte = 1024 if sys.platform == "darwin" else 1
    assert most == 52_000
    assert grown / per_kilobyte < 2_000


def test_two_sessions_never_live_at_once(
    engine: Engine, ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy, random = Spy().put_in(monkeypatch), Random(1)
    atoms = ruleset.program(GENERATION).atoms
    for _ in range(500):
        engine.run(random.sample(atoms, 20))
    assert spy.most_live == 1  # ids are compared by a 32-bit hash: a lone one collides with none
    assert not spy.live
    assert len({fact["sid"] for fact in spy.facts}) == 500


def test_a_session_has_few_facts(engine: Engine, ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy().put_in(monkeypatch)
    engine.run(ruleset.program(GENERATION).atoms)
    assert len(spy.facts) == len(engine.compiled.levels) < 12


def test_only_true_and_the_names_of_sessions_cross_into_the_engine(
    engine: Engine, ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy, random = Spy().put_in(monkeypatch), Random(2)
    atoms = ruleset.program(GENERATION).atoms
    for _ in range(300):
        engine.run(random.sample(atoms, random.randrange(len(atoms))))
    for fact in spy.facts:
        assert re.fullmatch(r"s\d+", fact.pop("sid"))
        assert re.fullmatch(r"\d+", fact.pop("id"))
        assert all(value is True for value in fact.values())


def test_a_level_with_more_questions_than_a_fact_can_hold_is_split(
    ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [code(f"code{number}") for number in range(600)]
    wide = synthetic(ruleset, "wide", *(rule(f"find-{number}", each) for number, each in enumerate(asked)))
    spy, random = Spy().put_in(monkeypatch), Random(3)
    assert len(wide.compiled.levels) >= 600 / WIDEST
    for size in (0, 1, 50, 60):
        chosen = random.sample(range(600), size)
        fired = wide.run([asked[number].atom for number in chosen])
        assert fired.rules == {f"find-{number}" for number in chosen}
    assert max(map(len, spy.facts)) <= 255


def test_no_level_of_the_policy_has_more_ways_to_fire_than_can_match_one_fact(ruleset: Ruleset) -> None:
    for generation in ruleset.generations:
        levels = compile_program(ruleset.program(generation)).levels
        assert max(len(level.alternatives) for level in levels) <= MOST_MATCHING


def test_alternatives_that_both_hold_make_one_finding(ruleset: Ruleset) -> None:
    either = synthetic(ruleset, "either", rule("found", Either((code("x"), code("y")))))
    atoms = [code("x").atom, code("y").atom]
    for true_atoms, rules in (
        (atoms, {"found"}),
        (atoms[:1], {"found"}),
        (atoms[1:], {"found"}),
        ([], set()),
    ):
        fired = either.run(true_atoms)
        assert fired.rules == rules
        assert {name for name, _, _ in fired.findings} == rules


def test_rules_of_ours_have_no_actions(ruleset: Ruleset) -> None:
    for generation in ruleset.generations:
        definition = compile_program(ruleset.program(generation)).definition
        assert all(list(each) == ["all"] for each in definition.values())


def test_a_failure_in_mid_session_ends_the_session_and_the_next_one_is_right(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = engine.run(())

    def failing(handle: int, text: str) -> tuple[int, int]:
        if json.loads(text)["id"] == "2":
            raise MemoryError
        return assert_fact(handle, text)

    with monkeypatch.context() as patched:
        spy = Spy(failing).put_in(patched)
        with pytest.raises(EngineFailure):
            engine.run(())
        assert not spy.live
    assert engine.run(()) == before


def test_a_fact_mistaken_for_an_earlier_one_is_tried_again_in_another_session(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = engine.run(())
    mistaken = 2

    def mistaking(handle: int, text: str) -> tuple[int, int]:
        nonlocal mistaken
        found = assert_fact(handle, text)
        if json.loads(text)["id"] == "1" and mistaken:
            mistaken -= 1
            return engine_module._OBSERVED, found[1]
        return found

    spy = Spy(mistaking).put_in(monkeypatch)
    assert engine.run(()) == before
    assert not spy.live
    mistaken = 3
    with pytest.raises(EngineFailure, match="three times"):
        engine.run(())
    assert not spy.live


def test_deciding_starts_no_thread_and_imports_nothing_of_the_engine_but_its_core() -> None:
    threads, modules = alone(
        OURS,
        "import json, sys, threading",
        "before = threading.active_count()",
        "Decider(policy).decide(request_from(body, policy.vocabulary))",
        "found = [name for name in sys.modules if name.split('.')[0].startswith('durable')]",
        "print(json.dumps([threading.active_count() - before, found]))",
    )
    assert threads == 0
    assert modules == ["durable_rules_engine"]


def test_an_engine_is_built_once_for_each_generation_of_a_ruleset(ruleset: Ruleset) -> None:
    again = Ruleset(**{name: getattr(ruleset, name) for name in ruleset.__dataclass_fields__})
    for generation in ruleset.generations:
        assert engine_for(again, generation) is engine_for(ruleset, generation)
    assert len({id(engine_for(ruleset, generation)) for generation in ruleset.generations}) == len(
        ruleset.generations
    )


def test_six_hundred_rules_that_all_match_are_decided_right(ruleset: Ruleset) -> None:
    asked = [code(f"code{number}") for number in range(600)]
    every = synthetic(ruleset, "every", *(rule(f"find-{number}", each) for number, each in enumerate(asked)))
    assert every.run([each.atom for each in asked]).rules == {f"find-{number}" for number in range(600)}


def test_a_refused_fact_is_a_failure_of_the_engine_and_leaves_no_session_behind(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(handle: int, text: str) -> tuple[int, int]:
        assert_fact(handle, text)
        raise raw.error("Could not assert fact, error code: 303")

    before = engine.run(())
    with monkeypatch.context() as patched:
        spy = Spy(refusing).put_in(patched)
        with pytest.raises(EngineFailure):
            engine.run(())
        assert not spy.live
    assert engine.run(()) == before
