"""What a function refers to: the library calls that its code names, found without running it."""

from __future__ import annotations

import builtins
import dis
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from course_utils.remote import Remote


def forbidden(function: Any, names: Sequence[str]) -> tuple[str, ...]:
    """The forbidden library names that a function, or a function of the student's that it calls, refers to.

    ``names`` are dotted; each forbids itself and all below it. The search reads compiled code, so it follows aliases
    (``import numpy as n``), ``from`` imports and imports inside the function.
    """
    under = tuple(f"{name}." for name in names)
    found = {path for path in references(function) if f"{path}.".startswith(under)}
    public = {path for path in found if "._" not in path} or found
    return tuple(sorted(path for path in public if not any(other.startswith(path + ".") for other in public)))


def references(function: Any) -> Iterator[str]:
    """Dotted names of the library objects that a function's code refers to."""
    if isinstance(function, Remote):
        yield from function.references()
        return
    waiting, seen = [function], set()
    while waiting:
        current = waiting.pop()
        if isinstance(current, type):
            waiting += [base for base in current.__bases__ if base.__module__ == current.__module__]
            yield from map(_path, current.__bases__)
        yield _path(current)
        for inner in _functions(current):
            if inner.__code__ in seen:
                continue
            seen.add(inner.__code__)
            for path, value in (named for code in _codes(inner.__code__) for named in _names(code, inner)):
                yield path
                if _is_students(value, inner):
                    waiting.append(value)


def _functions(value: Any) -> list[FunctionType]:
    """The functions behind a value: of a class those written in it, of anything else the one that is called."""
    inner = map(_unwrapped, vars(value).values()) if isinstance(value, type) else [_unwrapped(value)]
    return [function for function in inner if isinstance(function, FunctionType)]


def _unwrapped(function: Any) -> Any:
    """The function inside a partial, a cached or vectorized function, a method or a callable object."""
    for _ in range(20):
        if isinstance(function, MethodType):
            function = function.__func__
        elif isinstance(function, FunctionType) and not hasattr(function, "__wrapped__"):
            return function
        else:
            inner = [getattr(function, name, None) for name in ("__wrapped__", "func", "pyfunc")]
            inner.append(vars(type(function)).get("__call__"))
            function = next((f for f in inner if f is not None), None)
    return function


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _names(code: CodeType, function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Each name that a code object loads, with what it stands for."""
    scope = _scope(function)
    local: dict[str, Any] = {}
    current: Any = None
    module = ""
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF"):
            current = local.get(step.argval, scope.get(step.argval))
            yield _path(current), current
        elif step.opname.startswith("LOAD_FAST"):
            current = local.get(step.argval) if isinstance(step.argval, str) else None
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            owner = current if isinstance(current, ModuleType) else None
            current = getattr(owner, step.argval, None)
            yield (f"{owner.__name__}.{step.argval}" if owner else ""), current
            yield _path(current), current
        elif step.opname == "IMPORT_NAME":
            module, current = step.argval, _module(step.argval)
            yield module, current
        elif step.opname == "IMPORT_FROM":
            current = getattr(_module(module), step.argval, None)
            yield f"{module}.{step.argval}", current
            yield _path(current), current
        elif step.opname in ("STORE_FAST", "STORE_DEREF", "STORE_GLOBAL", "STORE_NAME"):
            if isinstance(step.argval, str):
                local[step.argval] = current
        elif step.opname not in ("PUSH_NULL", "NOP", "CACHE", "PRECALL", "COPY", "RESUME"):
            current = None


def _scope(function: FunctionType) -> Mapping[str, Any]:
    closed = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            closed[name] = cell.cell_contents
        except ValueError:  # not yet filled
            continue
    return {**vars(builtins), **function.__globals__, **closed}


def _module(name: str) -> ModuleType | None:
    """A module named in an import: the loaded one; nothing is imported here."""
    return sys.modules.get(name.split(".")[0] if name not in sys.modules else name)


def _path(value: Any) -> str:
    if isinstance(value, ModuleType):
        return value.__name__
    name = getattr(value, "__qualname__", None)
    module = getattr(value, "__module__", None)
    return f"{module}.{name}" if isinstance(name, str) and isinstance(module, str) else ""


def _is_students(value: Any, function: FunctionType) -> bool:
    """Whether a value is another function, or a class, of the file or notebook where the answer was written."""
    if isinstance(value, type) and value.__module__ == function.__module__:
        return True
    return callable(value) and any(inner.__globals__ is function.__globals__ for inner in _functions(value))
