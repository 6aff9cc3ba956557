"""Submissions on the workers of a Dask cluster: an executor as any other for :mod:`autograde.schedule`.

What a worker needs comes with each job, the cells, the files and the limits: no file system is shared. On each worker,
notebooks are run by processes of its own, one a thread of Dask's, each with its warm process and its walls.
"""

from __future__ import annotations

import functools
import hashlib
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

import autograde
import course_utils
from autograde import schedule
from autograde.errors import AutogradeError

if TYPE_CHECKING:
    from distributed import Client
    from distributed import Future as Task

PATIENCE = 30.0  # seconds for a scheduler to answer, and for it to have a worker
AHEAD = 2  # jobs under way for each thread of a worker, so that none waits for the next to travel
DAEMON = "DASK_DISTRIBUTED__WORKER__DAEMON=False"


class ClusterError(AutogradeError):
    """A cluster that cannot be used, or that is gone."""


class Cluster(Executor):
    """The workers behind a scheduler's address, such as ``tcp://10.0.0.1:8786``; raises :class:`ClusterError`."""

    def __init__(self, address: str):
        self.address = address
        self.client = _connected(address)
        self.waiting: dict[Task[Any], Future[Any]] = {}

    @property
    def threads(self) -> int:
        """How many notebooks the cluster runs at a time."""
        return sum(self.client.nthreads().values())

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        made: Future[Any] = Future()
        made.set_running_or_notify_cancel()
        job = functools.partial(work, *args, **kwargs)
        theirs = self.client.submit(on_worker, code(), job, pure=False)
        self.waiting[theirs] = made
        theirs.add_done_callback(self._done)
        return made

    def _done(self, theirs: Task[Any]) -> None:
        made = self.waiting.pop(theirs, None)
        if made is None:  # nobody waits for it any more
            return
        try:
            if theirs.status == "finished":
                made.set_result(theirs.result())
            elif theirs.status == "error":
                made.set_exception(_translated(theirs.exception()))
            else:
                made.set_exception(ClusterError(f"The scheduler at {self.address} is gone. {AGAIN}"))
        except Exception as error:  # the connection broke meanwhile
            made.set_exception(ClusterError(f"The connection to {self.address} broke ({error}). {AGAIN}"))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        left = list(self.waiting)
        self.waiting.clear()
        for theirs in left:
            theirs.cancel()
        self.client.close()


AGAIN = "What was finished is kept: run the same command again."


def executors(address: str) -> schedule.MakeExecutor:
    """Makes the executor of a run; the number of workers is the cluster's own affair."""
    return lambda workers: Cluster(address)


def _connected(address: str) -> Client:
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterError("A cluster needs Dask: pip install 'convnets-by-hand[cluster]'.") from error
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(
            f"No scheduler answers at {address} ({error}). Is it running (dask scheduler), and does a firewall let us "
            "through?"
        ) from error
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
        for worker, problem in client.run(problem_here, code()).items():
            if problem:
                raise ClusterError(f"The worker {worker} cannot grade: {problem}")
    except TimeoutError as error:
        client.close()
        raise ClusterError(
            f"The scheduler at {address} has no worker. Start some: {DAEMON} dask worker {address} --nthreads 1"
        ) from error
    except ClusterError:
        client.close()
        raise
    return client


def _translated(error: BaseException | None) -> BaseException:
    """What ended a job: one that kills its worker has broken it, in the words of :mod:`concurrent.futures`."""
    if type(error).__name__ == "KilledWorker":
        return BrokenExecutor(str(error))
    if isinstance(error, AutogradeError | BrokenExecutor):
        return error
    return ClusterError(
        f"The cluster could not run a job ({type(error).__name__}: {error}). Is the same version of this repository "
        f"installed where the scheduler runs, too? {AGAIN}"
    )


@functools.cache
def code() -> str:
    """A digest of all that grades: two machines with the same one give the same verdicts."""
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for package in (autograde, course_utils):
        folder = Path(str(package.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


# What follows runs on a worker.


def problem_here(wanted: str) -> str:
    """Why this worker cannot grade; empty where it can."""
    if code() != wanted:
        return "its Python, autograde or course_utils is another version than here. Install the same on all machines."
    if multiprocessing.current_process().daemon:
        return f"Dask lets it have no processes of its own. Start it with {DAEMON} in its environment."
    return ""


def on_worker(wanted: str, job: Callable[[], Any]) -> Any:
    """Run a job in a process of this worker's own."""
    problem = problem_here(wanted)
    if problem:
        raise ClusterError(f"A worker cannot grade: {problem}")
    return _processes(os.getpid(), _threads()).run(job)


def _threads() -> int:
    from distributed import get_worker

    return int(get_worker().state.nthreads)


@functools.cache
def _processes(owner: int, count: int) -> _Processes:
    return _Processes(count)


class _Processes:
    """This worker's processes, made anew when one of them has died."""

    def __init__(self, count: int):
        self.count = count
        self.make = schedule.processes("autograde.execute")
        self.lock = threading.Lock()
        self.pool: Executor | None = None

    def run(self, job: Callable[[], Any]) -> Any:
        with self.lock:
            pool = self.pool = self.pool or self.make(self.count)
        try:
            return pool.submit(job).result()
        except BrokenExecutor:
            with self.lock:
                if self.pool is pool:
                    self.pool = None
            pool.shutdown(wait=False)
            raise
