"""nbgrader's own commands on the same course: what autograde wrote is theirs, and the other way round."""

import subprocess
import sys

import pytest

from autograde.cli import main
from autograde.course import Course
from tests.autograde.conftest import RIGHT, make_course, submit

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("nbgrader")]  # one process, so that the class is made once


def nbgrader(course, *arguments):
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=course.root, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course whose first lesson went through nbgrader's own commands."""
    course = make_course(tmp_path_factory.mktemp("nbgrader") / "course")
    status, said = nbgrader(course, "generate_assignment", "10_first")
    assert status == 0, said
    submit(course, "ada", "10_first", RIGHT)
    status, said = nbgrader(course, "autograde", "10_first")
    assert status == 0, said
    status, said = nbgrader(course, "generate_feedback", "10_first")
    assert status == 0, said
    return course


def test_its_files_lie_where_the_configuration_says(course):
    for path in (course.release("10_first"), course.graded("ada", "10_first"), course.page("ada", "10_first")):
        assert path.is_file()
    assert (course.folder / "gradebook.db").is_file()


def test_it_runs_the_cells_to_show_and_comes_to_the_same_score(course):
    from nbgrader.api import Gradebook

    def score():
        with Gradebook(course.database, course.name) as book:
            return book.find_submission("10_first", "ada").score

    theirs = score()
    assert main(["grade", "10_first", "--course", str(course.root)]) == 0
    assert score() == theirs == 16


def test_validate_names_the_failing_cells_of_a_blank_lesson(course):
    status, said = nbgrader(course, "validate", str(course.release("10_first")))
    assert "VALIDATION FAILED" in said, (status, said)
    assert "check(mlp_parameters)" in said
    assert "check(backprop_add_mul)" in said


def test_formgrader_sees_the_class(course):
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    config = Course.find(course.root).config
    api = NbGraderAPI(CourseDirectory(config=config), config=config)
    assert api.get_source_assignments() == {"10_first", "11_second"}
    assert api.get_released_assignments() == set()  # none is in an exchange
    assert api.get_submitted_students("10_first") == {"ada"}
    assert api.get_autograded_students("10_first") == {"ada"}
    submission = api.get_submission("10_first", "ada")
    assert (submission["score"], submission["needs_manual_grade"], submission["autograded"]) == (16, True, True)
