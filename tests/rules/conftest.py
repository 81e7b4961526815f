import pytest

from eligibility.cases import Case, Result, load_cases, run
from eligibility.decider import Decider
from eligibility.loading import shipped_rules
from eligibility.ruleset import Ruleset


@pytest.fixture(scope="session")
def cases(ruleset: Ruleset) -> tuple[Case, ...]:
    return load_cases(shipped_rules(), ruleset)


@pytest.fixture(scope="session")
def results(decider: Decider, cases: tuple[Case, ...]) -> tuple[Result, ...]:
    """What comes of every shipped case."""
    return tuple(run(decider, case) for case in cases)
