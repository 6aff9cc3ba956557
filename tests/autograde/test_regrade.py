"""Grading again after a test or its points changed, with a stand-in for the execution of notebooks."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from nbformat.v4 import new_output
from nbgrader.api import Gradebook

from autograde import execute, outcomes, regrade, schedule
from autograde.cli import main
from autograde.course import Course
from autograde.execute import End, Execution
from autograde.grade import grade
from autograde.gradebook import Book
from autograde.lesson import Lesson
from autograde.release import release
from tests.autograde.conftest import RIGHT, cell_of, make_course, save, submit

LESSON = "10_first"
STUDENTS = {"ada": "", "ben": "# sloppy", "cy": "# sloppy"}
STRICT = "check(mlp_parameters, hidden=True, seed=4)"  # in the source's hidden test, once it asks for more


def run(job):
    """The hidden test of the second exercise fails for sloppy answers, once it is strict."""
    sloppy = any("# sloppy" in step.source for step in job.steps)
    fails = [step.place for step in job.steps if STRICT in step.source and sloppy]
    error = new_output("error", ename="AssertionError", evalue="", traceback=[])
    return Execution(dict.fromkeys(fails, (error,)), End.FINISHED, 0.1)


@pytest.fixture(scope="module")
def class_of_three(tmp_path_factory):
    """A class that was graded once: a copy of its files is what each test begins with."""
    course = make_course(tmp_path_factory.mktemp("regrade") / "course")
    release(course, [LESSON])
    for student, remark in STUDENTS.items():
        text = f"{remark}\n{RIGHT['mlp_parameters']}".strip()
        submit(course, student, LESSON, {**RIGHT, "mlp_parameters": text})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execute, "run", run)
        grade(course, [LESSON], workers=1, make_executor=ThreadPoolExecutor)
    return {p.relative_to(course.root): p.read_bytes() for p in course.root.rglob("*") if p.is_file()}


@pytest.fixture
def course(class_of_three, tmp_path, monkeypatch):
    """The class; ben's written answer has 3 points and a comment from a person."""
    monkeypatch.setattr(execute, "run", run)
    monkeypatch.setattr(schedule, "processes", lambda *modules: ThreadPoolExecutor)
    for name, content in class_of_three.items():
        (tmp_path / "class" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "class" / name).write_bytes(content)
    course = Course.find(tmp_path / "class")
    with Gradebook(course.database, course.name) as book:
        given = book.find_grade("written_why", LESSON, LESSON, "ben")
        given.manual_score, given.needs_manual_grade = 3, False
        book.find_comment("written_why", LESSON, LESSON, "ben").manual_comment = "Nearly."
        book.db.commit()
    return course


def change(course, points=None, strict=True):
    """Change a hidden test, or what it is worth, after submissions came in."""
    source = Lesson.load(course, LESSON).source
    cell = cell_of(source, "mlp_parameters_hidden")
    cell.source = cell.source.replace("check(mlp_parameters, hidden=True, seed=3)", STRICT) if strict else cell.source
    if points is not None:
        cell.metadata.nbgrader.points = points
    save(course.source(LESSON), source)


def files(course):
    """All that grading writes."""
    return {
        p.relative_to(course.folder): p.read_bytes()
        for p in sorted(course.folder.rglob("*"))
        if p.is_file() and p.suffix != ".pyc"
    }


def scores(course):
    return {s: score.points for s, score in Book(course).scores(LESSON, list(STUDENTS)).items()}


def grading(course, *more):
    return main(["grade", LESSON, "--course", str(course.root), "--workers", "1", *more])


def test_a_dry_run_shows_whose_score_changes_and_writes_nothing(course, capsys):
    before = files(course)
    change(course)
    assert grading(course, "--force", "--dry-run") == 0
    assert capsys.readouterr().out.splitlines()[:4] == [
        "lesson    student  before  after  change",
        "10_first  ben       19/20  15/20      -4",
        "10_first  cy        16/20  12/20      -4",
        "10_first: 2 of 3 change, 0 up, 2 down.",
    ]
    assert files(course) == before


def test_without_a_terminal_changes_need_a_yes(course, capsys):
    before = files(course)
    change(course)
    assert grading(course, "--force") == 2
    assert "Nothing was written. To write the changed scores without being asked: --yes" in capsys.readouterr().err
    assert files(course) == before
    assert grading(course, "--force", "--yes") == 0
    assert scores(course) == {"ada": 16, "ben": 15, "cy": 12}
    assert "ben,10_first,graded,15,20,0\n" in (course.folder / "grades.csv").read_text()


@pytest.mark.parametrize(("answer", "status", "ben"), [("y\n", 0, 15), ("\n", 2, 19), ("no\n", 2, 19), ("", 2, 19)])
def test_at_a_terminal_it_asks(course, monkeypatch, capsys, answer, status, ben):
    terminal = io.StringIO(answer)
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    change(course)
    assert grading(course, "--force") == status
    assert "Write these 2 changes? [y/N]" in capsys.readouterr().out
    assert scores(course)["ben"] == ben


def test_nobody_is_asked_where_no_score_changes(course, capsys):
    assert grading(course, "--force") == 0
    assert "No score changes (3 graded again)." in capsys.readouterr().out
    assert scores(course) == {"ada": 16, "ben": 19, "cy": 16}


def test_manual_grades_and_comments_stay_and_need_no_second_look(course):
    change(course)
    assert grading(course, "--force", "--yes") == 0
    with Gradebook(course.database, course.name) as book:
        given = book.find_grade("written_why", LESSON, LESSON, "ben")
        assert (given.manual_score, given.score, given.needs_manual_grade) == (3, 3, False)
        assert book.find_comment("written_why", LESSON, LESSON, "ben").comment == "Nearly."
        assert book.find_grade("written_why", LESSON, LESSON, "cy").needs_manual_grade


def test_an_answer_that_changed_is_looked_at_again(course):
    submit(course, "ben", LESSON, {**RIGHT, "written_why": "Something else."})
    assert grading(course) == 0
    with Gradebook(course.database, course.name) as book:
        given = book.find_grade("written_why", LESSON, LESSON, "ben")
        assert (given.manual_score, given.needs_manual_grade) == (3, True)


def test_points_that_changed_are_shown_with_what_they_are_out_of(course, capsys):
    change(course, points=8)
    assert grading(course, "--force", "--yes") == 0
    assert capsys.readouterr().out.splitlines()[:5] == [
        "lesson    student  before  after  change",
        "10_first  ada       16/20  20/24      +4",
        "10_first  ben       19/20  15/24      -4",
        "10_first  cy        16/20  12/24      -4",
        "10_first: 3 of 3 change, 1 up, 2 down.",
    ]
    assert scores(course) == {"ada": 20, "ben": 15, "cy": 12}
    found = {o.student: (o.score, o.max_score) for o in outcomes.load(course.folder).values()}
    assert found == {"ada": (20, 24), "ben": (15, 24), "cy": (12, 24)}


def test_late_penalties_are_in_the_preview(course, tmp_path):
    """What nbgrader's plugin takes off is taken off before and after."""
    course.config.LateSubmissionPlugin.penalty_method = "zero"
    with Gradebook(course.database, course.name) as book:
        book.update_or_create_assignment(LESSON, duedate="2026-11-20 12:00:00 UTC")
    (course.submitted / "cy" / LESSON / "timestamp.txt").write_text("2026-11-20 12:00:01 UTC")
    seen = regrade.preview(
        course, [LESSON], tmp_path / "scratch", force=True, workers=1, make_executor=ThreadPoolExecutor
    )
    assert [(c.after.student, c.before.score, c.after.score, c.by) for c in seen.moved] == [("cy", 16, 0, -16)]
    assert scores(course)["cy"] == 16


def test_what_a_person_grades_between_the_preview_and_the_writing_is_kept(course, tmp_path):
    change(course)
    seen = regrade.preview(
        course, [LESSON], tmp_path / "scratch", force=True, workers=1, make_executor=ThreadPoolExecutor
    )
    with Gradebook(course.database, course.name) as book:
        given = book.find_grade("written_why", LESSON, LESSON, "cy")
        given.manual_score, given.needs_manual_grade = 4, False
        book.db.commit()
    regrade.write(course, seen)
    assert scores(course) == {"ada": 16, "ben": 15, "cy": 16}


def test_nothing_runs_twice_between_the_preview_and_the_writing(course, monkeypatch):
    ran = []
    monkeypatch.setattr(execute, "run", lambda job: ran.append(job.student) or run(job))
    change(course)
    assert grading(course, "--force", "--yes") == 0
    assert sorted(ran) == ["ada", "ben", "cy"]
    assert grading(course) == 0  # and what was written counts as graded
    assert sorted(ran) == ["ada", "ben", "cy"]


def test_one_students_submission_is_previewed_alone(course, capsys):
    change(course)
    assert grading(course, "--force", "--yes", "--student", "ben") == 0
    assert "1 of 1 change" in capsys.readouterr().out
    assert scores(course) == {"ada": 16, "ben": 15, "cy": 16}


def test_a_submission_that_cannot_be_read_any_more_is_a_change(course, capsys):
    (course.submitted / "cy" / LESSON / f"{LESSON}.ipynb").write_text("{")
    assert grading(course, "--force", "--dry-run") == 1
    assert "10_first  cy        16/20  unreadable notebook" in capsys.readouterr().out


def test_a_gradebook_elsewhere_cannot_be_tried_out(course, capsys):
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write("c.CourseDirectory.db_url = 'postgresql://nowhere/grades'\n")
    assert grading(course, "--dry-run") == 2
    assert "Only a gradebook in SQLite can be copied" in capsys.readouterr().err
