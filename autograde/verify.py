"""``autograde verify``: the course against itself. Solutions earn full marks, blanks none, known mistakes their share.

A lesson's cells are executed as plain Python, once a variant, each in a namespace of its own and without the cells
that are tagged ``show``: so no verdict depends on those. There is no kernel; what is run here is the instructor's.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from autograde import answers, cells, schedule
from autograde.cells import Part
from autograde.course import Course
from autograde.errors import CourseError
from autograde.lesson import Lesson
from autograde.release import examine
from course_utils import exercises
from course_utils.check import CheckFailed
from course_utils.contract import Exercise

SECONDS = 60  # for one variant
COLUMNS = ("lesson", "points", "by hand", "solved", "blank", "mistakes", "caught", "named", "CPU s")
PLAIN = ("solved", "blank")  # the variants without a mistake


@dataclass(frozen=True)
class Variant:
    """A lesson's notebook with certain answers: the code cells to run, as (label, grade id when graded, source)."""

    lesson: str
    code: tuple[tuple[str, str, str], ...]
    folder: str
    exercise: str = ""
    mistake: str = ""

    @property
    def name(self) -> str:
        return f"{self.exercise}: {self.mistake}" if self.exercise else self.mistake


@dataclass(frozen=True)
class Failure:
    """A cell that did not pass: the error's first line, and the known mistakes that its check named."""

    error: str
    named: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """A variant after its run: the failures of graded cells (by grade id) and of others (by label)."""

    variant: Variant
    graded: Mapping[str, Failure]
    others: Mapping[str, Failure]
    seconds: float


@dataclass(frozen=True)
class Judged:
    """Whether a mistake was caught by every check of its exercise, and named by each; and what is wrong."""

    caught: bool
    named: bool
    findings: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What verification found out about a lesson."""

    lesson: str
    points: float
    by_hand: float
    solved: float
    blank: float
    mistakes: int
    caught: int
    named: int
    seconds: float
    findings: tuple[str, ...] = field(default=())

    @property
    def is_sound(self) -> bool:
        return not self.findings


def verify(course: Course, lessons: Sequence[str], workers: int | None = None) -> tuple[Verdict, ...]:
    """Put lessons through their own solutions, blanks and known mistakes."""
    loaded = [Lesson.load(course, name) for name in lessons]
    findings = {lesson.name: list(examine(lesson)) for lesson in loaded}
    todo = [v for lesson in loaded if not findings[lesson.name] for v in _variants(lesson, findings[lesson.name])]
    runs: dict[str, list[Run]] = {lesson.name: [] for lesson in loaded}
    make = schedule.processes("autograde.verify")
    for variant, run in schedule.run(perform, todo, make, workers or schedule.cores()):
        if run is None:
            findings[variant.lesson].append(f"{variant.name}: the process died.")
        else:
            runs[variant.lesson].append(run)
    return tuple(judge(lesson, runs[lesson.name], findings[lesson.name]) for lesson in loaded)


def _variants(lesson: Lesson, findings: list[str]) -> Iterator[Variant]:
    """Solved, blank, and one for each known mistake; a mistake that cannot be written down is a finding."""
    right = {cells.grade_id(c): answers.solved(c.source) for c in lesson.source.cells if cells.is_answer(c)}
    stubs = {cells.grade_id(c): c.source for c in lesson.released.cells if cells.is_answer(c)}
    yield _variant(lesson, right, mistake=PLAIN[0])
    yield _variant(lesson, stubs, mistake=PLAIN[1])
    for exercise in known(lesson):
        for mistake in exercise.mistakes:
            try:
                wrong = answers.mistaken(right[exercise.name], exercise, mistake)
            except (CourseError, OSError, SyntaxError) as error:
                findings.append(f"{exercise.name}: {mistake.name}: it cannot be written into a notebook: {error}")
                continue
            yield _variant(lesson, {**right, exercise.name: wrong}, exercise.name, mistake.name)


def known(lesson: Lesson) -> list[Exercise]:
    """The exercises that a lesson's answer cells are named after."""
    names = [cells.grade_id(c) for c in lesson.source.cells if cells.is_answer(c) and not cells.is_graded(c)]
    return [exercises.find(name) for name in names if name in exercises.names()]


def _variant(lesson: Lesson, texts: Mapping[str, str], exercise: str = "", mistake: str = "") -> Variant:
    code = tuple(
        (
            cells.label(c),
            cells.grade_id(c) * cells.is_graded(c),
            texts.get(cells.grade_id(c)) or cells.unmarked(c.source),
        )
        for c in lesson.source.cells
        if c.cell_type == "code" and not cells.is_show(c)
    )
    return Variant(lesson.name, code, str(lesson.course.source(lesson.name).parent), exercise, mistake)


def perform(variant: Variant) -> Run:
    """Run a variant's cells one after the other, as a notebook would that goes on after errors."""
    os.environ["MPLBACKEND"] = "Agg"
    namespace: dict[str, Any] = {"__name__": "__main__", "display": lambda *_, **__: None}
    graded: dict[str, Failure] = {}
    others: dict[str, Failure] = {}
    started = time.process_time()
    with _limited(SECONDS), contextlib.chdir(variant.folder), contextlib.redirect_stdout(io.StringIO()):
        for label, grade_id, source in variant.code:
            failure = _execute(label, source, namespace)
            if failure is not None:
                (graded if grade_id else others)[grade_id or label] = failure
    return Run(variant, graded, others, time.process_time() - started)


def _execute(label: str, source: str, namespace: dict[str, Any]) -> Failure | None:
    """Execute a cell; like nbgrader, take a word on the error stream for a failure."""
    plain = "\n".join("" if line.startswith("%") else line for line in source.splitlines())
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            exec(compile(plain, f"<{label}>", "exec"), namespace)
    except CheckFailed as error:
        named = tuple(m.name for m in error.result.mistakes) if error.result else ()
        return Failure(str(error).splitlines()[0], named)
    except (Exception, SystemExit) as error:
        return Failure(f"{type(error).__name__}: {error}".splitlines()[0])
    return Failure(f"on the error stream: {errors.getvalue().splitlines()[0]}") if errors.getvalue().strip() else None


@contextlib.contextmanager
def _limited(seconds: int) -> Iterator[None]:
    """Interrupt what runs too long; every cell that is left then fails in its turn."""

    def stop(signum: int, frame: FrameType | None) -> None:
        signal.alarm(1)
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def judge(lesson: Lesson, runs: Sequence[Run], findings: Sequence[str]) -> Verdict:
    """What the runs of a lesson prove."""
    parts = cells.parts(lesson.source)
    written = [part for part in parts.values() if part.kind == "written"]
    solved, blank = (next((r for r in runs if r.variant.mistake == n and not r.variant.exercise), None) for n in PLAIN)
    mistaken = [_judged(run, parts) for run in runs if run.variant.exercise]
    unsound = [*_wrong_in_solved(solved), *_passed_in_blank(blank, parts)]
    return Verdict(
        lesson.name,
        sum(part.points for part in parts.values()),
        sum(part.points for part in written),
        _points(solved, parts) + sum(part.points for part in written),  # a model answer is there: release sees to it
        _points(blank, parts),
        len(mistaken),
        sum(judged.caught for judged in mistaken),
        sum(judged.named for judged in mistaken),
        sum(run.seconds for run in runs),
        (*findings, *unsound, *(finding for judged in mistaken for finding in judged.findings)),
    )


def _points(run: Run | None, parts: Mapping[str, Part]) -> float:
    """The points of the cells of tests that passed."""
    passed = [p for p in parts.values() if run and p.kind != "written" and p.grade_id not in run.graded]
    return sum(part.points for part in passed)


def _wrong_in_solved(run: Run | None) -> Iterator[str]:
    for name, failure in {**run.graded, **run.others}.items() if run else ():
        yield f"solved: {name} fails: {failure.error}"


def _passed_in_blank(run: Run | None, parts: Mapping[str, Part]) -> Iterator[str]:
    for name, part in parts.items() if run else ():
        if run and part.kind != "written" and name not in run.graded:
            yield f"blank: {name} passes without an answer."


def _judged(run: Run, parts: Mapping[str, Part]) -> Judged:
    """A mistake must fail all checks of its own exercise, be named by each, and leave all others alone."""
    exercise, mistake = run.variant.exercise, run.variant.mistake
    own = [name for name, part in parts.items() if part.exercise == exercise]
    unnoticed = [name for name in own if name not in run.graded]
    misnamed = [name for name in own if name in run.graded and run.graded[name].named != (mistake,)]
    partners = {e.name for e in map(exercises.find, exercises.names()) if exercise in e.companions}
    others = [name for name in run.graded if parts[name].exercise not in {exercise, *partners}]
    findings = [f"{run.variant.name}: goes unnoticed in {name}." for name in unnoticed]
    findings += [f"{run.variant.name}: {name} says {_said(run.graded[name])}." for name in misnamed]
    findings += [f"{run.variant.name}: {name} fails too: {run.graded[name].error}" for name in others]
    return Judged(not unnoticed, not unnoticed and not misnamed, tuple(findings))


def _said(failure: Failure) -> str:
    return " and ".join(map(repr, failure.named)) if failure.named else f"no known mistake ({failure.error})"


def table(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as text, and below it every finding."""
    rows: list[tuple[str, ...]] = [
        ("lesson", "points", "by hand", "solved", "blank", "mistakes", "caught", "named", "CPU s")
    ]
    rows += [
        (
            v.lesson,
            f"{v.points:g}",
            f"{v.by_hand:g}",
            f"{v.solved:g}/{v.points:g}",
            f"{v.blank:g}/{v.points:g}",
            *map(str, (v.mistakes, v.caught, v.named)),
            f"{v.seconds:.1f}",
        )
        for v in verdicts
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    lines.append("Run without the cells tagged show. By hand: a model answer counts in full, an unchanged cell as 0.")
    findings = [f"  {v.lesson}: {finding}" for v in verdicts for finding in v.findings]
    return "\n".join([*lines, *([f"Not sound ({len(findings)}):", *findings] if findings else ["Sound."])])
