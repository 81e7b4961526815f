"""What came of a backlog, in words and numbers for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from eligibility.backlog.tally import Tally, by_frequency
from eligibility.commands.output import SIGNS, heading, indented, said_outcome, table

_MOST_NAMES: Final = 10
_MOST_REFUSED: Final = 10
_MOST_GROUPS: Final = 20
_MOST_LINES: Final = 5


def show(out: Console, tally: Tally, seconds: float) -> None:
    """Print outcomes, the most frequent findings, what is missing, and the first lines that were refused."""
    rate = f", {tally.rows / seconds:,.0f} a second" if seconds >= 1 else ""
    out.print(f"{tally.rows:,} row{'s' * (tally.rows != 1)} in {seconds:,.1f} s{rate}", style="bold")
    rows = [_outcome(out, name, tally) for name in SIGNS]
    if tally.refused:
        rows.append((Text("! Refused", style="magenta"), *_share(tally.refused, tally.rows)))
    table(out, ("outcome", "rows", "of all"), rows)
    _names(out, "Findings", tally.findings)
    _names(out, "Reasons to contact Meta", tally.contact_reasons)
    _names(out, "Missing facts, on which answers depend", tally.missing_facts)
    if tally.refused:
        heading(out, "Refused lines")
    for refused in tally.first_refused[:_MOST_REFUSED]:
        indented(out, 2, (f"line {refused.line:,}: ", "bold"), refused.why.detail)
    if tally.refused > _MOST_REFUSED:
        indented(out, 2, f"… and {tally.refused - _MOST_REFUSED:,} more: the results name them all")


def _outcome(out: Console, name: str, tally: Tally) -> tuple[Text, str, str]:
    return said_outcome(out, name), *_share(tally.outcomes.get(name, 0), tally.rows)


def _share(count: int, rows: int) -> tuple[str, str]:
    return f"{count:,}", f"{count / rows:.1%}" if rows else "–"


def _names(out: Console, words: str, counts: Mapping[str, int]) -> None:
    if not counts:
        return
    heading(out, words)
    found = by_frequency(counts)
    table(out, ("rows", ""), [(f"{count:,}", name) for name, count in found[:_MOST_NAMES]])
    if len(found) > _MOST_NAMES:
        indented(out, 2, f"… and {len(found) - _MOST_NAMES} more")


def show_comparison(out: Console, found: Mapping[str, Any], differences: Path | None) -> None:
    """Print how many rows differ, and the largest groups of them by the rule responsible."""
    heading(out, f"Compared with {found['with']}")
    differ = f"{found['changed']:,} differ{'s' * (found['changed'] == 1)}, {found['moved']:,} in the outcome"
    indented(out, 2, f"{found['rows']:,} row{'s' * (found['rows'] != 1)} compared: {differ}")
    for name, words in _NOT_COMPARED.items():
        if found[name]:
            indented(out, 2, f"{found[name]:,} not compared: {words}")
    groups = found["groups"]
    if groups:
        rows = [_group(out, group) for group in groups[:_MOST_GROUPS]]
        table(out, ("rows", "before", "now", "lines", "rule responsible"), rows)
    if len(groups) > _MOST_GROUPS:
        indented(out, 2, f"… and {len(groups) - _MOST_GROUPS} more groups: `--json` names them all")
    if sum(group["rows"] for group in groups) > found["changed"]:
        indented(out, 2, "A row for which several rules are responsible stands with each of them.")
    if differences is not None:
        indented(out, 2, f"Every row that differs: {differences}")


_NOT_COMPARED: Final = {
    "other": "another request, since `request_id` is another than before",
    "only_before": "their lines are only in the earlier run",
    "only_now": "their lines are only in this run",
}


def _group(out: Console, group: Mapping[str, Any]) -> tuple[Any, ...]:
    before, now = (_side(out, group[side]) for side in ("before", "after"))
    lines, more = group["lines"][:_MOST_LINES], group["rows"] > _MOST_LINES
    shown = ", ".join(map(str, lines)) + " …" * more
    rule = group["rule"] or "none: other facts, or refused"
    return f"{group['rows']:,}", before, now, shown, f"{rule}  {group['title'] or ''}".rstrip()


def _side(out: Console, outcome: str | None) -> Any:
    return "! Refused" if outcome is None else said_outcome(out, outcome)
