"""Every handler of the dashboard."""

from typing import Final

from api.dashboard import decisions, files, helping, precedent_new, precedents, sign_in, today

HANDLERS: Final = (
    *files.HANDLERS,
    *sign_in.HANDLERS,
    *today.HANDLERS,
    *decisions.HANDLERS,
    *precedents.HANDLERS,
    *precedent_new.HANDLERS,
    *helping.HANDLERS,
)
