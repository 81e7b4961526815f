"""Commands of `eligibility audit` that take something from the log for ever, or keep it from being taken."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import click

from eligibility.commands.options import as_json, settings

MONTH = click.DateTime(["%Y-%m"])
without_asking = click.option("--yes", is_flag=True, help="Do not ask.")


@click.command("forget")
@click.option("--reference", help="Erase all texts of whom callers know by this reference, exactly.")
@click.option(
    "--decision", "decisions", type=click.UUID, multiple=True, metavar="ID", help="Erase this one's."
)
@click.option("--batch", type=click.UUID, metavar="ID", help="Erase all of a backlog that has ended.")
@click.option("--reason", help="Why; kept like the texts, and as erasable as they.")
@without_asking
@as_json
def forget(
    *,
    reference: str | None,
    decisions: tuple[UUID, ...],
    batch: UUID | None,
    reason: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Erase everything private of a person or company, for ever; what was decided stays provable.

    Exits with 1 where there is nothing to erase, or a legal hold keeps it.
    """
    from eligibility.commands.erasure import forget as run

    if [reference is not None, bool(decisions), batch is not None].count(True) != 1:
        raise click.UsageError("say whose texts: give `--reference`, `--decision` or `--batch`")
    return run(
        settings(),
        reference=reference,
        decisions=decisions,
        batch=batch,
        reason=reason,
        yes=yes,
        as_json=as_json,
    )


@click.command("retain")
@click.option(
    "--class",
    "of",
    type=click.Choice(["texts", "decisions", "accesses"]),
    required=True,
    help="What to drop.",
)
@click.option("--before", type=MONTH, required=True, help="Drop all months before this one.")
@click.option("--dry-run", is_flag=True, help="Only show what would be dropped.")
@without_asking
@as_json
def retain(*, of: Any, before: datetime, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Drop whole months of what need not be kept any longer, for ever; the rest of the log stays provable.

    `texts` are those of decisions; `decisions` their records, with texts and idempotency keys; `accesses`
    those of looks and exports. Held months stay. Exits with 1 where all are held.
    """
    from eligibility.commands.retention import retain as run

    return run(settings(), of=of, before=before.date(), dry_run=dry_run, yes=yes, as_json=as_json)


@click.command("hold")
@click.option("--from", "first", type=MONTH, required=True, help="The first month to keep.")
@click.option("--to", "last", type=MONTH, required=True, help="The last month to keep.")
@click.option("--reason", required=True, help="Why.")
@as_json
def hold(*, first: datetime, last: datetime, reason: str, as_json: bool) -> int:
    """Keep months from being dropped or erased, until the hold is released."""
    from eligibility.commands.retention import hold as run

    if last < first:
        raise click.BadParameter(f"`{last:%Y-%m}` is before `{first:%Y-%m}`", param_hint="--to")
    if not reason.strip():
        raise click.BadParameter("say why", param_hint="--reason")
    return run(settings(), first=first.date(), last=last.date(), reason=reason, as_json=as_json)


@click.command("holds")
@as_json
def holds(*, as_json: bool) -> int:
    """List legal holds, released ones too."""
    from eligibility.commands.retention import show as run

    return run(settings(), as_json=as_json)


@click.command("release-hold")
@click.argument("hold", type=click.UUID, metavar="ID")
@as_json
def release_hold(*, hold: UUID, as_json: bool) -> int:
    """End the legal hold with this ID, which `audit holds` shows."""
    from eligibility.commands.retention import release as run

    return run(settings(), hold, as_json=as_json)
