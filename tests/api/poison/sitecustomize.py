"""Python loads this before anything else, where its folder is on the path: some rows are poison then.

A row whose reference is "poison" kills every process that decides it, as a fault of a library in C would; one
whose reference is "stumble" makes it raise.
"""

import os
import signal
from typing import Any

from eligibility.backlog.deciding import BacklogDecider, Decided

decide = BacklogDecider.decide


def poisoned(self: BacklogDecider, requests: Any) -> Decided:
    entities = requests["entity"].to_pylist()
    references = {entity["reference"] for entity in entities if entity is not None}
    if "poison" in references:
        os.kill(os.getpid(), signal.SIGKILL)
    if "stumble" in references:
        raise ArithmeticError
    return decide(self, requests)


BacklogDecider.decide = poisoned  # type: ignore[method-assign]  # a fault, as a library may have one
