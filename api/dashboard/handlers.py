"""Every handler of the dashboard."""

from typing import Final

from api.dashboard import decision_list, decisions, files, helping, sign_in, today

HANDLERS: Final = (
    *files.HANDLERS,
    *sign_in.HANDLERS,
    *today.HANDLERS,
    *decisions.HANDLERS,
    *decision_list.HANDLERS,
    *helping.HANDLERS,
)
