import pytest

from autograde import Course, CourseError, Limits, UsageError


def test_a_course_is_found_from_below(course):
    below = course.root / "solutions" / "10_first"
    assert Course.find(below).root == course.root
    assert course.folder == course.root / "class"
    assert course.lessons == ("10_first", "11_second")
    assert (course.points, course.limits, course.name) == (20, Limits(60, 600), "convnets-by-hand")


def test_a_class_can_lie_elsewhere(course, tmp_path):
    other = Course.find(course.root, tmp_path / "winter")
    assert other.submitted == tmp_path / "winter" / "submitted"
    assert other.graded("ada", "x") == tmp_path / "winter" / "autograded" / "ada" / "x" / "x.ipynb"
    assert other.database == f"sqlite:///{tmp_path / 'winter' / 'gradebook.db'}"
    assert other.sources == course.sources
    assert course.submitted == course.root / "class" / "submitted"


def test_lessons_are_selected_in_the_order_of_the_course(course):
    assert course.select([]) == course.lessons
    assert course.select(["11_second", "solutions/10_first/"]) == course.lessons
    with pytest.raises(UsageError, match="did you mean 11_second"):
        course.select(["11_secnd"])
    with pytest.raises(UsageError, match="the lessons are 10_first, 11_second"):
        course.select(["99"])


def test_a_course_without_lessons_and_a_broken_configuration_are_told(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    with pytest.raises(CourseError, match="There are no lessons"):
        Course.find(tmp_path).select([])
    (tmp_path / "nbgrader_config.py").write_text("c = get_config(\n")
    with pytest.raises(CourseError, match="cannot be read: SyntaxError"):
        Course.find(tmp_path)
