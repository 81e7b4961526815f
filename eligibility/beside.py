"""What stands beside the rules in the files of a ruleset: the register of clauses, and the cases.

As a program it reads one JSON object (`files`, the `document` of the ruleset that they gave) and writes a
line of JSON for each, `null` in place of what is faulty. Reading hundreds of cases takes seconds: no work for
a process that decides.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any as Anything
from typing import Final, Literal

from eligibility.building import build
from eligibility.cases import Case, load_cases
from eligibility.checking import lines_of
from eligibility.errors import RulesetInvalid
from eligibility.register import Entry, load_register
from eligibility.rules_folder import write_folder

What = Literal["register", "cases"]

_NICE: Final = 10
"""How far the child steps back for processes that decide."""


@dataclass(frozen=True)
class Beside:
    """The register or the cases of a ruleset; `lacking` says why there are none to be had."""

    register: tuple[Entry, ...] = ()
    cases: tuple[Case, ...] = ()
    lacking: str | None = None


async def read_beside(
    files: Mapping[str, str], document: Mapping[str, Anything]
) -> AsyncIterator[tuple[What, Beside]]:
    """Read the register, then the cases, in a process of its own. Raises EngineFailure."""
    async for line in lines_of("eligibility.beside", {"files": dict(files), "document": document}):
        what, found = line["what"], line["found"]
        if found is None:
            yield what, Beside(lacking="they have faults, which the checks of the ruleset name")
        elif what == "register":
            entries = tuple(Entry(**{**one, "rules": tuple(one["rules"])}) for one in found)
            yield what, Beside(register=entries)
        else:
            yield what, Beside(cases=tuple(Case(**one) for one in found))


def main() -> None:
    """The child: answer what stands on the input."""
    os.nice(_NICE)
    asked = json.load(sys.stdin.buffer)
    ruleset = build(asked["document"])
    with tempfile.TemporaryDirectory(prefix="eligibility-rules-") as name:
        folder = Path(name)
        write_folder(asked["files"], folder)
        _answer("register", lambda: load_register(folder, ruleset))
        _answer("cases", lambda: load_cases(folder, ruleset))


def _answer(what: What, load: Callable[[], Sequence[Entry | Case]]) -> None:
    try:
        found = [asdict(one) for one in load()]
    except RulesetInvalid:
        found = None
    sys.stdout.write(json.dumps({"what": what, "found": found}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
