"""Runs in which something is killed, or in which the disk is full: the next run puts everything right."""

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook

from autograde.course import Course
from autograde.release import release
from autograde.sandbox import memory
from tests.autograde.conftest import ROOT, nbgrader, needs_isolation, notebook, save, submit

pytestmark = [needs_isolation, pytest.mark.slow, pytest.mark.xdist_group("faults")]

LESSON = "12_faults"
STUDENTS = 40
FEW = 12
PARTS = {"worker": 2, "warm process": 3, "door": 4, "keeper": 5, "cells": 6, "forkserver": 1}  # generations below us
DOUBLE = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
TRIPLE = "def triple(x):\n    ### BEGIN SOLUTION\n    return 3 * x\n    ### END SOLUTION"
WAIT = "import time\n\ntime.sleep(0.05)\n"  # so that there is somebody to kill


def lesson():
    """Two answers of 4 and 8 points, and a question of 8."""

    def tests(name, number, points):
        data = nbgrader(f"{name}_check", grade=True, points=points)
        return new_code_cell(f"assert {name}(5) == {5 * number}", id=f"{name}-check", metadata=data)

    written = "### BEGIN SOLUTION\nBecause.\n### END SOLUTION"
    return notebook(
        new_code_cell(DOUBLE, id="double-answer", metadata=nbgrader("double", solution=True)),
        tests("double", 2, 4),
        new_code_cell(TRIPLE, id="triple-answer", metadata=nbgrader("triple", solution=True)),
        tests("triple", 3, 8),
        new_markdown_cell(written, id="written", metadata=nbgrader("written_why", grade=True, solution=True, points=8)),
    )


def answers(number):
    """All kinds of submissions: right, half right, wrong, and one that dies of itself."""
    double = f"{WAIT}def double(x):\n    return {2 + (number % 3 == 1)} * x"
    triple = f"{WAIT}def triple(x):\n    return {3 + (number % 4 == 1)} * x"
    if number == 7:
        triple = "import os\n\ndef triple(x):\n    os._exit(1)"
    return {"double": double, "triple": triple, "written_why": "Because." if number % 2 else "So."}


def expected(number):
    return 4 * (number % 3 != 1) + 8 * (number % 4 != 1 and number != 7)


NAMES = {f"student{number:02}": number for number in range(STUDENTS)}


@pytest.fixture
def course(tmp_path):
    return make_course(tmp_path / "course", NAMES)


@pytest.fixture
def small_course(tmp_path):
    return make_course(tmp_path / "course", list(NAMES)[:FEW])


def make_course(root, names):
    save(root / f"solutions/{LESSON}/{LESSON}.ipynb", lesson())
    shutil.copy(ROOT / "nbgrader_config.py", root)
    made = Course.find(root)
    release(made, [LESSON])
    for name in names:
        submit(made, name, LESSON, answers(NAMES[name]))
    return made


def command(course, *more):
    arguments = [sys.executable, "-m", "autograde", "grade", "--course", str(course.root), "--workers", "2", *more]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        arguments,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a shell may have it ignored
    )


@contextlib.contextmanager
def ended(run):
    """A command that is not left running when a test fails."""
    try:
        yield run
    finally:
        run.kill()
        run.communicate()


def finished(course):
    """Grade to the end; what was printed and the exit status."""
    run = command(course)
    said, _ = run.communicate(timeout=240)
    return said, run.returncode


def outcomes(course):
    path = course.folder / "outcomes.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")] if path.exists() else []


def scores(course):
    return {outcome["student"]: outcome["score"] for outcome in outcomes(course)}


def in_gradebook(course):
    """Scores, as nbgrader's own database has them."""
    with Gradebook(course.database, course.name) as book:
        found = [
            (submission.student.id, sum(grade.auto_score or 0 for n in submission.notebooks for grade in n.grades))
            for submission in book.assignment_submissions(LESSON)
        ]
    assert len(found) == len(dict(found))
    return dict(found)


def generation(process, number):
    """The processes that are so many generations below one."""
    found = [process]
    for _ in range(number):
        found = [child for parent in found for child in memory.children(parent)]
    return found


def are_gone(processes, seconds=15):
    deadline = time.monotonic() + seconds
    while left := [p for p in processes if _lives(p)]:
        if time.monotonic() > deadline:
            return left
        time.sleep(0.05)
    return []


def _lives(process):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def assert_right(course, students=STUDENTS):
    names = list(NAMES)[:students]
    assert scores(course) == {name: expected(NAMES[name]) for name in names}
    assert Counter(outcome["student"] for outcome in outcomes(course)) == dict.fromkeys(names, 1)
    assert in_gradebook(course) == scores(course)


def test_parts_that_are_killed_at_random_moments_cost_no_points(course):
    draw = random.Random(5)
    killed = Counter()
    with ended(command(course)) as run:
        for part in itertools.cycle(PARTS):
            if killed.total() == 14 or run.poll() is not None:
                break
            deadline = time.monotonic() + 30
            while run.poll() is None and time.monotonic() < deadline:
                victims = generation(run.pid, PARTS[part])
                if part == "forkserver":  # the other child is the tracker of resources
                    victims = [v for v in victims if memory.children(v)]
                if victims:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(draw.choice(victims), signal.SIGKILL)
                        killed[part] += 1
                    break
                time.sleep(0.005)
            time.sleep(draw.uniform(0.0, 0.5))
        left = memory.descendants(run.pid)
        said, _ = run.communicate(timeout=240)
        assert run.returncode in (0, 1), said
    assert len(outcomes(course)) == STUDENTS, said
    assert are_gone(left) == []
    assert min(killed[part] for part in PARTS) >= 1, killed
    said, status = finished(course)
    assert status == 1, said  # the one that dies of itself
    assert_right(course)


def test_the_command_that_is_killed_leaves_nobody_and_goes_on_where_it_was(course):
    draw = random.Random(7)
    finished_before = 0
    for _ in range(2):
        enough = finished_before + draw.randint(4, 12)
        run = command(course)
        while len(outcomes(course)) < enough:
            assert run.poll() is None, run.stdout.read()
            time.sleep(0.01)
        left = memory.descendants(run.pid)
        run.kill()
        run.communicate()
        assert len(left) >= 5
        assert are_gone(left) == []
        finished_before = len(outcomes(course))
        assert finished_before < STUDENTS
    before = scores(course)
    with Gradebook(course.database, course.name) as book:
        student = next(name for name in before if NAMES[name] % 2)
        grade = book.find_grade("written_why", LESSON, LESSON, student)
        grade.manual_score, grade.needs_manual_grade = 5, False
        book.db.commit()
    said, status = finished(course)
    assert status == 1, said
    assert "unchanged since the last time" in said
    assert in_gradebook(course) == {name: expected(number) for name, number in NAMES.items()}
    with Gradebook(course.database, course.name) as book:
        assert book.find_grade("written_why", LESSON, LESSON, student).manual_score == 5
    again, _ = finished(course)
    assert f"{STUDENTS - 1} unchanged since the last time" in again


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_that_is_asked_to_stop_does_at_once(course, number):
    run = command(course)
    while len(outcomes(course)) < 3:
        assert run.poll() is None, run.stdout.read()
        time.sleep(0.01)
    left = memory.descendants(run.pid)
    run.send_signal(number)
    said, _ = run.communicate(timeout=20)
    assert run.returncode in (130, -number), said
    assert "Traceback" not in said
    assert are_gone(left) == []
    with sqlite3.connect(course.database.removeprefix("sqlite:///")) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)


def in_mounts_of_its_own(course, *lines):
    """Shell commands in a namespace in which things can be mounted; what they print, and the exit status of each."""
    grade = f"{sys.executable} -m autograde grade --course {course.root} --workers 1"
    root = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    text = "\n".join(f"{line.format(grade=grade, folder=course.folder)}\necho exit $?" for line in lines)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["unshare", *root, "--mount", "sh", "-c", text], env=environment, capture_output=True, text=True, timeout=240
    )
    return done.stdout + done.stderr


def test_a_disk_that_is_full_is_said_and_nothing_is_half_written(small_course):
    kept = small_course.root / "kept"
    left = "$(($(df --output=avail {folder} | tail -1) - 48))"
    said = in_mounts_of_its_own(
        small_course,
        f"cp -r {{folder}} {kept}; mount -t tmpfs -o size=260k tmpfs {{folder}}; cp -r {kept}/. {{folder}}/",
        "{grade}",  # there is no room for a new gradebook
        "mount -o remount,size=600k {folder}",
        "{grade} --student student00",
        f"head -c {left}k /dev/zero > {{folder}}/ballast",
        "{grade}",  # nor for many more submissions
        "rm {folder}/ballast",
        "{grade}",
        f"cp {{folder}}/outcomes.jsonl {{folder}}/gradebook.db {kept}",
    )
    statuses = [int(line.split()[1]) for line in said.splitlines() if line.startswith("exit ")]
    assert statuses == [0, 2, 0, 0, 0, 2, 0, 1, 0], said
    assert said.count("disk is full") + said.count("No space left") == 2
    assert "Traceback" not in said
    for name in ("outcomes.jsonl", "gradebook.db"):
        shutil.copy(kept / name, small_course.folder / name)
    assert_right(small_course, FEW)


def test_a_gradebook_that_cannot_be_written_is_said(small_course):
    said = in_mounts_of_its_own(
        small_course,
        "{grade} --student student01",
        "mount --bind {folder}/gradebook.db {folder}/gradebook.db; mount -o remount,ro,bind {folder}/gradebook.db",
        "{grade}",
        "umount {folder}/gradebook.db",
        "{grade}",
    )
    statuses = [int(line.split()[1]) for line in said.splitlines() if line.startswith("exit ")]
    assert statuses == [0, 0, 2, 0, 1], said
    assert "gradebook" in said and "readonly" in said
    assert "Traceback" not in said, said
    assert_right(small_course, FEW)
