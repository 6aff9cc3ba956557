"""``autograde verify``: the course against itself. Solutions earn full marks, blanks none, known mistakes their share.

A lesson's cells are executed as plain Python, once a variant, each in a namespace of its own and without the cells
that are tagged ``show``: so no verdict depends on those. There is no kernel; what is run here is the instructor's.
The solved and the blank lesson are also graded as submissions are, in isolation, which must not change a verdict.

For a mistake, cells of tests are left out that cannot tell it from the solution: those that ran no code of the
answer's cell when the lesson was solved (a profiler watched), unless a cell that is no test ran some, and could have
kept a result.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from autograde import answers, cells, execute, judged, schedule
from autograde import table as layout
from autograde.cells import Part
from autograde.course import Course
from autograde.errors import CourseError
from autograde.execute import Execution, Job
from autograde.judged import Role
from autograde.lesson import Lesson
from autograde.release import examine
from course_utils import exercises
from course_utils.check import CheckFailed
from course_utils.contract import Exercise

SECONDS = 240  # for one variant: a busy machine runs at a tenth of its speed
COLUMNS = ("lesson", "points", "by hand", "solved", "blank", "mistakes", "caught", "named", "CPU s")
PLAIN = ("solved", "blank")  # the variants without a mistake


@dataclass(frozen=True)
class Variant:
    """A lesson's notebook with certain answers: the code cells to run, as (label, grade id when graded, source).

    traced : whether to find out which cells run code of which.
    """

    lesson: str
    code: tuple[tuple[str, str, str], ...]
    folder: str
    exercise: str = ""
    mistake: str = ""
    traced: bool = False

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
    """A variant after its run: the failures of graded cells (by grade id) and of others (by label).

    calls : where it was traced, the labels of the cells whose code each cell ran.
    """

    variant: Variant
    graded: Mapping[str, Failure]
    others: Mapping[str, Failure]
    seconds: float
    calls: Mapping[str, frozenset[str]] = field(default_factory=dict)


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


Progress = Callable[[Variant, int, int], None]  # a variant that was run, how many are done, how many there are


def verify(
    course: Course,
    lessons: Sequence[str],
    *,
    workers: int | None = None,
    isolated: bool = True,
    progress: Progress = lambda variant, done, total: None,
) -> tuple[Verdict, ...]:
    """Put lessons through their own solutions, blanks and known mistakes."""
    loaded = [Lesson.load(course, name) for name in lessons]
    findings = {lesson.name: list(examine(lesson)) for lesson in loaded}
    sound = [lesson for lesson in loaded if not findings[lesson.name]]
    workers = workers or schedule.cores()
    runs = _runs([variant for lesson in sound for variant in plain(lesson)], workers, findings)
    solved = {run.variant.lesson: run for run in runs if run.variant.traced}
    _as_submissions(sound, runs, workers, findings, isolated=isolated)
    todo = [v for le in sound if le.name in solved for v in mistaken(le, solved[le.name], findings[le.name])]
    runs += _runs(todo, workers, findings, progress)
    return tuple(judge(le, [r for r in runs if r.variant.lesson == le.name], findings[le.name]) for le in loaded)


def _runs(
    variants: Sequence[Variant],
    workers: int,
    findings: Mapping[str, list[str]],
    progress: Progress = lambda variant, done, total: None,
) -> list[Run]:
    """Run variants over the cores; one whose process dies is a finding."""
    runs = []
    make = schedule.processes("autograde.verify")
    for done, (variant, run) in enumerate(schedule.run(perform, variants, make, workers), 1):
        if run is None:
            findings[variant.lesson].append(f"{variant.name}: the process died.")
        else:
            runs.append(run)
        progress(variant, done, len(variants))
    return runs


def _as_submissions(
    lessons: Sequence[Lesson], runs: Sequence[Run], workers: int, findings: Mapping[str, list[str]], *, isolated: bool
) -> None:
    """Grade the solved and the blank lessons as submissions; a verdict that is another one then is a finding."""
    failed = {(run.variant.lesson, run.variant.mistake): set(run.graded) for run in runs}
    jobs = [_job(lesson, kind, isolated=isolated) for lesson in lessons for kind in PLAIN]
    make = schedule.processes("autograde.execute", *exercises.modules(lesson.name for lesson in lessons))
    for job, execution in schedule.run(execute.run, jobs, make, workers):
        before = failed.get((job.lesson, job.student))
        if execution is None:
            findings[job.lesson].append(f"{job.student}: the process died when it was graded as a submission.")
        elif before is not None:
            for name in sorted(before ^ _failed(job, execution)):
                findings[job.lesson].append(f"{job.student}: {name} has another verdict when graded as a submission.")


def _job(lesson: Lesson, kind: str, *, isolated: bool) -> Job:
    texts = {cells.grade_id(c): answers.solved(c.source) for c in lesson.source.cells if cells.is_answer(c)}
    ready = judged.build(cells.replaced(lesson.released, texts if kind == PLAIN[0] else {}), lesson)
    return Job(kind, lesson.name, ready.steps, lesson.course.limits, secret="verify", isolated=isolated)


def _failed(job: Job, execution: Execution) -> set[str]:
    """The grade ids of the cells of tests that did not pass."""
    tests = {step.place: step.label.removeprefix("cell ") for step in job.steps if step.role is Role.TEST}
    wrong = (place for place, found in execution.outputs.items() if any(o["output_type"] == "error" for o in found))
    return {tests[place] for place in wrong if place in tests}


def plain(lesson: Lesson) -> tuple[Variant, Variant]:
    """The lesson solved, and the lesson blank."""
    stubs = {cells.grade_id(c): c.source for c in lesson.released.cells if cells.is_answer(c)}
    return _variant(lesson, {}, mistake=PLAIN[0], traced=True), _variant(lesson, stubs, mistake=PLAIN[1])


def mistaken(lesson: Lesson, solved: Run, findings: list[str]) -> Iterator[Variant]:
    """The lesson with each known mistake; one that cannot be written down is a finding."""
    sources = {cells.grade_id(c): c.source for c in lesson.source.cells}
    parts = cells.parts(lesson.source)
    for exercise in known(lesson):
        partners = partners_of(exercise.name)  # may fail or not: nothing is learned from them
        skipped = untouched(solved, exercise.name) | {name for name, part in parts.items() if part.exercise in partners}
        for mistake in exercise.mistakes:
            try:
                wrong = answers.mistaken(sources[exercise.name], exercise, mistake)
            except (CourseError, OSError, SyntaxError) as error:
                findings.append(f"{exercise.name}: {mistake.name}: it cannot be written into a notebook: {error}")
                continue
            yield _variant(lesson, {exercise.name: wrong}, exercise.name, mistake.name, skipped=skipped)


def untouched(solved: Run, exercise: str) -> frozenset[str]:
    """The graded cells that a change of an exercise's answer cannot reach (by grade id)."""
    tests = {label: grade_id for label, grade_id, _ in solved.variant.code if grade_id}
    users = {label for label, used in solved.calls.items() if f"cell {exercise}" in used}
    if not users <= tests.keys():  # a cell that is no test called the answer: it may have kept what came back
        return frozenset()
    own = {f"{exercise}_check", f"{exercise}_hidden"}
    return frozenset(grade_id for label, grade_id in tests.items() if label not in users) - own


def partners_of(exercise: str) -> frozenset[str]:
    """The exercises that a mistake in this one may spoil: those that belong to it, or build on it."""
    found = (each for each in map(exercises.find, exercises.names()) if exercise in (*each.companions, *each.builds_on))
    return frozenset(each.name for each in found) - {exercise}


def known(lesson: Lesson) -> list[Exercise]:
    """The exercises that a lesson's answer cells are named after."""
    names = [cells.grade_id(c) for c in lesson.source.cells if cells.is_answer(c) and not cells.is_graded(c)]
    return [exercises.find(name) for name in names if name in exercises.names()]


def _variant(
    lesson: Lesson,
    texts: Mapping[str, str],
    exercise: str = "",
    mistake: str = "",
    *,
    traced: bool = False,
    skipped: frozenset[str] = frozenset(),
) -> Variant:
    """A lesson with other texts in some answer cells, and without some tests."""
    code = []
    for cell in lesson.source.cells:
        name = cells.grade_id(cell)
        if cell.cell_type == "code" and not cells.is_show(cell) and not (name and name in skipped):
            source = texts.get(name, answers.solved(cell.source)) if name else cell.source
            code.append((cells.label(cell), name if cells.is_graded(cell) else "", source))
    folder = str(lesson.course.source(lesson.name).parent)
    return Variant(lesson.name, tuple(code), folder, exercise, mistake, traced)


def perform(variant: Variant) -> Run:
    """Run a variant's cells one after the other, as a notebook would that goes on after errors."""
    os.environ["MPLBACKEND"] = "Agg"
    namespace: dict[str, Any] = {"__name__": "__main__", "display": lambda *_, **__: None}
    graded: dict[str, Failure] = {}
    others: dict[str, Failure] = {}
    calls: dict[str, frozenset[str]] = {}
    started = time.process_time()
    with _limited(SECONDS), contextlib.chdir(variant.folder), contextlib.redirect_stdout(io.StringIO()):
        for label, grade_id, source in variant.code:
            with _traced(label, variant) as used:
                failure = _execute(label, source, namespace)
            calls[label] = frozenset(used)
            if failure is not None:
                (graded if grade_id else others)[grade_id or label] = failure
    return Run(variant, graded, others, time.process_time() - started, calls)


@contextlib.contextmanager
def _traced(label: str, variant: Variant) -> Iterator[set[str]]:
    """The labels of the other cells whose code runs meanwhile; the code of a cell has its label for a file's name."""
    used: set[str] = set()
    names = {f"<{other}>": other for other, _, _ in variant.code if other != label}

    def watch(frame: FrameType, event: str, argument: object) -> None:
        if frame.f_code.co_filename in names:
            used.add(names[frame.f_code.co_filename])

    sys.setprofile(watch if variant.traced else None)
    try:
        yield used
    finally:
        sys.setprofile(None)


def _execute(label: str, source: str, namespace: dict[str, Any]) -> Failure | None:
    """Execute a cell; like nbgrader, take a word on the error stream for a failure."""
    python = "\n".join("" if line.startswith("%") else line for line in source.splitlines())
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            exec(compile(python, f"<{label}>", "exec"), namespace)
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
    others = [name for name in run.graded if parts[name].exercise != exercise]
    findings = [f"{run.variant.name}: goes unnoticed in {name}." for name in unnoticed]
    findings += [f"{run.variant.name}: {name} says {_said(run.graded[name])}." for name in misnamed]
    findings += [f"{run.variant.name}: {name} fails too: {run.graded[name].error}" for name in others]
    return Judged(not unnoticed, not unnoticed and not misnamed, tuple(findings))


def _said(failure: Failure) -> str:
    return " and ".join(map(repr, failure.named)) if failure.named else f"no known mistake ({failure.error})"


def table(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as text, and below it every finding."""
    rows: list[tuple[str, ...]] = [COLUMNS]
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
    lines = layout.lines(rows, right=1)
    lines.append("Run without the cells tagged show. By hand: a model answer counts in full, an unchanged cell as 0.")
    findings = [f"  {v.lesson}: {finding}" for v in verdicts for finding in v.findings]
    return "\n".join([*lines, *([f"Not sound ({len(findings)}):", *findings] if findings else ["Sound."])])
