"""Facts of the engine that come again are not asserted again, and what fired is what would have fired."""

from random import Random

import durable_rules_engine
import pytest

from eligibility.compiler import Alternative
from eligibility.decider import Recent
from eligibility.engine import Engine, engine_for
from eligibility.ruleset import Ruleset
from tests.properties.oracle import GENERATIONS
from tests.properties.sizes import sized

Key = tuple[Engine, int, str]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_what_is_known_of_some_facts_never_changes_what_fires(generation: str, ruleset: Ruleset) -> None:
    """Each session finds some levels known and others not, as they come."""
    random, engine = Random(3), engine_for(ruleset, generation)
    known = Recent[Key, tuple[Alternative, ...]](200)
    atoms = ruleset.program(generation).atoms
    some = random.sample(atoms, 12)
    for _ in range(sized(150, 3_000)):
        chosen = [atom for atom in some if random.random() < 0.5]
        assert engine.run(chosen, known) == engine.run(chosen)


def test_a_fact_that_is_known_is_not_asserted_again(
    ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, known = engine_for(ruleset, "llama-4"), Recent[Key, tuple[Alternative, ...]](200)
    atoms = ruleset.program("llama-4").atoms[::3]
    first = engine.run(atoms, known)
    monkeypatch.setattr(durable_rules_engine, "assert_fact", None)
    monkeypatch.setattr(durable_rules_engine, "delete_state", None)
    assert engine.run(atoms, known) == first
