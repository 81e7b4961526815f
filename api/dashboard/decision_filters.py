"""What the list of decisions can be asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

from api.dashboard.filtering import a_text, since, until
from api.filters import Wrong, finding_names, one_of, read_values
from api.incoming import parameter_fault
from eligibility.domains import MEMBER, Domain, domain_of
from eligibility.errors import UnacceptableRequest
from eligibility.refusals import shown
from eligibility.ruleset import Ruleset
from eligibility.storage.database import Database
from eligibility.storage.keys import principal_named
from eligibility.storage.sought import Sought
from eligibility.words import phrases

NAMES: Final = (
    *("text", "facts", "outcome", "in_force", "generation", "finding", "ruleset", "who", "channel", "batch"),
    *("state", "from", "to", "cursor", "format"),
)
STATES: Final = ("none", "open", "waiting", "proposed", "closed")
CHANNELS: Final = ("http", "dashboard", "cli", "batch")
_LISTS: Final = frozenset({"codes", "regions", "languages"})
_FLAGS: Final = {"true": True, "false": False}
_LONGEST_DIGITS: Final = 15

Facts = dict[str, Any]


class Asked(NamedTuple):
    """What is looked for, where to go on, and whether it is to be taken away as CSV."""

    sought: Sought
    cursor: str | None
    is_csv: bool


async def asked(database: Database, given: Mapping[str, str], ruleset: Ruleset) -> Asked:
    """What the filters of an address ask for; `ruleset` is the one in force.

    Raises UnacceptableRequest, StorageUnavailable.
    """
    outcomes = ruleset.texts["outcomes"]
    read: dict[str, Callable[[str], object]] = {
        "text": _phrases,
        "facts": lambda value: _facts(value, ruleset),
        "outcome": lambda value: one_of(value, outcomes),
        "in_force": lambda value: one_of(value, outcomes),
        "generation": lambda value: one_of(value, ruleset.generations),
        "finding": lambda value: one_of(value, finding_names(ruleset)),
        "ruleset": _digest,
        "who": a_text,
        "channel": lambda value: one_of(value, CHANNELS),
        "batch": _id,
        "state": lambda value: one_of(value, STATES),
        "from": since,
        "to": until,
        "cursor": a_text,
        "format": lambda value: one_of(value, ("csv",)),
    }
    values = cast("dict[str, Any]", read_values(given, read))
    return Asked(
        Sought(
            phrases=values.get("text", ()),
            facts=values.get("facts"),
            outcome=values.get("outcome"),
            in_force=values.get("in_force"),
            generation=values.get("generation"),
            finding=values.get("finding"),
            ruleset=values.get("ruleset"),
            actor=await _actor(database, values.get("who")),
            channel=values.get("channel"),
            batch=values.get("batch"),
            state=values.get("state"),
            since=values.get("from"),
            until=values.get("to"),
        ),
        values.get("cursor"),
        "format" in values,
    )


async def _actor(database: Database, who: str | None) -> UUID | None:
    if who is None:
        return None
    found = await principal_named(database, who)
    if found is None:
        detail = f"nobody here is called {shown(who)}: give the name as it stands in the list, or `system`"
        raise UnacceptableRequest([parameter_fault("who", detail)])
    return found


def _phrases(value: str) -> object:
    found = phrases(a_text(value))
    if not found:
        raise Wrong(f"{shown(value)} has no word in it: give letters or digits")
    return found


def _digest(value: str) -> str:
    digits = value.removeprefix("sha256:")
    if not re.fullmatch("[0-9a-f]{64}", digits):
        raise Wrong(f"{shown(value)} is no digest: give `sha256:` and 64 digits, as the ruleset's page shows")
    return f"sha256:{digits}"


def _id(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise Wrong(f"{shown(value)} is no id: copy it from the page of the batch") from None


def _facts(value: str, ruleset: Ruleset) -> Facts:
    """Facts as in `entity.kind=company use.activities=develop`, nested as a request has them."""
    found: Facts = {}
    for pair in value.split():
        path, _, said = pair.partition("=")
        domain = domain_of(path, purposes=ruleset.vocabulary.purposes, generations=tuple(ruleset.generations))
        if domain is None or domain.kind in {"text", "affiliates"}:
            raise Wrong(f"{shown(path)} cannot be looked for: write facts as `entity.kind=company`")
        _put(found, path, _value(path, said, domain))
    return found


def _value(path: str, said: str, domain: Domain) -> object:
    if domain.kind == "boolean":
        return _FLAGS[one_of(said, _FLAGS)]
    if domain.kind == "number":
        if not (said.isascii() and said.isdigit() and len(said) <= _LONGEST_DIGITS):
            raise Wrong(f"`{path}` is a whole number: write `{path}=1000000`")
        return int(said)
    if domain.values:
        return [one_of(said, domain.values)] if domain.kind in _LISTS else one_of(said, domain.values)
    if not said:
        raise Wrong(f"`{path}` needs a value: write `{path}=…`")
    return [said] if domain.kind in _LISTS else said


def _put(found: Facts, path: str, value: object) -> None:
    """Put a fact where a request has it. What is said of affiliates is said of one of them."""
    if path.startswith(MEMBER):
        [affiliate] = found.setdefault("entity", {}).setdefault("affiliates", [{}])
        found, path = affiliate, path.removeprefix(MEMBER)
    *parents, name = path.split(".")
    for parent in parents:
        found = found.setdefault(parent, {})
    if isinstance(value, list):
        found.setdefault(name, []).extend(value)
    elif found.setdefault(name, value) != value:
        raise Wrong(f"`{path}` is given twice: nothing can be both")
