"""What can be typed about backlogs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from eligibility.commands.options import FOLDER, as_json, settings
from eligibility.company import collect_seldom, started

if TYPE_CHECKING:
    from eligibility.commands.batch_comparison import Asked as Comparison

_FORMATS = click.Choice(["jsonl", "csv", "parquet"])
_STREAM = Path("-")
_SMALL = 2**16
"""Bytes of a file that one process decides before another one could begin."""

_UNRECORDED, _RECORDED = "eligibility.backlog.unrecorded", "eligibility.backlog.slice_making"
"""The modules of those that decide."""

_MOST_RECORDING = 4
"""Processes that decide what is recorded: a row takes one of them twice as long as it takes the database."""


@click.command("batch")
@click.argument(
    "source", metavar="IN", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
)
@click.argument("out", metavar="OUT", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Decide, and record nothing; no database is needed.")
@click.option("--full", is_flag=True, help="Add the whole decision to each line.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with charts, too."
)
@click.option("--from", "read", type=_FORMATS, help="The format of IN, where its name does not say it.")
@click.option("--to", "written", type=_FORMATS, help="The format of OUT, where its name does not say it.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
@click.option(
    "--resume", metavar="ID", type=click.UUID, help="Go on with this batch, whatever lies beside OUT."
)
@click.option("--rules", type=FOLDER, help="With --dry-run: decide under this rules folder.")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    help="How many decide, unless the file is small: as many as there are cores unless given, but four "
    "at most where they record.",
)
@click.option(
    "--against",
    metavar="PREVIOUS",
    help="Say which rows are decided otherwise than in these results, this batch or under this ruleset.",
)
@click.option(
    "--differences",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --against: write every row that differs to this .jsonl or .csv.",
)
@as_json
def batch(*, rules: Path | None, processes: int | None, dry_run: bool, **asked: Any) -> int:
    """Decide a backlog: one request on each line of IN, one result on each line of OUT (`-`: a stream).

    Files end in .jsonl, .csv or .parquet, and perhaps in .gz or .zst. Every decision is recorded, under the
    policy in force when the batch begins. Whatever interrupts it, the same command goes on where it stopped,
    and OUT appears once it is complete. Exits with 1 where a line was refused: its result says why, and the
    others are decided all the same.

    PREVIOUS is the file of results of an earlier run, the id of a batch, a rules folder, or `sha256:…` of a
    ruleset in the database. Rows are matched by line and grouped by the rule responsible. That some differ
    does not change the exit code.
    """
    collect_seldom()
    if rules is not None and not dry_run:
        raise click.UsageError(
            "`--rules` goes with `--dry-run`: what is recorded is under the policy in force"
        )
    _check_resume(asked["resume"], dry_run=dry_run)
    compared = _comparison(asked.pop("against"), asked.pop("differences"))
    number = 0 if _is_small(asked["source"]) else _others(processes, dry_run=dry_run)
    # first of all, since what is imported here takes as long
    with started(number, _UNRECORDED if dry_run else _RECORDED) as company:
        from eligibility.commands.batch import Asked
        from eligibility.commands.batch import batch as run

        wanted = Asked(against=compared, rules=rules, dry_run=dry_run, **asked)
        return run(settings(), wanted, company)


def _is_small(source: Path) -> bool:
    """Whether it is a small file; of a pipe, be it one with a name, nobody knows."""
    return source.is_file() and source.stat().st_size < _SMALL


def _others(processes: int | None, *, dry_run: bool) -> int:
    """How many processes help this one, which decides nothing itself where others do and it records."""
    cores = os.cpu_count() or 1
    number = processes or (cores if dry_run else min(cores, _MOST_RECORDING))
    return number - 1 if dry_run or number == 1 else number


def _comparison(against: str | None, differences: Path | None) -> Comparison | None:
    if against is None:
        if differences is not None:
            raise click.UsageError("`--differences` goes with `--against`, which says what to compare with")
        return None
    from eligibility.commands.batch_comparison import Asked, previous, written_as

    written_as(differences)
    return Asked(previous(against), differences)


def _check_resume(resume: UUID | None, *, dry_run: bool) -> None:
    if resume is not None and dry_run:
        raise click.UsageError("a dry run records nothing, so there is nothing to go on with: leave one out")
