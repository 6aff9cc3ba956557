"""Calls of answers, one after the other. An answer in another process gets many of them in one message."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

import numpy as np

from course_utils.remote import Remote

Steps = Generator[Sequence[partial[Any]], list[Any], Any]  # yields calls, gets their results, returns what came of all


@dataclass(frozen=True)
class Ready:
    """A call that was made: it gives what came of it, once it is called with the arguments of then.

    quiet : whether it printed nothing, and did nothing to the arguments, so that nobody need look.
    """

    run: Callable[..., Any]
    quiet: bool = False

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self.run(*args, **kwargs)

    def then(self, outcome: Callable[[Any], Any] | None, *first: Any) -> Ready:
        """The same with arguments that come first, and with what makes the outcome of the result."""

        def run(*args: Any, **kwargs: Any) -> Any:
            result = self.run(*first, *args, **kwargs)
            return result if outcome is None else outcome(result)

        return Ready(run, self.quiet)


class Unseen(partial[Any]):
    """A call whose result is not looked at, unless it is an exception."""


class Uncached(partial[Any]):
    """A call whose result, where it is a pair, is looked at with None in the place of the second: of a cache, say."""


class Tried(partial[Any]):
    """A call whose result is None where it is an exception."""


@dataclass(frozen=True, eq=False)
class Second:
    """The second of the pair that an earlier call of the same step returned: an argument of a later one.

    It stays where the answer is, and is what it has become by then.
    """

    call: partial[Any]

    def __repr__(self) -> str:
        return "…"


def second(result: Any) -> Any:
    """The second of a pair; TypeError where a result is none."""
    if isinstance(result, tuple | list) and len(result) == 2:
        return result[1]
    raise TypeError(f"a forward pass returns the pair (out, cache), and {_kind(result)} came")


def _kind(result: Any) -> str:
    if result is None:
        return "None"
    if isinstance(result, np.ndarray):
        return f"an array of shape {result.shape}"
    name = type(result).__name__
    many = f" of {len(result)}" if isinstance(result, tuple | list) else ""
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}{many}"


def called(*calls: partial[Any]) -> list[Any]:
    """What calls return that are made one after the other, as it was then."""
    if calls and isinstance(calls[0].func, Remote):
        return _settled(calls, calls[0].func.together(calls))
    results: dict[partial[Any], Any] = {}
    return [_kept(_made(call, results)) for call in calls]


def _made(call: partial[Any], results: dict[partial[Any], Any]) -> Any:
    args = [second(results[arg.call]) if isinstance(arg, Second) else arg for arg in call.args]
    try:
        result = results[call] = call.func(*args, **call.keywords)
    except Exception:
        if isinstance(call, Tried):
            return None
        raise
    if isinstance(call, Uncached) and isinstance(result, tuple | list) and len(result) == 2:
        return result[0], None
    return None if isinstance(call, Unseen) else result


def _settled(calls: Sequence[partial[Any]], made: Iterable[Callable[..., Any]]) -> list[Any]:
    """What came of calls that were made in another process."""
    results: list[Any] = []
    for call, each in zip(calls, made, strict=True):
        try:
            results.append(each(*call.args, **call.keywords))
        except Exception:
            if not isinstance(call, Tried):
                raise
            results.append(None)
    return results


def stepwise(steps: Callable[..., Steps]) -> Callable[..., Any]:
    """Decorator: a function that makes the calls of a generator, one step after the other. Its ``steps`` is that."""

    @wraps(steps)
    def run(*args: Any, **kwargs: Any) -> Any:
        plan, results = steps(*args, **kwargs), None
        while True:
            try:
                calls = plan.send(results)  # type: ignore[arg-type]
            except StopIteration as end:  # of the generator: an answer's own goes on up
                return end.value
            results = called(*calls)

    run.steps = steps  # type: ignore[attr-defined]
    return run


def in_step(plans: Sequence[Steps], answer: Remote) -> list[Ready]:
    """Generators of calls of an answer in another process, run together: a message holds a step of all of them.

    What they print is printed now, and what they do to their arguments is done to those that they have.
    """
    ended: list[Callable[..., Any]] = [_given] * len(plans)
    going: dict[int, list[Any] | None] = dict.fromkeys(range(len(plans)))  # the results of the last step
    while going:
        steps: dict[int, Sequence[partial[Any]]] = {}
        for number, results in going.items():
            try:
                steps[number] = plans[number].send(results)  # type: ignore[arg-type]
            except StopIteration as end:
                ended[number] = partial(_given, end.value)
            except Exception as error:
                ended[number] = partial(_raised, error)
        made = iter(answer.together([call for calls in steps.values() for call in calls])) if steps else iter(())
        going = {}
        for number, calls in steps.items():
            mine = [next(made) for _ in calls]
            try:
                going[number] = _settled(calls, mine)
            except Exception as error:
                ended[number] = partial(_raised, error)
    return [Ready(each, quiet=True) for each in ended]


def _given(value: Any, /, *_: Any, **__: Any) -> Any:
    return value


def _raised(error: Exception, /, *_: Any, **__: Any) -> Any:
    raise error


def _kept(result: Any) -> Any:
    """A result as it is now; a later call may write into the same arrays."""
    if type(result) in (tuple, list):
        return type(result)(map(_kept, result))
    return result.copy() if isinstance(result, np.ndarray) else result
