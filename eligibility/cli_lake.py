"""What can be typed about backlogs in a data lake."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from eligibility.commands.options import FOLDER, as_json, settings


@click.command("lake")
@click.argument("folder", metavar="IN", type=FOLDER)
@click.argument("out", metavar="OUT", type=click.Path(file_okay=False, path_type=Path))
@click.option("--scheduler", metavar="ADDRESS", help="The scheduler of a Dask cluster that runs already.")
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    help="Without --scheduler: processes to start; one for each core.",
)
@click.option("--dry-run", is_flag=True, help="Decide, and record nothing; no database is needed.")
@click.option("--full", is_flag=True, help="Add the whole decision to each row.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with charts, too."
)
@click.option("--rules", type=FOLDER, help="With --dry-run: decide under this rules folder.")
@as_json
def lake(
    *, scheduler: str | None, workers: int | None, rules: Path | None, dry_run: bool, **asked: Any
) -> int:
    """Decide the Parquet files in IN on a Dask cluster: a file of results in OUT for each, of the same name.

    Rows are recorded as `batch` records them, in one batch. Both folders must be seen by all workers, who get
    the database and the keys from their own environment. Whatever interrupts it, the same command goes on
    where it stopped. Needs the extra `dask`. Exits with 1 where a row was refused.
    """
    from eligibility.commands.lake import Asked
    from eligibility.commands.lake import lake as run

    if rules is not None and not dry_run:
        raise click.UsageError(
            "`--rules` goes with `--dry-run`: what is recorded is under the policy in force"
        )
    if scheduler is not None and workers is not None:
        raise click.UsageError("`--workers` are started here, `--scheduler` has its own: leave one out")
    wanted = Asked(
        scheduler=scheduler, workers=workers or os.cpu_count() or 1, rules=rules, dry_run=dry_run, **asked
    )
    return run(settings(), wanted)
