"""Submissions before they are run: which there are, and whether one is a notebook of its lesson."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from autograde import cells, judged
from autograde.course import Course
from autograde.errors import AutogradeError, NotebookError, UsageError
from autograde.judged import Judged
from autograde.lesson import Lesson
from autograde.outcomes import Ending
from course_utils import exercises

LARGEST = 20_000_000  # bytes of a file beside a notebook
MARKUP = re.compile(r'[<>"\x00-\x1f\x7f]')  # in a student's id, which other programs put into pages as it is


class SubmissionError(AutogradeError):
    """A submission that cannot be run: its ending, a sentence for the student, one for the instructor."""

    exit_code = 1

    def __init__(self, ending: Ending, for_student: str, for_instructor: str):
        super().__init__(for_instructor)
        self.ending, self.for_student, self.for_instructor = ending, for_student, for_instructor


@dataclass(frozen=True)
class Submission:
    """A folder that a student handed in for a lesson."""

    student: str
    lesson: str
    folder: Path

    @property
    def notebook(self) -> Path | None:
        """The lesson's notebook, or the only one there is (a browser may have renamed a download)."""
        exact = self.folder / f"{self.lesson}.ipynb"
        if exact.exists() or exact.is_symlink():
            return exact
        found = [p for p in self.folder.glob("*.ipynb") if not p.name.startswith(".")]
        return found[0] if len(found) == 1 else None

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """The other files: regular ones, not too large, none through a link."""
        found = sorted(p for p in self.folder.iterdir() if p.is_file() and not p.is_symlink())
        return tuple((p.name, str(p)) for p in found if p.suffix != ".ipynb" and p.stat().st_size <= LARGEST)

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for path in [p for p in (self.notebook,) if p] + [Path(path) for _, path in self.files]:
            digest.update(path.name.encode() + b"\0")
            digest.update(_content(path))
        return digest.hexdigest()


def _content(path: Path) -> bytes:
    """What a regular file holds; nothing for anything else, or where it may not be read."""
    try:
        return path.read_bytes() if path.is_file() and not path.is_symlink() else b""
    except OSError:
        return b""


def contents(files: Iterable[tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
    """What files hold, up to a total; those that may not be read are left out."""
    left = LARGEST
    for name, path in files:
        content = _content(Path(path))
        if content and len(content) <= left:
            left -= len(content)
            yield name, content


def find(course: Course, lessons: Sequence[str], student: str | None = None) -> tuple[Submission, ...]:
    """The submissions to lessons, by lesson and student."""
    if not course.submitted.is_dir():
        raise UsageError(
            f"There is no folder {course.submitted}: submissions belong there, as STUDENT/LESSON/LESSON.ipynb."
        )
    students = sorted(p.name for p in course.submitted.iterdir() if p.is_dir() and not p.name.startswith("."))
    if student is not None and student not in students:
        near = difflib.get_close_matches(student, students, 1)
        hint = f": did you mean {near[0]}?" if near else "."
        raise UsageError(f"There is no student {student!r} in {course.submitted}{hint}")
    chosen = [student] if student is not None else students
    folders = [(lesson, name, course.submitted / name / lesson) for lesson in lessons for name in chosen]
    found = tuple(Submission(name, lesson, folder) for lesson, name, folder in folders if folder.is_dir())
    if not found:
        whose = f"{student} has" if student is not None else "There is"
        raise UsageError(f"Nothing to grade: {whose} no submission to {', '.join(lessons)} in {course.submitted}.")
    return found


def strays(course: Course) -> tuple[str, ...]:
    """Folders where a submission would be, were it not for their names: STUDENT/NAME, where NAME is no lesson."""
    folders = sorted(course.submitted.glob("*/*/")) if course.submitted.is_dir() else []
    found = [p.relative_to(course.submitted) for p in folders if p.is_dir() and p.name not in course.lessons]
    return tuple(str(path) for path in found if not any(part.startswith(".") for part in path.parts))


def prepare(submission: Submission, lesson: Lesson, *, all_cells: bool = False) -> Judged:
    """Read a submission into its lesson's notebook; :class:`SubmissionError` when that makes no sense."""
    if MARKUP.search(submission.student):
        raise SubmissionError(
            Ending.UNREADABLE,
            "Your submission lies in a folder whose name cannot be yours. Tell your instructor.",
            f"{submission.student!r} cannot be a student's id: Formgrader would take it for a part of its page. "
            "Rename the folder.",
        )
    notebook = _read(submission)
    found = judged.build(notebook, lesson, all_cells=all_cells)
    if not found.found:
        raise _wrong_lesson(submission, notebook)
    return found


def _read(submission: Submission) -> NotebookNode:
    expected = f"{submission.lesson}.ipynb"
    if submission.notebook is None:
        raise SubmissionError(
            Ending.MISSING,
            f"No notebook was found in your submission. Submit {expected}.",
            f"There is no {expected} in {submission.folder}, and no other single notebook.",
        )
    try:
        return cells.read(submission.notebook)
    except NotebookError as error:
        raise SubmissionError(
            Ending.UNREADABLE,
            f"Your file could not be read as a notebook. Open {expected} in Jupyter, save it, and submit that file.",
            f"The notebook cannot be read: {error}.",
        ) from error


def _wrong_lesson(submission: Submission, notebook: NotebookNode) -> SubmissionError:
    """Whose cells are these? A known exercise's name tells."""
    named = {cells.grade_id(cell) for cell in notebook.cells}
    named |= {name for cell in notebook.cells for name in re.findall(r"^def (\w+)", cell.source, re.MULTILINE)}
    others = Counter(exercises.find(name).lesson for name in named if name in exercises.names())
    looks = f" It looks like {others.most_common(1)[0][0]}." if others else ""
    return SubmissionError(
        Ending.WRONG_LESSON,
        f"This is not the notebook of {submission.lesson}.{looks} Submit {submission.lesson}.ipynb.",
        f"The notebook has none of the answers of {submission.lesson}.{looks}",
    )
