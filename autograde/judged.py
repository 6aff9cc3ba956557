"""The judged notebook: the instructor's cells in the instructor's order, with the student's answers in them.

Answers are found by grade id; where a program dropped the ids, by the names that they define, and else by their place
among cells that did not change. Cells that the student added run where they stood. Nothing else is taken over: what a
submission did to tests, points, metadata or outputs means nothing, and is listed for the instructor.
"""

from __future__ import annotations

import ast
import copy
import difflib
import re
import symtable
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograde import cells
from autograde.lesson import Lesson

MOST_CELLS = 2000  # that a student may add
ADDED = "added-"  # how the ids of such cells begin


class Role(StrEnum):
    """Who runs a cell: the student's process, the judge, or, for what the instructor gives, either."""

    STUDENT = "student"
    TEST = "test"
    GIVEN = "given"


@dataclass(frozen=True)
class Step:
    """A cell that is run: its place in the judged notebook, who runs it, its source, and how a message names it."""

    place: int
    role: Role
    source: str
    label: str
    visible: str = ""  # of a test: what of the source students have seen


@dataclass(frozen=True)
class Judged:
    """A judged notebook, its steps, and what was different in the submission: a few words a change."""

    notebook: NotebookNode
    steps: tuple[Step, ...]
    changes: tuple[str, ...]
    found: int  # answers that were found


@dataclass
class _Match:
    """A cell of the course with the cells of the submission that stand for it."""

    own: NotebookNode
    numbers: list[int] = field(default_factory=list)
    by_name: bool = False  # found by grade id


def build(submitted: NotebookNode, lesson: Lesson, *, all_cells: bool = False) -> Judged:
    """Put the answers of a submission into the notebook of its lesson."""
    matches = _matched(submitted, lesson)
    notebook = copy.deepcopy(lesson.source)
    notebook.cells = []
    changes: list[str] = []
    used = {number for match in matches for number in match.numbers}
    extra = [n for n, c in enumerate(submitted.cells) if n not in used and c.source.strip()][:MOST_CELLS]
    for match, source in zip(matches, lesson.source.cells, strict=True):
        before = min(match.numbers, default=-1)
        while extra and extra[0] < before:
            _add(notebook, submitted.cells[extra.pop(0)], changes)
        notebook.cells.append(_judged_cell(match, source, submitted.cells))
        changes += _changes(match, submitted.cells)
    for number in extra:
        _add(notebook, submitted.cells[number], changes)
    steps = tuple(_steps(notebook, lesson, all_cells=all_cells))
    steps = steps if all_cells else _needed(steps)
    found = sum(1 for m in matches if cells.is_answer(m.own) and m.numbers) if _is_of(submitted, matches) else 0
    return Judged(notebook, steps, tuple(changes), found)


def _matched(submitted: NotebookNode, lesson: Lesson) -> list[_Match]:
    """Each cell of the released lesson with its counterparts: by grade id, by equal text, by names, by place."""
    matches = [_Match(cell) for cell in lesson.released.cells]
    taken: set[int] = set()
    by_id: dict[str, list[int]] = {}
    for number, cell in enumerate(submitted.cells):
        by_id.setdefault(cells.grade_id(cell), []).append(number)
    for match in matches:
        copies = by_id.get(cells.grade_id(match.own), []) if cells.grade_id(match.own) else []
        if copies:
            match.numbers, match.by_name = [_best(copies, match.own, submitted.cells)], True
            taken.update(copies if cells.is_answer(match.own) else match.numbers)
    _match_equal(matches, submitted.cells, taken)
    defined = {n: _defined(c.source) for n, c in enumerate(submitted.cells) if n not in taken}
    for match, source in zip(matches, lesson.source.cells, strict=True):
        if cells.is_answer(match.own) and not match.numbers:
            names = _defined(source.source)
            match.numbers = [n for n, found in defined.items() if found & names and n not in taken]
            taken.update(match.numbers)
    _match_places(matches, submitted.cells, taken)
    return matches


def _is_of(submitted: NotebookNode, matches: Sequence[_Match]) -> bool:
    """Whether a notebook is one of this lesson: by an id, by a name that an answer defines, or by most of its text."""
    if any(match.by_name for match in matches):
        return True
    for match in (m for m in matches if cells.is_answer(m.own)):
        if any(_defined(match.own.source) & _defined(submitted.cells[n].source) for n in match.numbers):
            return True
    same = [_plain(submitted.cells[n].source) == _plain(m.own.source) for m in matches for n in m.numbers]
    return 2 * sum(same) > len(matches)


def _best(copies: Sequence[int], own: NotebookNode, submitted: Sequence[NotebookNode]) -> int:
    """Of an answer, the last copy that was written in; of a test, one that is as it was; else the last one."""
    if not cells.is_answer(own):
        return next((n for n in copies if submitted[n].source.strip() == own.source.strip()), copies[-1])
    written = [n for n in copies if submitted[n].source.strip() not in ("", own.source.strip())]
    return (written or copies)[-1]


def _match_equal(matches: Sequence[_Match], submitted: Sequence[NotebookNode], taken: set[int]) -> None:
    """Cells that did not change, in the same order."""
    ours = [m for m in matches if not m.numbers]
    theirs = [n for n in range(len(submitted)) if n not in taken]
    one = [_plain(m.own.source) for m in ours]
    other = [_plain(submitted[n].source) for n in theirs]
    for block in difflib.SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks():
        for offset in range(block.size):
            if one[block.a + offset]:
                ours[block.a + offset].numbers = [theirs[block.b + offset]]
                taken.add(theirs[block.b + offset])


def _match_places(matches: Sequence[_Match], submitted: Sequence[NotebookNode], taken: set[int]) -> None:
    """What is left: a cell takes those that stand between the counterparts of its neighbours and are of its kind."""
    for index, match in enumerate(matches):
        if match.numbers or not (cells.is_answer(match.own) or not cells.grade_id(match.own)):
            continue
        before = max((max(m.numbers) for m in matches[:index] if m.numbers), default=-1)
        after = min((min(m.numbers) for m in matches[index + 1 :] if m.numbers), default=len(submitted))
        between = [n for n in range(before + 1, after) if n not in taken and _like(submitted[n], match.own)]
        if between and cells.is_answer(match.own):
            match.numbers = between
        elif between:
            near = max(between, key=lambda n: _likeness(submitted[n].source, match.own.source))
            match.numbers = [near] if _likeness(submitted[near].source, match.own.source) > 0.6 else []
        taken.update(match.numbers)


def _like(cell: NotebookNode, own: NotebookNode) -> bool:
    """Of the same kind; and no test, where a program dropped what says so."""
    return cell.cell_type == own.cell_type and not re.match(r"\s*check\(", cell.source)


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one[:5000], other[:5000]).ratio()


def _plain(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def _defined(source: str) -> set[str]:
    """The functions and classes that a cell defines at its top, found also where the cell has a syntax error."""
    return set(re.findall(r"^(?:async\s+def|def|class)\s+(\w+)", source, re.MULTILINE))


def _judged_cell(match: _Match, source: NotebookNode, submitted: Sequence[NotebookNode]) -> NotebookNode:
    """The instructor's cell; an answer with the student's text, a given one with what the student added to it."""
    cell = copy.deepcopy(source)
    theirs = "\n\n".join(submitted[n].source for n in match.numbers)
    if cells.is_answer(match.own):
        cell.source = theirs if match.numbers else match.own.source
    elif not cells.grade_id(match.own) and match.numbers and _only_adds(theirs, match.own.source):
        cell.source = theirs
        if theirs.strip() != match.own.source.strip():
            cell.metadata.pop("tags", None)  # what was added may be needed, also in a cell to show
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    if match.own.metadata.get("nbgrader"):
        cell.metadata.nbgrader = copy.deepcopy(match.own.metadata.nbgrader)  # with its checksum
    return cell


def _only_adds(theirs: str, own: str) -> bool:
    """Whether all lines of a given cell are still there, in order."""
    lines = iter(line.rstrip() for line in theirs.splitlines())
    return all(line.rstrip() in lines for line in own.splitlines() if line.strip())


def _add(notebook: NotebookNode, cell: NotebookNode, changes: list[str]) -> None:
    """A cell that the student added, without anything but its text."""
    make = new_code_cell if cell.cell_type == "code" else new_markdown_cell
    notebook.cells.append(make(cell.source, id=f"{ADDED}{len(notebook.cells)}"))


def _changes(match: _Match, submitted: Sequence[NotebookNode]) -> Iterator[str]:
    """What a student did to a cell that is graded or locked."""
    name = cells.grade_id(match.own)
    if not name:
        return
    if not match.numbers:
        yield f"{name} was deleted"
    elif len(match.numbers) > 1:
        yield f"{name} was split into {len(match.numbers)} cells"
    elif cells.is_answer(match.own):
        if submitted[match.numbers[0]].cell_type != match.own.cell_type:
            yield f"{name} was turned to {submitted[match.numbers[0]].cell_type}"
    elif submitted[match.numbers[0]].source.strip() != match.own.source.strip():
        yield f"{name} was edited"
    copies = sum(cells.grade_id(cell) == name for cell in submitted)
    if copies > 1:
        yield f"{name} is there {copies} times"


def _steps(notebook: NotebookNode, lesson: Lesson, *, all_cells: bool) -> Iterator[Step]:
    seen = {cells.grade_id(c): c.source for c in lesson.released.cells if cells.grade_id(c)}
    given = {c.id for c in lesson.source.cells}
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not cell.source.strip() or (cells.is_show(cell) and not all_cells):
            continue
        name = cells.grade_id(cell)
        if cells.is_graded(cell) and not cells.is_answer(cell):
            yield Step(place, Role.TEST, cell.source, cells.label(cell), seen.get(name, ""))
        elif cells.is_answer(cell) or cell.id not in given:
            yield Step(place, Role.STUDENT, cell.source, cells.label(cell))
        else:
            yield Step(place, Role.GIVEN, cell.source, cells.label(cell))


def _needed(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps without the instructor's cells that only make names (data to look at, say) which no other step uses."""
    kept: list[Step] = []
    words: set[str] = set()
    for step in reversed(steps):
        if step.role is not Role.GIVEN or not (names := _only_binds(step.source)) or names & words:
            kept.insert(0, step)
            words |= _uses(step.source)
    return tuple(kept)


def _uses(source: str) -> set[str]:
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


def _only_binds(source: str) -> set[str]:
    """The names that a cell makes, where it does nothing else; empty where it does, or where that is not known."""
    try:
        body = ast.parse(cells.python(source)).body
    except SyntaxError:
        return set()
    kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
    if not all(isinstance(statement, kinds) for statement in body):
        return set()
    names = set(bound(ast.Module(body, [])))
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


def imports_of(steps: Sequence[Step]) -> tuple[str, ...]:
    """The modules that the instructor's cells import, so that a warm process can do it once for all."""
    found: list[str] = []
    for step in steps:
        if step.role is Role.GIVEN:
            found += _imports(step.source)
    return tuple(dict.fromkeys(found))


def _imports(source: str) -> Iterator[str]:
    try:
        tree = ast.parse(cells.python(source))
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "course_utils")
