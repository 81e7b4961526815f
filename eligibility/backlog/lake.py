"""Backlogs beyond one machine: portions of a lake's files are decided by the workers of a Dask cluster.

Needs the extra `dask`. A worker may die at any moment: Dask gives its portions to others, who find in the log
which slices are recorded already.
"""

from __future__ import annotations

import logging
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

from distributed import Client, KilledWorker, LocalCluster, as_completed

from eligibility.backlog.lake_plan import File, Plan, Portion
from eligibility.backlog.lake_worker import Job, count, decide, join
from eligibility.backlog.tally import Tally
from eligibility.errors import ClusterFailed, EligibilityError

logging.getLogger("distributed").setLevel(logging.ERROR)  # it tells of each connection otherwise

Work = Callable[..., Tally | None]

_AGAIN: Final = 1
"""How often a portion is tried again after an error. Workers that die are no errors: Dask sees to them."""


@contextmanager
def local_client(workers: int) -> Iterator[Client]:
    """A cluster of processes on this machine, which listens on the loopback address alone."""
    with (
        LocalCluster(
            host="127.0.0.1",
            dashboard_address=None,
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            silence_logs=logging.CRITICAL,  # what goes wrong is raised
            # without it the scheduler would take the port of the dashboard that it does not show
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def client_of(scheduler: str) -> Iterator[Client]:
    """A cluster that runs already, by its scheduler's address. Raises ClusterFailed."""
    try:
        client = Client(scheduler)
    except (OSError, ValueError) as error:
        raise ClusterFailed(f"the scheduler {scheduler} cannot be reached: {error}") from error
    with client:
        yield client


def decided(client: Client, job: Job, plan: Plan) -> Iterator[Tally]:
    """Decide all files of a plan, whose results are in the output folder in the end; tallies on the way.

    Files whose results are complete are only counted. Raises what `lake_worker.decide` does when it has
    failed twice; ClusterFailed where workers die again and again.
    """
    done = [file for file in plan.files if (job.out / file.name).exists()]
    portions: dict[File, list[Portion]] = {file: [] for file in plan.files if file not in done}
    for portion in plan.portions(list(portions), max(1, len(client.nthreads()))):
        portions[portion.file].append(portion)
    tasks = _Tasks(client, job)
    try:
        tasks.submit(count, done)
        tasks.submit(join, [file for file, some in portions.items() if not some], [])
        tasks.submit(decide, [portion for some in portions.values() for portion in some])
        left = {file: len(some) for file, some in portions.items()}
        for what, tally in tasks.results():
            if isinstance(what, Portion):
                left[what.file] -= 1
                if not left[what.file]:
                    tasks.submit(join, [what.file], portions[what.file])
            if tally is not None:
                yield tally
    finally:
        tasks.cancel()


class _Tasks:
    """Tasks of a run, and what each is about."""

    def __init__(self, client: Client, job: Job) -> None:
        self._client = client
        self._run = uuid4().hex  # so that no key is that of another run
        self._job = client.submit(_itself, job, key=f"eligibility-{self._run}")  # sent once, not for each
        self._about: dict[str, tuple[Any, File | Portion]] = {}
        self._completed = as_completed()

    def submit(self, work: Work, things: Sequence[File | Portion], *more: Any) -> None:
        """Let this work be done on each of these."""
        for thing in things:
            key = f"eligibility-{work.__name__}-{self._run}-{thing.number}"
            future = self._client.submit(work, self._job, thing, *more, key=key, retries=_AGAIN)
            self._about[key] = future, thing
            self._completed.add(future)

    def results(self) -> Iterator[tuple[File | Portion, Tally | None]]:
        """What came of each, as they end; of those too that are submitted meanwhile."""
        for future in self._completed:
            _, thing = self._about.pop(future.key)
            yield thing, _result(future, thing)

    def cancel(self) -> None:
        """Let go of those that have not ended."""
        self._client.cancel([future for future, _ in self._about.values()])


def _itself(job: Job) -> Job:
    return job


def _result(future: Any, thing: File | Portion) -> Tally | None:
    about = f"the results of `{thing.name}`" if isinstance(thing, File) else str(thing)
    try:
        result: Tally | None = future.result()
    except EligibilityError:
        raise
    except KilledWorker as error:
        raise ClusterFailed(
            f"{error.allowed_failures + 1} workers died while they were at {about}: look at their logs"
        ) from error
    except CancelledError as error:
        raise ClusterFailed("the cluster has ended, or let go of the run: run it again") from error
    except Exception as error:
        raise ClusterFailed(f"a worker failed at {about}: {type(error).__name__}: {error}") from error
    return result
