"""A lesson is read again when something of it has changed, and only then."""

from autograde.course import Course
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
    assert "..." in str(made[-1].released) and "raise NotImplementedError" in str(made[0].released)
