"""Which cells of a submission stand for which of the course's: by grade id, by text, by names, and else by place.

Programs lose ids, people split, merge, copy and move cells. An answer is what was written, wherever it stands now.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbformat import NotebookNode

from autograde import cells

if TYPE_CHECKING:  # nbgrader takes seconds to import, and workers do without
    from autograde.lesson import Lesson

ALIKE = 0.6  # of the lines of a cell, so that another one counts as that cell, edited
LONGEST = 1_000_000  # characters of a cell that is read as Python; a longer one holds data
_DEFINITION = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)", re.MULTILINE)
_ASSIGNMENT = re.compile(r"^([A-Za-z_]\w*)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE)

Cells = Sequence[NotebookNode]


@dataclass
class Match:
    """A cell of the course with the cells of the submission that stand for it.

    own : the cell as it was released.
    source : the instructor's cell, with the solution.
    numbers : of the submission's cells, in order; none where the cell was deleted.
    by_id : found by grade id.
    elsewhere : of an answer, that a cell which stands for another one defines it.
    """

    own: NotebookNode
    source: NotebookNode
    numbers: list[int] = field(default_factory=list)
    by_id: bool = False
    elsewhere: bool = False

    @property
    def is_answer(self) -> bool:
        return cells.is_answer(self.own)

    @property
    def names(self) -> set[str]:
        """What the answer defines."""
        stub, solution = self.own.source, cells.unmarked(self.source.source)
        return definitions(stub) or definitions(solution) or set(_ASSIGNMENT.findall(stub))


def align(submitted: Cells, lesson: Lesson) -> list[Match]:
    """A match for each cell of a lesson."""
    matches = [Match(*pair) for pair in zip(lesson.released.cells, lesson.source.cells, strict=True)]
    taken: set[int] = set()
    stubs = _by_id(matches, submitted, taken)
    _by_text(matches, submitted, taken)
    _by_names(matches, submitted, taken, stubs)
    _by_place(matches, submitted, taken)
    for match in matches:
        if match.is_answer and not match.numbers:
            match.numbers = stubs.get(cells.grade_id(match.own), [])[-1:]
    return matches


def definitions(source: str) -> set[str]:
    """The functions and classes that a cell defines at its top, found also where the cell has a syntax error."""
    return set(_DEFINITION.findall(source))


def is_of(matches: Sequence[Match], submitted: Cells) -> bool:
    """Whether a notebook is one of this lesson: by an id, by a name that an answer defines, or by most of its text."""
    if any(match.by_id for match in matches):
        return True
    if any(m.names & definitions(submitted[n].source) for m in matches if m.is_answer for n in m.numbers):
        return True
    same = [plain(submitted[n].source) == plain(m.own.source) for m in matches for n in m.numbers]
    return 2 * sum(same) > len(matches)


def plain(source: str) -> str:
    """A source without spaces at the ends."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def parses(source: str) -> bool:
    """Whether a source is Python, apart from lines for IPython."""
    if len(source) > LONGEST:
        return False
    try:
        ast.parse(cells.python(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def whole(submitted: Cells) -> list[NotebookNode]:
    """The cells, with code that was split in the middle of a block in one piece again."""
    made: list[NotebookNode] = []
    for cell in submitted:
        last = made[-1] if made else None
        if last is not None and _continues(last, cell):
            made[-1] = NotebookNode({**last, "source": f"{last.source}\n{cell.source}"})
        else:
            made.append(cell)
    return made


def _continues(last: NotebookNode, cell: NotebookNode) -> bool:
    """Whether a cell makes sense only together with the one before."""
    if last.cell_type != "code" or cell.cell_type != "code" or not re.match(r"\s*\n?[ \t]+\S", cell.source):
        return False
    if cells.grade_id(cell) not in ("", cells.grade_id(last)) or len(last.source) + len(cell.source) > LONGEST:
        return False
    return not parses(cell.source) and parses(f"{last.source}\n{cell.source}")


def _by_id(matches: Sequence[Match], submitted: Cells, taken: set[int]) -> dict[str, list[int]]:
    """Match cells that kept their ids; returns the answers in which nothing was written."""
    by_id: dict[str, list[int]] = {}
    for number, cell in enumerate(submitted):
        by_id.setdefault(cells.grade_id(cell), []).append(number)
    stubs: dict[str, list[int]] = {}
    for match in matches:
        name = cells.grade_id(match.own)
        copies = by_id.get(name, []) if name else []
        match.by_id = bool(copies)
        if copies and match.is_answer:
            stubs[name] = [n for n in copies if _is_stub(submitted[n], match.own)]
            match.numbers = [n for n in copies if n not in stubs[name]]
            taken.update(copies)
        elif copies:  # of a test, one that is as it was
            same = [n for n in copies if submitted[n].source.strip() == match.own.source.strip()]
            match.numbers = (same or copies)[-1:]
            taken.update(match.numbers)
    return stubs


def _is_stub(cell: NotebookNode, own: NotebookNode) -> bool:
    """Whether nothing was written in an answer's cell, comments and spaces aside."""
    source = cell.source.strip()
    if source in ("", own.source.strip()):
        return True
    if cell.cell_type != "code" or len(source) > 4 * len(own.source) + 1000:
        return False
    try:
        return ast.dump(ast.parse(source)) == ast.dump(ast.parse(own.source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _by_text(matches: Sequence[Match], submitted: Cells, taken: set[int]) -> None:
    """Match cells that did not change, in the same order."""
    ours = [m for m in matches if not m.numbers and not m.by_id]
    theirs = [n for n in range(len(submitted)) if n not in taken]
    one = [plain(m.own.source) for m in ours]
    known = set(one)
    other = [text if (text := plain(submitted[n].source)) in known else "" for n in theirs]
    for block in difflib.SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks():
        for offset in range(block.size):
            if one[block.a + offset]:
                ours[block.a + offset].numbers = [theirs[block.b + offset]]
                taken.add(theirs[block.b + offset])


def _by_names(matches: Sequence[Match], submitted: Cells, taken: set[int], stubs: dict[str, list[int]]) -> None:
    """Match answers with the cells that define them, cells of tests that were written in included."""
    blank = {number for numbers in stubs.values() for number in numbers}
    texts = {plain(m.own.source) for m in matches}
    defined = {
        n: definitions(cell.source) | set(_ASSIGNMENT.findall(cell.source))
        for n, cell in enumerate(submitted)
        if cell.cell_type == "code" and n not in blank and plain(cell.source) not in texts
    }
    answers = {n for m in matches if m.is_answer for n in m.numbers}
    for match in matches:
        written = [n for n in match.numbers if plain(submitted[n].source) != plain(match.own.source)]
        if not match.is_answer or match.own.cell_type != "code" or written:
            continue
        found = [n for n, names in defined.items() if names & match.names]
        if free := [n for n in found if n not in answers]:
            match.numbers = free
            answers.update(free)
            taken.update(free)
        match.elsewhere = not free and bool(found)


def _by_place(matches: Sequence[Match], submitted: Cells, taken: set[int]) -> None:
    """What is left: a cell takes those that stand between the counterparts of its neighbours and are of its kind."""
    lines: dict[int, set[str]] = {}
    for index, match in enumerate(matches):
        if match.numbers or match.by_id or match.elsewhere or (cells.grade_id(match.own) and not match.is_answer):
            continue
        before = max((max(m.numbers) for m in matches[:index] if m.numbers), default=-1)
        after = min((min(m.numbers) for m in matches[index + 1 :] if m.numbers), default=len(submitted))
        between = [n for n in range(before + 1, after) if n not in taken and _like(submitted[n], match.own)]
        if match.is_answer:
            match.numbers = between
        elif between:
            for n in between:
                lines.setdefault(n, _lines(submitted[n].source))
            own = _lines(match.own.source)
            near = max(between, key=lambda n: (_share(own, lines[n]), _share(lines[n], own)))
            match.numbers = [near] if _share(own, lines[near]) > ALIKE else []
        taken.update(match.numbers)


def _like(cell: NotebookNode, own: NotebookNode) -> bool:
    """Of the same kind; and no test, where a program dropped what says so."""
    return cell.cell_type == own.cell_type and not re.match(r"\s*check\(", cell.source)


def _lines(source: str) -> set[str]:
    return {line.strip() for line in source[:LONGEST].splitlines()} - {""}


def _share(one: set[str], other: set[str]) -> float:
    """How many of the lines of a cell are in another, too."""
    return len(one & other) / max(1, len(one))


def added(theirs: str, own: str) -> str | None:
    """The lines that a student added to a cell of the course, where all of its own are there, in order; else None."""
    waiting = [line.rstrip() for line in own.splitlines() if line.strip()][::-1]
    new = []
    for line in theirs.splitlines():
        if waiting and line.rstrip() == waiting[-1]:
            waiting.pop()
        elif line.strip():
            new.append(line)
    return None if waiting else "\n".join(new)


def parts(match: Match, submitted: Cells) -> Iterator[str]:
    """The texts of an answer, each to be run by itself: in one piece where only that is Python."""
    found = [submitted[n].source for n in match.numbers]
    together = "\n\n".join(found)
    if match.own.cell_type != "code" or (not all(map(parses, found)) and parses(together)):
        yield together
    else:
        yield from found
