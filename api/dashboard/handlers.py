"""Every handler of the dashboard."""

from typing import Final

from api.dashboard import (
    audit,
    audit_acts,
    audit_export,
    audit_verifying,
    decision_list,
    decisions,
    files,
    helping,
    people,
    sign_in,
    today,
)

HANDLERS: Final = (
    *files.HANDLERS,
    *sign_in.HANDLERS,
    *today.HANDLERS,
    *decisions.HANDLERS,
    *decision_list.HANDLERS,
    *audit.HANDLERS,
    *audit_acts.HANDLERS,
    *audit_export.HANDLERS,
    *audit_verifying.HANDLERS,
    *people.HANDLERS,
    *helping.HANDLERS,
)
