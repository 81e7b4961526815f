"""How much is tried: less in everyday runs, more where `ELIGIBILITY_TEST_SIZE` is `full`."""

import os

FULL = os.environ.get("ELIGIBILITY_TEST_SIZE") == "full"


def sized(everyday: int, full: int) -> int:
    """A number of examples."""
    return full if FULL else everyday
