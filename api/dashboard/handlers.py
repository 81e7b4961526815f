"""Every handler of the dashboard."""

from typing import Final

from api.dashboard import decisions, files, helping, register_page, rules, sign_in, today

HANDLERS: Final = (
    *files.HANDLERS,
    *sign_in.HANDLERS,
    *today.HANDLERS,
    *decisions.HANDLERS,
    *rules.HANDLERS,
    *register_page.HANDLERS,
    *helping.HANDLERS,
)
