"""Every handler of the dashboard."""

from typing import Final

from api.dashboard import (
    batch_again,
    batch_new,
    batches,
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
    try_it,
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
    *try_it.HANDLERS,
    *batches.HANDLERS,
    *batch_new.HANDLERS,
    *batch_again.HANDLERS,
    *helping.HANDLERS,
)
