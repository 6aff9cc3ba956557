"""The judged notebook: the instructor's cells in the instructor's order, with the student's answers in them.

Cells that the student added run where they stood. Nothing else is taken over: what a submission did to tests, points,
metadata or outputs means nothing, and is listed for the instructor.
"""

from __future__ import annotations

import ast
import copy
import functools
import re
import symtable
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograde import alignment, cells
from autograde.alignment import Match

if TYPE_CHECKING:  # nbgrader takes seconds to import, and workers do without
    from autograde.lesson import Lesson

ADDED = "added-"  # how the ids of cells begin that the student added
PACKAGES = ("course_utils", "sklearn")  # what is imported from them is mostly a module
ELSEWHERE = "# This is answered in another cell."


class Role(StrEnum):
    """Who runs a cell: the student's process, the judge, or, for what the instructor gives, either."""

    STUDENT = "student"
    TEST = "test"
    GIVEN = "given"


@dataclass(frozen=True)
class Step:
    """A cell that is run: its place in the judged notebook, who runs it, its source, and how a message names it.

    own : the instructor's text: of a given cell, what the judge may run, whatever the student added to it; of a cell
        of tests, what of it students have seen.
    names : of an answer, what the instructor's own answer defines.
    points : of a cell of tests.
    """

    place: int
    role: Role
    source: str
    label: str
    own: str = ""
    names: frozenset[str] = frozenset()
    points: float = 0.0


@dataclass(frozen=True)
class Judged:
    """A judged notebook, its steps, and what was different in the submission: a few words a change."""

    notebook: NotebookNode
    steps: tuple[Step, ...]
    changes: tuple[str, ...]
    found: int  # answers that were found


def build(submitted: NotebookNode, lesson: Lesson, *, all_cells: bool = False) -> Judged:
    """Put the answers of a submission into the notebook of its lesson."""
    theirs = alignment.whole(submitted.cells)
    matches = alignment.align(theirs, lesson)
    notebook = copy.deepcopy(lesson.source)
    notebook.cells = []
    used = {number for match in matches for number in match.numbers}
    extra = [n for n, c in enumerate(theirs) if n not in used and c.source.strip()][::-1]
    for match in matches:
        before = min(match.numbers, default=-1)
        while extra and extra[-1] < before:
            _add(notebook, theirs[extra.pop()])
        _judge(notebook, match, theirs)
    for number in reversed(extra):
        _add(notebook, theirs[number])
    steps = tuple(_steps(notebook, matches, all_cells=all_cells))
    steps = steps if all_cells else _needed(steps)
    found = sum(1 for m in matches if m.is_answer and m.numbers) if alignment.is_of(matches, theirs) else 0
    return Judged(notebook, steps, tuple(c for m in matches for c in _changes(m, theirs)), found)


def _judge(notebook: NotebookNode, match: Match, theirs: Sequence[NotebookNode]) -> None:
    """Append the instructor's cell: an answer with the student's text, a given one with what was added to it."""
    cell = copy.deepcopy(match.source)
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    if match.own.metadata.get("nbgrader"):
        cell.metadata.nbgrader = copy.deepcopy(match.own.metadata.nbgrader)  # with its checksum
    if match.is_answer:
        *before, cell.source = _answer(match, theirs)
        for text in before:
            _add(notebook, new_code_cell(text))
        if cell.cell_type == "markdown":
            _attach(cell, [theirs[n] for n in match.numbers])
    notebook.cells.append(cell)
    if not cells.grade_id(match.own):
        _put_changes(notebook, match, theirs)


def _answer(match: Match, theirs: Sequence[NotebookNode]) -> list[str]:
    if match.elsewhere:
        return [ELSEWHERE]
    texts = [text for text in alignment.parts(match, theirs) if text.strip()]
    return texts or [match.own.source]


def _put_changes(notebook: NotebookNode, match: Match, theirs: Sequence[NotebookNode]) -> None:
    """What the student made of a given cell: new lines of code run with it or after it, the rest stands below it."""
    cell, own = notebook.cells[-1], match.own.source
    for changed in (theirs[n] for n in match.numbers if alignment.plain(theirs[n].source) != alignment.plain(own)):
        new = alignment.added(changed.source, own)
        if cell.cell_type != "code" or changed.cell_type != "code":
            _add(notebook, changed)
        elif cells.is_show(cell):
            _add(notebook, new_code_cell(new if new and alignment.parses(new) else ""))
        elif new is None:
            _add(notebook, changed)
        else:
            cell.source = changed.source


def _add(notebook: NotebookNode, cell: NotebookNode) -> None:
    """A cell that the student added, without anything but its text and what is attached to that."""
    if not cell.source.strip():
        return
    name = f"{ADDED}{len(notebook.cells)}"
    if cell.cell_type == "code":
        notebook.cells.append(new_code_cell(cell.source, id=name))
    else:
        notebook.cells.append(new_markdown_cell(cell.source, id=name))
        _attach(notebook.cells[-1], [cell])


def _attach(cell: NotebookNode, theirs: Sequence[NotebookNode]) -> None:
    """Pictures that were pasted into a text go with it."""
    cell.pop("attachments", None)
    found = [each.get("attachments") for each in theirs]
    attached = {name: data for each in found if isinstance(each, dict) for name, data in each.items()}
    if attached:
        cell.attachments = attached


def _changes(match: Match, theirs: Sequence[NotebookNode]) -> Iterator[str]:
    """What a student did to a cell that is graded or locked."""
    name = cells.grade_id(match.own)
    if not name:
        return
    if match.elsewhere:
        yield f"{name} was put into another cell"
    elif not match.numbers:
        yield f"{name} was deleted"
    elif len(match.numbers) > 1:
        yield f"{name} was split into {len(match.numbers)} cells"
    elif match.is_answer:
        if theirs[match.numbers[0]].cell_type != match.own.cell_type:
            yield f"{name} was turned to {theirs[match.numbers[0]].cell_type}"
    elif theirs[match.numbers[0]].source.strip() != match.own.source.strip():
        yield f"{name} was edited"
    elif _settings(theirs[match.numbers[0]]) != _settings(match.own):
        yield f"{name} has other settings"
    copies = sum(cells.grade_id(cell) == name for cell in theirs)
    if copies > 1:
        yield f"{name} is there {copies} times"


def _settings(cell: NotebookNode) -> list[object]:
    """What makes a cell of tests one."""
    data = cells.nbgrader_data(cell)
    return [cell.cell_type, *(data.get(key) for key in ("grade", "solution", "points"))]


def _steps(notebook: NotebookNode, matches: Sequence[Match], *, all_cells: bool) -> Iterator[Step]:
    given = {m.source.id: m for m in matches}
    for place, cell in enumerate(notebook.cells):
        match = given.get(cell.id)
        label = cells.label(cell)
        if cell.cell_type != "code" or not cell.source.strip() or (cells.is_show(cell) and not all_cells):
            continue
        if match is None:
            yield Step(place, Role.STUDENT, cell.source, label)
        elif match.is_answer:
            yield Step(place, Role.STUDENT, cell.source, label, names=_defined(match.source.source))
        elif cells.is_graded(cell):
            points = cells.part(cell).points
            yield Step(place, Role.TEST, cell.source, label, match.own.source, points=points)
        else:
            yield Step(place, Role.GIVEN, cell.source, label, match.source.source)


def _defined(source: str) -> frozenset[str]:
    """What an instructor's answer defines at its top; what it imports is not the student's to define."""
    tree = parsed(cells.unmarked(source))
    imports = ast.Import | ast.ImportFrom
    return frozenset(bound(ast.Module([s for s in tree.body if not isinstance(s, imports)], [])) if tree else ())


def parsed(source: str) -> ast.Module | None:
    """A cell's source as a syntax tree, lines for IPython left out; None where it is not Python, or no program."""
    if len(source) > alignment.LONGEST:
        return None
    try:
        return ast.parse(cells.python(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _needed(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps without the instructor's cells that only make names (data to look at, say) which no other step uses."""
    kept: list[Step] = []
    words: set[str] = set()
    if any(len(step.source) > alignment.LONGEST for step in steps):  # what it uses is not known
        return tuple(steps)
    for step in reversed(steps):
        if step.role is not Role.GIVEN or not (names := _only_binds(step)) or names & words:
            kept.insert(0, step)
            words |= uses(step.source) | (uses(step.own) if step.role is Role.GIVEN else set())
    return tuple(kept)


def uses(source: str) -> set[str]:
    """The names at the top of the notebook that a cell may use; every word of it, where it cannot be read."""
    try:
        waiting = [symtable.symtable(cells.python(source), "<cell>", "exec")]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(re.findall(r"\w+", source))
    found: set[str] = set(
        re.findall(r"\w+", " ".join(set(source.splitlines()) - set(cells.python(source).splitlines())))
    )
    while waiting:
        table = waiting.pop()
        top = table.get_type() == "module"
        found |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global())}
        waiting += table.get_children()
    return found


def _only_binds(step: Step) -> set[str]:
    """The names that a given cell makes, where it does nothing else; empty where it does, or where that is unknown."""
    kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
    names: set[str] = set()
    for source in {step.source, step.own}:
        tree = parsed(source)
        if tree is None or not all(isinstance(statement, kinds) for statement in tree.body):
            return set()
        names |= set(bound(tree))
    return set() if "*" in names else names


def bound(tree: ast.AST) -> Iterator[str]:
    """The names that a tree binds at its top."""
    for node in getattr(tree, "body", ()):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        else:
            yield from (n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


def answers_of(steps: Sequence[Step]) -> tuple[str, ...]:
    """The sources that a student's process runs."""
    return tuple(step.source for step in steps if step.role is not Role.TEST)


def imports_of(steps: Sequence[Step], known: Collection[str]) -> tuple[str, ...]:
    """The modules that a warm process can import once for all: the instructor's, and the known ones of a submission."""
    found: list[str] = []
    for step in steps:
        if step.role is Role.GIVEN:
            found += _imports(step.own)
        said = _imports(step.source) if step.role is not Role.TEST and _mentions(step.source, known) else ()
        found += (name for name in known if any(f"{module}.".startswith(f"{name}.") for module in said))
    return tuple(dict.fromkeys(found))


def _mentions(source: str, modules: Collection[str]) -> bool:
    return any(module.partition(".")[0] in source for module in modules)


@functools.lru_cache(maxsize=1000)  # given cells are everybody's
def _imports(source: str) -> tuple[str, ...]:
    return tuple(_imported(parsed(source)))


def _imported(tree: ast.AST | None) -> Iterator[str]:
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module in PACKAGES)
