"""What values of facts answer to the questions that rules ask (policy, section 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any as Anything

from eligibility.codes import WORLDWIDE
from eligibility.conditions import Atom
from eligibility.facts import normalise_model_name
from eligibility.ruleset import Generation, Region, Ruleset, Status

OPEN, MET, UNMET = 0, 1, 2
STATUSES = ("unknown", "met", "unmet")
"""How the status of an obligation is called, by its cell."""

FILIPINO = {"fil": "tl"}
"""Filipino is written `fil` or `tl`; the catalogue says `tl`."""

Answerer = Callable[[Anything], bool]


def answerer(atom: Atom, ruleset: Ruleset, generation: Generation) -> Answerer:
    """The function that answers an atom for a value of its fact."""
    return _ANSWERERS[atom.test](atom.argument, ruleset, generation)


def _is(argument: Anything, _ruleset: Ruleset, _generation: Generation) -> Answerer:
    return lambda value: value is argument if isinstance(argument, bool) else value == argument


def _is_one_of(argument: Anything, _ruleset: Ruleset, _generation: Generation) -> Answerer:
    return lambda value: value in argument


def _in(argument: Anything, ruleset: Ruleset, _generation: Generation) -> Answerer:
    return lambda value: value in ruleset.regions[argument].countries


def _above(argument: Anything, _ruleset: Ruleset, _generation: Generation) -> Answerer:
    return lambda value: value > argument


def _has(argument: Anything, _ruleset: Ruleset, _generation: Generation) -> Answerer:
    return lambda value: argument in value


def _has_only(argument: Anything, _ruleset: Ruleset, _generation: Generation) -> Answerer:
    return lambda value: set(value) <= set(argument)


def _some_in(argument: Anything, ruleset: Ruleset, _generation: Generation) -> Answerer:
    return lambda value: any(_lies_in(entry, ruleset.regions[argument]) for entry in value)


def _some_unsupported(_argument: Anything, _ruleset: Ruleset, generation: Generation) -> Answerer:
    return lambda value: any(_primary(tag) not in generation.languages for tag in value)


def _given(_argument: Anything, _ruleset: Ruleset, _generation: Generation) -> Answerer:
    return lambda value: value is not None


def _is_derivative(_argument: Anything, ruleset: Ruleset, _generation: Generation) -> Answerer:
    return lambda value: normalise_model_name(value) not in ruleset.vocabulary.models


_ANSWERERS: Mapping[str, Callable[[Anything, Ruleset, Generation], Answerer]] = {
    "is": _is,
    "is_one_of": _is_one_of,
    "in": _in,
    "above": _above,
    "has": _has,
    "has_only": _has_only,
    "some_in": _some_in,
    "some_unsupported": _some_unsupported,
    "given": _given,
    "is_derivative": _is_derivative,
}


def _lies_in(entry: str, region: Region) -> bool:
    return entry in region.countries or entry == WORLDWIDE or entry == region.token


def _primary(tag: str) -> str:
    primary = tag.split("-", 1)[0].lower()
    return FILIPINO.get(primary, primary)


def status_cell(value: object, status: Status, due: str | None) -> int:
    """The status of an obligation, from the fact that shows it (policy, section 6)."""
    if status.starts_with_value:
        return MET if _alike(str(value)).startswith(_alike(due or "")) else UNMET
    if value in status.met:
        return MET
    return UNMET if value in status.unmet else OPEN


def _alike(name: str) -> str:
    """In the names of models space, hyphen and underscore are alike; case is not."""
    return name.replace("-", " ").replace("_", " ")
