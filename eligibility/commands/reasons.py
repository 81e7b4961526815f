"""Reasons beyond a decision, shown: what would change it, why not something else, which facts force it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any as Anything

from rich.console import Console

from eligibility.commands.output import heading, indented, said

Document = Mapping[str, Anything]

_CUT_SHORT = "There are more, or the search took too long: these are not all."


def show_reasons(document: Document, out: Console) -> None:
    """Print the reasons that were asked for."""
    for one in document.get("counterfactuals", {}).get("outcomes", ()):
        _changes(one, out)
    for one in document.get("why_not", ()):
        _why_not(one, out)
    if "sufficient_reasons" in document:
        _sufficient(document["sufficient_reasons"], out)


def _changes(one: Document, out: Console) -> None:
    heading(out, f"What would lead to {one['outcome']}")
    if not one["changes"] and one["complete"]:
        indented(out, 2, "No change of facts does.")
    for change in one["changes"]:
        indented(out, 2, change["text"] or "; ".join(said(part["set"]) for part in change["parts"]))
    _complete(one, out)


def _why_not(one: Document, out: Console) -> None:
    heading(out, f"Why not {one['name']}")
    if one["came_about"]:
        indented(out, 2, "It did come about.")
    elif not one["sets"] and one["complete"]:
        indented(out, 2, "Nothing can bring it about.")
    for found in one["sets"]:
        indented(out, 2, found["text"] or "; ".join(condition["fact"] for condition in found["conditions"]))
    _complete(one, out)


def _sufficient(reasons: Document, out: Console) -> None:
    heading(out, "What forces the outcome, whatever else is so")
    if not reasons["sets"] and reasons["complete"]:
        indented(out, 2, "Nothing does: the outcome rests on facts that are not known.")
    for held in reasons["sets"]:
        indented(out, 2, "; ".join(f"{fact['label']} ({said(fact['value'])})" for fact in held))
    _complete(reasons, out)


def _complete(one: Document, out: Console) -> None:
    if not one["complete"]:
        indented(out, 2, (_CUT_SHORT, "yellow"))
