"""`eligibility rulesets …`: the life of rulesets on the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any as Anything
from typing import TypeVar

from rich.console import Console

from eligibility.checking import Loaded
from eligibility.commands.failures import DONE, NO
from eligibility.commands.opening import Opened, opened, service_login
from eligibility.commands.output import console, heading, indented, print_json, table
from eligibility.commands.rules import faulty
from eligibility.errors import ActRefused, NotFound, RulesetInvalid
from eligibility.loading import load_rules
from eligibility.rules_folder import read_folder
from eligibility.ruleset_acts import Record, keep_draft, run_checks, run_impact, sign, take_step
from eligibility.ruleset_life import APPROVING, CHECKS, IMPACT, PROPOSING, Actor, Life, Move
from eligibility.ruleset_telling import impact_document, life_document, listed_document
from eligibility.settings import Settings
from eligibility.storage.recorded import Period
from eligibility.storage.ruleset_life import life, listed

Answer = TypeVar("Answer")
Document = Mapping[str, Anything]

_SYSTEM = Actor("system", "system", "cli")
_APPROVERS_ALONE: frozenset[Move] = frozenset({"approved", "activated", "scheduled", "unscheduled"})
_COLOURS = {"in_force": "bold green", "approved": "green", "scheduled": "green", "proposed": "yellow"}
_SHORT = 19
"""Characters of a digest that are shown in lists: `sha256:` and twelve more."""


def show_all(settings: Settings, *, as_json: bool) -> int:
    """List every ruleset. Raises SettingsInvalid, StorageError."""
    found = _within(settings, lambda store: listed(store.database))
    documents = [listed_document(each) for each in found]
    if as_json:
        print_json(documents)
        return DONE
    rows = (
        (each["digest"][:_SHORT], each["version"], each["state"], each["loaded_by"], each["loaded_at"][:16])
        for each in documents
    )
    table(console(), ("digest", "version", "state", "loaded by", "loaded"), tuple(rows))
    return DONE


def show(settings: Settings, written: str, *, as_json: bool) -> int:
    """Show one ruleset. Raises SettingsInvalid, StorageError."""

    async def work(store: Opened) -> Life:
        return await life(store.database, await _digest(store, written))

    return _show(_within(settings, work), as_json=as_json)


def load(settings: Settings, folder: Path, *, reason: str | None, as_json: bool) -> int:
    """Keep the rules of a folder as a draft. Raises SettingsInvalid, StorageError."""
    try:
        ruleset, files = load_rules(folder), read_folder(folder)
    except RulesetInvalid as invalid:
        return faulty(invalid, as_json=as_json)
    loaded = Loaded(ruleset.digest, ruleset.version, ruleset.document)

    async def work(store: Opened) -> Life:
        await keep_draft(_record(store), loaded, files, _SYSTEM, reason)
        return await life(store.database, loaded.digest)

    return _show(_within(settings, work), as_json=as_json)


def check(settings: Settings, written: str, *, as_json: bool) -> int:
    """Make every check; NO where one is not passed. Raises SettingsInvalid, StorageError."""

    async def work(store: Opened) -> Life:
        digest = await _digest(store, written)
        await run_checks(_record(store), digest, _SYSTEM)
        return await life(store.database, digest)

    with _waiting("checking, for about a minute"):
        found = _within(settings, work)
    _show(found, as_json=as_json)
    return DONE if all(found.checks[kind].passed for kind in CHECKS) else NO


def compute_impact(
    settings: Settings, written: str, since: datetime, until: datetime, *, as_json: bool
) -> int:
    """Compute an impact; NO where that is not possible. Raises SettingsInvalid, StorageError."""

    async def work(store: Opened) -> Life:
        digest = await _digest(store, written)
        await run_impact(_record(store), digest, Period(since, until), _SYSTEM)
        return await life(store.database, digest)

    with _waiting("deciding again"):
        found = _within(settings, work)
    impact = found.checks[IMPACT]
    if as_json:
        print_json(impact_document(found, impact))
    else:
        _print_impact(impact_document(found, impact), console())
    return DONE if impact.passed else NO


def sign_off(
    settings: Settings, written: str, groups: Sequence[str], *, key_file: Path, reason: str, as_json: bool
) -> int:
    """Sign off groups of the impact, as the person whose key it is. Raises SettingsInvalid, StorageError."""
    secret = _secret(key_file)

    async def work(store: Opened) -> Life:
        actor = await _actor(store, secret, PROPOSING)
        digest = await _digest(store, written)
        found = await life(store.database, digest)
        impact = found.checks.get(IMPACT)
        known = [group["id"] for group in impact.report.get("groups", ())] if impact else []
        for group in [_meant(each, known, "group") for each in groups]:
            await sign(_record(store), digest, group, actor, reason=reason)
        return await life(store.database, digest)

    return _show(_within(settings, work), as_json=as_json)


def step(
    settings: Settings,
    written: str,
    move: Move,
    *,
    key_file: Path,
    reason: str,
    as_json: bool,
    at: datetime | None = None,
) -> int:
    """Take a step, as the person whose key it is. Raises SettingsInvalid, StorageError."""
    secret = _secret(key_file)

    async def work(store: Opened) -> Life:
        actor = await _actor(store, secret, APPROVING if move in _APPROVERS_ALONE else PROPOSING)
        digest = await _digest(store, written)
        await take_step(_record(store), digest, move, actor, reason=reason, at=at)
        return await life(store.database, digest)

    return _show(_within(settings, work), as_json=as_json)


def _within(settings: Settings, work: Callable[[Opened], Awaitable[Answer]]) -> Answer:
    async def within(url: str) -> Answer:
        async with opened(url, settings) as store:
            return await work(store)

    with service_login(settings) as url:
        return asyncio.run(within(url))


def _record(store: Opened) -> Record:
    return Record(store.database, store.log)


def _waiting(words: str) -> Anything:
    """Say on a terminal that it takes a while."""
    return console(stderr=True).status(words)


def _secret(key_file: Path) -> str:
    return key_file.read_text(encoding="utf-8", errors="replace").strip()


async def _actor(store: Opened, secret: str, roles: frozenset[str]) -> Actor:
    """Whose key it is. Raises ActRefused where it does not work, or not for this."""
    key = await store.keys.find(secret)
    if key is None:
        raise ActRefused("the key in the key file does not work: it is unknown, revoked or expired")
    if key.role not in roles:
        names = ", ".join(f"`{role}`" for role in sorted(roles))
        raise ActRefused(f"the role `{key.role}` may not do this: it is for {names}")
    return Actor(str(key.principal), key.kind, "cli")


async def _digest(store: Opened, written: str) -> str:
    """The digest that begins as is written. Raises NotFound."""
    known = [each.digest for each in await listed(store.database)]
    return _meant(written, known, "ruleset")


def _meant(written: str, known: Iterable[str], what: str) -> str:
    """The one known hash that begins as is written, with `sha256:` or without."""
    found = [each for each in known if each.startswith((written, f"sha256:{written}"))]
    if len(found) != 1:
        number = "no" if not found else "more than one"
        raise NotFound(f"{number} {what} begins with `{written}`: give more of the digest, or another")
    return found[0]


def _show(found: Life, *, as_json: bool) -> int:
    if as_json:
        print_json(life_document(found))
    else:
        _print(life_document(found), console())
    return DONE


def _print(told: Document, out: Console) -> None:
    state = (told["state"].replace("_", " "), _COLOURS.get(told["state"], "dim"))
    indented(out, 0, (f"version {told['version']}", "bold"), ", ", state)
    out.print(told["digest"])
    heading(out, "Steps")
    for each in told["steps"]:
        until = f", due {each['due']}" if each["due"] else ""
        reason = f": {each['reason']}" if each["reason"] else ""
        indented(out, 2, f"{each['at'][:19]}  {each['step']} by {each['by'] or 'unknown'}{until}{reason}")
    checks = [*told["checks"], *([told["impact"]] if told["impact"] else [])]
    if checks:
        heading(out, "Checks")
    for each in checks:
        sign = ("passed ", "green") if each["passed"] else ("failed ", "bold red")
        stale = "" if each["is_current"] else " (against another ruleset than the one in force)"
        indented(out, 2, sign, (each["kind"], "bold"), f": {each['summary']}{stale}")
    if told["next"]:
        heading(out, f"Next: {told['next']['step']}, by {told['next']['by']}")
    for missing in told["next"]["missing"] if told["next"] else ():
        indented(out, 2, missing)


def _print_impact(told: Document, out: Console) -> None:
    out.print(told["summary"], style="bold" if told["passed"] else "bold red")
    for group in told["groups"]:
        out.print()
        moved = group.get("outcomes")
        words = f"{moved['before']} -> {moved['after']}" if moved else group["what"]
        indented(out, 0, (f"{group['decisions']:,} decisions: ", "bold"), words)
        for name, rules in group.get("rules", {}).items():
            if rules:
                indented(out, 2, f"rules that fire {name.replace('_', ' ')}: {', '.join(rules)}")
        indented(out, 2, (f"group {group['id'][:_SHORT]}, for example {group['example']}", "dim"))
