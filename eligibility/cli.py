"""The command line: what can be typed, and how errors become messages and exit codes.

Exit codes: 0 done; 1 the answer is no; 2 wrong usage or bad input; 3 the service or database could not be
reached; 70 a fault of the program itself.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import click

from eligibility.cli_batch import batch
from eligibility.cli_keeping import forget, hold, holds, release_hold, retain
from eligibility.cli_lake import lake
from eligibility.cli_proof import checkpoint, rotate_key, verify
from eligibility.cli_proof import keys as signing_keys
from eligibility.cli_rulesets import rulesets
from eligibility.commands.failures import FAULT, exit_code, message
from eligibility.commands.options import FOLDER, MOMENT, as_json, settings

logger = logging.getLogger(__name__)

ROLES = click.Choice(["portal", "reviewer", "approver", "auditor", "monitor", "admin"])
PERCENT = click.FloatRange(0, 100)


class Commands(click.Group):
    """A group whose commands answer with their exit code, and whose errors are told in plain words."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, then exit."""
        try:
            code = super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            logger.debug("the command ended with an error", exc_info=True)
            click.echo(message(error), err=True)
            code = exit_code(error)
            if code == FAULT:
                click.echo("  `eligibility --debug …` shows where", err=True)
        ctx.exit(code or 0)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Log everything, and where an error came from.")
@click.version_option(package_name="eligibility")
def main(*, debug: bool) -> None:
    """Decide whether a use of Llama models is permitted, with reasons and a durable record.

    Exit codes: 0 done; 1 the answer is no; 2 wrong usage or bad input; 3 the service or database could not be
    reached; 70 a fault of the program. NO_COLOR switches colours off.
    """
    level = logging.DEBUG if debug else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


@main.command()
def serve() -> int:
    """Run the service, with an embedded PostgreSQL unless a database is configured."""
    from eligibility.serve import serve as run

    return run(settings())


@main.command()
def worker() -> int:
    """Decide uploaded backlogs, beside a service that runs here or on another machine.

    ELIGIBILITY_BATCH_WORKERS says in how many processes. `serve` does so by itself.
    """
    from eligibility.commands.worker import worker as run

    return run(settings())


@main.command()
@click.argument("file", type=click.File("rb"))
@click.option("--rules", type=FOLDER, help="Decide under this rules folder.")
@click.option("--record", is_flag=True, help="Record the decision in the log, under the policy in force.")
@click.option(
    "--what-would-change-it", "changes", is_flag=True, help="Tell the smallest changes to each other outcome."
)
@click.option("--change-kind", is_flag=True, help="These may change what the applicant is, too.")
@click.option(
    "--why-not", multiple=True, metavar="NAME", help="Tell what stood in a finding's way (or outcome's)."
)
@click.option("--sufficient-reasons", "sufficient", is_flag=True, help="Tell which facts force the outcome.")
@as_json
def decide(*, file: BinaryIO, rules: Path | None, record: bool, as_json: bool, **asked: Any) -> int:
    """Decide the request in FILE (`-`: the input). It is not recorded unless --record says so.

    Exits with 0 whatever the outcome, and with 2 where the request is refused.
    """
    from eligibility.commands.decide import decide as run
    from eligibility.reasoner import Asked

    if record and rules is not None:
        raise click.UsageError("`--record` decides under the policy in force: leave `--rules` out")
    if asked["change_kind"] and not asked["changes"]:
        raise click.UsageError("`--change-kind` goes with `--what-would-change-it`")
    wanted = Asked(
        asked["changes"], asked["change_kind"], asked["sufficient"], tuple(dict.fromkeys(asked["why_not"]))
    )
    return run(file.read(), rules, settings(), record=record, as_json=as_json, asked=wanted)


main.add_command(batch)
main.add_command(lake)


@main.group()
def rules() -> None:
    """Check, try and show the policy."""


@rules.command("check")
@click.argument("folder", type=FOLDER, required=False)
@as_json
def rules_check(*, folder: Path | None, as_json: bool) -> int:
    """Load a rules FOLDER and its cases strictly, and report every fault by file and line."""
    from eligibility.commands.rules import check

    return check(_rules_folder(folder), as_json=as_json)


@rules.command("test")
@click.argument("folder", type=FOLDER, required=False)
@click.option(
    "--at-least", type=PERCENT, default=100, show_default=True, help="Percent of rules, conditions to cover."
)
@as_json
def rules_test(*, folder: Path | None, at_least: float, as_json: bool) -> int:
    """Decide the cases beside the rules in FOLDER; report failures, and what no case tries or covers.

    A rule is covered where it fires in one case and not in another, a condition where cases turn on it both
    ways. Exits with 1 where a case fails, something is untried, or less is covered than --at-least says.
    """
    from eligibility.commands.testing import test

    return test(_rules_folder(folder), at_least=at_least, as_json=as_json)


@rules.command("mutate")
@click.argument("folder", type=FOLDER, required=False)
@click.option("--at-least", type=PERCENT, default=98, show_default=True, help="Percent of mutants to kill.")
@as_json
def rules_mutate(*, folder: Path | None, at_least: float, as_json: bool) -> int:
    """Change one thing at a time in the rules in FOLDER; report changes that no case beside them notices.

    Exits with 1 where less is noticed than --at-least says, or a change that is not noticed has no reason in
    survivors.yaml. It takes about half a minute.
    """
    from eligibility.commands.mutate import mutate

    return mutate(_rules_folder(folder), at_least=at_least, as_json=as_json)


@rules.command("prove")
@click.argument("folder", type=FOLDER, required=False)
@as_json
def rules_prove(*, folder: Path | None, as_json: bool) -> int:
    """Prove the laws of the policy in FOLDER over every request; show requests that break one."""
    from eligibility.commands.prove import prove

    return prove(_rules_folder(folder), as_json=as_json)


@rules.command("diff")
@click.argument("old", type=FOLDER)
@click.argument("new", type=FOLDER)
@as_json
def rules_diff(*, old: Path, new: Path, as_json: bool) -> int:
    """Say what a change from the rules folder OLD to NEW means for every request, or prove them equal.

    Exits with 0 where they are proved equal, and with 1 where they differ.
    """
    from eligibility.commands.diff import diff

    return diff(old, new, as_json=as_json)


@rules.command("show")
@click.argument("rule", required=False)
@click.option("--rules", "folder", type=FOLDER, help="Show this rules folder.")
@click.option("--document", help="Only rules that cite this document, such as `llama-4-aup`.")
@click.option("--coverage", is_flag=True, help="Show what became of each clause of the documents instead.")
@as_json
def rules_show(
    *, rule: str | None, folder: Path | None, document: str | None, coverage: bool, as_json: bool
) -> int:
    """Show all rules, or everything about one RULE (or about the rules that make a finding).

    With --coverage, exits with 1 where the rules have no register of clauses.
    """
    if coverage:
        from eligibility.commands.register import show as show_register

        if rule is not None:
            raise click.UsageError("`--coverage` shows clauses, not rules: leave RULE out")
        return show_register(_rules_folder(folder), document, as_json=as_json)
    from eligibility.commands.rules import show

    return show(_rules_folder(folder), rule, document, as_json=as_json)


@main.group()
def audit() -> None:
    """Prove, read and keep the log of what was decided and done."""


for command in (verify, checkpoint, signing_keys, rotate_key, forget, retain, hold, holds, release_hold):
    audit.add_command(command)


@audit.command("export")
@click.argument("out", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--since", type=MOMENT, help="Recorded then or later; a day begins at midnight UTC.")
@click.option("--until", type=MOMENT, help="Recorded before then.")
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv", "parquet"]), help="Else by OUT's suffix."
)
@click.option("--kind", default="decision", show_default=True, help="The kind of records, or `all`.")
@click.option("--with-proofs", "proofs", is_flag=True, help="Add what proves each record offline.")
@click.option("--without-texts", is_flag=True, help="Leave out private texts and names of those who asked.")
@as_json
def audit_export(
    *, out: Path, since: datetime | None, until: datetime | None, form: Any, kind: str, **asked: bool
) -> int:
    """Export the records of a period to OUT (`-`: the output), a file `.jsonl`, `.csv` or `.parquet`.

    A suffix `.gz` compresses the first two. OUT appears once it is complete. The export is recorded first.
    """
    from eligibility.commands.export import export
    from eligibility.export import ALL
    from eligibility.storage.exporting import Wanted

    since, until = (at if at is None or at.tzinfo else at.replace(tzinfo=UTC) for at in (since, until))
    if since is not None and until is not None and since >= until:
        raise click.BadParameter("it is not after `--since`: give a later time", param_hint="--until")
    texts, proofs = not asked["without_texts"], asked["proofs"]
    wanted = Wanted(since, until, None if kind == ALL else kind, texts, proofs)
    return export(settings(), out, wanted, form=form, as_json=asked["as_json"])


@main.group()
def keys() -> None:
    """Make, list and revoke API keys."""


@keys.command("create")
@click.argument("name")
@click.option("--role", type=ROLES, required=True, help="What the key allows.")
@click.option("--person", "kind", flag_value="person", help="NAME is a person.")
@click.option("--system", "kind", flag_value="system", help="NAME is a program, such as a portal.")
@click.option("--label", default="", help="What the key is for.")
@click.option("--expires", type=MOMENT, help="When it stops working; a day begins at midnight UTC.")
@as_json
def keys_create(
    *, name: str, role: Any, kind: Any, label: str, expires: datetime | None, as_json: bool
) -> int:
    """Make a key for NAME and show it once.

    Without --person or --system, portals and monitors are systems, and all others persons.
    """
    from eligibility.commands.keys import create

    name = name.strip()
    if not name or not name.isprintable():
        raise click.BadParameter("give a name of printable characters", param_hint="NAME")
    if expires is not None:
        expires = expires if expires.tzinfo else expires.replace(tzinfo=UTC)
        if expires <= datetime.now(UTC):
            raise click.BadParameter(f"`{expires.isoformat()}` has passed", param_hint="--expires")
    return create(
        settings(),
        name=name,
        kind=kind or ("system" if role in {"portal", "monitor"} else "person"),
        role=role,
        label=label,
        expires=expires,
        as_json=as_json,
    )


@keys.command("list")
@as_json
def keys_list(*, as_json: bool) -> int:
    """List all keys, never their text."""
    from eligibility.commands.keys import show

    return show(settings(), as_json=as_json)


@keys.command("revoke")
@click.argument("key", type=click.UUID, metavar="ID")
@as_json
def keys_revoke(*, key: UUID, as_json: bool) -> int:
    """End the key with this ID, which `keys list` shows."""
    from eligibility.commands.keys import revoke

    return revoke(settings(), key, as_json=as_json)


@audit.command("replay")
@click.option("--since", type=MOMENT, help="From this time on; a day begins at midnight UTC.")
@click.option("--until", type=MOMENT, help="Before this time.")
@click.option("--ruleset", metavar="DIGEST|FOLDER", help="Under this one, instead of each one's own.")
@as_json
def audit_replay(
    *, since: datetime | None, until: datetime | None, ruleset: str | None, as_json: bool
) -> int:
    """Decide recorded decisions again, and say by rule what differs.

    Without --ruleset each is decided under the ruleset it was recorded under, and nothing may differ. Exits
    with 1 where anything does.
    """
    from eligibility.commands.replay import is_digest, replay
    from eligibility.storage.recorded import Period

    if ruleset is not None and not is_digest(ruleset) and not Path(ruleset).is_dir():
        detail = f"`{ruleset}` is neither a folder nor a digest, `sha256:` and 64 hexadecimal digits"
        raise click.BadParameter(detail, param_hint="--ruleset")
    period = Period(
        *(moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) for moment in (since, until))
    )
    return replay(settings(), period, ruleset, as_json=as_json)


@main.group()
def db() -> None:
    """Migrate a database, and prepare one."""


@db.command("upgrade")
@as_json
def db_upgrade(*, as_json: bool) -> int:
    """Migrate to the newest revision, with the owner's login (ELIGIBILITY_OWNER_DATABASE_URL)."""
    from eligibility.commands.db import upgrade

    return upgrade(settings(), as_json=as_json)


@db.command("current")
@as_json
def db_current(*, as_json: bool) -> int:
    """Say which revision the database is at; exits with 1 where the service needs another."""
    from eligibility.commands.db import current

    return current(settings(), as_json=as_json)


@db.command("roles")
@click.option("--database", default="eligibility", show_default=True, help="The name of the database.")
@as_json
def db_roles(*, database: str, as_json: bool) -> int:
    """Print the SQL by which a superuser makes the database and its two roles."""
    from eligibility.commands.db import roles

    return roles(database, as_json=as_json)


main.add_command(rulesets)


def _rules_folder(given: Path | None) -> Path:
    """The rules folder that is meant: the given one, the configured one, or the shipped one."""
    from eligibility.loading import shipped_rules

    return given or settings().rules_dir or shipped_rules()
