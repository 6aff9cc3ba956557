"""How a lesson declares networks that are looked at with fewer channels (:mod:`course_utils.thinning`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial, wraps
from typing import Any

from course_utils import thinning
from course_utils.comparison import compare
from course_utils.contract import Exercise
from course_utils.exercises.declarations import network
from course_utils.recipe import Recipe
from course_utils.remote import made
from course_utils.variation import Varied

Make = Callable[..., Any]
Edits = Sequence[Any]


@dataclass(frozen=True)
class Look:
    """How a network of ours is looked at.

    make : makes it.
    layers : whether the layers' sizes are looked at where scores are.
    """

    make: Make
    layers: bool = True

    def __call__(self, args: tuple[Any, ...], images: Any, seed: Any, edits: Edits = ()) -> Any:
        """Parameters and layers; with a seed dropout and scores as well."""
        if not edits:
            return _looked(self, args, images, seed, False)
        return self.at(lambda *given: Varied(self.make(*given), edits), args, images, seed, False)

    def at(self, make: Make, args: tuple[Any, ...], images: Any, seed: Any, whole: bool) -> Any:
        """A look at another network, or at all channels."""
        return _in_order(thinning.look(make, args, {}, images, seed, whole, self.layers)[:5])


def thinned(
    lesson: str,
    look: Look,
    signature: str,
    *,
    also: Sequence[Edits] = (),
    rates: Mapping[str, str] | None = None,
    **contract: Any,
) -> Callable[[Callable[..., Any]], Exercise]:
    """Decorator for an oracle ``(images, seed, *arguments of the network, *edits)`` that ends in a :class:`Look`.

    Parameters
    ----------
    lesson, signature, contract : as for :func:`course_utils.exercises.declarations.network`.
    look : at our network.
    also : edits (:class:`course_utils.variation.Varied`) with each of which our network would be right too.
    rates : what dropout may do as well, in words → what it does in our network.
    """

    def declare(oracle: Callable[..., Any]) -> Exercise:
        declared = network(lesson, signature, parts=thinning.PARTS, **contract)(oracle)
        declared.protocol(partial(_looked_at, declared, look, tuple(map(tuple, also)), rates or {}))
        return declared

    return declare


@lru_cache(maxsize=64)
def _looked(look: Look, args: tuple[Any, ...], images: Any, seed: Any, whole: bool) -> Any:
    return look.at(look.make, args, images, seed, whole)


@lru_cache(maxsize=64)
def _edited(look: Look, args: tuple[Any, ...], images: Any, seed: Any, edits: tuple[Any, ...]) -> Any:
    return look(args, images, seed, edits)


def _in_order(found: tuple[Any, ...]) -> tuple[Any, ...]:
    """With the rates of dropout sorted: heads may be computed on the way or at the end."""
    if len(found) < 3 or found[2] is None:
        return found
    return (*found[:2], ", ".join(sorted(found[2].split(", "))), *found[3:])


def _looked_at(
    declared: Exercise,
    look: Look,
    also: tuple[tuple[Any, ...], ...],
    rates: Mapping[str, str],
    answer: Any,
    images: Any,
    seed: Any,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """What a look at the answer's network shows, beside the answer."""
    got = made(Recipe("course_utils.thinning:look", (answer, args, kwargs, images, seed, False, look.layers)), answer)
    if seed is None or not (isinstance(got, tuple) and len(got) == 6):
        return got
    bound = declared.signature.bind(images, seed, *args, **kwargs)
    bound.apply_defaults()
    given = bound.args[2:]
    want = look(given, images, seed)
    parameters, layers, drops, training, evaluation = _in_order(got[:5])
    drops = want[2] if drops is None else rates.get(drops, drops)  # drawn otherwise than by the library: not looked at
    reference = _looked(look, given, images, seed, True) if got[5] else want
    training = reference[3] if training is None else training
    found = parameters, training, evaluation
    if any(_equal(r, found, declared) for r in _right(look, given, images, seed, reference, also)):
        return want[0], want[1], drops, *want[3:]  # the same function, if in other layers
    return parameters, layers, drops, training, evaluation


def _right(look: Look, given: Any, images: Any, seed: Any, reference: Any, also: tuple[tuple[Any, ...], ...]) -> Any:
    """What is right, one after the other: most answers need only the first."""
    yield reference
    for edits in also:
        yield _edited(look, given, images, seed, edits)


def _equal(reference: tuple[Any, ...], found: tuple[Any, ...], declared: Exercise) -> bool:
    return bool(compare((reference[0], *reference[3:]), found, declared.tolerance).equal)


def remember(*networks: Exercise) -> None:
    """Let the known mistakes remember what they make of our networks: a diagnosis asks for it again and again."""
    for declared in networks:
        declared.mistakes = tuple(
            replace(m, function=_remembered(m.function, declared.oracle)) for m in declared.mistakes
        )


def _remembered(function: Callable[..., Any], oracle: Callable[..., Any]) -> Callable[..., Any]:
    @lru_cache(maxsize=64)
    def ours(args: tuple[Any, ...], options: tuple[tuple[str, Any], ...]) -> Any:
        return function(oracle, *args, **dict(options))

    @wraps(function)
    def remembered(right: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if right is not oracle:
            return function(right, *args, **kwargs)
        return ours(args, tuple(kwargs.items()))

    return remembered
