"""Who runs where: jobs over the workers of any ``concurrent.futures`` executor, a worker's death survived."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from multiprocessing import connection
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from autograde.sandbox import kernel

Job = TypeVar("Job")
Result = TypeVar("Result")

MakeExecutor = Callable[[int], Executor]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processes(*preload: str) -> MakeExecutor:
    """Worker processes of this machine, forked from one that has imported modules and done nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return lambda workers: _Workers(workers, mp_context=context, initializer=belong_to_parent)


class _Workers(ProcessPoolExecutor):
    """Workers that keep nobody waiting who was stopped, or where one of them has died.

    All are started at once: of one that is started later, on demand, Python may not notice that it dies, or, when
    another one dies in that moment, not end it; both wait without end (seen with 3.11.7).
    """

    def __init__(self, *arguments: Any, **settings: Any):
        super().__init__(*arguments, **settings)
        self._safe_to_dynamically_spawn_children = False

    def __exit__(self, kind: Any, *rest: Any) -> bool | None:
        if kind is not None:
            for worker in list((self._processes or {}).values()):
                worker.kill()
        return super().__exit__(kind, *rest)


def belong_to_parent() -> None:
    """In a worker: end when the command that it works for ends, however that does; leave Control-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use_one_core()
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    if kernel.is_linux():
        kernel.die_with_parent(signal.SIGKILL)  # the forkserver ends with the command
    threading.Thread(target=_end_after, args=[parent.sentinel], daemon=True).start()


def use_one_core() -> None:
    """There is a worker a core: threads of NumPy and PyTorch would only wait for one another."""
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"  # for what is loaded later
    threadpool_limits(1)


def _end_after(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def run(
    work: Callable[[Job], Result], jobs: Iterable[Job], make_executor: MakeExecutor, workers: int
) -> Iterator[tuple[Job, Result | None]]:
    """Every job with its result, as they are done; None for a job whose worker died under it twice.

    Jobs are taken from the iterable only when a worker is about to be free, so preparing one may cost something.
    """
    suspects: list[Job] = []
    waiting = iter(jobs)
    while True:
        with make_executor(workers) as executor:
            lost = yield from _run(work, waiting, executor, workers)
        if not lost:
            break
        suspects += lost
    while suspects:
        with make_executor(1) as executor:
            yield from _alone(work, suspects, executor)


def _alone(
    work: Callable[[Job], Result], suspects: list[Job], executor: Executor
) -> Iterator[tuple[Job, Result | None]]:
    """One job at a time, taken from a list, so that only the one to blame goes down; until the executor breaks."""
    while suspects:
        job = suspects.pop(0)
        try:
            yield job, executor.submit(work, job).result()
        except BrokenExecutor:
            yield job, None
            return


def _run(
    work: Callable[[Job], Result], waiting: Iterator[Job], executor: Executor, workers: int
) -> Generator[tuple[Job, Result | None], None, list[Job]]:
    """Jobs through one executor until none is left or it broke; returns the jobs that were in it when it broke."""
    running: dict[Future[Result], Job] = {}
    lost: list[Job] = []
    try:
        while not lost:
            for job in itertools.islice(waiting, workers + 1 - len(running)):
                try:
                    running[executor.submit(work, job)] = job
                except BrokenExecutor:
                    lost.append(job)
                    break
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                if isinstance(future.exception(), BrokenExecutor):
                    lost.append(job)
                else:
                    yield job, future.result()
    finally:
        for future in running:
            future.cancel()
    return lost + list(running.values())
