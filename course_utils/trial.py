"""One call of an answer, observed: what came back, what was raised, printed or changed."""

from __future__ import annotations

import contextlib
import copy
import io
import numbers
import sysconfig
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np

from course_utils.calls import Ready
from course_utils.comparison import identical, same
from course_utils.contract import Case, Exercise, Raises
from course_utils.remote import Remote, RemoteTrace


@dataclass(frozen=True)
class Outcome:
    """What a call did. ``value`` is a :class:`Raises` when it ended in an exception."""

    value: Any
    changed: tuple[str, ...] = ()
    printed: str = ""
    trace: str = ""


def observe(function: Callable[..., Any], case: Case, exercise: Exercise) -> Outcome:
    """Call a function with its own copy of a case's arguments."""
    if isinstance(function, Ready) and function.quiet:
        value, trace = _result(function, case)
        return Outcome(value, trace=trace)
    given = copied(case)
    printed = io.StringIO()
    # nbgrader gives no points to a cell that writes on the error stream, so that is kept from it too
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        value, trace = _result(function, given)
    return Outcome(value, _changed(exercise, case, given), printed.getvalue(), trace)


def _result(function: Callable[..., Any], given: Case) -> tuple[Any, str]:
    """What a call returned, or a :class:`Raises` with its traceback."""
    try:
        value = function(*given.args, **given.kwargs)
        return (value if isinstance(function, Ready) else duplicate(value)), ""  # nobody else holds what is ready
    except (Exception, SystemExit) as error:
        return Raises(type(error)), student_traceback(error)


def predicted(function: Callable[..., Any], case: Case) -> Any:
    """What one of our own functions (an oracle, a known mistake) returns for a case, or a :class:`Raises`."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            given = copied(case)
            return function(*given.args, **given.kwargs)
        except Exception as error:
            return Raises(type(error))


def expected(exercise: Exercise, case: Case) -> Any:
    """What the oracle returns for a case, or a :class:`Raises`."""
    return predicted(exercise.oracle, case)


def duplicate(value: Any) -> Any:
    """A copy that keeps an array's memory order; values that cannot be copied are passed on as they are."""
    if type(value) is np.ndarray:
        if value.flags.c_contiguous or value.flags.f_contiguous:
            return value.copy("K")
        apart = np.zeros((*value.shape[:-1], 2 * value.shape[-1]), value.dtype, order="F")[..., ::2]
        apart[...] = value
        return apart
    if isinstance(value, (int, float, str, NoneType, Remote)):
        return value
    if type(value) is tuple:
        return tuple(map(duplicate, value))
    try:
        return copy.deepcopy(value)
    except Exception:  # a generator, a module, a graph tensor: nothing that a comparison would change
        return value


def copied(case: Case) -> Case:
    """A case with arguments of its own."""
    return replace(case, args=duplicate(case.args), kwargs={k: duplicate(v) for k, v in case.kwargs.items()})


def _changed(exercise: Exercise, case: Case, given: Case) -> tuple[str, ...]:
    named = zip(exercise.signature.parameters, case.args, given.args, strict=False)
    pairs = chain(named, ((name, before, given.kwargs[name]) for name, before in case.kwargs.items()))
    return tuple(n for n, before, after in pairs if n not in exercise.in_place and not _untouched(before, after))


def _untouched(before: Any, after: Any) -> bool:
    return isinstance(before, (numbers.Number, str, NoneType)) or identical(before, after) or same(before, after, 1e-12)


_LIBRARIES = (str(Path(__file__).parent), sysconfig.get_paths()["stdlib"], sysconfig.get_paths()["purelib"], "<frozen")


def student_traceback(error: BaseException) -> str:
    """The last lines of a traceback, only those frames that the student wrote."""
    if isinstance(error.__cause__, RemoteTrace):
        return str(error.__cause__)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_students(f.filename)]
    lines = [f"    line {f.lineno} in {f.name}:  {(f.line or '').strip()}".rstrip(": ") for f in frames[-4:]]
    message = str(error).strip().splitlines()
    return "\n".join([*lines, f"    {type(error).__name__}" + (f": {message[0][:200]}" if message else "")])


def _is_students(filename: str) -> bool:
    return not filename.startswith(_LIBRARIES) and "site-packages" not in filename
