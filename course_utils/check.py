"""check(function): is this answer right, and where not, which mistake was made?"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from course_utils import exercises, report
from course_utils.contract import Exercise
from course_utils.examination import Examination, examine, passes
from course_utils.picture import picture, png
from course_utils.references import references
from course_utils.remote import Remote

MIME = "application/vnd.course-check+json"


class CheckFailed(AssertionError):  # noqa: N818 (a verdict, not an error of the program)
    """An answer is not right. Its text is the whole diagnosis; notebooks show that and no traceback."""

    def __init__(self, text: str, result: Examination | None = None):
        super().__init__(text)
        self.result = result

    def _render_traceback_(self) -> list[str]:  # IPython shows these lines instead of its traceback
        first, *rest = str(self).splitlines()
        return [f"\x1b[1;31m{first}\x1b[0m", *_emphasized(rest)]


def _emphasized(lines: list[str]) -> Iterator[str]:
    """The lines with the cause in bold, from its first word to the next sentence at the margin."""
    bold = False
    for line in lines:
        if not line.startswith("    "):
            bold = line.startswith(("  Likely mistake", "  Two mistakes", "  What still holds"))
        yield f"\x1b[1m{line}\x1b[0m" if bold else line


def check(answer: Any, obj: Any = None, *, hidden: bool = False, seed: int = 0, **companions: Any) -> None:
    """Check an answer to an exercise; say nothing but one line when it is right, and a diagnosis when it is not.

    Parameters
    ----------
    answer : the function, found by its name; or an exercise's name, with the function as second argument.
    obj : the function, where ``answer`` is a name.
    hidden : draw fresh, larger and more cases, as the hidden tests do.
    seed : the seed that the random cases are drawn from; the same seed draws the same cases.
    companions : other answers that this one needs, by name, such as ``conv2d_forward=conv2d_forward`` for a backward
        pass; looked up beside the function where they are not given.

    Raises
    ------
    CheckFailed
        (an AssertionError) when the answer is wrong; its text says in which cases, on which smallest input, and
        which known mistake explains what was seen.

    Examples
    --------
    >>> from course_utils import check
    >>> def mlp_parameters(sizes):
    ...     return sum((m + 1) * n for m, n in zip(sizes, sizes[1:]))
    >>> check(mlp_parameters)  # doctest: +ELLIPSIS
    ✓ mlp_parameters: all ... cases are right (...).
    """
    exercise, function = _find(answer, obj)
    needed = [_companion(name, exercise, function, companions) for name in exercise.companions]
    result = examine(exercise, function, needed, hidden=hidden, seed=seed)
    in_notebook = _in_notebook()
    if not result.passed:
        if not result.mistakes:  # those would explain what was seen with companions that are right
            result = replace(result, wrong_companions=tuple(_wrong(exercise, function, companions)))
        if in_notebook:
            _display(result)
        raise CheckFailed(report.failure(result, arrays=not in_notebook), result) from None
    print(report.success(result))


def _find(answer: Any, obj: Any) -> tuple[Exercise, Any]:
    name = answer if isinstance(answer, str) else getattr(answer, "__name__", None)
    if name is not None and (exercise := _known(str(name))):
        return exercise, obj if isinstance(answer, str) else answer
    if name is None:
        hint = f'it has no name to go by; write check("name of the exercise", your_{type(answer).__name__})'
        raise CheckFailed(f"✗ check needs a function, and {type(answer).__name__} came: {hint}.")
    near = difflib.get_close_matches(str(name), exercises.names(), 1)
    hint = f" Did you mean {near[0]}?" if near else f' Write check("name of the exercise", {name}).'
    raise CheckFailed(f"✗ check knows no exercise called {name}.{hint}")


def _known(name: str) -> Exercise | None:
    try:
        return exercises.find(name)
    except KeyError:
        return None


def _companion(name: str, exercise: Exercise, function: Any, given: Mapping[str, Any]) -> Any:
    """Another answer that an exercise needs: given by name, or found where the function was written."""
    found = given.get(name, _beside(function, name))
    if found is None:
        raise CheckFailed(
            f"✗ {exercise.name} works together with your {name}: run the cell that defines it, "
            f"or pass it: check({exercise.name}, {name}={name})."
        )
    return found


def _wrong(exercise: Exercise, function: Any, given: Mapping[str, Any]) -> Iterator[str]:
    """The names of the other answers that this one needs, or calls, and that fail their own check."""
    called = {path.split(".")[-1] for path in references(function)} if exercise.builds_on else set()
    for name in (*exercise.companions, *(other for other in exercise.builds_on if other in called)):
        other = _known(name)
        needed = [given.get(n, _beside(function, n)) for n in (name, *(other.companions if other else ()))]
        if other is None or any(n is None for n in needed):
            continue
        known = function.verdicts if isinstance(function, Remote) and not given else {}
        if name not in known:
            known[name] = passes(other, needed[0], needed[1:])
        if not known[name]:
            yield name


def _beside(function: Any, name: str) -> Any:
    """What has a name where a function was written; None where nothing has."""
    if isinstance(function, Remote):
        return function.companion(name)
    written = [function, *vars(function).values()] if isinstance(function, type) else [function]
    scopes = [part.__globals__ for part in written if hasattr(part, "__globals__")]
    return next((scope[name] for scope in scopes if name in scope), None)


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")  # importing it takes a grader 0.2 seconds
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


def _display(result: Examination) -> None:
    """The picture of a failure, with the diagnosis as data for whoever grades the notebook."""
    import base64

    from IPython.display import display

    bundle: dict[str, Any] = {"text/plain": report.headline(result), MIME: report.record(result)}
    figure = picture(result)
    if figure is not None:
        bundle["image/png"] = base64.b64encode(png(figure)).decode()
    display(bundle, raw=True)  # type: ignore[no-untyped-call]
