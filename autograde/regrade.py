"""Grading again, seen before it is written: whose score would change when a test or its points changed.

The submissions are run once. What comes of it is first entered into a copy of the gradebook, with the manual grades and
the due dates in it; only when that is wanted is it entered into the gradebook itself, where manual grades and comments
stay.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from autograde import export, gradebook, outcomes, schedule, secret, submission
from autograde import table as layout
from autograde.course import Course
from autograde.errors import UsageError
from autograde.grade import Ended, Graded, Progress, Run, finished, load, plan
from autograde.grade import write as write_all
from autograde.gradebook import Book
from autograde.lesson import Lesson
from autograde.outcomes import Outcome

SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Change:
    """What grading again makes of a submission; no ``before`` where it was not graded before."""

    before: Outcome | None
    after: Outcome

    @property
    def moves(self) -> bool:
        """Whether a score that was there changes, or what it is out of, or how the submission ended."""
        if self.before is None:
            return False
        one, other = ((o.score, o.max_score, o.ending) for o in (self.before, self.after))
        return one != other

    @property
    def by(self) -> float | None:
        """By how many points."""
        if self.before is None or self.before.score is None or self.after.score is None:
            return None
        return self.after.score - self.before.score


@dataclass(frozen=True)
class Preview:
    """A run whose results are not written yet."""

    changes: tuple[Change, ...]
    kept: tuple[Outcome, ...]
    ended: tuple[Ended, ...]
    lessons: Mapping[str, Lesson]
    isolated: bool
    all_cells: bool

    @property
    def moved(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.moves)

    @property
    def graded(self) -> Graded:
        """What would be written."""
        return Graded(tuple(change.after for change in self.changes), self.kept)


def is_possible(course: Course) -> bool:
    """Whether there is something to compare with, in a gradebook that can be copied."""
    return course.database.startswith(SQLITE) and gradebook.exists(course) and bool(outcomes.load(course.folder))


def preview(
    course: Course,
    lessons: Sequence[str],
    scratch: Path,
    student: str | None = None,
    *,
    workers: int | None = None,
    force: bool = False,
    all_cells: bool = False,
    isolated: bool = True,
    progress: Progress = lambda outcome, done, total: None,
    make_executor: schedule.MakeExecutor | None = None,
) -> Preview:
    """Run the submissions and say what would change; writes into ``scratch`` alone."""
    found = submission.find(course, lessons, student)
    loaded = load(course, found)
    rehearsed = _copied(course, scratch)
    before = _now(course)
    with Book(rehearsed) as book:
        run = Run(rehearsed, loaded, book, secret.of(scratch), isolated, all_cells)
        planned = plan(run, found, {} if force else outcomes.load(course.folder))
        if planned.todo:
            run.register()
        ended: list[Ended] = []
        changes: list[Change] = []
        for each in finished(run, planned.todo, workers, make_executor):
            after = run.enter(each)
            ended.append(each)
            changes.append(Change(before.get(after.key), after))
            progress(after, len(ended), len(planned.todo))
    ordered = sorted(changes, key=lambda change: change.after.key)
    return Preview(tuple(ordered), planned.kept, tuple(ended), loaded, isolated, all_cells)


def write(course: Course, seen: Preview) -> Graded:
    """Enter what was seen; nothing is run again."""
    with Book(course) as book:
        run = Run(course, seen.lessons, book, secret.of(course.folder), seen.isolated, seen.all_cells)
        if seen.ended:
            run.register()
        new = write_all(run, seen.ended, len(seen.ended), lambda outcome, done, total: None)
    return Graded(new, seen.kept)


def table(seen: Preview) -> str:
    """Whose score changes and by how much, as text, and what that is for each lesson."""
    if not seen.moved:
        return f"No score changes ({len(seen.changes)} graded again)."
    rows: list[tuple[str, ...]] = [("lesson", "student", "before", "after", "change")]
    for change in seen.moved:
        assert change.before is not None
        by = "" if change.by is None else f"{change.by:+g}"
        rows.append((change.after.lesson, change.after.student, _score(change.before), _score(change.after), by))
    return "\n".join([*layout.lines(rows, right=2), *_lessons(seen)])


def _lessons(seen: Preview) -> Iterator[str]:
    for lesson in dict.fromkeys(change.after.lesson for change in seen.moved):
        own = [change for change in seen.changes if change.after.lesson == lesson]
        moved = [change for change in own if change.moves]
        up, down = (sum((c.by or 0) * sign > 0 for c in moved) for sign in (1, -1))
        yield f"{lesson}: {len(moved)} of {len(own)} change, {up} up, {down} down."


def _score(outcome: Outcome) -> str:
    score = outcome.ending.value if outcome.score is None else f"{outcome.score:g}/{outcome.max_score:g}"
    return score if outcome.is_graded or outcome.score is None else f"{score} ({outcome.ending.value})"


def _now(course: Course) -> dict[tuple[str, str], Outcome]:
    """The outcomes with the gradebook's scores of now: a person may have graded since."""
    return {row.outcome.key: row.outcome for row in export.rows(course)}


def _copied(course: Course, scratch: Path) -> Course:
    """The course with a copy of its gradebook and of its secret."""
    if not course.database.startswith(SQLITE):
        raise UsageError(f"Only a gradebook in SQLite can be copied to try it out, not {course.database}.")
    scratch.mkdir(parents=True, exist_ok=True)
    if (course.folder / secret.FILE).is_file():
        shutil.copy(course.folder / secret.FILE, scratch)
    made = course.rehearsal(scratch)
    if gradebook.exists(course):
        paths = [c.database.removeprefix(SQLITE) for c in (course, made)]
        with closing(sqlite3.connect(paths[0])) as one, closing(sqlite3.connect(paths[1])) as other:
            one.backup(other)
    return made
