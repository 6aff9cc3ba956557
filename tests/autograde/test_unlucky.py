"""Right answers, written in ways that have cost students points elsewhere. They get all of them."""

import pytest

from autograde.course import Limits
from tests.autograde import attacks
from tests.autograde.conftest import needs_isolation

pytestmark = [needs_isolation, pytest.mark.xdist_group("unlucky")]

LIMITS = Limits(cell_seconds=30, submission_seconds=120, memory_mb=768, disk_mb=32)


@pytest.mark.parametrize("submission", attacks.every("unlucky"))
def test_it_gets_all_points(submission):
    graded = attacks.grade(submission.notebook(), LIMITS)
    assert not submission.worthless
    assert {cell: graded.points[cell] for cell in submission.due} == submission.due
    assert graded.execution.end == "finished", graded.execution.detail


def shown(name):
    """What the cells of a submission printed, and the names of their errors."""
    (submission,) = [each.values[0] for each in attacks.every("unlucky") if each.id == name]
    graded = attacks.grade(submission.notebook(), LIMITS)
    outputs = [output for of_cell in graded.execution.outputs.values() for output in of_cell]
    return "".join(o.get("text", "") for o in outputs), [o["ename"] for o in outputs if o["output_type"] == "error"]


def test_magics_do_what_they_do_in_jupyter():
    printed, errors = shown("magics")
    assert "Wall time" in printed and "from bash" in printed and "not shown" not in printed
    assert errors == []


def test_no_network_is_noticed_at_once():
    printed, errors = shown("installs")
    assert any(said in printed for said in ("No matching distribution", "externally-managed-environment"))
    assert errors == ["ModuleNotFoundError"]  # of google.colab
