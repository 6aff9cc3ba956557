"""An exercise, declared once: its contract, an oracle, cases, and the mistakes that are known."""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any
from zlib import crc32

import numpy as np

from course_utils.calls import in_step
from course_utils.remote import Remote

# Libraries whose call would be the whole answer in the lessons written by hand (00 to 05).
BY_HAND = ("torch", "tensorflow", "jax", "cv2", "skimage", "scipy.signal", "scipy.ndimage", "course_utils.exercises")

WORKED = "worked example"  # the category of every example


@dataclass(frozen=True)
class Raises:
    """The outcome "this call ends in such an exception"."""

    kind: type[BaseException]


@dataclass(frozen=True, eq=False)  # arrays cannot be keys, so a case is one by being itself
class Case:
    """One call of the answer: its category in words that a student understands, and the arguments."""

    category: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Example:
    """A call that can be followed by hand, with the outcome worked out by hand (never by the oracle)."""

    case: Case
    expected: Any


@dataclass(frozen=True)
class Mistake:
    """A wrong computation that students really make, as a variation of a right function.

    ``function`` takes a right function first and then the arguments of the exercise, so that one declaration
    predicts what the mistaken answer returns (``right`` is the oracle), can be written into a notebook (``right``
    is the solution), and can be combined with another mistake (``right`` is the other mistake).
    """

    name: str
    hint: str
    function: Callable[..., Any]

    def applied_to(self, right: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **kwargs: self.function(right, *args, **kwargs)


class Draw:
    """Random arguments for cases: short decimals, and larger sizes for hidden tests."""

    def __init__(self, generator: np.random.Generator, hidden: bool = False):
        self.generator = generator
        self.hidden = hidden

    def array(self, *shape: builtins.int) -> np.ndarray:
        """Normal numbers with two decimals, never all equal to zero."""
        values = np.round(self.generator.standard_normal(shape), 2)
        return np.where(values == 0, 0.5, values)

    def integers(self, *shape: builtins.int, low: builtins.int = -9, high: builtins.int = 9) -> np.ndarray:
        """Whole numbers between low and high, both included, as float64."""
        return self.generator.integers(low, high + 1, shape).astype(float)

    def int(self, low: builtins.int, high: builtins.int) -> builtins.int:
        """A whole number between low and high, both included."""
        return builtins.int(self.generator.integers(low, high + 1))

    def size(self, low: builtins.int, high: builtins.int) -> builtins.int:
        """A length: between low and high for a student's check, up to twice high for a hidden test."""
        return self.int(low, 2 * high if self.hidden else high)

    def choice(self, options: Sequence[Any]) -> Any:
        return options[self.int(0, len(options) - 1)]

    def repeats(self, count: builtins.int) -> range:
        """How many random cases: three times as many for a hidden test."""
        return range(3 * count if self.hidden else count)


CaseMaker = Callable[[Draw], Iterable[Case]]


class Exercise:
    """What one function must do. Made by the decorator :func:`exercise` from the function's oracle.

    Attributes
    ----------
    name : the function's public name.
    lesson : the lesson's folder, such as ``"01_convolution"``.
    oracle : an independent right implementation with the public signature.
    parts : names of the parts of the result where it is a tuple, such as ``("dx", "dw", "db")``.
    examples : calls with outcomes worked out by hand.
    forbidden : dotted names that an answer must not refer to (a prefix forbids all below it).
    in_place : names of the arguments that the answer is meant to change.
    requires : says whether arguments lie in the exercise's domain.
    aligned : cuts a case's arguments to sizes that go together, where shrinking made one of them smaller; returns the
        positional ones.
    once : each case is run once (a training run): no second call, no search for a smaller input that fails.
    alone : mistakes are looked for one at a time, never two together (where a case takes long).
    tolerance : of the largest expected magnitude; 1e-9 is added.
    companions : other answers of the student that this one needs (a backward pass needs the forward's cache).
    builds_on : other answers that this one may call of its own accord; where one that it calls is wrong, that is said.
    shown : how the answer is called, in Python, where that is not ``name(arguments)``.
    answer_signature : the parameters of the answer, where they are not those of the oracle.
    wrapping : where there is a protocol, how a mistake becomes an answer: code that follows the solution's in a cell;
        it defines ``right`` (case arguments → the right outcome), then ``{mistake}`` (a line of its own, where
        the function ``mistaken`` will stand) and then the answer by means of ``mistaken``.
    mistakes : the known mistakes, in the order of their declaration.

    An exercise whose answer is not simply called with the case's arguments has a :meth:`protocol`; oracle, cases and
    mistakes then take the protocol's arguments.
    """

    def __init__(
        self,
        oracle: Callable[..., Any],
        lesson: str,
        *,
        parts: Sequence[str] = (),
        examples: Sequence[Example] = (),
        forbidden: Sequence[str] = BY_HAND,
        in_place: Sequence[str] = (),
        requires: Callable[..., bool] | None = None,
        aligned: Callable[..., Sequence[Any]] | None = None,
        once: bool = False,
        alone: bool = False,
        tolerance: float = 1e-6,
        integers: bool = True,
        companions: Sequence[str] = (),
        builds_on: Sequence[str] = (),
        shown: str = "",
        answer_signature: str = "",
        wrapping: str = "",
    ):
        self.name = oracle.__name__
        self.lesson = lesson
        self.oracle = oracle
        self.parts = tuple(parts)
        self.examples = tuple(examples)
        self.forbidden = tuple(forbidden)
        self.in_place = tuple(in_place)
        self.tolerance = tolerance
        self.integers = integers
        self.companions = tuple(companions)
        self.builds_on = tuple(builds_on)
        self.shown = shown
        self.wrapping = wrapping
        self._answer_signature = answer_signature
        self.mistakes: tuple[Mistake, ...] = ()
        self.once = once
        self.alone = alone
        self._requires = requires
        self._aligned = aligned
        self._make_cases: CaseMaker = lambda draw: ()
        self._protocol: Callable[..., Any] | None = None
        self._goes_beside = False
        self._outcome: Callable[[Any], Any] | None = None

    @cached_property
    def signature(self) -> inspect.Signature:
        """The parameters of a case: those of the oracle."""
        return inspect.signature(self.oracle)

    @property
    def answer_signature(self) -> str:
        """The parameters of the answer, as a student writes them."""
        return self._answer_signature or str(self.signature)

    @property
    def is_called_directly(self) -> bool:
        return self._protocol is None

    def __repr__(self) -> str:
        return f"<exercise {self.name}{self.answer_signature} of {self.lesson}>"

    def protocol(
        self, function: Callable[..., Any], *, beside: bool = False, outcome: Callable[[Any], Any] | None = None
    ) -> Callable[..., Any]:
        """Decorator: how an answer is put through a case; takes the answer, its companions, the case's arguments.

        ``beside``: it may run where the answer does, since it decides nothing: a function of ``course_utils.passes``.
        ``outcome``: makes the case's outcome of what the protocol returned, or raises; it never runs over there.
        """
        self._protocol, self._goes_beside, self._outcome = function, beside, outcome
        return function

    def bind(
        self, answer: Callable[..., Any], companions: Sequence[Callable[..., Any]] = (), *, beside: bool = False
    ) -> Callable[..., Any]:
        """A function of a case's arguments that puts an answer (and its companions) to work.

        ``beside``: with the protocol where the answer is, if it may go there; else each call is made from here.
        """
        if self._protocol is None:
            return answer
        if beside and self._goes_beside and isinstance(answer, Remote):
            return self._ending(partial(answer.put_through, self._protocol, *companions))
        return self._ending(partial(self._protocol, answer, *companions))

    def bind_each(
        self,
        cases: Sequence[Case],
        answer: Callable[..., Any],
        companions: Sequence[Callable[..., Any]] = (),
        *,
        beside: bool = False,
    ) -> Sequence[Callable[..., Any]]:
        """As :meth:`bind`, a function for each case; an answer in another process is put through all of them now.

        Not ``beside``, they go in steps, with the cases' own arrays as arguments: what is done to them is not told.
        """
        goes = self.is_called_directly or (beside and self._goes_beside)
        steps = getattr(self._protocol, "steps", None)
        if self.once or not isinstance(answer, Remote) or not (goes or (steps and not beside)):
            return [self.bind(answer, companions, beside=beside)] * len(cases)
        if not goes:
            ended = in_step([steps(answer, *companions, *case.args, **case.kwargs) for case in cases], answer)
            return [each.then(self._outcome) for each in ended]
        run = partial(answer) if self._protocol is None else partial(self._protocol, answer, *companions)
        made = answer.together([partial(run, *case.args, **case.kwargs) for case in cases])
        return [each.then(self._outcome, *run.args) for each in made]

    def _ending(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """A protocol with what makes the outcome of its result."""
        if (outcome := self._outcome) is None:
            return run
        return lambda *args, **kwargs: outcome(run(*args, **kwargs))

    def tolerance_for(self, case: Case) -> float:
        """The relative tolerance of a case: wider where an argument is of single precision."""
        single = any(isinstance(a, np.ndarray) and a.dtype == np.float32 for a in case.args)
        return max(self.tolerance, 1e-4) if single else self.tolerance

    def cases(self, maker: CaseMaker) -> CaseMaker:
        """Decorator: the function that draws this exercise's cases."""
        self._make_cases = maker
        return maker

    def mistake(self, hint: str) -> Callable[[Callable[..., Any]], Mistake]:
        """Decorator: declare a known mistake; its name is the function's name in words."""

        def declare(function: Callable[..., Any]) -> Mistake:
            known = Mistake(function.__name__.strip("_").replace("_", " "), hint, function)
            self.mistakes += (known,)
            return known

        return declare

    def in_domain(self, case: Case) -> bool:
        return self._requires is None or bool(self._requires(*case.args, **case.kwargs))

    def align(self, case: Case) -> Case:
        """A case whose arguments go together in size again, after one of them was made smaller."""
        if self._aligned is None:
            return case
        return Case(case.category, tuple(self._aligned(*case.args, **case.kwargs)), case.kwargs)

    def draw(self, seed: int = 0, hidden: bool = False) -> list[Case]:
        """All cases for a seed: the examples, the declared ones, and the same in integers and other memory orders."""
        draw = Draw(np.random.default_rng([crc32(self.name.encode()), seed, int(hidden)]), hidden)
        declared = list(self._make_cases(draw))
        return [e.case for e in self.examples] + declared + list(self._variants(declared))

    def _variants(self, cases: Sequence[Case]) -> Iterator[Case]:
        """Legitimate inputs that no exercise should forget: integer arrays and arrays in another memory order."""
        names = list(self.signature.parameters)
        for case in [c for c in cases if any(isinstance(a, np.ndarray) and a.size > 1 for a in c.args)][-2:]:
            arrays = [i for i, a in enumerate(case.args) if isinstance(a, np.ndarray)]
            floats = [i for i in arrays if case.args[i].dtype.kind == "f" and names[i] not in self.in_place]
            if self.integers and floats:
                yield _mapped(case, "arrays of integers", floats, _as_integers)
                if len(floats) > 1:
                    yield _mapped(case, "first array of integers", floats[:1], _as_integers)
            yield _mapped(case, "arrays in another memory order", arrays, _strided)


def _mapped(case: Case, category: str, positions: Sequence[int], change: Callable[[np.ndarray], np.ndarray]) -> Case:
    args = tuple(change(a) if i in positions else a for i, a in enumerate(case.args))
    return Case(category, args, case.kwargs)


def _as_integers(array: np.ndarray) -> np.ndarray:
    return np.round(3 * array).astype(np.int64)


def _strided(array: np.ndarray) -> np.ndarray:
    """The same values, every second element of a larger array laid out in Fortran order."""
    apart = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype, order="F")[..., ::2]
    apart[...] = array
    return apart


def case(category: str, *args: Any, **kwargs: Any) -> Case:
    """A case from a category and the arguments of the call."""
    return Case(category, args, MappingProxyType(kwargs))


def example(expected: Any, *args: Any, **kwargs: Any) -> Example:
    """A worked example: the outcome, then the arguments. Nested lists become float arrays."""
    return Example(case(WORKED, *map(_array, args), **kwargs), _array(expected))


def _array(value: Any) -> Any:
    """A (nested) list of numbers as a float array; everything else, a list of tuples too, unchanged."""
    if isinstance(value, list) and value and all(isinstance(v, (int, float, list)) for v in value):
        return np.array(value, dtype=float)
    return value


def exercise(lesson: str, **contract: Any) -> Callable[[Callable[..., Any]], Exercise]:
    """Decorator: turn an oracle into an :class:`Exercise` of a lesson (keywords as in its constructor)."""
    return lambda oracle: Exercise(oracle, lesson, **contract)
