import json
import subprocess
from pathlib import Path

import pytest

from autograde import demo as demonstration
from autograde.cli import main
from autograde.demo import STUDENTS, cast, clear, expected, submission, submit
from autograde.errors import UsageError
from autograde.lesson import Lesson
from autograde.release import release
from tests.autograde.conftest import make_course

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lessons(course):
    return [Lesson.load(course, name) for name in course.lessons]


def test_the_cast_is_the_same_for_a_seed_and_has_every_kind(lessons):
    roles = cast(lessons, 0)
    assert roles == cast(lessons, 0) != cast(lessons, 1)
    assert len({*STUDENTS}) == len(STUDENTS) == 30
    assert [(r.student, r.lesson) for r in roles] == [(s, le.name) for le in lessons for s in STUDENTS]
    for kind in ("broken", "blank", "right"):
        assert sum(role.kind == kind for role in roles) == 1
    assert all(role.mistakes for role in roles if role.kind == "mistakes")


def test_a_submission_is_the_released_notebook_with_answers(lessons):
    for role in cast(lessons, 0):
        lesson = next(le for le in lessons if le.name == role.lesson)
        text = submission(role, lesson)
        if role.kind == "broken":
            with pytest.raises(ValueError, match="Expecting"):
                json.loads(text)
        else:
            sources = ["".join(cell["source"]) for cell in json.loads(text)["cells"]]
            assert any("raise NotImplementedError()" in s for s in sources) == (
                role.kind == "blank" or bool(role.unanswered)
            )
            assert not any("hidden=True" in source for source in sources)
            assert sum("right_" in source for source in sources) == len(role.mistakes)


def test_expected_scores_leave_out_mistakes_and_written_answers(lessons):
    roles = cast(lessons, 0)
    scores = {role.kind: expected(role, lessons[course_of(role, lessons)]) for role in roles}
    assert (scores["broken"], scores["blank"]) == (None, 0)
    right = next(role for role in roles if role.kind == "right")
    assert expected(right, lessons[course_of(right, lessons)]) == {"10_first": 16, "11_second": 20}[right.lesson]


def course_of(role, lessons):
    return [lesson.name for lesson in lessons].index(role.lesson)


def test_a_real_class_is_never_touched(course, lessons):
    roles = cast(lessons, 0)
    submit(course, {role: submission(role, lessons[course_of(role, lessons)]) for role in roles})
    theirs = course.submitted / "ada" / "10_first" / "10_first.ipynb"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("{}")
    with pytest.raises(UsageError, match="holds a class that the demo did not make"):
        clear(course)
    theirs.unlink()
    changed = course.submitted / STUDENTS[0] / "10_first" / "10_first.ipynb"
    changed.write_text("{}")
    with pytest.raises(UsageError, match=f"{STUDENTS[0]}/10_first"):
        clear(course)
    assert changed.read_text() == "{}"


def test_what_the_demo_made_is_cleared(course, lessons):
    roles = cast(lessons, 0)
    submit(course, {role: submission(role, lessons[course_of(role, lessons)]) for role in roles})
    clear(course)
    assert list(course.submitted.iterdir()) == []
    assert not (course.folder / demonstration.MADE).exists()


@pytest.mark.slow
def test_the_demo_works_twice_and_leaves_the_course_alone(tmp_path, capsys):
    course = make_course(tmp_path / "course")
    release(course, course.lessons)
    before = {p: p.read_bytes() for p in course.released.rglob("*") if p.is_file()}
    assert main(["demo", "--course", str(course.root), "--students", "4"]) == 0
    first = capsys.readouterr().out
    assert "10_first: 4 collected from a Canvas download." in first
    assert "11_second: 4 collected from a Moodle download." in first
    assert "is broken on purpose" in first
    assert "Not as it was made" not in first
    assert sum(" graded  " in line for line in first.splitlines()) == 7
    assert (course.folder / "report.html").is_file()
    assert len(list(course.feedback.rglob("*.html"))) == 8
    assert len((course.folder / "demo/canvas.csv").read_text().splitlines()) == 6
    assert len((course.folder / "demo/moodle.csv").read_text().splitlines()) == 5
    assert main(["demo", "--course", str(course.root), "--students", "4"]) == 0
    assert capsys.readouterr().out == first
    assert {p: p.read_bytes() for p in course.released.rglob("*") if p.is_file()} == before


def test_the_class_is_not_in_git():
    ignored = subprocess.run(["git", "check-ignore", "class/demo.json"], cwd=ROOT, capture_output=True, check=False)
    assert ignored.returncode in (0, 128)  # 128: not a checkout
