"""`eligibility audit replay`: the recorded decisions of a period, decided again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any as Anything

import orjson
from rich.console import Console
from rich.progress import Progress as RichProgress
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from eligibility.canonical import canonical
from eligibility.commands.failures import DONE, NO
from eligibility.commands.opening import service_login
from eligibility.commands.output import OUTCOMES, console, heading, indented, print_json, said
from eligibility.impact import Group, Impact, Progress, as_recorded, impact
from eligibility.loading import load_rules
from eligibility.settings import Settings
from eligibility.storage import rulesets
from eligibility.storage.database import Database
from eligibility.storage.recorded import Period
from eligibility.storage.records import hash_bytes

QUIET_SECONDS = 2.0
"""After which it is said how far things are."""

Words = list[str | tuple[str, str]]


def replay(settings: Settings, period: Period, ruleset: str | None, *, as_json: bool) -> int:
    """Decide the decisions of a period again, and say what differs; exit code 1 where anything does.

    `ruleset` is the digest of one that the database keeps, or a rules folder; without it each decision is
    decided under its own.

    Raises NotFound, RulesetInvalid, EvaluatorsDisagree, EngineFailure, SettingsInvalid, StorageUnavailable.
    """
    began = time.monotonic()
    with service_login(settings) as url, _progress() as progress:
        found, titles = asyncio.run(_replay(url, period, ruleset, progress))
    if as_json:
        print_json({**found.document(), "seconds": round(time.monotonic() - began, 3)})
    else:
        _print(found, titles, console())
    return NO if found.groups else DONE


async def _replay(
    url: str, period: Period, ruleset: str | None, progress: Progress
) -> tuple[Impact, Mapping[str, str]]:
    """What was found, and what the ruleset calls its rules."""
    database = Database.open(url)
    try:
        await database.ready()
        if ruleset is None:
            return await as_recorded(database, period, progress=progress), {}
        document = await _document(database, ruleset)
        titles = {rule["id"]: rule["title"] for rule in orjson.loads(document)["rules"]}
        return await impact(database, document, period, progress=progress), titles
    finally:
        await database.close()


def is_digest(text: str) -> bool:
    """Whether a text names a ruleset by its digest."""
    try:
        hash_bytes(text)
    except ValueError:
        return False
    return True


async def _document(database: Database, ruleset: str) -> bytes:
    """The canonical document of a ruleset that is named by digest or by folder."""
    if is_digest(ruleset):
        return (await rulesets.load(database, ruleset)).document
    return canonical(dict(load_rules(Path(ruleset)).document))


@contextmanager
def _progress() -> Iterator[Progress]:
    """How far it is, on a terminal and once it takes a while."""
    out = console(stderr=True)
    words = "{task.fields[evaluations]:,} evaluations, {task.completed:,.0f} decisions"
    columns = (SpinnerColumn(), TextColumn(words), TimeElapsedColumn())
    bar = RichProgress(*columns, console=out, transient=True, disable=not out.is_terminal)
    task = bar.add_task("", total=None, evaluations=0)
    began = time.monotonic()

    def tell(evaluations: int, decisions: int) -> None:
        bar.update(task, completed=decisions, evaluations=evaluations)
        if time.monotonic() - began > QUIET_SECONDS:
            bar.start()

    try:
        yield tell
    finally:
        bar.stop()


def _print(found: Impact, titles: Mapping[str, str], out: Console) -> None:
    if found.groups:
        heading(out, "What differs, by the rules that fire otherwise")
    for group in found.groups:
        _group(group, titles, out)
    out.print()
    changed = found.decisions - found.unchanged
    style = "bold yellow" if changed else "bold green"
    under = "under their own rulesets" if found.ruleset is None else f"under {found.ruleset[:19]}…"
    differ = f"{changed:,} differ" if changed else "nothing differs"
    out.print(f"{found.decisions:,} decisions were decided again {under}: {differ}", style=style)
    if found.by_facts:
        out.print(
            f"of {found.by_facts:,} the facts were read: the rules ask what was not asked before", style="dim"
        )


def _group(group: Group, titles: Mapping[str, str], out: Console) -> None:
    decisions = "1 decision" if group.decisions == 1 else f"{group.decisions:,} decisions"
    indented(out, 2, (decisions, "bold"), *_outcome(group.change), (f"  such as {group.example}", "dim"))
    for words in _told(group.change, titles):
        indented(out, 4, *words)


def _outcome(change: Mapping[str, Anything]) -> Words:
    """How the outcome moves, or why there is none."""
    if change["what"] != "changed":
        return [f": {_NO_OUTCOME[change['what']]}"]
    before, after = (change["outcomes"][side] for side in ("before", "after"))
    words: Words = [": ", (before, OUTCOMES[before])]
    return words if before == after else [*words, " -> ", (after, OUTCOMES[after])]


def _told(change: Mapping[str, Anything], titles: Mapping[str, str]) -> Iterator[Words]:
    for fact in change.get("facts", ()):
        yield [f"not known any more: {fact}"]
    for reason in change.get("reasons", ()):
        yield [f"not accepted: {reason['fact']}", f" {reason['code']}" if reason["code"] else ""]
    for side, word in (("only_before", "fires no more"), ("only_after", "fires")):
        for rule in change.get("rules", {}).get(side, ()):
            yield [f"{word}: ", (rule, "bold"), f"  {titles.get(rule, '')}".rstrip()]
    for listed, word in _LISTED.items():
        for one in change.get(listed, ()):
            name = one.get("finding") or one.get("obligation") or one.get("fact")
            yield [f"{word} {name}: {_answer(one['before'])} -> {_answer(one['after'])}"]
    for name, words in _PAIRS.items():
        if name in change:
            yield [f"{words}: {said(change[name]['before'])} -> {said(change[name]['after'])}"]


def _answer(answer: Mapping[str, Anything] | None) -> str:
    """What is told of a finding, an obligation or a missing fact."""
    if answer is None:
        return "none"
    values = [", ".join(value) if isinstance(value, list) else value for value in answer.values()]
    return (
        " ".join(f"({value})" if place else str(value) for place, value in enumerate(values) if value) or "so"
    )


_NO_OUTCOME = {
    "refused": "refused, the ruleset does not accept the facts",
    "undecidable": "cannot be decided again, since texts were erased or mean something else",
    "explanation": "the same, for other reasons than are recorded",
}
_LISTED = {
    "findings": "finding",
    "possible_findings": "possible finding",
    "obligations": "obligation",
    "possible_obligations": "possible obligation",
    "missing": "missing fact",
}
_PAIRS = {"contact_reasons": "reasons to ask Meta", "licensor": "licensor"}
