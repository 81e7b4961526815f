"""Rulesets and their life as JSON, as HTTP and the command line show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any as Anything

from eligibility.canonical import timestamp
from eligibility.ruleset_life import CHECKS, IMPACT, Check, Life, lacking, next_step
from eligibility.storage.ruleset_life import Listed

Document = dict[str, Anything]


def listed_document(one: Listed) -> Document:
    """A ruleset as it is listed."""
    return {
        "digest": one.digest,
        "version": one.version,
        "state": one.state,
        "loaded_by": one.loaded_by,
        "loaded_at": timestamp(one.loaded_at),
        "moved_at": _time(one.moved_at),
        "due": _time(one.due),
        "in_force_since": _time(one.since) if one.state == "in_force" else None,
    }


def life_document(life: Life, *, reports: bool = False) -> Document:
    """A ruleset with its steps, its checks (whole reports only if asked for), and what comes next."""
    following = next_step(life)
    impact = life.checks.get(IMPACT)
    return {
        "digest": life.digest,
        "version": life.version,
        "state": life.state,
        "loaded_by": life.loaded_by,
        "loaded_at": timestamp(life.loaded_at),
        "due": _time(life.due),
        "in_force": life.in_force,
        "steps": [
            {
                "step": step.step,
                "by": step.by,
                "at": timestamp(step.at),
                "due": _time(step.due),
                "reason": step.reason,
            }
            for step in life.steps
        ],
        "checks": [
            _check(life.checks[kind], life, reports=reports) for kind in CHECKS if kind in life.checks
        ],
        "impact": None if impact is None else _check(impact, life, reports=False) | _signed(life, impact),
        "next": None if following is None else _following(life, *following),
    }


def impact_document(life: Life, impact: Check) -> Document:
    """The latest impact: its groups, each with who signed it off."""
    signed = {each.group: each for each in life.sign_offs}
    groups = []
    for group in impact.report.get("groups", ()):
        by = signed.get(group["id"])
        word = by and {"by": by.by, "at": timestamp(by.at), "reason": by.reason}
        groups.append({**group, "signed_off": word})
    return {
        "digest": life.digest,
        **_check(impact, life, reports=False),
        **{name: value for name, value in impact.report.items() if name not in {"groups", "summary"}},
        "groups": groups,
    }


def _check(check: Check, life: Life, *, reports: bool) -> Document:
    told: Document = {
        "kind": check.kind,
        "passed": check.passed,
        "against": check.against,
        "is_current": check.against == life.in_force,
        "by": check.by,
        "at": timestamp(check.at),
        "summary": check.report.get("summary", ""),
    }
    return {**told, "report": check.report} if reports else told


def _signed(life: Life, impact: Check) -> Document:
    groups = len(impact.report.get("groups", ()))
    return {"groups": groups, "signed_off": groups - len(life.unsigned)}


def _following(life: Life, step: str, who: str) -> Document:
    needs_checks = life.state in {"proposed", "approved", "scheduled"}
    return {"step": step, "by": who, "missing": list(lacking(life)) if needs_checks else []}


def _time(at: datetime | None) -> str | None:
    return None if at is None else timestamp(at)
