"""How strong are the checks? Put hundreds of wrong answers through them that nobody wrote.

    python benchmarks/mutants.py [LESSON…] [--survivors] [--hidden]

Takes each answer from the sources in solutions/, changes one thing in it (an operator, a number, a bound of a slice, a
comparison, an argument, an axis; or leaves out a statement), and runs the exercise's check. A mutant that passes is
either the same function written differently, or a hole in the check: --survivors prints each, to be read by a person.
Prints for each exercise: mutants, caught, caught with a named mistake, survivors.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import io
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat

from course_utils import exercises
from course_utils.contract import Exercise
from course_utils.examination import examine

SOLUTIONS = Path(__file__).parents[1] / "solutions"
SECONDS = 10  # a mutant that runs longer counts as caught
Change = tuple[str, Callable[[Any], Any]]
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Pow: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And, ast.UAdd: ast.USub,
}  # fmt: skip


class Overtime(BaseException):
    """Not an Exception, so that no answer catches it."""


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Every change of one thing: (what was changed, new source)."""
    tree = ast.parse(source)
    for position, node in enumerate(ast.walk(tree)):
        for what, change in _changes(node):
            changed = copy.deepcopy(tree)
            target = list(ast.walk(changed))[position]
            change(target)
            text = ast.unparse(ast.fix_missing_locations(changed))
            if text != ast.unparse(tree):
                yield f"line {getattr(node, 'lineno', '?')}: {what}", text


def _changes(node: ast.AST) -> Iterator[Change]:
    for kind in (_operators, _constants, _slices, _arguments, _statements):
        yield from kind(node)


def _operators(node: ast.AST) -> Iterator[Change]:
    for field in ("op", "ops"):
        value = getattr(node, field, None)
        operator = value[0] if isinstance(value, list) else value
        if type(operator) in SWAPS:
            new = SWAPS[type(operator)]()
            assigned = [new] if isinstance(value, list) else new
            yield f"{type(operator).__name__} → {type(new).__name__}", lambda n, f=field, v=assigned: setattr(n, f, v)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign dropped", lambda n: setattr(n, "op", ast.UAdd())


def _constants(node: ast.AST) -> Iterator[Change]:
    if not isinstance(node, ast.Constant):
        return
    if isinstance(node.value, bool):
        yield f"{node.value} → {not node.value}", lambda n: setattr(n, "value", not n.value)
    elif isinstance(node.value, (int, float)):
        for new in (node.value + 1, node.value - 1, 0):
            yield f"{node.value} → {new}", lambda n, v=new: setattr(n, "value", v)


def _slices(node: ast.AST) -> Iterator[Change]:
    for bound in ("lower", "upper", "step"):
        if isinstance(node, ast.Slice) and getattr(node, bound) is not None:
            yield f"{bound} bound of a slice dropped", lambda n, b=bound: setattr(n, b, None)


def _arguments(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Call) and len(node.args) > 1:
        yield "first two arguments exchanged", lambda n: n.args.__setitem__(slice(0, 2), n.args[1::-1])
    if isinstance(node, ast.Call) and node.keywords:
        for i, keyword in enumerate(node.keywords):
            yield f"{keyword.arg}= left out", lambda n, i=i: n.keywords.pop(i)
    if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
        yield "last two of a tuple exchanged", lambda n: n.elts.__setitem__(slice(-2, None), n.elts[:-3:-1])


def _statements(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, (ast.FunctionDef, ast.For, ast.If)) and len(node.body) > 1:
        for i, statement in enumerate(node.body):
            if not isinstance(statement, (ast.Return, ast.Expr)):
                yield f"without `{ast.unparse(statement)[:40]}`", lambda n, i=i: n.body.pop(i)
    if isinstance(node, ast.AugAssign):
        yield "assigned instead of accumulated", _assign


def _assign(node: Any) -> None:
    """``a += b`` becomes ``a = b``, written as ``a += b - a``."""
    node.op = ast.Add()
    node.value = ast.BinOp(node.value, ast.Sub(), _load(node.target))


def _load(target: ast.expr) -> ast.expr:
    loaded = copy.deepcopy(target)
    loaded.ctx = ast.Load()  # type: ignore[attr-defined]
    return loaded


def answers(lesson: str) -> Iterator[tuple[Exercise, str, dict[str, Any]]]:
    """Each exercise of a lesson, its answer's source, and the names that the cells before it define."""
    notebook = nbformat.read(SOLUTIONS / lesson / f"{lesson}.ipynb", as_version=4)
    scope: dict[str, Any] = {"__name__": "__main__"}
    by_name = {e.name: e for e in exercises.lesson(lesson)}
    for cell in notebook.cells:
        graded = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or "show" in cell.metadata.get("tags", []) or graded.get("grade"):
            continue
        if graded.get("solution") and graded["grade_id"] in by_name:
            yield by_name[graded["grade_id"]], cell.source, dict(scope)
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(cell.source, f"<{lesson}>", "exec"), scope)


def verdict(exercise: Exercise, source: str, scope: dict[str, Any], hidden: bool) -> str:
    """What check makes of a mutant: "survived", "named", "caught"; "broken" when it defines no answer or never ends."""

    def stop(*_: Any) -> None:
        raise Overtime

    scope = dict(scope)
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        exec(compile(source, "<mutant>", "exec"), scope)
        companions = [scope[name] for name in exercise.companions]
        result = examine(exercise, scope[exercise.name], companions, hidden=hidden, seed=1)
    except (Exception, Overtime):
        return "broken"
    finally:
        signal.alarm(0)
    if result.passed:
        return "survived"
    return "named" if result.mistakes else "caught"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", default=sorted(p.name for p in SOLUTIONS.iterdir()))
    parser.add_argument("--survivors", action="store_true", help="print each mutant that passes")
    parser.add_argument("--hidden", action="store_true", help="run the hidden checks")
    arguments = parser.parse_args()
    total: Counter[str] = Counter()
    print(f"{'exercise':28} mutants  caught   named  survived")
    for lesson in arguments.lessons:
        for exercise, source, scope in answers(lesson):
            counts: Counter[str] = Counter()
            for what, text in mutants(source):
                kind = verdict(exercise, text, scope, arguments.hidden)
                counts[kind] += 1
                if kind == "survived" and arguments.survivors:
                    print(f"  {exercise.name}: {what}", file=sys.stderr)
            total += counts
            _print(exercise.name, counts)
    _print("all", total)


def _print(name: str, counts: Counter[str]) -> None:
    mutated = sum(counts.values())
    caught = mutated - counts["survived"]
    print(f"{name:28} {mutated:7} {caught:7} {counts['named']:7} {counts['survived']:9}", flush=True)


if __name__ == "__main__":
    main()
