"""``autograde report``: one page for the instructor, complete in itself: no script, nothing from the network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from markupsafe import Markup, escape

from autograde import cells, outcomes
from autograde.course import Course
from autograde.errors import UsageError
from autograde.export import Row, rows
from autograde.feedback import PAGES
from autograde.lesson import Lesson
from autograde.outcomes import Outcome
from course_utils import exercises

FILE = "report.html"
BINS = 10  # of the histogram of scores


@dataclass(frozen=True)
class MistakeCount:
    """A known mistake, and which students made it, of how many that were graded."""

    exercise: str
    name: str
    hint: str
    students: tuple[str, ...]
    of: int


@dataclass(frozen=True)
class ExerciseSummary:
    """How a class did on an exercise: students by what became of it; no mean until something is graded.

    seed : what its hidden cases were drawn from.
    """

    name: str
    points: float
    mean: float | None
    full: tuple[str, ...]
    known: tuple[str, ...]
    other: tuple[str, ...]
    blank: tuple[str, ...]
    by_hand: tuple[str, ...]
    mistakes: tuple[MistakeCount, ...]
    seed: int | None = None


@dataclass(frozen=True)
class LessonSummary:
    """How a class did on a lesson. ``bins``: how many scores lie in each tenth of the points."""

    name: str
    points: float
    scored: int
    submitted: int
    mean: float
    by_hand: int
    bins: tuple[int, ...]
    exercises: tuple[ExerciseSummary, ...]

    @property
    def most(self) -> int:
        return max(self.bins, default=0)


@dataclass(frozen=True)
class Look:
    """A submission that a person should look at, and why."""

    student: str
    lesson: str
    why: str


@dataclass(frozen=True)
class Report:
    """All that the page says."""

    course: str
    made: str
    lessons: tuple[LessonSummary, ...]
    mistakes: tuple[MistakeCount, ...]
    looks: tuple[Look, ...]
    students: tuple[str, ...]
    scores: dict[tuple[str, str], Row]


def report(course: Course, lessons: Sequence[str]) -> Path:
    """Write ``report.html``."""
    found = rows(course, lessons)
    if not found:
        raise UsageError(f"Nothing is graded yet in {course.folder}: run autograde grade.")
    loaded = [Lesson.load(course, name) for name in dict.fromkeys(row.outcome.lesson for row in found)]
    made = summarize(course.name, loaded, found, datetime.now().strftime("%Y-%m-%d %H:%M"))
    path = course.folder / FILE
    outcomes.write(path, PAGES.get_template("report.html.j2").render(report=made))
    return path


def _inline(text: str) -> Markup:
    """A hint as HTML: escaped, then its `code` and its *stressed words* marked as such."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"\*(\w[^*]*)\*", r"<em>\1</em>", marked))


PAGES.filters["inline"] = _inline


def summarize(course: str, lessons: Sequence[Lesson], found: Sequence[Row], made: str) -> Report:
    """The report as data."""
    summaries = tuple(_lesson(lesson, [r for r in found if r.outcome.lesson == lesson.name]) for lesson in lessons)
    mistakes = [m for lesson in summaries for e in lesson.exercises for m in e.mistakes]
    return Report(
        course,
        made,
        summaries,
        tuple(sorted(mistakes, key=lambda m: -len(m.students))),
        tuple(Look(o.student, o.lesson, o.for_instructor) for o in (row.outcome for row in found) if o.needs_a_look),
        tuple(sorted({row.outcome.student for row in found})),
        {(row.outcome.student, row.outcome.lesson): row for row in found},
    )


def _lesson(lesson: Lesson, found: Sequence[Row]) -> LessonSummary:
    scored = [row for row in found if row.outcome.score is not None]
    scores = [row.outcome.score or 0.0 for row in scored]
    parts: dict[str, list[cells.Part]] = {}
    for part in cells.parts(lesson.source).values():
        parts.setdefault(part.exercise, []).append(part)
    return LessonSummary(
        lesson.name,
        lesson.points,
        len(scored),
        len(found),
        _mean(scores),
        sum(row.by_hand > 0 for row in scored),
        _histogram(scores, lesson.points),
        tuple(_exercise(name, own, [row.outcome for row in scored]) for name, own in parts.items()),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _histogram(scores: Iterable[float], points: float) -> tuple[int, ...]:
    bins = [0] * BINS
    for score in scores:
        bins[min(BINS - 1, int(BINS * score / points))] += 1
    return tuple(bins)


def _exercise(name: str, parts: Sequence[cells.Part], scored: Sequence[Outcome]) -> ExerciseSummary:
    """Sort the students of an exercise: full marks, a known mistake, wrong in another way, blank, by hand."""
    groups: dict[str, list[str]] = {"full": [], "known": [], "other": [], "blank": [], "by_hand": []}
    points = sum(part.points for part in parts)
    for outcome in scored:
        groups[_group(name, parts, outcome)].append(outcome.student)
    read = [o for o in scored if o.student not in groups["by_hand"]]
    given = [sum(outcome.cells.get(part.grade_id) or 0.0 for part in parts) for outcome in read]
    mean = _mean(given) if given else None
    sorted_in = {group: tuple(students) for group, students in groups.items()}
    seed = next((outcome.seeds[name] for outcome in reversed(scored) if name in outcome.seeds), None)
    return ExerciseSummary(name, points, mean, **sorted_in, mistakes=tuple(_mistakes(name, scored)), seed=seed)


def _group(name: str, parts: Sequence[cells.Part], outcome: Outcome) -> str:
    given = [outcome.cells.get(part.grade_id) for part in parts]
    found = [d for d in outcome.diagnoses if d.exercise == name]
    if None in given:
        return "by_hand"
    if all(score == part.points for score, part in zip(given, parts, strict=True)):
        return "full"
    if any(d.mistakes for d in found):
        return "known"
    if any(d.blank for d in found) or (parts[0].kind == "written" and not any(given)):
        return "blank"
    return "other"


def _mistakes(name: str, scored: Sequence[Outcome]) -> list[MistakeCount]:
    """The known mistakes that were made in an exercise, the most frequent first."""
    named = {o.student: {m for d in o.diagnoses if d.exercise == name for m in d.mistakes} for o in scored}
    known = exercises.find(name).mistakes if any(named.values()) else ()
    made = {m: tuple(student for student in named if m.name in named[student]) for m in known}
    counts = [MistakeCount(name, m.name, m.hint, students, len(named)) for m, students in made.items() if students]
    return sorted(counts, key=lambda c: -len(c.students))
