"""The judge: cells of tests, run in a trusted process on what the student's functions return.

A name that a cell of tests uses is what the last of the instructor's cells before it made of it: a given cell or a cell
of tests (they are run here, given ones only as far as they are needed), or an answer. What the instructor's answer
defines is the student's, and so is a name that nobody else knows: as a stand-in or a copy of data.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import hashlib
import hmac
import io
import linecache
import resource
import signal
import threading
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

from autograde import cells
from autograde.given import Statement, Text, root, statements
from autograde.judged import Step, bound, uses
from autograde.sandbox.proxy import Line
from autograde.sandbox.session import Cause, Ended
from course_utils import report
from course_utils.check import CheckFailed, check
from course_utils.remote import RemoteTrace

Output = dict[str, Any]

JUDGING = 60.0  # seconds that the judge may compute for one cell of tests
MEMORY = 4 << 30  # bytes that it may take for that


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
        self.given = statements(steps)
        self.answers: dict[str, list[int]] = {}  # name → the places of the answers that define it
        for step in steps:
            for name in step.names:
                self.answers.setdefault(name, []).append(step.place)
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
                with _in_time(line), _with_room():
                    outputs += self._run(step, line)
                line.confirm()
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
        source = cells.python(step.source)
        tree = ast.parse(source)
        own = frozenset(bound(tree))
        given = {name for s in self.given if s.place < step.place for name in s.names}
        self.given.append(Statement(step.place, Text(own, frozenset(), frozenset()), own))
        theirs = self._prepare(uses(source) - (own - given - set(self.answers)), step.place, line)
        try:
            value, name = self._execute(tree, step)
        finally:
            for key, stand in theirs.items():  # the next cell asks anew: the student's cells may have changed it
                if self.namespace.get(key) is stand:
                    del self.namespace[key]
        return [] if name in theirs else _credit(value, step.points)

    def _prepare(self, wanted: set[str], place: int, line: Line) -> dict[str, Any]:
        """Make the names that a cell uses: run the instructor's statements behind them, and ask for the others."""
        for statement in self.given:
            if statement.place < place:
                statement.look()
        theirs: dict[str, Any] = {}
        absent: set[str] = set()
        while True:
            chosen, needed = self._needed(wanted, place, absent)
            asked = sorted(n for n in needed - set(theirs) - absent if self._is_theirs(n, place))
            if not asked:
                break
            theirs |= line.names(asked)
            absent |= set(asked) - set(theirs)
        self.namespace.update(theirs)
        for statement in chosen:
            statement.run(self.namespace, theirs)
        if self.namespace.get("check") is check:
            self.namespace["check"] = self._check
        return theirs

    def _needed(self, wanted: set[str], place: int, absent: set[str]) -> tuple[list[Statement], set[str]]:
        """The instructor's statements behind names, and all names that those use in turn."""
        needed = set(wanted)
        chosen: list[Statement] = []
        for statement in reversed([s for s in self.given if s.place < place]):
            named = {n for n in statement.names & needed if n in absent or not self._is_theirs(n, place)}
            if named or statement.text.touches & needed:
                chosen.insert(0, statement)
                needed |= statement.text.uses
        return chosen, needed

    def _is_theirs(self, name: str, place: int) -> bool:
        """Whether a name is the student's: the last to define it is an answer, or nobody does."""
        given = max((s.place for s in self.given if s.place < place and name in s.names), default=-1)
        answered = max((p for p in self.answers.get(name, ()) if p < place), default=-1)
        if given < 0 and answered < 0:
            return name not in self.namespace and not hasattr(builtins, name)
        return answered > given

    def _execute(self, tree: ast.Module, step: Step) -> tuple[Any, str]:
        """Run a cell's statements; the value of an expression at the end, and the name that it begins with."""
        file = f"<{step.label}>"
        linecache.cache[file] = (len(step.source), None, step.source.splitlines(keepends=True), file)
        last = tree.body[-1] if tree.body else None
        if not isinstance(last, ast.Expr):
            exec(compile(tree, file, "exec"), self.namespace)
            return None, ""
        exec(compile(ast.Module(tree.body[:-1], []), file, "exec"), self.namespace)
        return eval(compile(ast.Expression(last.value), file, "eval"), self.namespace), root(last.value)

    def _check(self, answer: Any, obj: Any = None, *, hidden: bool = False, seed: int = 0, **companions: Any) -> None:
        """``check`` with hidden cases that nobody can foresee."""
        name = answer if isinstance(answer, str) else getattr(answer, "__name__", "")
        if hidden:
            seed = self.seeds[str(name)] = hidden_seed(self.secret, self.lesson, str(name))
        check(answer, obj, hidden=hidden, seed=seed, **companions)


@contextlib.contextmanager
def _in_time(line: Line) -> Iterator[None]:
    """A bound on what the judge computes: a number that an answer returned may be how often a test does something."""

    def overrun(*_: object) -> None:
        line.ended = Ended(Cause.TIME, "what it returned kept the test busy for too long")
        raise line.ended

    if threading.current_thread() is not threading.main_thread():  # where there are no signals
        yield
        return
    before = signal.signal(signal.SIGPROF, overrun)
    signal.setitimer(signal.ITIMER_PROF, JUDGING)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@contextlib.contextmanager
def _with_room() -> Iterator[None]:
    """A bound on the memory that the judge takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    try:
        held = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        yield
        return
    most = [limit for limit in (held + MEMORY, soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(most), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _credit(value: Any, points: float) -> list[Output]:
    """A number at the end of a cell of tests: so many of its points."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return []
    number = float(value)
    given = min(number, points) if number > 0 else 0.0  # what is no number is nothing
    shown = {"text/plain": repr(given)}
    return [{"output_type": "execute_result", "data": shown, "metadata": {}, "execution_count": None}]


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
