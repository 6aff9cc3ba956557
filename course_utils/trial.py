"""One call of an answer, observed: what came back, what was raised, printed or changed."""

from __future__ import annotations

import contextlib
import copy
import io
import sysconfig
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.comparison import same
from course_utils.contract import Case, Exercise, Raises


@dataclass(frozen=True)
class Outcome:
    """What a call did. ``value`` is a :class:`Raises` when it ended in an exception."""

    value: Any
    changed: tuple[str, ...] = ()
    printed: str = ""
    trace: str = ""


def observe(function: Callable[..., Any], case: Case, exercise: Exercise) -> Outcome:
    """Call a function with its own copy of a case's arguments."""
    args = [duplicate(a) for a in case.args]
    kwargs = {k: duplicate(v) for k, v in case.kwargs.items()}
    printed = io.StringIO()
    trace = ""
    with contextlib.redirect_stdout(printed), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            value = duplicate(function(*args, **kwargs))
        except (Exception, SystemExit) as error:
            value, trace = Raises(type(error)), student_traceback(error)
    return Outcome(value, _changed(exercise, case, args, kwargs), printed.getvalue(), trace)


def expected(exercise: Exercise, case: Case) -> Any:
    """What the oracle returns for a case, or a :class:`Raises`."""
    return observe(exercise.oracle, case, exercise).value


def duplicate(value: Any) -> Any:
    """A copy that keeps an array's memory order; values that cannot be copied are passed on as they are."""
    if type(value) is np.ndarray:
        if value.flags.c_contiguous or value.flags.f_contiguous:
            return value.copy("K")
        apart = np.zeros((*value.shape[:-1], 2 * value.shape[-1]), value.dtype, order="F")[..., ::2]
        apart[...] = value
        return apart
    try:
        return copy.deepcopy(value)
    except Exception:  # a generator, a module, a graph tensor: nothing that a comparison would change
        return value


def _changed(exercise: Exercise, case: Case, args: list[Any], kwargs: dict[str, Any]) -> tuple[str, ...]:
    names = list(exercise.signature.parameters)
    before = dict(zip(names, case.args, strict=False)) | dict(case.kwargs)
    after = dict(zip(names, args, strict=False)) | kwargs
    return tuple(n for n in before if n not in exercise.in_place and not same(before[n], after[n], 1e-12))


_LIBRARIES = (str(Path(__file__).parent), sysconfig.get_paths()["stdlib"], sysconfig.get_paths()["purelib"], "<frozen")


def student_traceback(error: BaseException) -> str:
    """The last lines of a traceback, only those frames that the student wrote."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_students(f.filename)]
    lines = [f"    line {f.lineno} in {f.name}:  {(f.line or '').strip()}".rstrip(": ") for f in frames[-4:]]
    message = str(error).strip().splitlines()
    return "\n".join([*lines, f"    {type(error).__name__}" + (f": {message[0][:200]}" if message else "")])


def _is_students(filename: str) -> bool:
    return not filename.startswith(_LIBRARIES) and "site-packages" not in filename
