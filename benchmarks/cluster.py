"""Grading on a Dask cluster of this machine: one worker against two, and what the scheduler costs a submission.

    python benchmarks/cluster.py --rounds 3 --json benchmarks/results/cluster.json

The first part grades the same class with one worker and with two, each with one thread, in turn; the workers have
graded notebooks before, so no start is counted. The second part sends jobs that only wait to 64 workers, which need no
core for that: what is left is the cost of sending, scheduling and collecting.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from distributed import Client, Worker
from grading import ROOT, _answers, _job

from autograde import cluster, execute, schedule
from autograde.course import Course
from autograde.execute import Execution, Job
from autograde.lesson import Lesson

LESSON = "04_pooling"
WAIT = 1.0  # seconds that a job of the second part waits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=64, help="of the second part")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    options = parser.parse_args()
    found = {
        "machine": {"cores": schedule.cores(), "python": sys.version.split()[0], "load": os.getloadavg()[0]},
        "speedup": speedup(options.submissions, options.rounds),
        "overhead": overhead(options.workers),
    }
    print(json.dumps(found, indent=1))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def speedup(count: int, rounds: int) -> dict[str, float]:
    """Seconds for the same jobs on one worker and on two."""
    lesson = Lesson.gradable(Course.find(ROOT), LESSON)
    draw = random.Random(3)
    jobs = [_job(lesson, _answers(lesson, number % 10, draw), f"s{number:03}") for number in range(count)]
    with dask(1) as one, dask(2) as two:
        taken: dict[str, list[float]] = {one: [], two: []}
        for address, workers in ((one, 1), (two, 2)):
            _seconds(address, jobs[: 4 * workers], workers)  # so many that each worker has surely had one
        for _ in range(rounds):
            for address, workers in ((one, 1), (two, 2)):
                taken[address].append(_seconds(address, jobs, workers))
    single, double = median(taken[one]), median(taken[two])
    ratio = median(a / b for a, b in zip(taken[one], taken[two], strict=True))
    return {"submissions": count, "rounds": rounds, "one worker s": single, "two workers s": double, "ratio": ratio}


def _seconds(address: str, jobs: list[Job], workers: int) -> float:
    started = time.perf_counter()
    runs = list(schedule.run(execute.run, jobs, cluster.executors(address), cluster.AHEAD * workers))
    if any(run is None for _, run in runs):
        raise RuntimeError("a worker died")
    return time.perf_counter() - started


def overhead(workers: int) -> dict[str, float]:
    """What a submission costs beyond its own work, with many workers that only wait."""
    lesson = Lesson.gradable(Course.find(ROOT), LESSON)
    job = _job(lesson, _answers(lesson, 0, random.Random(3)), "x")
    jobs = [job] * (workers * 10)
    with dask(0) as address, _waiting(address, workers), Client(address, set_as_default=False) as client:
        client.wait_for_workers(workers, timeout=120)
        started = time.perf_counter()
        client.gather([client.submit(_wait, job, number, pure=False) for number, job in enumerate(jobs)])
        taken = time.perf_counter() - started
    ideal = WAIT * len(jobs) / workers
    return {
        "workers": workers,
        "submissions": len(jobs),
        "seconds": taken,
        "seconds if it cost nothing": ideal,
        "ms a submission": 1000 * (taken - ideal) / len(jobs),
        "most submissions a second": len(jobs) / (taken - ideal),
        "10,000 submissions, seconds at least": 10_000 * (taken - ideal) / len(jobs),
    }


def _wait(job: Job, number: int) -> Execution:
    """In the place of a notebook's run: as long, but without a core; what comes back is as large."""
    time.sleep(WAIT)
    text = "x" * 20_000
    return Execution({0: ({"output_type": "stream", "name": "stdout", "text": text},)}, execute.End.FINISHED, WAIT)


@contextmanager
def _waiting(address: str, workers: int) -> Iterator[None]:
    """A process with many workers."""
    command = [sys.executable, __file__, "waiting", address, str(workers)]
    with subprocess.Popen(
        command,
        env=_environment(),
    ) as process:
        yield
        process.kill()


def serve(address: str, workers: int) -> None:
    """Many workers in one process: each is only there to be scheduled."""

    async def all_of_them() -> None:
        made = [Worker(address, nthreads=1, dashboard=False, name=f"w{number}") for number in range(workers)]
        await asyncio.gather(*made)
        await asyncio.gather(*(worker.finished() for worker in made))

    asyncio.run(all_of_them())


@contextmanager
def dask(workers: int) -> Iterator[str]:
    """A scheduler with so many workers, each a process; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    commands = [["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]]
    with tempfile.TemporaryDirectory(prefix="dask-") as folder:
        worker = ["worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", folder]
        commands += [worker] * workers
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "dask", *command], env=_environment(), cwd=folder, stderr=subprocess.DEVNULL
            )
            for command in commands
        ]
        try:
            yield address
        finally:
            for process in running:
                process.send_signal(signal.SIGKILL)
            for process in running:
                process.wait()


def _environment() -> dict[str, Any]:
    return {**os.environ, "DASK_DISTRIBUTED__WORKER__DAEMON": "False", "OMP_NUM_THREADS": "1"}


if __name__ == "__main__":
    if sys.argv[1:2] == ["waiting"]:
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        main()
