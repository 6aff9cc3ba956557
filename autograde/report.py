"""``autograde report``: one page for the instructor, complete in itself: no script, nothing from the network."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from markupsafe import Markup, escape

from autograde import cells, outcomes
from autograde.course import Course
from autograde.errors import NotebookError, UsageError
from autograde.export import Row, rows
from autograde.feedback import PAGES
from autograde.lesson import Lesson
from autograde.likeness import Alike, Answers, alike
from autograde.outcomes import Outcome
from course_utils import exercises

FILE = "report.html"
BINS = 10  # of the histogram of scores
FEWEST = 8  # students, for a correlation to be worth a look
WEAK = 0.1  # of a correlation: the points say nothing about the rest
SHOWN = 20  # pairs of answers that are alike


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
    tells_apart : correlation of its points with those of the rest of the lesson; None where too few have both.
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
    tells_apart: float | None = None

    @property
    def verdict(self) -> str:
        """A sentence where the exercise itself may be to blame; empty where not."""
        tried = len(self.full) + len(self.known) + len(self.other)
        if tried >= 3 and not self.full:
            return f"Nobody got all points; {tried} tried."
        if self.tells_apart is not None and self.tells_apart < WEAK:
            return (
                "Its points do not tell the strong from the weak: their correlation with the rest of the lesson's is "
                f"{self.tells_apart:.2f}."
            )
        return ""


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
    seconds: tuple[float, float]  # that a notebook ran: the median, the longest
    again: int  # how many handed in more than once
    attempts: int  # the most that somebody made

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
    pairs: tuple[Alike, ...]
    students: tuple[str, ...]
    scores: dict[tuple[str, str], Row]

    @property
    def doubtful(self) -> tuple[tuple[str, ExerciseSummary], ...]:
        """Lesson and exercise, of the exercises that may be to blame themselves."""
        return tuple((lesson.name, e) for lesson in self.lessons for e in lesson.exercises if e.verdict)


def report(course: Course, lessons: Sequence[str]) -> Path:
    """Write ``report.html``."""
    found = rows(course, lessons)
    if not found:
        raise UsageError(f"Nothing is graded yet in {course.folder}: run autograde grade.")
    loaded = [Lesson.load(course, name) for name in dict.fromkeys(row.outcome.lesson for row in found)]
    pairs = [pair for lesson in loaded for pair in alike(lesson, _answers(lesson, found))]
    attempts = {row.outcome.key: _attempts(course, *row.outcome.key) for row in found}
    made = summarize(course.name, loaded, found, datetime.now().strftime("%Y-%m-%d %H:%M"), pairs, attempts)
    path = course.folder / FILE
    outcomes.write(path, PAGES.get_template("report.html.j2").render(report=made))
    return path


def _inline(text: str) -> Markup:
    """A hint as HTML: escaped, then its `code` and its *stressed words* marked as such."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"\*(\w[^*]*)\*", r"<em>\1</em>", marked))


PAGES.filters["inline"] = _inline


def _attempts(course: Course, lesson: str, student: str) -> int:
    """How often a student handed in a lesson, as far as ``autograde collect`` has seen it."""
    earlier = course.earlier(student, lesson)
    return 1 + (sum(path.is_dir() for path in earlier.iterdir()) if earlier.is_dir() else 0)


def _answers(lesson: Lesson, found: Sequence[Row]) -> dict[str, Answers]:
    """The answers of everybody whose submission to a lesson was run."""
    answers: dict[str, Answers] = {}
    run = [row.outcome for row in found if row.outcome.score is not None]
    for outcome in (each for each in run if each.lesson == lesson.name):
        try:
            notebook = cells.read(lesson.course.graded(outcome.student, lesson.name))
        except NotebookError:  # it was deleted since; the scores are in the gradebook
            continue
        own = [c for c in notebook.cells if cells.is_answer(c) and c.cell_type == "code"]
        answers[outcome.student] = {cells.grade_id(c): c.source for c in own}
    return answers


def summarize(
    course: str,
    lessons: Sequence[Lesson],
    found: Sequence[Row],
    made: str,
    pairs: Sequence[Alike] = (),
    attempts: Mapping[tuple[str, str], int] = MappingProxyType({}),
) -> Report:
    """The report as data; ``attempts``: lesson and student → how often it was handed in."""
    own = {lesson.name: [r for r in found if r.outcome.lesson == lesson.name] for lesson in lessons}
    summaries = tuple(
        _lesson(lesson, own[lesson.name], [attempts.get(r.outcome.key, 1) for r in own[lesson.name]])
        for lesson in lessons
    )
    mistakes = [m for lesson in summaries for e in lesson.exercises for m in e.mistakes]
    return Report(
        course,
        made,
        summaries,
        tuple(sorted(mistakes, key=lambda m: -len(m.students))),
        tuple(Look(o.student, o.lesson, o.for_instructor) for o in (row.outcome for row in found) if o.needs_a_look),
        tuple(pairs[:SHOWN]),
        tuple(sorted({row.outcome.student for row in found})),
        {(row.outcome.student, row.outcome.lesson): row for row in found},
    )


def _lesson(lesson: Lesson, found: Sequence[Row], attempts: Sequence[int]) -> LessonSummary:
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
        _seconds([row.outcome.seconds for row in scored]),
        sum(count > 1 for count in attempts),
        max(attempts, default=0),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _seconds(taken: Sequence[float]) -> tuple[float, float]:
    return (statistics.median(taken), max(taken)) if taken else (0.0, 0.0)


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
    return ExerciseSummary(
        name,
        points,
        mean,
        **sorted_in,
        mistakes=tuple(_mistakes(name, scored)),
        seed=seed,
        tells_apart=_tells_apart(parts, read),
    )


def _tells_apart(parts: Sequence[cells.Part], read: Sequence[Outcome]) -> float | None:
    """The corrected item-total correlation: an exercise's points against those of all other cells."""
    own = {part.grade_id for part in parts}
    given = [sum(o.cells.get(name) or 0.0 for name in own) for o in read]
    rest = [sum(points or 0.0 for name, points in o.cells.items() if name not in own) for o in read]
    if len(read) < FEWEST or len(set(given)) == 1 or len(set(rest)) == 1:
        return None
    return statistics.correlation(given, rest)


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
