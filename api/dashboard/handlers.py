"""Every handler of the dashboard."""

from typing import Final

from api.dashboard import decisions, files, helping, sign_in, today, try_it

HANDLERS: Final = (
    *files.HANDLERS,
    *sign_in.HANDLERS,
    *today.HANDLERS,
    *decisions.HANDLERS,
    *try_it.HANDLERS,
    *helping.HANDLERS,
)
