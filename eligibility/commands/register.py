"""`eligibility rules show --coverage`: what has become of each clause of the documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any as Anything

import click
from rich.console import Console
from rich.text import Text

from eligibility.commands.failures import DONE, NO
from eligibility.commands.output import console, heading, print_json, table
from eligibility.loading import load_rules
from eligibility.parsing import near
from eligibility.register import FILE, STANDINGS, Entry, load_register

_COLOURS = {"encoded": "green", "informational": "", "people": "yellow"}
_SAID = {"people": "left to people"}


def show(folder: Path, document: str | None, *, as_json: bool) -> int:
    """Show the register of a rules folder, or of one document; says no where the folder has none.

    Raises RulesetInvalid.
    """
    ruleset = load_rules(folder)
    documents = ruleset.document["documents"]
    if document is not None and document not in documents:
        hint = near(document, documents) or f"one of {', '.join(documents)}"
        raise click.UsageError(f"there is no document `{document}`: {hint}")
    entries = load_register(folder, ruleset)
    if not entries:
        if as_json:
            print_json({"registered": False, "documents": {}})
        else:
            console(stderr=True).print(f"these rules have no register: add {FILE} to their folder")
        return NO
    shown = {
        name: [entry for entry in entries if entry.document == name]
        for name in documents
        if document is None or name == document
    }
    if as_json:
        print_json({"registered": True, "documents": {name: _document(of) for name, of in shown.items()}})
        return DONE
    out = console()
    for name, of in shown.items():
        _print(f"{documents[name]['title']} ({name})", of, out)
    heading(out, "Together" if document is None else "Sum")
    for name, of in shown.items():
        out.print(f"{name}: {_sum(of)}")
    if document is None:
        out.print(f"{len(shown)} documents: {_sum(entries)}", style="bold")
    return DONE


def _print(title: str, entries: Sequence[Entry], out: Console) -> None:
    heading(out, title)
    rows = (
        (
            entry.clause,
            entry.heading or "",
            Text(_SAID.get(entry.standing, entry.standing), style=_COLOURS[entry.standing]),
            "; ".join(filter(None, (", ".join(entry.rules), entry.reason))),
        )
        for entry in entries
    )
    table(out, ("clause", "about", "standing", "rules, or why"), rows)


def _counts(entries: Sequence[Entry]) -> dict[str, int]:
    found = Counter(entry.standing for entry in entries)
    return {standing: found[standing] for standing in STANDINGS}


def _sum(entries: Sequence[Entry]) -> str:
    counts = [f"{count} {_SAID.get(standing, standing)}" for standing, count in _counts(entries).items()]
    return f"{len(entries)} clause{'s' * (len(entries) != 1)}, {', '.join(counts)}"


def _document(entries: Sequence[Entry]) -> dict[str, Anything]:
    listed = [{key: value for key, value in asdict(entry).items() if key != "document"} for entry in entries]
    return {"clauses": len(entries), **_counts(entries), "entries": listed}
