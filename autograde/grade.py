"""``autograde grade``: submissions to outcomes. Workers run notebooks; this process alone writes the gradebook."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nbformat import NotebookNode

from autograde import cells, execute, export, outcomes, schedule, submission
from autograde.course import Course
from autograde.errors import CourseError
from autograde.execute import End, Execution, Job
from autograde.gradebook import Book
from autograde.lesson import Lesson
from autograde.outcomes import Diagnosis, Ending, Outcome
from autograde.submission import Prepared, Submission, SubmissionError
from course_utils.check import MIME

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


@dataclass
class Run:
    """One run over a class: its lessons loaded, the gradebook at hand."""

    course: Course
    lessons: Mapping[str, Lesson]
    book: Book
    all_cells: bool = False
    prepared: dict[tuple[str, str], tuple[Submission, Prepared]] = field(default_factory=dict)

    def fingerprint(self, found: Submission) -> str:
        """Of everything that the outcome of a submission depends on."""
        of = (found.fingerprint, self.lessons[found.lesson].fingerprint, str(self.course.limits), str(self.all_cells))
        return hashlib.sha256("\0".join(of).encode()).hexdigest()[:16]

    def job(self, found: Submission) -> Job:
        """Sanitize a submission; :class:`SubmissionError` when it cannot be run."""
        lesson = self.lessons[found.lesson]
        ready = submission.prepare(found, lesson)
        try:
            notebook = self.book.sanitize(found.lesson, found.student, ready.notebook)
        except CourseError:
            raise
        except Exception as error:  # nbgrader stumbles over damaged metadata in many ways
            raise SubmissionError(
                Ending.UNREADABLE,
                "Your notebook's cells are damaged. Copy your answers into a fresh copy, and submit that.",
                f"nbgrader cannot make sense of the notebook's cells: {type(error).__name__}: {error}",
            ) from error
        self.prepared[found.lesson, found.student] = found, ready
        text = cells.text(_untagged(notebook) if self.all_cells else notebook)
        return Job(found.student, found.lesson, text, self.course.limits, (*found.files, *lesson.files))

    def outcome(self, job: Job, execution: Execution | None) -> Outcome:
        """How the submission of a job ended."""
        found, ready = self.prepared.pop((job.lesson, job.student))
        if execution is None:
            return self.refused(found, _lost("the worker that ran this notebook died, twice"))
        try:
            return self._graded(found, ready, job, execution)
        except CourseError:
            raise
        except Exception as error:  # outputs that no library makes sense of must not end the run
            return self.refused(found, _lost(f"the outputs make no sense: {type(error).__name__}: {error}"))

    def _graded(self, found: Submission, ready: Prepared, job: Job, execution: Execution) -> Outcome:
        """Enter an execution into the gradebook, and say how it ended."""
        executed = cells.parse(execution.notebook)
        recorded = self.book.record(job.lesson, job.student, executed, found.folder)
        outcomes.write(self.course.graded(job.student, job.lesson), cells.text(recorded), mode=0o444)
        score = self.book.scores(job.lesson, [job.student])[job.student]
        ending, for_student, for_instructor = _messages(execution, self.course)
        return Outcome(
            job.student,
            job.lesson,
            ending,
            score.points,
            score.max_points,
            execution.seconds,
            for_student,
            " ".join([for_instructor, *_told(ready.changes)]),
            score.cells,
            tuple(_diagnoses(executed)),
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
    progress: Progress = lambda outcome, done, total: None,
    make_executor: schedule.MakeExecutor | None = None,
) -> Graded:
    """Grade the submissions to lessons that are new, changed, or did not end as graded the last time."""
    found = submission.find(course, lessons, student)
    wanted = dict.fromkeys(s.lesson for s in found)
    run = Run(course, {name: Lesson.gradable(course, name) for name in wanted}, Book(course), all_cells)
    before = outcomes.load(course.folder)
    planned = plan(run, found, {} if force else before)
    if planned.todo:
        for name, lesson in run.lessons.items():
            run.book.register(name, lesson.source)
    new: list[Outcome] = []
    for outcome in _outcomes(run, planned.todo, workers or schedule.cores(), make_executor):
        outcomes.append(course.folder, outcome)
        new.append(outcome)
        progress(outcome, len(new), len(planned.todo))
    outcomes.save(course.folder, {**before, **{o.key: o for o in new}}.values())
    export.write(course)
    return Graded(tuple(new), planned.kept)


def plan(run: Run, found: Sequence[Submission], before: outcomes.Outcomes) -> Plan:
    """Leave out what was graded before and has not changed since."""
    kept = {}
    for each in found:
        last = before.get((each.lesson, each.student))
        if last and last.is_graded and last.fingerprint == run.fingerprint(each):
            kept[last.key] = last
    return Plan(tuple(s for s in found if (s.lesson, s.student) not in kept), tuple(kept.values()))


def _outcomes(
    run: Run, todo: Sequence[Submission], workers: int, make_executor: schedule.MakeExecutor | None
) -> Iterator[Outcome]:
    """The outcome of every submission, as they are known."""
    refused: list[Outcome] = []

    def jobs() -> Iterator[Job]:
        for found in todo:
            try:
                yield run.job(found)
            except SubmissionError as refusal:
                refused.append(run.refused(found, refusal))

    make = make_executor or schedule.processes("autograde.execute")
    for job, execution in schedule.run(execute.run, jobs(), make, min(workers, len(todo)) or 1):
        yield run.outcome(job, execution)
        while refused:
            yield refused.pop(0)
    yield from refused


def _untagged(notebook: NotebookNode) -> NotebookNode:
    for cell in notebook.cells:
        cell.metadata.pop("tags", None)
    return notebook


def _lost(reason: str) -> SubmissionError:
    return SubmissionError(
        Ending.PROCESS_DIED,
        "Python ended while it ran your notebook. Restart the kernel, run all cells, and see where it stops.",
        f"Nothing could be graded: {reason}.",
    )


def _messages(execution: Execution, course: Course) -> tuple[Ending, str, str]:
    """The ending of an execution, with a sentence for the student and one for the instructor."""
    cell, limits = execution.cell or "a cell", course.limits
    if execution.end is End.FINISHED:
        return Ending.GRADED, "Your submission was graded.", outcomes.PLAINLY_GRADED
    if execution.end is End.TIME:
        seconds = f"{limits.cell_seconds} s a cell, {limits.submission_seconds} s in all"
        return (
            Ending.TIME_LIMIT,
            f"Your notebook ran too long ({seconds}) and was stopped in {cell}. What was not reached has no points: "
            "look for a loop that does not end.",
            f"Stopped after {execution.seconds:.0f} s in {cell} (limits: {seconds}); graded as far as it came.",
        )
    return (
        Ending.PROCESS_DIED,
        f"Python ended in the middle of {cell}. What came after it has no points. Restart the kernel, run all cells, "
        "and see what happens there.",
        f"The kernel died in {cell} ({execution.detail}); graded as far as it came.",
    )


def _told(changes: Sequence[str]) -> Iterator[str]:
    if changes:
        yield f"Cells put back as they were: {', '.join(changes)}."


def _diagnoses(executed: NotebookNode) -> Iterator[Diagnosis]:
    """What the checks displayed as data for whoever grades the notebook."""
    for cell in executed.cells:
        for output in cell.get("outputs", ()) if cells.is_graded(cell) else ():
            found = Diagnosis.from_record(output.get("data", {}).get(MIME))
            if found is not None:
                yield found
