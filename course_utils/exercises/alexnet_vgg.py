"""Lesson 07: local response normalization, dropout, augmentation, AlexNet, ZFNet, VGG, the size of first weights."""

# Several exercises know the same mistake under the same name.
# ruff: noqa: F811
# mypy: disable-error-code="no-redef"

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

from course_utils import thinning
from course_utils.comparison import compare
from course_utils.contract import Case, Draw, Example, Exercise, case, example, exercise
from course_utils.exercises.declarations import READY_MADE, changed, function, network, numbers, tensor
from course_utils.exercises.thinned import remember
from course_utils.recipe import Recipe
from course_utils.remote import made
from course_utils.variation import Varied

LESSON = "07_alexnet_vgg"

# Functions


def _normalized(local_response_norm, x, **options):
    given = tensor(x)
    out = numbers(local_response_norm(given, **options))
    return out, _left_alone(given, x)


def _left_alone(given: torch.Tensor, before: np.ndarray) -> str:
    return "as it was" if np.array_equal(numbers(given), before) else "changed"


def _local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    """Krizhevsky, Sutskever, Hinton 2012, section 3.3."""
    squares = torch.nn.functional.pad(x**2, (0, 0, 0, 0, size // 2, size // 2))
    sums = squares.unfold(1, size, 1).sum(-1)  # (N, C, H, W)
    return x / (k + alpha * sums) ** beta


@function(
    LESSON,
    "(x, size=5, alpha=1e-4, beta=0.75, k=2.0)",
    _normalized,
    parts=("result", "x"),
    shown="local_response_norm(torch.tensor(x), …)",
    requires=lambda x, size=5, alpha=1e-4, beta=0.75, k=2.0: x.ndim == 4 and x.size and size % 2 == 1 and k > 0,
    integers=False,
    examples=[
        example(
            (np.array([1 / 6, 2 / 15, 3 / 14]).reshape(1, 3, 1, 1), "as it was"),
            np.array([1.0, 2, 3]).reshape(1, 3, 1, 1), size=3, alpha=1.0, beta=1.0, k=1.0,
        )
    ],
)  # fmt: skip
def local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0, *changes):
    return _normalized(changed(_local_response_norm, changes), x, size=size, alpha=alpha, beta=beta, k=k)


@local_response_norm.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("a window of three channels", draw.array(2, 5, 2, 3), size=3, alpha=0.3, beta=0.5, k=1.5)
    yield case("a window of one channel", draw.array(1, 4, 2, 2), size=1, alpha=0.5, beta=0.75, k=1.2)
    yield case("a window wider than the channels", draw.array(2, 3, 1, 2), size=7, alpha=0.4, beta=0.6, k=1.1)
    yield case("the paper's constants", 60 * draw.array(2, draw.size(8, 9), 2, 2))
    for _ in draw.repeats(1):
        size, alpha, beta = draw.choice([3, 5, 7]), draw.choice([0.1, 0.7]), draw.choice([0.5, 0.75])
        yield case("other constants", draw.array(2, draw.size(6, 8), 3, 2), size=size, alpha=alpha, beta=beta, k=1.3)


@local_response_norm.mistake(
    "Your alpha is divided by the size of the window, as PyTorch's own function does. In the paper it is not: alpha "
    "times the sum of the squares."
)
def alpha_divided_by_the_window(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0, *changes):
    def divided(answer, x, size, alpha, beta, k):
        return answer(x, size, alpha / size, beta, k)

    return right(x, size, alpha, beta, k, *changes, divided)


@local_response_norm.mistake(
    "At the first and the last channels you divide by how many channels the window really holds. It is a sum, cut off "
    "at the ends, and no mean."
)
def mean_over_the_window(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0, *changes):
    def averaged(answer, x, size, alpha, beta, k):
        half = size // 2
        windows = [x[:, max(0, i - half) : i + half + 1] ** 2 for i in range(x.shape[1])]
        out = answer(x, size, alpha, beta, k)
        for i, window in enumerate(windows):
            out[:, i] = x[:, i] / (k + alpha * window.mean(1)) ** beta
        return out

    return right(x, size, alpha, beta, k, *changes, averaged)


@local_response_norm.mistake(
    "Your window runs along the columns of a map. Here channels compete: the window holds the same pixel in the "
    "neighbouring channels, axis 1."
)
def window_along_the_columns(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0, *changes):
    def turned(answer, x, size, alpha, beta, k):
        return answer(x.transpose(1, 3), size, alpha, beta, k).transpose(1, 3)

    return right(x, size, alpha, beta, k, *changes, turned)


@local_response_norm.mistake(
    "Your window goes round: the first channel's reaches the last ones (torch.roll, an index below zero). It is cut "
    "off there; add zeros at both ends instead."
)
def window_goes_round(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0, *changes):
    def rolled(answer, x, size, alpha, beta, k):
        half, count = size // 2, x.shape[1]
        wide = x[:, [i % count for i in range(-half, count + half)]]
        return answer(wide, size, alpha, beta, k)[:, half : half + count]

    return right(x, size, alpha, beta, k, *changes, rolled)


@local_response_norm.mistake(
    "Your window reaches `size` channels to each side. `size` is the whole window: the channel itself and size // 2 to "
    "each side."
)
def window_of_size_to_each_side(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0, *changes):
    def wide(answer, x, size, alpha, beta, k):
        return answer(x, 2 * size + 1, alpha, beta, k)

    return right(x, size, alpha, beta, k, *changes, wide)


@local_response_norm.mistake(
    "The last channel of your window is missing: a slice i - half : i + half ends before i + half. Add 1 to its end."
)
def window_one_channel_short(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0, *changes):
    def short(answer, x, size, alpha, beta, k):
        half, out = size // 2, answer(x, size, alpha, beta, k)
        for i in range(x.shape[1]):
            squares = x[:, max(0, i - half) : i + half] ** 2
            out[:, i] = x[:, i] / (k + alpha * squares.sum(1)) ** beta
        return out

    return right(x, size, alpha, beta, k, *changes, short)


@local_response_norm.mistake(
    "You square the sum of the channels. Squares are summed: else a positive and a negative neighbour would cancel."
)
def square_of_the_sum(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0, *changes):
    def squared(answer, x, size, alpha, beta, k):
        half, out = size // 2, answer(x, size, alpha, beta, k)
        for i in range(x.shape[1]):
            total = x[:, max(0, i - half) : i + half + 1].sum(1)
            out[:, i] = x[:, i] / (k + alpha * total**2) ** beta
        return out

    return right(x, size, alpha, beta, k, *changes, squared)


@local_response_norm.mistake(
    "You multiply by the power. It stands in the denominator: strong neighbours make a channel weaker, not stronger."
)
def multiplied(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0, *changes):
    def times(answer, x, size, alpha, beta, k):
        return answer(x, size, alpha, -beta, k)

    return right(x, size, alpha, beta, k, *changes, times)


@local_response_norm.mistake(
    "k is added after the power. It belongs inside, next to alpha times the sum, and the power is of both."
)
def k_outside_the_power(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0, *changes):
    def outside(answer, x, size, alpha, beta, k):
        half, out = size // 2, answer(x, size, alpha, beta, k)
        for i in range(x.shape[1]):
            squares = x[:, max(0, i - half) : i + half + 1] ** 2
            out[:, i] = x[:, i] / (k + (alpha * squares.sum(1)) ** beta)
        return out

    return right(x, size, alpha, beta, k, *changes, outside)


@local_response_norm.mistake("The power beta is missing: you divide by k + alpha · sum itself.")
def no_power(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0, *changes):
    def plain(answer, x, size, alpha, beta, k):
        return answer(x, size, alpha, 1.0, k)

    return right(x, size, alpha, beta, k, *changes, plain)


@local_response_norm.mistake(
    "Without arguments your k is 1, which is PyTorch's choice. The paper's constants are size 5, alpha 1e-4, beta 0.75 "
    "and k = 2."
)
def k_of_the_library(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0, *changes):
    def one(answer, x, size, alpha, beta, k):
        return answer(x, size, alpha, beta, 1.0 if k == 2.0 else k)

    return right(x, size, alpha, beta, k, *changes, one)


@local_response_norm.mistake("The result is right, but x is changed: x /= … writes into it. Make a new tensor: x / ….")
def input_changed(right, x, size=5, alpha=1e-4, beta=0.75, k=2.0, *changes):
    def into(answer, x, size, alpha, beta, k):
        return x.copy_(answer(x, size, alpha, beta, k))

    return right(x, size, alpha, beta, k, *changes, into)


DROPOUT = (
    *("shape", "values that stay", "what drops", "share that drops", "the same seed again", "a second draw"),
    *("global generators", "x"),
)
UNSEEN = "not looked at"


class _Draws:
    """Calls of an answer that draws: with a generator, again with it, and with another one of the same seed."""

    def __init__(self, answer: Any, seed: int, count: int, call: Callable[[Any], Any]):
        first, second = (made(Recipe("course_utils.witness:generator", (seed,)), answer) for _ in "ab")
        states = Recipe("course_utils.witness:random_states")
        before = made(states, answer)
        self.outs = [_as_array(call(first)) for _ in range(count)]
        again = _as_array(call(second))
        self.again = "the same" if np.array_equal(self.outs[0], again) else "another result"
        self.second = "the same" if np.array_equal(self.outs[0], self.outs[1]) else "another result"
        self.generators = "untouched" if tuple(before) == tuple(made(states, answer)) else "drawn from"


def _as_array(value: Any) -> np.ndarray:
    """A tensor as an array; what is none has no size."""
    value = numbers(value)
    return value.copy() if isinstance(value, np.ndarray) else np.zeros(0)


def _dropped(dropout, shape, p, training, seed):
    """What is true of an answer's draws, in words."""
    rng = np.random.default_rng(seed)
    x = rng.choice([-1.0, 1.0], shape) * rng.uniform(1, 2, shape)  # nowhere zero
    given = tensor(x)
    draws = _Draws(dropout, seed, 2, lambda generator: dropout(given, p, training, generator))
    out = draws.outs[0]
    facts = "another one", UNSEEN, UNSEEN, UNSEEN
    if out.shape == x.shape:
        zero = out == 0
        what = _pattern(zero)
        facts = "that of x", _ratio(out, x, zero, p), what, _share(zero, p) if what == "single numbers" else UNSEEN
    generators = draws.generators if training and p else UNSEEN  # there is nothing to draw
    return *facts, draws.again, draws.second, generators, _left_alone(given, x)


def _ratio(out: np.ndarray, x: np.ndarray, zero: np.ndarray, p: float) -> str:
    """What became of the numbers that were not dropped."""
    stay = ~zero
    if not stay.any():
        return "none"
    ratios = out[stay] / x[stay]
    if not np.allclose(ratios, ratios[0], rtol=1e-5):
        return "something else"
    scales = {"x": 1, "x / (1 − p)": 1 / (1 - p), "x · (1 − p)": 1 - p, "x / p": 1 / p if p else 1, "x · p": p}
    scales["x / (the share that stays)"] = 1 / stay.mean()
    return next((words for words, scale in scales.items() if np.isclose(ratios[0], scale)), "something else")


def _pattern(zero: np.ndarray) -> str:
    if zero.all() or not zero.any():
        return "everything" if zero.all() else "nothing"
    by_place = zero.reshape(*zero.shape[:2], -1)  # (N, C, H·W)
    if (by_place == by_place[:1]).all():
        return "the same places in every example"
    if (by_place == by_place[:1, :1, :1]).all(axis=(1, 2)).all():
        return "whole examples"
    return "whole channels" if by_place.shape[2] > 1 and _constant(by_place) else "single numbers"


def _constant(by_place: np.ndarray) -> bool:
    return bool((by_place == by_place[:, :, :1]).all())


def _share(zero: np.ndarray, p: float) -> str:
    """Which share of single numbers drops; 8,000 numbers of it are within 0.03 but once in a million."""
    share = float(zero.mean())
    return "p" if abs(share - p) < 0.03 else "1 − p" if abs(share - 1 + p) < 0.03 else "another one"


def _dropout(x, p, training, generator):
    """Inverted dropout; Srivastava et al. 2014, section 10."""
    if not training:
        return x
    kept = torch.rand(x.shape, generator=generator) >= p
    return x * kept / (1 - p)


@function(
    LESSON,
    "(x, p, training, generator)",
    _dropped,
    parts=DROPOUT,
    shown="generator = torch.Generator().manual_seed(seed)\ndropout(x, p, training, generator)  # x of this shape",
    integers=False,
    once=True,
    examples=[
        Example(
            case("what is true of every draw", (20, 4, 10, 10), 0.2, True, 0),
            (
                *("that of x", "x / (1 − p)", "single numbers", "p", "the same", "another result"),
                *("untouched", "as it was"),
            ),
        ),
        Example(
            case("evaluation", (4, 3), 0.2, False, 0),
            ("that of x", "x", "nothing", UNSEEN, "the same", "the same", UNSEEN, "as it was"),
        ),
    ],
)
def dropout(shape, p, training, seed, *changes):
    return _dropped(changed(_dropout, changes), shape, p, training, seed)


@dropout.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("rows of numbers", (40, 200), 0.5, True, draw.int(1, 10**6))
    yield case("nothing to drop", (20, 4, 10, 10), 0.0, True, draw.int(1, 10**6))
    yield case("maps in evaluation", (5, 4, 3, 3), 0.5, False, draw.int(1, 10**6))
    for _ in draw.repeats(1):
        yield case("maps", (20, draw.size(4, 6), 10, 10), draw.choice([0.1, 0.3, 0.8]), True, draw.int(1, 10**6))


@dropout.mistake(
    "What stays is not made larger. A share p is missing from every sum then: divide by 1 − p in training, and the "
    "mean over many draws is x."
)
def not_scaled(right, shape, p, training, seed, *changes):
    def plain(answer, x, p, training, generator):
        return answer(x, p, training, generator) * (1 - p if training else 1)

    return right(shape, p, training, seed, *changes, plain)


@dropout.mistake(
    "You drop the share 1 − p and keep p. Here, and in PyTorch, p is the probability that a number is dropped."
)
def p_is_kept(right, shape, p, training, seed, *changes):
    def kept(answer, x, p, training, generator):
        return answer(x, 1 - p, training, generator)

    return right(shape, p, training, seed, *changes, kept)


@dropout.mistake(
    "What stays is divided by p. The share that stays is 1 − p, so that is what to divide by; at p = 0.5 nobody sees "
    "the difference."
)
def divided_by_p(right, shape, p, training, seed, *changes):
    def by_p(answer, x, p, training, generator):
        if not training:
            return answer(x, p, training, generator)
        return answer(x, p, training, generator) * (1 - p) / p if p else x * float("inf")

    return right(shape, p, training, seed, *changes, by_p)


@dropout.mistake(
    "Your dropout drops in evaluation too. Then the same image gets another answer each time: return x as it is where "
    "training is False."
)
def drops_in_evaluation(right, shape, p, training, seed, *changes):
    def always(answer, x, p, training, generator):
        return answer(x, p, True, generator)

    return right(shape, p, training, seed, *changes, always)


@dropout.mistake(
    "This is dropout as AlexNet's paper had it: nothing is scaled in training, and in evaluation all is multiplied by "
    "1 − p. Inverted dropout divides by 1 − p in training and leaves evaluation alone."
)
def scaled_in_evaluation(right, shape, p, training, seed, *changes):
    def late(answer, x, p, training, generator):
        return answer(x, p, training, generator) * (1 - p)

    return right(shape, p, training, seed, *changes, late)


@dropout.mistake(
    "All examples of a batch lose the same numbers: your mask has the shape of one example. Every number of every "
    "example is drawn by itself."
)
def one_mask_for_the_batch(right, shape, p, training, seed, *changes):
    def shared(answer, x, p, training, generator):
        return x * answer(x[:1] * 0 + 1, p, training, generator)

    return right(shape, p, training, seed, *changes, shared)


@dropout.mistake("Whole examples are dropped: you draw one number for each. Draw as many as x has, with its shape.")
def whole_examples(right, shape, p, training, seed, *changes):
    def by_example(answer, x, p, training, generator):
        ones = x.reshape(len(x), -1)[:, :1] * 0 + 1
        return x * answer(ones, p, training, generator).reshape([-1] + [1] * (x.ndim - 1))

    return right(shape, p, training, seed, *changes, by_example)


@dropout.mistake(
    "What stays is divided by the share that happened to stay in this draw. Divide by 1 − p, which is the same number "
    "each time: the mean over many draws is right then, also for a single number."
)
def divided_by_the_drawn_share(right, shape, p, training, seed, *changes):
    def measured(answer, x, p, training, generator):
        out = answer(x, p, training, generator)
        return out * (1 - p) / (out != 0).double().mean() if training else out

    return right(shape, p, training, seed, *changes, measured)


@dropout.mistake(
    "Your numbers do not come from `generator`, but from a global one: the same seed gives another result, and whoever "
    "draws after you gets other numbers. Hand it on: torch.rand(..., generator=generator)."
)
def global_generator(right, shape, p, training, seed, *changes):
    def elsewhere(answer, x, p, training, generator):
        from torch import randint

        return answer(x, p, training, generator.manual_seed(int(randint(2**31, ()))) if training else generator)

    return right(shape, p, training, seed, *changes, elsewhere)


@dropout.mistake(
    "Two draws from one generator drop the same numbers: you begin it anew. Whoever calls you chooses the seed; just "
    "draw on."
)
def seeded_anew(right, shape, p, training, seed, *changes):
    def again(answer, x, p, training, generator):
        return answer(x, p, training, generator.manual_seed(generator.initial_seed()))

    return right(shape, p, training, seed, *changes, again)


@dropout.mistake("You write zeros into x itself: x *= mask, x[mask] = 0. Make a new tensor: x * mask.")
def x_changed(right, shape, p, training, seed, *changes):
    def into(answer, x, p, training, generator):
        return x.copy_(answer(x, p, training, generator))

    return right(shape, p, training, seed, *changes, into)


AUGMENT = (
    *("shape", "each image", "shifts", "flips", "the same seed again", "a second draw", "global generators"),
    "images",
)
BATCHES = 20
RIGHT = "cut out of itself in a frame of zeros"


def _augmented(augment, shape, padding, seed):
    """What is true of an answer's draws, in words."""
    images = np.random.default_rng(seed).uniform(0.1, 1, shape).astype(np.float32)
    given = tensor(images)
    draws = _Draws(augment, seed, BATCHES, lambda generator: augment(given, padding, generator))
    facts = "another one", UNSEEN, UNSEEN, UNSEEN
    if all(out.shape == images.shape for out in draws.outs):
        facts = ("that of images", *_changes_of(images, np.array(draws.outs), padding))
    return *facts, draws.again, draws.second, draws.generators, _left_alone(given, images)


FAMILIES = (  # how an image may have been framed and flipped, and in words what became of it
    ("constant", -1, RIGHT),
    ("constant", -2, "turned upside down, not left to right"),
    ("reflect", -1, "cut out of itself, framed by its mirror image"),
    ("edge", -1, "cut out of itself, framed by its outermost pixels"),
    ("wrap", -1, "rolled: what leaves on one side comes in on the other"),
)


def _changes_of(images: np.ndarray, outs: np.ndarray, padding: int) -> tuple[str, str, str]:
    """What each image is, and which shifts and flips occur; outs is (batches, N, C, H, W)."""
    for mode, axis, words in FAMILIES:
        found = _places(images, outs, padding, mode, axis)
        if found is not None:
            rows, columns, flips = found
            return words, _shifts(rows, columns, flips, 2 * padding + 1), _flips(flips)
    return "something else", UNSEEN, UNSEEN


def _places(images: np.ndarray, outs: np.ndarray, padding: int, mode: Any, axis: int) -> Any:
    """For each image of each batch, where it was cut out and whether it was flipped; None where it was not so."""
    frame = [(0, 0), (0, 0), (padding, padding), (padding, padding)]
    framed = np.pad(images, frame, mode=mode)
    height, width = images.shape[2:]
    found = np.full((3, *outs.shape[:2]), -1)
    for row in range(2 * padding + 1):
        for column in range(2 * padding + 1):
            cut = framed[..., row : row + height, column : column + width]
            for flip, candidate in enumerate((cut, np.flip(cut, axis))):
                same = (np.abs(outs - candidate) < 1e-4).all(axis=(2, 3, 4))
                found[:, same] = np.array([row, column, flip])[:, None]
    return found if (found >= 0).all() else None


def _shifts(rows: np.ndarray, columns: np.ndarray, flips: np.ndarray, steps: int) -> str:
    """Rows and columns of the places, (batches, N) each, in words."""
    if steps == 1:
        return "none"
    if (rows == rows[:, :1]).all():
        return "the same for all images of a batch"
    if not (rows == steps - 1).any() or not (rows == 0).any():
        return "one place at the end never"
    straight = flips == 0
    if (rows == columns)[straight].all() or (rows == columns)[~straight].all():
        return "rows and columns by the same number"
    counts = np.bincount((steps * rows + columns).ravel(), minlength=steps**2)
    mean = rows.size / steps**2
    even = (abs(counts - mean) < 6 * math.sqrt(mean)).all()
    return "every place equally often" if even else "some places more often than others"


def _flips(flips: np.ndarray) -> str:
    share = float(flips.mean())
    if share in (0, 1):
        return "always" if share else "never"
    if (flips == flips[:, :1]).all():
        return "the same for all images of a batch"
    return "half of the images" if abs(share - 0.5) < 0.1 else "another share"  # 5.6 standard deviations of 800


def _augment(images, padding, generator):
    count, _, height, width = images.shape
    framed = torch.nn.functional.pad(images, [padding] * 4)
    where = {"generator": generator, "device": images.device}
    rows, columns = (torch.randint(2 * padding + 1, (count,), **where) for _ in range(2))
    flips = torch.rand(count, **where) < 0.5
    cut = [framed[i, :, r : r + height, c : c + width] for i, (r, c) in enumerate(zip(rows, columns, strict=True))]
    return torch.stack([image.flip(-1) if flip else image for image, flip in zip(cut, flips, strict=True)])


@function(
    LESSON,
    "(images, padding, generator)",
    _augmented,
    parts=AUGMENT,
    shown="generator = torch.Generator().manual_seed(seed)\naugment(images, padding, generator)  # of this shape",
    integers=False,
    once=True,
    examples=[
        Example(
            case("what is true of every draw", (40, 1, 5, 4), 1, 0),
            (
                *("that of images", RIGHT, "every place equally often", "half of the images", "the same"),
                *("another result", "untouched", "as it was"),
            ),
        )
    ],
)
def augment(shape, padding, seed, *changes):
    return _augmented(changed(_augment, changes), shape, padding, seed)


@augment.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("a frame of two pixels", (40, 3, 4, 5), 2, draw.int(1, 10**6))
    yield case("no frame", (40, 1, 4, 4), 0, draw.int(1, 10**6))
    for _ in draw.repeats(1):
        yield case("other sizes", (40, draw.int(1, 3), draw.size(4, 6), draw.size(4, 6)), 1, draw.int(1, 10**6))


@augment.mistake(
    "Every image is flipped. Half of them should be, at random: draw a number for each image, and compare it with ½."
)
def always_flipped(right, shape, padding, seed, *changes):
    def always(answer, images, padding, generator):
        from torch import randint, stack
        from torch.nn.functional import pad

        framed, (h, w) = pad(images, [padding] * 4), images.shape[2:]
        places = randint(2 * padding + 1, (len(images), 2), generator=generator).tolist()
        return stack([framed[i, :, r : r + h, c : c + w].flip(-1) for i, (r, c) in enumerate(places)])

    return right(shape, padding, seed, *changes, always)


@augment.mistake("No image is ever flipped. Half of them should be mirrored, left to right: flip(-1).")
def never_flipped(right, shape, padding, seed, *changes):
    def never(answer, images, padding, generator):
        from torch import randint, stack
        from torch.nn.functional import pad

        framed, (h, w) = pad(images, [padding] * 4), images.shape[2:]
        places = randint(2 * padding + 1, (len(images), 2), generator=generator).tolist()
        return stack([framed[i, :, r : r + h, c : c + w] for i, (r, c) in enumerate(places)])

    return right(shape, padding, seed, *changes, never)


@augment.mistake(
    "Your flip turns images upside down. In (N, C, H, W) axis 2 counts rows and axis 3 columns: left and right are "
    "exchanged by flip(-1)."
)
def upside_down(right, shape, padding, seed, *changes):
    def turned(answer, images, padding, generator):
        return answer(images.transpose(2, 3), padding, generator).transpose(2, 3)

    return right(shape, padding, seed, *changes, turned)


@augment.mistake(
    "One shift and one flip are drawn for the whole batch. Each image needs its own, or a batch is the old one, moved."
)
def one_draw_for_the_batch(right, shape, padding, seed, *changes):
    def together(answer, images, padding, generator):
        return answer(images.reshape(1, -1, *images.shape[2:]), padding, generator).reshape(images.shape)

    return right(shape, padding, seed, *changes, together)


@augment.mistake(
    "The shifts are drawn image by image, the flip once for the whole batch. Draw as many numbers as there are images."
)
def one_flip_for_the_batch(right, shape, padding, seed, *changes):
    def alike(answer, images, padding, generator):
        from torch import rand, randint, stack
        from torch.nn.functional import pad

        framed, (h, w) = pad(images, [padding] * 4), images.shape[2:]
        places = randint(2 * padding + 1, (len(images), 2), generator=generator).tolist()
        cut = stack([framed[i, :, r : r + h, c : c + w] for i, (r, c) in enumerate(places)])
        return cut.flip(-1) if rand((), generator=generator) < 0.5 else cut

    return right(shape, padding, seed, *changes, alike)


@augment.mistake(
    "What your images are framed by is no zeros, but their mirror image. Pad with zeros, so that the net also meets "
    "what lies beyond the edge of a photo: nothing."
)
def framed_by_reflection(right, shape, padding, seed, *changes):
    def reflected(answer, images, padding, generator):
        from torch.nn.functional import pad

        framed = pad(images, [padding] * 4, mode="reflect")
        out = answer(framed, padding, generator)
        return out[..., padding : out.shape[2] - padding, padding : out.shape[3] - padding]

    return right(shape, padding, seed, *changes, reflected)


@augment.mistake(
    "Your images are rolled: what leaves on one side comes in on the other. Put zeros around an image first, and cut "
    "out of that."
)
def rolled(right, shape, padding, seed, *changes):
    def around(answer, images, padding, generator):
        from torch.nn.functional import pad

        framed = pad(images, [padding] * 4, mode="circular")
        out = answer(framed, padding, generator)
        return out[..., padding : out.shape[2] - padding, padding : out.shape[3] - padding]

    return right(shape, padding, seed, *changes, around)


@augment.mistake(
    "The last place never comes up. There are 2 · padding + 1 of them, from 0 to 2 · padding, and torch.randint does "
    "not include its upper end."
)
def last_place_never(right, shape, padding, seed, *changes):
    def short(answer, images, padding, generator):
        from torch import rand, randint, stack
        from torch.nn.functional import pad

        framed, (h, w) = pad(images, [padding] * 4), images.shape[2:]
        places = randint(2 * padding, (len(images), 2), generator=generator).tolist()
        flips = rand(len(images), generator=generator) < 0.5
        cut = [framed[i, :, r : r + h, c : c + w] for i, (r, c) in enumerate(places)]
        return stack([image.flip(-1) if flip else image for image, flip in zip(cut, flips, strict=True)])

    return right(shape, padding, seed, *changes, short)


@augment.mistake(
    "Images move along the diagonal only: one number is drawn and used for rows and for columns. Draw two an image."
)
def rows_and_columns_alike(right, shape, padding, seed, *changes):
    def diagonal(answer, images, padding, generator):
        from torch import rand, randint, stack
        from torch.nn.functional import pad

        framed, (h, w) = pad(images, [padding] * 4), images.shape[2:]
        places = randint(2 * padding + 1, (len(images),), generator=generator).tolist()
        flips = rand(len(images), generator=generator) < 0.5
        cut = [framed[i, :, r : r + h, r : r + w] for i, r in enumerate(places)]
        return stack([image.flip(-1) if flip else image for image, flip in zip(cut, flips, strict=True)])

    return right(shape, padding, seed, *changes, diagonal)


@augment.mistake(
    "Your numbers do not come from `generator`, but from a global one (torch's, NumPy's or Python's): the same seed "
    "gives other images. Hand it on: torch.randint(..., generator=generator)."
)
def global_generator(right, shape, padding, seed, *changes):
    def elsewhere(answer, images, padding, generator):
        from torch import randint

        return answer(images, padding, generator.manual_seed(int(randint(2**31, ()))))

    return right(shape, padding, seed, *changes, elsewhere)


@augment.mistake(
    "Two draws from one generator give the same images: you begin it anew. Then every epoch sees the same ones, and "
    "nothing is gained; just draw on."
)
def seeded_anew(right, shape, padding, seed, *changes):
    def again(answer, images, padding, generator):
        return answer(images, padding, generator.manual_seed(generator.initial_seed()))

    return right(shape, padding, seed, *changes, again)


@augment.mistake("The images that came are changed. Write into a new tensor: images.clone(), torch.empty_like(images).")
def images_changed(right, shape, padding, seed, *changes):
    def into(answer, images, padding, generator):
        old = images.clone()
        out = answer(old, padding, generator)
        images.mul_(0.5)
        return out

    return right(shape, padding, seed, *changes, into)


# Networks


def _deep(
    make: Callable[..., Any], signature: str, also: Sequence[Any] = (), **contract: Any
) -> Callable[[Callable[..., Any]], Exercise]:
    """Decorator as ``network`` of the declarations, for networks that are looked at through ``thinning``.

    Parameters
    ----------
    make : our network.
    also : edits (:class:`course_utils.variation.Varied`) with which it would be right too.
    """

    def declare(oracle: Callable[..., Any]) -> Exercise:
        declared = network(LESSON, signature, parts=thinning.PARTS, **contract)(oracle)
        declared.protocol(partial(_looked_at, declared, make, also))
        return declared

    return declare


def _seen(make: Callable[..., Any], args: tuple[Any, ...], images: Any, seed: Any, edits: Sequence[Any] = ()) -> Any:
    """What a look at a network of ours shows: parameters and layers; with a seed dropout and scores as well."""
    if not edits:
        return _looked(make, args, images, seed, False)
    return thinning.look(lambda *given: Varied(make(*given), edits), args, {}, images, seed)[:5]


@lru_cache(maxsize=64)
def _looked(make: Callable[..., Any], args: tuple[Any, ...], images: Any, seed: Any, whole: bool) -> Any:
    return thinning.look(make, args, {}, images, seed, whole)[:5]


def _looked_at(
    declared: Exercise,
    make: Callable[..., Any],
    also: Sequence[Any],
    answer: Any,
    images: Any,
    seed: Any,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """What a look at the answer's network shows, beside the answer."""
    got = made(Recipe("course_utils.thinning:look", (answer, args, kwargs, images, seed)), answer)
    if seed is None or not (isinstance(got, tuple) and len(got) == 6):
        return got
    parameters, layers, rates, training, evaluation, whole = got
    bound = declared.signature.bind(images, seed, *args, **kwargs)
    bound.apply_defaults()
    given = bound.args[2:]
    want = _seen(make, given, images, seed)
    reference = _looked(make, given, images, seed, True) if whole else want
    rates = want[2] if rates is None else rates  # random, and not by the library's dropout: not looked at
    training = reference[3] if training is None else training
    found = parameters, training, evaluation
    others = (_seen(make, given, images, seed, also),) if also else ()
    if any(compare((r[0], *r[3:]), found, declared.tolerance).equal for r in (reference, *others)):
        return want[0], want[1], rates, *want[3:]  # the same function, if in other layers
    return parameters, layers, rates, training, evaluation


def _layers(*sizes: str) -> dict[str, str]:
    return {f"layer {i}": size for i, size in enumerate(sizes, 1)}


def _conv(channels_in: int, channels_out: int, kernel: int, **options: Any) -> tuple[torch.nn.Module, ...]:
    return torch.nn.Conv2d(channels_in, channels_out, kernel, **options), torch.nn.ReLU()


def _head(width: int, classes: int) -> tuple[torch.nn.Module, ...]:
    """Two hidden layers of 4096 with dropout, and the scores."""
    hidden = [torch.nn.Linear(width, 4096), torch.nn.ReLU(), torch.nn.Dropout(0.5)]
    hidden += [torch.nn.Linear(4096, 4096), torch.nn.ReLU(), torch.nn.Dropout(0.5)]
    return torch.nn.Flatten(), *hidden, torch.nn.Linear(4096, classes)


def _response_norm() -> torch.nn.Module:
    """The paper's constants; the library divides alpha by the size of the window."""
    return torch.nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)


def _alexnet(classes: int = 1000, groups: int = 1) -> torch.nn.Module:
    """Krizhevsky, Sutskever, Hinton 2012, section 3.5 and figure 2; images of 227 × 227, not 224 as printed there."""
    return torch.nn.Sequential(
        *(*_conv(3, 96, 11, stride=4), _response_norm(), torch.nn.MaxPool2d(3, 2)),
        *(*_conv(96, 256, 5, padding=2, groups=groups), _response_norm(), torch.nn.MaxPool2d(3, 2)),
        *_conv(256, 384, 3, padding=1),
        *_conv(384, 384, 3, padding=1, groups=groups),
        *(*_conv(384, 256, 3, padding=1, groups=groups), torch.nn.MaxPool2d(3, 2)),
        *_head(256 * 6 * 6, classes),
    )


ALEXNET = _layers(
    *("96 × 55 × 55", "256 × 27 × 27", "384 × 13 × 13", "384 × 13 × 13", "256 × 13 × 13", "4096", "4096", "1000")
)


@_deep(
    _alexnet,
    "(classes=1000, groups=1)",
    examples=[
        Example(case("one tower", (2, 3, 227, 227), None), (62_378_344, ALEXNET)),
        Example(case("two groups", (2, 3, 227, 227), None, groups=2), (60_965_224, ALEXNET)),
    ],
)
def AlexNet(images, seed, classes=1000, groups=1, *edits):
    return _seen(_alexnet, (classes, groups), images, seed, edits)


@AlexNet.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("scores", (2, 3, 227, 227), draw.int(0, 10**6), classes=draw.int(5, 15))
    yield case("scores with two groups", (2, 3, 227, 227), draw.int(0, 10**6), classes=draw.int(5, 15), groups=2)


@AlexNet.mistake(
    "There is no local response normalization in your net. It follows the ReLU of the first and of the second "
    "convolution, before their pooling."
)
def no_response_norm(right, images, seed, classes=1000, groups=1, *edits):
    return right(images, seed, classes, groups, *edits, ("response_norm", None, lambda call, x, *more, **options: x))


@AlexNet.mistake(
    "Your response normalization comes after the pooling. In the paper it comes before it, right behind the ReLU, as "
    "its section 3.5 says."
)
def response_norm_after_pooling(right, images, seed, classes=1000, groups=1, *edits):
    from torch.nn.functional import local_response_norm

    def late(call, *given, **options):
        return local_response_norm(call(*given, **options), 5, 5e-4, 0.75, 2.0)

    moved = (("response_norm", None, lambda call, x, *more, **options: x), ("max_pool", (0, 1), late))
    return right(images, seed, classes, groups, *edits, *moved)


@AlexNet.mistake(
    "Your response normalization comes before the ReLU, so that what ReLU would cut off weakens its neighbours. It "
    "comes behind the ReLU."
)
def response_norm_before_relu(right, images, seed, classes=1000, groups=1, *edits):
    from torch.nn.functional import local_response_norm

    def early(call, x, *more, **options):
        return call(local_response_norm(x, 5, 5e-4, 0.75, 2.0), *more, **options)

    moved = (("response_norm", None, lambda call, x, *more, **options: x), ("relu", (0, 1), early))
    return right(images, seed, classes, groups, *edits, *moved)


@AlexNet.mistake(
    "Your response normalization has alpha 1e-4 divided by 5: nn.LocalResponseNorm takes a mean over the window, where "
    "the paper takes a sum. Give it 5 times the paper's alpha."
)
def alpha_divided_by_the_window(right, images, seed, classes=1000, groups=1, *edits):
    def divided(call, x, *more, **options):
        return call(x, 5, 1e-4, 0.75, 2.0)

    return right(images, seed, classes, groups, *edits, ("response_norm", None, divided))


@AlexNet.mistake(
    "Your response normalization has the library's constants. Its k is 1, and its alpha is divided by the window; the "
    "paper has k = 2, and alpha = 1e-4 times the sum."
)
def response_norm_of_the_library(right, images, seed, classes=1000, groups=1, *edits):
    def plain(call, x, *more, **options):
        return call(x, 5)

    return right(images, seed, classes, groups, *edits, ("response_norm", None, plain))


@AlexNet.mistake(
    "Your pooling windows are 2 × 2. The sizes come out the same, but AlexNet's windows are 3 × 3 with stride 2: they "
    "overlap."
)
def pooling_without_overlap(right, images, seed, classes=1000, groups=1, *edits):
    def apart(call, x, *more, **options):
        return call(x, 2)

    return right(images, seed, classes, groups, *edits, ("max_pool", None, apart))


@AlexNet.mistake("Your pooling takes means. AlexNet takes the largest of nine values.")
def average_pooling(right, images, seed, classes=1000, groups=1, *edits):
    def mean(call, x, *more, **options):
        return x.unfold(2, 3, 2).unfold(3, 3, 2).mean((4, 5))

    return right(images, seed, classes, groups, *edits, ("max_pool", None, mean))


@AlexNet.mistake("There is no ReLU after your convolutions. One follows each of the five, before anything else.")
def no_relu_after_the_convolutions(right, images, seed, classes=1000, groups=1, *edits):
    dropped = ("relu", (0, 1, 2, 3, 4), lambda call, x, *more, **options: x)
    return right(images, seed, classes, groups, *edits, dropped)


@AlexNet.mistake(
    "There is no ReLU between your linear layers. Three of them in a row then compute no more than one would: (xA)B is "
    "x(AB)."
)
def no_relu_between_the_linear_layers(right, images, seed, classes=1000, groups=1, *edits):
    dropped = ("relu", (5, 6), lambda call, x, *more, **options: x)
    return right(images, seed, classes, groups, *edits, dropped)


@AlexNet.mistake(
    "Your first convolution is padded, as if images were 224 × 224. With 227 it needs no padding: (227 − 11)/4 + 1 is "
    "55, a whole number."
)
def first_convolution_padded(right, images, seed, classes=1000, groups=1, *edits):
    def padded(call, x, w, b, stride, padding, *more):
        return call(x, w, b, stride, 2, *more)

    return right(images, seed, classes, groups, *edits, ("conv", 0, padded))


@AlexNet.mistake(
    "The argument groups changes nothing in your net. With groups=2 the second, fourth and fifth convolution see half "
    "of the channels each: Conv2d(..., groups=groups)."
)
def groups_ignored(right, images, seed, classes=1000, groups=1, *edits):
    return right(images, seed, classes, 1, *edits)


@AlexNet.mistake(
    "With two groups your third convolution is split as well. There the two towers of the paper exchange what they "
    "have: it sees all 256 channels."
)
def third_convolution_in_groups(right, images, seed, classes=1000, groups=1, *edits):
    def split(net):
        from torch import nn

        (third,) = (m for m in net.modules() if isinstance(m, nn.Conv2d) and m.in_channels == 256)
        third.groups, third.weight = groups, nn.Parameter(third.weight[:, : 256 // groups].detach())

    return right(images, seed, classes, groups, *edits, ("net", split))


@AlexNet.mistake(
    "There is no dropout in your net. It stands at both hidden layers of 4096, with p = 0.5; without it, the authors "
    "report, the net overfits substantially."
)
def no_dropout(right, images, seed, classes=1000, groups=1, *edits):
    return right(images, seed, classes, groups, *edits, ("dropout", None, lambda call, x, *more, **options: x))


@AlexNet.mistake(
    "Your dropout, behind each hidden layer, also drops in evaluation mode: F.dropout(x) always does, unless you hand "
    "on training=self.training. nn.Dropout knows the mode by itself."
)
def dropout_in_evaluation(right, images, seed, classes=1000, groups=1, *edits):
    def always(call, x, p=0.5, *more, **options):
        return call(x, p, True)

    return right(images, seed, classes, groups, *edits, ("dropout", None, always))


@AlexNet.mistake(
    "Your dropout, before each hidden layer, also drops in evaluation mode: the same image gets another answer each "
    "time. Hand on training=self.training to F.dropout, or use nn.Dropout."
)
def dropout_before_the_layers_in_evaluation(right, images, seed, classes=1000, groups=1, *edits):
    from torch.nn.functional import dropout

    def early(call, x, *given):
        return call(dropout(x, 0.5, True), *given)

    moved = (("dropout", None, lambda call, x, *more, **options: x), ("linear", (0, 1), early))
    return right(images, seed, classes, groups, *edits, *moved)


@AlexNet.mistake(
    "Your net ends in a softmax. A model returns scores: cross entropy takes the logarithm of the softmax itself, and "
    "a second softmax before it makes all gradients small."
)
def softmax_at_the_end(right, images, seed, classes=1000, groups=1, *edits):
    squashed = ("linear", 2, lambda call, *given: call(*given).softmax(-1))
    return right(images, seed, classes, groups, *edits, squashed)


@AlexNet.mistake(
    "A ReLU follows the last layer too. Scores may be negative: with ReLU on them all classes that are unlikely look "
    "alike."
)
def relu_on_the_scores(right, images, seed, classes=1000, groups=1, *edits):
    return right(images, seed, classes, groups, *edits, ("linear", 2, lambda call, *given: call(*given).relu()))


@AlexNet.mistake(
    "Your net is the narrower AlexNet of 2014, the one in torchvision: 64, 192, 384, 256 and 256 channels, and no "
    "response normalization. The one of 2012 has 96, 256, 384, 384 and 256."
)
def version_of_2014(right, images, seed, classes=1000, groups=1, *edits):
    def narrow(net):
        from torch import nn

        widths = ((3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1), (256, 256, 3, 1, 1))
        layers = []
        for i, (inputs, outputs, kernel, stride, padding) in enumerate(widths):
            split = groups if i in (1, 3, 4) else 1
            layers += [nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=split), nn.ReLU()]
            layers += [nn.MaxPool2d(3, 2)] if i in (0, 1, 4) else []
        hidden = [nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU()]
        return nn.Sequential(*layers, nn.Flatten(), *hidden, nn.Linear(4096, classes))

    return right(images, seed, classes, groups, *edits, ("net", narrow))


def _zfnet(classes: int = 1000) -> torch.nn.Module:
    """Zeiler, Fergus 2014, figure 3, without its contrast normalization, whose constants the paper does not give."""
    return torch.nn.Sequential(
        *(*_conv(3, 96, 7, stride=2, padding=1), torch.nn.MaxPool2d(3, 2, ceil_mode=True)),
        *(*_conv(96, 256, 5, stride=2), torch.nn.MaxPool2d(3, 2, ceil_mode=True)),
        *_conv(256, 384, 3, padding=1),
        *_conv(384, 384, 3, padding=1),
        *(*_conv(384, 256, 3, padding=1), torch.nn.MaxPool2d(3, 2, ceil_mode=True)),
        *_head(256 * 6 * 6, classes),
    )


def _normalized_contrast(call, *given, **options):
    return _response_norm()(call(*given, **options))


@_deep(
    _zfnet,
    "(classes=1000)",
    also=[("max_pool", (0, 1), _normalized_contrast)],  # figure 3 has it, with constants that are AlexNet's at best
    examples=[
        Example(
            case("parameters and sizes", (2, 3, 224, 224), None),
            (
                62_357_608,
                _layers(
                    *("96 × 110 × 110", "256 × 26 × 26", "384 × 13 × 13", "384 × 13 × 13", "256 × 13 × 13"),
                    *("4096", "4096", "1000"),
                ),
            ),
        )
    ],
)
def zfnet(images, seed, classes=1000, *edits):
    return _seen(_zfnet, (classes,), images, seed, edits)


@zfnet.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("scores", (2, 3, 224, 224), draw.int(0, 10**6), classes=draw.int(5, 15))


@zfnet.mistake(
    "Your pools round down. 110 then gives 54, and the net ends in 5 × 5 maps; figure 3 has 55, 13 and 6: "
    "ceil_mode=True also takes the windows that stand out over the edge."
)
def pools_round_down(right, images, seed, classes=1000, *edits):
    def narrowed(net):
        from torch import nn

        (first,) = (m for m in net.modules() if isinstance(m, nn.Linear) and m.in_features == 9216)
        first.weight = nn.Parameter(first.weight.detach()[:, :6400])

    def down(call, x, *more, **options):
        return call(x, 3, 2)

    return right(images, seed, classes, *edits, ("net", narrowed), ("max_pool", None, down))


@zfnet.mistake(
    "Your first two pools are padded to reach 55 and 13. The sizes are right, but all windows lie one pixel further to "
    "the top left; let the windows stand out on the far side instead: ceil_mode=True."
)
def pools_padded(right, images, seed, classes=1000, *edits):
    def padded(call, x, *more, **options):
        return call(x, 3, 2, 1)

    return right(images, seed, classes, *edits, ("max_pool", (0, 1), padded))


@zfnet.mistake(
    "Your pooling windows are 2 × 2. The sizes come out the same, but the paper's windows are 3 × 3 with stride 2: "
    "they overlap."
)
def pooling_without_overlap(right, images, seed, classes=1000, *edits):
    def apart(call, x, *more, **options):
        return call(x, 2)

    return right(images, seed, classes, *edits, ("max_pool", None, apart))


@zfnet.mistake(
    "Your first convolution has no padding, and gives 109 × 109 for 224 × 224. Figure 3 has 110 × 110, which needs a "
    "padding of 1: (224 + 2 − 7)/2 + 1, rounded down."
)
def first_convolution_not_padded(right, images, seed, classes=1000, *edits):
    def bare(call, x, w, b, stride, padding, *more):
        return call(x, w, b, stride, 0, *more)

    return right(images, seed, classes, *edits, ("conv", 0, bare))


@zfnet.mistake(
    "Your first convolution is padded by 3, which gives 112 × 112. Figure 3 has 110 × 110, which needs a padding of 1."
)
def first_convolution_padded_by_three(right, images, seed, classes=1000, *edits):
    def wide(call, x, w, b, stride, padding, *more):
        return call(x, w, b, stride, 3, *more)

    return right(images, seed, classes, *edits, ("conv", 0, wide))


@zfnet.mistake("Your second convolution is padded by 2, as AlexNet's is. Here it is not: 55 gives (55 − 5)/2 + 1 = 26.")
def second_convolution_padded(right, images, seed, classes=1000, *edits):
    def widened(net):
        from torch import nn

        (first,) = (m for m in net.modules() if isinstance(m, nn.Linear) and m.in_features == 9216)
        first.weight = nn.Parameter(first.weight.detach().new_empty(4096, 256 * 7 * 7))

    def padded(call, x, w, b, stride, padding, *more):
        return call(x, w, b, stride, 2, *more)

    return right(images, seed, classes, *edits, ("net", widened), ("conv", 1, padded))


@zfnet.mistake(
    "Your second convolution has stride 1. In this net it has stride 2, like the first: 55 gives 26, and the maps "
    "after it are 13 × 13."
)
def second_convolution_with_stride_one(right, images, seed, classes=1000, *edits):
    def widened(net):
        from torch import nn

        (first,) = (m for m in net.modules() if isinstance(m, nn.Linear) and m.in_features == 9216)
        first.weight = nn.Parameter(first.weight.detach().new_empty(4096, 256 * 12 * 12))

    def slow(call, x, w, b, stride, *more):
        return call(x, w, b, 1, *more)

    return right(images, seed, classes, *edits, ("net", widened), ("conv", 1, slow))


@zfnet.mistake(
    "Your last three convolutions have 512, 1024 and 512 filters. Some slides print that; the paper tries it as a "
    "variant, and its figure 3 has 384, 384 and 256."
)
def wide_last_convolutions(right, images, seed, classes=1000, *edits):
    def widened(net):
        from torch import nn

        convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
        (first,) = (m for m in net.modules() if isinstance(m, nn.Linear) and m.in_features == 9216)
        for layer, i, o in zip(convolutions[2:], (256, 512, 1024), (512, 1024, 512), strict=True):
            layer.weight = nn.Parameter(layer.weight.detach().new_empty(o, i, 3, 3))
            layer.bias = nn.Parameter(layer.bias.detach().new_empty(o))
        first.weight = nn.Parameter(first.weight.detach().new_empty(4096, 512 * 6 * 6))

    return right(images, seed, classes, *edits, ("net", widened))


@zfnet.mistake(
    "Your net holds AlexNet's response normalization, between ReLU and pooling. Figure 3 has none there. (Its contrast "
    "normalization comes after the pooling; the paper does not give its constants, so we leave it out.)"
)
def response_norm_as_in_alexnet(right, images, seed, classes=1000, *edits):
    from torch.nn.functional import local_response_norm

    def normed(call, *given, **options):
        return local_response_norm(call(*given, **options), 5, 5e-4, 0.75, 2.0)

    return right(images, seed, classes, *edits, ("relu", (0, 1), normed))


@zfnet.mistake("Your pooling takes means. ZFNet takes the largest of nine values.")
def average_pooling(right, images, seed, classes=1000, *edits):
    def mean(call, x, *more, **options):
        from torch.nn.functional import avg_pool2d

        return avg_pool2d(x, 3, 2, ceil_mode=True)

    return right(images, seed, classes, *edits, ("max_pool", None, mean))


@zfnet.mistake(
    "There is no ReLU after your convolutions. One follows each of the five, before the pooling; the figure says so in "
    "its caption only."
)
def no_relu_after_the_convolutions(right, images, seed, classes=1000, *edits):
    dropped = ("relu", (0, 1, 2, 3, 4), lambda call, x, *more, **options: x)
    return right(images, seed, classes, *edits, dropped)


@zfnet.mistake(
    "There is no ReLU between your linear layers. Three of them in a row then compute no more than one would: (xA)B is "
    "x(AB)."
)
def no_relu_between_the_linear_layers(right, images, seed, classes=1000, *edits):
    return right(images, seed, classes, *edits, ("relu", (5, 6), lambda call, x, *more, **options: x))


@zfnet.mistake("There is no dropout in your net. It stands at both hidden layers of 4096, with p = 0.5.")
def no_dropout(right, images, seed, classes=1000, *edits):
    return right(images, seed, classes, *edits, ("dropout", None, lambda call, x, *more, **options: x))


@zfnet.mistake(
    "Your net ends in a softmax. A model returns scores: cross entropy takes the logarithm of the softmax itself, and "
    "a second softmax before it makes all gradients small."
)
def softmax_at_the_end(right, images, seed, classes=1000, *edits):
    return right(images, seed, classes, *edits, ("linear", 2, lambda call, *given: call(*given).softmax(-1)))


# Table 1: channels of 3 × 3 convolutions, "c" of a 1 × 1 one before it, "n" for the response norm, "|" for a pooling.
TABLE = {
    "A": "64 | 128 | 256 256 | 512 512 | 512 512 |",
    "A-LRN": "64 n | 128 | 256 256 | 512 512 | 512 512 |",
    "B": "64 64 | 128 128 | 256 256 | 512 512 | 512 512 |",
    "C": "64 64 | 128 128 | 256 256 c256 | 512 512 c512 | 512 512 c512 |",
    "D": "64 64 | 128 128 | 256 256 256 | 512 512 512 | 512 512 512 |",
    "E": "64 64 | 128 128 | 256 256 256 256 | 512 512 512 512 | 512 512 512 512 |",
}
PARAMETERS = {
    "A": 132_863_336,
    "A-LRN": 132_863_336,
    "B": 133_047_848,
    "C": 133_638_952,
    "D": 138_357_544,
    "E": 143_667_240,
}


def _vgg(configuration: str, classes: int = 1000) -> torch.nn.Module:
    """Simonyan, Zisserman 2015, table 1."""
    layers: list[torch.nn.Module] = []
    width = 3
    for word in TABLE[configuration].split():
        if word == "|":
            layers.append(torch.nn.MaxPool2d(2))
        elif word == "n":
            layers.append(_response_norm())
        else:
            kernel, channels = (1, int(word[1:])) if word[0] == "c" else (3, int(word))
            layers += _conv(width, channels, kernel, padding=kernel // 2)
            width = channels
    return torch.nn.Sequential(*layers, *_head(512 * 7 * 7, classes))


def _sizes(configuration: str) -> dict[str, str]:
    """By hand: convolutions keep 224, 112, 56, 28 and 14."""
    blocks = TABLE[configuration].replace("n", "").replace("c", "").split("|")[:5]
    sides = 224, 112, 56, 28, 14
    maps = [f"{n} × {side} × {side}" for block, side in zip(blocks, sides, strict=True) for n in block.split()]
    return _layers(*maps, "4096", "4096", "1000")


@_deep(
    _vgg,
    "(configuration, classes=1000)",
    examples=[
        Example(case(f"configuration {name}", (1, 3, 224, 224), None, name), (PARAMETERS[name], _sizes(name)))
        for name in TABLE
    ],
)
def vgg(images, seed, configuration, classes=1000, *edits):
    return _seen(_vgg, (configuration, classes), images, seed, edits)


@vgg.cases
def _(draw: Draw) -> Iterator[Case]:
    for name in ("A-LRN", "C", draw.choice(["A", "B", "D", "E"])):
        yield case(f"scores of {name}", (1, 3, 224, 224), draw.int(0, 10**6), name, classes=draw.int(5, 15))


@vgg.mistake(
    "There is a batch norm in your net. VGG is older than that; nets called vgg16_bn have it, the paper's have not."
)
def batch_norm(right, images, seed, configuration, classes=1000, *edits):
    from torch import nn

    counts = {"A": (1, 1, 2, 2, 2), "A-LRN": (1, 1, 2, 2, 2), "B": (2, 2, 2, 2, 2), "E": (2, 2, 4, 4, 4)}
    blocks = zip(counts.get(configuration, (2, 2, 3, 3, 3)), (64, 128, 256, 512, 512), strict=True)
    norms = [nn.BatchNorm2d(width) for count, width in blocks for _ in range(count)]

    def normed(norm):
        return lambda call, *given, **options: norm(call(*given, **options))

    added = [("conv", i, normed(norm), norm) for i, norm in enumerate(norms)]
    return right(images, seed, configuration, classes, *edits, *added)


@vgg.mistake(
    "Your configuration C is configuration D: all its kernels are 3 × 3. In C the last convolution of the third, "
    "fourth and fifth block is 1 × 1."
)
def c_like_d(right, images, seed, configuration, classes=1000, *edits):
    return right(images, seed, "D" if configuration == "C" else configuration, classes, *edits)


@vgg.mistake(
    "The 1 × 1 convolutions of your configuration C are padded. A 1 × 1 kernel keeps the size without; with padding 1 "
    "the maps grow by 2, and their new edge is nothing but bias."
)
def one_by_one_padded(right, images, seed, configuration, classes=1000, *edits):
    def widened(net):
        from torch import nn

        (first,) = (m for m in net.modules() if isinstance(m, nn.Linear) and m.in_features == 25088)
        first.weight = nn.Parameter(first.weight.detach().new_empty(4096, 512 * 8 * 8))

    def padded(call, x, w, b, stride, padding, *more):
        return call(x, w, b, stride, 1, *more)

    if configuration != "C":
        return right(images, seed, configuration, classes, *edits)
    return right(images, seed, configuration, classes, *edits, ("net", widened), ("conv", (6, 9, 12), padded))


@vgg.mistake(
    "Your A-LRN has no local response normalization. It follows the ReLU of the first convolution; that is all in "
    "which it differs from A."
)
def no_response_norm(right, images, seed, configuration, classes=1000, *edits):
    dropped = ("response_norm", None, lambda call, x, *more, **options: x)
    return right(images, seed, configuration, classes, *edits, dropped)


@vgg.mistake(
    "The response normalization of your A-LRN comes after the pooling. In table 1 it stands before it, behind the "
    "first convolution and its ReLU."
)
def response_norm_after_pooling(right, images, seed, configuration, classes=1000, *edits):
    from torch.nn.functional import local_response_norm

    def late(call, *given, **options):
        out = call(*given, **options)
        return local_response_norm(out, 5, 5e-4, 0.75, 2.0) if configuration == "A-LRN" else out

    moved = (("response_norm", None, lambda call, x, *more, **options: x), ("max_pool", 0, late))
    return right(images, seed, configuration, classes, *edits, *moved)


@vgg.mistake(
    "The response normalization of your A-LRN comes before the ReLU, so that what ReLU would cut off weakens its "
    "neighbours. It comes behind the ReLU."
)
def response_norm_before_relu(right, images, seed, configuration, classes=1000, *edits):
    from torch.nn.functional import local_response_norm

    def early(call, x, *more, **options):
        x = local_response_norm(x, 5, 5e-4, 0.75, 2.0) if configuration == "A-LRN" else x
        return call(x, *more, **options)

    moved = (("response_norm", None, lambda call, x, *more, **options: x), ("relu", 0, early))
    return right(images, seed, configuration, classes, *edits, *moved)


@vgg.mistake(
    "The response normalization of your A-LRN has alpha 1e-4 divided by 5: nn.LocalResponseNorm takes a mean over the "
    "window, where the paper takes a sum. Give it 5 times the paper's alpha."
)
def alpha_divided_by_the_window(right, images, seed, configuration, classes=1000, *edits):
    def divided(call, x, *more, **options):
        return call(x, 5, 1e-4, 0.75, 2.0)

    return right(images, seed, configuration, classes, *edits, ("response_norm", None, divided))


@vgg.mistake(
    "The response normalization of your A-LRN has the library's constants. Its k is 1, and its alpha is divided by the "
    "window; AlexNet's, which VGG took over, are k = 2 and alpha = 1e-4 times the sum."
)
def response_norm_of_the_library(right, images, seed, configuration, classes=1000, *edits):
    def plain(call, x, *more, **options):
        return call(x, 5)

    return right(images, seed, configuration, classes, *edits, ("response_norm", None, plain))


@vgg.mistake(
    "Only the last convolution of each block has a ReLU. One follows every convolution: without it, two 3 × 3 in a row "
    "are one 5 × 5 of fewer freedoms."
)
def no_relu_inside_the_blocks(right, images, seed, configuration, classes=1000, *edits):
    counts = {"A": (1, 1, 2, 2, 2), "A-LRN": (1, 1, 2, 2, 2), "B": (2, 2, 2, 2, 2), "E": (2, 2, 4, 4, 4)}
    blocks = counts.get(configuration, (2, 2, 3, 3, 3))
    ends = [sum(blocks[: i + 1]) for i in range(5)]
    inside = [i for i in range(ends[-1]) if i + 1 not in ends]
    return right(images, seed, configuration, classes, *edits, ("relu", inside, lambda call, x, *more, **options: x))


@vgg.mistake(
    "There is no ReLU between your linear layers. Three of them in a row then compute no more than one would: (xA)B is "
    "x(AB)."
)
def no_relu_between_the_linear_layers(right, images, seed, configuration, classes=1000, *edits):
    last = {"A": 8, "A-LRN": 8, "B": 10, "E": 16}.get(configuration, 13)
    dropped = ("relu", (last, last + 1), lambda call, x, *more, **options: x)
    return right(images, seed, configuration, classes, *edits, dropped)


@vgg.mistake("Your pooling takes means. VGG takes the largest of four values.")
def average_pooling(right, images, seed, configuration, classes=1000, *edits):
    def mean(call, x, *more, **options):
        return x.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))

    return right(images, seed, configuration, classes, *edits, ("max_pool", None, mean))


@vgg.mistake(
    "Your pooling windows are 3 × 3 and overlap, as AlexNet's do. VGG's are 2 × 2 with stride 2, without padding."
)
def pooling_with_overlap(right, images, seed, configuration, classes=1000, *edits):
    def overlapping(call, x, *more, **options):
        return call(x, 3, 2, 1)

    return right(images, seed, configuration, classes, *edits, ("max_pool", None, overlapping))


@vgg.mistake(
    "Your last block has 1,024 channels. The width doubles from 64 to 512 and stays there: the fourth and the fifth "
    "block have 512 both."
)
def last_block_doubled(right, images, seed, configuration, classes=1000, *edits):
    def doubled(net):
        from torch import nn

        count = {"E": 4, "C": 3, "D": 3}.get(configuration, 2)
        last = [m for m in net.modules() if isinstance(m, nn.Conv2d)][-count:]
        (first,) = (m for m in net.modules() if isinstance(m, nn.Linear) and m.in_features == 25088)
        for i, layer in enumerate(last):
            shape = layer.weight.shape[2:]
            layer.weight = nn.Parameter(layer.weight.detach().new_empty(1024, 1024 if i else 512, *shape))
            layer.bias = nn.Parameter(layer.bias.detach().new_empty(1024))
        first.weight = nn.Parameter(first.weight.detach().new_empty(4096, 1024 * 7 * 7))

    return right(images, seed, configuration, classes, *edits, ("net", doubled))


@vgg.mistake("There is no dropout in your net. It stands at both hidden layers of 4096, with p = 0.5.")
def no_dropout(right, images, seed, configuration, classes=1000, *edits):
    dropped = ("dropout", None, lambda call, x, *more, **options: x)
    return right(images, seed, configuration, classes, *edits, dropped)


@vgg.mistake(
    "Your net ends in a softmax. A model returns scores: cross entropy takes the logarithm of the softmax itself, and "
    "a second softmax before it makes all gradients small."
)
def softmax_at_the_end(right, images, seed, configuration, classes=1000, *edits):
    squashed = ("linear", 2, lambda call, *given: call(*given).softmax(-1))
    return right(images, seed, configuration, classes, *edits, squashed)


# The size of first weights


@exercise(
    LESSON,
    examples=[example(0.25, 8, 2), example(1 / 3, 2, 3)],  # √(2 / 32), √(2 / 18)
    forbidden=(*READY_MADE, "torch.nn.init"),
    requires=lambda in_channels, kernel: in_channels >= 1 and kernel >= 1,
)
def kaiming_std(in_channels, kernel):
    """He, Zhang, Ren, Sun 2015, "Delving Deep into Rectifiers", equation 10."""
    return torch.nn.init.calculate_gain("relu") / math.sqrt(in_channels * kernel * kernel)


@kaiming_std.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("a kernel of one", draw.int(3, 40), 1)
    yield case("one channel", 1, draw.int(3, 9))
    for _ in draw.repeats(4):
        yield case("any layer", draw.size(2, 300), draw.choice([3, 5, 7, 11]))


@kaiming_std.mistake(
    "This is the variance, 2 / fan-in. The spread of the weights is its root: the number that normal_(0, std) takes."
)
def root_missing(right, in_channels, kernel):
    return right(in_channels, kernel) ** 2


@kaiming_std.mistake(
    "The 2 is missing. ReLU sets half of the numbers to zero and halves the mean square; twice the variance makes up "
    "for it. 1 / fan-in suits a layer without ReLU."
)
def two_missing(right, in_channels, kernel):
    return right(in_channels, kernel) / math.sqrt(2)


@kaiming_std.mistake(
    "Your fan-in has the kernel once. A window holds kernel · kernel numbers of each channel, and all of them are "
    "summed."
)
def kernel_not_squared(right, in_channels, kernel):
    return right(in_channels, kernel) * math.sqrt(kernel)


@kaiming_std.mistake("Your fan-in leaves the kernel out. One output sums in_channels · kernel · kernel products.")
def kernel_left_out(right, in_channels, kernel):
    return right(in_channels, kernel) * kernel


@kaiming_std.mistake(
    "Your fan-in leaves the channels out. A filter goes through all channels of its input, and sums over them."
)
def channels_left_out(right, in_channels, kernel):
    return right(in_channels, kernel) * math.sqrt(in_channels)


@kaiming_std.mistake(
    "√(6 / fan-in) is the limit of uniform weights, between −limit and limit. Their standard deviation, which is asked "
    "for here, is the limit divided by √3."
)
def limit_of_uniform_weights(right, in_channels, kernel):
    return right(in_channels, kernel) * math.sqrt(3)


@kaiming_std.mistake("The 2 stands outside the root in your formula: 2 / √fan-in is √2 times too large.")
def two_outside_the_root(right, in_channels, kernel):
    return right(in_channels, kernel) * math.sqrt(2)


remember(AlexNet, zfnet, vgg)
