"""What became of each submission, as data: exactly one ending, a sentence for the student, one for the instructor."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from autograde.errors import CourseError
from course_utils import exercises

FILE = "outcomes.jsonl"
PLAINLY_GRADED = "Graded."  # what an instructor is told where nothing is worth a look


class Ending(StrEnum):
    """How a submission can end."""

    GRADED = "graded"
    TIME_LIMIT = "time limit"
    MEMORY_LIMIT = "memory limit"
    OUTPUT_LIMIT = "output limit"
    PROCESS_DIED = "process died"
    UNREADABLE = "unreadable notebook"
    WRONG_LESSON = "wrong lesson"
    MISSING = "missing"


@dataclass(frozen=True)
class Diagnosis:
    """What ``check`` found wrong with one answer. The mistakes are known ones, by name."""

    exercise: str
    hidden: bool = False
    mistakes: tuple[str, ...] = ()
    blank: bool = False
    error: bool = False

    @classmethod
    def from_record(cls, record: object) -> Diagnosis | None:
        """A diagnosis from what a notebook displayed; None unless it speaks of this course's exercises.

        Whoever wrote the notebook could have written the record: nothing of it is taken over but names that exist.
        """
        if not isinstance(record, dict):
            return None
        try:
            exercise = exercises.find(str(record.get("exercise")))  # imports no more lessons than it takes to find it
        except KeyError:
            return None
        given = record.get("mistakes")
        known = [m.name for m in exercise.mistakes]
        named = tuple(n for n in known if n in given) if isinstance(given, list) else ()
        blank = str(record.get("problem", "")).startswith("There is no answer yet")
        return cls(exercise.name, bool(record.get("hidden")), named, blank, bool(record.get("error")))


@dataclass(frozen=True)
class Outcome:
    """A submission's ending and score.

    score : the points, those given by hand included; None when nothing could be graded.
    cells : grade id → points, or None where a person has yet to grade.
    seeds : exercise → the seed that its hidden cases were drawn from.
    fingerprint : of all that the outcome depends on; as long as it is the same, there is nothing to grade again.
    """

    student: str
    lesson: str
    ending: Ending
    score: float | None
    max_score: float
    seconds: float
    for_student: str
    for_instructor: str
    cells: Mapping[str, float | None] = field(default_factory=dict)
    diagnoses: tuple[Diagnosis, ...] = ()
    seeds: Mapping[str, int] = field(default_factory=dict)
    fingerprint: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.lesson, self.student

    @property
    def is_graded(self) -> bool:
        return self.ending is Ending.GRADED

    @property
    def needs_a_look(self) -> bool:
        return not self.is_graded or self.for_instructor != PLAINLY_GRADED

    def line(self) -> str:
        """The outcome as a line of JSON."""
        data: dict[str, Any] = {
            "student": self.student,
            "lesson": self.lesson,
            "outcome": self.ending.value,
            "score": self.score,
            "max_score": self.max_score,
            "seconds": round(self.seconds, 2),
            "messages": {"student": self.for_student, "instructor": self.for_instructor},
            "cells": dict(self.cells),
            "diagnoses": [asdict(d) for d in self.diagnoses],
            "seeds": dict(self.seeds),
            "fingerprint": self.fingerprint,
        }
        return json.dumps(data)  # in ASCII: a folder's name may be no text

    @classmethod
    def from_line(cls, line: str) -> Outcome:
        data = json.loads(line)
        found = tuple(Diagnosis(**d | {"mistakes": tuple(d["mistakes"])}) for d in data["diagnoses"])
        return cls(
            data["student"],
            data["lesson"],
            Ending(data["outcome"]),
            data["score"],
            data["max_score"],
            data["seconds"],
            data["messages"]["student"],
            data["messages"]["instructor"],
            data["cells"],
            found,
            data["seeds"],
            data["fingerprint"],
        )


Outcomes = dict[tuple[str, str], Outcome]


def load(folder: Path) -> Outcomes:
    """The last outcome of every submission; a line that was cut off when a run was killed is passed over."""
    found: Outcomes = {}
    path = folder / FILE
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            outcome = Outcome.from_line(line)
        except (ValueError, KeyError, TypeError):
            continue
        found[outcome.key] = outcome
    return found


def append(folder: Path, outcome: Outcome) -> None:
    """Add an outcome as soon as it is known, so that a run that is killed loses none."""
    with _written(folder / FILE), (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(outcome.line() + "\n")


def save(folder: Path, outcomes: Iterable[Outcome]) -> None:
    """Write one line a submission, sorted by lesson and student."""
    lines = [outcome.line() + "\n" for outcome in sorted(outcomes, key=lambda o: o.key)]
    write(folder / FILE, "".join(lines))


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file in one step: whoever reads it sees the old one or the new one, never a half."""
    beside = path.with_name(f".{path.name}.new")
    with _written(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(text, encoding="utf-8", errors="replace")
            beside.chmod(mode)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """A file that cannot be written (no space, no permission), in a sentence."""
    try:
        yield
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror}. What was finished before is kept.") from error
