"""Submissions that are broken: where the answers are there, they count; where they are not, it is said what is wrong.

A file in ``tests/submissions/broken`` puts something into a student's folder (``hand_in``) and says what is ``DUE``:
"all" the points, all but those of the exercises in a list, or how the submission must end.
"""

import runpy

import nbformat
import pytest

from autograde import cells
from autograde.course import Course, Limits
from autograde.outcomes import Ending
from autograde.submission import Submission, SubmissionError, find, prepare
from tests.autograde import attacks
from tests.autograde.conftest import make_course, needs_isolation

pytestmark = [needs_isolation, pytest.mark.xdist_group("broken")]

LIMITS = Limits(cell_seconds=20, submission_seconds=120, memory_mb=768)
ENDINGS = set(Ending)


def text(made):
    return nbformat.writes(made, version=nbformat.NO_CONVERT)


def every():
    paths = sorted((attacks.FOLDER / "broken").glob("*.py"))
    return [pytest.param(runpy.run_path(str(path)), id=path.stem) for path in paths]


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "20_attacks"
    made.mkdir()
    return made


@pytest.mark.filterwarnings("ignore")  # nbformat's, about what is broken
@pytest.mark.parametrize("broken", every())
def test_it_gets_what_its_answers_are_worth_or_is_told_what_is_wrong(broken, folder):
    broken["hand_in"](folder, attacks.parse("").notebook(), text)
    submission, due = Submission("ada", "20_attacks", folder), broken["DUE"]
    assert submission.fingerprint == submission.fingerprint
    if isinstance(due, str) and due in ENDINGS:
        with pytest.raises(SubmissionError) as refusal:
            prepare(submission, attacks.lesson())
        assert refusal.value.ending == due
        assert refusal.value.for_student.endswith(".") and refusal.value.for_instructor.endswith(".")
        assert len(refusal.value.for_instructor) < 400
    else:
        lost = () if due == "all" else due
        prepare(submission, attacks.lesson())
        points = attacks.grade(cells.read(submission.notebook), LIMITS).points
        expected = {f"{e.name}_{k}": e.points for e in attacks.EXERCISES for k in ("check", "hidden")}
        expected |= {cell: 0 for cell in expected if cell.rpartition("_")[0] in lost}
        assert {cell: points[cell] for cell in expected} == expected


def test_the_rest_of_a_class_is_graded_whatever_one_hands_in(tmp_path):
    """Folders that are no submissions, and names that are none."""
    course = make_course(tmp_path / "course")
    (course.submitted / "ada" / "10_first").mkdir(parents=True)
    (course.submitted / "ada" / "10_first" / "10_first.ipynb").write_text("{}")
    (course.submitted / "bob").mkdir()
    (course.submitted / "bob" / "10_first").write_text("a file, where a folder should be")
    (course.submitted / "notes.txt").write_text("not a student")
    (course.submitted / ".DS_Store").write_text("")
    (course.submitted / "eve").symlink_to(course.submitted / "ada")
    found = find(Course.find(course.root), ["10_first"])
    assert [s.student for s in found if s.student != "eve"] == ["ada"]
