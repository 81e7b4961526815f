"""What the engine fired is remembered by groups of rules, and is what it would fire when asked."""

import random

import durable_rules_engine
import pytest

from eligibility.engine import engine_for
from eligibility.errors import EngineFailure
from eligibility.rule_groups import Fired, Groups, bits_of
from eligibility.ruleset import Ruleset
from tests.properties.oracle import GENERATIONS
from tests.properties.sizes import sized


@pytest.mark.parametrize("generation", GENERATIONS)
def test_groups_hold_every_rule_and_read_what_these_read(ruleset: Ruleset, generation: str) -> None:
    levels = engine_for(ruleset, generation).compiled.levels
    bits = bits_of(levels)
    for level in levels:
        groups = Groups(level, bits)
        assert groups.of.keys() == {alternative for _, alternative in level.alternatives}
        read = [0 for _ in groups.masks]
        for alternative, group in groups.of.items():
            read[group] |= sum(bits[key] for key, _ in alternative.literals)
        assert read == list(groups.masks)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_what_is_remembered_is_what_the_engine_fires(
    ruleset: Ruleset, generation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever holds together, and however little is kept; what is kept is not asked again."""
    engine, random_ = engine_for(ruleset, generation), random.Random(7)
    few, fired = Fired(most=200), Fired()
    atoms = ruleset.program(generation).atoms
    rows = [[atom for atom in atoms if random_.random() < share] for share in (0.02, 0.1, 0.5, 0.9)] + [
        random_.sample(atoms, random_.randrange(6)) for _ in range(sized(150, 3_000))
    ]
    asked = 0
    ask = durable_rules_engine.assert_fact

    def counted(handle: int, fact: str) -> object:
        nonlocal asked
        asked += 1
        return ask(handle, fact)

    monkeypatch.setattr(durable_rules_engine, "assert_fact", counted)
    for _ in range(2):
        for row in rows:
            alone = engine.run(row)
            for remembered in (engine.run(row, few), engine.run(row, fired)):
                assert alone.found == remembered.found
                assert set(alone.alternatives) == set(remembered.alternatives)
    levels, asked = len(engine.compiled.levels), 0
    for row in rows:
        engine.run(row, fired)
    assert asked == 0
    for row in rows:
        engine.run(row)
    assert asked == levels * len(rows)


def test_an_engine_that_fires_otherwise_for_the_same_is_not_believed(ruleset: Ruleset) -> None:
    level = engine_for(ruleset, "llama-4").compiled.levels[0]
    groups, fired = Groups(level, bits_of([level])), Fired()
    nothing = 0
    [_, one], [_, other], *_ = level.alternatives
    fired.learn(groups, nothing, [one])
    fired.learn(groups, nothing, [one])
    with pytest.raises(EngineFailure):
        fired.learn(groups, nothing, [other])


def test_no_more_is_remembered_than_was_wanted(ruleset: Ruleset) -> None:
    level = engine_for(ruleset, "llama-4").compiled.levels[0]
    groups, fired = Groups(level, bits_of([level])), Fired(most=1)
    nothing, something = 0, groups.masks[0]
    fired.learn(groups, nothing, [])
    assert fired.get(groups, nothing) == []
    fired.learn(groups, something, [])
    assert fired.get(groups, nothing) is None
    assert fired.get(groups, something) == []
