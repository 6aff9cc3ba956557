"""The exercises of every lesson: a module a lesson, found by the exercise's name."""

from __future__ import annotations

from functools import cache
from types import ModuleType

from course_utils.contract import Exercise
from course_utils.exercises import batch_norm, convolution, layers, padding_stride, pooling, start_here

__all__ = ["find", "lesson", "lessons", "names"]

_MODULES: tuple[ModuleType, ...] = (start_here, convolution, padding_stride, layers, pooling, batch_norm)


@cache
def _all() -> dict[str, Exercise]:
    found = [value for module in _MODULES for value in vars(module).values() if isinstance(value, Exercise)]
    return {e.name: e for e in found}


def names() -> list[str]:
    """The names of all exercises, in the order of the course."""
    return list(_all())


def find(name: str) -> Exercise:
    """The exercise of a name; KeyError where there is none."""
    return _all()[name]


def lessons() -> list[str]:
    """The lessons' folder names, in the order of the course."""
    return list(dict.fromkeys(e.lesson for e in _all().values()))


def lesson(name: str) -> list[Exercise]:
    """The exercises of a lesson, in its order; empty for a lesson that is not there."""
    return [e for e in _all().values() if e.lesson == name]
