"""Answers read, not run: which library functions their text refers to, by whatever name."""

from __future__ import annotations

import ast
import builtins
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from autograde import cells

WORTH_A_LOOK = (
    "exec",
    "eval",
    "__import__",
    "ctypes",
    "gc",
    "inspect",
    "importlib",
    "os",
    "subprocess",
    "sys",
    "socket",
)
_WORTH_A_LOOK = re.compile(rf"\b({'|'.join(WORTH_A_LOOK)})\b")


@dataclass
class Reading:
    """All cells of a submission as syntax trees: what each name at the top may stand for."""

    imported: dict[str, set[str]] = field(default_factory=dict)  # name → dotted paths
    defined: dict[str, list[ast.AST]] = field(default_factory=dict)
    starred: set[str] = field(default_factory=set)  # modules of which everything was imported
    paths: dict[int, frozenset[str]] = field(default_factory=dict)  # a statement's id → the dotted names in it
    words: set[str] = field(default_factory=set)  # of those that are worth a look, what the text has anywhere

    @classmethod
    def of(cls, sources: Sequence[str]) -> Reading:
        reading = cls()
        for source in sources:
            try:
                tree = ast.parse(cells.python(source))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            reading.words |= set(_WORTH_A_LOOK.findall(unicodedata.normalize("NFKC", source)))  # as Python reads names
            for statement in _top(tree.body):
                reading._note(statement)
        return reading

    def _note(self, statement: ast.stmt) -> None:
        for name, path in _imported(statement):
            if name == "*":
                self.starred.add(path)
            self.imported.setdefault(name, set()).add(path)
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.defined.setdefault(statement.name, []).append(statement)
        elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for node in (n for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)):
                self.defined.setdefault(node.id, []).append(statement)

    def references(self, name: str) -> frozenset[str]:
        """The dotted names that an answer's text refers to, and those that its own helpers do."""
        found: set[str] = set()
        waiting, seen = [name], {name}
        while waiting:
            for tree in self.defined.get(waiting.pop(), ()):
                for path in self._paths(tree):
                    found.add(path)
                    own = path.removeprefix("__main__.").split(".")[0]
                    if path.startswith("__main__.") and own in self.defined and own not in seen:
                        seen.add(own)
                        waiting.append(own)
        return frozenset(found)

    def _paths(self, tree: ast.AST) -> frozenset[str]:
        """The dotted names in a statement: many answers build on the same one, so they are kept."""
        if id(tree) not in self.paths:
            nodes = list(ast.walk(tree))
            local = {alias: path for node in nodes for alias, path in _imported(node)}
            self.paths[id(tree)] = frozenset(_paths(nodes, local, self.imported))
        return self.paths[id(tree)]

    def worth_a_look(self) -> tuple[str, ...]:
        """Names in the answers by which a program can reach what is not meant for it."""
        if not self.words:
            return ()
        found = {path.split(".")[0] for paths in self.imported.values() for path in paths}
        for trees in self.defined.values():
            for node in (n for tree in trees for n in ast.walk(tree)):
                found |= {path.split(".")[0] for _, path in _imported(node)}
                found |= {node.id} if isinstance(node, ast.Name) else set()
        return tuple(name for name in WORTH_A_LOOK if name in found)


def _top(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements at the top, those in an if, try, with or loop there included."""
    for statement in body:
        yield statement
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for name in ("body", "orelse", "finalbody"):
                yield from _top(getattr(statement, name, ()))
            for handler in getattr(statement, "handlers", ()):
                yield from _top(handler.body)


def _imported(node: ast.AST) -> Iterator[tuple[str, str]]:
    """The names that an import binds, each with its dotted path."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name.split(".")[0], alias.name if alias.asname else alias.name.split(".")[0]
            yield f"import {alias.name}", alias.name
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            yield alias.asname or alias.name, node.module if alias.name == "*" else f"{node.module}.{alias.name}"
    elif isinstance(node, ast.Call) and _called(node) in ("__import__", "import_module") and node.args:
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield f"import {first.value}", first.value


def _called(node: ast.Call) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def _paths(nodes: Iterable[ast.AST], local: dict[str, str], top: dict[str, set[str]]) -> Iterator[str]:
    """Every chain of names in a tree, said with full paths."""
    yield from local.values()
    for node in nodes:
        chain: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            chain.insert(0, inner.attr)
            inner = inner.value
        if not isinstance(inner, ast.Name):
            continue
        name = inner.id
        roots = {local[name]} if name in local else top.get(name, {f"__main__.{name}"})
        if hasattr(builtins, name) and name not in local and name not in top:
            roots = {f"builtins.{name}", f"__main__.{name}"}
        yield from (".".join([root, *chain]) for root in roots)
