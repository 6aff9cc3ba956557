"""Notebooks as data: read and written, their graded cells found, answers put in, markers taken out."""

from __future__ import annotations

import copy
import json
import os
import re
import stat
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from traitlets.config import Config

from autograde.errors import NotebookError

SHOW = "show"  # the tag of cells that teach and decide nothing
FOR_IPYTHON = re.compile(r"\s*(%%?[A-Za-z_]\w*(\s|$)|![A-Za-z])")
MEASURED = re.compile(r"^(\s*)%(?:time|timeit|prun)\s+(?:-[a-z]\s*\d*\s+)*(?=\S)")
LARGEST = 50_000_000  # bytes of a notebook file
MARKER = re.compile(r"\b(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)\b")


@dataclass(frozen=True)
class Part:
    """A graded cell: what it is a part of, and what it is worth."""

    grade_id: str
    points: float
    kind: str  # "check", "hidden", "written", or "test" for any other cell of tests

    @property
    def exercise(self) -> str:
        """The exercise that the points belong to; a written question is one of its own."""
        return self.grade_id.removesuffix(f"_{self.kind}") if self.kind in ("check", "hidden") else self.grade_id


def read(path: Path) -> NotebookNode:
    """A notebook from a file; :class:`NotebookError` for anything that is not one."""
    return parse(_text(path))


def _text(path: Path) -> str:
    """The text of a regular file: no link, no pipe, nothing huge."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise NotebookError(f"{path.name} cannot be opened ({error.strerror})") from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise NotebookError(f"{path.name} is not a regular file")
        if status.st_size > LARGEST:
            raise NotebookError(f"{path.name} is too large: {status.st_size / 1e6:.0f} MB of {LARGEST / 1e6:.0f}")
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read()
    finally:
        os.close(handle)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotebookError(f"{path.name} is not text in UTF-8") from error


def parse(text: str) -> NotebookNode:
    """A notebook (format 4.5, every cell with an id) from its text."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "is empty" if not text.strip() else f"is not JSON ({str(error)[:80]})"
        raise NotebookError(f"the file {reason}") from error
    if not isinstance(data, dict) or not ("cells" in data or "worksheets" in data):
        raise NotebookError("the file is JSON, but not a notebook: it has no cells")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            notebook: NotebookNode = nbformat.reads(_whole(_readable(data)), as_version=4)
        return _complete(notebook)
    except Exception as error:  # whatever a malformed notebook makes a library stumble over
        raise NotebookError(f"the file is not a sound notebook ({type(error).__name__}: {error})"[:200]) from error


def _whole(data: dict[str, Any]) -> str:
    """JSON without halves of letters (lone surrogates), which no file and no digest can hold."""
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")


def _complete(notebook: NotebookNode) -> NotebookNode:
    """Fill in what a cell must have, so that no later step meets a hole."""
    notebook.nbformat_minor = max(5, notebook.nbformat_minor)
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type not in ("code", "markdown", "raw") or not isinstance(cell.source, str):
            raise ValueError(f"cell {number} is neither code nor text")
        if not isinstance(cell.setdefault("metadata", NotebookNode()), dict):
            raise ValueError(f"cell {number} has metadata that are none")
        name = cell.get("id")
        if not (isinstance(name, str) and re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name)) or name in seen:
            cell["id"] = f"cell-{number}"
        seen.add(cell["id"])
        if cell.cell_type == "code":
            cell.setdefault("outputs", [])
            cell.setdefault("execution_count", None)
    return notebook


def _readable(data: dict[str, Any]) -> dict[str, Any]:
    """The same, with an error in the place of outputs that lack the parts that nbformat and later steps rely on."""
    for cell in data.get("cells", ()):
        if isinstance(cell, dict) and "outputs" in cell:
            outputs = cell["outputs"] if isinstance(cell["outputs"], list) else [cell["outputs"]]
            cell["outputs"] = [output if _is_sound(output) else _strange() for output in outputs]
    return data


def _is_sound(output: object) -> bool:
    if not isinstance(output, dict):
        return False
    kind = output.get("output_type")
    if kind == "stream":
        return isinstance(output.get("text"), str | list) and isinstance(output.get("name"), str)
    if kind == "error":
        return all(isinstance(output.get(name), str) for name in ("ename", "evalue")) and "traceback" in output
    return kind in ("display_data", "execute_result") and isinstance(output.get("data"), dict)


def _strange() -> NotebookNode:
    """In the place of an output that is none: an error, so that it never counts as a test passed."""
    return NotebookNode(output_type="error", ename="OutputError", evalue="", traceback=["This output was damaged."])


def read_source(path: Path) -> NotebookNode:
    """An instructor's notebook, as it is: nothing filled in, nothing repaired."""
    try:
        notebook: NotebookNode = nbformat.v4.reads(_text(path))
        notebook.cells, notebook.metadata, notebook.nbformat_minor  # noqa: B018 (a notebook has these)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise NotebookError(f"the file is not a notebook of format 4 ({type(error).__name__}: {error})") from error
    return notebook


def text(notebook: NotebookNode) -> str:
    """The notebook as it is written to a file, the same bytes every time."""
    return str(nbformat.writes(notebook, version=4)).rstrip("\n") + "\n"


def convert(
    notebook: NotebookNode, steps: Iterable[type], config: Config, resources: Mapping[str, Any]
) -> NotebookNode:
    """A copy of a notebook, put through nbgrader's preprocessors."""
    result, passed = copy.deepcopy(notebook), copy.deepcopy(dict(resources))
    for step in steps:
        result, passed = step(config=config)(result, passed)
    return result


def nbgrader_data(cell: NotebookNode) -> Mapping[str, Any]:
    """nbgrader's metadata of a cell; empty where there are none."""
    data = cell.metadata.get("nbgrader")
    return data if isinstance(data, dict) else {}


def grade_id(cell: NotebookNode) -> str:
    """The name by which nbgrader knows a cell; empty for an ordinary cell."""
    found = nbgrader_data(cell).get("grade_id", "")
    return found if isinstance(found, str) else ""


def is_graded(cell: NotebookNode) -> bool:
    return bool(nbgrader_data(cell).get("grade"))


def is_answer(cell: NotebookNode) -> bool:
    """Whether a student writes in this cell."""
    return bool(nbgrader_data(cell).get("solution"))


def is_show(cell: NotebookNode) -> bool:
    return SHOW in (cell.metadata.get("tags") or ())


def part(cell: NotebookNode) -> Part:
    """A graded cell as a part of the score."""
    name = grade_id(cell)
    endings = ("check", "hidden")
    kind = "written" if is_answer(cell) else next((e for e in endings if name.endswith(f"_{e}")), "test")
    return Part(name, float(nbgrader_data(cell).get("points", 0)), kind)


def parts(notebook: NotebookNode) -> dict[str, Part]:
    """The graded cells of a notebook by grade id, in order."""
    return {grade_id(cell): part(cell) for cell in notebook.cells if is_graded(cell)}


def label(cell: NotebookNode) -> str:
    """How a message names a cell."""
    return f"cell {grade_id(cell) or cell.get('id', '')!s}"


def regions(source: str, kind: str) -> Iterator[str]:
    """The texts between BEGIN and END markers of a kind ("SOLUTION", "HIDDEN TESTS")."""
    inside: list[str] | None = None
    for line in source.splitlines():
        found = MARKER.search(line)
        if found and found[2] == kind:
            if found[1] == "END" and inside is not None:
                yield "\n".join(inside)
            inside = [] if found[1] == "BEGIN" else None
        elif inside is not None:
            inside.append(line)


def unmarked(source: str) -> str:
    """A cell's source without the lines that hold markers: the solution as a student would have written it."""
    return "\n".join(line for line in source.splitlines() if not MARKER.search(line))


def python(source: str) -> str:
    """A cell's source as plain Python: lines for IPython are left out, but for what ``%time`` and the like measure."""
    lines = [MEASURED.sub(r"\1", line) for line in source.splitlines()]
    return "\n".join("" if FOR_IPYTHON.match(line) else line for line in lines)


def replaced(notebook: NotebookNode, sources: Mapping[str, str]) -> NotebookNode:
    """A copy with other sources in the cells of these grade ids."""
    result = copy.deepcopy(notebook)
    for cell in result.cells:
        cell.source = sources.get(grade_id(cell), cell.source)
    return result
