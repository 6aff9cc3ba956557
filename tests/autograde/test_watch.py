"""``autograde watch``: what arrives is graded, once it is written out, by workers that stay."""

import os
import shutil
import time
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor

import pytest

from autograde import outcomes, schedule
from autograde.outcomes import Ending
from autograde.watch import Standing, Watch, _files
from tests.autograde.conftest import RIGHT, needs_isolation, submit

pytestmark = [pytest.mark.slow, needs_isolation, pytest.mark.xdist_group("watch")]


@pytest.fixture
def watch(course):
    from autograde.release import release

    release(course, course.lessons)
    made = Watch(course, course.lessons, workers=1)
    yield made
    made.standing.close()


def scores(course):
    return {key: outcome.score for key, outcome in outcomes.load(course.folder).items()}


def test_what_arrives_and_what_changes_is_graded_with_its_page_and_the_report(watch, course):
    watch.warm()
    pool = watch.standing.pool
    assert watch.look() is None  # nothing there, not even the folder
    submit(course, "ada", "10_first", RIGHT)
    made = watch.look()
    assert [(o.key, o.score) for o in made.new] == [(("10_first", "ada"), 16.0)]
    assert course.page("ada", "10_first").is_file()
    assert "ada" in (course.folder / "report.html").read_text()
    assert watch.look() is None

    page = course.page("ada", "10_first").stat().st_mtime_ns
    submit(course, "bob", "11_second", {"correlate1d": "def correlate1d(signal, kernel):\n    return 0"})
    assert [o.key for o in watch.look().new] == [("11_second", "bob")]
    assert course.page("ada", "10_first").stat().st_mtime_ns == page  # the others' pages are left alone

    submit(course, "bob", "11_second", RIGHT)
    watch.look()
    assert scores(course) == {("10_first", "ada"): 16.0, ("11_second", "bob"): 20.0}
    assert watch.standing.pool is pool


def test_each_page_is_there_as_soon_as_its_submission_is_graded(watch, course):
    students, there = ("ada", "bob", "eve"), []
    for student in students:
        submit(course, student, "11_second", RIGHT)
    watch.progress = lambda outcome, done, total: there.append(
        {s for s in students if course.page(s, "11_second").exists()}
    )
    watch.look()
    assert [len(pages) for pages in there] == [1, 2, 3]


def test_a_file_that_is_still_being_written_is_waited_for(watch, course, monkeypatch):
    submit(course, "ada", "11_second", RIGHT)
    path = course.submitted / "ada/11_second/11_second.ipynb"
    text = path.read_text()
    path.write_text(text[:500])
    written = []

    def meanwhile(seconds):
        written.append(seconds)
        path.write_text(text)
        os.utime(path, ns=(1, 1))

    monkeypatch.setattr(time, "sleep", meanwhile)
    assert watch.look() is None
    assert written
    monkeypatch.undo()
    watch.look()
    assert scores(course) == {("11_second", "ada"): 20.0}


def test_a_submission_that_cannot_be_read_is_told_and_the_watch_goes_on(watch, course):
    submit(course, "ada", "11_second", RIGHT)
    (course.submitted / "ada/11_second/11_second.ipynb").write_text("{")
    assert [o.ending for o in watch.look().new] == [Ending.UNREADABLE]
    assert course.page("ada", "11_second").is_file()
    assert watch.look() is None  # once is enough
    submit(course, "ada", "11_second", RIGHT)
    assert [o.score for o in watch.look().new] == [20.0]


def test_a_submission_that_ran_into_its_limit_is_not_run_again_for_somebody_elses(watch, course):
    dies = "def correlate1d(signal, kernel):\n    import os\n    os._exit(1)"
    submit(course, "ada", "11_second", {"correlate1d": dies})
    assert [o.ending for o in watch.look().new] == [Ending.PROCESS_DIED]
    submit(course, "bob", "11_second", RIGHT)
    assert [o.student for o in watch.look().new] == ["bob"]
    assert scores(course).keys() == {("11_second", "ada"), ("11_second", "bob")}


def test_a_folder_that_goes_away_meanwhile_is_no_fault(watch, course, monkeypatch):
    submit(course, "ada", "11_second", RIGHT)
    folder = course.submitted / "ada/11_second"
    monkeypatch.setattr(time, "sleep", lambda seconds: shutil.rmtree(folder))
    assert watch.look() is None
    assert list(_files(folder)) == []


def test_workers_stay_from_run_to_run_until_one_dies():
    made = []

    def make(workers):
        made.append(ThreadPoolExecutor(workers))
        return made[-1]

    standing = Standing(make)
    for _ in range(2):
        assert sorted(r for _, r in schedule.run(abs, [-1, -2, -3], standing, 2)) == [1, 2, 3]
    assert len(made) == 1

    def die(job):
        raise BrokenExecutor("gone")

    assert list(schedule.run(die, [1], standing, 2)) == [(1, None)]
    assert [r for _, r in schedule.run(abs, [-1], standing, 2)] == [1]
    assert len(made) > 1
    standing.close()
    with pytest.raises(RuntimeError):
        made[-1].submit(abs, 1)
