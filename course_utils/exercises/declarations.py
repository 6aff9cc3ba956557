"""How the lessons in PyTorch declare exercises: networks that are probed, functions that get objects to work with.

A known mistake changes the thing itself, the right network or the right function, so that it can also be written behind
a solution in a notebook.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

from course_utils.comparison import compare
from course_utils.contract import Exercise
from course_utils.probe import PARTS, look
from course_utils.recipe import Recipe
from course_utils.remote import made
from course_utils.variation import Varied

# Whole networks, and the answers.
READY_MADE = ("torchvision", "timm", "transformers", "keras", "tensorflow", "torch.hub", "course_utils.exercises")
TOLERANCE = 1e-8  # of the largest score: the networks compute in float64

NETWORK = """
right_{name} = {name}

def right({parameters}):
    from course_utils.variation import Varied
    return Varied(right_{name}({arguments}), edits)

{{mistake}}

def {name}{signature}:
    return mistaken({given})
"""

FUNCTION = """
right_{name} = {name}

def right({parameters}):
    import functools

    def changed(*args, **kwargs):
        function = right_{name}
        for change in changes:
            function = functools.partial(change, function)
        return function(*args, **kwargs)
    return changed

{{mistake}}

def {name}{signature}:
    return mistaken({given})({arguments})
"""


def network(lesson: str, signature: str, **contract: Any) -> Callable[[Callable[..., Any]], Exercise]:
    """Decorator for an oracle ``(images, seed, *arguments of the network, *edits)`` that ends in :func:`seen`.

    Parameters
    ----------
    lesson : as in :func:`course_utils.contract.exercise`.
    signature : the answer's parameters, such as ``"(classes=1000)"``.
    contract : further keywords of an exercise.
    """

    def declare(oracle: Callable[..., Any]) -> Exercise:
        names = list(inspect.signature(oracle).parameters)
        arguments = names[2:-1]
        wrapping = NETWORK.format(
            name=oracle.__name__,
            parameters=", ".join([*names[:-1], "*edits"]),
            arguments=", ".join(arguments),
            signature=signature,
            given=", ".join(["None", "None", *arguments]),
        )
        made_so = {"parts": PARTS, "once": True, "alone": True, "tolerance": TOLERANCE, "forbidden": READY_MADE}
        shown = f"net = {oracle.__name__}({', '.join(arguments)})\nnet(a batch of the shape in images)"
        declared = Exercise(
            oracle,
            lesson,
            **{**made_so, "answer_signature": signature, "shown": shown, "wrapping": wrapping, **contract},
        )
        declared.protocol(partial(_looked_at, declared))
        return declared

    return declare


def _looked_at(declared: Exercise, answer: Any, images: Any, seed: Any, *args: Any, **kwargs: Any) -> Any:
    """What a look at the answer's network shows, beside the answer."""
    got = made(Recipe("course_utils.probe:look", (answer, args, kwargs, images, seed)), answer)
    if seed is None or not (isinstance(got, tuple) and len(got) == len(PARTS)):
        return got
    want = declared.oracle(images, seed, *args, **kwargs)
    parameters, layers, training, evaluation = got
    training = want[2] if training is None else training  # random, and not by the library's dropout: not looked at
    if compare((want[0], *want[2:]), (parameters, training, evaluation), declared.tolerance).equal:
        layers = want[1]  # the same function, in other layers: two towers for two groups, say
    return parameters, layers, training, evaluation


def seen(make: Callable[..., Any], args: tuple[Any, ...], images: Any, seed: Any, edits: Sequence[Any]) -> Any:
    """What a look at a network of ours shows, with edits (:class:`course_utils.variation.Varied`)."""
    if not edits:
        return _seen(make, args, images, seed)
    return look(lambda *given: Varied(make(*given), edits), args, {}, images, seed)


@lru_cache(maxsize=64)
def _seen(make: Callable[..., Any], args: tuple[Any, ...], images: Any, seed: Any) -> Any:
    return look(make, args, {}, images, seed)


def function(
    lesson: str, signature: str, run: Callable[..., Any], **contract: Any
) -> Callable[[Callable[..., Any]], Exercise]:
    """Decorator for an oracle ``(*arguments of a case, *changes)`` that ends in ``run(changed(ours, changes), …)``.

    Parameters
    ----------
    lesson : as in :func:`course_utils.contract.exercise`.
    signature : the answer's parameters, such as ``"(model, batches)"``.
    run : puts a function through a case: ``run(function, *arguments of the case)``. It must make the objects that it
        hands over by recipes, beside the function.
    contract : further keywords of an exercise.
    """

    def declare(oracle: Callable[..., Any]) -> Exercise:
        names = list(inspect.signature(oracle).parameters)
        parameters = [part.split("=")[0].strip() for part in signature.strip("()").split(",")]
        wrapping = FUNCTION.format(
            name=oracle.__name__,
            parameters=", ".join([*names[:-1], "*changes"]),
            arguments=", ".join(parameters),
            signature=signature,
            given=", ".join(["None"] * len(names[:-1])),
        )
        made_so = {"forbidden": READY_MADE, "answer_signature": signature, "wrapping": wrapping}
        declared = Exercise(oracle, lesson, **{**made_so, **contract})
        declared.protocol(run)
        return declared

    return declare


def changed(function: Callable[..., Any], changes: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    """A function with changes; each takes the function as it was, and then the arguments."""
    for change in changes:
        function = partial(change, function)
    return function


def numbers(value: Any) -> Any:
    """Tensors as arrays, in whatever holds them; a tensor of one number as a number."""
    if isinstance(value, torch.Tensor):
        array = value.detach().cpu().numpy()
        return array if array.ndim else array.item()
    if isinstance(value, (list, tuple)):
        return type(value)(map(numbers, value)) if type(value) in (list, tuple) else tuple(map(numbers, value))
    return {key: numbers(v) for key, v in value.items()} if isinstance(value, dict) else value


def tensor(array: np.ndarray) -> torch.Tensor:
    """An array, in whatever memory order, as a tensor of its own."""
    return torch.from_numpy(np.array(array))
