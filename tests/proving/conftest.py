from collections.abc import Mapping

import pytest
from click.testing import CliRunner, Result

from eligibility.cli import main
from eligibility.loading import shipped_rules
from eligibility.proving.scenes import Scene, scene_of
from eligibility.ruleset import Ruleset

MOST_AFFILIATES = 3
"""As many as generated requests list."""


@pytest.fixture(scope="session")
def proved() -> Result:
    """How the command ends that proves the shipped policy."""
    return CliRunner().invoke(main, ["rules", "prove", "--json", str(shipped_rules())])


@pytest.fixture(scope="session")
def scenes(ruleset: Ruleset) -> Mapping[str, Scene]:
    """Every generation of the shipped policy, with places for the affiliates of generated requests."""
    return {name: scene_of(ruleset, program, MOST_AFFILIATES) for name, program in ruleset.programs.items()}
