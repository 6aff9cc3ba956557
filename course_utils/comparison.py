"""Is a result the expected one? Values within a tolerance, shapes, kinds of number; and where not, what differs."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils.contract import Raises


@dataclass(frozen=True)
class Difference:
    """One way in which a result differs from the expected one.

    kind : "error" (raised), "no error" (should have raised), "kind" (of object or number), "shape", "length",
        "keys" or "value".
    part : the name of the part of the result, or "".
    sentence : what differs, for the student.
    expected, got : the two values of this part.
    """

    kind: str
    part: str
    sentence: str
    expected: Any = None
    got: Any = None


@dataclass(frozen=True)
class Comparison:
    """The differences, and what is not wrong but worth telling."""

    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        return not self.differences


def compare(expected: Any, got: Any, tolerance: float = 1e-6, parts: Sequence[str] = ()) -> Comparison:
    """Compare a result with the expected one.

    Numbers are equal within ``tolerance`` times the largest expected magnitude plus 1e-9; an array of whole numbers
    equals a float array of the same values; an expected int must come as an int. A nested list in an array's place,
    or a list in a tuple's, is noted and not counted as a difference.
    """
    differences: list[Difference] = []
    notes: list[str] = []
    with np.errstate(all="ignore"):
        for found in _walk(expected, got, tolerance, "", list(parts)):
            if isinstance(found, Difference):
                differences.append(found)
            else:
                notes.append(found)
    return Comparison(tuple(differences), tuple(dict.fromkeys(notes)))


def same(first: Any, second: Any, tolerance: float = 1e-6) -> bool:
    """Whether two results could not be told apart: equal in both directions; an int may stand for the first's float."""
    if identical(first, second):  # nearly always, where an answer is called twice
        return True
    with np.errstate(all="ignore"):
        if _apart(first, second, tolerance):  # nearly always, where a mistake is looked for
            return False
    back = _with_ints_of(second, first)
    return compare(first, second, tolerance).equal and compare(second, back, tolerance).equal


def identical(first: Any, second: Any) -> bool:
    """Whether two values are made alike of the same bytes (quick; where it says no, they may still be the same)."""
    if type(first) is not type(second):
        return False
    if isinstance(first, np.ndarray):
        alike = first.dtype == second.dtype and first.dtype != object and first.shape == second.shape
        return bool(alike) and first.tobytes() == second.tobytes()
    if isinstance(first, (tuple, list)):
        return len(first) == len(second) and all(map(identical, first, second))
    return isinstance(first, (bool, int, float, str, type(None))) and bool(first == second)


def _apart(first: Any, second: Any, tolerance: float) -> bool:
    """Whether two results have arrays that differ (quick; where it says no, they may still differ)."""
    if type(first) is tuple and type(second) is tuple and len(first) == len(second):
        return any(_apart(one, other, tolerance) for one, other in zip(first, second, strict=True))
    arrays = (
        type(first) is np.ndarray and type(second) is np.ndarray and {first.dtype.kind, second.dtype.kind} <= {*"fi"}
    )
    if not arrays or first.size == 0:
        return False
    return first.shape != second.shape or not _near(first, second, tolerance)


def _with_ints_of(second: Any, first: Any) -> Any:
    """The first result with an int where the second has an int of the same value."""
    if isinstance(second, (tuple, list)) and isinstance(first, (tuple, list)) and len(second) == len(first):
        return tuple(_with_ints_of(s, f) for s, f in zip(second, first, strict=True))
    is_int = isinstance(second, numbers.Integral) and not isinstance(second, bool)
    return second if is_int and isinstance(first, float) and first == second else first


Found = Iterator[Difference | str]


def _walk(expected: Any, got: Any, tolerance: float, part: str, names: list[str]) -> Found:
    if isinstance(expected, Raises) or isinstance(got, Raises):
        yield from _raised(expected, got, part)
    elif isinstance(expected, np.ndarray):
        yield from _arrays(expected, got, tolerance, part)
    elif isinstance(expected, (bool, np.bool_, str, type(None))):
        yield from _exact(expected, got, part)
    elif isinstance(expected, numbers.Integral):
        yield from _integers(int(expected), got, part)
    elif isinstance(expected, numbers.Number):
        yield from _scalars(expected, got, tolerance, part)
    elif isinstance(expected, Mapping):
        yield from _mappings(expected, got, tolerance, part)
    elif isinstance(expected, (tuple, list)):
        yield from _sequences(expected, got, tolerance, part, names)
    elif type(expected) is not type(got):
        yield _kind(part, f"{a(expected)} is expected, {a(got)} came", expected, got)


def _kind(part: str, sentence: str, expected: Any, got: Any) -> Difference:
    return Difference("kind", part, sentence, expected, got)


def _raised(expected: Any, got: Any, part: str) -> Found:
    if not isinstance(got, Raises):
        yield Difference("no error", part, f"a {expected.kind.__name__} is expected for this input", expected, got)
    elif not isinstance(expected, Raises):
        yield Difference("error", part, f"it raises {got.kind.__name__}", expected, got)
    elif not issubclass(got.kind, expected.kind):
        sentence = f"a {expected.kind.__name__} is expected for this input, {_article(got.kind.__name__)} came"
        yield Difference("error", part, sentence, expected, got)


def _article(word: str) -> str:
    return f"{'an' if word[0].lower() in 'aeiou' else 'a'} {word}"


def _exact(expected: Any, got: Any, part: str) -> Found:
    if isinstance(expected, (bool, np.bool_)) and isinstance(got, (bool, np.bool_)):
        equal = bool(expected) == bool(got)
    else:
        equal = type(expected) is type(got) and expected == got
    if not equal:
        yield Difference("value", part, f"expected {expected!r}, got {brief(got)}", expected, got)


def _integers(expected: int, got: Any, part: str) -> Found:
    if isinstance(got, (bool, np.bool_)) or not isinstance(got, numbers.Integral):
        yield _kind(part, f"an int is expected, {a(got)} came{_int_hint(got)}", expected, got)
    elif int(got) != expected:
        yield Difference("value", part, f"expected {expected:,}, got {int(got):,}", expected, int(got))


def _int_hint(got: Any) -> str:
    return " (// divides into whole numbers, / does not)" if isinstance(got, (float, np.floating)) else ""


def _scalars(expected: Any, got: Any, tolerance: float, part: str) -> Found:
    array = _as_array(got)
    if array is None or array.dtype == bool or isinstance(got, (list, tuple)):
        yield _kind(part, f"a number is expected, {a(got)} came", expected, got)
    elif array.ndim:
        yield Difference("shape", part, f"one number is expected, an array of shape {array.shape} came", expected, got)
    else:
        yield from _values(np.asarray(expected), array, tolerance, part)


def _arrays(expected: np.ndarray, got: Any, tolerance: float, part: str) -> Found:
    array = _as_array(got)
    if array is None:
        yield _kind(part, f"a NumPy array is expected, {a(got)} came", expected, got)
        return
    if isinstance(got, (list, tuple)):
        yield f"{part or 'result'}: a {type(got).__name__} came; a NumPy array is better (np.array(...))"
    if array.dtype == bool and expected.dtype != bool:
        yield _kind(part, "an array of numbers is expected, an array of bool came", expected, array)
    elif array.shape != expected.shape:
        sentence = f"expected shape {expected.shape}, got shape {array.shape}"
        yield Difference("shape", part, sentence, expected, array)
    else:
        yield from _values(expected, array, tolerance, part)


def _values(expected: np.ndarray, got: np.ndarray, tolerance: float, part: str) -> Found:
    if expected.size == 0:
        return
    # NumPy subtracts no bools, and compares no fractions
    expected, got = (v.astype(float) if v.dtype.kind in "bO" else v for v in (expected, got))
    if not _near(expected, got, tolerance):
        yield Difference("value", part, _worst(expected, got, ~_where_near(expected, got, tolerance)), expected, got)
    elif got.dtype.kind == "c" != expected.dtype.kind:
        yield _kind(part, "complex numbers came, real ones are expected (.real keeps the real part)", expected, got)


def _near(expected: np.ndarray, got: np.ndarray, tolerance: float) -> bool:
    """Whether two arrays of one shape, not empty, agree."""
    if np.abs(got - expected).max() <= tolerance * _largest(expected) + 1e-9:  # nearly always
        return True
    return bool(_where_near(expected, got, tolerance).all())


def _where_near(expected: np.ndarray, got: np.ndarray, tolerance: float) -> np.ndarray:
    near: np.ndarray = np.abs(got - expected) <= tolerance * _largest(expected) + 1e-9
    return near | (got == expected) | (np.isnan(got) & np.isnan(expected))


def _largest(expected: np.ndarray) -> float:
    largest = np.abs(expected).max()
    if not np.isfinite(largest):
        largest = np.abs(expected[np.isfinite(expected)]).max(initial=0.0)
    return float(largest)


def _worst(expected: np.ndarray, got: np.ndarray, wrong: np.ndarray) -> str:
    index = worst_index(expected, got)
    place = f" at [{', '.join(map(str, index))}]" if index else ""
    count = f"{int(wrong.sum())} of {wrong.size} values differ; " if wrong.size > 1 else ""
    worst = "the worst" if wrong.sum() > 1 else "it is"
    where = f"{worst}{place}: " if wrong.size > 1 else ""
    return f"{count}{where}expected {number(expected[index])}, got {number(got[index])}"


def worst_index(expected: np.ndarray, got: np.ndarray) -> tuple[int, ...]:
    """Where two arrays of one shape differ most; NaN where a number is expected is worse than any difference."""
    with np.errstate(all="ignore"):
        distance = np.abs(got - expected)
    distance = np.where((got == expected) | (np.isnan(got) & np.isnan(expected)), 0, distance)
    return tuple(int(i) for i in np.unravel_index(np.argmax(np.nan_to_num(distance, nan=np.inf)), expected.shape))


def _mappings(expected: Mapping[Any, Any], got: Any, tolerance: float, part: str) -> Found:
    if not isinstance(got, Mapping):
        yield _kind(part, f"a dict is expected, {a(got)} came", expected, got)
        return
    missing = [repr(k) for k in expected if k not in got]
    if missing:
        yield Difference("keys", part, f"missing keys: {', '.join(missing)}", expected, got)
    extra = [repr(k) for k in got if k not in expected]
    if extra:
        yield f"keys that nobody asked for: {', '.join(extra)}"
    for key, value in expected.items():
        if key in got:
            yield from _walk(value, got[key], tolerance, f"{part}[{key!r}]" if part else repr(key), [])


def _sequences(expected: Sequence[Any], got: Any, tolerance: float, part: str, names: list[str]) -> Found:
    kind = type(expected).__name__
    is_sequence = isinstance(got, (list, tuple)) or (isinstance(got, np.ndarray) and got.ndim > 0)
    if not is_sequence:
        yield _kind(part, f"a {kind} of {len(expected)} is expected, {a(got)} came", expected, got)
        return
    if type(got) is not type(expected) and not isinstance(got, type(expected)):
        yield f"{part or 'result'}: {a(got)} came where a {kind} is expected"
    if len(got) != len(expected):
        came = a(got) if isinstance(got, np.ndarray) else f"one of {len(got)}"
        yield Difference("length", part, f"a {kind} of {len(expected)} is expected, {came} came", expected, got)
        return
    for i, (want, have) in enumerate(zip(expected, got, strict=True)):
        name = names[i] if i < len(names) else f"{part}[{i}]"
        yield from _walk(want, have, tolerance, name, [])


def _as_array(got: Any) -> np.ndarray | None:
    """A result as a numeric array; None when it is no array, number or regular nested list of numbers."""
    if isinstance(got, (np.ndarray, numbers.Number, np.generic, list, tuple)):
        try:
            array = np.asarray(got)
            array = array.astype(float) if array.dtype == object else array
        except (ValueError, TypeError):
            return None
        return array if array.dtype.kind in "biufc" else None
    return None


def a(value: Any) -> str:
    """What kind of thing a value is, with its article, for a sentence."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}" if value.dtype.kind in "biufc" else f"an array of {value.dtype}"
    kind = type(value).__name__
    if type(value).__module__.split(".")[0] not in ("builtins", "numpy"):
        kind = f"{type(value).__module__.split('.')[0]}.{kind}"
    shown = f" ({brief(value)})" if isinstance(value, (numbers.Number, str)) else ""
    return f"{_article(kind)}{shown}"


def number(value: Any) -> str:
    """A number, short enough to read."""
    if isinstance(value, (complex, np.complexfloating)):
        return f"{value:.5g}"
    return f"{int(value)}" if float(value).is_integer() and abs(value) < 1e9 else f"{float(value):.5g}"


def brief(value: Any, width: int = 60) -> str:
    """A value on one line, cut to a width."""
    text = _flat(value)
    return text if len(text) <= width else text[: width - 1] + "…"


def _flat(value: Any) -> str:
    if isinstance(value, Raises):
        return value.kind.__name__
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        if value.ndim == 0:
            return number(value[()])
        return "[" + ", ".join(_flat(v) for v in value[:40]) + "]"
    if isinstance(value, np.generic) and value.dtype.kind in "biufc":
        return number(value)
    if callable(value):
        return str(getattr(value, "__name__", repr(value)))
    return repr(value)
