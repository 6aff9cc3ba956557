"""Lesson 11: what a network has learned: activation maps, patches, saliency, occlusion, Grad-CAM, a wrong image."""

# Several exercises know the same mistake under the same name.
# ruff: noqa: F811
# mypy: disable-error-code="no-redef"

from __future__ import annotations

import ast
import copy
import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.stats
import torch

from course_utils.aftermath import UNTOUCHED
from course_utils.contract import Case, Draw, Example, case, example, exercise
from course_utils.exercises.declarations import READY_MADE, changed, function, numbers
from course_utils.recipe import Recipe
from course_utils.remote import made

LESSON = "11_looking_inside"
LIBRARIES = (*READY_MADE, "captum", "pytorch_grad_cam", "course_utils.deconvolution", "course_utils.mosaics")
CLASSES, SIZE = 4, (2, 8, 6)  # of the images that the networks below take

_TAIL = "Flatten(), Linear(48, 4)"
PLAIN = f"Conv2d(2, 3, 3, padding=1), ReLU(), MaxPool2d(2), Conv2d(3, 4, 3, padding=1), ReLU(), {_TAIL}"
INPLACE = PLAIN.replace("ReLU()", "ReLU(inplace=True)")
NORMED = PLAIN.replace("ReLU(), Max", "BatchNorm2d(3), ReLU(), Max")
NESTED = (
    "Sequential(Conv2d(2, 3, 3, padding=1), ReLU()), MaxPool2d(2), Sequential(Conv2d(3, 4, 3, padding=1), ReLU()), "
    + _TAIL
)
STRIDED = "Conv2d(2, 3, 5, stride=2, padding=2), ReLU(), Conv2d(3, 4, 3, padding=1)"
SMALL = "Conv2d(1, 2, 1), ReLU(), Flatten(), Linear(4, 2)"  # for the examples by hand, on images of 1 × 1 × 2
LINEAR = "Flatten(), Linear(4, 2)"
CORNER = "one corner"  # a state before the call: behind the last layer's weights there is only the upper left corner

SHOWN = (
    "# `net`: layers of torch.nn in a row, weights from `seed` (in the worked example 1, -2, 3, 4, -5, 6, 7, -8, …)\n"
    "# `before`: the model's state when it is handed over; a layer that is a number is the module at that place\n"
)
PARTS = ("result", "model and image afterwards")


@lru_cache(maxsize=16)
def _built(text: str) -> tuple[Recipe, ...]:
    """The layers of a net in words, as recipes."""

    def layer(call: Any) -> Recipe:
        given = [layer(a) if isinstance(a, ast.Call) else ast.literal_eval(a) for a in call.args]
        return Recipe(
            f"torch.nn:{call.func.id}", tuple(given), {k.arg: ast.literal_eval(k.value) for k in call.keywords}
        )

    return tuple(map(layer, ast.parse(f"({text},)", mode="eval").body.elts))  # type: ignore[attr-defined]


def _weights(shape: Any, name: str, draw: np.random.Generator | None) -> np.ndarray:
    """Numbers for a parameter or a running statistic; without a generator those of the worked examples."""
    if draw is None:
        steps = np.arange(1, math.prod(shape) + 1)
        return ("bias" not in name) * np.where(steps % 3 == 2, -steps, steps).reshape(shape).astype(float)
    values = draw.normal(size=tuple(shape))
    if len(shape) > 1:
        # scores stay so small that no probability is 1 in single precision
        return values * math.sqrt((2 if len(shape) > 2 else 0.5) / math.prod(shape[1:]))
    return 0.5 + np.abs(values) if "var" in name else 0.3 * np.abs(values) if "bias" in name else values


@lru_cache(maxsize=256)
def _state(net: str, seed: int | None, before: str) -> dict[str, Any]:
    """The numbers of a network; nobody changes them."""
    draw = None if seed is None else np.random.default_rng(seed)
    empty = Recipe("torch.nn:Sequential", _built(net)).build().state_dict()
    state = {
        name: torch.from_numpy(_weights(value.shape, name, draw)).float() if value.ndim else value
        for name, value in empty.items()
    }
    if before == CORNER:
        last = state[list(state)[-2]].reshape(CLASSES, -1, SIZE[1] // 2, SIZE[2] // 2)  # a view of the linear weight
        last[:, :, 2:] = 0
        last[:, :, :, 1:] = 0
    return state


def _network(answer: Any, net: str, seed: int | None, before: str) -> Any:
    """A network, beside an answer."""
    return made(Recipe("torch.nn:Sequential", _built(net), state=_state(net, seed, before)), answer)


def _observed(answer: Any, image: Any, layer: Any, rest: Any, net: str, seed: Any, before: str) -> tuple[Any, str, str]:
    """What an answer gives; whether with a graph; and what it leaves behind."""
    model = _network(answer, net, seed, before)
    given = (answer, model, np.array(image, dtype=float), layer, tuple(rest))
    states = (before == "training mode", before == "holding gradients")
    value, graph, left = made(Recipe("course_utils.aftermath:observe", (*given, *states)), answer)
    return numbers(value), graph, left


def _leaves(model: Any) -> list[Any]:
    """The layers of nested rows, in their order."""
    return [m for m in model.modules() if not list(m.children())]


def _passed(model: Any, images: Any) -> list[tuple[Any, Any, Any]]:
    """Each layer of a copy in evaluation mode and double precision, with what comes in and what goes out."""
    x, found = images.double(), []
    for layer in _leaves(copy.deepcopy(model).double().eval()):
        with torch.no_grad():
            out = layer(x.clone())
        found.append((layer, x, out))
        x = out
    return found


def _place(model: Any, layer: Any) -> int:
    """The number of a layer (of a row's last one) among the leaves."""
    module = model.get_submodule(layer) if isinstance(layer, str) else layer
    return _leaves(model).index(_leaves(module)[-1])


def _back(passed: Any, gradient: Any, rule: Any = lambda layer, out, gradient: gradient) -> Any:
    """A gradient led back through layers, changed by a rule before each."""
    for layer, x, out in reversed(passed):
        start = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(layer(start.clone()), start, rule(layer, out, gradient))
    return gradient


def _one_score(passed: Any, label: int) -> Any:
    return torch.eye(passed[-1][2].shape[1], dtype=torch.double)[[label]]


def _fits(net: str, shape: tuple[int, ...]) -> bool:
    """Whether a net takes an image of such a shape."""
    if net in (SMALL, LINEAR):
        return math.prod(shape) == (2 if net == SMALL else 4) and len(shape) == 3 and (net == LINEAR or shape[0] == 1)
    return tuple(shape) == SIZE


def _is_one(image, label, net, seed, before):
    by_hand = net in (SMALL, LINEAR)  # their weights are large: a pixel of 1 makes a probability of 1
    in_range = np.abs(image).max(initial=0) <= (0.5 if by_hand else 10)
    return _fits(net, image.shape) and in_range and 0 <= label < (2 if by_hand else CLASSES)


def _states(draw: Draw) -> Iterator[tuple[str, str, str]]:
    """Categories of cases that all explanations of a score share: category, net, state before the call."""
    yield "any image", PLAIN, "evaluation mode"
    yield "layers that work in place", INPLACE, "evaluation mode"
    yield "a net that looks only at one corner", PLAIN, CORNER
    yield "a net in training mode", NORMED, "training mode"
    yield "a net that holds gradients already", NORMED, "holding gradients"
    for _ in draw.repeats(1):
        yield "rows of layers within a row", NESTED, "evaluation mode"


# Activation maps


def _maps_of(activation_maps, images, layer, net, seed, before):
    value, graph, left = _observed(activation_maps, images, layer, (), net, seed, before)
    return value, graph, left


def _activation_maps(model, layer, images):
    return _passed(model, images)[_place(model, layer)][2]


def _are_images(images, layer, net, *rest):
    if net == "Conv2d(1, 1, 2)":
        return images.ndim == 4 and images.shape[1] == 1 and min(images.shape[2:]) >= 2 and len(images) > 0
    return images.ndim == 4 and len(images) > 0 and _fits(net, images.shape[1:])


@function(
    LESSON,
    "(model, layer, images)",
    _maps_of,
    parts=("maps", "graph", "model and images afterwards"),
    shown=SHOWN + "activation_maps(model, layer, images)",
    requires=_are_images,
    integers=False,
    tolerance=1e-4,
    forbidden=LIBRARIES,
    # the kernel is 1 -2 / 3 4
    examples=[
        Example(
            case(
                "worked example",
                np.array([[[[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]]]]),
                "0",
                "Conv2d(1, 1, 2)",
                None,
                "evaluation mode",
            ),
            (np.array([[[[1.0, 9.0]]]]), "without a graph", UNTOUCHED),
        )
    ],
)
def activation_maps(images, layer, net, seed, before, *changes):
    return _maps_of(changed(_activation_maps, changes), images, layer, net, seed, before)


@activation_maps.cases
def _(draw: Draw) -> Iterator[Case]:
    for category, layer, net, before in (
        ("a layer by its name", "3", PLAIN, "evaluation mode"),
        ("the layer itself", 0, PLAIN, "evaluation mode"),
        ("a layer within a row", "2.0", NESTED, "evaluation mode"),
        ("a layer before one that works in place", "3", INPLACE, "evaluation mode"),
        ("a net in training mode", "1", NORMED, "training mode"),
        ("the last layer", "6", PLAIN, "holding gradients"),
    ):
        yield case(category, draw.array(draw.size(2, 3), *SIZE), layer, net, draw.int(0, 10**6), before)


@activation_maps.mistake(
    "A hook of yours stays in the model: after a hundred calls it has a hundred. What register_forward_hook returns "
    "has a method remove(); call it also where the model raises an error, in a `finally`."
)
def hook_left_on(right, images, layer, net, seed, before, *changes):
    def left(answer, model, layer, images):
        place = model.get_submodule(layer) if isinstance(layer, str) else layer
        place.register_forward_hook(lambda *_: None)
        return answer(model, layer, images)

    return right(images, layer, net, seed, before, *changes, left)


@activation_maps.mistake(
    "You keep the layer's output itself, not a copy. A ReLU with inplace=True then writes its own result over it, and "
    "what you return is not what the layer put out. Clone it in the hook."
)
def no_copy(right, images, layer, net, seed, before, *changes):
    def kept(answer, model, layer, images):
        from copy import deepcopy

        answer(model, layer, images)
        found, (net, place) = [], deepcopy((model, layer))
        place = net.get_submodule(place) if isinstance(place, str) else place
        place.register_forward_hook(lambda module, given, out: found.append(out.detach()))
        net.eval()(images)
        return found[0]

    return right(images, layer, net, seed, before, *changes, kept)


@activation_maps.mistake(
    "Your maps carry the graph of the whole computation with them: memory that nobody frees, and a tensor that NumPy "
    "refuses. Call the model under torch.no_grad(), or detach."
)
def graph_kept(right, images, layer, net, seed, before, *changes):
    def attached(answer, model, layer, images):
        return answer(model, layer, images).clone().requires_grad_()

    return right(images, layer, net, seed, before, *changes, attached)


@activation_maps.mistake(
    "The model computes in the mode that it happens to be in. In training mode batch norm uses the batch's own mean "
    "and moves its running statistics: ask for evaluation mode, and give the old mode back."
)
def training_mode(right, images, layer, net, seed, before, *changes):
    def as_it_is(answer, model, layer, images):
        from torch import no_grad

        found = []
        place = model.get_submodule(layer) if isinstance(layer, str) else layer
        hook = place.register_forward_hook(lambda module, given, out: found.append(out.clone()))
        with no_grad():
            model(images)
        hook.remove()
        return found[0]

    return right(images, layer, net, seed, before, *changes, as_it_is)


@activation_maps.mistake("The model is left in evaluation mode. Give it back the mode that it had.")
def mode_not_given_back(right, images, layer, net, seed, before, *changes):
    def left(answer, model, layer, images):
        maps = answer(model, layer, images)
        model.eval()
        return maps

    return right(images, layer, net, seed, before, *changes, left)


@activation_maps.mistake(
    "What you return is what comes into the layer. A forward hook is called with (module, inputs, output): take the "
    "third."
)
def input_for_output(right, images, layer, net, seed, before, *changes):
    def incoming(answer, model, layer, images):
        found = []
        place = model.get_submodule(layer) if isinstance(layer, str) else layer
        first = place.register_forward_pre_hook(lambda module, given: found.append(given[0].detach().clone()))
        answer(model, layer, images)
        first.remove()
        return found[-1]

    return right(images, layer, net, seed, before, *changes, incoming)


@activation_maps.mistake(
    "Only the first image's maps come back. The result has an axis for the images, as the layer's output has."
)
def first_image_only(right, images, layer, net, seed, before, *changes):
    def first(answer, model, layer, images):
        return answer(model, layer, images)[0]

    return right(images, layer, net, seed, before, *changes, first)


@activation_maps.mistake(
    "Negative responses are gone: a ReLU has been at your maps. The layer's own output is asked for; what the next "
    "layer makes of it is the next layer's."
)
def relu_included(right, images, layer, net, seed, before, *changes):
    def bent(answer, model, layer, images):
        return answer(model, layer, images).relu()

    return right(images, layer, net, seed, before, *changes, bent)


# The patches that excite a unit


def _patches_of(top_patches, images, layer, unit, count, net, seed, before):
    value, _, left = _observed(top_patches, images, layer, (int(unit), int(count)), net, seed, before)
    return value, left


def _top_patches(model, layer, images, unit, count):
    """By the field of every position, pixel by pixel, and with Python's own sorting."""
    place = _place(model, layer)
    maps = _passed(model, images)[place][2][:, unit].numpy()
    size, jump, start = 1, 1, 0
    for m in _leaves(model)[: place + 1]:
        kernel, stride, padding = (
            getattr(m, name, one) for name, one in (("kernel_size", 1), ("stride", 1), ("padding", 0))
        )
        kernel, stride, padding = (v[0] if isinstance(v, tuple) else v for v in (kernel, stride, padding))
        size, start, jump = size + (kernel - 1) * jump, start - padding * jump, jump * stride
    peaks = [max((m[i, j], n, i, j) for i, j in np.ndindex(*m.shape)) for n, m in enumerate(maps)]
    patches = np.zeros((count, images.shape[1], size, size))
    for patch, (_, n, i, j) in zip(patches, sorted(peaks, reverse=True), strict=False):
        for a, b in np.ndindex(size, size):
            row, column = start + i * jump + a, start + j * jump + b
            if 0 <= row < images.shape[2] and 0 <= column < images.shape[3]:
                patch[:, a, b] = images[n, :, row, column]
    return torch.from_numpy(patches)


def _are_enough(images, layer, unit, count, net, *rest):
    if net == "Conv2d(1, 1, 2)":
        return images.ndim == 4 and images.shape[1] == 1 and min(images.shape[2:]) >= 2 and 1 <= count <= len(images)
    return images.ndim == 4 and images.shape[1:] == SIZE and 1 <= count <= len(images) and 0 <= unit <= 2


@function(
    LESSON,
    "(model, layer, images, unit, count)",
    _patches_of,
    parts=("patches", "model and images afterwards"),
    builds_on=("activation_maps",),
    shown=SHOWN + "top_patches(model, layer, images, unit, count)",
    requires=_are_enough,
    integers=False,
    tolerance=1e-4,
    forbidden=LIBRARIES,
    # the kernel is 1 -2 / 3 4; the responses are 1 and 9 in the first image, 12 and -8 in the second
    examples=[
        Example(
            case(
                "worked example",
                np.array([[[[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]]], [[[1.0, 0.0, 3.0], [1.0, 2.0, -2.0]]]]),
                "0",
                0,
                2,
                "Conv2d(1, 1, 2)",
                None,
                "evaluation mode",
            ),
            (np.array([[[[1.0, 0.0], [1.0, 2.0]]], [[[2.0, 0.0], [1.0, 1.0]]]]), UNTOUCHED),
        )
    ],
)
def top_patches(images, layer, unit, count, net, seed, before, *changes):
    return _patches_of(changed(_top_patches, changes), images, layer, unit, count, net, seed, before)


@top_patches.cases
def _(draw: Draw) -> Iterator[Case]:
    for category, layer, count, net, before in (
        ("a unit of the first layer", "0", 3, PLAIN, "evaluation mode"),
        ("behind a pooling", "3", 4, PLAIN, "evaluation mode"),
        ("the layer itself", 3, 3, PLAIN, "evaluation mode"),
        ("a convolution with a stride", "2", 3, STRIDED, "evaluation mode"),
        ("a net in training mode", "4", 2, NORMED, "training mode"),
        ("fewer patches than images", "3", 2, PLAIN, "holding gradients"),
        ("a single patch", "2.0", 1, NESTED, "evaluation mode"),
    ):
        for unit in range(3) if category == "behind a pooling" else [draw.int(0, 2)]:
            images = draw.array(count + draw.size(1, 3), *SIZE)
            yield case(category, images, layer, unit, count, net, draw.int(0, 10**6), before)


@top_patches.mistake(
    "Several of your patches come from one image. A picture with a fence has the same edge thirty times: take each "
    "image's strongest response, and then the images with the strongest."
)
def several_from_one_image(right, images, layer, unit, count, net, seed, before, *changes):
    def overall(answer, model, layer, images, unit, count):
        from copy import deepcopy

        from torch import no_grad, stack
        from torch.nn.functional import pad

        from course_utils.unit_fields import unit_field

        size, jump, start = unit_field(model, layer)
        found, (net, place) = [], deepcopy((model, layer))
        place = net.get_submodule(place) if isinstance(place, str) else place
        place.register_forward_hook(lambda module, given, out: found.append(out.clone()))
        with no_grad():
            net.eval()(images)
        maps, wide = found[0][:, unit], pad(images, (size, size, size, size))
        patches = []
        for at in maps.flatten().argsort(descending=True)[:count].tolist():
            n, i, j = (int(v) for v in np.unravel_index(at, tuple(maps.shape)))
            top, left = size + start + i * jump, size + start + j * jump
            patches.append(wide[n, :, top : top + size, left : left + size])
        return stack(patches)

    return right(images, layer, unit, count, net, seed, before, *changes, overall)


@top_patches.mistake(
    "Your patches lie where the map's numbers lie: position (i, j) of the map is not pixel (i, j) of the image. Each "
    "stride on the way multiplies the distance, each padding moves the beginning."
)
def position_for_pixel(right, images, layer, unit, count, net, seed, before, *changes):
    def unscaled(answer, model, layer, images, unit, count):
        from copy import deepcopy

        from torch import no_grad, stack
        from torch.nn.functional import pad

        from course_utils.unit_fields import unit_field

        size, _, _ = unit_field(model, layer)
        found, (net, place) = [], deepcopy((model, layer))
        place = net.get_submodule(place) if isinstance(place, str) else place
        place.register_forward_hook(lambda module, given, out: found.append(out.clone()))
        with no_grad():
            net.eval()(images)
        maps, wide = found[0][:, unit], pad(images, (0, size, 0, size))
        patches = []
        for n in maps.flatten(1).amax(1).argsort(descending=True)[:count].tolist():
            i, j = divmod(int(maps[n].argmax()), maps.shape[2])
            patches.append(wide[n, :, i : i + size, j : j + size])
        return stack(patches)

    return right(images, layer, unit, count, net, seed, before, *changes, unscaled)


@top_patches.mistake(
    "At the border you push the patch back into the image. Then it no longer shows what the unit saw: its field begins"
    " outside, where padding has put zeros, so the patch has zeros there."
)
def pushed_into_the_image(right, images, layer, unit, count, net, seed, before, *changes):
    def pushed(answer, model, layer, images, unit, count):
        from copy import deepcopy

        from torch import no_grad, stack
        from torch.nn.functional import pad

        from course_utils.unit_fields import unit_field

        size, jump, start = unit_field(model, layer)
        found, (net, place) = [], deepcopy((model, layer))
        place = net.get_submodule(place) if isinstance(place, str) else place
        place.register_forward_hook(lambda module, given, out: found.append(out.clone()))
        with no_grad():
            net.eval()(images)
        maps, wide = found[0][:, unit], pad(images, (0, size, 0, size))
        patches = []
        for n in maps.flatten(1).amax(1).argsort(descending=True)[:count].tolist():
            i, j = divmod(int(maps[n].argmax()), maps.shape[2])
            top = max(0, min(start + i * jump, images.shape[2] - size))
            left = max(0, min(start + j * jump, images.shape[3] - size))
            patches.append(wide[n, :, top : top + size, left : left + size])
        return stack(patches)

    return right(images, layer, unit, count, net, seed, before, *changes, pushed)


@top_patches.mistake(
    "At the border your slices go beyond the image. One that begins below zero counts from the end and is empty; one "
    "that ends too late is short. Put zeros around the images first, or copy only the rows and columns that there are."
)
def slices_beyond_the_image(right, images, layer, unit, count, net, seed, before, *changes):
    def sliced(answer, model, layer, images, unit, count):
        from copy import deepcopy

        from torch import no_grad, stack

        from course_utils.unit_fields import unit_field

        size, jump, start = unit_field(model, layer)
        found, (net, place) = [], deepcopy((model, layer))
        place = net.get_submodule(place) if isinstance(place, str) else place
        place.register_forward_hook(lambda module, given, out: found.append(out.clone()))
        with no_grad():
            net.eval()(images)
        maps, patches = found[0][:, unit], []
        for n in maps.flatten(1).amax(1).argsort(descending=True)[:count].tolist():
            i, j = divmod(int(maps[n].argmax()), maps.shape[2])
            top, left = start + i * jump, start + j * jump
            patches.append(images[n, :, top : top + size, left : left + size])
        if len({tuple(patch.shape) for patch in patches}) > 1:
            raise Exception("patches of several sizes")
        return stack(patches)

    return right(images, layer, unit, count, net, seed, before, *changes, sliced)


@top_patches.mistake(
    "Your patches are too far down and right: the padding is missing. With padding P the first position begins P "
    "pixels (times the steps so far) before the image."
)
def padding_forgotten(right, images, layer, unit, count, net, seed, before, *changes):
    def shifted(answer, model, layer, images, unit, count):
        from torch import nn, zeros_like

        from course_utils.unit_fields import unit_field

        class Same(nn.Module):
            """The images as they were, whatever comes in."""

            def forward(self, x):
                return images[: len(x)].type_as(x)

        first = -unit_field(model, layer)[2]
        moved = zeros_like(images)
        height, width = max(0, images.shape[2] - first), max(0, images.shape[3] - first)
        moved[:, :, :height, :width] = images[:, :, first:, first:]
        place = model.get_submodule(layer) if isinstance(layer, str) else layer
        return answer(nn.Sequential(Same(), model), place, moved, unit, count)

    return right(images, layer, unit, count, net, seed, before, *changes, shifted)


@top_patches.mistake(
    "Rows and columns of your positions are mixed up. A flat index counts row by row: its row is index // width, its "
    "column index % width."
)
def divided_by_the_height(right, images, layer, unit, count, net, seed, before, *changes):
    def mixed(answer, model, layer, images, unit, count):
        from torch import nn, zeros_like

        class Turned(nn.Module):
            """A map whose strongest response stands where a wrong division of its index puts it."""

            def forward(self, x):
                wrong = zeros_like(x) - 1e6
                for n in range(len(x)):
                    for k in range(x.shape[1]):
                        row, column = divmod(int(x[n, k].argmax()), x.shape[2])
                        row, column = min(row, x.shape[2] - 1), min(column, x.shape[3] - 1)
                        wrong[n, k, row, column] = x[n, k].max()
                return wrong

        place, turned = model.get_submodule(layer) if isinstance(layer, str) else layer, Turned()
        hook = place.register_forward_hook(lambda module, given, out: turned(out))
        try:
            return answer(model, place, images, unit, count)
        finally:
            hook.remove()

    return right(images, layer, unit, count, net, seed, before, *changes, mixed)


@top_patches.mistake(
    "You choose the images by their mean response. A unit that finds an eye is excited at one place and silent "
    "everywhere else: take the maximum over the positions."
)
def mean_for_maximum(right, images, layer, unit, count, net, seed, before, *changes):
    def by_mean(answer, model, layer, images, unit, count):
        from copy import deepcopy

        from torch import cat, no_grad

        found, (net, place) = [], deepcopy((model, layer))
        place = net.get_submodule(place) if isinstance(place, str) else place
        place.register_forward_hook(lambda module, given, out: found.append(out.clone()))
        with no_grad():
            net.eval()(images)
        order = found[0][:, unit].mean((1, 2)).argsort(descending=True)[:count].tolist()
        return cat([answer(model, layer, images[[n]], unit, 1) for n in order])

    return right(images, layer, unit, count, net, seed, before, *changes, by_mean)


@top_patches.mistake(
    "You look for the strongest response without its sign. A strong negative response says that the unit's pattern is "
    "reversed here, and a ReLU behind it hands on nothing."
)
def sign_ignored(right, images, layer, unit, count, net, seed, before, *changes):
    def both(answer, model, layer, images, unit, count):
        place = model.get_submodule(layer) if isinstance(layer, str) else layer
        hook = place.register_forward_hook(lambda module, given, out: out.abs())
        try:
            return answer(model, place, images, unit, count)
        finally:
            hook.remove()

    return right(images, layer, unit, count, net, seed, before, *changes, both)


@top_patches.mistake(
    "Your patches are those of the weakest images. Sorting rises unless it is told otherwise: the strongest response "
    "comes first."
)
def weakest_first(right, images, layer, unit, count, net, seed, before, *changes):
    def rising(answer, model, layer, images, unit, count):
        return answer(model, layer, images, unit, len(images)).flip(0)[:count]

    return right(images, layer, unit, count, net, seed, before, *changes, rising)


@top_patches.mistake(
    "The right patches, in rising order: that of the strongest response comes last. It should come first."
)
def strongest_last(right, images, layer, unit, count, net, seed, before, *changes):
    def turned(answer, model, layer, images, unit, count):
        return answer(model, layer, images, unit, count).flip(0)

    return right(images, layer, unit, count, net, seed, before, *changes, turned)


@top_patches.mistake(
    "Your patch is as large as the layer's own kernel. A unit behind other layers sees more: the receptive field grows"
    " by (kernel − 1) times the steps so far, layer by layer."
)
def kernel_for_field(right, images, layer, unit, count, net, seed, before, *changes):
    def small(answer, model, layer, images, unit, count):
        patches = answer(model, layer, images, unit, count)
        place = model.get_submodule(layer) if isinstance(layer, str) else layer
        size = place.kernel_size[0] if hasattr(place, "kernel_size") else 3
        edge = (patches.shape[-1] - size) // 2
        return patches[:, :, edge : edge + size, edge : edge + size]

    return right(images, layer, unit, count, net, seed, before, *changes, small)


@top_patches.mistake("A hook of yours stays in the model. Call remove() on what register_forward_hook returned.")
def hook_left_on(right, images, layer, unit, count, net, seed, before, *changes):
    def left(answer, model, layer, images, unit, count):
        patches = answer(model, layer, images, unit, count)
        place = model.get_submodule(layer) if isinstance(layer, str) else layer
        place.register_forward_hook(lambda *_: None)
        return patches

    return right(images, layer, unit, count, net, seed, before, *changes, left)


@top_patches.mistake("The model is left in evaluation mode. Give it back the mode that it had.")
def mode_not_given_back(right, images, layer, unit, count, net, seed, before, *changes):
    def left(answer, model, layer, images, unit, count):
        patches = answer(model, layer, images, unit, count)
        model.eval()
        return patches

    return right(images, layer, unit, count, net, seed, before, *changes, left)


# Saliency


def _saliency_of(saliency, image, label, net, seed, before):
    value, _, left = _observed(saliency, image, None, (int(label),), net, seed, before)
    return value, left


def _saliency(model, image, label):
    passed = _passed(model, image[None])
    return _back(passed, _one_score(passed, label))[0].abs().amax(0)


@function(
    LESSON,
    "(model, image, label)",
    _saliency_of,
    parts=PARTS,
    shown=SHOWN + "saliency(model, image, label)",
    requires=_is_one,
    integers=False,
    tolerance=1e-4,
    forbidden=LIBRARIES,
    # the weights of score 1 are -5 6 for the first channel and 7 -8 for the second
    examples=[
        Example(
            case("worked example", np.array([[[0.25, 0.5]], [[0.25, 0.125]]]), 1, LINEAR, None, "evaluation mode"),
            (np.array([[7.0, 8.0]]), UNTOUCHED),
        )
    ],
)
def saliency(image, label, net, seed, before, *changes):
    return _saliency_of(changed(_saliency, changes), image, label, net, seed, before)


@saliency.cases
def _(draw: Draw) -> Iterator[Case]:
    for category, net, before in _states(draw):
        yield case(category, draw.array(*SIZE), draw.int(0, 3), net, draw.int(0, 10**6), before)


@saliency.mistake(
    "The sign is still there: where the score falls as a pixel grows, you show darkness or nothing. Take the absolute "
    "value before you take the maximum over the channels."
)
def no_absolute_value(right, image, label, net, seed, before, *changes):
    def signed(answer, model, image, label):
        from copy import deepcopy

        from torch import autograd

        x = image.clone().requires_grad_()
        (gradient,) = autograd.grad(deepcopy(model).eval()(x[None])[0, label], x)
        answer(model, image, label)
        return gradient.amax(0)

    return right(image, label, net, seed, before, *changes, signed)


@saliency.mistake(
    "The absolute value comes after the maximum. A channel of -5 beside one of 2 then counts as 2: take the absolute "
    "values first."
)
def absolute_value_after_the_maximum(right, image, label, net, seed, before, *changes):
    def late(answer, model, image, label):
        from copy import deepcopy

        from torch import autograd

        x = image.clone().requires_grad_()
        (gradient,) = autograd.grad(deepcopy(model).eval()(x[None])[0, label], x)
        answer(model, image, label)
        return gradient.amax(0).abs()

    return right(image, label, net, seed, before, *changes, late)


@saliency.mistake("You add the channels up. The map is their maximum: a pixel counts by its most important colour.")
def sum_over_the_channels(right, image, label, net, seed, before, *changes):
    def summed(answer, model, image, label):
        from copy import deepcopy

        from torch import autograd

        x = image.clone().requires_grad_()
        (gradient,) = autograd.grad(deepcopy(model).eval()(x[None])[0, label], x)
        answer(model, image, label)
        return gradient.abs().sum(0)

    return right(image, label, net, seed, before, *changes, summed)


@saliency.mistake(
    "You take the mean over the channels. The map is their maximum: a pixel counts by its most important colour."
)
def mean_over_the_channels(right, image, label, net, seed, before, *changes):
    def averaged(answer, model, image, label):
        from copy import deepcopy

        from torch import autograd

        x = image.clone().requires_grad_()
        (gradient,) = autograd.grad(deepcopy(model).eval()(x[None])[0, label], x)
        answer(model, image, label)
        return gradient.abs().mean(0)

    return right(image, label, net, seed, before, *changes, averaged)


@saliency.mistake(
    "This is the gradient of the probability. A probability also grows when other scores fall, and near 1 it hardly "
    "moves at all: the map is about the score, before the softmax."
)
def probability_for_score(right, image, label, net, seed, before, *changes):
    def squashed(answer, model, image, label):
        from torch import nn

        return answer(nn.Sequential(model, nn.Softmax(1)).train(model.training), image, label)

    return right(image, label, net, seed, before, *changes, squashed)


@saliency.mistake(
    "This is the gradient of the loss. Cross entropy mixes all the scores; the map is about one of them, the label's."
)
def gradient_of_the_loss(right, image, label, net, seed, before, *changes):
    def loss(answer, model, image, label):
        from torch import nn

        return answer(nn.Sequential(model, nn.LogSoftmax(1)).train(model.training), image, label)

    return right(image, label, net, seed, before, *changes, loss)


@saliency.mistake(
    "You add all scores up and take the gradient of that. Only the label's score counts: scores[0, label]."
)
def all_scores_summed(right, image, label, net, seed, before, *changes):
    def total(answer, model, image, label):
        from torch import nn

        class Total(nn.Module):
            """All scores added up."""

            def forward(self, x):
                return x.sum(1, keepdim=True)

        return answer(nn.Sequential(model, Total()).train(model.training), image, 0)

    return right(image, label, net, seed, before, *changes, total)


@saliency.mistake(
    "You explain the class that the net prefers, whatever `label` says. What speaks for another class is a question as"
    " good: take the score of `label`."
)
def predicted_class_for_label(right, image, label, net, seed, before, *changes):
    def preferred(answer, model, image, label):
        from copy import deepcopy

        return answer(model, image, int(deepcopy(model).eval()(image[None]).argmax()))

    return right(image, label, net, seed, before, *changes, preferred)


@saliency.mistake(
    "Your map is scaled to at most 1. Then two images cannot be compared any more: scaling belongs to the drawing."
)
def normalized(right, image, label, net, seed, before, *changes):
    def scaled(answer, model, image, label):
        found = answer(model, image, label)
        return found / found.max()

    return right(image, label, net, seed, before, *changes, scaled)


@saliency.mistake(
    "Your map is the gradient times the pixel. That is another method: it asks what a pixel contributes. Saliency asks"
    " how the score changes with the pixel, and black pixels can matter too."
)
def gradient_times_image(right, image, label, net, seed, before, *changes):
    def weighted(answer, model, image, label):
        from copy import deepcopy

        from torch import autograd

        x = image.clone().requires_grad_()
        (gradient,) = autograd.grad(deepcopy(model).eval()(x[None])[0, label], x)
        answer(model, image, label)
        return (gradient * image).abs().amax(0)

    return right(image, label, net, seed, before, *changes, weighted)


@saliency.mistake(
    "Your call leaves gradients in the model's weights: backward() goes all the way into every parameter. "
    "torch.autograd.grad(score, image) computes the one gradient that you want and stores nothing."
)
def gradients_left_behind(right, image, label, net, seed, before, *changes):
    def left(answer, model, image, label):
        found = answer(model, image, label)
        for p in model.parameters():
            p.grad = 2 + p.detach().abs() if p.grad is None else p.grad + 1
        return found

    return right(image, label, net, seed, before, *changes, left)


@saliency.mistake(
    "Gradients that the model held are gone: zero_grad() clears the weights' .grad, which is not yours. "
    "torch.autograd.grad needs no clearing."
)
def gradients_cleared(right, image, label, net, seed, before, *changes):
    def cleared(answer, model, image, label):
        found = answer(model, image, label)
        model.zero_grad()
        return found

    return right(image, label, net, seed, before, *changes, cleared)


@saliency.mistake(
    "The image that you were given asks for gradients now: requires_grad_() changed the caller's tensor. Work on a "
    "copy: image.clone().requires_grad_()."
)
def image_left_with_requires_grad(right, image, label, net, seed, before, *changes):
    def marked(answer, model, image, label):
        found = answer(model, image.detach(), label)
        image.requires_grad_()
        return found

    return right(image, label, net, seed, before, *changes, marked)


@saliency.mistake(
    "The image that you were given holds a gradient now, and the next call would add its own to it. Work on a copy of "
    "the image, or use torch.autograd.grad."
)
def gradient_left_in_the_image(right, image, label, net, seed, before, *changes):
    def held(answer, model, image, label):
        from torch import ones_like

        found = answer(model, image.detach().clone(), label)
        image.requires_grad_()
        image.grad = ones_like(image)
        return found

    return right(image, label, net, seed, before, *changes, held)


@saliency.mistake(
    "The model computes in the mode that it happens to be in. In training mode batch norm uses the image's own mean, "
    "and moves its running statistics: ask for evaluation mode, and give the old mode back."
)
def training_mode(right, image, label, net, seed, before, *changes):
    def as_it_is(answer, model, image, label):
        from torch import autograd

        x = image.clone().requires_grad_()
        (gradient,) = autograd.grad(model(x[None])[0, label], x)
        return gradient.abs().amax(0)

    return right(image, label, net, seed, before, *changes, as_it_is)


@saliency.mistake("The model is left in evaluation mode. Give it back the mode that it had.")
def mode_not_given_back(right, image, label, net, seed, before, *changes):
    def left(answer, model, image, label):
        found = answer(model, image, label)
        model.eval()
        return found

    return right(image, label, net, seed, before, *changes, left)


# Occlusion


def _occluded(occlusion_map, image, label, size, stride, net, seed, before):
    value, _, left = _observed(occlusion_map, image, None, (int(label), int(size), int(stride)), net, seed, before)
    return value, left


def _occlusion_map(model, image, label, size, stride):
    rows = range(0, image.shape[1] - size + 1, stride)
    columns = range(0, image.shape[2] - size + 1, stride)
    covered = []
    for row in rows:
        for column in columns:
            keep = np.ones(image.shape[1:])
            keep[row : row + size, column : column + size] = 0
            covered.append(image.double() * torch.from_numpy(keep))
    scores = _passed(model, torch.stack(covered))[-1][2].numpy()
    shares = np.exp(scores - scores.max(1, keepdims=True))
    return torch.from_numpy((shares / shares.sum(1, keepdims=True))[:, label].reshape(len(rows), len(columns)))


def _can_be_covered(image, label, size, stride, net, seed, before):
    return _is_one(image, label, net, seed, before) and 1 <= size <= min(image.shape[1:]) and stride >= 1


@function(
    LESSON,
    "(model, image, label, size, stride)",
    _occluded,
    parts=PARTS,
    shown=SHOWN + "occlusion_map(model, image, label, size, stride)",
    requires=_can_be_covered,
    integers=False,
    tolerance=1e-4,
    forbidden=LIBRARIES,
    # score 0 has the weights 1 -2 3 4, score 1 has -5 6 7 -8: without pixel k the scores of an image of ones are
    # 6 and 0, less what they have there. The example's image is ones / 4, so differences are a quarter.
    examples=[
        Example(
            case("worked example", np.full((1, 2, 2), 0.25), 0, 1, 1, LINEAR, None, "evaluation mode"),
            (
                np.array(
                    [
                        [1 / (1 + math.exp(-0.0)), 1 / (1 + math.exp(-14 / 4))],
                        [1 / (1 + math.exp(-10 / 4)), 1 / (1 + math.exp(6 / 4))],
                    ]
                ),
                UNTOUCHED,
            ),
        )
    ],
)
def occlusion_map(image, label, size, stride, net, seed, before, *changes):
    return _occluded(changed(_occlusion_map, changes), image, label, size, stride, net, seed, before)


@occlusion_map.cases
def _(draw: Draw) -> Iterator[Case]:
    for category, size, stride, net, before in (
        ("every position", 2, 1, PLAIN, "evaluation mode"),
        ("steps of two", 3, 2, INPLACE, "evaluation mode"),
        ("steps that do not fit", 3, 4, PLAIN, "evaluation mode"),
        ("a net that looks only at one corner", 2, 2, PLAIN, CORNER),
        ("a net in training mode", 2, 3, NORMED, "training mode"),
        ("one square over all columns", 6, 1, NESTED, "holding gradients"),
    ):
        yield case(category, draw.array(*SIZE), draw.int(0, 3), size, stride, net, draw.int(0, 10**6), before)


@occlusion_map.mistake(
    "Your map holds scores. It should hold the label's probability, after the softmax: a score says little as long as "
    "the others are not known."
)
def score_for_probability(right, image, label, size, stride, net, seed, before, *changes):
    def scores(answer, model, image, label, size, stride):
        from copy import deepcopy

        from torch import no_grad, zeros

        found, net = zeros(answer(model, image, label, size, stride).shape), deepcopy(model).eval()
        for i, j in np.ndindex(*found.shape):
            covered = image.clone()
            covered[:, i * stride : i * stride + size, j * stride : j * stride + size] = 0
            with no_grad():
                found[i, j] = net(covered[None])[0, label]
        return found

    return right(image, label, size, stride, net, seed, before, *changes, scores)


@occlusion_map.mistake(
    "The square takes the image's mean for its value, and should be zero. (Mean gray is used too; the task says zero.)"
)
def mean_for_zero(right, image, label, size, stride, net, seed, before, *changes):
    def gray(answer, model, image, label, size, stride):
        from copy import deepcopy

        from torch import no_grad, zeros

        found, net = zeros(answer(model, image, label, size, stride).shape), deepcopy(model).eval()
        for i, j in np.ndindex(*found.shape):
            covered = image.clone()
            covered[:, i * stride : i * stride + size, j * stride : j * stride + size] = image.mean()
            with no_grad():
                found[i, j] = net(covered[None]).softmax(1)[0, label]
        return found

    return right(image, label, size, stride, net, seed, before, *changes, gray)


@occlusion_map.mistake(
    "Your squares add up: at the last position the whole image is covered. Begin each time with a new copy of the "
    "image."
)
def squares_add_up(right, image, label, size, stride, net, seed, before, *changes):
    def growing(answer, model, image, label, size, stride):
        from copy import deepcopy

        from torch import no_grad, zeros

        found, net = zeros(answer(model, image, label, size, stride).shape), deepcopy(model).eval()
        covered = image.clone()
        for i, j in np.ndindex(*found.shape):
            covered[:, i * stride : i * stride + size, j * stride : j * stride + size] = 0
            with no_grad():
                found[i, j] = net(covered[None]).softmax(1)[0, label]
        return found

    return right(image, label, size, stride, net, seed, before, *changes, growing)


@occlusion_map.mistake(
    "You paint over the image that you were given: your squares add up, and the caller's image is black afterwards. "
    "covered = image gives the same tensor a second name; image.clone() makes a copy."
)
def given_image_painted_over(right, image, label, size, stride, net, seed, before, *changes):
    def painted(answer, model, image, label, size, stride):
        from copy import deepcopy

        from torch import no_grad, zeros

        found, net = zeros(answer(model, image, label, size, stride).shape), deepcopy(model).eval()
        for i, j in np.ndindex(*found.shape):
            image[:, i * stride : i * stride + size, j * stride : j * stride + size] = 0
            with no_grad():
                found[i, j] = net(image[None]).softmax(1)[0, label]
        return found

    return right(image, label, size, stride, net, seed, before, *changes, painted)


@occlusion_map.mistake(
    "The last position is missing, in both directions: there are (H − size) // stride + 1 of them. range() stops "
    "before its end."
)
def last_position_missing(right, image, label, size, stride, net, seed, before, *changes):
    def short(answer, model, image, label, size, stride):
        found = answer(model, image, label, size, stride)
        rows, columns = (len(range(0, n - size, stride)) for n in image.shape[1:])
        return found[:rows, :columns]

    return right(image, label, size, stride, net, seed, before, *changes, short)


@occlusion_map.mistake(
    "Your squares hang over the right and the lower edge, so there are too many positions, and the last ones are cut. "
    "Only positions count where the whole square fits."
)
def squares_over_the_edge(right, image, label, size, stride, net, seed, before, *changes):
    def hanging(answer, model, image, label, size, stride):
        from copy import deepcopy

        from torch import no_grad, zeros

        net, (height, width) = deepcopy(model).eval(), image.shape[1:]
        found = zeros(-(-height // stride), -(-width // stride))
        for i, j in np.ndindex(*found.shape):
            covered = image.clone()
            covered[:, i * stride : i * stride + size, j * stride : j * stride + size] = 0
            with no_grad():
                found[i, j] = net(covered[None]).softmax(1)[0, label]
        return found

    return right(image, label, size, stride, net, seed, before, *changes, hanging)


@occlusion_map.mistake(
    "Your map is the drop of the probability, what it was less what it is. The task asks for the probability itself: "
    "low where the covered place mattered."
)
def drop_for_probability(right, image, label, size, stride, net, seed, before, *changes):
    def drop(answer, model, image, label, size, stride):
        from copy import deepcopy

        from torch import no_grad

        with no_grad():
            whole = deepcopy(model).eval()(image[None]).softmax(1)[0, label]
        return whole - answer(model, image, label, size, stride)

    return right(image, label, size, stride, net, seed, before, *changes, drop)


@occlusion_map.mistake(
    "The square covers one channel only. Behind it every colour is gone: all channels are zero there."
)
def one_channel_covered(right, image, label, size, stride, net, seed, before, *changes):
    def first(answer, model, image, label, size, stride):
        from copy import deepcopy

        from torch import no_grad, zeros

        found, net = zeros(answer(model, image, label, size, stride).shape), deepcopy(model).eval()
        for i, j in np.ndindex(*found.shape):
            covered = image.clone()
            covered[0, i * stride : i * stride + size, j * stride : j * stride + size] = 0
            with no_grad():
                found[i, j] = net(covered[None]).softmax(1)[0, label]
        return found

    return right(image, label, size, stride, net, seed, before, *changes, first)


@occlusion_map.mistake(
    "Your square is at row i, column j of the image, not at i times stride, j times stride: the map has the right size"
    " and shows only the upper left part."
)
def stride_forgotten_in_the_place(right, image, label, size, stride, net, seed, before, *changes):
    def unscaled(answer, model, image, label, size, stride):
        rows, columns = answer(model, image, label, size, stride).shape
        return answer(model, image, label, size, 1)[:rows, :columns]

    return right(image, label, size, stride, net, seed, before, *changes, unscaled)


@occlusion_map.mistake("This is the inverse: everything is zero but the square. Cover the square, and keep the rest.")
def all_but_the_square_covered(right, image, label, size, stride, net, seed, before, *changes):
    def inverse(answer, model, image, label, size, stride):
        from copy import deepcopy

        from torch import no_grad, zeros, zeros_like

        found, net = zeros(answer(model, image, label, size, stride).shape), deepcopy(model).eval()
        for i, j in np.ndindex(*found.shape):
            shown = zeros_like(image)
            at = (slice(None), slice(i * stride, i * stride + size), slice(j * stride, j * stride + size))
            shown[at] = image[at]
            with no_grad():
                found[i, j] = net(shown[None]).softmax(1)[0, label]
        return found

    return right(image, label, size, stride, net, seed, before, *changes, inverse)


@occlusion_map.mistake(
    "You note the highest probability, of whatever class. Where the net changes its mind that is another class's: take"
    " the label's."
)
def highest_probability(right, image, label, size, stride, net, seed, before, *changes):
    def highest(answer, model, image, label, size, stride):
        from torch import stack

        classes = len(list(model.parameters())[-1])
        return stack([answer(model, image, k, size, stride) for k in range(classes)]).amax(0)

    return right(image, label, size, stride, net, seed, before, *changes, highest)


@occlusion_map.mistake(
    "The model computes in the mode that it happens to be in. In training mode batch norm uses the batch's own mean, "
    "and moves its running statistics: ask for evaluation mode, and give the old mode back."
)
def training_mode(right, image, label, size, stride, net, seed, before, *changes):
    def as_it_is(answer, model, image, label, size, stride):
        from torch import no_grad, zeros

        height, width = image.shape[1:]
        found = zeros((height - size) // stride + 1, (width - size) // stride + 1)
        for i, j in np.ndindex(*found.shape):
            covered = image.clone()
            covered[:, i * stride : i * stride + size, j * stride : j * stride + size] = 0
            with no_grad():
                found[i, j] = model(covered[None]).softmax(1)[0, label]
        return found

    return right(image, label, size, stride, net, seed, before, *changes, as_it_is)


@occlusion_map.mistake("The model is left in evaluation mode. Give it back the mode that it had.")
def mode_not_given_back(right, image, label, size, stride, net, seed, before, *changes):
    def left(answer, model, image, label, size, stride):
        found = answer(model, image, label, size, stride)
        model.eval()
        return found

    return right(image, label, size, stride, net, seed, before, *changes, left)


# Guided backpropagation


def _guided_of(guided_backprop, image, label, net, seed, before):
    value, _, left = _observed(guided_backprop, image, None, (int(label),), net, seed, before)
    return value, left


def _guided_backprop(model, image, label):
    """Layer by layer from the back; what arrives at a ReLU's output is made positive before its own backward pass."""

    def rule(layer, out, gradient):
        return gradient.clamp(min=0) if isinstance(layer, torch.nn.ReLU) else gradient

    passed = _passed(model, image[None])
    return _back(passed, _one_score(passed, label), rule)[0]


@function(
    LESSON,
    "(model, image, label)",
    _guided_of,
    parts=PARTS,
    shown=SHOWN + "guided_backprop(model, image, label)",
    requires=_is_one,
    integers=False,
    tolerance=1e-4,
    forbidden=LIBRARIES,
    # The convolution (1, -2) makes (¼, ½) and (-½, -1); of score 0 arrive (1, -2) and (3, 4) at the ReLU. Positive on
    # both sides is only the first of all.
    examples=[
        Example(
            case("worked example", np.array([[[0.25, 0.5]]]), 0, SMALL, None, "evaluation mode"),
            (np.array([[[1.0, 0.0]]]), UNTOUCHED),
        )
    ],
)
def guided_backprop(image, label, net, seed, before, *changes):
    return _guided_of(changed(_guided_backprop, changes), image, label, net, seed, before)


@guided_backprop.cases
def _(draw: Draw) -> Iterator[Case]:
    for category, net, before in _states(draw):
        yield case(category, draw.array(*SIZE), draw.int(0, 3), net, draw.int(0, 10**6), before)
    yield case(
        "rows of layers within a row", draw.array(*SIZE), draw.int(0, 3), NESTED, draw.int(0, 10**6), "evaluation mode"
    )


@guided_backprop.mistake(
    "This is the plain gradient: your rule has no effect. Hooks must be in place while the model computes forward, and"
    " must change the gradient that arrives at each ReLU."
)
def plain_gradient(right, image, label, net, seed, before, *changes):
    def plain(answer, model, image, label):
        from copy import deepcopy

        from torch import autograd

        answer(model, image, label)
        x = image.clone().requires_grad_()
        return autograd.grad(deepcopy(model).eval()(x[None])[0, label], x)[0]

    return right(image, label, net, seed, before, *changes, plain)


@guided_backprop.mistake(
    "You keep what is positive coming back, whatever came in: that is the deconvnet. Guided backpropagation is guided "
    "by the forward pass too: where the ReLU's input was not positive, nothing passes."
)
def deconvnet(right, image, label, net, seed, before, *changes):
    def backward_only(answer, model, image, label):
        from copy import deepcopy

        from torch import autograd, nn

        def straight(module, given, out):
            through = given[0] + (out - given[0]).detach()
            through.register_hook(lambda gradient: gradient.clamp(min=0))
            return through

        answer(model, image, label)
        copied = deepcopy(model).eval()
        for m in copied.modules():
            if isinstance(m, nn.ReLU):
                m.inplace = False
                m.register_forward_hook(straight)
        x = image.clone().requires_grad_()
        return autograd.grad(copied(x[None])[0, label], x)[0]

    return right(image, label, net, seed, before, *changes, backward_only)


@guided_backprop.mistake(
    "You clamp the gradient once, at the image. Each ReLU on the way back must let only positive gradients pass: later"
    " it cannot be seen any more what a negative one did."
)
def clamped_at_the_image_only(right, image, label, net, seed, before, *changes):
    def at_the_end(answer, model, image, label):
        from copy import deepcopy

        from torch import autograd

        answer(model, image, label)
        x = image.clone().requires_grad_()
        return autograd.grad(deepcopy(model).eval()(x[None])[0, label], x)[0].clamp(min=0)

    return right(image, label, net, seed, before, *changes, at_the_end)


@guided_backprop.mistake(
    "Your result has no negative numbers: it is clamped or made absolute at the end. The rule is for ReLUs alone; what"
    " the first convolution's weights make of it may be negative, and is asked for."
)
def result_clamped(right, image, label, net, seed, before, *changes):
    def positive(answer, model, image, label):
        return answer(model, image, label).clamp(min=0)

    return right(image, label, net, seed, before, *changes, positive)


@guided_backprop.mistake(
    "The negative gradients pass, and the positive ones are cut. Keep what would raise the score: clamp(min=0)."
)
def negative_gradients_kept(right, image, label, net, seed, before, *changes):
    def negative(answer, model, image, label):
        from copy import deepcopy

        from torch import autograd, nn

        def hook(module, given, out):
            out.register_hook(lambda gradient: gradient.clamp(max=0))

        answer(model, image, label)
        copied = deepcopy(model).eval()
        for m in copied.modules():
            if isinstance(m, nn.ReLU):
                m.register_forward_hook(hook)
        x = image.clone().requires_grad_()
        return autograd.grad(copied(x[None])[0, label], x)[0]

    return right(image, label, net, seed, before, *changes, negative)


@guided_backprop.mistake(
    "Only the last ReLU follows your rule. Every ReLU of the model does: look for them with model.modules()."
)
def last_relu_only(right, image, label, net, seed, before, *changes):
    def last(answer, model, image, label):
        from copy import deepcopy

        from torch import autograd, nn

        def hook(module, given, out):
            out.register_hook(lambda gradient: gradient.clamp(min=0))

        answer(model, image, label)
        copied = deepcopy(model).eval()
        [m for m in copied.modules() if isinstance(m, nn.ReLU)][-1].register_forward_hook(hook)
        x = image.clone().requires_grad_()
        return autograd.grad(copied(x[None])[0, label], x)[0]

    return right(image, label, net, seed, before, *changes, last)


@guided_backprop.mistake(
    "ReLUs that lie in a row within the model are not found: children() gives the outermost layers only. modules() "
    "goes all the way down."
)
def outermost_layers_only(right, image, label, net, seed, before, *changes):
    def outermost(answer, model, image, label):
        from copy import deepcopy

        from torch import autograd, nn

        def hook(module, given, out):
            out.register_hook(lambda gradient: gradient.clamp(min=0))

        answer(model, image, label)
        copied = deepcopy(model).eval()
        for m in copied.children():
            if isinstance(m, nn.ReLU):
                m.register_forward_hook(hook)
        x = image.clone().requires_grad_()
        return autograd.grad(copied(x[None])[0, label], x)[0]

    return right(image, label, net, seed, before, *changes, outermost)


@guided_backprop.mistake(
    "You reduce the result to one map. Here it has all channels, (C, H, W), with its signs: it is a picture, not a map."
)
def reduced_to_one_map(right, image, label, net, seed, before, *changes):
    def reduced(answer, model, image, label):
        return answer(model, image, label).abs().amax(0)

    return right(image, label, net, seed, before, *changes, reduced)


@guided_backprop.mistake(
    "You begin with the gradient of the probability. The score is what is explained, before the softmax."
)
def probability_for_score(right, image, label, net, seed, before, *changes):
    def squashed(answer, model, image, label):
        from torch import nn

        return answer(nn.Sequential(model, nn.Softmax(1)).train(model.training), image, label)

    return right(image, label, net, seed, before, *changes, squashed)


@guided_backprop.mistake(
    "Hooks of yours stay on the ReLUs, and every gradient of this model will be guided from now on: also those that "
    "train it. Remove them all."
)
def hooks_left_on(right, image, label, net, seed, before, *changes):
    def left(answer, model, image, label):
        from torch import nn

        found = answer(model, image, label)
        for m in model.modules():
            if isinstance(m, nn.ReLU):
                m.register_forward_hook(lambda *_: None)
        return found

    return right(image, label, net, seed, before, *changes, left)


@guided_backprop.mistake(
    "All your hooks but the last one stay in the model: in a loop, one variable keeps one handle, the last. Collect "
    "the handles in a list, and remove each."
)
def last_handle_only(right, image, label, net, seed, before, *changes):
    def lost(answer, model, image, label):
        from torch import nn

        found = answer(model, image, label)
        for m in [m for m in model.modules() if isinstance(m, nn.ReLU)][:-1]:
            m.register_forward_hook(lambda *_: None)
        return found

    return right(image, label, net, seed, before, *changes, lost)


@guided_backprop.mistake(
    "The model's layers are not what they were: inplace is off, a forward is replaced, or a ReLU is another one. Work "
    "on copy.deepcopy(model), or put everything back."
)
def layers_left_changed(right, image, label, net, seed, before, *changes):
    def left(answer, model, image, label):
        from torch import nn

        found = answer(model, image, label)
        for m in model.modules():
            if isinstance(m, nn.ReLU):
                m.inplace = not m.inplace
        return found

    return right(image, label, net, seed, before, *changes, left)


@guided_backprop.mistake(
    "Your call leaves gradients in the model's weights. torch.autograd.grad(score, image) computes the one gradient "
    "that you want and stores nothing."
)
def gradients_left_behind(right, image, label, net, seed, before, *changes):
    def left(answer, model, image, label):
        found = answer(model, image, label)
        for p in model.parameters():
            p.grad = 2 + p.detach().abs() if p.grad is None else p.grad + 1
        return found

    return right(image, label, net, seed, before, *changes, left)


@guided_backprop.mistake(
    "The image that you were given asks for gradients now: requires_grad_() changed the caller's tensor. Work on a "
    "copy."
)
def image_left_with_requires_grad(right, image, label, net, seed, before, *changes):
    def marked(answer, model, image, label):
        found = answer(model, image.detach(), label)
        image.requires_grad_()
        return found

    return right(image, label, net, seed, before, *changes, marked)


@guided_backprop.mistake("The model is left in evaluation mode. Give it back the mode that it had.")
def mode_not_given_back(right, image, label, net, seed, before, *changes):
    def left(answer, model, image, label):
        found = answer(model, image, label)
        model.eval()
        return found

    return right(image, label, net, seed, before, *changes, left)


# Grad-CAM


def _cam_of(grad_cam, image, layer, label, net, seed, before):
    value, _, left = _observed(grad_cam, image, layer, (int(label),), net, seed, before)
    return value, left


def _grad_cam(model, layer, image, label):
    passed, place = _passed(model, image[None]), _place(model, layer)
    maps, gradient = passed[place][2][0], _back(passed[place + 1 :], _one_score(passed, label))[0]
    return torch.einsum("k,kij->ij", gradient.flatten(1).mean(1), maps).clamp(min=0)


def _has_maps(image, layer, label, net, seed, before):
    return _is_one(image, label, net, seed, before)


@function(
    LESSON,
    "(model, layer, image, label)",
    _cam_of,
    parts=PARTS,
    shown=SHOWN + "grad_cam(model, layer, image, label)",
    requires=_has_maps,
    integers=False,
    tolerance=1e-4,
    forbidden=LIBRARIES,
    # Behind the ReLU stand (¼, ½) and (0, 0); the gradients of score 1 are (-5, 6) and (7, -8), their means ½ and -½.
    examples=[
        Example(
            case("worked example", np.array([[[0.25, 0.5]]]), "1", 1, SMALL, None, "evaluation mode"),
            (np.array([[0.125, 0.25]]), UNTOUCHED),
        )
    ],
)
def grad_cam(image, layer, label, net, seed, before, *changes):
    return _cam_of(changed(_grad_cam, changes), image, layer, label, net, seed, before)


@grad_cam.cases
def _(draw: Draw) -> Iterator[Case]:
    for category, layer, net, before in (
        ("the last ReLU", "4", PLAIN, "evaluation mode"),
        ("the first convolution, by itself", 0, PLAIN, "evaluation mode"),
        ("the last convolution", "3", PLAIN, "evaluation mode"),
        ("a layer before one that works in place", "3", INPLACE, "evaluation mode"),
        ("a net that looks only at one corner", "2", PLAIN, CORNER),
        ("a net in training mode", "5", NORMED, "training mode"),
        ("a net that holds gradients already", "4", NORMED, "holding gradients"),
        ("a layer within a row", "2.0", NESTED, "evaluation mode"),
    ):
        for label in range(4) if category == "the last ReLU" else [draw.int(0, 3)]:
            yield case(category, draw.array(*SIZE), layer, label, net, draw.int(0, 10**6), before)


@grad_cam.mistake(
    "The last ReLU is missing: your map has negative numbers. Where the class is spoken against is not where it is "
    "seen."
)
def no_relu(right, image, layer, label, net, seed, before, *changes):
    def signed(answer, model, layer, image, label):
        from copy import deepcopy

        from torch import autograd

        answer(model, layer, image, label)
        kept, (net, place) = [], deepcopy((model, layer))
        place = net.get_submodule(place) if isinstance(place, str) else place
        place.register_forward_hook(lambda module, given, out: kept.append(out) or out.clone())
        score = net.eval()(image[None].clone().requires_grad_())[0, label]
        (gradient,) = autograd.grad(score, kept[0])
        return (gradient.mean((2, 3), keepdim=True) * kept[0])[0].sum(0)

    return right(image, layer, label, net, seed, before, *changes, signed)


@grad_cam.mistake(
    "Each position has its own weight in your map: gradient times activation. In Grad-CAM a channel has one weight, "
    "the mean of its gradient over all positions."
)
def gradients_not_averaged(right, image, layer, label, net, seed, before, *changes):
    def pointwise(answer, model, layer, image, label):
        from copy import deepcopy

        from torch import autograd

        answer(model, layer, image, label)
        kept, (net, place) = [], deepcopy((model, layer))
        place = net.get_submodule(place) if isinstance(place, str) else place
        place.register_forward_hook(lambda module, given, out: kept.append(out) or out.clone())
        score = net.eval()(image[None].clone().requires_grad_())[0, label]
        (gradient,) = autograd.grad(score, kept[0])
        return (gradient * kept[0])[0].sum(0).relu()

    return right(image, layer, label, net, seed, before, *changes, pointwise)


@grad_cam.mistake(
    "You add the gradient up over the positions. A channel's weight is its mean, so that a larger map does not weigh "
    "more."
)
def sum_over_the_positions(right, image, layer, label, net, seed, before, *changes):
    def summed(answer, model, layer, image, label):
        found = answer(model, layer, image, label)
        return found * found.numel()

    return right(image, layer, label, net, seed, before, *changes, summed)


@grad_cam.mistake(
    "You average the gradient over the channels, and keep the positions. It is the other way round: over the two axes "
    "of the positions, so that one weight a channel is left."
)
def averaged_over_the_channels(right, image, layer, label, net, seed, before, *changes):
    def channels(answer, model, layer, image, label):
        from copy import deepcopy

        from torch import autograd

        answer(model, layer, image, label)
        kept, (net, place) = [], deepcopy((model, layer))
        place = net.get_submodule(place) if isinstance(place, str) else place
        place.register_forward_hook(lambda module, given, out: kept.append(out) or out.clone())
        score = net.eval()(image[None].clone().requires_grad_())[0, label]
        (gradient,) = autograd.grad(score, kept[0])
        return (gradient.mean(1, keepdim=True) * kept[0])[0].sum(0).relu()

    return right(image, layer, label, net, seed, before, *changes, channels)


@grad_cam.mistake(
    "You take the mean of the weighted maps over the channels. They are added up: each says something of its own."
)
def mean_over_the_channels(right, image, layer, label, net, seed, before, *changes):
    def averaged(answer, model, layer, image, label):
        kept = []
        place = model.get_submodule(layer) if isinstance(layer, str) else layer
        hook = place.register_forward_hook(lambda module, given, out: kept.append(out.shape[1]))
        try:
            found = answer(model, layer, image, label)
        finally:
            hook.remove()
        return found / kept[0]

    return right(image, layer, label, net, seed, before, *changes, averaged)


@grad_cam.mistake(
    "Negative weights count as zero or as positive ones in your map. A channel that speaks against the class takes "
    "away where it is active; the ReLU comes at the very end."
)
def weights_made_positive(right, image, layer, label, net, seed, before, *changes):
    def positive(answer, model, layer, image, label):
        from copy import deepcopy

        from torch import autograd

        answer(model, layer, image, label)
        kept, (net, place) = [], deepcopy((model, layer))
        place = net.get_submodule(place) if isinstance(place, str) else place
        place.register_forward_hook(lambda module, given, out: kept.append(out) or out.clone())
        score = net.eval()(image[None].clone().requires_grad_())[0, label]
        (gradient,) = autograd.grad(score, kept[0])
        return (gradient.mean((2, 3), keepdim=True).relu() * kept[0])[0].sum(0).relu()

    return right(image, layer, label, net, seed, before, *changes, positive)


@grad_cam.mistake(
    "Your map has no weights: it is the sum of the layer's channels, and the same for every class. What makes it the "
    "class's own is the gradient of its score."
)
def no_weights(right, image, layer, label, net, seed, before, *changes):
    def bare(answer, model, layer, image, label):
        from copy import deepcopy

        answer(model, layer, image, label)
        kept, (net, place) = [], deepcopy((model, layer))
        place = net.get_submodule(place) if isinstance(place, str) else place
        place.register_forward_hook(lambda module, given, out: kept.append(out.detach().clone()))
        net.eval()(image[None])
        return kept[0][0].sum(0).relu()

    return right(image, layer, label, net, seed, before, *changes, bare)


@grad_cam.mistake(
    "You begin with the gradient of the probability. Grad-CAM explains the score, before the softmax: near a "
    "probability of 1 every gradient is almost zero."
)
def probability_for_score(right, image, layer, label, net, seed, before, *changes):
    def squashed(answer, model, layer, image, label):
        from torch import nn

        place = model.get_submodule(layer) if isinstance(layer, str) else layer
        return answer(nn.Sequential(model, nn.Softmax(1)).train(model.training), place, image, label)

    return right(image, layer, label, net, seed, before, *changes, squashed)


@grad_cam.mistake("You explain the class that the net prefers, whatever `label` says. Take the score of `label`.")
def predicted_class_for_label(right, image, layer, label, net, seed, before, *changes):
    def preferred(answer, model, layer, image, label):
        from copy import deepcopy

        return answer(model, layer, image, int(deepcopy(model).eval()(image[None]).argmax()))

    return right(image, layer, label, net, seed, before, *changes, preferred)


@grad_cam.mistake(
    "What you keep is overwritten by the next layer, a ReLU with inplace=True: your activations and their gradient are"
    " those behind it. Let the hook hand on a copy, and keep the layer's own output."
)
def no_copy(right, image, layer, label, net, seed, before, *changes):
    def kept_as_it_is(answer, model, layer, image, label):
        from copy import deepcopy

        from torch import autograd

        answer(model, layer, image, label)
        kept, (net, place) = [], deepcopy((model, layer))
        place = net.get_submodule(place) if isinstance(place, str) else place
        place.register_forward_hook(lambda module, given, out: kept.append(out))
        score = net.eval()(image[None].clone().requires_grad_())[0, label]
        (gradient,) = autograd.grad(score, kept[0])
        return (gradient.mean((2, 3), keepdim=True) * kept[0])[0].sum(0).relu()

    return right(image, layer, label, net, seed, before, *changes, kept_as_it_is)


@grad_cam.mistake(
    "Your map is enlarged to the image's size. The task asks for the layer's own size; enlarging belongs to the "
    "drawing."
)
def enlarged(right, image, layer, label, net, seed, before, *changes):
    def larger(answer, model, layer, image, label):
        from torch.nn.functional import interpolate

        found = answer(model, layer, image, label)
        return interpolate(found[None, None], tuple(image.shape[1:]), mode="bilinear")[0, 0]

    return right(image, layer, label, net, seed, before, *changes, larger)


@grad_cam.mistake(
    "Your map is scaled to at most 1. Then two classes cannot be compared any more: scaling belongs to the drawing."
)
def normalized(right, image, layer, label, net, seed, before, *changes):
    def scaled(answer, model, layer, image, label):
        found = answer(model, layer, image, label)
        return found / found.max().clamp(min=1e-12)

    return right(image, layer, label, net, seed, before, *changes, scaled)


@grad_cam.mistake("A hook of yours stays in the model. Call remove() on what registering it returned.")
def hook_left_on(right, image, layer, label, net, seed, before, *changes):
    def left(answer, model, layer, image, label):
        found = answer(model, layer, image, label)
        place = model.get_submodule(layer) if isinstance(layer, str) else layer
        place.register_forward_hook(lambda *_: None)
        return found

    return right(image, layer, label, net, seed, before, *changes, left)


@grad_cam.mistake(
    "Your call leaves gradients in the model's weights. torch.autograd.grad(score, activations) computes the one "
    "gradient that you want and stores nothing."
)
def gradients_left_behind(right, image, layer, label, net, seed, before, *changes):
    def left(answer, model, layer, image, label):
        found = answer(model, layer, image, label)
        for p in model.parameters():
            p.grad = 2 + p.detach().abs() if p.grad is None else p.grad + 1
        return found

    return right(image, layer, label, net, seed, before, *changes, left)


@grad_cam.mistake("The model is left in evaluation mode. Give it back the mode that it had.")
def mode_not_given_back(right, image, layer, label, net, seed, before, *changes):
    def left(answer, model, layer, image, label):
        found = answer(model, layer, image, label)
        model.eval()
        return found

    return right(image, layer, label, net, seed, before, *changes, left)


# A wrong image


def _adversarial_of(adversarial, image, label, eps, net, seed, before):
    value, _, left = _observed(adversarial, image, None, (int(label), float(eps)), net, seed, before)
    return value, left


def _adversarial(model, image, label, eps):
    """By hand: the gradient of the cross entropy with respect to the scores is softmax less one at the label."""
    passed = _passed(model, image[None])
    gradient = _back(passed, passed[-1][2].softmax(1) - _one_score(passed, label))[0]
    return image.double() + eps * torch.where(gradient == 0, 0.0, torch.where(gradient > 0, 1.0, -1.0))


def _can_be_changed(image, label, eps, net, seed, before):
    return _is_one(image, label, net, seed, before) and eps >= 0


@function(
    LESSON,
    "(model, image, label, eps)",
    _adversarial_of,
    parts=PARTS,
    shown=SHOWN + "adversarial(model, image, label, eps)",
    requires=_can_be_changed,
    integers=False,
    tolerance=1e-4,
    forbidden=LIBRARIES,
    # With two classes the loss of label 0 rises with score 1 less score 0: -5-1, 6+2, 7-3, -8-4.
    examples=[
        Example(
            case("worked example", np.full((1, 2, 2), 0.25), 0, 0.125, LINEAR, None, "evaluation mode"),
            (np.array([[[0.125, 0.375], [0.375, 0.125]]]), UNTOUCHED),
        )
    ],
)
def adversarial(image, label, eps, net, seed, before, *changes):
    return _adversarial_of(changed(_adversarial, changes), image, label, eps, net, seed, before)


@adversarial.cases
def _(draw: Draw) -> Iterator[Case]:
    for category, net, before in _states(draw):
        image, eps = draw.array(*SIZE), draw.choice([0.03, 0.1, 0.25])
        yield case(category, image, draw.int(0, 3), eps, net, draw.int(0, 10**6), before)
    for label in range(3):
        yield case("each label", draw.array(*SIZE), label, 0.1, PLAIN, draw.int(0, 10**6), "evaluation mode")


@adversarial.mistake(
    "Your step goes the wrong way: it lowers the loss, and makes the net surer of the true label. Add eps times the "
    "sign of the gradient."
)
def wrong_direction(right, image, label, eps, net, seed, before, *changes):
    def down(answer, model, image, label, eps):
        return 2 * image - answer(model, image, label, eps)

    return right(image, label, eps, net, seed, before, *changes, down)


@adversarial.mistake(
    "You add eps times the gradient itself, not its sign. Then large gradients move their pixels far and the others "
    "hardly; the sign moves each by exactly eps."
)
def gradient_for_its_sign(right, image, label, eps, net, seed, before, *changes):
    def raw(answer, model, image, label, eps):
        from copy import deepcopy

        from torch import autograd, tensor
        from torch.nn.functional import cross_entropy

        answer(model, image, label, eps)
        x = image.clone().requires_grad_()
        (gradient,) = autograd.grad(cross_entropy(deepcopy(model).eval()(x[None]), tensor([label])), x)
        return image + eps * gradient

    return right(image, label, eps, net, seed, before, *changes, raw)


@adversarial.mistake(
    "You divide the gradient by its length: a step of length eps altogether. With the sign each pixel moves by eps."
)
def gradient_divided_by_its_length(right, image, label, eps, net, seed, before, *changes):
    def unit(answer, model, image, label, eps):
        from copy import deepcopy

        from torch import autograd, tensor
        from torch.nn.functional import cross_entropy

        answer(model, image, label, eps)
        x = image.clone().requires_grad_()
        (gradient,) = autograd.grad(cross_entropy(deepcopy(model).eval()(x[None]), tensor([label])), x)
        return image + eps * gradient / gradient.norm()

    return right(image, label, eps, net, seed, before, *changes, unit)


@adversarial.mistake(
    "Your image is clamped to [0, 1]. The task asks for the step alone: a normalized image has other limits, which the"
    " function does not know."
)
def clamped(right, image, label, eps, net, seed, before, *changes):
    def within(answer, model, image, label, eps):
        return answer(model, image, label, eps).clamp(0, 1)

    return right(image, label, eps, net, seed, before, *changes, within)


@adversarial.mistake(
    "You lower the label's score instead of raising the loss. The loss knows the other scores too: it pushes those up "
    "that are near."
)
def score_for_loss(right, image, label, eps, net, seed, before, *changes):
    def score(answer, model, image, label, eps):
        from copy import deepcopy

        from torch import autograd

        answer(model, image, label, eps)
        x = image.clone().requires_grad_()
        (gradient,) = autograd.grad(deepcopy(model).eval()(x[None])[0, label], x)
        return image - eps * gradient.sign()

    return right(image, label, eps, net, seed, before, *changes, score)


@adversarial.mistake(
    "You raise the loss of the class that the net prefers. Where the net is wrong already, that may make it right: "
    "take the loss of the true `label`."
)
def predicted_class_for_label(right, image, label, eps, net, seed, before, *changes):
    def preferred(answer, model, image, label, eps):
        from copy import deepcopy

        return answer(model, image, int(deepcopy(model).eval()(image[None]).argmax()), eps)

    return right(image, label, eps, net, seed, before, *changes, preferred)


@adversarial.mistake(
    "There is a softmax before your loss. cross_entropy takes scores and does the softmax itself; a second one turns "
    "the direction."
)
def softmax_before_the_loss(right, image, label, eps, net, seed, before, *changes):
    def squashed(answer, model, image, label, eps):
        from torch import nn

        return answer(nn.Sequential(model, nn.Softmax(1)).train(model.training), image, label, eps)

    return right(image, label, eps, net, seed, before, *changes, squashed)


@adversarial.mistake("You return the step alone. The result is an image: the one that came in, plus the step.")
def step_alone(right, image, label, eps, net, seed, before, *changes):
    def step(answer, model, image, label, eps):
        return answer(model, image, label, eps) - image

    return right(image, label, eps, net, seed, before, *changes, step)


@adversarial.mistake(
    "You change the image that you were given: += and add_() write into the caller's tensor. Make a new one: image + "
    "step."
)
def given_image_changed(right, image, label, eps, net, seed, before, *changes):
    def into(answer, model, image, label, eps):
        return image.copy_(answer(model, image, label, eps))

    return right(image, label, eps, net, seed, before, *changes, into)


@adversarial.mistake(
    "The image that you were given asks for gradients now: requires_grad_() changed the caller's tensor. Work on a "
    "copy: image.clone().requires_grad_()."
)
def image_left_with_requires_grad(right, image, label, eps, net, seed, before, *changes):
    def marked(answer, model, image, label, eps):
        found = answer(model, image.detach(), label, eps)
        image.requires_grad_()
        return found

    return right(image, label, eps, net, seed, before, *changes, marked)


@adversarial.mistake(
    "Your call leaves gradients in the model's weights, and the next step of training would use them. "
    "torch.autograd.grad(loss, image) computes the one gradient that you want and stores nothing."
)
def gradients_left_behind(right, image, label, eps, net, seed, before, *changes):
    def left(answer, model, image, label, eps):
        found = answer(model, image, label, eps)
        for p in model.parameters():
            p.grad = 2 + p.detach().abs() if p.grad is None else p.grad + 1
        return found

    return right(image, label, eps, net, seed, before, *changes, left)


@adversarial.mistake(
    "The model computes in the mode that it happens to be in. In training mode batch norm uses the image's own mean, "
    "and moves its running statistics: ask for evaluation mode, and give the old mode back."
)
def training_mode(right, image, label, eps, net, seed, before, *changes):
    def as_it_is(answer, model, image, label, eps):
        from torch import autograd, tensor
        from torch.nn.functional import cross_entropy

        x = image.clone().requires_grad_()
        (gradient,) = autograd.grad(cross_entropy(model(x[None]), tensor([label])), x)
        return image + eps * gradient.sign()

    return right(image, label, eps, net, seed, before, *changes, as_it_is)


@adversarial.mistake("The model is left in evaluation mode. Give it back the mode that it had.")
def mode_not_given_back(right, image, label, eps, net, seed, before, *changes):
    def left(answer, model, image, label, eps):
        found = answer(model, image, label, eps)
        model.eval()
        return found

    return right(image, label, eps, net, seed, before, *changes, left)


# How alike two maps are


def _vary(first, second):
    return first.shape == second.shape and first.size > 1 and np.ptp(first) > 0 and np.ptp(second) > 0


@exercise(
    LESSON,
    examples=[
        example(1.0, [[1, 2], [3, 4]], [[1, 4], [9, 16]]),
        # ranks 1 2 3 4 and 4 1 2½ 2½; less 2½: (-1½ -½ ½ 1½) · (1½ -1½ 0 0) = -1½, lengths √5 and √4½
        example(-1.5 / math.sqrt(22.5), [[1, 2], [3, 4]], [[9, 1], [5, 5]]),
    ],
    forbidden=("scipy.stats", "pandas", "sklearn", *READY_MADE),
    requires=_vary,
)
def rank_correlation(first, second):
    return float(scipy.stats.spearmanr(np.ravel(first), np.ravel(second)).statistic)


@rank_correlation.cases
def _(draw: Draw) -> Iterator[Case]:
    shape = (draw.size(3, 5), draw.size(4, 7))
    yield case("two maps", draw.array(*shape), draw.array(*shape))
    base = draw.array(*shape)
    yield case("a map and what rises with it", base, np.round(np.exp(base) + 0.1 * draw.array(*shape), 2))
    yield case("opposite maps", base, np.round(0.3 * draw.array(*shape) - base, 2))
    yield case("many zeros", np.maximum(draw.array(*shape), 0), np.maximum(base, 0))
    yield case("ties", draw.integers(*shape, low=0, high=3), draw.integers(*shape, low=0, high=3))
    yield case("maps of one row", draw.array(1, 6), draw.array(1, 6))


@rank_correlation.mistake(
    "This is the correlation of the values. One very bright pixel decides it alone: replace each value by its rank "
    "first."
)
def values_for_ranks(right, first, second):
    return float(np.corrcoef(np.ravel(first), np.ravel(second))[0, 1])


@rank_correlation.mistake(
    "argsort does not give ranks: it says which pixel comes first, second, third. A pixel's rank is the place at which"
    " it stands there."
)
def argsort_for_ranks(right, first, second):
    ranks = [np.argsort(np.ravel(v), kind="stable") for v in (first, second)]
    return float(np.corrcoef(*ranks)[0, 1])


@rank_correlation.mistake(
    "Equal values get different ranks, by their place in the array. Pixels that tie share the mean of their ranks; in "
    "a map after ReLU half of them are zero."
)
def ties_by_their_place(right, first, second):
    ranks = [np.argsort(np.argsort(np.ravel(v), kind="stable"), kind="stable") for v in (first, second)]
    return float(np.corrcoef(*ranks)[0, 1])


@rank_correlation.mistake(
    "Equal values share a rank, but the smallest one (or each value counts once) instead of the mean of their ranks."
)
def ties_get_the_lowest_rank(right, first, second):
    ranks = [np.searchsorted(np.sort(np.ravel(v)), np.ravel(v)) for v in (first, second)]
    return float(np.corrcoef(*ranks)[0, 1])


@rank_correlation.mistake(
    "Your ranks count distinct values: after a tie no rank is left out. Three pixels that tie take three ranks, and "
    "each gets their mean."
)
def ranks_without_gaps(right, first, second):
    ranks = [np.unique(v, return_inverse=True)[1].ravel() for v in (first, second)]
    return float(np.corrcoef(*ranks)[0, 1])


@rank_correlation.mistake(
    "The sign is gone. Opposite maps have the correlation -1, and that is something else than equal ones."
)
def absolute_correlation(right, first, second):
    return abs(right(first, second))


@rank_correlation.mistake(
    "The means are not subtracted: you take the cosine between the ranks. Ranks are all positive, so it is high for "
    "any two maps."
)
def means_not_subtracted(right, first, second):
    ranks = []
    for v in (np.ravel(first), np.ravel(second)):
        ordered = np.sort(v)
        ranks.append((np.searchsorted(ordered, v) + np.searchsorted(ordered, v, "right") + 1) / 2)
    return float(ranks[0] @ ranks[1] / np.sqrt((ranks[0] @ ranks[0]) * (ranks[1] @ ranks[1])))


@rank_correlation.mistake(
    "The formula 1 − 6 Σ d² / (n (n² − 1)) holds only where no two values are equal. With ties take the correlation of"
    " the ranks."
)
def formula_without_ties(right, first, second):
    ranks = []
    for v in (np.ravel(first), np.ravel(second)):
        ordered = np.sort(v)
        ranks.append((np.searchsorted(ordered, v) + np.searchsorted(ordered, v, "right") + 1) / 2)
    n = len(ranks[0])
    return float(1 - 6 * ((ranks[0] - ranks[1]) ** 2).sum() / (n * (n**2 - 1)))


@rank_correlation.mistake(
    "Covariance and standard deviations are taken with different divisors, n − 1 and n: your result is too large by n "
    "/ (n − 1). np.cov divides by n − 1, np.std by n."
)
def two_divisors(right, first, second):
    return right(first, second) * np.size(first) / (np.size(first) - 1)
