"""nbgrader's database, and nbgrader's steps that read or write it. Only one process may use this module at a time."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import (
    Assignment,
    Grade,
    Gradebook,
    InvalidEntry,
    MissingEntry,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades, SaveCells
from nbgrader.utils import is_grade, is_solution, is_task, parse_utc
from sqlalchemy.exc import SAWarning, SQLAlchemyError
from sqlalchemy.orm import joinedload, selectinload

from autograde import cells
from autograde.course import Course
from autograde.errors import CourseError

logging.getLogger("tornado.application").disabled = True  # there nbgrader logs errors that it raises as well
_PREPARED = GenerateAssignment.preprocessors.default()
REGISTER = tuple(_PREPARED[: _PREPARED.index(SaveCells) + 1])


@dataclass(frozen=True)
class Score:
    """A submission's points: those given, those possible, and those that a person has yet to give."""

    points: float
    max_points: float
    by_hand: float
    cells: dict[str, float | None]


_entered: dict[tuple[str, str], NotebookNode] = {}  # gradebook and lesson → what this process entered last


class Book:
    """A class's gradebook."""

    def __init__(self, course: Course):
        self.course = course
        self._kept: Any = None
        if course.database.startswith("sqlite:///"):
            Path(course.database.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)

    def register(self, lesson: str, source: NotebookNode) -> None:
        """Enter a lesson's cells; refused by nbgrader when cells come or go after submissions were graded."""
        place = self.course.database, lesson
        with self._open() as book:
            assignment = book.update_or_create_assignment(lesson)
            if assignment.notebooks and _entered.get(place) is source:
                return
        try:
            with explained(self.course):
                self._convert(source, REGISTER, lesson, ".")
        except RuntimeError as error:
            hint = "Undo the change of its graded cells, or grade into a new class (--class DIR)."
            raise CourseError(f"{lesson} does not fit the gradebook: {error}. {hint}") from error
        _entered[place] = source

    def record(self, lesson: str, student: str, notebook: NotebookNode, folder: Path, *, same: bool = False) -> Score:
        """Enter a judged notebook, in one transaction; manual grades and comments stay.

        ``same``: the answers are those of the last time, so what a person graded need not be looked at again.
        """
        with self._open() as book, _at_once(book):
            book.update_or_create_student(student)
            settled = _settled(book, lesson, student) if same else {}
            book.update_or_create_submission(lesson, student, **_timestamp(folder))
            saver = SaveAutoGrades(parent=None, config=self.course.config)
            saver.gradebook, saver.notebook_id, saver.assignment_id, saver.student_id = book, lesson, lesson, student
            for number, cell in enumerate(notebook.cells):
                if is_grade(cell) or is_solution(cell) or is_task(cell):
                    saver.preprocess_cell(cell, {}, number)
            self._penalize(book, lesson, student)
            entry = book.find_submission_notebook(lesson, lesson, student)
            for grade in entry.grades:
                if grade.name in settled and settled[grade.name] == grade.auto_score:
                    grade.needs_manual_grade = False
            return _score(entry)

    def _penalize(self, book: Any, lesson: str, student: str) -> None:
        """What nbgrader's late penalty plugin takes off."""
        late = book.find_submission(lesson, student).total_seconds_late
        entry = book.find_submission_notebook(lesson, lesson, student)
        entry.late_submission_penalty = None
        if late > 0:
            step = AssignLatePenalties(config=self.course.config)
            step.init_plugin()
            penalty = step.plugin_inst.late_submission_penalty(student, entry.score, late)
            entry.late_submission_penalty = None if penalty is None else min(max(0.0, penalty), entry.score)

    def scores(self, lesson: str, students: Sequence[str]) -> dict[str, Score]:
        """The scores of those students who have one."""
        wanted = frozenset(students)
        whole = (
            joinedload(SubmittedNotebook.assignment).joinedload(SubmittedAssignment.student),
            selectinload(SubmittedNotebook.grades).joinedload(Grade.cell),
        )
        with self._open() as book:
            of_lesson = book.db.query(SubmittedNotebook).join(SubmittedNotebook.assignment).join(Assignment)
            found = of_lesson.filter(Assignment.name == lesson, SubmittedNotebook.name == lesson).options(*whole)
            return {n.student.id: _score(n) for n in found if n.student.id in wanted}

    def due(self, lesson: str) -> datetime | None:
        """When a lesson was due, if that is known."""
        with self._open() as book:
            try:
                found = book.find_assignment(lesson).duedate
            except MissingEntry:
                return None
        return None if found is None else found.replace(tzinfo=UTC)

    def schedule(self, lesson: str, due: datetime) -> None:
        """Enter when a lesson is due, and what that makes of the penalties of those who were graded."""
        with self._open() as book, _at_once(book):
            book.update_or_create_assignment(lesson, duedate=due.astimezone(UTC).replace(tzinfo=None))
            for submitted in book.assignment_submissions(lesson):
                if submitted.notebooks:
                    self._penalize(book, lesson, submitted.student.id)

    def enrol(self, students: Mapping[str, tuple[str, str, str]]) -> None:
        """Enter a class: id → first name, last name, address."""
        with self._open() as book, _at_once(book):
            for student, (first, last, email) in students.items():
                said = {"first_name": first, "last_name": last, "email": email}
                book.update_or_create_student(student, **{kind: text for kind, text in said.items() if text})

    def students(self) -> tuple[str, ...]:
        with self._open() as book:
            return tuple(student.id for student in book.students)

    def remove(self, students: Sequence[str]) -> None:
        """Forget students with all that they submitted."""
        with self._open() as book:
            for student in {s.id for s in book.students} & set(students):
                book.remove_student(student)

    def _convert(self, notebook: NotebookNode, steps: Sequence[type], lesson: str, student: str) -> NotebookNode:
        names = {"student": student, "assignment": lesson, "notebook": lesson, "db_url": self.course.database}
        return cells.convert(notebook, steps, self.course.config, {"unique_key": lesson, "nbgrader": names})

    def __enter__(self) -> Book:
        """Keep it open: opening costs more than most of what is done with it."""
        with explained(self.course):
            self._kept = Gradebook(self.course.database, self.course.name)
        return self

    def __exit__(self, *_: object) -> None:
        kept, self._kept = self._kept, None
        kept.close()

    @contextmanager
    def _open(self) -> Iterator[Any]:
        with explained(self.course):
            if self._kept is not None:
                yield self._kept
                self._kept.db.rollback()  # what others write meanwhile (Formgrader, say) is seen the next time
            else:
                with Gradebook(self.course.database, self.course.name) as book:
                    yield book


@contextmanager
def _at_once(book: Any) -> Iterator[None]:
    """One transaction for all that nbgrader does meanwhile: everything of it is written, or nothing."""
    session = book.db()
    commit = session.commit
    session.commit = session.flush
    try:
        yield
        commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        del session.commit


@contextmanager
def explained(course: Course) -> Iterator[None]:
    """A database that cannot be used, in a sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # about nbgrader's own queries
            yield
    except (SQLAlchemyError, InvalidEntry) as error:  # nbgrader says some of them in its own words
        reason = str(error).splitlines()[0]
        raise CourseError(f"The gradebook {course.database} cannot be used: {reason}") from error


def _settled(book: Any, lesson: str, student: str) -> dict[str, float | None]:
    """What a person has graded, by grade id: the points that the tests gave there."""
    try:
        grades = book.find_submission_notebook(lesson, lesson, student).grades
    except MissingEntry:
        return {}
    return {g.name: g.auto_score for g in grades if g.manual_score is not None and not g.needs_manual_grade}


def _timestamp(folder: Path) -> dict[str, Any]:
    """When a submission was handed in, where nbgrader's ``timestamp.txt`` says so."""
    path = folder / "timestamp.txt"
    try:
        text = path.read_text().strip() if path.is_file() and not path.is_symlink() else ""
        return {"timestamp": parse_utc(text)} if text else {}
    except (OSError, ValueError, OverflowError):
        return {}


def _score(submitted: Any) -> Score:
    waits = {grade.name for grade in submitted.grades if grade.needs_manual_grade}
    given = {grade.name: None if grade.name in waits else float(grade.score) for grade in submitted.grades}
    by_hand = sum(float(grade.max_score) for grade in submitted.grades if grade.name in waits)
    total = max(0.0, float(submitted.score) - float(submitted.late_submission_penalty or 0))
    return Score(total, float(submitted.max_score), by_hand, given)


def exists(course: Course) -> bool:
    """Whether there is a gradebook yet; asking does not make one."""
    path = course.database.removeprefix("sqlite:///")
    return path == course.database or Path(path).exists()
