import pytest

from eligibility.backlog.deciding import BacklogDecider
from eligibility.decider import Decider
from tests.cli.conftest import env, module_database  # noqa: F401 - fixtures


@pytest.fixture(scope="session")
def backlog(decider: Decider) -> BacklogDecider:
    """Decides tables as `decider` decides requests, and remembers what other tests asked."""
    return BacklogDecider(decider)
