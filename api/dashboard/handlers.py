"""Every handler of the dashboard."""

from typing import Final

from api.dashboard import (
    decision_paper,
    decisions,
    files,
    helping,
    leases,
    precedent_new,
    precedents,
    queue,
    register_page,
    review_steps,
    rules,
    ruleset_new,
    rulesets,
    saved_views,
    sign_in,
    today,
)

HANDLERS: Final = (
    *files.HANDLERS,
    *sign_in.HANDLERS,
    *today.HANDLERS,
    *decisions.HANDLERS,
    *queue.HANDLERS,
    *leases.HANDLERS,
    *saved_views.HANDLERS,
    *review_steps.HANDLERS,
    *precedents.HANDLERS,
    *precedent_new.HANDLERS,
    *rules.HANDLERS,
    *register_page.HANDLERS,
    *ruleset_new.HANDLERS,
    *rulesets.HANDLERS,
    *decision_paper.HANDLERS,
    *helping.HANDLERS,
)
