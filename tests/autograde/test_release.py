import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from autograde.cli import main
from autograde.course import Course
from autograde.errors import CourseError
from autograde.lesson import Lesson
from autograde.release import release, sound_version

ROOT = Path(__file__).parents[2]


def change(course, cell_id, source=None, data=None, **attributes):
    """Change a cell of the first lesson's source, found by its id."""
    path = course.source("10_first")
    made = nbformat.read(path, as_version=4)
    cell = next(c for c in made.cells if c.id == cell_id)
    cell.source = cell.source if source is None else source
    if data:
        cell.metadata["nbgrader"].update(data)
    for name, value in attributes.items():
        cell[name] = value
    path.write_text(nbformat.writes(made, version=4))


def refusal(course):
    with pytest.raises(CourseError) as caught:
        sound_version(Lesson.load(course, "10_first"))
    return str(caught.value)


def test_a_released_notebook_has_stubs_and_no_hidden_test(course):
    release(course, course.lessons)
    made = nbformat.read(course.release("10_first"), as_version=4)
    sources = {cell.id: cell.source for cell in made.cells}
    assert sources["mlp_parameters-answer"].endswith("    # YOUR CODE HERE\n    raise NotImplementedError()")
    assert sources["mlp_parameters-check"] == "check(mlp_parameters)"
    assert sources["mlp_parameters-hidden"] == "# More checks of mlp_parameters."
    assert sources["written"] == "YOUR ANSWER HERE"
    assert all("nbgrader" not in c.metadata or c.metadata.nbgrader.checksum for c in made.cells)


def test_a_second_release_writes_the_same_bytes_and_says_so(course):
    assert [r.changed for r in release(course, course.lessons)] == [True, True]
    first = course.release("10_first").read_bytes()
    assert [r.changed for r in release(course, course.lessons)] == [False, False]
    assert course.release("10_first").read_bytes() == first


def test_files_beside_the_notebook_are_released_with_it(course):
    release(course, ["11_second"])
    assert (course.release("11_second").parent / "signal.txt").read_text() == "1 2 3\n"


@pytest.mark.slow
def test_release_writes_what_nbgrader_writes(course):
    release(course, course.lessons)
    ours = {lesson: course.release(lesson).read_bytes() for lesson in course.lessons}
    for lesson in course.lessons:
        command = [sys.executable, "-m", "nbgrader", "generate_assignment", lesson, "--force"]
        subprocess.run(command, cwd=course.root, check=True, capture_output=True)
    assert ours == {lesson: course.release(lesson).read_bytes() for lesson in course.lessons}


@pytest.mark.parametrize(
    ("cell", "source", "said"),
    [
        ("mlp_parameters-answer", "def mlp_parameters(sizes):\n    ### BEGIN SOLUTION\n    return 1", "has no END"),
        ("mlp_parameters-answer", "def mlp_parameters(sizes):\n    return 1", "needs a solution between"),
        ("mlp_parameters-answer", "### BEGIN SOLUTION\nmlp_parameters = len\n### END SOLUTION", "does not define"),
        ("mlp_parameters-hidden", "check(mlp_parameters, hidden=True)\n### END HIDDEN TESTS", "does not pair"),
        ("mlp_parameters-hidden", "check(mlp_parameters, hidden=True, seed=1)", "lacks its hidden check"),
        ("mlp_parameters-hidden", "### BEGIN HIDDEN TESTS\ncheck(mlp_parameters)\n### END HIDDEN TESTS", "hidden=True"),
        ("mlp_parameters-check", "print(mlp_parameters([1, 2]))", "lacks its visible check"),
        ("imports", "### BEGIN SOLUTION\nx = 1\n### END SOLUTION", "do not make it an answer cell"),
        ("imports", "### BEGIN HIDDEN TESTS\nx = 1\n### END HIDDEN TESTS", "do not make it a graded cell"),
        (
            "title",
            "Try `total = x + y`:\n\n```\ntotal = x + y\nreturn total * z, z, z, total\n```",
            "can be read in cell title",
        ),
        ("why", "The gradient of a sum goes to both inputs, unchanged.", "solution can be read in cell why"),
        ("why", "check(mlp_parameters, hidden=True, seed=3)", "hidden test can be read in cell why"),
    ],
)
def test_a_source_that_would_leak_or_lacks_a_check_is_refused(course, cell, source, said):
    change(course, cell, source)
    assert said in refusal(course)
    assert refusal(course).startswith("10_first is not released:")


@pytest.mark.parametrize(
    ("cell", "data", "said"),
    [
        ("mlp_parameters-check", {"points": 5}, "add up to 21, not to 20"),
        ("mlp_parameters-check", {"points": 0}, "worth more than 0"),
        (
            "mlp_parameters-check",
            {"grade_id": "backprop_add_mul_check"},
            "grade_id 'backprop_add_mul_check' is given to 2",
        ),
        ("mlp_parameters-answer", {"grade_id": "other"}, "has no answer cell"),
        ("mlp_parameters-check", {"locked": False}, "must be locked"),
    ],
)
def test_metadata_that_do_not_hold_together_are_refused(course, cell, data, said):
    change(course, cell, data=data)
    assert said in refusal(course)


def test_equal_cell_ids_are_refused(course):
    path = course.source("10_first")
    path.write_text(path.read_text().replace('"id": "imports"', '"id": "title"'))
    assert "cell id 'title' is given to 2 cells" in refusal(course)


def test_outputs_are_refused(course):
    change(course, "imports", outputs=[nbformat.v4.new_output("stream", text="x")])
    assert "cell imports: it holds outputs" in refusal(course)


def test_a_graded_cell_cannot_be_one_that_is_only_shown(course):
    path = course.source("10_first")
    path.write_text(path.read_text().replace('"nbgrader": {', '"tags": ["show"],\n    "nbgrader": {', 1))
    assert "it is tagged show" in refusal(course)


def test_nothing_is_written_when_one_lesson_is_refused(course):
    change(course, "imports", "### BEGIN SOLUTION")
    with pytest.raises(CourseError):
        release(course, course.lessons)
    assert not course.released.exists()


def test_a_source_that_is_not_a_notebook_is_told_in_one_sentence(course, capsys):
    course.source("10_first").write_text("{")
    assert main(["release", "--course", str(course.root)]) == 2
    assert "10_first.ipynb: the file is not a notebook" in capsys.readouterr().err


def test_an_unknown_lesson_and_a_missing_course_are_told(course, tmp_path, capsys):
    assert main(["release", "10_frst", "--course", str(course.root)]) == 2
    assert "There is no lesson '10_frst': did you mean 10_first?" in capsys.readouterr().err
    assert main(["release", "--course", str(tmp_path)]) == 2
    assert "No nbgrader_config.py" in capsys.readouterr().err
    assert main(["release", "--course", str(tmp_path / "nowhere")]) == 2
    assert "There is no folder" in capsys.readouterr().err


@pytest.mark.parametrize("lesson", Course.find(ROOT).lessons)
def test_the_committed_notebooks_are_what_their_sources_release(lesson):
    course = Course.find(ROOT)
    assert course.release(lesson).read_text() == sound_version(Lesson.load(course, lesson)), "run: autograde release"
