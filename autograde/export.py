"""``autograde export``: the grades of a class as a table, or as a sheet that an LMS imports."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograde import gradebook, outcomes, sheet
from autograde import roster as rosters
from autograde.course import Course
from autograde.errors import UsageError
from autograde.gradebook import Book, Score
from autograde.outcomes import Outcome
from autograde.sheet import Grades, Sheet

FILE = "grades.csv"
COLUMNS = ("student", "lesson", "outcome", "score", "max_score", "to_grade_by_hand")


@dataclass(frozen=True)
class Row:
    """A submission's outcome with the gradebook's points of now; ``by_hand``: what a person has yet to grade."""

    outcome: Outcome
    by_hand: float


def rows(
    course: Course, lessons: Sequence[str] = (), only: Collection[tuple[str, str]] | None = None
) -> tuple[Row, ...]:
    """All outcomes (of some lessons, or some (lesson, student)), with points given by hand since; in this order."""
    known = [o for o in outcomes.load(course.folder).values() if not lessons or o.lesson in lessons]
    known = [o for o in known if only is None or o.key in only]
    scored = [o for o in known if o.score is not None]
    scores: dict[str, dict[str, Score]] = {}
    if gradebook.exists(course):
        with Book(course) as book:
            for lesson in dict.fromkeys(o.lesson for o in scored):
                scores[lesson] = book.scores(lesson, [o.student for o in scored if o.lesson == lesson])
    found = []
    for outcome in sorted(known, key=lambda o: o.key):
        score = scores.get(outcome.lesson, {}).get(outcome.student) if outcome.score is not None else None
        if score is None:
            found.append(Row(outcome, 0.0))
        else:
            found.append(Row(replace(outcome, score=score.points, cells=score.cells), score.by_hand))
    return tuple(found)


def table(course: Course, lessons: Sequence[str] = ()) -> str:
    """The grades as CSV; no score where nothing could be graded."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows(course, lessons):
        o = row.outcome
        score = "" if o.score is None else f"{o.score:g}"
        writer.writerow([o.student, o.lesson, o.ending.value, score, f"{o.max_score:g}", f"{row.by_hand:g}"])
    return text.getvalue()


def write(course: Course, lessons: Sequence[str] = ()) -> Path:
    """Write ``grades.csv``."""
    if not outcomes.load(course.folder):
        raise UsageError(f"Nothing is graded yet in {course.folder}: run autograde grade.")
    path = course.folder / FILE
    outcomes.write(path, table(course, lessons))
    return path


def for_lms(
    course: Course,
    lessons: Sequence[str],
    kind: str,
    *,
    roster: Path | None = None,
    template: Path | None = None,
    named: Mapping[str, str] | None = None,
    output: Path | None = None,
) -> tuple[Path, tuple[str, ...]]:
    """Write the sheet for an LMS; returns its path, and what to know before importing it."""
    found = rows(course, lessons)
    if not found:
        raise UsageError(f"Nothing is graded yet in {course.folder}: run autograde grade.")
    made = _sheet(course, _grades(found), kind, roster, template, named or {})
    path = output or course.folder / f"{kind}.csv"
    outcomes.write(path, made.text)
    return path, (*made.notes, *_unfinished(found))


def _grades(found: Sequence[Row]) -> Grades:
    ended = [row.outcome for row in found]
    points = {o.key: o.score for o in ended if o.score is not None}
    return Grades(points, {o.lesson: o.max_score for o in ended})


def _sheet(
    course: Course, grades: Grades, kind: str, roster: Path | None, template: Path | None, named: Mapping[str, str]
) -> Sheet:
    usual = course.folder / rosters.FILE
    source = roster or (usual if usual.is_file() else template)
    if source is None:
        raise UsageError(
            f"To name students as {kind} does, give --template FILE, or a roster: --roster FILE, or {usual}."
        )
    people = rosters.read(source)
    if template is None:
        return (sheet.canvas if kind == "canvas" else sheet.moodle)(people, grades)
    return sheet.filled(rosters.lines(template), people, grades, named)


def _unfinished(found: Sequence[Row]) -> list[str]:
    """What is not in the points, or not at all."""
    waits = sum(row.by_hand > 0 for row in found)
    none = sum(row.outcome.score is None for row in found)
    said = [f"{waits} with written answers that nobody has graded yet: their points are not in it."] if waits else []
    if none:
        said.append(f"{none} without a score, because nothing could be graded: their entries stay as they were.")
    return said
