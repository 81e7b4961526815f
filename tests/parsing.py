"""Rules and cases parsed once a process: nearly all tests read the shipped ones, which takes a second."""

from functools import lru_cache
from typing import Any

import pytest
from ruamel.yaml import YAML

from eligibility import yaml_files


@lru_cache(maxsize=64)
def _parsed(text: str) -> Any:
    return YAML(typ="rt", pure=True).load(text)


class _ParsesOnce:
    """What stands for the parser. Nobody changes what it made; a text with a fault is parsed anew."""

    def __init__(self, *, typ: str, pure: bool) -> None:
        assert (typ, pure) == ("rt", True)

    @staticmethod
    def load(text: str) -> Any:
        return _parsed(text)


def parse_once(patch: pytest.MonkeyPatch) -> None:
    """From now on, hand out what was made of a text before."""
    patch.setattr(yaml_files, "YAML", _ParsesOnce)
