from pathlib import Path

import pytest

from eligibility.decider import Decider
from eligibility.loading import load_rules
from eligibility.ruleset import Ruleset


@pytest.fixture(scope="session")
def ruleset() -> Ruleset:
    """The policy as it is shipped."""
    return load_rules(Path(__file__).parents[2] / "rules")


@pytest.fixture(scope="session")
def decider(ruleset: Ruleset) -> Decider:
    """A decider that remembers what other tests asked."""
    return Decider(ruleset)
