"""Every handler of the dashboard."""

from typing import Final

from api.dashboard import decisions, files, helping, sign_in, today

HANDLERS: Final = (
    *files.HANDLERS,
    *sign_in.HANDLERS,
    *today.HANDLERS,
    *decisions.HANDLERS,
    *helping.HANDLERS,
)
