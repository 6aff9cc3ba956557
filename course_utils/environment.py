"""Is everything installed? ``python -m course_utils.environment`` lists each requirement, its version and what to do.

Nothing of this module needs a package that may be missing, and a package that breaks on import is reported like one
that is missing, so the list comes out on every machine.
"""

from __future__ import annotations

import html
import importlib
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

COURSE = "convnets-by-hand"
EXTRA = "instructor"
MODULES = {"scikit-learn": "sklearn"}  # where the name to import is not the name to install
PROGRAMS = ("jupyterlab", "nbgrader")  # started by themselves, never imported by a lesson, and slow to import


@dataclass(frozen=True)
class Row:
    """One line of the table.

    name : the package, or ``"Python"``, or ``"device"``.
    wanted : the versions that will do, such as ``">=1.26"``.
    found : the version that is there, or "".
    verdict : "OK", or what is wrong, or a remark.
    todo : the command that puts it right, or "".
    needed : whether the course cannot run without it.
    """

    name: str
    wanted: str
    found: str
    verdict: str = "OK"
    todo: str = ""
    needed: bool = True

    @property
    def ok(self) -> bool:
        return self.verdict == "OK" or not self.needed


@dataclass(frozen=True)
class Table:
    """The rows, as text in a terminal and as a table in a notebook."""

    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        return all(row.ok for row in self.rows)

    @property
    def conclusion(self) -> str:
        if self.ok:
            return "Everything that the course needs is here."
        wrong = [row.name for row in self.rows if not row.ok]
        return (
            f"Needs attention: {', '.join(wrong)}. Run the first command, restart the kernel and look again: "
            "one cause often breaks several packages."
        )

    def __str__(self) -> str:
        cells = [("", "wanted", "found", ""), *((r.name, r.wanted, r.found, r.verdict) for r in self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(3)]
        lines = []
        for (*columns, verdict), todo in zip(cells, ["", *(r.todo for r in self.rows)], strict=True):
            left = "  ".join(c.ljust(w) for c, w in zip(columns, widths, strict=True))
            lines.append(f"{left}  {verdict}".rstrip())
            lines += [f"    → {todo}"] if todo else []
        return "\n".join([*lines, "", self.conclusion])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f"<th style='text-align:left'>{title}</th>" for title in ("", "wanted", "found", ""))
        body = "".join(f"<tr>{''.join(_html_cells(row))}</tr>" for row in self.rows)
        return f"<table><tr>{head}</tr>{body}</table><p>{html.escape(self.conclusion)}</p>"


def _html_cells(row: Row) -> Iterator[str]:
    """The cells of a row; a command stands below what is wrong."""
    colour = "inherit" if row.verdict == "OK" else ("#777" if row.ok else "#b00020")
    verdict = f"<span style='color:{colour}'>{html.escape(row.verdict)}</span>"
    todo = f"<br><code>{html.escape(row.todo)}</code>" if row.todo else ""
    for content in (*map(html.escape, (row.name, row.wanted, row.found)), verdict + todo):
        yield f"<td style='text-align:left'>{content}</td>"


def table() -> Table:
    """Look at Python, at every requirement of the course and at the device.

    The requirements are those that the installed course states (the metadata of ``convnets-by-hand``); where the course
    is used without being installed, those of the ``pyproject.toml`` beside it. Every package that a lesson imports is
    imported, which takes a few seconds the first time.
    """
    wanted_python, requirements = _stated()
    rows = [_python(wanted_python)]
    if not requirements:
        todo = _pip(f'-e "{_root()}"')
        rows.append(Row(COURSE, "", "", "not installed, so its requirements are not known", todo))
    rows += [_requirement(text) for text in requirements if ";" not in text]
    rows += [_optional(_requirement(text.split(";")[0])) for text in requirements if _is_extra(text)]
    return Table((*rows, _device()))


def device() -> str:
    """The fastest device that PyTorch can use here: ``"cuda"``, else ``"mps"`` (Apple), else ``"cpu"``."""
    try:
        import torch

        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    except Exception:  # PyTorch is missing or broken, which its own row says
        return "cpu"


def main() -> int:
    """Print the table; 0 when all that is needed is there, else 1."""
    looked = table()
    print(looked)
    return 0 if looked.ok else 1


def _stated() -> tuple[str, list[str]]:
    """The Python versions and the requirements that the course states."""
    try:
        course = metadata.metadata(COURSE)
        return (course.get_all("Requires-Python") or [""])[0], course.get_all("Requires-Dist") or []
    except metadata.PackageNotFoundError:
        return _project()


def _project() -> tuple[str, list[str]]:
    """The same from the checkout's ``pyproject.toml``; nothing where there is none."""
    try:
        import tomllib

        project = tomllib.loads((_root() / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except (ImportError, OSError, KeyError, ValueError):
        return "", []
    extra = [f'{text}; extra == "{EXTRA}"' for text in project.get("optional-dependencies", {}).get(EXTRA, [])]
    return project.get("requires-python", ""), [*project.get("dependencies", []), *extra]


def _root() -> Path:
    return Path(__file__).resolve().parent.parent


def _is_extra(text: str) -> bool:
    return bool(re.search(rf"""extra == ["']{EXTRA}["']""", text))


def _python(wanted: str) -> Row:
    found = platform.python_version()
    if _suits(found, wanted):
        return Row("Python", wanted, found)
    todo = f"install Python {wanted.lstrip('>=')} or later, then make a new environment with it"
    return Row("Python", wanted, found, "too old", todo)


def _requirement(text: str) -> Row:
    """The row of a requirement such as ``numpy>=1.26``."""
    name, wanted = _split(text)
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Row(name, wanted, "", "missing", _pip(f'"{name}{wanted}"'))
    if not _suits(found, wanted):
        return Row(name, wanted, found, "another version is needed", _pip(f'--upgrade "{name}{wanted}"'))
    error = "" if name in PROGRAMS else _import_error(MODULES.get(name, name.replace("-", "_")))
    if error:
        todo = _pip(f'--force-reinstall --no-cache-dir "{name}{wanted}"')
        return Row(name, wanted, found, f"installed, but does not import: {error}", todo)
    return Row(name, wanted, found)


def _split(text: str) -> tuple[str, str]:
    """``"nbgrader[extra] (<0.10,>=0.9.5)"`` → ``("nbgrader", ">=0.9.5,<0.10")``."""
    name = re.match(r"[A-Za-z0-9._-]+", text.strip())
    specifiers = re.findall(r"(?:[<>]=?|[=!~]=)\s*[^\s,;()]+", text.split(";")[0])
    return name.group() if name else text, ",".join(sorted(specifiers, reverse=True))


def _suits(version: str, wanted: str) -> bool:
    """Whether a version meets specifiers with <, <=, >, >=, == or !=; others are taken to be met."""
    have = _numbers(version)
    for operator, bound in re.findall(r"([<>]=?|[=!]=)\s*([^\s,]+)", wanted):
        limit = _numbers(bound)
        length = max(len(have), len(limit))
        mine, its = (v + (0,) * (length - len(v)) for v in (have, limit))
        met = {
            "<": mine < its,
            "<=": mine <= its,
            ">": mine > its,
            ">=": mine >= its,
            "==": mine == its,
            "!=": mine != its,
        }
        if not met[operator]:
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    """``"2.4.0rc1+cpu"`` → ``(2, 4, 0)``."""
    release = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, release.group().split("."))) if release else ()


def _import_error(module: str) -> str:
    """Import a module; the error in one line, or "" when it works."""
    try:
        importlib.import_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a broken installation throws, even SystemExit
        first = (str(error).strip().splitlines() or [""])[0]
        return f"{type(error).__name__}: {first}"[:120]
    return ""


def _optional(row: Row) -> Row:
    """The same row for something that only instructors need."""
    verdict = "OK" if row.verdict == "OK" else f"{row.verdict}; only instructors need it"
    return Row(row.name, row.wanted, row.found, verdict, row.todo, needed=False)


def _device() -> Row:
    kind = device()
    cores = f"{os.cpu_count() or 1} cores"
    if kind == "cuda":
        return Row("device", "", _gpu(), needed=False)
    if kind == "mps":
        return Row("device", "", f"MPS: Apple GPU ({cores})", needed=False)
    remark = "a GPU is not needed: every lesson runs on the CPU"
    if shutil.which("nvidia-smi"):
        remark = "there is an NVIDIA driver, but this PyTorch cannot use it: a CUDA build of PyTorch could"
    return Row("device", "", f"CPU ({cores})", remark, needed=False)


def _gpu() -> str:
    import torch

    try:
        return f"CUDA: {torch.cuda.get_device_name(0)}"
    except Exception as error:  # a driver that answers one question and not the next
        return f"CUDA ({type(error).__name__}: no name)"


def _pip(what: str) -> str:
    return (
        f'"{sys.executable}" -m pip install {what}'
        if " " in sys.executable
        else f"{sys.executable} -m pip install {what}"
    )


if __name__ == "__main__":
    sys.exit(main())
