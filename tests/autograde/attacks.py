"""Submissions of every kind, kept in ``tests/submissions``, put into a made-up lesson and graded.

A file there holds what a student did, between lines that begin with ``# %%``:

    # What it does, in a comment.
    # %% scale            the source of the answer ``scale``, which is worth nothing
    # %% scale, right     the same, but this answer deserves its points
    # %% scale, at any price   it breaks the student's own process, which may cost the other answers too
    # %%                  a cell that the student added there
    # %% notebook         Python with a function ``change(notebook)`` that may do anything to it

Answers that a file does not speak of are right. So a file says itself how many points are due.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.utils import determine_grade

from autograde import cells, execute, judged
from autograde.course import Course, Limits
from autograde.execute import Execution, Job
from autograde.grade import executed
from autograde.judged import Judged
from autograde.lesson import Lesson
from tests.autograde.conftest import ROOT, nbgrader, notebook

FOLDER = Path(__file__).parents[1] / "submissions"
LIMITS = Limits(cell_seconds=3, submission_seconds=60, memory_mb=512, disk_mb=16, files=1000, processes=32)
SECRET = "of a made-up course"
HIDDEN = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"


@dataclass(frozen=True)
class Exercise:
    """An exercise of the made-up lesson: a right answer, and cells of tests with their points."""

    name: str
    answer: str
    visible: str
    hidden: str
    points: int = 2  # of each of the two cells

    def cells(self) -> list[NotebookNode]:
        solution = self.answer.replace("\n", "\n    ### BEGIN SOLUTION\n", 1) + "\n    ### END SOLUTION"
        tests = {"check": self.visible, "hidden": f"# More tests.\n{HIDDEN.format(self.hidden)}"}
        made = [
            new_markdown_cell(f"### Exercise: {self.name}", id=f"{self.name}-task"),
            new_code_cell(solution, id=f"{self.name}-answer", metadata=nbgrader(self.name, solution=True)),
        ]
        for kind, source in tests.items():
            data = nbgrader(f"{self.name}_{kind}", grade=True, points=self.points)
            made.append(new_code_cell(source, id=f"{self.name}-{kind}", metadata=data))
        return made


GIVEN = '''import numpy as np
from numpy.testing import assert_allclose
from course_utils import check

FACTOR = 3


def close(one, other):
    """Whether two arrays hold the same numbers."""
    return np.shape(one) == np.shape(other) and bool(np.all(np.abs(np.subtract(one, other)) < 1e-9))'''

EXERCISES = (
    Exercise(
        "scale",  # plain asserts, a given helper, a given constant
        "def scale(values, factor):\n    return factor * np.asarray(values)",
        "assert close(scale([1, 2], FACTOR), [3, 6])",
        "numbers = np.arange(6.0).reshape(2, 3)\n"
        "assert_allclose(scale(numbers, 0.5), numbers / 2)\n"
        "assert scale(numbers, 2).shape == (2, 3)\n"
        "assert len(scale([1, 2, 3], 1)) == 3",
    ),
    Exercise(
        "tally",  # containers, an exception that is expected
        "def tally(words):\n"
        "    if isinstance(words, str):\n"
        "        raise TypeError('words in a list are needed')\n"
        "    return {word: words.count(word) for word in words}",
        "assert tally(['a', 'b', 'a']) == {'a': 2, 'b': 1}",
        "found = tally(['x'] * 5 + ['y'])\n"
        "assert found['x'] == 5 and sorted(found) == ['x', 'y']\n"
        "try:\n"
        "    tally('no list')\n"
        "except TypeError:\n"
        "    pass\n"
        "else:\n"
        "    raise AssertionError('a string is no list of words')",
    ),
    Exercise(
        "slope",  # a function of the judge's is called back
        "def slope(f, x, h=1e-5):\n    return (f(x + h) - f(x - h)) / (2 * h)",
        "assert abs(slope(lambda x: x**2, 3.0) - 6) < 1e-6",
        "assert abs(slope(np.sin, 0.5) - np.cos(0.5)) < 1e-6\n"
        "points = []\n"
        "slope(lambda x: points.append(x) or 0.0, 1.0)\n"
        "assert len(points) == 2",
    ),
    Exercise(
        "center",  # an argument that is changed in place
        "def center(values):\n    values -= values.mean()",
        "numbers = np.array([1.0, 2.0, 6.0])\ncenter(numbers)\nassert_allclose(numbers, [-2, -1, 3])",
        "numbers = np.array([[2.0, 4.0]])\nassert center(numbers) is None\nassert_allclose(numbers, [[-1.0, 1.0]])",
    ),
    Exercise(
        "Queue",  # objects that stay with the student
        "class Queue:\n"
        "    def __init__(self):\n"
        "        self.items = []\n\n"
        "    def push(self, item):\n"
        "        self.items.append(item)\n\n"
        "    def pop(self):\n"
        "        return self.items.pop(0)\n\n"
        "    def __len__(self):\n"
        "        return len(self.items)",
        "queue = Queue()\nqueue.push(1)\nqueue.push(2)\nassert len(queue) == 2\nassert queue.pop() == 1",
        "assert queue.items == [2]\nqueue.push('x')\nassert [queue.pop(), queue.pop()] == [2, 'x']",
    ),
    Exercise(
        "mlp_parameters",  # a check of course_utils
        "def mlp_parameters(sizes):\n    return sum((m + 1) * n for m, n in zip(sizes, sizes[1:]))",
        "check(mlp_parameters)",
        "check(mlp_parameters, hidden=True, seed=3)",
    ),
)
RIGHT: Mapping[str, str] = {exercise.name: exercise.answer for exercise in EXERCISES}
WRITTEN = "written_why"


@functools.cache
def lesson() -> Lesson:
    """The made-up lesson."""
    written = "### BEGIN SOLUTION\nBecause $a<b$.\n### END SOLUTION"
    source = notebook(
        new_markdown_cell("# A lesson to attack", id="title"),
        new_code_cell(GIVEN, id="given"),
        *(cell for exercise in EXERCISES for cell in exercise.cells()),
        new_markdown_cell("Why?", id="why"),
        new_markdown_cell(written, id="written", metadata=nbgrader(WRITTEN, grade=True, solution=True, points=4)),
    )
    return Lesson(Course.find(ROOT), "20_attacks", source)


@dataclass(frozen=True)
class Attack:
    """What a student did: sources by grade id, cells that were added, changes to the notebook."""

    name: str
    about: str
    answers: Mapping[str, str]
    added: tuple[tuple[str, str], ...]  # the answer before such a cell, its source
    change: str
    worthless: frozenset[str] = frozenset()
    at_any_price: bool = False

    def is_fair(self, points: Mapping[str, float]) -> bool:
        """Whether these are the points that are due."""
        given = {name: points[name] for name in self.due}
        if self.at_any_price:
            return all(given[name] <= self.due[name] for name in given)
        return given == self.due

    @property
    def due(self) -> dict[str, float]:
        """The points of each cell of tests that an honest reading of the answers gives."""
        return {
            f"{e.name}_{kind}": 0.0 if e.name in self.worthless else float(e.points)
            for e in EXERCISES
            for kind in ("check", "hidden")
        }

    def notebook(self) -> NotebookNode:
        """The released lesson with all this in it."""
        made = cells.replaced(lesson().released, {**RIGHT, **self.answers})
        for after, source in reversed(self.added):
            place = next((n for n, c in enumerate(made.cells) if cells.grade_id(c) == after), 1)
            made.cells.insert(place + 1, new_code_cell(source))
        if self.change:
            scope: dict[str, Any] = {}
            exec(compile(self.change, self.name, "exec"), scope)
            scope["change"](made)
        return made


def sections(text: str) -> tuple[str, list[tuple[str, str]]]:
    """What a file says about itself, and its sections: what follows ``# %%``, and what stands below that."""
    about, *parts = re.split(r"^# %%(.*)\n", text, flags=re.MULTILINE)
    words = " ".join(line.lstrip("# ") for line in about.splitlines())
    return words, [(title.strip(), source.strip("\n")) for title, source in zip(parts[::2], parts[1::2], strict=True)]


def parse(text: str, name: str = "") -> Attack:
    """An attack from the text of its file."""
    words, found = sections(text)
    answers: dict[str, str] = {}
    added: list[tuple[str, str]] = []
    worthless: set[str] = set()
    change, last, price = "", "", False
    for title, source in found:
        target, _, remark = title.partition(", ")
        if target == "notebook":
            change = source
        elif target:
            last = target
            answers[target] = source
            worthless |= set() if remark == "right" else {target}
            price |= remark == "at any price"
        else:
            added.append((last, source))
    return Attack(name, words, answers, tuple(added), change, frozenset(worthless), price)


def load(path: Path) -> Attack:
    return parse(path.read_text(encoding="utf-8"), path.stem)


def every(folder: str) -> list[Any]:
    """Each file of a folder, as a parameter of a test."""
    return [pytest.param(load(path), id=path.stem) for path in sorted((FOLDER / folder).glob("*.py"))]


@dataclass(frozen=True)
class Graded:
    """A submission after grading: points by cell as nbgrader reads them, and all that they were read from."""

    points: dict[str, float]
    execution: Execution
    judged: Judged
    notebook: NotebookNode

    def said(self, grade_id: str) -> str:
        """What the outputs of a cell say."""
        cell = next(c for c in self.notebook.cells if cells.grade_id(c) == grade_id)
        return "\n".join(o.get("text") or "\n".join(o.get("traceback", ())) for o in cell.get("outputs", ()))


def grade(
    submitted: NotebookNode,
    limits: Limits = LIMITS,
    of: Lesson | None = None,
    secret: str = SECRET,
    *,
    isolated: bool = True,
) -> Graded:
    """Grade a notebook, as ``autograde grade`` does, without a class around it."""
    of = of or lesson()
    ready = judged.build(submitted, of)
    execution = execute.run(Job("ada", of.name, ready.steps, limits, secret, isolated))
    made = executed(ready, execution)
    points = {cells.grade_id(c): determine_grade(c)[0] for c in made.cells if cells.is_graded(c)}
    return Graded({k: float(v) for k, v in points.items() if v is not None}, execution, ready, made)
