"""Why an answer is wrong: a known mistake that explains everything seen, or else what still holds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from course_utils.comparison import number, same
from course_utils.contract import Case, Exercise, Mistake, Raises
from course_utils.trial import predicted

Seen = Sequence[tuple[Case, Any]]  # each case with what the answer gave for it


def _integer_result(right: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    result = right(*args, **kwargs)
    first = next((a for a in args if isinstance(a, np.ndarray)), None)
    if first is None or first.dtype.kind not in "iu":
        return result
    parts = [
        np.trunc(part).astype(first.dtype) if isinstance(part, np.ndarray) else part
        for part in (result if isinstance(result, tuple) else (result,))
    ]
    return tuple(parts) if isinstance(result, tuple) else parts[0]


# Mistakes that any exercise can meet; they come after the exercise's own.
UNIVERSAL = (
    Mistake(
        "integer result",
        "For an integer input your result holds integers only: everything after the point is lost. np.zeros_like(x) "
        "and np.empty_like(x) take over the input's type; np.zeros(shape) holds floats.",
        _integer_result,
    ),
)


def explain(exercise: Exercise, seen: Seen, unrefused: type[BaseException] | None = None) -> tuple[Mistake, ...]:
    """The known mistake, or two of them together, that predicts every outcome seen, right ones included; else none.

    ``unrefused`` is the exception that the answer never raises where it must: whether a mistaken answer would raise it
    says nothing then.
    """
    mistakes = exercise.mistakes + UNIVERSAL
    for mistake in mistakes:
        if _predicts((mistake,), exercise, seen, unrefused):
            return (mistake,)
    if exercise.alone or all(isinstance(got, Raises) for _, got in seen):
        return ()  # nothing was computed: any two mistakes that break one another would explain that
    for inner, outer in itertools.permutations(mistakes, 2):
        if inner not in UNIVERSAL and _predicts((inner, outer), exercise, seen, unrefused):
            return (inner, outer)
    return ()


def _predicts(
    mistakes: tuple[Mistake, ...], exercise: Exercise, seen: Seen, unrefused: type[BaseException] | None
) -> bool:
    silent = 0
    for case, got in seen:
        prediction = _prediction(mistakes, exercise, case)
        if unrefused and isinstance(prediction, Raises) and issubclass(prediction.kind, unrefused):
            silent += 1
        elif not _agree(prediction, got, exercise.tolerance_for(case)):
            return False
    return 2 * silent < len(seen)


@lru_cache(maxsize=10_000)
def _prediction(mistakes: tuple[Mistake, ...], exercise: Exercise, case: Case) -> Any:
    """What an answer with these mistakes returns: the same for a whole class, as long as the cases are."""
    function = exercise.oracle
    for mistake in mistakes:
        function = mistake.applied_to(function)
    return predicted(function, case)


def _agree(prediction: Any, got: Any, tolerance: float) -> bool:
    """Whether a prediction came true; a mistake that raises a plain Exception predicts an error of any kind."""
    if isinstance(prediction, Raises) and prediction.kind is Exception:
        return isinstance(got, Raises)
    return same(prediction, got, tolerance)


def resemblance(pairs: Sequence[tuple[Any, Any]]) -> tuple[str, ...]:
    """What still holds for all pairs (expected, got) of arrays or numbers that differ, in sentences."""
    if not pairs or any(isinstance(value, Raises) for pair in pairs for value in pair):
        return ()
    try:
        arrays = [(np.asarray(e), np.asarray(g)) for e, g in pairs]
    except ValueError:  # a list in lists of different lengths
        return ()
    if any(v.dtype.kind not in "iufb" for pair in arrays for v in pair):
        return ()
    if any(e.shape != g.shape for e, g in arrays):
        return tuple(_shapes(arrays))
    arrays = [(e.astype(float), g.astype(float)) for e, g in arrays if e.size]
    if all(np.allclose(e, g) for e, g in arrays):
        return ("The values are right; only their kind is not.",)
    found = next((s for s in _relations(arrays) if s), "")
    return tuple(s for s in ("The shape is right.", found) if s and (s == found or arrays[0][0].ndim))


def _shapes(arrays: Sequence[tuple[np.ndarray, np.ndarray]]) -> Iterator[str]:
    if all(g.shape == e.shape[::-1] and np.allclose(g, e.T) for e, g in arrays):
        yield "Your result is right but transposed: rows and columns are exchanged."
    elif all(g.size == e.size and np.allclose(g.ravel(), e.ravel()) for e, g in arrays):
        yield "The values are right and in the right order; only the shape is not."
    elif all(g.ndim == e.ndim for e, g in arrays):
        offsets = {tuple(np.subtract(g.shape, e.shape).tolist()) for e, g in arrays}
        if len(offsets) == 1:
            yield f"The size differs by the same amount every time: {brief_offset(offsets.pop())}."


def brief_offset(offset: tuple[int, ...]) -> str:
    return f"{offset[0]:+d}" if len(offset) == 1 else "(" + ", ".join(f"{o:+d}" for o in offset) + ")"


def _relations(arrays: Sequence[tuple[np.ndarray, np.ndarray]]) -> Iterator[str]:
    """Each relation that holds for all pairs at once, in a sentence; the first is shown."""
    yield "Your numbers are right except for their sign." * _all(arrays, lambda e: -e)
    yield "Your result is right up to a flip: the order of its elements is reversed." * _all(arrays, np.flip)
    yield "Your result is right up to a flip along the last axis (left and right)." * _all(
        arrays, lambda e: np.flip(e, -1)
    )
    yield "Your result is right up to a flip along the rows (up and down)." * _all(arrays, lambda e: np.flip(e, -2))
    yield "Your result is right but transposed: rows and columns are exchanged." * _all(arrays, np.transpose)
    yield _scaled(arrays)
    yield _shifted_by_constant(arrays)
    yield _rolled(arrays)
    yield "The values are right; their places are not." * _sorted_equal(arrays)
    yield _rounded(arrays)


def _all(arrays: Sequence[tuple[np.ndarray, np.ndarray]], change: Callable[[np.ndarray], np.ndarray]) -> bool:
    try:
        return all((c := change(e)).shape == g.shape and np.allclose(c, g) and not np.allclose(e, g) for e, g in arrays)
    except ValueError:  # fewer axes than the change needs
        return False


def _scaled(arrays: Sequence[tuple[np.ndarray, np.ndarray]]) -> str:
    factors = []
    for e, g in arrays:
        square = float((e * e).sum())
        factor = float((e * g).sum()) / square if square else np.nan
        if not np.isfinite(factor) or factor == 0 or not np.allclose(factor * e, g):
            return ""
        factors.append(factor)
    if np.allclose(factors, factors[0]):
        return f"Your result is {number(np.round(factors[0], 6))} times the expected one, every time."
    if all(e.size == 1 for e, _ in arrays):  # one number is always a multiple of another
        return ""
    return "Your result is the expected one times a factor, which changes with the input."


def _shifted_by_constant(arrays: Sequence[tuple[np.ndarray, np.ndarray]]) -> str:
    constants = [float((g - e).mean()) for e, g in arrays]
    if not all(np.allclose(e + c, g) for (e, g), c in zip(arrays, constants, strict=True)):
        return ""
    if np.allclose(constants, constants[0]):
        sign = "plus" if constants[0] > 0 else "minus"
        return f"Your result is the expected one {sign} {number(np.round(abs(constants[0]), 6))}, every time."
    if all(e.size == 1 for e, _ in arrays):  # one number always differs from another by a constant
        return ""
    return "Your result is the expected one plus a constant, which changes with the input."


def _rolled(arrays: Sequence[tuple[np.ndarray, np.ndarray]]) -> str:
    for axis, words in ((-1, "to the side"), (-2, "up or down")):
        for step in (1, -1):
            if _all(arrays, partial(np.roll, shift=step, axis=axis)):
                return f"Your result is right but moved {words} by one place."
    return ""


def _rounded(arrays: Sequence[tuple[np.ndarray, np.ndarray]]) -> str:
    worst = max(float(np.abs(g - e).max()) / (float(np.abs(e).max()) or 1.0) for e, g in arrays)
    if not worst < 2e-3:
        return ""
    digits = int(-np.log10(worst))
    return f"Your numbers agree to about {digits} digits only: a rounded constant, or arithmetic of low precision."


def _sorted_equal(arrays: Sequence[tuple[np.ndarray, np.ndarray]]) -> bool:
    return all(e.size > 1 and np.allclose(np.sort(e, None), np.sort(g, None)) for e, g in arrays)
