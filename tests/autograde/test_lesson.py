"""A lesson is read again when something of it has changed, and only then."""

import pytest

from autograde.course import Course
from autograde.errors import CourseError
from autograde.lesson import Lesson
from tests.autograde.conftest import save


def test_an_unchanged_lesson_is_not_made_again(course):
    assert Lesson.gradable(course, "10_first") is Lesson.gradable(Course.find(course.root), "10_first")
    assert Lesson.gradable(course, "11_second") is not Lesson.gradable(course, "10_first")


def test_a_changed_notebook_file_or_setting_is_seen(course):
    made = [Lesson.load(course, "10_first")]
    changed = made[0].source.copy()
    changed.cells = changed.cells[:-1]
    save(course.source("10_first"), changed)
    made.append(Lesson.load(course, "10_first"))
    beside = course.source("10_first").parent / "data.csv"
    for content in ("1", "2"):
        beside.write_text(content)
        made.append(Lesson.load(course, "10_first"))
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write("c.ClearSolutions.code_stub = {'python': '...'}\n")
    course = Course.find(course.root)
    made.append(Lesson.load(course, "10_first"))
    assert len({id(lesson) for lesson in made}) == len(made) == 5
    assert len({lesson.fingerprint for lesson in made}) == 4
    assert Lesson.load(course, "10_first") is made[-1]
    assert ["raise NotImplementedError" in str(lesson.released) for lesson in (made[0], made[-1])] == [True, False]


def test_a_file_that_cannot_be_read_is_told_in_a_sentence(course):
    (course.source("10_first").parent / "data.csv").symlink_to("nowhere")
    with pytest.raises(CourseError, match=r"data\.csv, which goes with the lesson, cannot be read: No such file"):
        Lesson.load(course, "10_first").fingerprint  # noqa: B018
