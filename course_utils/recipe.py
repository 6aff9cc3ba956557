"""An object said in words: a class of an installed package, its arguments, and the numbers to fill it with.

A check that hands a network or an optimizer to an answer says how it is made. So the answer gets one of its own, and a
grader can have it made where the answer runs.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """How an object is made.

    path : a class or function as ``"torch.nn:Linear"``.
    args, kwargs : its arguments; recipes among them are made first.
    state : numbers for a network's ``load_state_dict``, or None.
    """

    path: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] | None = None

    def build(self) -> Any:
        """Make the object.

        Raises
        ------
        ValueError
            where the path names nothing.
        """
        module, _, name = self.path.partition(":")
        made: Any = importlib.import_module(module)
        for part in name.split("."):
            if not hasattr(made, part):
                raise ValueError(f"A recipe needs a path such as torch.nn:Linear; there is no {self.path}.")
            made = getattr(made, part)
        result = made(*map(built, self.args), **{key: built(value) for key, value in self.kwargs.items()})
        if self.state is not None:
            result.load_state_dict(dict(self.state))
        return result


def built(value: Any) -> Any:
    """A recipe's object; any other value as it is."""
    return value.build() if isinstance(value, Recipe) else value
