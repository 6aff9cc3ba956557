"""What the instructor gives in cells without points, run in the judge too: only those statements that are needed.

A given cell may load a picture, train a network or draw plots; a test that needs one constant of it should not pay for
that. So each statement is known by the names that it binds, that it looks at, and whose objects it changes.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType
from typing import Any

from autograde.judged import Role, Step, bound, parsed, uses

RANDOM = re.compile(r"rand|rng|seed|normal|uniform|shuffle|permut|choice|\bnn\.|\binit\.")  # names of what draws
RANDOM_NUMBERS = "random numbers"  # a name that no program has, for what they are drawn from


@dataclass(frozen=True)
class Text:
    """A statement of the instructor's, read: the names that it binds, looks at, and whose objects it changes."""

    names: frozenset[str]
    uses: frozenset[str]
    touches: frozenset[str]
    code: CodeType | None = None  # None for a cell of tests, which has run


@dataclass
class Statement:
    """A statement at its place; ``found`` is what an import of everything brings."""

    place: int
    text: Text
    names: frozenset[str]
    done: bool = False
    found: dict[str, Any] = field(default_factory=dict)

    def look(self) -> None:
        """Find out which names an import of everything binds."""
        if "*" in self.names and self.text.code is not None:
            exec(self.text.code, self.found)
            self.found.pop("__builtins__", None)
            self.names = frozenset(self.found)

    def run(self, namespace: dict[str, Any], theirs: Mapping[str, Any]) -> None:
        """Run it once; what is the student's by now stays that."""
        if self.text.code is None or self.done:
            return
        self.done = True
        if self.found:
            namespace.update(self.found)
        else:
            with contextlib.suppress(*() if self.names else (Exception,)):
                exec(self.text.code, namespace)
        namespace.update({name: theirs[name] for name in self.names & theirs.keys()})


def statements(steps: Sequence[Step]) -> list[Statement]:
    """The statements of the given cells: the instructor's own, never what a student added."""
    given = [step for step in steps if step.role is Role.GIVEN]
    modules = frozenset(name for step in given for name in _imported(step.own))
    return [Statement(s.place, text, text.names) for s in given for text in _read(s.own, s.label, modules)]


@lru_cache(maxsize=1000)
def _imported(source: str) -> frozenset[str]:
    tree = parsed(source)
    imports: list[ast.stmt] = [s for s in tree.body if isinstance(s, ast.Import | ast.ImportFrom)] if tree else []
    return frozenset(bound(ast.Module(imports, [])))


@lru_cache(maxsize=1000)
def _read(source: str, label: str, modules: frozenset[str]) -> tuple[Text, ...]:
    tree = parsed(source)
    found = []
    for statement in tree.body if tree else ():
        alone = ast.Module([statement], [])
        names, touches = frozenset(bound(alone)), frozenset(_touched(statement)) - modules - {""}
        if names or touches:
            looks_at = frozenset(uses(ast.unparse(alone))) | touches
            found.append(Text(names, looks_at, touches, compile(alone, f"<{label}>", "exec")))
    return tuple(found)


def _touched(statement: ast.stmt) -> Iterator[str]:
    """The names whose objects a statement changes: it sets a part of one, calls a method, or draws random numbers."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Call) and RANDOM.search(ast.unparse(node.func)):
            yield from (RANDOM_NUMBERS, root(node.func))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield from [root(node.value.func)] if isinstance(node.value.func, ast.Attribute) else []
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            yield root(node)


def root(node: ast.AST) -> str:
    """The name that a chain of calls, attributes and items begins with; empty where it begins with something else."""
    while isinstance(node, ast.Call | ast.Attribute | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return getattr(node, "id", "")
