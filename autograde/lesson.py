"""A lesson: the instructor's notebook, the students' version of it, and the files beside."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import SaveCells
from nbgrader.utils import find_all_files

from autograde import cells
from autograde.course import Course
from autograde.errors import CourseError, NotebookError

# nbgrader's own steps, but for the one that writes to the gradebook.
STEPS = tuple(step for step in GenerateAssignment.preprocessors.default() if step is not SaveCells)
IGNORED = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*.ipynb"]


@dataclass(frozen=True)
class Lesson:
    """A lesson of a course."""

    course: Course
    name: str
    source: NotebookNode

    @classmethod
    def load(cls, course: Course, name: str) -> Lesson:
        """A lesson as it is on disk; the very one that was loaded before, where nothing of it has changed."""
        path = course.source(name)
        try:
            lesson = cls(course, name, cells.read_source(path))
        except NotebookError as error:
            raise CourseError(f"{path}: {error}") from error
        before = _loaded.get(path)
        if before is None or not before._is(lesson):
            before = _loaded[path] = lesson
        return before

    def _is(self, other: Lesson) -> bool:
        return (self.course, self.source, self.beside) == (other.course, other.source, other.beside)

    @classmethod
    def gradable(cls, course: Course, name: str) -> Lesson:
        """A lesson that nbgrader makes sense of; :class:`CourseError` where it does not."""
        lesson = cls.load(course, name)
        try:
            lesson.released  # noqa: B018 (kept once it is made)
        except Exception as error:  # nbgrader's own refusals are RuntimeErrors, ValidationErrors and others
            raise CourseError(f"nbgrader refuses {name}: {error} (autograde release says more).") from error
        return lesson

    @cached_property
    def released(self) -> NotebookNode:
        """What ``nbgrader generate_assignment`` makes of the source."""
        names = {"student": ".", "assignment": self.name, "notebook": self.name, "db_url": self.course.database}
        return cells.convert(self.source, STEPS, self.course.config, {"unique_key": self.name, "nbgrader": names})

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """The files that go with the notebook (pictures, data): name beside it → path."""
        folder = self.course.source(self.name).parent
        found = sorted(find_all_files(str(folder), IGNORED))
        return tuple((str(Path(path).relative_to(folder)), path) for path in found)

    @property
    def points(self) -> float:
        return sum(part.points for part in cells.parts(self.source).values())

    @cached_property
    def beside(self) -> bytes:
        """A digest of the files that go with the notebook, as they were when it was first asked for."""
        digest = hashlib.sha256()
        for name, path in self.files:
            try:
                digest.update(name.encode() + b"\0" + Path(path).read_bytes())
            except OSError as error:
                raise CourseError(f"{path}, which goes with the lesson, cannot be read: {error.strerror}.") from error
        return digest.digest()

    @cached_property
    def fingerprint(self) -> str:
        """Of everything that the instructor wrote."""
        return hashlib.sha256(cells.text(self.source).encode() + self.beside).hexdigest()


_loaded: dict[Path, Lesson] = {}  # what nbgrader makes of a lesson takes half a second, and is kept with it
