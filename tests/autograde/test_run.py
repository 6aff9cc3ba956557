"""Runs over a class with a stand-in for the execution of notebooks: what is kept, tried again, told."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from autograde import cells, execute, outcomes, submission
from autograde.cli import main
from autograde.execute import End, Execution
from autograde.grade import grade
from autograde.outcomes import Ending
from autograde.release import release
from autograde.submission import Submission, strays
from tests.autograde.conftest import RIGHT, cell_of, submit

STUDENTS = ("ada", "ben", "cy")


def passed(job):
    """An execution in which every test passes."""
    return Execution({}, End.FINISHED, 0.1)


@pytest.fixture
def ran(monkeypatch):
    """Every test passes at once. Returns who was run."""
    found = []
    monkeypatch.setattr(execute, "run", lambda job: found.append(job.student) or passed(job))
    return found


@pytest.fixture
def submitted(course):
    release(course, course.lessons)
    for student in STUDENTS:
        submit(course, student, "11_second", RIGHT)
    return course


def graded(course, **options):
    return grade(course, ["11_second"], workers=1, make_executor=ThreadPoolExecutor, **options)


def test_what_was_graded_is_kept_until_it_changes(submitted, ran):
    assert len(graded(submitted).new) == 3
    assert (graded(submitted).new, len(graded(submitted).kept)) == ((), 3)
    submit(submitted, "ben", "11_second", {"correlate1d": "x = 1"})
    assert [o.student for o in graded(submitted).new] == ["ben"]
    assert len(graded(submitted, force=True).new) == 3
    assert len(graded(submitted, all_cells=True).new) == 3
    source = submitted.source("11_second")
    source.write_text(source.read_text().replace("seed=3", "seed=4"))
    assert len(graded(submitted).new) == 3


def test_a_run_that_is_stopped_goes_on_where_it_was(submitted, ran):
    def stop(outcome, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        graded(submitted, progress=stop)
    first = {o.student for o in outcomes.load(submitted.folder).values()}
    assert len(first) == 1
    after = graded(submitted)
    assert ({o.student for o in after.kept}, len(after.new)) == (first, 2)
    assert len((submitted.folder / outcomes.FILE).read_text().splitlines()) == 3


def test_a_worker_that_dies_twice_leaves_an_outcome(submitted, monkeypatch):
    from concurrent.futures.process import BrokenProcessPool

    def run(job):
        if job.student == "ben":
            raise BrokenProcessPool
        return passed(job)

    monkeypatch.setattr(execute, "run", run)
    found = {o.student: o for o in graded(submitted).outcomes}
    assert found["ben"].ending is Ending.PROCESS_DIED
    assert "died, twice" in found["ben"].for_instructor
    assert found["ada"].is_graded and found["cy"].is_graded


def test_damaged_metadata_cost_only_their_own_submission(submitted, ran):
    def damage(made):
        for cell in made.cells:
            cell.metadata["nbgrader"] = {"grade": True, "grade_id": "correlate1d_check", "points": "many"}

    submit(submitted, "ben", "11_second", RIGHT, damage)
    found = {o.student: o for o in graded(submitted).outcomes}
    assert all(o.is_graded for o in found.values())
    assert "correlate1d_check is there 5 times" in found["ben"].for_instructor
    recorded = cells.read(submitted.graded("ben", "11_second"))
    assert cell_of(recorded, "correlate1d").source == RIGHT["correlate1d"]


def test_a_file_that_the_grader_itself_fails_on_costs_only_its_own_submission(submitted, ran, monkeypatch):
    def fail(found, lesson, **settings):
        if found.student == "ben":
            raise IsADirectoryError("in a way that nobody thought of")
        return prepare(found, lesson, **settings)

    prepare = submission.prepare
    monkeypatch.setattr(submission, "prepare", fail)
    submit(submitted, "ben", "11_second", RIGHT)
    found = {o.student: o for o in graded(submitted).outcomes}
    assert found.pop("ben").ending == Ending.UNREADABLE
    assert found and all(o.is_graded for o in found.values())


def test_files_beside_a_submission_are_there_but_the_lessons_win(submitted, monkeypatch):
    jobs = {}
    monkeypatch.setattr(execute, "run", lambda job: jobs.setdefault(job.student, job) and passed(job))
    folder = submitted.submitted / "ada" / "11_second"
    (folder / "mine.txt").write_text("mine")
    (folder / "signal.txt").write_text("forged")
    (folder / "link.txt").symlink_to("/etc/hostname")
    graded(submitted)
    assert jobs["ada"].files == (("mine.txt", b"mine"), ("signal.txt", b"forged"), ("signal.txt", b"1 2 3\n"))


def test_folders_that_are_no_lessons_are_told(submitted, ran, capsys):
    (submitted.submitted / "ada" / "11_secnd").mkdir()
    (submitted.submitted / "ada" / ".ipynb_checkpoints").mkdir()
    assert strays(submitted) == ("ada/11_secnd",)
    (submitted.submitted / "ben" / "11_second" / "11_second.ipynb").write_text("")
    main(["grade", "10_first", "--course", str(submitted.root)])
    assert "ada/11_secnd is passed over" in capsys.readouterr().err


def test_the_notebook_of_a_submission(tmp_path):
    found = Submission("ada", "11_second", tmp_path)
    assert found.notebook is None
    (tmp_path / "download (1).ipynb").touch()
    assert found.notebook == tmp_path / "download (1).ipynb"
    (tmp_path / "download (2).ipynb").touch()
    assert found.notebook is None
    (tmp_path / "11_second.ipynb").touch()
    assert found.notebook == tmp_path / "11_second.ipynb"


def test_cells_to_show_are_the_courses_whatever_tags_say(course, ran):
    release(course, course.lessons)

    def change(made):
        for cell in made.cells:
            cell.metadata["tags"] = ["show"]
        made.cells[2].source = made.cells[2].source + "\nhelper = 1"

    def shown(student):
        graded = cells.read(course.graded(student, "10_first"))
        return [cell.source for cell in graded.cells if cells.is_show(cell) or cell.id.startswith("added")]

    submit(course, "ada", "10_first", RIGHT, change)
    submit(course, "ben", "10_first", RIGHT)
    grade(course, ["10_first"], workers=1, make_executor=ThreadPoolExecutor)
    (own,) = shown("ben")
    assert shown("ada") == [own, "helper = 1"]  # what was added to the cell may be needed, and nothing else of it
