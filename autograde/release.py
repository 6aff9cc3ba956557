"""``autograde release``: sources to students' notebooks, unless a solution or a hidden test would leak."""

from __future__ import annotations

import ast
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from autograde import cells
from autograde.course import Course
from autograde.errors import CourseError
from autograde.lesson import Lesson
from course_utils import exercises

WHOLE, LINE = 20, 50  # letters from which on a whole solution, or a line of one, is told when it appears elsewhere


@dataclass(frozen=True)
class Released:
    """A lesson that was released; ``changed`` when the notebook was not there yet as it is now."""

    lesson: str
    path: Path
    changed: bool


def release(course: Course, lessons: Sequence[str], folder: Path | None = None) -> tuple[Released, ...]:
    """Write the students' notebooks of lessons (to another folder when one is given), all of them or none."""
    loaded = [Lesson.load(course, name) for name in lessons]
    texts = [sound_version(lesson) for lesson in loaded]
    return tuple(_write(le, text, folder or course.released) for le, text in zip(loaded, texts, strict=True))


def sound_version(lesson: Lesson) -> str:
    """The text of a lesson's released notebook; :class:`CourseError` when it must not be released."""
    findings = tuple(f"{lesson.name}: {finding}" for finding in examine(lesson))
    if findings:
        raise CourseError(f"{lesson.name} is not released:", findings)
    return cells.text(lesson.released)


def _write(lesson: Lesson, text: str, folder: Path) -> Released:
    target = folder / lesson.name / f"{lesson.name}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    changed = not target.is_file() or target.read_bytes() != text.encode()
    if changed:
        target.write_bytes(text.encode())
    for name, path in lesson.files:
        (target.parent / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target.parent / name)
    return Released(lesson.name, target, changed)


def examine(lesson: Lesson) -> tuple[str, ...]:
    """Why a lesson must not be released: a sentence a finding."""
    source = lesson.source
    findings = [*_markers(source), *_ids(source), *_metadata(source), *_points(source, lesson.course.points)]
    findings += _exercises(source, [e.name for e in exercises.lesson(lesson.name)])
    if not findings:
        try:
            findings += _leaks(source, lesson.released)
        except Exception as error:  # nbgrader's own refusals are RuntimeErrors, ValidationErrors and others
            findings.append(f"nbgrader refuses it: {error}")
    return tuple(findings)


def _markers(source: NotebookNode) -> Iterator[str]:
    """Markers that do not pair, or stand in a cell where nbgrader would not take their content out."""
    for cell in source.cells:
        open_kind = ""
        for begin_or_end, kind in cells.MARKER.findall(cell.source):
            if begin_or_end == ("END" if not open_kind else "BEGIN") or (open_kind and kind != open_kind):
                yield f"{cells.label(cell)}: {begin_or_end} {kind} does not pair with a marker before it."
                break
            open_kind = kind if begin_or_end == "BEGIN" else ""
        else:
            if open_kind:
                yield f"{cells.label(cell)}: BEGIN {open_kind} has no END."
        if next(cells.regions(cell.source, "SOLUTION"), None) is not None and not cells.is_answer(cell):
            yield f"{cells.label(cell)}: it has a solution, but its metadata do not make it an answer cell."
        if next(cells.regions(cell.source, "HIDDEN TESTS"), None) is not None and not cells.is_graded(cell):
            yield f"{cells.label(cell)}: it has hidden tests, but its metadata do not make it a graded cell."


def _ids(source: NotebookNode) -> Iterator[str]:
    if source.nbformat_minor < 5 or not all(cell.get("id") for cell in source.cells):
        yield "cells have no ids: save it in notebook format 4.5."
    for kind, names in (
        ("cell id", [cell.id for cell in source.cells if "id" in cell]),
        ("grade_id", [cells.grade_id(cell) for cell in source.cells if cells.grade_id(cell)]),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                yield f"{kind} {name!r} is given to {count} cells."


def _metadata(source: NotebookNode) -> Iterator[str]:
    for cell in source.cells:
        data = cells.nbgrader_data(cell)
        if cell.get("outputs") or cell.get("execution_count"):
            yield f"{cells.label(cell)}: it holds outputs; sources are kept without (nbstripout --keep-id)."
        if not data:
            continue
        if cells.is_show(cell):
            yield f"{cells.label(cell)}: it is tagged {cells.SHOW}, but takes part in the grading."
        if cells.is_graded(cell) and not cells.is_answer(cell) and not data.get("locked"):
            yield f"{cells.label(cell)}: a cell of tests must be locked."
        if cells.is_graded(cell) and not cells.part(cell).points > 0:
            yield f"{cells.label(cell)}: a graded cell must be worth more than 0 points."
        if cells.is_answer(cell) and cell.get("attachments"):
            yield f"{cells.label(cell)}: its attachments would stay in the released cell."
        if cells.is_answer(cell) and not any(r.strip() for r in cells.regions(cell.source, "SOLUTION")):
            yield f"{cells.label(cell)}: an answer cell needs a solution between BEGIN SOLUTION and END SOLUTION."
    if source.metadata.get("widgets"):
        yield "the notebook's metadata hold the state of widgets, which are outputs; strip them."


def _points(source: NotebookNode, expected: float) -> Iterator[str]:
    total = sum(part.points for part in cells.parts(source).values())
    if total != expected:
        yield f"its points add up to {total:g}, not to {expected:g}."


def _exercises(source: NotebookNode, declared: Sequence[str]) -> Iterator[str]:
    """Every exercise that is declared for the lesson, or that a cell is named after, must be complete."""
    by_name = {cells.grade_id(cell): cell for cell in source.cells}
    named = [name.removesuffix("_check").removesuffix("_hidden") for name in by_name]
    for name in dict.fromkeys([*declared, *(n for n in named if n in exercises.names())]):
        answer = by_name.get(name)
        if answer is None or not cells.is_answer(answer) or cells.is_graded(answer):
            yield f"exercise {name} has no answer cell (grade_id {name}, solution, not graded)."
        elif name not in _defined(answer.source):
            yield f"{cells.label(answer)}: it does not define {name}."
        yield from _checks(name, by_name)


def _checks(name: str, by_name: dict[str, NotebookNode]) -> Iterator[str]:
    """An exercise needs a check that students see, and one that they do not."""
    visible, hidden = by_name.get(f"{name}_check"), by_name.get(f"{name}_hidden")
    if visible is None or not cells.is_graded(visible) or not _calls_check(visible.source, name):
        yield f"exercise {name} lacks its visible check: a graded cell {name}_check with check({name})."
    elif next(cells.regions(visible.source, "HIDDEN TESTS"), None) is not None:
        yield f"{cells.label(visible)}: the visible check has hidden tests; they belong into {name}_hidden."
    text = "" if hidden is None else "\n".join(cells.regions(hidden.source, "HIDDEN TESTS"))
    if hidden is None or not cells.is_graded(hidden) or not _calls_check(text, name):
        yield f"exercise {name} lacks its hidden check: a graded cell {name}_hidden with check({name}, hidden=True, …)."
    elif not re.search(r"hidden\s*=\s*True", text):
        yield f"{cells.label(hidden)}: its check does not say hidden=True."


def _calls_check(source: str, name: str) -> bool:
    return re.search(rf"\bcheck\(\s*['\"]?{re.escape(name)}\b", source) is not None


def _defined(source: str) -> set[str]:
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return set()
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def _leaks(source: NotebookNode, released: NotebookNode) -> Iterator[str]:
    """What of the secret texts is found in the released notebook."""
    for cell in released.cells:
        if cells.MARKER.search(cell.source):
            yield f"{cells.label(cell)}: a marker is left in the released notebook."
        if cell.get("outputs"):
            yield f"{cells.label(cell)}: outputs are left in the released notebook."
    shown = [(cells.label(cell), _lines(cell.source)) for cell in released.cells]
    for cell in source.cells:
        for kind in ("SOLUTION", "HIDDEN TESTS"):
            for secret in cells.regions(cell.source, kind):
                yield from (
                    f"{cells.label(cell)}: its {kind.lower().rstrip('s')} can be read in {place}: {line[:60]!r}"
                    for place, line in _found(_lines(secret), shown)
                )


def _found(secret: Sequence[str], shown: Iterable[tuple[str, Sequence[str]]]) -> Iterator[tuple[str, str]]:
    whole = "\n".join(secret)
    for place, lines in shown:
        long = next((line for line in secret if len(line) >= LINE and line in lines), "")
        if long:
            yield place, long
        elif len(whole) >= WHOLE and f"\n{whole}\n" in "\n" + "\n".join(lines) + "\n":
            yield place, secret[0]


def _lines(text: str) -> list[str]:
    """The lines that say something, without comments and indentation."""
    lines = (line.split("  #")[0].strip() for line in text.splitlines())
    return [re.sub(r"\s+", " ", line) for line in lines if line and not line.startswith("# ")]
