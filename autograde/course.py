"""The course on disk: where its lessons and its class lie, what a lesson is worth, how long a submission may run."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from traitlets.config import Config
from traitlets.config.loader import ConfigError, ConfigFileNotFound, PyFileConfigLoader

from autograde.errors import CourseError, UsageError

CONFIG_FILE = "nbgrader_config.py"


@dataclass(frozen=True)
class Limits:
    """How long one cell, and all cells of a submission, may take; and how much of the machine they may have."""

    cell_seconds: int = 60
    submission_seconds: int = 600
    memory_mb: int = 2048
    disk_mb: int = 128
    files: int = 10_000
    processes: int = 64
    output_characters: int = 500_000  # of one cell


@dataclass(frozen=True)
class Course:
    """A course and a class: ``root`` has the lessons, ``folder`` the submissions and all that is made of them."""

    root: Path
    folder: Path
    config: Config

    @classmethod
    def find(cls, start: Path, class_folder: Path | None = None) -> Course:
        """The course of a folder: the nearest ``nbgrader_config.py``, there or above."""
        start = start.resolve()
        if not start.is_dir():
            raise UsageError(f"There is no folder {start}.")
        root = next((p for p in (start, *start.parents) if (p / CONFIG_FILE).is_file()), None)
        if root is None:
            raise UsageError(f"No {CONFIG_FILE} in {start} or above it: go to the course's folder, or use --course.")
        config = _load(root)
        submitted = config.CourseDirectory.get("submitted_directory", "submitted")
        folder = class_folder.resolve() if class_folder else (root / submitted).parent
        return cls(root, folder, _of_class(config, root, folder) if class_folder else config)

    def rehearsal(self, folder: Path) -> Course:
        """The same course and the same submissions; all that is made of them goes to another folder."""
        config = _of_class(self.config, self.root, folder)
        config.CourseDirectory.submitted_directory = str(self.submitted)
        return Course(self.root, folder, config)

    @property
    def name(self) -> str:
        return str(self.config.CourseDirectory.get("course_id", "")) or "default_course"

    @property
    def points(self) -> float:
        """What every lesson is worth."""
        return float(self.config.Course.get("points", 20))

    @property
    def limits(self) -> Limits:
        given = {f.name: self.config.Course.get(f.name, f.default) for f in fields(Limits)}
        given["cell_seconds"] = self.config.Execute.get("timeout", given["cell_seconds"])
        try:
            limits = Limits(**{name: int(value) for name, value in given.items()})
        except (TypeError, ValueError) as error:
            raise CourseError(f"{CONFIG_FILE}: the limits of c.Course must be whole numbers: {error}.") from error
        small = [name for name, value in asdict(limits).items() if value < 1]
        if small:
            raise CourseError(f"{CONFIG_FILE}: c.Course.{small[0]} must be at least 1.")
        return limits

    @property
    def sources(self) -> Path:
        return self._directory("source")

    @property
    def released(self) -> Path:
        return self._directory("release")

    @property
    def submitted(self) -> Path:
        return self._directory("submitted")

    @property
    def autograded(self) -> Path:
        return self._directory("autograded")

    @property
    def feedback(self) -> Path:
        return self._directory("feedback")

    @property
    def database(self) -> str:
        """The URL of the gradebook."""
        return str(self.config.CourseDirectory.get("db_url", f"sqlite:///{self.folder / 'gradebook.db'}"))

    def _directory(self, step: str) -> Path:
        name = f"{step}_directory"
        return self.root / str(self.config.CourseDirectory.get(name, step))

    def source(self, lesson: str) -> Path:
        """The instructor's notebook of a lesson."""
        return self.sources / lesson / f"{lesson}.ipynb"

    def release(self, lesson: str) -> Path:
        """The students' notebook of a lesson."""
        return self.released / lesson / f"{lesson}.ipynb"

    def earlier(self, student: str, lesson: str) -> Path:
        """The submissions that a later one replaced, a folder each."""
        return self.folder / "earlier" / student / lesson

    def graded(self, student: str, lesson: str) -> Path:
        """A submission after grading."""
        return self.autograded / student / lesson / f"{lesson}.ipynb"

    def page(self, student: str, lesson: str) -> Path:
        """A submission's feedback."""
        return self.feedback / student / lesson / f"{lesson}.html"

    @property
    def lessons(self) -> tuple[str, ...]:
        """The lessons that have a source, in the order of their names."""
        if not self.sources.is_dir():
            return ()
        return tuple(sorted(p.name for p in self.sources.iterdir() if self.source(p.name).is_file()))

    def select(self, names: Sequence[str]) -> tuple[str, ...]:
        """The lessons that were asked for, in the course's order; all of them when none was."""
        if not self.lessons:
            raise CourseError(f"There are no lessons: {self.sources} has no folder with a notebook of its own name.")
        chosen = [self._lesson(name) for name in names]
        return tuple(lesson for lesson in self.lessons if not names or lesson in chosen)

    def _lesson(self, name: str) -> str:
        name = name.rstrip("/").split("/")[-1]
        if name in self.lessons:
            return name
        near = difflib.get_close_matches(name, self.lessons, 1)
        hint = f"did you mean {near[0]}?" if near else f"the lessons are {', '.join(self.lessons)}."
        raise UsageError(f"There is no lesson {name!r}: {hint}")


def _load(root: Path) -> Config:
    try:
        return PyFileConfigLoader(CONFIG_FILE, str(root)).load_config()
    except (ConfigError, ConfigFileNotFound, SyntaxError, NameError, AttributeError, TypeError, ValueError) as error:
        raise CourseError(f"{root / CONFIG_FILE} cannot be read: {type(error).__name__}: {error}") from error


def _of_class(config: Config, root: Path, folder: Path) -> Config:
    """The same course with another class: its folders and its gradebook."""
    chosen = copy.deepcopy(config)
    for step in ("submitted", "autograded", "feedback"):
        chosen.CourseDirectory[f"{step}_directory"] = str(folder / step)
    chosen.CourseDirectory.db_url = f"sqlite:///{folder / 'gradebook.db'}"
    chosen.CourseDirectory.root = str(root)
    return chosen
