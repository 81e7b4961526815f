"""The mutants that no case kills, each with the reason why none can: `survivors.yaml` beside the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any as Anything

from pydantic import BaseModel, ConfigDict, ValidationError

from eligibility.errors import RuleFault, RulesetInvalid
from eligibility.killing import Fate
from eligibility.mutants import Mutant
from eligibility.parsing import near
from eligibility.schema import Words
from eligibility.yaml_files import line_of, plain, read_entries

FILE = "survivors.yaml"
"""The name of the file in a rules folder; it is no part of the ruleset, and need not be there."""


class SurvivorForm(BaseModel):
    """One entry as it is written."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    mutant: Words
    reason: Words


@dataclass(frozen=True)
class Survivor:
    """A mutant by its id, why it may survive, and the line (from 1) where that is written."""

    mutant: str
    reason: str
    line: int | None


def load_survivors(folder: Path, mutants: Sequence[Mutant]) -> dict[str, Survivor]:
    """Load the justified survivors of a rules folder, by mutant; none where there is no file.

    Raises:
        RulesetInvalid: everything that is wrong with them, as far as it shows before mutants are tried.
    """
    faults: list[RuleFault] = []
    known = [mutant.id for mutant in mutants]
    found: dict[str, Survivor] = {}
    for survivor in _read(folder / FILE, faults):
        name = survivor.mutant
        if name not in known:
            remedy = near(name, known) or "remove the entry"
            faults.append(RuleFault(FILE, survivor.line, f"there is no mutant `{name}`", remedy))
        elif name in found:
            detail = f"`{name}` stands in line {found[name].line} too"
            faults.append(RuleFault(FILE, survivor.line, detail, "justify it once"))
        found.setdefault(name, survivor)
    if faults:
        raise RulesetInvalid(faults)
    return found


def overtaken(survivors: Mapping[str, Survivor], fates: Sequence[Fate]) -> Iterator[RuleFault]:
    """The entries about mutants that do not survive, once all were tried."""
    for fate in fates:
        survivor = survivors.get(fate.mutant.id)
        if survivor is not None and fate.kind != "survived":
            how = f"killed by the case `{fate.why}`" if fate.kind == "killed" else f"refused: {fate.why}"
            yield RuleFault(FILE, survivor.line, f"`{survivor.mutant}` is {how}", "remove the entry")


def _read(path: Path, faults: list[RuleFault]) -> Iterator[Survivor]:
    if not path.exists():
        return
    for node in read_entries(path, FILE, "survivors", faults):
        yield from _survivor(node, faults)


def _survivor(node: Anything, faults: list[RuleFault]) -> Iterator[Survivor]:
    try:
        form = SurvivorForm.model_validate(plain(node))
    except ValidationError as error:
        for found in error.errors(include_url=False):
            name = ".".join(map(str, found["loc"]))
            detail = f"`{name}` can not be read: {found['msg'][:1].lower()}{found['msg'][1:]}"
            remedy = "an entry has the keys `mutant` and `reason`"
            faults.append(RuleFault(FILE, line_of(node, found["loc"]), detail, remedy))
        return
    yield Survivor(form.mutant, form.reason, line_of(node, ()))
