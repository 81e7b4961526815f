"""`eligibility decide`: one request, one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any as Anything

import click
import orjson
from rich.console import Console

from eligibility.building import build
from eligibility.canonical import canonical
from eligibility.commands.failures import DONE, WRONG_USE
from eligibility.commands.opening import opened, service_login
from eligibility.commands.output import EFFECTS, console, heading, indented, print_json, said, said_outcome
from eligibility.commands.reasons import show_reasons
from eligibility.decider import Decider, Decision
from eligibility.errors import RequestRefused
from eligibility.loading import load_rules, shipped_rules
from eligibility.reading import read_request
from eligibility.reasoner import Asked, Reasoner, checked
from eligibility.recording import decision_entry
from eligibility.rules_folder import read_folder
from eligibility.ruleset import Ruleset
from eligibility.settings import Settings
from eligibility.storage import rulesets
from eligibility.why_not import unknown_name

_STATUS_STYLES = {"met": "green", "unmet": "red", "unknown": "dim"}

Document = Mapping[str, Anything]


def decide(
    body: bytes, rules: Path | None, settings: Settings, *, record: bool, as_json: bool, asked: Asked
) -> int:
    """Decide a request and print the answer; with `record`, only once it is durably recorded.

    Raises RulesetInvalid, and with `record` SettingsInvalid and StorageError.
    """
    try:
        if record:
            with service_login(settings) as url:
                document = asyncio.run(_recorded(body, url, settings, asked))
        else:
            decider = Decider(load_rules(rules or settings.rules_dir or shipped_rules()))
            made = _made(decider, body, asked)
            document = {**made.document(), **_reasons(made, asked)}
    except RequestRefused as refused:
        return _refuse(refused, as_json=as_json)
    if as_json:
        print_json(document)
    else:
        _show(document, console())
    return DONE


def _made(decider: Decider, body: bytes, asked: Asked) -> Decision:
    """The decision about a request. Raises RequestRefused, and BadParameter for names that there are not."""
    for name in asked.why_not:
        detail = unknown_name(name, decider.ruleset)
        if detail is not None:
            raise click.BadParameter(detail, param_hint="--why-not")
    return decider.decide(read_request(body, decider.ruleset.vocabulary))


def _reasons(made: Decision, asked: Asked) -> Document:
    """The reasons beyond the decision that are asked for."""
    if not asked:
        return {}
    found = Reasoner(made.decider.ruleset).find(made.request, made.outcome, asked)
    return checked(made.decider, made.request, found)


async def _recorded(body: bytes, url: str, settings: Settings, asked: Asked) -> Document:
    """Decide under the ruleset in force, and record it."""
    folder = settings.rules_dir or shipped_rules()
    shipped, files = load_rules(folder), read_folder(folder)
    async with opened(url, settings) as store:
        words = canonical(dict(shipped.document))
        await rulesets.genesis(store.log, store.database, shipped.digest, shipped.version, words, files)
        digest = await rulesets.in_force(store.database)
        ruleset: Ruleset = shipped
        if digest is not None and digest != shipped.digest:
            ruleset = build(orjson.loads((await rulesets.load(store.database, digest)).document))
        made = _made(Decider(ruleset), body, asked)
        reasons = _reasons(made, asked)
        entry = decision_entry(made, actor="system", channel="cli")
        await store.log.append(entry)
        return {**orjson.loads(made.json(entry.id, entry.at)), **reasons}


def _refuse(refused: RequestRefused, *, as_json: bool) -> int:
    """Print all that is wrong with a request."""
    if as_json:
        faults = [{"pointer": fault.pointer, "detail": fault.detail} for fault in refused.problems]
        print_json({"status": refused.status, "errors": faults})
        return WRONG_USE
    err = console(stderr=True)
    err.print("the request is refused:", style="bold red")
    for fault in refused.problems:
        indented(err, 2, (fault.pointer or "the whole request", "bold"), f": {fault.detail}")
    return WRONG_USE


def _show(document: Document, out: Console) -> None:
    """Print a decision for people, what matters most first."""
    out.print(said_outcome(out, document["outcome"], bold=True))
    indented(out, 2, document["summary"])
    _why(document, out)
    _findings(document, out)
    _missing(document, out)
    _obligations(document, out)
    show_reasons(document, out)
    if document["assumptions"]:
        heading(out, "Assumed, since it was not said")
        for assumed in document["assumptions"]:
            indented(out, 2, f"{assumed['fact']}: {said(assumed['value'])}")
    heading(out, "Licensor")
    indented(out, 2, document["licensor"] or "depends on a country that was not given")
    if document["contact"]:
        heading(out, "Contact")
        reasons = ", ".join(reason.replace("_", " ") for reason in document["contact"]["reasons"])
        indented(out, 2, f"{document['contact']['email']} ({reasons})")
    if document["recourse"]:
        heading(out, "Recourse")
        indented(out, 2, document["recourse"]["summary"])
    out.print()
    where = f"Recorded as {document['id']}" if "id" in document else "Not recorded (--record records it)"
    out.print(
        f"{where}. Policy {document['ruleset']['version']}, {document['ruleset']['digest']}.", style="dim"
    )


def _why(document: Document, out: Console) -> None:
    if document["explanation"]["text"]:
        heading(out, "Why")
    for paragraph in document["explanation"]["text"]:
        indented(out, 2, paragraph)


def _findings(document: Document, out: Console) -> None:
    """Print what findings mean and where they come from; the facts they rest on were told as reasons."""
    if document["findings"]:
        heading(out, "Findings")
    for made in document["findings"]:
        effect = (f"{made['effect']}  ", EFFECTS[made["effect"]])
        indented(out, 2, effect, (made["title"], "bold"), f"  {made['finding']}")
        indented(out, 4, made["summary"])
        _cite(made["citations"], out)


def _cite(citations: list[Mapping[str, str]], out: Console) -> None:
    for citation in citations:
        indented(out, 4, f"{citation['document']}, {citation['clause']}: ", (citation["url"], "underline"))


def _missing(document: Document, out: Console) -> None:
    if document["missing_facts"]:
        heading(out, "Missing facts, on which the answer depends")
    for missing in document["missing_facts"]:
        indented(out, 2, missing["question"])
        indented(out, 4, (f"{missing['fact']}: leads to {' or '.join(missing['outcomes'])}", "dim"))


def _obligations(document: Document, out: Console) -> None:
    if document["obligations"]:
        heading(out, "Obligations")
    for due in document["obligations"]:
        status = (f"{due['status']}  ", _STATUS_STYLES[due["status"]])
        indented(out, 2, status, (due["title"], "bold"), f"  {due['obligation']}")
        _due(due, out)
    if document["possible_obligations"]:
        heading(out, "Obligations that depend on facts not given")
    for due in document["possible_obligations"]:
        indented(
            out,
            2,
            (due["title"], "bold"),
            f"  {due['obligation']}: depends on {', '.join(due['depends_on'])}",
        )
        _due(due, out)


def _due(due: Mapping[str, Anything], out: Console) -> None:
    indented(out, 4, due["summary"])
    if due["value"] is not None:
        indented(out, 4, "“", (due["value"], "italic"), "”")
    _cite(due["citations"], out)
