"""Small policies for tests: a few of the shipped rules, with cases of their own."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from eligibility.cases import Case, Result, run
from eligibility.decider import Decider
from eligibility.loading import RULE_FILES, load_rules
from eligibility.ruleset import Ruleset
from tests.rules.patching import copied, read, write

OUTCOMES = ("outcome.prohibited", "outcome.contact-meta", "outcome.permitted")
USERS = ("licence.mau-threshold", "recipient", "aup.spam")
"""Rules that make up a policy together with the outcomes: one prohibits, one asks to contact Meta."""


def folder(target: Path, *rules: str) -> Path:
    """A rules folder in which only these of the shipped rules are left, and the outcomes."""
    copied(target)
    for name in RULE_FILES:
        path = target / f"{name}.yaml"
        content = read(path)
        content["rules"] = [rule for rule in content["rules"] if rule["id"] in {*rules, *OUTCOMES}]
        write(path, content)
    for beside in ("survivors", "register"):
        (target / f"{beside}.yaml").unlink(missing_ok=True)
    return target


def policy(target: Path, *rules: str) -> Ruleset:
    """The ruleset of such a folder."""
    return load_rules(folder(target, *rules))


def case(expect: dict[str, Any] | None = None, /, **facts: Any) -> Case:
    """A case about a company; facts of its use by name, `users` for its monthly active users."""
    entity = {"kind": facts.pop("kind", "company")}
    if "users" in facts:
        entity["monthly_active_users"] = facts.pop("users")
    request = {"model": {"generation": "llama-3.1"}, "entity": entity, "use": facts}
    return Case(str(request), request, expect or {}, "cases/small.yaml", 1)


def results(ruleset: Ruleset, cases: Iterable[Case]) -> list[Result]:
    decider = Decider(ruleset)
    return [run(decider, one) for one in cases]
