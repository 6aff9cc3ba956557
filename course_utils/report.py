"""An examination in words, for a terminal with the arrays side by side as text; and as plain data."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from course_utils.comparison import Difference, brief, number, worst_index
from course_utils.contract import Case, Raises
from course_utils.examination import Examination

WIDTH = 100


def success(result: Examination) -> str:
    """One line: how many cases, and of which kinds as far as the line allows."""
    cases = f"all {len(result.trials)} cases are" if len(result.trials) > 1 else "it is"
    start = f"✓ {result.exercise.name}: {cases} right"
    kinds = list(result.categories)
    shown = next(text for count in range(len(kinds), -1, -1) if len(start + (text := _listed(kinds, count))) < WIDTH)
    return "\n".join([f"{start}{shown}.", *(f"  Note: {note}." for note in result.notes)])


def _listed(kinds: list[str], count: int) -> str:
    """The first kinds of case in brackets, and how many more there are; nothing for a count of zero."""
    more = len(kinds) - count
    rest = [f"{more} more kinds" if more > 1 else kinds[-1]] if more else []
    return f" ({', '.join([*kinds[:count], *rest])})" if count else ""


def failure(result: Examination, *, arrays: bool) -> str:
    """What is wrong, in a few lines; ``arrays`` adds yours, expected and difference as text side by side."""
    name = result.exercise.name
    if result.problem:
        return f"✗ {name}: {result.problem}"
    if not result.failures:
        return "\n".join([f"✗ {name}: the values are right, but:", *_indent(_other_faults(result))])
    lines = [f"✗ {name}: {len(result.failures)} of {len(result.trials)} cases are wrong."]
    lines += _indent(_smallest(result, arrays))
    lines += _indent(_parts(result))
    lines += _indent(_cause(result))
    lines += _indent(_other_faults(result))
    lines += _indent(_categories(result))
    return "\n".join(lines)


def headline(result: Examination) -> str:
    """The first line of a failure, and the mistake's sentence where it is known."""
    hints = " ".join(m.hint for m in result.mistakes)
    return " ".join(p for p in (failure(result, arrays=False).splitlines()[0], hints) if p)


def _indent(lines: Iterable[str]) -> list[str]:
    return ["  " + line for line in lines]


def _wrap(text: str, hanging: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=hanging, break_long_words=False)


def _smallest(result: Examination, arrays: bool) -> Iterator[str]:
    trial = result.smallest
    assert trial is not None
    category = f" ({trial.case.category})" if trial.case.category else ""
    yield f"The smallest input found that fails{category}:"
    yield from ("    " + line for line in call(result, trial.case))
    if trial.outcome.trace:
        yield "Your function stopped with an error; your own lines:"
        yield from trial.outcome.trace.splitlines()
    else:
        for difference in trial.comparison.differences[:3]:
            yield from _difference(difference, arrays)
    if trial.outcome.printed.strip():
        yield "Your function printed:"
        yield from ("    " + line[:WIDTH] for line in trial.outcome.printed.strip().splitlines()[-4:])


def call(result: Examination, case: Case) -> list[str]:
    """The call in Python: name(argument=value, …), an argument a line where it is long."""
    names = list(result.exercise.signature.parameters)
    arguments = [*zip(names, case.args, strict=False), *case.kwargs.items()]
    one_line = f"{result.exercise.name}({', '.join(f'{n}={brief(v, WIDTH)}' for n, v in arguments)})"
    if len(one_line) <= WIDTH and not result.exercise.shown:
        return [one_line]
    lines = [line for n, v in arguments for line in _assignment(n, v)]
    return [*lines, *result.exercise.shown.splitlines()]


def _assignment(name: str, value: Any) -> list[str]:
    """``name = value``, a matrix with its rows below one another."""
    if isinstance(value, np.ndarray) and value.ndim == 2 and 1 < len(value) <= 8 and value.shape[1] <= 12:
        rows = _rows(value)
        rows = [("[[" if i == 0 else " [") + row[1:] for i, row in enumerate(rows)]
        rows[-1] += "]"
        margin = " " * (len(name) + 3)
        return [f"{name} = {rows[0]}", *(margin + row for row in rows[1:])]
    text = brief(value, WIDTH - len(name) - 20)
    return [
        f"{name} = {text}" + (f"  (shape {value.shape})" if isinstance(value, np.ndarray) and text[-1] == "…" else "")
    ]


def _rows(array: np.ndarray) -> list[str]:
    cells = [[number(v) for v in row] for row in array]
    width = max((len(c) for row in cells for c in row), default=1)
    return ["[" + ", ".join(c.rjust(width) for c in row) + "]" for row in cells]


def _difference(difference: Difference, arrays: bool) -> Iterator[str]:
    label = f"{difference.part}: " if difference.part else ""
    yield from _wrap(f"{label}{difference.sentence}.", "    ")
    pair = drawable(difference)
    if pair and arrays:
        yield from ("    " + line for line in side_by_side(*pair))
    elif pair and np.size(difference.expected) > 1:
        yield f"    expected {brief(difference.expected, 80)}"
        yield f"    yours    {brief(difference.got, 80)}"


def _cause(result: Examination) -> Iterator[str]:
    if result.accepts_anything:
        kinds = {t.expected.kind.__name__ for t in result.failures if isinstance(t.expected, Raises)}
        only = all(isinstance(t.expected, Raises) for t in result.failures)
        error = " or ".join(sorted(kinds))
        more = " Apart from these:" if result.mistakes or result.still_holds else ""
        rest = " Everything else is right." if only else more
        text = f"Some inputs must be refused with a {error}; your function returns something for them.{rest}"
        yield from _wrap(text, "    ")
    if len(result.mistakes) == 1:
        yield from _wrap(f"Likely mistake ({result.mistakes[0].name}): {result.mistakes[0].hint}", "    ")
    elif result.mistakes:
        yield "Two mistakes together explain everything seen:"
        for mistake in result.mistakes:
            yield from _wrap(f"  - ({mistake.name}) {mistake.hint}", "    ")
    elif result.still_holds:
        yield from _wrap("What still holds in every wrong case: " + " ".join(result.still_holds), "    ")


def _other_faults(result: Examination) -> Iterator[str]:
    if result.wrong_companions:
        names = " and ".join(result.wrong_companions)
        yield from _wrap(f"It builds on your {names}, which check finds wrong too: mend that first.", "    ")
    if result.changed:
        names = " and ".join(result.changed)
        yield from _wrap(
            f"It changes its argument {names}: work on a copy (x.copy()), so that the caller's data stays.", "    "
        )
    if result.keeps_state:
        yield from _wrap(
            "Called a second time with the same input, it answers differently: it keeps something from call to call "
            "(a global variable, a list or array as a default value).",
            "    ",
        )
    if result.forbidden:
        yield from _wrap(
            f"It uses {', '.join(result.forbidden)}: here that call is the exercise. Write it yourself.", "    "
        )


def _categories(result: Examination) -> Iterator[str]:
    right = [c for c, (good, total) in result.categories.items() if good == total]
    wrong = [_counted(c, total - good, total) for c, (good, total) in result.categories.items() if good < total]
    if len(result.failures) == len(result.trials):
        return
    yield from _wrap("Wrong: " + ", ".join(wrong) + ".", "    ")
    if right:
        yield from _wrap("Right: " + ", ".join(right) + ".", "    ")


def _parts(result: Examination) -> Iterator[str]:
    wrong = {d.part for t in result.failures for d in t.comparison.differences}
    right = [p for p in result.exercise.parts if p not in wrong]
    if right and wrong <= set(result.exercise.parts):
        yield f"Right in every case: {', '.join(right)}."


def _counted(category: str, wrong: int, total: int) -> str:
    return category if wrong == total else f"{category} ({wrong} of {total})"


def drawable(difference: Difference) -> tuple[np.ndarray, np.ndarray] | None:
    """Yours and expected of a difference as two-dimensional slices, where both are arrays."""
    pair = difference.got, difference.expected
    if not all(isinstance(v, np.ndarray) and v.ndim and v.size and v.dtype.kind in "biuf" for v in pair):
        return None
    got, expected = pair
    lead = worst_index(expected, got)[:-2] if got.shape == expected.shape else (0,) * max(0, expected.ndim - 2)
    return plane(got, lead), plane(expected, lead)


def plane(array: np.ndarray, lead: tuple[int, ...] = ()) -> np.ndarray:
    """A two-dimensional slice of an array: at the leading indices given, else at the first ones."""
    lead = lead if len(lead) == array.ndim - 2 else (0,) * max(0, array.ndim - 2)
    return np.atleast_2d(array[lead] if lead else array)


def side_by_side(got: np.ndarray, expected: np.ndarray) -> list[str]:
    """Yours, expected and (where the shapes agree) difference, as columns of text, cut to 8 × 8."""
    panels = [("yours", got), ("expected", expected)]
    if got.shape == expected.shape:
        panels.append(("difference", got.astype(float) - expected))
    columns = []
    for title, values in panels:
        rows = _rows(values[:8, :8])
        columns.append([title, *rows] + (["…"] if max(values.shape) > 8 else []))
    height = max(map(len, columns))
    widths = [max(map(len, column)) for column in columns]
    padded = [
        [c.ljust(w) for c in column + [""] * (height - len(column))] for column, w in zip(columns, widths, strict=True)
    ]
    return ["    ".join(cells).rstrip() for cells in zip(*padded, strict=True)]


def record(result: Examination) -> dict[str, Any]:
    """An examination as plain data, for whoever collects the mistakes of a class."""
    return {
        "exercise": result.exercise.name,
        "lesson": result.exercise.lesson,
        "hidden": result.hidden,
        "passed": result.passed,
        "problem": result.problem,
        "cases": len(result.trials),
        "failed": len(result.failures),
        "categories": [c for c, (good, total) in result.categories.items() if good < total],
        "mistakes": [m.name for m in result.mistakes],
        "hints": [m.hint for m in result.mistakes],
        "changed": list(result.changed),
        "forbidden": list(result.forbidden),
        "error": bool(result.smallest and isinstance(result.smallest.outcome.value, Raises)),
    }
