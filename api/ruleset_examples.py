"""The worked examples of calls about rulesets, told as real ones are."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from eligibility.ruleset import SEMANTICS, Ruleset
from eligibility.ruleset_life import IMPACT, Check, Life, SignOff, Step
from eligibility.ruleset_telling import impact_document, life_document, listed_document
from eligibility.storage.ruleset_life import Listed

_AT: Final = datetime(2026, 11, 1, 9, tzinfo=UTC)
_ID: Final = UUID("01982c3e-5a00-7000-8000-000000000005")
_IN_FORCE: Final = "sha256:" + "0" * 64
_GROUP: Final = "sha256:" + "1" * 64


def ruleset_examples(ruleset: Ruleset) -> dict[str, Any]:
    """Every worked example by its name; the ruleset stands for one that was proposed."""
    life = _life(ruleset)
    return {
        "rulesets": {"rulesets": [listed_document(_listed(ruleset))]},
        "ruleset": life_document(life),
        "ruleset_upload": {
            "files": {
                "ruleset.yaml": "version: …",
                "outcome.yaml": "rules: …",
                "cases/outcome.yaml": "cases: …",
            },
            "reason": "The licence of the new generation counts users otherwise.",
        },
        "begun": {"digest": ruleset.digest, "begun": "checks"},
        "begun_impact": {"digest": ruleset.digest, "begun": "impact"},
        "impact_asked": {"from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"},
        "impact": impact_document(life, life.checks[IMPACT]),
        "reason": {"reason": "Read against the licence, with the legal department."},
        "activation": {"reason": "Agreed for the new year.", "at": "2027-01-01T00:00:00Z"},
    }


def _listed(ruleset: Ruleset) -> Listed:
    moved = _AT + timedelta(hours=1)
    return Listed(ruleset.digest, ruleset.version, "proposed", _AT, "example-reviewer", moved, None, None)


def _life(ruleset: Ruleset) -> Life:
    group = {
        "id": _GROUP,
        "decisions": 12,
        "evaluations": 2,
        "example": "01982c3e-5a00-7000-8000-000000000001",
        "what": "changed",
        "outcomes": {"before": "permitted", "after": "contact_meta"},
        "rules": {"only_before": [], "only_after": ["users-above-the-threshold"]},
        "findings": [],
    }
    report: dict[str, Any] = {
        "summary": "12 of 4,711 decisions would change, in 1 way",
        "ruleset": ruleset.digest,
        "from": "2026-10-01T00:00:00+00:00",
        "to": "2026-11-01T00:00:00+00:00",
        "decisions": 4711,
        "evaluations": 318,
        "unchanged": 4699,
        "by_facts": 0,
        "groups": [group],
    }
    reports = {
        "load": {"summary": "91 rules, 618 cases, 435 clauses"},
        "tests": {"summary": "618 cases, 0 failed; 91 of 91 rules and 161 of 161 conditions covered"},
        "proof": {"summary": "7 of 7 laws proved"},
        "difference": {"summary": "ways in which outcomes move: 1; rules that differ: 2"},
        IMPACT: report,
    }
    return Life(
        digest=ruleset.digest,
        version=ruleset.version,
        semantics=SEMANTICS,
        loaded_at=_AT,
        loaded_by="example-reviewer",
        in_force=_IN_FORCE,
        last_activation=1,
        steps=(
            Step(2, "loaded", str(_ID), "example-reviewer", _AT, None, "The licence has changed."),
            Step(3, "proposed", str(_ID), "example-reviewer", _AT + timedelta(hours=1), None, "It is ready."),
        ),
        checks={
            kind: Check(_ID, kind, _IN_FORCE, passed=True, at=_AT, by="example-reviewer", report=report)
            for kind, report in reports.items()
        },
        sign_offs=(SignOff(_GROUP, "example-approver", _AT, "The licence says so."),),
        source=None,
    )
