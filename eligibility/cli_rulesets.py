"""`eligibility rulesets …` as it is typed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from eligibility.commands.options import FOLDER, MOMENT, as_json, settings

_key_file = click.option(
    "--key-file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that holds the API key of the person who acts.",
)
_reason = click.option("--reason", required=True, help="Why.")
_digest = click.argument("digest")


@click.group()
def rulesets() -> None:
    """Load, check and approve versions of the policy, and put one in force.

    DIGEST is a ruleset's digest, or as much of its beginning as no other has.
    """


@rulesets.command("list")
@as_json
def rulesets_list(*, as_json: bool) -> int:
    """List every ruleset, the one loaded last first."""
    from eligibility.commands.rulesets import show_all

    return show_all(settings(), as_json=as_json)


@rulesets.command("show")
@_digest
@as_json
def rulesets_show(*, digest: str, as_json: bool) -> int:
    """Show a ruleset's steps and checks, and what has to be done before the next step."""
    from eligibility.commands.rulesets import show

    return show(settings(), digest, as_json=as_json)


@rulesets.command("load")
@click.argument("folder", type=FOLDER)
@click.option("--reason", help="Why the policy is to change.")
@as_json
def rulesets_load(*, folder: Path, reason: str | None, as_json: bool) -> int:
    """Keep the rules in FOLDER as a draft, or report every fault by file and line."""
    from eligibility.commands.rulesets import load

    return load(settings(), folder, reason=reason, as_json=as_json)


@rulesets.command("check")
@_digest
@as_json
def rulesets_check(*, digest: str, as_json: bool) -> int:
    """Check a ruleset against the one in force: loading, cases, proof, difference. It takes about a minute.

    Exits with 1 where a check is not passed.
    """
    from eligibility.commands.rulesets import check

    return check(settings(), digest, as_json=as_json)


@rulesets.command("impact")
@_digest
@click.option("--from", "since", type=MOMENT, required=True, help="Decisions from this time on.")
@click.option("--to", "until", type=MOMENT, help="Decisions before this time; until now if left out.")
@as_json
def rulesets_impact(*, digest: str, since: datetime, until: datetime | None, as_json: bool) -> int:
    """Compute what a ruleset changes for the decisions of a period, in groups that have to be signed off."""
    from eligibility.commands.rulesets import compute_impact

    to = _zoned(until or datetime.now(UTC))
    if to <= _zoned(since):
        raise click.BadParameter(
            "the period is empty: `--to` has to be later than `--from`", param_hint="--to"
        )
    return compute_impact(settings(), digest, _zoned(since), to, as_json=as_json)


@rulesets.command("sign-off")
@_digest
@click.argument("group", nargs=-1, required=True)
@_key_file
@_reason
@as_json
def rulesets_sign_off(*, digest: str, group: tuple[str, ...], **how: Any) -> int:
    """Answer for each GROUP of the impact, by its id or as much of its beginning as no other has."""
    from eligibility.commands.rulesets import sign_off

    return sign_off(settings(), digest, group, **how)


@rulesets.command("propose")
@_digest
@_key_file
@_reason
@as_json
def rulesets_propose(*, digest: str, **how: Any) -> int:
    """Propose a draft, or a ruleset that was in force before."""
    from eligibility.commands.rulesets import step

    return step(settings(), digest, "proposed", **how)


@rulesets.command("withdraw")
@_digest
@_key_file
@_reason
@as_json
def rulesets_withdraw(*, digest: str, **how: Any) -> int:
    """Take back a proposal, an approval or a date: the ruleset is a draft again."""
    from eligibility.commands.rulesets import step

    return step(settings(), digest, "withdrawn", **how)


@rulesets.command("approve")
@_digest
@_key_file
@_reason
@as_json
def rulesets_approve(*, digest: str, **how: Any) -> int:
    """Approve what another person proposed, once it is checked and its impact signed off."""
    from eligibility.commands.rulesets import step

    return step(settings(), digest, "approved", **how)


@rulesets.command("activate")
@_digest
@click.option("--at", type=MOMENT, help="When; at once if left out. A day begins at midnight UTC.")
@_key_file
@_reason
@as_json
def rulesets_activate(*, digest: str, at: datetime | None, **how: Any) -> int:
    """Put an approved ruleset in force, at once or at a date."""
    from eligibility.commands.rulesets import step

    if at is None:
        return step(settings(), digest, "activated", **how)
    return step(settings(), digest, "scheduled", at=_zoned(at), **how)


@rulesets.command("cancel")
@_digest
@_key_file
@_reason
@as_json
def rulesets_cancel(*, digest: str, **how: Any) -> int:
    """Cancel the date of an activation; the ruleset stays approved."""
    from eligibility.commands.rulesets import step

    return step(settings(), digest, "unscheduled", **how)


def _zoned(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
