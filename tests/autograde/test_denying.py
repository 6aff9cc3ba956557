"""Submissions that try to stop the grader, or to stop others from being graded."""

import ctypes
import gc
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from autograde import execute, grade
from autograde.course import Course, Limits
from autograde.execute import End
from autograde.sandbox import memory, session, wire
from tests.autograde import attacks
from tests.autograde.conftest import ROOT, needs_isolation

pytestmark = [needs_isolation, pytest.mark.xdist_group("denying")]

LIMITS = Limits(
    cell_seconds=2,
    submission_seconds=60,
    memory_mb=512,
    disk_mb=16,
    files=1000,
    processes=32,
    output_characters=100_000,
)
RIGHT = attacks.parse("")  # every answer is right
GROWTH = 50  # megabytes that the judge may have gained
ENDS = {"graded": End.FINISHED} | {end.value: end for end in End}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(session, "GRACE", 1.0)
    monkeypatch.setattr(wire, "SLOWEST", 2.0)


def warm_process():
    return execute._warm(os.getpid(), isolated=True).process.pid


def allowed(attack):
    """The ways in which a submission may end, as its file says."""
    (said,) = re.findall(r"Ends as: ([\w ,]+)\.", attack.about)
    return {ENDS[name.strip().removeprefix("or ")] for name in said.split(",")}


def limits_of(attack):
    """The usual limits, with more seconds where a file says that it needs them."""
    said = re.findall(r"Seconds: (\d+)\.", attack.about)
    return replace(LIMITS, cell_seconds=int(said[0])) if said else LIMITS


def leavings():
    """Files outside that only an attack would have made."""
    found = (path for folder in ("/tmp", "/dev/shm", "/var/tmp") for path in Path(folder).glob("autograde-*"))
    return {str(path) for path in found if not path.is_dir()}


def test_every_attack_says_how_it_ends():
    assert all(allowed(attack.values[0]) for attack in attacks.every("denying"))


@pytest.fixture(scope="module")
def ready():
    """A judge that has imported what it needs."""
    attacks.grade(RIGHT.notebook())


@pytest.mark.parametrize("attack", attacks.every("denying"))
def test_it_harms_only_itself(attack, ready):
    held, before = memory.own_resident(), leavings()
    graded = attacks.grade(attack.notebook(), limits_of(attack))
    assert graded.execution.end in allowed(attack), graded.execution.detail
    assert {cell: graded.points[cell] for cell in attack.due} == attack.due
    assert memory.descendants(warm_process()) == []
    assert leavings() == before
    after = attacks.grade(RIGHT.notebook())
    assert {cell: after.points[cell] for cell in RIGHT.due} == RIGHT.due
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    assert memory.own_resident() - held < GROWTH << 20


def test_what_is_said_about_each_end():
    course = Course.find(ROOT)
    for end in End:
        made = execute.Execution({}, end, 1.0, cell="cell scale", detail="so")
        ending, for_student, for_instructor = grade._messages(made, course)
        assert ending.value == ("graded" if end is End.FINISHED else end.value)
        assert for_student.endswith(".") and for_instructor.endswith(".")
