"""Why something did not come about: the smallest sets of conditions that stood in its way.

A set names facts that would all have to be otherwise, the fewest that will do: none smaller stood in the way.
What the applicant is counts here too, and so does a fact that is not known.
"""

from __future__ import annotations

from eligibility.counterfactuals import GOALS, Smallest, outcome_functions, smallest
from eligibility.facts import EligibilityRequest
from eligibility.landscape import OUTCOMES, Landscape
from eligibility.parsing import near
from eligibility.refusals import shown
from eligibility.ruleset import Ruleset
from eligibility.smallest import Functions, Search
from eligibility.standing import Standing


def why_not(landscape: Landscape, request: EligibilityRequest, name: str) -> Smallest:
    """What stood in the way of a finding or an outcome, as the smallest changes after which it is there.

    Where it did come about for certain, there is one change, an empty one. `unknown_name` says which names
    there are; nothing brings about what goes by another.
    """
    functions, goals = _functions(landscape, name)
    standing = Standing(landscape, request.facts, kind_may_change=True)
    return smallest(Search(standing, functions), goals, request)


def _functions(landscape: Landscape, name: str) -> tuple[Functions, tuple[Functions, ...]]:
    """What is walked, and where to. A finding is there where it is made with one effect for certain."""
    if name in OUTCOMES:
        return outcome_functions(landscape), (GOALS[name],)
    functions = landscape.made(name)
    one_of_them = tuple(
        tuple(int(place == chosen) for place in range(len(functions))) for chosen in range(len(functions))
    )
    return functions, one_of_them


def unknown_name(name: str, ruleset: Ruleset) -> str | None:
    """What is wrong with a name that is neither an outcome's nor a finding's; None where it is one."""
    findings = {rule.then.name for rule in ruleset.rules if rule.then.kind == "finding"}
    if name in OUTCOMES or name in findings:
        return None
    remedy = near(name[:100], [*OUTCOMES, *sorted(findings)]) or "name an outcome, or a finding of the policy"
    return f"there is no outcome or finding {shown(name)}: {remedy}"
