"""The exercises of every lesson: a module a lesson, found by the exercise's name.

Modules are imported in the order of the course and only as far as needed, so that an early lesson does not pay for what
the later ones import.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module

from course_utils.contract import Exercise

__all__ = ["find", "lesson", "lessons", "modules", "names"]

MODULES = (
    "start_here",
    "convolution",
    "padding_stride",
    "layers",
    "pooling",
    "batch_norm",
    "lenet",
    "alexnet_vgg",
    "inception",
    "resnet",
    "gpu_training",
    "looking_inside",
)


@cache
def _of(module: str) -> tuple[Exercise, ...]:
    found = vars(import_module(f"{__name__}.{module}")).values()
    return tuple(value for value in found if isinstance(value, Exercise))


def _all() -> Iterator[Exercise]:
    for module in MODULES:
        yield from _of(module)


def modules(lessons: Iterable[str]) -> tuple[str, ...]:
    """The modules that are imported when an exercise of these lessons is looked for; nothing is imported here."""
    known = tuple(lessons)
    last = max((i for i, m in enumerate(MODULES) if any(name.endswith(f"_{m}") for name in known)), default=-1)
    return tuple(f"{__name__}.{module}" for module in MODULES[: last + 1])


def names() -> list[str]:
    """The names of all exercises, in the order of the course."""
    return [e.name for e in _all()]


def find(name: str) -> Exercise:
    """The exercise of a name; KeyError where there is none."""
    found = next((e for e in _all() if e.name == name), None)
    if found is None:
        raise KeyError(name)
    return found


def lessons() -> list[str]:
    """The lessons' folder names, in the order of the course."""
    return list(dict.fromkeys(e.lesson for e in _all()))


def lesson(name: str) -> list[Exercise]:
    """The exercises of a lesson, in its order; empty for a lesson that is not there."""
    return [e for e in _all() if e.lesson == name]
