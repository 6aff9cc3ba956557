"""Grading on a Dask cluster, with a real scheduler and workers that are killed: the scores are those of a local run."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from autograde import cluster, grade, outcomes
from autograde.cluster import Cluster, ClusterError
from autograde.course import Course
from autograde.release import release
from tests.autograde.conftest import RIGHT, make_course, needs_isolation, submit

pytest.importorskip("distributed")
pytestmark = [pytest.mark.slow, needs_isolation, pytest.mark.xdist_group("cluster")]

WRONG = {"mlp_parameters": "def mlp_parameters(sizes):\n    return sum(m * n for m, n in zip(sizes, sizes[1:]))"}
DIES = {"mlp_parameters": "def mlp_parameters(sizes):\n    import os\n    os._exit(1)"}
SLEEPS = {"mlp_parameters": f"import time\ntime.sleep(0.5)\n{RIGHT['mlp_parameters']}"}
CLASS = {"ada": {}, "bob": WRONG, "cyd": DIES, "dan": SLEEPS, "eve": SLEEPS, "fay": SLEEPS}


class Dask:
    """A scheduler and workers, each a process of its own."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.processes = {}

    def start(self, name, *command, daemon=False):
        environment = {**os.environ, "DASK_DISTRIBUTED__WORKER__DAEMON": str(daemon)}
        with (self.folder / f"{name}.log").open("w") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "dask", *command], env=environment, cwd=self.folder, stdout=log, stderr=log
            )

    def scheduler(self):
        self.start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard")

    def worker(self, name, *options, daemon=False):
        where = ["--nthreads", "1", "--no-dashboard", "--local-directory", str(self.folder), *options]
        self.start(name, "worker", self.address, *where, daemon=daemon)

    def kill(self, name):
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes.pop(name).wait()

    def close(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


@pytest.fixture
def dask(tmp_path):
    made = Dask(tmp_path)
    made.scheduler()
    yield made
    made.close()


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """A class that was graded on this machine: the course, and what is known of each submission."""
    course = make_course(tmp_path_factory.mktemp("local") / "course")
    release(course, course.lessons)
    for student, answers in CLASS.items():
        submit(course, student, "10_first", {**RIGHT, **answers})
    grade.grade(course, ["10_first"], workers=2)
    return course, said(course)


def said(course):
    """What came of each submission, without what the clock and a process's death decide."""
    found = outcomes.load(course.folder).values()
    return {o.student: (o.ending, o.score, o.cells, o.diagnoses, o.seeds, o.fingerprint) for o in found}


@pytest.fixture
def course(local, tmp_path):
    """The same course and class, not graded yet, with the same secret."""
    graded, _ = local
    shutil.copytree(graded.root, tmp_path / "course")
    made = Course.find(tmp_path / "course")
    for path in [made.folder / outcomes.FILE, made.folder / "gradebook.db"]:
        path.unlink()
    shutil.rmtree(made.autograded)
    return made


def run(course, dask, after=lambda done: None):
    graded = []

    def progress(outcome, done, total):
        graded.append(outcome.student)
        after(done)

    made = cluster.executors(dask.address)
    grade.grade(course, ["10_first"], workers=4, progress=progress, make_executor=made)
    return graded


def test_a_worker_that_is_killed_changes_no_score(local, course, dask):
    dask.worker("one", "--no-nanny")
    dask.worker("two", "--no-nanny")
    with Cluster(dask.address) as connected:
        connected.client.wait_for_workers(2, timeout=60)
        assert connected.threads == 2
    graded = run(course, dask, after=lambda done: dask.kill("two") if done == 2 else None)
    assert sorted(graded) == sorted(CLASS)
    assert said(course) == local[1]


def test_a_scheduler_that_is_killed_costs_only_time(local, course, dask):
    dask.worker("one", "--no-nanny")
    with pytest.raises(ClusterError, match="What was finished is kept"):
        run(course, dask, after=lambda done: dask.kill("scheduler") if done == 3 else None)
    before = said(course)
    assert len(before) >= 3
    dask.kill("one")
    dask.scheduler()
    dask.worker("three")
    graded = run(course, dask)
    assert not set(graded) & {student for student, known in before.items() if known[0] == "graded"}
    assert said(course) == local[1]


def test_a_worker_that_can_have_no_processes_is_named_with_what_to_do(dask):
    dask.worker("one", daemon=True)
    with pytest.raises(ClusterError, match=cluster.DAEMON):
        Cluster(dask.address)


def test_a_worker_with_another_version_is_named(dask, monkeypatch):
    dask.worker("one", "--no-nanny")
    monkeypatch.setattr(cluster, "code", lambda: "another")
    with pytest.raises(ClusterError, match=r"tcp://127\.0\.0\.1.*another version"):
        Cluster(dask.address)


def test_a_scheduler_without_workers_is_told_how_to_get_one(dask, monkeypatch):
    with socket.socket() as probe:  # until it listens
        deadline = time.monotonic() + 60
        while probe.connect_ex(("127.0.0.1", dask.port)) and time.monotonic() < deadline:
            time.sleep(0.1)
    monkeypatch.setattr(cluster, "PATIENCE", 2.0)
    with pytest.raises(ClusterError, match="has no worker"):
        Cluster(dask.address)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x", "tcp://127.0.0.1"])
def test_an_address_where_nobody_answers_is_said(address, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1.0)
    with pytest.raises(ClusterError, match="No scheduler answers"):
        Cluster(address)
