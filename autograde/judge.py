"""The judge: cells of tests, run in a trusted process on what the student's functions return.

A name that a cell of tests uses is, in this order: its own; Python's; what the instructor's cells define or import
(they are run here again, only those statements that are needed); else the student's, as a stand-in or a copy of data.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import hashlib
import hmac
import io
import linecache
import traceback
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from autograde import cells
from autograde.judged import Role, Step, bound, parsed
from autograde.sandbox.proxy import Line
from autograde.sandbox.session import Ended
from course_utils import report
from course_utils.check import CheckFailed, check
from course_utils.remote import RemoteTrace

Output = dict[str, Any]


@dataclass(frozen=True)
class Tested:
    """A cell of tests after its run.

    outputs : as nbformat has them; an error among them means that the cell did not pass.
    record : what ``check`` found wrong, as data.
    seeds : exercise → the seed that its hidden cases were drawn from.
    ended : how the student's process ended meanwhile, if it did.
    """

    outputs: tuple[Output, ...]
    record: Mapping[str, Any] | None = None
    seeds: Mapping[str, int] = field(default_factory=dict)
    ended: Ended | None = None

    @property
    def passed(self) -> bool:
        return all(output["output_type"] != "error" for output in self.outputs)


def hidden_seed(secret: str, lesson: str, exercise: str) -> int:
    """The seed of an exercise's hidden cases: the same on every machine, unknown without the course's secret."""
    digest = hmac.new(secret.encode(), f"{lesson}/{exercise}".encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:4], "big")


class Judge:
    """The judge of one submission."""

    def __init__(self, steps: Sequence[Step], lesson: str, secret: str):
        self.lesson, self.secret = lesson, secret
        self.given = _statements(steps)
        self.namespace: dict[str, Any] = {"__name__": "__main__", "display": lambda *_, **__: None}
        self.seeds: dict[str, int] = {}

    def test(self, step: Step, line: Line) -> Tested:
        """Run a cell of tests."""
        self.seeds = {}
        printed = io.StringIO()
        outputs: list[Output] = []
        record: Mapping[str, Any] | None = None
        ended: Ended | None = None
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                outputs += self._run(step, line)
            except Ended as error:
                ended = error
                outputs.append(_error("StudentsProcessEnded", sentence(error), [sentence(error)]))
            except (Exception, SystemExit, KeyboardInterrupt) as error:
                outputs.append(_described(error, step))
                record = _record(error)
        if printed.getvalue():
            outputs.insert(0, {"output_type": "stream", "name": "stdout", "text": printed.getvalue()[:100_000]})
        return Tested(tuple(outputs), record, dict(self.seeds), ended)

    def _run(self, step: Step, line: Line) -> list[Output]:
        tree = ast.parse(cells.python(step.source))
        wanted = _used(tree) - set(dir(builtins)) - {"display"}
        theirs = self._prepare(wanted, step.place, line)
        value, name = self._execute(tree, step)
        for key, stand in theirs.items():  # the next cell asks anew: the student's cells may have changed it
            if self.namespace.get(key) is stand:
                del self.namespace[key]
        self.given.append(_Statement(step.place, frozenset(bound(tree)), frozenset(), None))
        if isinstance(value, int | float) and not isinstance(value, bool) and name not in theirs:
            shown = {"text/plain": repr(value)}
            return [{"output_type": "execute_result", "data": shown, "metadata": {}, "execution_count": None}]
        return []

    def _prepare(self, wanted: set[str], place: int, line: Line) -> dict[str, Any]:
        """Make the names that a cell uses: run the instructor's statements behind them, and ask for the others."""
        needed: set[str] = set(wanted)
        chosen: list[_Statement] = []
        for statement in reversed([s for s in self.given if s.place < place]):
            if statement.names & needed or "*" in statement.names:
                chosen.insert(0, statement)
                needed |= statement.uses
        known = {name for statement in chosen for name in statement.names} | set(self.namespace)
        asked = sorted(needed - known - set(dir(builtins)))
        theirs = line.names(asked) if asked else {}
        self.namespace.update(theirs)
        for statement in chosen:
            if statement.code is not None and not statement.done:
                exec(statement.code, self.namespace)
                statement.done = True
        if self.namespace.get("check") is check:
            self.namespace["check"] = self._check
        return theirs

    def _execute(self, tree: ast.Module, step: Step) -> tuple[Any, str]:
        """Run a cell's statements; the value of an expression at the end, and the name that it begins with."""
        file = f"<{step.label}>"
        linecache.cache[file] = (len(step.source), None, step.source.splitlines(keepends=True), file)
        last = tree.body[-1] if tree.body else None
        if not isinstance(last, ast.Expr):
            exec(compile(tree, file, "exec"), self.namespace)
            return None, ""
        exec(compile(ast.Module(tree.body[:-1], []), file, "exec"), self.namespace)
        root: ast.AST = last.value
        while isinstance(root, ast.Call | ast.Attribute | ast.Subscript):
            root = root.func if isinstance(root, ast.Call) else root.value
        return eval(compile(ast.Expression(last.value), file, "eval"), self.namespace), getattr(root, "id", "")

    def _check(self, answer: Any, obj: Any = None, *, hidden: bool = False, seed: int = 0, **companions: Any) -> None:
        """``check`` with hidden cases that nobody can foresee."""
        name = answer if isinstance(answer, str) else getattr(answer, "__name__", "")
        if hidden:
            seed = self.seeds[str(name)] = hidden_seed(self.secret, self.lesson, str(name))
        check(answer, obj, hidden=hidden, seed=seed, **companions)


@dataclass
class _Statement:
    """A statement of the instructor's: the names that it binds, those that it uses, and whether it was run."""

    place: int
    names: frozenset[str]
    uses: frozenset[str]
    code: CodeType | None
    done: bool = False


def _statements(steps: Sequence[Step]) -> list[_Statement]:
    found = []
    for step in steps:
        if step.role is not Role.GIVEN:
            continue
        tree = parsed(step.own)  # never what a student added to it
        for statement in tree.body if tree else ():
            alone = ast.Module([statement], [])
            if names := frozenset(bound(alone)):
                code = compile(alone, f"<{step.label}>", "exec")
                found.append(_Statement(step.place, names, frozenset(_used(alone)), code))
    return found


def _used(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def sentence(ended: Ended) -> str:
    """How a student is told that a call did not come back."""
    return f"Your code was stopped: {ended.detail}."


def _record(error: BaseException) -> Mapping[str, Any] | None:
    if not isinstance(error, CheckFailed) or error.result is None:
        return None
    return report.record(error.result)


def _described(error: BaseException, step: Step) -> Output:
    """A failure as a notebook keeps it; a line of tests is shown only where students have it too."""
    kind = type(error).__name__
    if isinstance(error, CheckFailed):
        return _error(kind, str(error), error._render_traceback_())
    lines = [f.line or "" for f in traceback.extract_tb(error.__traceback__) if f.filename == f"<{step.label}>"]
    shown = [f"    {line}" for line in lines[-1:] if line and line in step.own]
    own = str(error.__cause__).splitlines() if isinstance(error.__cause__, RemoteTrace) else []
    said = f"{kind}: {error}" if str(error) else kind
    return _error(kind, str(error), [*shown, said, *own] if shown or str(error) or own else ["A hidden test failed."])


def _error(name: str, text: str, lines: Sequence[str]) -> Output:
    return {"output_type": "error", "ename": name, "evalue": text, "traceback": list(lines)}
