"""An answer that lives in another process, as a grader sees it: what a check may ask of it besides calling it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from course_utils.recipe import Recipe


class Remote:
    """The base of such answers. It is looked at by its declarations alone, never by its code."""

    def references(self) -> Iterable[str]:
        """The dotted names that the answer's code refers to, as :func:`course_utils.references.references` gives."""
        raise NotImplementedError

    def companion(self, name: str) -> Any:
        """Another answer of the same submission, or None."""
        raise NotImplementedError

    @property
    def verdicts(self) -> dict[str, bool]:
        """Other answer → whether it is right, as found out since the student's code last ran by itself."""
        raise NotImplementedError

    def make(self, recipe: Recipe) -> Any:
        """An object made beside the answer."""
        raise NotImplementedError

    def put_through(self, protocol: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What a public function of this package returns that is called beside the answer, with it and arguments."""
        raise NotImplementedError

    def together(self, calls: Sequence[partial[Any]]) -> Sequence[Any]:
        """All these calls made, one after the other, in few messages: of answers, or of a protocol beside them.

        For each there comes a :class:`course_utils.calls.Ready`: called with the same arguments, it does to them what
        the call did, and returns or raises what came of it.
        """
        raise NotImplementedError


class RemoteTrace(Exception):  # noqa: N818 (a text that comes with an error)
    """The cause of an error that was raised in the other process: the student's lines of its traceback."""


def made(recipe: Recipe, answer: Any) -> Any:
    """A recipe's object, made in the process where an answer lives."""
    return answer.make(recipe) if isinstance(answer, Remote) else recipe.build()
