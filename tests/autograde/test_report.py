"""The report as data: which exercises may themselves be to blame, and how long notebooks ran."""

import pytest

from autograde import report
from autograde.export import Row
from autograde.lesson import Lesson
from autograde.outcomes import Ending, Outcome
from tests.autograde.conftest import make_course


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    return Lesson.load(make_course(tmp_path_factory.mktemp("report") / "course"), "10_first")


def row(number, backprop, parameters, written=None):
    cells = {"backprop_add_mul_check": backprop, "backprop_add_mul_hidden": backprop}
    cells |= {"mlp_parameters_check": parameters, "mlp_parameters_hidden": parameters, "written_why": written}
    score = sum(filter(None, cells.values()))
    return Row(Outcome(f"s{number:02}", "10_first", Ending.GRADED, score, 20, 1.0 + number, "", "Graded.", cells), 0.0)


def summary(lesson, rows):
    (made,) = report.summarize("course", [lesson], rows, "today").lessons
    return {exercise.name: exercise for exercise in made.exercises} | {"lesson": made}


def test_an_exercise_that_goes_with_the_rest_tells_apart(lesson):
    made = summary(lesson, [row(n, 4.0 * (n > 4), 4.0 * (n > 5), 4.0 * (n > 6)) for n in range(10)])
    assert made["backprop_add_mul"].tells_apart > 0.5
    assert made["backprop_add_mul"].verdict == ""


def test_an_exercise_that_the_weak_get_and_the_strong_do_not_is_doubtful(lesson):
    rows = [row(n, 4.0 * (n <= 4), 4.0 * (n > 4), 4.0 * (n > 5)) for n in range(10)]
    made = summary(lesson, rows)
    assert made["backprop_add_mul"].tells_apart < -0.5
    assert "do not tell the strong from the weak" in made["backprop_add_mul"].verdict
    doubtful = report.summarize("course", [lesson], rows, "today").doubtful
    assert ("10_first", "backprop_add_mul") in [(name, e.name) for name, e in doubtful]


def test_an_exercise_nobody_got_is_doubtful_once_three_tried(lesson):
    assert summary(lesson, [row(n, 4.0, 0.0) for n in range(2)])["mlp_parameters"].verdict == ""
    assert summary(lesson, [row(n, 4.0, 0.0) for n in range(3)])["mlp_parameters"].verdict == (
        "Nobody got all points; 3 tried."
    )


@pytest.mark.parametrize("rows", [7, 0])
def test_few_students_say_nothing_about_an_exercise(lesson, rows):
    made = summary(lesson, [row(n, 4.0 * (n <= 4), 4.0 * (n > 4)) for n in range(rows)])
    assert made["backprop_add_mul"].tells_apart is None


def test_points_that_are_all_the_same_say_nothing(lesson):
    assert summary(lesson, [row(n, 4.0, 4.0 * (n % 2)) for n in range(10)])["backprop_add_mul"].tells_apart is None


def test_how_long_notebooks_ran(lesson):
    assert summary(lesson, [row(n, 4.0, 4.0) for n in (1, 2, 9)])["lesson"].seconds == (3.0, 10.0)
    assert summary(lesson, [])["lesson"].seconds == (0.0, 0.0)


def test_how_often_it_was_handed_in(lesson, tmp_path):
    rows = [row(n, 4.0, 4.0) for n in range(3)]
    (made,) = report.summarize("course", [lesson], rows, "today", (), {("10_first", "s01"): 3}).lessons
    assert (made.again, made.attempts) == (1, 3)
    for name in ("one", "two"):
        (lesson.course.earlier("s01", "10_first") / name).mkdir(parents=True)
    assert report._attempts(lesson.course, "10_first", "s01") == 3
    assert report._attempts(lesson.course, "10_first", "s02") == 1
