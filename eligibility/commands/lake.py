"""`eligibility lake`: the Parquet files of a folder, decided by the workers of a cluster."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import click

from eligibility.backlog.going_on import begun, forget
from eligibility.backlog.lake_plan import Plan, plan_of
from eligibility.backlog.lake_worker import PARTS, Job
from eligibility.backlog.recording import Run
from eligibility.backlog.report import Run as Reported
from eligibility.backlog.report import page
from eligibility.backlog.tally import Tally
from eligibility.canonical import canonical
from eligibility.commands import batch_recorded
from eligibility.commands.batch_progress import Progress
from eligibility.commands.batch_summary import show
from eligibility.commands.failures import DONE, NO
from eligibility.commands.opening import opened, service_login
from eligibility.commands.output import console, print_json
from eligibility.loading import load_rules, shipped_rules
from eligibility.ruleset import Ruleset
from eligibility.settings import Settings
from eligibility.storage import batches

INTERRUPTED = 130


class Asked(NamedTuple):
    """What was typed. `scheduler` is the address of a cluster that runs; else `workers` are started here."""

    folder: Path
    out: Path
    scheduler: str | None
    workers: int
    full: bool
    dry_run: bool
    rules: Path | None
    report: Path | None
    as_json: bool


class _Pinned(NamedTuple):
    """The ruleset of a run, and what is recorded of it, if it is."""

    ruleset: Ruleset
    run: Run | None


def lake(settings: Settings, asked: Asked) -> int:
    """Decide the files of a folder, and record it unless it is a dry run; the exit code.

    Exits with 1 where a row was refused. Raises UsageError, BacklogRefused, RulesetInvalid, SettingsInvalid,
    ClusterFailed, StorageError.
    """
    if find_spec("distributed") is None:
        raise click.UsageError("this needs Dask: install `eligibility[dask]`")
    plan = plan_of(asked.folder)
    _check_out(asked)
    started = datetime.now(UTC)
    with Progress(None, plan.rows) as progress:
        try:
            pinned, tally = _decided(settings, asked, plan, progress)
        except KeyboardInterrupt:
            words = "nothing was recorded" if asked.dry_run else "the same command goes on where it stopped"
            console(stderr=True).print(f"interrupted: {words}")
            return INTERRUPTED
    shutil.rmtree(asked.out / PARTS)
    forget(asked.out)
    _tell(asked, pinned, tally, started, progress.seconds)
    return NO if tally.refused else DONE


def _check_out(asked: Asked) -> None:
    """See that nothing is written over, and make the folder. Raises UsageError, BacklogRefused."""
    folder, out = asked.folder.resolve(), asked.out.resolve()
    if out == folder or folder in out.parents or out in folder.parents:
        raise click.UsageError(f"`{asked.out}` and `{asked.folder}` overlap: keep them apart")
    if asked.report is not None and asked.report.exists():
        raise click.UsageError(f"`{asked.report}` exists: give another name")
    left = None if asked.dry_run else begun(asked.out)
    files = (path for path in asked.out.rglob("*") if path.is_file() and PARTS not in path.parts)
    if left is None and any(files):
        raise click.UsageError(f"`{asked.out}` is not empty: give a new folder")


def _decided(settings: Settings, asked: Asked, plan: Plan, progress: Progress) -> tuple[_Pinned, Tally]:
    tally = Tally()
    with ExitStack() as held:
        url = None if asked.dry_run else held.enter_context(service_login(settings))
        pinned = _pinned(settings, asked, plan, url, progress)
        _make_room(asked.out, plan)
        job = Job(
            folder=plan.folder.resolve(),
            out=asked.out.resolve(),
            document=canonical(dict(pinned.ruleset.document)),
            run=pinned.run,
            full=asked.full,
            is_here=asked.scheduler is None,
        )
        for some in _tallies(asked, job, plan):
            tally = tally.merged(some)
            progress.show(tally)
        if url is not None and pinned.run is not None:
            asyncio.run(_finish(settings, url, pinned.run.batch, plan.rows))
    return pinned, tally


def _tallies(asked: Asked, job: Job, plan: Plan) -> Iterator[Tally]:
    from eligibility.backlog.lake import client_of, decided, local_client  # noqa: PLC0415 - an optional extra

    reached = local_client(asked.workers) if asked.scheduler is None else client_of(asked.scheduler)
    with reached as client:
        yield from decided(client, job, plan)


def _make_room(out: Path, plan: Plan) -> None:
    """Folders for all that workers write; what an interrupted run left of its parts goes away."""
    shutil.rmtree(out / PARTS, ignore_errors=True)
    for folder in {out / PARTS, *((out / file.name).parent for file in plan.files)}:
        folder.mkdir(parents=True, exist_ok=True)


def _pinned(settings: Settings, asked: Asked, plan: Plan, url: str | None, progress: Progress) -> _Pinned:
    if url is None:
        return _Pinned(load_rules(asked.rules or settings.rules_dir or shipped_rules()), None)
    wanted = batch_recorded.Wanted(
        source=asked.folder.resolve(),
        out=asked.out,
        form="parquet",
        reading=f"a folder of {len(plan.files)} Parquet files with {plan.rows} rows ({plan.digest})",
        writing="a folder of Parquet files",
        full=asked.full,
        resume=None,
    )

    async def begin() -> _Pinned:
        async with opened(url, settings) as store:
            batch, ruleset = await batch_recorded.batch_of(settings, store, wanted, progress.say)
            return _Pinned(ruleset, Run(batch.id, batch.ruleset, batch.actor))

    return asyncio.run(begin())


async def _finish(settings: Settings, url: str, batch: UUID, rows: int) -> None:
    async with opened(url, settings) as store:
        await batches.finish(store.log, store.database, batch, batch_recorded.US, rows=rows)


def _tell(asked: Asked, pinned: _Pinned, tally: Tally, started: datetime, seconds: float) -> None:
    ruleset, batch = pinned.ruleset, pinned.run and pinned.run.batch
    if asked.report is not None:
        run = Reported(asked.folder.resolve().name, asked.out.resolve().name, batch, started, seconds)
        asked.report.write_text(page(run, tally, ruleset), encoding="utf-8")
    if asked.as_json:
        print_json(_document(asked, pinned, tally, seconds))
        return
    out = console()
    show(out, tally, seconds)
    out.print()
    recorded_as = "Not recorded" if batch is None else f"Recorded as batch {batch}"
    out.print(f"{recorded_as}. Policy {ruleset.version}, {ruleset.digest}.", style="dim")


def _document(asked: Asked, pinned: _Pinned, tally: Tally, seconds: float) -> dict[str, Any]:
    return {
        "folder": str(asked.out),
        "batch": None if pinned.run is None else str(pinned.run.batch),
        "ruleset": {"version": pinned.ruleset.version, "digest": pinned.ruleset.digest},
        "seconds": round(seconds, 3),
        **tally.document(),
    }
