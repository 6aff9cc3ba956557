"""``autograde grade``: submissions to outcomes. Workers run notebooks; this process alone writes the gradebook."""

from __future__ import annotations

import copy
import hashlib
import statistics
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from autograde import cells, cleaning, execute, export, outcomes, schedule, secret, submission
from autograde import table as layout
from autograde.course import Course
from autograde.errors import NotebookError
from autograde.execute import End, Execution, Job
from autograde.gradebook import Book
from autograde.judged import ADDED, Judged
from autograde.lesson import Lesson
from autograde.outcomes import Diagnosis, Ending, Outcome
from autograde.submission import Submission, SubmissionError
from course_utils import exercises

Progress = Callable[[Outcome, int, int], None]  # an outcome, how many are done, how many there are to do


@dataclass(frozen=True)
class Plan:
    """What a run will do: submissions to grade, and the outcomes of those that need no grading again."""

    todo: tuple[Submission, ...]
    kept: tuple[Outcome, ...]


@dataclass(frozen=True)
class Graded:
    """What a run did: the outcomes that are new, and those that were kept."""

    new: tuple[Outcome, ...]
    kept: tuple[Outcome, ...]

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        return tuple(sorted(self.new + self.kept, key=lambda o: o.key))


@dataclass(frozen=True)
class Ended:
    """A submission that was run, or that cannot be: all that it takes to enter it into a gradebook."""

    found: Submission
    ready: Judged | None = None
    execution: Execution | None = None
    refusal: SubmissionError | None = None


@dataclass
class Run:
    """One run over a class: its lessons loaded, the gradebook at hand."""

    course: Course
    lessons: Mapping[str, Lesson]
    book: Book
    secret: str
    isolated: bool = True
    all_cells: bool = False
    prepared: dict[tuple[str, str], tuple[Submission, Judged]] = field(default_factory=dict)

    def register(self) -> None:
        """Enter the lessons as they are now."""
        for name, lesson in self.lessons.items():
            self.book.register(name, lesson.source)

    def fingerprint(self, found: Submission) -> str:
        """Of everything that the outcome of a submission depends on."""
        settings = (str(self.course.limits), str(self.all_cells), self.secret)
        of = (found.fingerprint, self.lessons[found.lesson].fingerprint, *settings)
        return hashlib.sha256("\0".join(of).encode()).hexdigest()[:16]

    def job(self, found: Submission) -> Job:
        """Read a submission; :class:`SubmissionError` when it cannot be run."""
        lesson = self.lessons[found.lesson]
        ready = submission.prepare(found, lesson, all_cells=self.all_cells)
        self.prepared[found.lesson, found.student] = found, ready
        return Job(
            found.student,
            found.lesson,
            ready.steps,
            self.course.limits,
            self.secret,
            self.isolated,
            tuple(submission.contents((*found.files, *lesson.files))),
        )

    def ended(self, job: Job, execution: Execution | None) -> Ended:
        """A job that was done; or lost, where there is no execution."""
        found, ready = self.prepared.pop((job.lesson, job.student))
        lost = _lost("the worker that ran this notebook died, twice") if execution is None else None
        return Ended(found, ready, execution, lost)

    def enter(self, ended: Ended) -> Outcome:
        """Write a submission into the gradebook; how it ended."""
        found, ready, execution = ended.found, ended.ready, ended.execution
        if ready is None or execution is None:
            assert ended.refusal is not None
            return self.refused(found, ended.refusal)
        recorded = executed(ready, execution)
        path = self.course.graded(found.student, found.lesson)
        score = self.book.record(found.lesson, found.student, recorded, found.folder, same=_same(path, recorded))
        outcomes.write(path, cells.text(recorded), mode=0o444)
        ending, for_student, for_instructor = _messages(execution, self.course)
        return Outcome(
            found.student,
            found.lesson,
            ending,
            score.points,
            score.max_points,
            execution.seconds,
            for_student,
            " ".join([for_instructor, *_told(ready.changes, execution, isolated=self.isolated)]),
            score.cells,
            tuple(d for d in map(Diagnosis.from_record, execution.records) if d is not None),
            execution.seeds,
            self.fingerprint(found),
        )

    def refused(self, found: Submission, refusal: SubmissionError) -> Outcome:
        """The outcome of a submission that was not run."""
        return Outcome(
            found.student,
            found.lesson,
            refusal.ending,
            None,
            self.lessons[found.lesson].points,
            0.0,
            refusal.for_student,
            refusal.for_instructor,
            fingerprint=self.fingerprint(found),
        )


def grade(
    course: Course,
    lessons: Sequence[str],
    student: str | None = None,
    *,
    workers: int | None = None,
    force: bool = False,
    all_cells: bool = False,
    isolated: bool = True,
    progress: Progress = lambda outcome, done, total: None,
    make_executor: schedule.MakeExecutor | None = None,
    only: Collection[tuple[str, str]] | None = None,
) -> Graded:
    """Grade the submissions to lessons that are new, changed, or did not end as graded the last time.

    ``only``: of all these, those of some (lesson, student).
    """
    found = [s for s in submission.find(course, lessons, student) if only is None or (s.lesson, s.student) in only]
    loaded = load(course, found)
    with Book(course) as book:
        run = Run(course, loaded, book, secret.of(course.folder), isolated, all_cells)
        planned = plan(run, found, {} if force else outcomes.load(course.folder))
        if planned.todo:
            run.register()
        new = write(run, finished(run, planned.todo, workers, make_executor), len(planned.todo), progress)
    return Graded(new, planned.kept)


def load(course: Course, found: Sequence[Submission]) -> dict[str, Lesson]:
    """The lessons that submissions are to."""
    return {name: Lesson.gradable(course, name) for name in dict.fromkeys(s.lesson for s in found)}


def write(run: Run, ended: Iterable[Ended], total: int, progress: Progress) -> tuple[Outcome, ...]:
    """Enter submissions one by one as they come; what is written stays written when a run is stopped."""
    folder = run.course.folder
    before = outcomes.load(folder)
    new: list[Outcome] = []
    for each in ended:
        outcome = run.enter(each)
        outcomes.append(folder, outcome)
        new.append(outcome)
        progress(outcome, len(new), total)
    outcomes.save(folder, {**before, **{o.key: o for o in new}}.values())
    export.write(run.course)
    return tuple(new)


def table(result: Graded) -> str:
    """A run as text: a row a lesson, and below it each submission that needs attention, with its sentence."""
    rows: list[tuple[str, ...]] = [("lesson", "submissions", "graded", "attention", "median score", "seconds")]
    for lesson in dict.fromkeys(outcome.lesson for outcome in result.outcomes):
        own = [outcome for outcome in result.outcomes if outcome.lesson == lesson]
        scores = [outcome.score for outcome in own if outcome.score is not None]
        score = f"{statistics.median(scores):g}/{own[0].max_score:g}" if scores else ""
        graded, attention = (sum(getattr(o, name) for o in own) for name in ("is_graded", "needs_a_look"))
        rows.append((lesson, *map(str, (len(own), graded, attention)), score, f"{sum(o.seconds for o in own):.1f}"))
    looks = [o for o in result.outcomes if o.needs_a_look]
    told = [f"  {o.lesson} {o.student}: {o.ending}. {o.for_instructor}" for o in looks]
    return "\n".join([*layout.lines(rows, right=1), *told])


def plan(run: Run, found: Sequence[Submission], before: outcomes.Outcomes) -> Plan:
    """Leave out what was graded before and has not changed since."""
    kept = {}
    for each in found:
        last = before.get((each.lesson, each.student))
        if last and last.is_graded and last.fingerprint == run.fingerprint(each):
            kept[last.key] = last
    return Plan(tuple(s for s in found if (s.lesson, s.student) not in kept), tuple(kept.values()))


def finished(
    run: Run, todo: Sequence[Submission], workers: int | None, make_executor: schedule.MakeExecutor | None
) -> Iterator[Ended]:
    """Run submissions; each as soon as it has ended."""
    refused: list[Ended] = []

    def jobs() -> Iterator[Job]:
        for found in todo:
            try:
                yield run.job(found)
            except SubmissionError as refusal:
                refused.append(Ended(found, refusal=refusal))
            except Exception as error:  # a fault of the grader's costs one submission, not the class
                refused.append(Ended(found, refusal=_not_understood(error)))

    make = make_executor or schedule.processes("autograde.execute", *exercises.modules(run.lessons))
    for job, execution in schedule.run(execute.run, jobs(), make, min(workers or schedule.cores(), len(todo)) or 1):
        yield run.ended(job, execution)
        while refused:
            yield refused.pop(0)
    yield from refused


def executed(ready: Judged, execution: Execution) -> NotebookNode:
    """The judged notebook with the outputs of its cells, and with nothing of the student's that a browser would run."""
    notebook = copy.deepcopy(ready.notebook)
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            cell.outputs = cleaning.outputs(execution.outputs.get(place, ()))
        elif cells.is_answer(cell) or (not cells.grade_id(cell) and cell.id.startswith(ADDED)):
            cleaning.written(cell)
    return notebook


def _same(path: Path, recorded: NotebookNode) -> bool:
    """Whether the answers are those that were graded the last time."""
    try:
        before = cells.read(path)
    except NotebookError:
        return False
    one, other = ({cells.grade_id(c): c.source for c in n.cells if cells.is_answer(c)} for n in (before, recorded))
    return one == other


def _not_understood(error: Exception) -> SubmissionError:
    return SubmissionError(
        Ending.UNREADABLE,
        "Your file could not be read as a notebook. Your instructor was told.",
        f"The grader itself failed ({type(error).__name__}: {str(error)[:200]}). Please report it with the file.",
    )


def _lost(reason: str) -> SubmissionError:
    return SubmissionError(
        Ending.PROCESS_DIED,
        "Python ended while it ran your notebook. Restart the kernel, run all cells, and see where it stops.",
        f"Nothing could be graded: {reason}.",
    )


def _messages(execution: Execution, course: Course) -> tuple[Ending, str, str]:
    """The ending of an execution, with a sentence for the student and one for the instructor."""
    if execution.end is End.FINISHED:
        return Ending.GRADED, "Your submission was graded.", outcomes.PLAINLY_GRADED
    limits = course.limits
    ending, what, advice = {
        End.TIME: (
            Ending.TIME_LIMIT,
            f"ran too long ({limits.cell_seconds} s a cell, {limits.submission_seconds} s in all)",
            "Look for a loop that does not end.",
        ),
        End.MEMORY: (
            Ending.MEMORY_LIMIT,
            f"took more memory than it may ({limits.memory_mb} MB)",
            "Look for an array that is larger than it need be.",
        ),
        End.OUTPUT: (Ending.OUTPUT_LIMIT, "returned or printed far too much", "Look for what grows without end."),
        End.DIED: (
            Ending.PROCESS_DIED,
            "ended Python itself",
            "Restart the kernel, run all cells, and see what happens there.",
        ),
    }[execution.end]
    where = f"in {execution.cell}"
    return (
        ending,
        f"Your code {what} and was stopped {where}. Everything else was graded. {advice}",
        f"It {what} {where}: {execution.detail}. Everything else was graded.",
    )


def _told(changes: Sequence[str], execution: Execution, *, isolated: bool) -> Iterator[str]:
    """What else an instructor should know."""
    if changes:
        yield f"In the submission, {', '.join(changes[:8])}{' and more' if len(changes) > 8 else ''}."
    if execution.suspicious:
        yield f"The code uses {', '.join(execution.suspicious)}: have a look."
    if not isolated:
        yield "Run without isolation."
