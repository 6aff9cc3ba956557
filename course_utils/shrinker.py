"""The smallest input that still fails: from a failing case, drop rows, lower numbers, plain values."""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from course_utils.contract import Case

FirstFailing = Callable[[Iterator[Case]], tuple[int, Case | None]]


def shrink(
    case: Case, first: FirstFailing, budget: int = 250, align: Callable[[Case], Case] = lambda case: case
) -> Case:
    """The smallest case found that still fails.

    ``first`` finds the first of several candidates that fails, and how many it tried; those outside the exercise's
    domain do not fail. ``align`` makes the sizes of a candidate's arguments go together, where only one of them was
    made smaller. Tries at most ``budget`` candidates (a count, not a time, so that the result is always the same).
    """
    while budget > 0:
        tried, found = first(itertools.islice(map(align, _smaller(case)), budget))
        if found is None:
            break
        case, budget = found, budget - tried
    return case


def weight(case: Case) -> tuple[int, float]:
    """How large a case is: how many numbers it has, then how large they are."""
    values = [*case.args, *case.kwargs.values()]
    return sum(_count(v) for v in values), sum(_magnitude(v) for v in values)


def _count(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.size
    return sum(map(_count, value)) if isinstance(value, (list, tuple)) else 1


def _magnitude(value: Any) -> float:
    if isinstance(value, np.ndarray):
        return float(np.abs(value).sum()) + float((value != np.round(value)).sum())
    if isinstance(value, (list, tuple)):
        return sum(map(_magnitude, value))
    return abs(float(value)) if isinstance(value, numbers.Real) else 0.0


def _smaller(case: Case) -> Iterator[Case]:
    values = [*case.args, *case.kwargs.values()]
    arguments = len(case.args)
    for position, value in enumerate(values):
        for candidate in _simpler(value):
            changed = [*values[:position], candidate, *values[position + 1 :]]
            kwargs = dict(zip(case.kwargs, changed[arguments:], strict=True))
            yield Case(case.category, tuple(changed[:arguments]), kwargs)


def _simpler(value: Any) -> Iterator[Any]:
    if isinstance(value, np.ndarray):
        yield from _simpler_arrays(value)
    elif isinstance(value, bool) or value is None or isinstance(value, str):
        return
    elif isinstance(value, numbers.Integral):
        yield from (v for v in dict.fromkeys([0, 1, int(value) // 2, int(value) - 1]) if 0 <= v < abs(int(value)))
    elif isinstance(value, numbers.Real):
        real = float(value)
        plain = [1.0, 2.0, float(round(real))]  # the plainest first; never back from one to a later one
        simpler = plain[: plain.index(real)] if real in plain else plain
        yield from (v for v in dict.fromkeys(simpler) if abs(v) <= abs(real) + 1)
    elif isinstance(value, (list, tuple)):
        yield from _simpler_sequences(value)


def _simpler_sequences(value: list[Any] | tuple[Any, ...]) -> Iterator[Any]:
    kind = type(value)
    if kind is list:  # a tuple is a pair or a record: its length has a meaning
        yield from (kind([*value[:i], *value[i + 1 :]]) for i in range(len(value)) if len(value) > 1)
    for i, item in enumerate(value):
        yield from (kind([*value[:i], candidate, *value[i + 1 :]]) for candidate in _simpler(item))


def _simpler_arrays(value: np.ndarray) -> Iterator[np.ndarray]:
    for axis, length in enumerate(value.shape):
        parts = [range(length // 2)] if length > 3 else []
        parts += [range(length - 1), range(1, length)] if length > 1 else []
        yield from (part for part in (value.take(p, axis) for p in parts) if part.any() or not value.any())
    if value.dtype.kind != "f":  # labels and other integer arrays keep their values
        return
    if (rounded := np.round(value)).any() and (rounded != value).any():
        yield rounded
    if not np.isin(value, (-1, 0, 1)).all():
        yield np.sign(value)
    if value.size <= 16:
        for index in np.argwhere(value != 0):
            fewer = value.copy()
            fewer[tuple(index)] = 0
            if fewer.any():
                yield fewer
