"""`eligibility rules check` and `show`: the policy as data, checked and shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any as Anything

import click
from rich.console import Console
from rich.text import Text

from eligibility import describing
from eligibility.cases import load_cases, naming
from eligibility.commands.failures import DONE, NO
from eligibility.commands.output import EFFECTS, console, heading, indented, print_json, table
from eligibility.errors import RulesetInvalid
from eligibility.loading import load_rules
from eligibility.parsing import near
from eligibility.register import load_register
from eligibility.ruleset import STRATA, Rule, Ruleset


def check(folder: Path, *, as_json: bool) -> int:
    """Load a rules folder, its cases and its register strictly, and say what is wrong, or what they hold."""
    try:
        ruleset = load_rules(folder)
        cases = load_cases(folder, ruleset)
        clauses = load_register(folder, ruleset)
    except RulesetInvalid as invalid:
        return faulty(invalid, as_json=as_json)
    counts = {
        generation: dict(Counter(rule.then.stratum for rule in program.rules))
        for generation, program in ruleset.programs.items()
    }
    if as_json:
        print_json(
            {
                "valid": True,
                "version": ruleset.version,
                "digest": ruleset.digest,
                "rules": len(ruleset.rules),
                "rules_by_generation": counts,
                "cases": len(cases),
                "clauses": len(clauses),
            }
        )
        return DONE
    out = console()
    holds = f"{len(ruleset.rules)} rules, {len(cases)} cases, {len(clauses)} clauses registered"
    out.print(f"version {ruleset.version}, {holds}", style="bold green")
    out.print(ruleset.digest)
    out.print()
    rows = ([name, *(found.get(stratum, 0) for stratum in STRATA)] for name, found in counts.items())
    table(out, ("generation", *STRATA), rows)
    return DONE


def faulty(invalid: RulesetInvalid, *, as_json: bool) -> int:
    """Say what is wrong with a rules folder."""
    if as_json:
        faults = [
            {"file": fault.file, "line": fault.line, "detail": fault.detail, "remedy": fault.remedy}
            for fault in invalid.faults
        ]
        print_json({"valid": False, "faults": faults})
        return NO
    out = console()
    for fault in invalid.faults:
        out.print(str(fault))
    count = len(invalid.faults)
    console(stderr=True).print(f"{count} fault{'s' * (count > 1)} in the rules", style="bold red")
    return NO


def show(folder: Path, rule: str | None, document: str | None, *, as_json: bool) -> int:
    """Show the rules, or one of them with everything about it.

    Raises RulesetInvalid.
    """
    ruleset = load_rules(folder)
    shown = [one for one in ruleset.rules if document is None or _cites(one, document)]
    if document is not None and document not in ruleset.document["documents"]:
        raise _unknown("document", document, list(ruleset.document["documents"]))
    if rule is not None:
        shown = [one for one in shown if rule in {one.id, one.then.name}]
        if not shown:
            known = {name for one in ruleset.rules for name in (one.id, one.then.name)}
            raise _unknown("rule or finding", rule, sorted(known))
    shown.sort(key=lambda one: (STRATA.index(one.then.stratum), one.id))
    cases = _cases_of(folder, ruleset, shown) if rule is not None else {}
    if as_json:
        print_json([_document(one, ruleset, cases.get(one.id)) for one in shown])
    elif rule is not None:
        for one in shown:
            _print_rule(one, ruleset, cases[one.id], console())
    else:
        _print_rules(shown, ruleset, console())
    return DONE


def _unknown(what: str, written: str, known: Sequence[str]) -> click.UsageError:
    hint = near(written, known) or f"one of {', '.join(known)}" * (len(known) < 20)  # noqa: PLR2004 - readable
    return click.UsageError(f"there is no {what} `{written}`" + (f": {hint}" if hint else ""))


def _generations(rule: Rule, ruleset: Ruleset) -> str:
    return describing.generations(rule.generations, {name: name for name in ruleset.generations})


def _cites(rule: Rule, document: str) -> bool:
    return any(one.document == document for cited in rule.citations.values() for one in cited)


def _cases_of(folder: Path, ruleset: Ruleset, shown: Sequence[Rule]) -> dict[str, list[str]]:
    """The cases that name a rule or what it concludes, in words that tell where they stand."""
    cases = load_cases(folder, ruleset)
    return {
        rule.id: [f"{case.name} ({case.file}:{case.line})" for case in naming(cases, rule)] for rule in shown
    }


def _print_rules(shown: Sequence[Rule], ruleset: Ruleset, out: Console) -> None:
    rows = []
    for rule in shown:
        words = describing.conclusion(rule)
        cited = rule.citations[rule.generations[-1]][0]
        where = f"{cited.document}, {cited.clause}"
        effect = Text(words, style=EFFECTS.get(words, ""))
        rows.append(
            (
                rule.id,
                effect,
                rule.title,
                _generations(rule, ruleset),
                where,
            )
        )
    table(out, ("rule", "gives", "title", "generations", "source (newest generation)"), rows)


def _print_rule(rule: Rule, ruleset: Ruleset, cases: Sequence[str], out: Console) -> None:
    words = describing.conclusion(rule)
    out.print(Text.assemble((rule.id, "bold"), "  ", (words, EFFECTS.get(words, ""))))
    indented(out, 2, (rule.title, "bold"))
    indented(out, 2, rule.summary)
    indented(
        out,
        2,
        f"generations: {_generations(rule, ruleset)}",
    )
    heading(out, "Where all of these hold")
    for level, line in describing.condition(rule.when, ruleset):
        indented(out, 2 + 2 * level, line)
    heading(out, "It concludes")
    for line in _conclusion_lines(rule):
        indented(out, 2, line)
    heading(out, "Sources")
    for (generation, place, url), more in _sources(rule).items():
        indented(out, 2, f"{', '.join((generation, *more))}: {place}: ", (url, "underline"))
    heading(out, f"Cases ({len(cases)})")
    for case in cases:
        indented(out, 2, case)
    out.print()


def _conclusion_lines(rule: Rule) -> list[str]:
    then = rule.then
    lines = [f"{then.kind} {then.name}" if then.kind != "derive" else f"derived fact {then.name}"]
    if then.effect:
        lines.append(f"effect: {then.effect}" + (f", reason {then.reason}" if then.reason else ""))
    if then.review:
        lines.append(f"reviewed case by case where {then.review} holds")
    values = {value for value in (then.values or {}).values() if value is not None}
    for value in sorted(values):
        due = [generation for generation, one in (then.values or {}).items() if one == value]
        lines.append(f"value for {', '.join(due)}: {value}")
    if then.status:
        lines.append(f"status follows {then.status.fact}")
    return lines


def _sources(rule: Rule) -> dict[tuple[str, str, str], list[str]]:
    """The citations, those that are alike in several generations once, with the other generations."""
    found: dict[tuple[str, str], list[str]] = {}
    for generation, cited in rule.citations.items():
        for one in cited:
            found.setdefault((f"{one.document}, {one.clause}", one.url), []).append(generation)
    return {(names[0], *place): names[1:] for place, names in found.items()}


def _document(rule: Rule, ruleset: Ruleset, cases: Sequence[str] | None) -> dict[str, Anything]:
    then = rule.then
    document: dict[str, Anything] = {
        "id": rule.id,
        "title": rule.title,
        "summary": rule.summary,
        "generations": list(rule.generations),
        "stratum": then.stratum,
        "concludes": {"kind": then.kind, "name": then.name, "effect": then.effect, "reason": then.reason},
        "review": then.review,
        "values": then.values and dict(then.values),
        "when": [f"{'  ' * level}{line}" for level, line in describing.condition(rule.when, ruleset)],
        "citations": {
            generation: [{"document": one.document, "clause": one.clause, "url": one.url} for one in cited]
            for generation, cited in rule.citations.items()
        },
    }
    return document if cases is None else {**document, "cases": list(cases)}
