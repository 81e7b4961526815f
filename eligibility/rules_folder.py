"""A rules folder as texts by path: how it is sent, and kept in the database beside the ruleset it gives.

A ruleset's document leaves out cases and comments; whoever checks a ruleset needs the cases, and whoever
reads it the comments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from eligibility.cases import FOLDER as CASES
from eligibility.errors import RuleFault, RulesetInvalid

MOST_FILES: Final = 200
_NAME: Final = re.compile(rf"(?:{CASES}/)?[A-Za-z0-9][A-Za-z0-9 ._-]{{0,99}}\.yaml")


def is_name(path: str) -> bool:
    """Whether a path may name a file of a rules folder: it leads nowhere else."""
    return _NAME.fullmatch(path) is not None and ".." not in path


def read_folder(folder: Path) -> dict[str, str]:
    """The files of a rules folder, cases and all. Raises RulesetInvalid where one is not UTF-8."""
    files, faults = dict[str, str](), list[RuleFault]()
    for path in sorted((*folder.glob("*.yaml"), *folder.glob(f"{CASES}/*.yaml"))):
        name = path.relative_to(folder).as_posix()
        try:
            files[name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            detail = f"the file is not UTF-8 (byte {error.start})"
            faults.append(RuleFault(name, None, detail, "save it as UTF-8"))
    if faults:
        raise RulesetInvalid(faults)
    return files


def write_folder(files: Mapping[str, str], folder: Path) -> None:
    """Write files whose names `is_name` has let pass into an empty folder. Raises ValueError for others."""
    for name, text in files.items():
        if not is_name(name):
            message = f"`{name}` is no file of a rules folder"
            raise ValueError(message)
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
