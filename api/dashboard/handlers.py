"""Every handler of the dashboard."""

from typing import Final

from api.dashboard import (
    decisions,
    files,
    helping,
    register_page,
    rules,
    ruleset_new,
    rulesets,
    sign_in,
    today,
)

HANDLERS: Final = (
    *files.HANDLERS,
    *sign_in.HANDLERS,
    *today.HANDLERS,
    *decisions.HANDLERS,
    *rules.HANDLERS,
    *register_page.HANDLERS,
    *ruleset_new.HANDLERS,
    *rulesets.HANDLERS,
    *helping.HANDLERS,
)
