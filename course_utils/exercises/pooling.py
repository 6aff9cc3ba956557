"""Lesson 04: downsampling by maximum and by average, forward and backward, as a matrix, and what a shift does to it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from course_utils.comparison import same
from course_utils.contract import Case, Draw, Example, case, example, exercise
from course_utils.passes import forward_pass, pooling_backward_pass

LESSON = "04_pooling"


def _output_shape(shape, size, stride):
    """(N, C, H, W) → (N, C, H', W'): only whole windows count."""
    stride_h, stride_w = np.broadcast_to(stride, 2)
    batch, channels, height, width = shape
    return batch, channels, int((height - size) // stride_h) + 1, int((width - size) // stride_w) + 1


def _fits(x, size, stride):
    return x.ndim == 4 and 1 <= size <= min(x.shape[2:]) and min(np.broadcast_to(stride, 2)) >= 1


def _fits_both(x, dout, size, stride):
    return _fits(x, size, stride) and dout.shape == _output_shape(x.shape, size, stride)


def _cut(x, dout, size, stride):
    """The same case with as much of ``dout`` as a smaller input has windows."""
    if not _fits(x, size, stride):
        return x, dout, size, stride
    return x, dout[tuple(map(slice, _output_shape(x.shape, size, stride)))], size, stride


def _geometries(draw: Draw):
    """Category, shape of x, size and stride: all that a pooling layer can meet."""
    yield "square image", (2, 3, 4, 4), 2, 2
    yield "image taller than wide", (1, 2, 6, 5), 2, 2
    yield "image taller than wide", (2, 1, draw.size(5, 7), 3), 2, 1
    yield "image wider than tall", (2, 1, 4, 6), 2, 2
    yield "image wider than tall", (1, 2, 3, draw.size(5, 7)), 3, 1
    yield "overlapping windows", (1, 1, 2, 3), 2, 1
    yield "overlapping windows", (1, 2, 5, 5), 3, 1
    yield "overlapping windows", (2, 2, 7, 7), 3, 2
    yield "gaps between windows (stride larger than size)", (1, 2, 5, 8), 2, 3
    yield "gaps between windows (stride larger than size)", (2, 1, 6, 6), 1, 4
    yield "stride that does not fit", (1, 2, 5, 5), 2, 2
    yield "stride that does not fit", (2, 1, 8, 7), 3, 3
    yield "stride is a pair", (1, 1, 4, 5), 2, (2, 1)
    yield "stride is a pair", (1, 2, 5, 7), 2, (1, 2)
    yield "stride is a pair", (2, 1, 7, 7), 3, (3, 2)
    yield "window of one pixel", (2, 2, 3, 4), 1, 1
    yield "window of one pixel", (1, 2, 5, 4), 1, (2, 3)
    yield "window as large as the image", (2, 3, 3, 3), 3, 1
    yield "one channel", (3, 1, 4, 4), 2, 2
    yield "batch of one", (1, 3, 4, 4), 2, 2


def _random_geometry(draw: Draw):
    size = draw.int(1, 3)
    stride = draw.choice([1, 2, 3, (1, 2), (2, 1), (2, 3), (3, 2)])
    return (draw.int(1, 3), draw.int(1, 3), draw.size(3, 7), draw.size(3, 7)), size, stride


def _images(draw: Draw):
    """Category, x, size and stride."""
    for category, shape, size, stride in _geometries(draw):
        yield category, draw.array(*shape), size, stride
    yield "equal numbers in a window (ties)", draw.integers(2, 2, 4, 4, low=0, high=1), 2, 2
    yield "equal numbers in a window (ties)", draw.integers(1, 2, 5, 6, low=-1, high=1), 3, 2
    yield "integers with ties", draw.integers(2, 2, 5, 4, low=0, high=2).astype(int), 2, (1, 2)
    yield "constant image", np.full((1, 1, 2, 2), 3.0), 2, 2
    yield "constant image", np.full((1, 2, 4, 5), -2.0), 2, 1
    yield "negative numbers only", -np.abs(draw.array(1, 2, 5, 5)), 2, 2
    yield "negative numbers only", -1e6 - np.abs(draw.array(1, 2, 4, 5)), 2, 1
    yield "single precision (float32)", draw.array(2, 2, 5, 6).astype(np.float32), 2, (2, 1)
    for _ in draw.repeats(4):
        shape, size, stride = _random_geometry(draw)
        yield "random", draw.array(*shape), size, stride
    yield "random", draw.array(2, 2, draw.size(4, 6), 5), 2, (1, 2)
    yield "random", draw.array(1, 2, 6, draw.size(5, 7)), 3, 2


def _forward_cases(draw: Draw) -> Iterator[Case]:
    for category, x, size, stride in _images(draw):
        yield case(category, x, size, stride)


def _backward_cases(draw: Draw) -> Iterator[Case]:
    for category, x, size, stride in _images(draw):
        dout = draw.array(*_output_shape(x.shape, size, stride))
        yield case(category, x, dout.astype(np.result_type(x, np.float32)), size, stride)


def _pool(kind, x, size, stride):
    import torch

    pool = {"max": torch.nn.functional.max_pool2d, "average": torch.nn.functional.avg_pool2d}[kind]
    return pool(x, size, tuple(int(s) for s in np.broadcast_to(stride, 2)))


def _tensor(array):
    import torch

    return torch.from_numpy(np.ascontiguousarray(array, dtype=float))


def _gradient(kind, x, dout, size, stride):
    import torch

    image = _tensor(x).requires_grad_()
    score = (_pool(kind, image, size, stride) * _tensor(dout)).sum()  # a number: torch starts faster than with a tensor
    return torch.autograd.grad(score, image)[0].numpy()


def _unaffected(gradients):
    """The answer's gradient; it must stay the same after a forward pass of another image."""
    first, second = gradients
    if not same(first, second):
        raise RuntimeError(
            "called again with the same dout and cache, after a forward pass of another image, it answers differently: "
            "all that it needs must be in the cache, and a call must leave nothing behind"
        )
    return second


_FORWARD_WRAPPING = """
right = {name}

{{mistake}}

def {name}(x, size, stride):
    return mistaken(x, size, stride)
"""

_BACKWARD_WRAPPING = """
right_backward = {name}_backward

def right(x, dout, size, stride):
    return right_backward(dout, {name}_forward(x, size, stride)[1])

{{mistake}}

def {name}_backward(dout, cache):
    x, size, stride = cache
    return mistaken(x, dout, size, stride)
"""


def _pair_example(out, x, size, stride):
    return Example(case("worked example", np.array(x, float), size, stride), (np.array(out, float), None))


_NUMBERS = [[[[1, 3, 2, 1], [4, 2, 1, 5], [0, 1, 3, 3], [1, 6, 0, 1]]]]  # the 4 × 4 example of the lesson


@exercise(
    LESSON,
    parts=("out",),
    shown="out, cache = maxpool2d_forward(x, size, stride)",
    wrapping=_FORWARD_WRAPPING.format(name="maxpool2d_forward"),
    requires=_fits,
    examples=[
        _pair_example([[[[4, 5], [6, 3]]]], _NUMBERS, 2, 2),
        _pair_example([[[[4, 5], [6, 6]]]], [[[[1, 3, 5], [4, 2, 0], [1, 6, 2]]]], 2, 1),
    ],
)
def maxpool2d_forward(x, size, stride):
    return _pool("max", _tensor(x), size, stride).numpy(), None


maxpool2d_forward.protocol(forward_pass, beside=True)
maxpool2d_forward.cases(_forward_cases)


@maxpool2d_forward.mistake(
    "The number of output columns comes from the height of the image, so it is right for square images only. Rows go "
    "with H, columns with W."
)
def width_computed_from_the_height(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    rows, columns = (x.shape[2] - size) // stride_h + 1, (x.shape[2] - size) // stride_w + 1
    out = np.zeros((*x.shape[:2], rows, columns))
    for i, j in np.ndindex(rows, columns):
        top, left = i * stride_h, j * stride_w
        out[:, :, i, j] = x[:, :, top : top + size, left : left + size].max(axis=(2, 3))
    return out, right(x, size, stride)[1]


@maxpool2d_forward.mistake(
    "The two strides have changed places: of a pair (height, width), the first moves the window down, the second "
    "moves it to the right."
)
def strides_exchanged(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    return right(x, size, (stride_w, stride_h))


@maxpool2d_forward.mistake(
    "You take the first number of the pair for both directions. The second number is how far the window moves to the "
    "right."
)
def first_stride_for_both_axes(right, x, size, stride):
    stride_h, _ = np.broadcast_to(stride, 2)
    return right(x, size, (stride_h, stride_h))


@maxpool2d_forward.mistake(
    "Your windows move by one pixel, whatever the stride is: there are too many of them. From one window to the next "
    "it is stride pixels."
)
def stride_ignored(right, x, size, stride):
    return right(x, size, 1)


@maxpool2d_forward.mistake(
    "The output has the right shape, but window (i, j) begins at pixel (i, j). It is the stride that says how far "
    "apart two windows begin."
)
def windows_begin_one_pixel_apart(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    rows, columns = (x.shape[2] - size) // stride_h + 1, (x.shape[3] - size) // stride_w + 1
    out, cache = right(x, size, 1)
    return out[:, :, :rows, :columns], cache


@maxpool2d_forward.mistake(
    "Your windows lie side by side, as if the stride were the size. The stride is an argument of its own: with a "
    "smaller one windows overlap, with a larger one there are gaps."
)
def stride_taken_for_the_size(right, x, size, stride):
    return right(x, size, size)


@maxpool2d_forward.mistake(
    "Your windows are as large as the stride. The stride says how far a window moves, the size how much it sees."
)
def window_as_large_as_the_stride(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    out, cache = right(x, size, stride)
    out = np.array(out)
    for i, j in np.ndindex(*out.shape[2:]):
        window = x[:, :, i * stride_h : (i + 1) * stride_h, j * stride_w : (j + 1) * stride_w]
        out[:, :, i, j] = window.max(axis=(2, 3))
    return out, cache


@maxpool2d_forward.mistake(
    "Your windows are one pixel too small, to the right and below: in Python, a slice a : b ends before b."
)
def windows_one_pixel_too_small(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    out, cache = right(x, size, stride)
    out = np.array(out)
    for i, j in np.ndindex(*out.shape[2:]):
        top, left = i * stride_h, j * stride_w
        out[:, :, i, j] = x[:, :, top : top + size - 1, left : left + size - 1].max(axis=(2, 3))
    return out, cache


@maxpool2d_forward.mistake(
    "Your windows are one pixel too large, to the right and below: in Python, a slice a : b has b − a pixels."
)
def windows_one_pixel_too_large(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    out, cache = right(x, size, stride)
    out = np.array(out)
    for i, j in np.ndindex(*out.shape[2:]):
        top, left = i * stride_h, j * stride_w
        out[:, :, i, j] = x[:, :, top : top + size + 1, left : left + size + 1].max(axis=(2, 3))
    return out, cache


@maxpool2d_forward.mistake(
    "You divide the length of the image by the stride, without taking the size off first. The last window must begin "
    "where a whole window is still left."
)
def size_not_taken_off(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    rows, columns = x.shape[2] // stride_h, x.shape[3] // stride_w
    out = np.zeros((*x.shape[:2], rows, columns))
    for i, j in np.ndindex(rows, columns):
        top, left = i * stride_h, j * stride_w
        out[:, :, i, j] = x[:, :, top : top + size, left : left + size].max(axis=(2, 3))
    return out, right(x, size, stride)[1]


@maxpool2d_forward.mistake(
    "In a window of negative numbers the maximum is negative too. Yours never falls below zero: a zero that the "
    "search began with, or that was padded, has won."
)
def maximum_begins_at_zero(right, x, size, stride):
    out, cache = right(x, size, stride)
    return np.maximum(out, 0), cache


@maxpool2d_forward.mistake(
    "You round the number of windows up, so the last row or column of windows hangs over the edge of the image. Only "
    "whole windows count: the number is rounded down."
)
def number_of_windows_rounded_up(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    rows = math.ceil((x.shape[2] - size) / stride_h) + 1
    columns = math.ceil((x.shape[3] - size) / stride_w) + 1
    out = np.zeros((*x.shape[:2], rows, columns))
    for i, j in np.ndindex(rows, columns):
        top, left = i * stride_h, j * stride_w
        out[:, :, i, j] = x[:, :, top : top + size, left : left + size].max(axis=(2, 3))
    return out, right(x, size, stride)[1]


@maxpool2d_forward.mistake(
    "The last row and the last column of windows are missing. A window fits at place 0 too: that is where the + 1 in "
    "the formula comes from."
)
def last_windows_missing(right, x, size, stride):
    out, cache = right(x, size, stride)
    return out[:, :, :-1, :-1], cache


@maxpool2d_forward.mistake(
    "You take the mean of each window. Max pooling keeps its largest number and drops the others."
)
def mean_in_place_of_maximum(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    out, cache = right(x, size, stride)
    out = np.array(out, dtype=float)
    for i, j in np.ndindex(*out.shape[2:]):
        top, left = i * stride_h, j * stride_w
        out[:, :, i, j] = x[:, :, top : top + size, left : left + size].mean(axis=(2, 3))
    return out, cache


@maxpool2d_forward.mistake(
    "All channels have the same output: your maximum runs over the channels as well. Pooling treats every channel by "
    "itself; the axes of a window are the rows and the columns."
)
def maximum_over_the_channels_too(right, x, size, stride):
    out, cache = right(x, size, stride)
    return np.zeros(np.shape(out)) + np.max(out, axis=1, keepdims=True), cache


@maxpool2d_forward.mistake(
    "All images and all channels have the same output: a maximum without axes runs over everything that your slice "
    "holds. Only the rows and columns of a window go away; batch and channels stay."
)
def maximum_over_the_batch_too(right, x, size, stride):
    out, cache = right(x, size, stride)
    return np.zeros(np.shape(out)) + np.max(out, axis=(0, 1), keepdims=True), cache


@maxpool2d_forward.mistake(
    "Rows and columns of the output have changed places: window row i belongs into output row i."
)
def output_transposed(right, x, size, stride):
    out, cache = right(x, size, stride)
    return np.swapaxes(out, 2, 3), cache


@maxpool2d_forward.mistake(
    "Your number of windows divides before it subtracts: `H - size // stride` is `H - (size // stride)` in Python. The "
    "size comes off first, then the rest is divided: brackets are needed."
)
def division_before_the_difference(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    rows, columns = x.shape[2] - size // stride_h + 1, x.shape[3] - size // stride_w + 1
    out = np.zeros((*x.shape[:2], rows, columns))
    for i, j in np.ndindex(rows, columns):
        top, left = i * stride_h, j * stride_w
        out[:, :, i, j] = x[:, :, top : top + size, left : left + size].max(axis=(2, 3))
    return out, right(x, size, stride)[1]


@maxpool2d_forward.mistake(
    "size and stride have changed places: the second argument is the side of the window, the third says how far it "
    "moves."
)
def size_and_stride_exchanged(right, x, size, stride):
    if not isinstance(stride, int):
        raise Exception("a window with a pair for its side")
    rows, columns = (x.shape[2] - stride) // size + 1, (x.shape[3] - stride) // size + 1
    out = np.zeros((*x.shape[:2], rows, columns))
    for i, j in np.ndindex(rows, columns):
        window = x[:, :, i * size : i * size + stride, j * size : j * size + stride]
        out[:, :, i, j] = window.max(axis=(2, 3))
    return out, right(x, size, stride)[1]


@maxpool2d_forward.mistake(
    "A reshape cuts the image into blocks that lie side by side. That is max pooling only where the stride is the size "
    "and the size divides both sides of the image. Windows may also overlap, leave gaps, or not fit."
)
def blocks_by_reshape(right, x, size, stride):
    batch, channels, height, width = x.shape
    blocks = x.reshape(batch, channels, height // size, size, width // size, size)
    return blocks.max(axis=(3, 5)), right(x, size, stride)[1]


@exercise(
    LESSON,
    companions=("maxpool2d_forward",),
    answer_signature="(dout, cache)",
    shown="dx = maxpool2d_backward(dout, maxpool2d_forward(x, size, stride)[1])",
    wrapping=_BACKWARD_WRAPPING.format(name="maxpool2d"),
    requires=_fits_both,
    aligned=_cut,
    examples=[
        example([[[[0, 0, 0, 0], [1, 0, 0, 2], [0, 0, 4, 0], [0, 3, 0, 0]]]], _NUMBERS, [[[[1, 2], [3, 4]]]], 2, 2),
        example([[[[0, 5, 0], [0, 0, 0]]]], [[[[1, 7, 2], [3, 0, 4]]]], [[[[2, 3]]]], 2, 1),
    ],
)
def maxpool2d_backward(x, dout, size, stride):
    return _gradient("max", x, dout, size, stride)


maxpool2d_backward.protocol(pooling_backward_pass, beside=True, outcome=_unaffected)
maxpool2d_backward.cases(_backward_cases)


@maxpool2d_backward.mistake(
    "A pixel that wins in several windows keeps the gradient of the last one only. It takes part in the result once "
    "for each window that it wins, and those gradients add up."
)
def gradients_of_a_pixel_overwritten(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * stride_h, j * stride_w
        row, column = divmod(int(x[n, c, top : top + size, left : left + size].argmax()), size)
        dx[n, c, top + row, left + column] = dout[n, c, i, j]
    return dx


@maxpool2d_backward.mistake(
    "Two things go wrong. Each window wipes out what its neighbours wrote where they overlap: gradients must add up. "
    "And where several pixels of a window are equal, all of them get the gradient, not only the first."
)
def windows_overwritten_with_a_mask(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * stride_h, j * stride_w
        window = x[n, c, top : top + size, left : left + size]
        dx[n, c, top : top + size, left : left + size] = (window == window.max()) * dout[n, c, i, j]
    return dx


@maxpool2d_backward.mistake(
    "Where several pixels of a window are equal, each of them gets the whole gradient: together they get more than "
    "came in. Only the first of them, row by row, gets it."
)
def gradient_to_every_equal_maximum(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * stride_h, j * stride_w
        window = x[n, c, top : top + size, left : left + size]
        dx[n, c, top : top + size, left : left + size] += (window == window.max()) * dout[n, c, i, j]
    return dx


@maxpool2d_backward.mistake(
    "Where several pixels of a window are equal, you share the gradient among them. That is a possible rule, but not "
    "ours (nor PyTorch's): the first of them, row by row, gets all of it."
)
def gradient_shared_among_equal_maxima(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * stride_h, j * stride_w
        window = x[n, c, top : top + size, left : left + size]
        mask = window == window.max()
        dx[n, c, top : top + size, left : left + size] += mask / mask.sum() * dout[n, c, i, j]
    return dx


@maxpool2d_backward.mistake(
    "Where several pixels of a window are equal, the last of them gets the gradient. It belongs to the first, row by "
    "row: a later pixel must be larger to win, not just as large."
)
def gradient_to_the_last_maximum(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * stride_h, j * stride_w
        window = x[n, c, top : top + size, left : left + size]
        row, column = divmod(size * size - 1 - int(window[::-1, ::-1].argmax()), size)
        dx[n, c, top + row, left + column] += dout[n, c, i, j]
    return dx


@maxpool2d_backward.mistake(
    "Where several pixels of a window are equal, you take the first of them column by column. The order is row by "
    "row: the upper one first, and of one row the left one."
)
def first_maximum_column_by_column(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * stride_h, j * stride_w
        window = x[n, c, top : top + size, left : left + size]
        column, row = divmod(int(window.T.argmax()), size)
        dx[n, c, top + row, left + column] += dout[n, c, i, j]
    return dx


@maxpool2d_backward.mistake(
    "Your windows begin one pixel apart, as if the stride were 1. A window must lie where it lay in the forward pass: "
    "the stride decides where it begins."
)
def stride_ignored_on_the_way_back(right, x, dout, size, stride):
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        row, column = divmod(int(x[n, c, i : i + size, j : j + size].argmax()), size)
        dx[n, c, i + row, j + column] += dout[n, c, i, j]
    return dx


@maxpool2d_backward.mistake(
    "Your windows lie side by side, as if the stride were the size. A window must lie where it lay in the forward "
    "pass: the stride decides where it begins."
)
def stride_taken_for_the_size_on_the_way_back(right, x, dout, size, stride):
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * size, j * size
        window = x[n, c, top : top + size, left : left + size]
        row, column = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, top + row, left + column] += dout[n, c, i, j]
    return dx


@maxpool2d_backward.mistake(
    "The two strides have changed places: of a pair (height, width), the first goes with the rows of dout, the second "
    "with its columns."
)
def strides_exchanged_on_the_way_back(right, x, dout, size, stride):
    stride_w, stride_h = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * stride_h, j * stride_w
        window = x[n, c, top : top + size, left : left + size]
        row, column = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, top + row, left + column] += dout[n, c, i, j]
    return dx


@maxpool2d_backward.mistake(
    "You take the first number of the pair for both directions. The second number is how far the window moves to the "
    "right."
)
def first_stride_for_both_axes_on_the_way_back(right, x, dout, size, stride):
    stride_h, _ = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * stride_h, j * stride_h
        window = x[n, c, top : top + size, left : left + size]
        row, column = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, top + row, left + column] += dout[n, c, i, j]
    return dx


@maxpool2d_backward.mistake(
    "All gradients of an image go to its one largest pixel. Every window has a winner of its own: look for the "
    "maximum in the window, not in the whole image."
)
def one_winner_for_the_whole_image(right, x, dout, size, stride):
    dx = np.zeros(x.shape)
    for n, c in np.ndindex(*x.shape[:2]):
        row, column = np.unravel_index(x[n, c].argmax(), x.shape[2:])
        dx[n, c, row, column] = dout[n, c].sum()
    return dx


@maxpool2d_backward.mistake(
    "Most windows pass nothing on: you compare their pixels with the largest of the whole image. The maximum that "
    "counts is that of the window."
)
def compared_with_the_maximum_of_the_image(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * stride_h, j * stride_w
        window = x[n, c, top : top + size, left : left + size]
        dx[n, c, top : top + size, left : left + size] += (window == x[n, c].max()) * dout[n, c, i, j]
    return dx


@maxpool2d_backward.mistake(
    "You look for one winner over all channels, and the other channels win nothing. In the forward pass every channel "
    "had its own maximum, so it has its own winner here."
)
def one_winner_for_all_channels(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for n, i, j in np.ndindex(len(dout), *dout.shape[2:]):
        top, left = i * stride_h, j * stride_w
        window = x[n, :, top : top + size, left : left + size]
        c, row, column = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, top + row, left + column] += dout[n, c, i, j]
    return dx


@maxpool2d_backward.mistake(
    "You look for one winner over all images and channels: a maximum without axes runs over everything that your "
    "slice holds. Every image and every channel has a winner of its own."
)
def one_winner_for_the_whole_batch(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(*dout.shape[2:]):
        top, left = i * stride_h, j * stride_w
        window = x[:, :, top : top + size, left : left + size]
        dx[:, :, top : top + size, left : left + size] += (window == window.max()) * dout[:, :, i, j, None, None]
    return dx


@maxpool2d_backward.mistake(
    "The winner's place is counted from the corner of its window. In dx it is counted from the corner of the image, "
    "so the place where the window begins must be added."
)
def window_corner_not_added(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * stride_h, j * stride_w
        row, column = divmod(int(x[n, c, top : top + size, left : left + size].argmax()), size)
        dx[n, c, row, column] += dout[n, c, i, j]
    return dx


@maxpool2d_backward.mistake(
    "The winner's number is counted in its window, row by row, and you use it as a pixel's number in the image. Turn "
    "it into a row and a column of the window first, then add where the window begins."
)
def number_in_the_window_used_in_the_image(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * stride_h, j * stride_w
        dx[n, c].flat[x[n, c, top : top + size, left : left + size].argmax()] += dout[n, c, i, j]
    return dx


@maxpool2d_backward.mistake(
    "Row and column of the winner have changed places. A place k in a window that is read row by row lies in row k "
    "divided by the width, and the remainder is the column."
)
def row_and_column_of_the_winner_exchanged(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * stride_h, j * stride_w
        column, row = divmod(int(x[n, c, top : top + size, left : left + size].argmax()), size)
        dx[n, c, top + row, left + column] += dout[n, c, i, j]
    return dx


@maxpool2d_backward.mistake(
    "Each window gives its gradient to all of its pixels. Only the winner was passed on, so a small change of another "
    "pixel changes nothing: its gradient is zero."
)
def gradient_to_the_whole_window(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(*dout.shape[2:]):
        top, left = i * stride_h, j * stride_w
        dx[:, :, top : top + size, left : left + size] += dout[:, :, i, j, None, None]
    return dx


@maxpool2d_backward.mistake(
    "You spread each gradient evenly over its window: that is average pooling on the way back. Here all of it goes to "
    "the pixel that won."
)
def gradient_spread_evenly(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(*dout.shape[2:]):
        top, left = i * stride_h, j * stride_w
        dx[:, :, top : top + size, left : left + size] += dout[:, :, i, j, None, None] / size**2
    return dx


@maxpool2d_backward.mistake(
    "The gradient is multiplied by the pixel's value. The maximum passes its winner on as it is, so its slope there "
    "is 1."
)
def gradient_times_the_pixel(right, x, dout, size, stride):
    return x * right(x, dout, size, stride)


@maxpool2d_backward.mistake(
    "You mark the winners with ones. What arrives at a winner is the gradient of its window: the number in dout that "
    "belongs to it."
)
def upstream_gradient_ignored(right, x, dout, size, stride):
    return right(x, np.ones(dout.shape), size, stride)


@maxpool2d_backward.mistake(
    "dx ends where the last window ends. It must have the shape of x: pixels that no window sees have gradient zero."
)
def left_over_rows_cut_off(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    rows, columns = (dout.shape[2] - 1) * stride_h + size, (dout.shape[3] - 1) * stride_w + size
    return right(x, dout, size, stride)[:, :, :rows, :columns]


@maxpool2d_backward.mistake(
    "For an image of integers your gradient holds integers only, and what follows the point is lost. An array made "
    "like x takes over its type; a gradient needs floats."
)
def gradient_of_integers(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * stride_h, j * stride_w
        row, column = divmod(int(x[n, c, top : top + size, left : left + size].argmax()), size)
        dx[n, c, top + row, left + column] += dout[n, c, i, j]
    return dx


@maxpool2d_backward.mistake(
    "You look for the maximum's value in the whole image and give the gradient to every pixel that has it. Only the "
    "pixels of the window count, and of these the first."
)
def value_looked_for_in_the_whole_image(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * stride_h, j * stride_w
        dx[n, c] += (x[n, c] == x[n, c, top : top + size, left : left + size].max()) * dout[n, c, i, j]
    return dx


@exercise(
    LESSON,
    parts=("out",),
    shown="out, cache = avgpool2d_forward(x, size, stride)",
    wrapping=_FORWARD_WRAPPING.format(name="avgpool2d_forward"),
    requires=_fits,
    examples=[
        _pair_example([[[[2.5, 2.25], [2, 1.75]]]], _NUMBERS, 2, 2),
        _pair_example([[[[2.5, 2.5], [3.25, 2.5]]]], [[[[1, 3, 5], [4, 2, 0], [1, 6, 2]]]], 2, 1),
    ],
)
def avgpool2d_forward(x, size, stride):
    return _pool("average", _tensor(x), size, stride).numpy(), None


avgpool2d_forward.protocol(forward_pass, beside=True)
avgpool2d_forward.cases(_forward_cases)


@avgpool2d_forward.mistake(
    "You add the numbers of each window up. An average is their sum divided by how many they are."
)
def sum_not_divided(right, x, size, stride):
    out, cache = right(x, size, stride)
    return out * size**2, cache


@avgpool2d_forward.mistake("You divide by the size of the window's side. A window of size × size has size² numbers.")
def divided_by_the_side(right, x, size, stride):
    out, cache = right(x, size, stride)
    return out * size, cache


@avgpool2d_forward.mistake(
    "You divide by the stride in place of the size. How many numbers a window holds does not depend on how far it "
    "moves."
)
def divided_by_the_stride(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    out, cache = right(x, size, stride)
    return out * size**2 / (stride_h * stride_w), cache


@avgpool2d_forward.mistake(
    "The number of output columns comes from the height of the image, so it is right for square images only. Rows go "
    "with H, columns with W."
)
def columns_counted_from_the_height(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    rows, columns = (x.shape[2] - size) // stride_h + 1, (x.shape[2] - size) // stride_w + 1
    out = np.zeros((*x.shape[:2], rows, columns))
    for i, j in np.ndindex(rows, columns):
        top, left = i * stride_h, j * stride_w
        out[:, :, i, j] = x[:, :, top : top + size, left : left + size].mean(axis=(2, 3))
    return out, right(x, size, stride)[1]


@avgpool2d_forward.mistake(
    "The two strides have changed places: of a pair (height, width), the first moves the window down, the second "
    "moves it to the right."
)
def pair_of_strides_exchanged(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    return right(x, size, (stride_w, stride_h))


@avgpool2d_forward.mistake(
    "You take the first number of the pair for both directions. The second number is how far the window moves to the "
    "right."
)
def one_stride_for_both_axes(right, x, size, stride):
    stride_h, _ = np.broadcast_to(stride, 2)
    return right(x, size, (stride_h, stride_h))


@avgpool2d_forward.mistake(
    "Your windows move by one pixel, whatever the stride is: there are too many of them. From one window to the next "
    "it is stride pixels."
)
def windows_at_every_pixel(right, x, size, stride):
    return right(x, size, 1)


@avgpool2d_forward.mistake(
    "The output has the right shape, but window (i, j) begins at pixel (i, j). It is the stride that says how far "
    "apart two windows begin."
)
def windows_one_pixel_apart(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    rows, columns = (x.shape[2] - size) // stride_h + 1, (x.shape[3] - size) // stride_w + 1
    out, cache = right(x, size, 1)
    return out[:, :, :rows, :columns], cache


@avgpool2d_forward.mistake(
    "Your windows lie side by side, as if the stride were the size. The stride is an argument of its own: with a "
    "smaller one windows overlap, with a larger one there are gaps."
)
def windows_side_by_side(right, x, size, stride):
    return right(x, size, size)


@avgpool2d_forward.mistake(
    "Your windows are as large as the stride. The stride says how far a window moves, the size how much it sees."
)
def average_over_one_stride(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    out, cache = right(x, size, stride)
    out = np.array(out, dtype=float)
    for i, j in np.ndindex(*out.shape[2:]):
        window = x[:, :, i * stride_h : (i + 1) * stride_h, j * stride_w : (j + 1) * stride_w]
        out[:, :, i, j] = window.mean(axis=(2, 3))
    return out, cache


@avgpool2d_forward.mistake(
    "You round the number of windows up and average what is left of those that hang over the edge. Only whole windows "
    "count: the number is rounded down."
)
def windows_cut_at_the_edge(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    rows = math.ceil((x.shape[2] - size) / stride_h) + 1
    columns = math.ceil((x.shape[3] - size) / stride_w) + 1
    out = np.zeros((*x.shape[:2], rows, columns))
    for i, j in np.ndindex(rows, columns):
        top, left = i * stride_h, j * stride_w
        out[:, :, i, j] = x[:, :, top : top + size, left : left + size].mean(axis=(2, 3))
    return out, right(x, size, stride)[1]


@avgpool2d_forward.mistake(
    "You round the number of windows up, and zeros beyond the edge count in the average. Only whole windows count: "
    "the number is rounded down."
)
def windows_filled_with_zeros(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    rows = math.ceil((x.shape[2] - size) / stride_h)
    columns = math.ceil((x.shape[3] - size) / stride_w)
    larger = np.zeros((*x.shape[:2], rows * stride_h + size, columns * stride_w + size))
    height, width = min(x.shape[2], larger.shape[2]), min(x.shape[3], larger.shape[3])
    larger[:, :, :height, :width] = x[:, :, :height, :width]
    return right(larger, size, stride)


@avgpool2d_forward.mistake("You keep the largest number of each window: that is max pooling. Here every number counts.")
def maximum_in_place_of_mean(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    out, cache = right(x, size, stride)
    out = np.array(out, dtype=float)
    for i, j in np.ndindex(*out.shape[2:]):
        top, left = i * stride_h, j * stride_w
        out[:, :, i, j] = x[:, :, top : top + size, left : left + size].max(axis=(2, 3))
    return out, cache


@avgpool2d_forward.mistake(
    "All channels have the same output: your mean runs over the channels as well. Pooling treats every channel by "
    "itself; the axes of a window are the rows and the columns."
)
def mean_over_the_channels_too(right, x, size, stride):
    out, cache = right(x, size, stride)
    return np.zeros(np.shape(out)) + np.mean(out, axis=1, keepdims=True), cache


@avgpool2d_forward.mistake(
    "All images and all channels have the same output: a mean without axes runs over everything that your slice "
    "holds. Only the rows and columns of a window go away; batch and channels stay."
)
def mean_over_the_batch_too(right, x, size, stride):
    out, cache = right(x, size, stride)
    return np.zeros(np.shape(out)) + np.mean(out, axis=(0, 1), keepdims=True), cache


@avgpool2d_forward.mistake(
    "Rows and columns of the output have changed places: window row i belongs into output row i."
)
def rows_and_columns_of_the_output_exchanged(right, x, size, stride):
    out, cache = right(x, size, stride)
    return np.swapaxes(out, 2, 3), cache


@avgpool2d_forward.mistake(
    "The last row and the last column of windows are missing. A window fits at place 0 too: that is where the + 1 in "
    "the formula comes from."
)
def last_row_and_column_of_windows_missing(right, x, size, stride):
    out, cache = right(x, size, stride)
    return out[:, :, :-1, :-1], cache


@avgpool2d_forward.mistake(
    "Your averages are rounded down to whole numbers. // drops what follows the point, / keeps it."
)
def averages_rounded_down(right, x, size, stride):
    out, cache = right(x, size, stride)
    return np.floor(np.round(out, 9)), cache


@avgpool2d_forward.mistake(
    "For an image of integers your averages are integers too, and what follows the point is lost. An array made like "
    "x, or with its type, takes integers only; averages need floats."
)
def averages_of_integers_cut(right, x, size, stride):
    out, cache = right(x, size, stride)
    return np.trunc(out) if x.dtype.kind in "iu" else out, cache


@avgpool2d_forward.mistake(
    "You divide by the size of your slice, which holds the windows of all images and all channels. Each average is "
    "over one window, of size² numbers."
)
def divided_by_batch_and_channels_too(right, x, size, stride):
    out, cache = right(x, size, stride)
    return out / (x.shape[0] * x.shape[1]), cache


@avgpool2d_forward.mistake(
    "Your number of windows divides before it subtracts: `H - size // stride` is `H - (size // stride)` in Python. The "
    "size comes off first, then the rest is divided: brackets are needed."
)
def divided_before_the_difference(right, x, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    rows, columns = x.shape[2] - size // stride_h + 1, x.shape[3] - size // stride_w + 1
    out = np.zeros((*x.shape[:2], rows, columns))
    for i, j in np.ndindex(rows, columns):
        top, left = i * stride_h, j * stride_w
        out[:, :, i, j] = x[:, :, top : top + size, left : left + size].mean(axis=(2, 3))
    return out, right(x, size, stride)[1]


@avgpool2d_forward.mistake(
    "size and stride have changed places: the second argument is the side of the window, the third says how far it "
    "moves."
)
def side_and_stride_exchanged(right, x, size, stride):
    if not isinstance(stride, int):
        raise Exception("a window with a pair for its side")
    rows, columns = (x.shape[2] - stride) // size + 1, (x.shape[3] - stride) // size + 1
    out = np.zeros((*x.shape[:2], rows, columns))
    for i, j in np.ndindex(rows, columns):
        window = x[:, :, i * size : i * size + stride, j * size : j * size + stride]
        out[:, :, i, j] = window.mean(axis=(2, 3))
    return out, right(x, size, stride)[1]


@avgpool2d_forward.mistake(
    "A reshape cuts the image into blocks that lie side by side. That is average pooling only where the stride is the "
    "size and the size divides both sides of the image. Windows may also overlap, leave gaps, or not fit."
)
def averages_of_blocks_by_reshape(right, x, size, stride):
    batch, channels, height, width = x.shape
    blocks = x.reshape(batch, channels, height // size, size, width // size, size)
    return blocks.mean(axis=(3, 5)), right(x, size, stride)[1]


@exercise(
    LESSON,
    companions=("avgpool2d_forward",),
    answer_signature="(dout, cache)",
    shown="dx = avgpool2d_backward(dout, avgpool2d_forward(x, size, stride)[1])",
    wrapping=_BACKWARD_WRAPPING.format(name="avgpool2d"),
    requires=_fits_both,
    aligned=_cut,
    examples=[
        example([[[[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]]], _NUMBERS, [[[[4, 8], [12, 16]]]], 2, 2),
        example([[[[1, 3, 2], [1, 3, 2]]]], [[[[1, 7, 2], [3, 0, 4]]]], [[[[4, 8]]]], 2, 1),
    ],
)
def avgpool2d_backward(x, dout, size, stride):
    return _gradient("average", x, dout, size, stride)


avgpool2d_backward.protocol(pooling_backward_pass, beside=True, outcome=_unaffected)
avgpool2d_backward.cases(_backward_cases)


@avgpool2d_backward.mistake(
    "Where windows overlap, the later one wipes out what the earlier one wrote. A pixel gets a share from every "
    "window that sees it, and the shares add up."
)
def shares_overwritten(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(*dout.shape[2:]):
        top, left = i * stride_h, j * stride_w
        dx[:, :, top : top + size, left : left + size] = dout[:, :, i, j, None, None] / size**2
    return dx


@avgpool2d_backward.mistake(
    "Every pixel of a window gets the whole gradient. In the average each counts 1/size² only, and so it does on the "
    "way back."
)
def gradient_not_divided(right, x, dout, size, stride):
    return size**2 * right(x, dout, size, stride)


@avgpool2d_backward.mistake(
    "You divide by the side of the window. A window of size × size has size² pixels to share with."
)
def gradient_divided_by_the_side(right, x, dout, size, stride):
    return size * right(x, dout, size, stride)


@avgpool2d_backward.mistake(
    "You divide by the stride in place of the size. What each pixel counts in an average depends on the size of the "
    "window."
)
def gradient_divided_by_the_stride(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    return size**2 / (stride_h * stride_w) * right(x, dout, size, stride)


@avgpool2d_backward.mistake(
    "Where windows overlap you take the mean of the shares. They add up: the pixel takes part in each of those "
    "averages."
)
def overlaps_averaged(right, x, dout, size, stride):
    shares = right(np.ones(x.shape), np.full(dout.shape, float(size**2)), size, stride)  # windows that see the pixel
    return right(x, dout, size, stride) / np.maximum(np.round(shares), 1)


@avgpool2d_backward.mistake(
    "Your windows begin one pixel apart, as if the stride were 1. A window must lie where it lay in the forward pass: "
    "the stride decides where it begins."
)
def shares_one_pixel_apart(right, x, dout, size, stride):
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(*dout.shape[2:]):
        dx[:, :, i : i + size, j : j + size] += dout[:, :, i, j, None, None] / size**2
    return dx


@avgpool2d_backward.mistake(
    "Your windows lie side by side, as if the stride were the size. A window must lie where it lay in the forward "
    "pass: the stride decides where it begins."
)
def shares_side_by_side(right, x, dout, size, stride):
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(*dout.shape[2:]):
        top, left = i * size, j * size
        dx[:, :, top : top + size, left : left + size] += dout[:, :, i, j, None, None] / size**2
    return dx


@avgpool2d_backward.mistake(
    "The two strides have changed places: of a pair (height, width), the first goes with the rows of dout, the second "
    "with its columns."
)
def strides_exchanged_for_the_shares(right, x, dout, size, stride):
    stride_w, stride_h = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(*dout.shape[2:]):
        top, left = i * stride_h, j * stride_w
        dx[:, :, top : top + size, left : left + size] += dout[:, :, i, j, None, None] / size**2
    return dx


@avgpool2d_backward.mistake(
    "You take the first number of the pair for both directions. The second number is how far the window moves to the "
    "right."
)
def first_stride_for_all_shares(right, x, dout, size, stride):
    stride_h, _ = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(*dout.shape[2:]):
        top, left = i * stride_h, j * stride_h
        dx[:, :, top : top + size, left : left + size] += dout[:, :, i, j, None, None] / size**2
    return dx


@avgpool2d_backward.mistake(
    "Only one pixel of each window, its upper left one, gets a gradient. All pixels took part in the average."
)
def gradient_to_the_corner_only(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(*dout.shape[2:]):
        dx[:, :, i * stride_h, j * stride_w] += dout[:, :, i, j]
    return dx


@avgpool2d_backward.mistake(
    "The gradient goes to the largest pixel of each window: that is max pooling on the way back. In an average all "
    "pixels count the same."
)
def gradient_to_the_largest_pixel(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * stride_h, j * stride_w
        row, column = divmod(int(x[n, c, top : top + size, left : left + size].argmax()), size)
        dx[n, c, top + row, left + column] += dout[n, c, i, j]
    return dx


@avgpool2d_backward.mistake(
    "The share is multiplied by the pixel's value. An average is linear: its slope in a pixel is 1/size², whatever "
    "the pixel holds."
)
def share_times_the_pixel(right, x, dout, size, stride):
    return x * right(x, dout, size, stride)


@avgpool2d_backward.mistake(
    "You give the slope of the average alone. The chain rule multiplies it by what arrives from above: the number in "
    "dout that belongs to the window."
)
def gradient_from_above_ignored(right, x, dout, size, stride):
    return right(x, np.ones(dout.shape), size, stride)


@avgpool2d_backward.mistake(
    "dx ends where the last window ends. It must have the shape of x: pixels that no window sees have gradient zero."
)
def rows_left_over_cut_off(right, x, dout, size, stride):
    stride_h, stride_w = np.broadcast_to(stride, 2)
    rows, columns = (dout.shape[2] - 1) * stride_h + size, (dout.shape[3] - 1) * stride_w + size
    return right(x, dout, size, stride)[:, :, :rows, :columns]


@avgpool2d_backward.mistake(
    "Your gradient holds integers only, and what follows the point is lost. An array made like x, or like dout, takes "
    "over its type; a gradient needs floats."
)
def gradient_cut_to_integers(right, x, dout, size, stride):
    dx = right(x, dout, size, stride)
    return np.trunc(dx) if x.dtype.kind in "iu" else dx


@avgpool2d_backward.mistake(
    "You repeat each gradient over a block of size × size pixels and lay the blocks side by side. That has the shape "
    "of x only where the stride is the size and no row or column is left over."
)
def shares_repeated_over_blocks(right, x, dout, size, stride):
    return np.repeat(np.repeat(dout, size, axis=2), size, axis=3) / size**2


@exercise(
    LESSON,
    examples=[example([[4, 2]], [[[[1, 3], [4, 8]], [[0, 0], [2, 6]]]]), example([[5], [-1]], [[[[5]]], [[[-1]]]])],
    requires=lambda x: x.ndim == 4,
)
def global_avgpool_forward(x):
    import torch

    return torch.nn.functional.adaptive_avg_pool2d(_tensor(x), 1).flatten(1).numpy()


@global_avgpool_forward.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("square image", draw.array(2, 3, 4, 4))
    yield case("image taller than wide", draw.array(2, 3, draw.size(4, 6), 2))
    yield case("image wider than tall", draw.array(3, 2, 2, draw.size(4, 6)))
    yield case("one channel", draw.array(3, 1, 3, 4))
    yield case("batch of one", draw.array(1, 3, 3, 2))
    yield case("one pixel", draw.array(2, 3, 1, 1))
    yield case("one row", draw.array(2, 2, 1, 5))
    yield case("constant image", np.full((2, 2, 3, 3), -1.5))
    yield case("negative numbers only", -np.abs(draw.array(2, 2, 3, 4)))
    yield case("single precision (float32)", draw.array(2, 3, 4, 5).astype(np.float32))
    for _ in draw.repeats(4):
        yield case("random", draw.array(draw.int(2, 4), draw.int(2, 4), draw.size(2, 6), draw.size(2, 6)))


@global_avgpool_forward.mistake(
    "You average over the channels as well, which leaves one number an image. A channel is a feature: each keeps its "
    "own mean."
)
def mean_over_channels_too(right, x):
    return x.mean(axis=(1, 2, 3))


@global_avgpool_forward.mistake(
    "You average over the batch in place of the image. Examples have nothing to do with one another: rows and columns "
    "go, batch and channels stay."
)
def mean_over_the_batch(right, x):
    return x.mean(axis=0)


@global_avgpool_forward.mistake(
    "You average over the batch as well, which leaves one number a channel. Each image keeps its own means: only rows "
    "and columns go."
)
def one_mean_for_all_images(right, x):
    return x.mean(axis=(0, 2, 3))


@global_avgpool_forward.mistake(
    "You add the pixels up. The mean divides by their number, H · W, so that a larger image does not give larger "
    "numbers."
)
def sum_in_place_of_mean(right, x):
    return right(x) * x.shape[2] * x.shape[3]


@global_avgpool_forward.mistake("You divide by H², which is right for square images only. An image has H · W pixels.")
def divided_by_height_squared(right, x):
    return right(x) * x.shape[3] / x.shape[2]


@global_avgpool_forward.mistake(
    "You divide by the length of one side only. An image has H · W pixels; both sides count."
)
def divided_by_one_side(right, x):
    return right(x) * x.shape[2]


@global_avgpool_forward.mistake(
    "The numbers are right, but the two averaged axes are still there with length 1. The result is a matrix (N, C)."
)
def axes_of_length_one_kept(right, x):
    return x.mean(axis=(2, 3), keepdims=True)


@global_avgpool_forward.mistake(
    "You averaged axes 1 and 2, which are right where the channels stand last. Here the order is N, C, H, W: rows and "
    "columns are the last two axes."
)
def axes_of_channels_last(right, x):
    return x.mean(axis=(1, 2))


@global_avgpool_forward.mistake(
    "You averaged over one axis only. A channel of an image has rows and columns, and both go."
)
def one_axis_only(right, x):
    return x.mean(axis=-1)


@global_avgpool_forward.mistake("You took the largest number of each channel. What is asked for is the mean of all.")
def global_maximum(right, x):
    return x.max(axis=(2, 3))


@global_avgpool_forward.mistake(
    "Batch and channels have changed places: a row of the result belongs to an image, a column to a channel."
)
def batch_and_channels_exchanged(right, x):
    return np.transpose(right(x))


@global_avgpool_forward.mistake(
    "You divide by the number of all values in the batch. Each mean is that of one channel of one image, which has "
    "H · W pixels."
)
def divided_by_batch_and_channels(right, x):
    return right(x) / (x.shape[0] * x.shape[1])


def _windows_fit(image, size):
    return image.ndim == 2 and 1 <= size <= min(image.shape)


@exercise(
    LESSON,
    requires=_windows_fit,
    examples=[
        example([[0, 0, 0, 0, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0, 0]], [[1, 2, 5, 5], [4, 0, 5, 1]], 2),
        example([[0, 1, 0, 0, 0, 0]], [[1, 3, 9], [2, 0, 9]], 2),
    ],
)
def maxpool_matrix(image, size):
    import torch

    _, winners = torch.nn.functional.max_pool2d(_tensor(image)[None, None], size, return_indices=True)
    return torch.nn.functional.one_hot(winners.flatten(), image.size).double().numpy()


@maxpool_matrix.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("square image", draw.array(4, 4), 2)
    yield case("image taller than wide", draw.array(draw.size(6, 7), 4), 2)
    yield case("image wider than tall", draw.array(4, draw.size(6, 7)), 2)
    yield case("size that does not fit", draw.array(5, 7), 2)
    yield case("size that does not fit", draw.array(7, 5), 3)
    yield case("window of one pixel", draw.array(2, 3), 1)
    yield case("window as large as the image", draw.array(3, 3), 3)
    yield case("one row of windows", draw.array(2, 6), 2)
    yield case("equal numbers in a window (ties)", draw.integers(4, 6, low=0, high=1), 2)
    yield case("equal numbers in a window (ties)", draw.integers(6, 6, low=0, high=1), 3)
    yield case("integers with ties", draw.integers(5, 4, low=0, high=2).astype(int), 2)
    yield case("constant image", np.full((2, 4), 3.0), 2)
    yield case("negative numbers only", -np.abs(draw.array(4, 4)), 2)
    yield case("single precision (float32)", draw.array(5, 4).astype(np.float32), 2)
    for _ in draw.repeats(4):
        yield case("random", draw.array(draw.size(3, 6), draw.size(3, 6)), draw.int(1, 3))


@maxpool_matrix.mistake(
    "Pixels and outputs are numbered column by column. Here vec(·) reads row by row, as NumPy lays arrays out: the "
    "right neighbour of a pixel comes next."
)
def numbered_column_by_column(right, image, size):
    height, width = image.shape[0] // size, image.shape[1] // size
    blocks = np.reshape(right(image, size), (height, width, *image.shape))
    return blocks.transpose(1, 0, 3, 2).reshape(height * width, image.size)


@maxpool_matrix.mistake(
    "The pixels are numbered column by column: your columns belong to other pixels. vec(image) reads the image row by "
    "row."
)
def pixels_numbered_column_by_column(right, image, size):
    blocks = np.reshape(right(image, size), (-1, *image.shape))
    return blocks.transpose(0, 2, 1).reshape(len(blocks), image.size)


@maxpool_matrix.mistake(
    "The number of a pixel is computed with the height in place of the width. To come to the next row you pass a "
    "whole row, which has as many pixels as the image is wide."
)
def height_in_place_of_width(right, image, size):
    height, width = image.shape
    A = np.zeros((height // size * (width // size), image.size))
    for k, (i, j) in enumerate(np.ndindex(height // size, width // size)):
        row, column = divmod(int(image[i * size : (i + 1) * size, j * size : (j + 1) * size].argmax()), size)
        A[k, (i * size + row) * height + j * size + column] = 1
    return A


@maxpool_matrix.mistake(
    "Your matrix is transposed. It multiplies a vector of all pixels and gives a vector of all outputs: it has a row "
    "for each output and a column for each pixel."
)
def transposed(right, image, size):
    return np.transpose(right(image, size))


@maxpool_matrix.mistake(
    "Where several pixels of a window are equal you average over them. The product with vec(image) is right all the "
    "same, but Aᵀ then shares the gradient out. Each row has a single 1, at the first maximum."
)
def ties_averaged(right, image, size):
    height, width = image.shape[0] // size, image.shape[1] // size
    A = np.zeros((height, width, *image.shape))
    for i, j in np.ndindex(height, width):
        window = image[i * size : (i + 1) * size, j * size : (j + 1) * size]
        mask = window == window.max()
        A[i, j, i * size : (i + 1) * size, j * size : (j + 1) * size] = mask / mask.sum()
    return A.reshape(height * width, image.size)


@maxpool_matrix.mistake(
    "Where several pixels of a window are equal, your row has a 1 at each of them, and the product adds them up. One "
    "pixel wins: the first, row by row."
)
def a_one_for_every_equal_maximum(right, image, size):
    height, width = image.shape[0] // size, image.shape[1] // size
    A = np.zeros((height, width, *image.shape))
    for i, j in np.ndindex(height, width):
        window = image[i * size : (i + 1) * size, j * size : (j + 1) * size]
        A[i, j, i * size : (i + 1) * size, j * size : (j + 1) * size] = window == window.max()
    return A.reshape(height * width, image.size)


@maxpool_matrix.mistake(
    "Where several pixels of a window are equal, your 1 stands at the last of them. The first wins, row by row, as in "
    "the backward pass."
)
def last_maximum_wins(right, image, size):
    height, width = image.shape[0] // size, image.shape[1] // size
    A = np.zeros((height, width, *image.shape))
    for i, j in np.ndindex(height, width):
        window = image[i * size : (i + 1) * size, j * size : (j + 1) * size]
        row, column = divmod(size * size - 1 - int(window[::-1, ::-1].argmax()), size)
        A[i, j, i * size + row, j * size + column] = 1
    return A.reshape(height * width, image.size)


@maxpool_matrix.mistake(
    "The matrix holds the pixels' values. Multiplied by the image once more they would be squared: the matrix only "
    "chooses, with ones and zeros."
)
def values_in_place_of_ones(right, image, size):
    return right(image, size) * np.ravel(image)


@maxpool_matrix.mistake(
    "This is the matrix of average pooling: every pixel of a window has the same weight. Here the first maximum of "
    "the window has weight 1 and the others 0."
)
def matrix_of_the_average(right, image, size):
    height, width = image.shape[0] // size, image.shape[1] // size
    A = np.zeros((height, width, *image.shape))
    for i, j in np.ndindex(height, width):
        A[i, j, i * size : (i + 1) * size, j * size : (j + 1) * size] = 1 / size**2
    return A.reshape(height * width, image.size)


@maxpool_matrix.mistake(
    "Your matrix has a row for each window at every pixel, as if the stride were 1. Here windows lie side by side: "
    "the stride is the size."
)
def matrix_of_overlapping_windows(right, image, size):
    height, width = image.shape[0] - size + 1, image.shape[1] - size + 1
    A = np.zeros((height, width, *image.shape))
    for i, j in np.ndindex(height, width):
        row, column = divmod(int(image[i : i + size, j : j + size].argmax()), size)
        A[i, j, i + row, j + column] = 1
    return A.reshape(height * width, image.size)


@maxpool_matrix.mistake(
    "You count the windows that hang over the edge, too. Only whole windows have a row: rows and columns of the image "
    "that are left over belong to none."
)
def windows_over_the_edge_counted(right, image, size):
    height, width = math.ceil(image.shape[0] / size), math.ceil(image.shape[1] / size)
    A = np.zeros((height, width, *image.shape))
    for i, j in np.ndindex(height, width):
        window = image[i * size : (i + 1) * size, j * size : (j + 1) * size]
        row, column = np.unravel_index(window.argmax(), window.shape)
        A[i, j, i * size + row, j * size + column] = 1
    return A.reshape(height * width, image.size)


@maxpool_matrix.mistake(
    "Each 1 stands at the winner's place in its window. A column of the matrix is a pixel of the whole image: the "
    "corner of the window must be added."
)
def place_in_the_window_only(right, image, size):
    height, width = image.shape[0] // size, image.shape[1] // size
    A = np.zeros((height, width, *image.shape))
    for i, j in np.ndindex(height, width):
        row, column = divmod(int(image[i * size : (i + 1) * size, j * size : (j + 1) * size].argmax()), size)
        A[i, j, row, column] = 1
    return A.reshape(height * width, image.size)


@maxpool_matrix.mistake(
    "Your windows begin one pixel apart. They lie side by side: window (i, j) begins i times the size down and j "
    "times the size to the right."
)
def corners_one_pixel_apart(right, image, size):
    height, width = image.shape[0] // size, image.shape[1] // size
    A = np.zeros((height, width, *image.shape))
    for i, j in np.ndindex(height, width):
        row, column = divmod(int(image[i : i + size, j : j + size].argmax()), size)
        A[i, j, i + row, j + column] = 1
    return A.reshape(height * width, image.size)


@maxpool_matrix.mistake(
    "Row and column of the winner have changed places. A place k in a window that is read row by row lies in row k "
    "divided by the width, and the remainder is the column."
)
def row_and_column_in_the_window_exchanged(right, image, size):
    height, width = image.shape[0] // size, image.shape[1] // size
    A = np.zeros((height, width, *image.shape))
    for i, j in np.ndindex(height, width):
        column, row = divmod(int(image[i * size : (i + 1) * size, j * size : (j + 1) * size].argmax()), size)
        A[i, j, i * size + row, j * size + column] = 1
    return A.reshape(height * width, image.size)


@maxpool_matrix.mistake(
    "The matrix has no columns for the pixels that are left over. It multiplies the vector of the whole image: a "
    "pixel that no window sees has a column of zeros."
)
def no_columns_for_the_pixels_left_over(right, image, size):
    height, width = image.shape[0] // size * size, image.shape[1] // size * size
    blocks = np.reshape(right(image, size), (-1, *image.shape))
    return blocks[:, :height, :width].reshape(len(blocks), height * width)


@maxpool_matrix.mistake(
    "The numbers are right, but outputs and pixels still have two axes each. A is a matrix: (number of outputs, "
    "number of pixels)."
)
def axes_not_joined(right, image, size):
    return np.reshape(right(image, size), (image.shape[0] // size, image.shape[1] // size, *image.shape))


@maxpool_matrix.mistake(
    "argmax gives the winner's number in its window, and you use it as a pixel's number in the image. Turn it into a "
    "row and a column of the window first, then add where the window begins."
)
def number_in_the_window_as_the_pixel(right, image, size):
    height, width = image.shape[0] // size, image.shape[1] // size
    A = np.zeros((height * width, image.size))
    for k, (i, j) in enumerate(np.ndindex(height, width)):
        A[k, image[i * size : (i + 1) * size, j * size : (j + 1) * size].argmax()] = 1
    return A


@maxpool_matrix.mistake(
    "You look for the maximum's value in the whole image and take the first pixel that has it. It may lie outside the "
    "window: look in the window only."
)
def first_equal_pixel_of_the_image(right, image, size):
    height, width = image.shape[0] // size, image.shape[1] // size
    A = np.zeros((height * width, image.size))
    for k, (i, j) in enumerate(np.ndindex(height, width)):
        largest = image[i * size : (i + 1) * size, j * size : (j + 1) * size].max()
        A[k, np.argmax(image.ravel() == largest)] = 1
    return A


@maxpool_matrix.mistake(
    "The number of an output is computed with the number of rows in place of the columns. A row of windows has as many "
    "windows as fit side by side: that is what you pass to come to the next one."
)
def outputs_numbered_by_the_height(right, image, size):
    A = np.array(right(image, size))
    height, width = image.shape[0] // size, image.shape[1] // size
    numbered = np.zeros(A.shape)
    for k, (i, j) in enumerate(np.ndindex(height, width)):
        numbered[i * height + j] += A[k]
    return numbered


@exercise(
    LESSON,
    requires=lambda shape, size: len(shape) == 2 and 1 <= size <= min(shape),
    examples=[
        example([[0.25, 0.25, 0, 0, 0.25, 0.25, 0, 0], [0, 0, 0.25, 0.25, 0, 0, 0.25, 0.25]], (2, 4), 2),
        example([[0.25, 0.25, 0, 0.25, 0.25, 0]], (2, 3), 2),
    ],
)
def avgpool_matrix(shape, size):
    import torch

    height, width = (int(length) for length in shape)
    pixels = torch.eye(height * width, dtype=torch.float64).reshape(-1, 1, height, width)  # an image for each pixel
    return np.ascontiguousarray(torch.nn.functional.avg_pool2d(pixels, size).flatten(1).numpy().T)


@avgpool_matrix.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("square image", (4, 4), 2)
    yield case("image taller than wide", (draw.size(6, 7), 4), 2)
    yield case("image wider than tall", (4, draw.size(6, 7)), 2)
    yield case("size that does not fit", (5, 7), 2)
    yield case("size that does not fit", (7, 5), 3)
    yield case("window of one pixel", (2, 3), 1)
    yield case("window as large as the image", (3, 3), 3)
    yield case("one row of windows", (2, 6), 2)
    yield case("shape in a list", [4, 6], 2)
    for _ in draw.repeats(4):
        yield case("random", (draw.size(3, 6), draw.size(3, 6)), draw.int(1, 3))


@avgpool_matrix.mistake(
    "The weights are 1, so each row adds the pixels of a window up. An average weighs each of its size² pixels with "
    "1/size²."
)
def weights_of_a_sum(right, shape, size):
    return right(shape, size) * size**2


@avgpool_matrix.mistake(
    "The weights are 1/size. A window of size × size has size² pixels, and the weights of a row add up to 1."
)
def weights_of_one_side(right, shape, size):
    return right(shape, size) * size


@avgpool_matrix.mistake(
    "The weights are one over the number of all pixels. An output is the mean of its own window, which has size² "
    "pixels."
)
def weights_of_the_whole_image(right, shape, size):
    return right(shape, size) * size**2 / (shape[0] * shape[1])


@avgpool_matrix.mistake(
    "Pixels and outputs are numbered column by column. Here vec(·) reads row by row, as NumPy lays arrays out: the "
    "right neighbour of a pixel comes next."
)
def outputs_and_pixels_column_by_column(right, shape, size):
    height, width = shape[0] // size, shape[1] // size
    blocks = np.reshape(right(shape, size), (height, width, *shape))
    return blocks.transpose(1, 0, 3, 2).reshape(height * width, -1)


@avgpool_matrix.mistake(
    "The pixels are numbered column by column: your columns belong to other pixels. vec(image) reads the image row by "
    "row."
)
def pixels_column_by_column(right, shape, size):
    blocks = np.reshape(right(shape, size), (-1, *shape))
    return blocks.transpose(0, 2, 1).reshape(len(blocks), -1)


@avgpool_matrix.mistake(
    "The number of a pixel is computed with the height in place of the width. To come to the next row you pass a "
    "whole row, which has as many pixels as the image is wide."
)
def rows_as_long_as_the_height(right, shape, size):
    height, width = shape
    A = np.zeros((height // size * (width // size), height * width))
    for k, (i, j) in enumerate(np.ndindex(height // size, width // size)):
        for row, column in np.ndindex(size, size):
            A[k, (i * size + row) * height + j * size + column] = 1 / size**2
    return A


@avgpool_matrix.mistake(
    "Your matrix is transposed. It multiplies a vector of all pixels and gives a vector of all outputs: it has a row "
    "for each output and a column for each pixel."
)
def outputs_and_pixels_exchanged(right, shape, size):
    return np.transpose(right(shape, size))


@avgpool_matrix.mistake(
    "Each row weighs size² numbers that follow one another in vec(image). The pixels of a window do not: between its "
    "first row and its second lies the rest of an image row."
)
def window_taken_as_a_run_of_pixels(right, shape, size):
    A = np.zeros(np.shape(right(shape, size)))
    for k in range(len(A)):
        A[k, k * size**2 : (k + 1) * size**2] = 1 / size**2
    return A


@avgpool_matrix.mistake(
    "Your matrix has a row for each window at every pixel, as if the stride were 1. Here windows lie side by side: "
    "the stride is the size."
)
def matrix_of_windows_at_every_pixel(right, shape, size):
    height, width = shape[0] - size + 1, shape[1] - size + 1
    A = np.zeros((height, width, *shape))
    for i, j in np.ndindex(height, width):
        A[i, j, i : i + size, j : j + size] = 1 / size**2
    return A.reshape(height * width, -1)


@avgpool_matrix.mistake(
    "Your windows begin one pixel apart. They lie side by side: window (i, j) begins i times the size down and j "
    "times the size to the right."
)
def corners_of_the_windows_one_pixel_apart(right, shape, size):
    height, width = shape[0] // size, shape[1] // size
    A = np.zeros((height, width, *shape))
    for i, j in np.ndindex(height, width):
        A[i, j, i : i + size, j : j + size] = 1 / size**2
    return A.reshape(height * width, -1)


@avgpool_matrix.mistake(
    "The matrix has no columns for the pixels that are left over. It multiplies the vector of the whole image: a "
    "pixel that no window sees has a column of zeros."
)
def columns_for_seen_pixels_only(right, shape, size):
    height, width = shape[0] // size * size, shape[1] // size * size
    blocks = np.reshape(right(shape, size), (-1, *shape))
    return blocks[:, :height, :width].reshape(len(blocks), -1)


@avgpool_matrix.mistake(
    "You count the windows that hang over the edge, too. Only whole windows have a row: rows and columns of the image "
    "that are left over belong to none."
)
def windows_over_the_edge_averaged(right, shape, size):
    height, width = math.ceil(shape[0] / size), math.ceil(shape[1] / size)
    A = np.zeros((height, width, *shape))
    for i, j in np.ndindex(height, width):
        window = A[i, j, i * size : (i + 1) * size, j * size : (j + 1) * size]
        window[...] = 1 / window.size
    return A.reshape(height * width, -1)


@avgpool_matrix.mistake(
    "The numbers are right, but outputs and pixels still have two axes each. A is a matrix: (number of outputs, "
    "number of pixels)."
)
def outputs_and_pixels_not_joined(right, shape, size):
    return np.reshape(right(shape, size), (shape[0] // size, shape[1] // size, *shape))


@avgpool_matrix.mistake(
    "The number of an output is computed with the number of rows in place of the columns. A row of windows has as many "
    "windows as fit side by side: that is what you pass to come to the next one."
)
def averages_numbered_by_the_height(right, shape, size):
    A = np.array(right(shape, size))
    height, width = shape[0] // size, shape[1] // size
    numbered = np.zeros(A.shape)
    for k, (i, j) in enumerate(np.ndindex(height, width)):
        numbered[i * height + j] += A[k]
    return numbered


def unchanged(image):
    """The image itself: what a shift does without any pooling."""
    return image


def maximum_of_pairs(image):
    """Maxima of neighbouring columns 0 and 1, 2 and 3, …: max pooling along the rows, stride 2."""
    width = image.shape[-1] // 2 * 2
    return np.maximum(image[..., 0:width:2], image[..., 1:width:2])


def squares(image):
    """The square of each pixel."""
    return image * image


def row_sums(image):
    """The sum of each row: no shift to the side changes it."""
    return image.sum(axis=-1)


def _has_a_norm(function, image, shifts):
    if image.ndim < 2 or image.shape[-1] < 2 or len(shifts) == 0 or not all(0 <= s <= image.shape[-1] for s in shifts):
        return False
    return bool(np.linalg.norm(function(image)) > 0)


@exercise(
    LESSON,
    requires=_has_a_norm,
    examples=[
        Example(
            case("worked example", maximum_of_pairs, np.array([[0.0, 3.0, 0.0, 4.0]]), [0, 1, 2]),
            np.array([0.0, np.sqrt(2) / 5, np.sqrt(2) / 5]),
        ),
        Example(
            case("worked example", unchanged, np.array([[0.0, 0.0, 3.0], [0.0, 4.0, 0.0]]), [1, 3]),
            np.array([np.sqrt(2), 0.0]),
        ),
    ],
)
def shift_invariance(function, image, shifts):
    import torch

    before = torch.from_numpy(np.ascontiguousarray(function(image), dtype=float))
    rolled = [torch.roll(_tensor(image), int(s), -1).numpy().astype(image.dtype) for s in shifts]
    after = [torch.from_numpy(np.ascontiguousarray(function(r), dtype=float)) for r in rolled]
    return np.array([float(torch.dist(a, before) / torch.dist(before, torch.zeros_like(before))) for a in after])


@shift_invariance.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("no function at all (the image itself)", unchanged, draw.array(3, 5), [1, 2, 3])
    yield case("pairs of columns pooled", maximum_of_pairs, draw.array(4, 6), [1, 2, 3, 4])
    yield case("image taller than wide", maximum_of_pairs, draw.array(draw.size(5, 7), 4), [1, 2])
    yield case("image wider than tall", squares, draw.array(2, draw.size(5, 7)), [1, 3])
    yield case("one row", maximum_of_pairs, draw.array(1, 6), [1, 2, 5])
    yield case("function that no shift changes", row_sums, draw.array(3, 4), [1, 2])
    yield case("images in a batch (N, C, H, W)", maximum_of_pairs, draw.array(2, 3, 3, 4), [1, 2, 3])
    yield case("images in a batch (N, C, H, W)", unchanged, draw.array(2, 2, 2, 5), [1, 4])
    yield case("shift by nothing and by the whole width", unchanged, draw.array(2, 4), [0, 4])
    yield case("a single shift", squares, draw.array(3, 4), [1])
    yield case("shifts in a tuple", unchanged, draw.array(3, 4), (2, 1))
    yield case("shifts in an array", squares, draw.array(2, 5), np.array([3, 1, 2]))
    yield case("large numbers", maximum_of_pairs, 1e5 * draw.array(3, 6), [1, 2])
    yield case("small numbers", squares, 1e-2 * draw.array(3, 6), [1, 2])
    yield case("single precision (float32)", maximum_of_pairs, draw.array(3, 6).astype(np.float32), [1, 2, 3])
    for _ in draw.repeats(4):
        function = draw.choice([unchanged, maximum_of_pairs, squares])
        yield case("random", function, draw.array(draw.int(2, 4), draw.size(4, 8)), [draw.int(1, 2), draw.int(1, 4)])


@shift_invariance.mistake(
    "Your image moves to the left. A shift of s to the right brings the pixel of column 0 to column s."
)
def shifted_to_the_left(right, function, image, shifts):
    return right(function, image, [image.shape[-1] - s for s in shifts])


@shift_invariance.mistake("Your image moves up or down. A shift to the right is one along the last axis, the columns.")
def shifted_along_the_rows_axis(right, function, image, shifts):
    before = function(image)
    after = [function(np.roll(image, s, axis=-2)) for s in shifts]
    return np.array([np.linalg.norm(a - before) / np.linalg.norm(before) for a in after])


@shift_invariance.mistake(
    "You shift along axis 0. In a matrix those are the rows, in a batch the examples; the columns are the last axis."
)
def shifted_along_axis_0(right, function, image, shifts):
    before = function(image)
    after = [function(np.roll(image, s, axis=0)) for s in shifts]
    return np.array([np.linalg.norm(a - before) / np.linalg.norm(before) for a in after])


@shift_invariance.mistake(
    "You shift along axis 1. In a matrix those are the columns, but in a batch (N, C, H, W) they are the channels: "
    "count the axis from the end."
)
def shifted_along_axis_1(right, function, image, shifts):
    before = function(image)
    after = [function(np.roll(image, s, axis=1)) for s in shifts]
    return np.array([np.linalg.norm(a - before) / np.linalg.norm(before) for a in after])


@shift_invariance.mistake(
    "What leaves a row on the right comes back in the next row: np.roll without an axis treats the image as one long "
    "vector. Each row is rolled by itself."
)
def rolled_without_an_axis(right, function, image, shifts):
    before = function(image)
    after = [function(np.roll(image, s)) for s in shifts]
    return np.array([np.linalg.norm(a - before) / np.linalg.norm(before) for a in after])


@shift_invariance.mistake(
    "Your shift fills up with zeros. Here what leaves on the right comes back on the left (np.roll), so that no pixel "
    "is lost and the shift alone is measured."
)
def zeros_shifted_in(right, function, image, shifts):
    before, after = function(image), []
    for s in shifts:
        moved = np.zeros_like(image)
        moved[..., s:] = image[..., : image.shape[-1] - s]
        after.append(function(moved))
    return np.array([np.linalg.norm(a - before) / np.linalg.norm(before) for a in after])


@shift_invariance.mistake(
    "The distance is not compared with anything. Divide it by the norm of f(image), so that a brighter image does not "
    "count as more sensitive."
)
def not_normalized(right, function, image, shifts):
    return right(function, image, shifts) * np.linalg.norm(function(image))


@shift_invariance.mistake("These are squares: of the distance and of the norm. ‖·‖₂ is the root of the sum of squares.")
def squares_in_place_of_norms(right, function, image, shifts):
    return right(function, image, shifts) ** 2


@shift_invariance.mistake(
    "You divide by the norm of f for the shifted image. The yardstick is f(image), the same for every shift."
)
def divided_by_the_norm_of_the_shifted(right, function, image, shifts):
    before = function(image)
    after = [function(np.roll(image, s, axis=-1)) for s in shifts]
    return np.array([np.linalg.norm(a - before) / np.linalg.norm(a) for a in after])


@shift_invariance.mistake(
    "You divide by the norm of the image. The yardstick is what the function makes of it, f(image)."
)
def divided_by_the_norm_of_the_image(right, function, image, shifts):
    return right(function, image, shifts) * np.linalg.norm(function(image)) / np.linalg.norm(image)


@shift_invariance.mistake(
    "You compare two lengths: ‖f(shifted)‖ and ‖f(image)‖. Two vectors can be equally long and point elsewhere: take "
    "the norm of their difference."
)
def difference_of_the_norms(right, function, image, shifts):
    before = np.linalg.norm(function(image))
    after = [np.linalg.norm(function(np.roll(image, s, axis=-1))) for s in shifts]
    return np.array([abs(a - before) / before for a in after])


@shift_invariance.mistake(
    "For a matrix, np.linalg.norm(m, 2) is its largest singular value (and it refuses more axes). ‖·‖₂ here is that "
    "of the vector of all numbers: leave the 2 out, or flatten first."
)
def spectral_norm(right, function, image, shifts):
    before = function(image)
    after = [function(np.roll(image, s, axis=-1)) for s in shifts]
    return np.array([np.linalg.norm(a - before, 2) / np.linalg.norm(before, 2) for a in after])


@shift_invariance.mistake("You add up absolute values: that is ‖·‖₁. ‖·‖₂ is the root of the sum of squares.")
def sums_of_absolute_values(right, function, image, shifts):
    before = function(image)
    after = [function(np.roll(image, s, axis=-1)) for s in shifts]
    return np.array([np.abs(a - before).sum() / np.abs(before).sum() for a in after])


@shift_invariance.mistake(
    "You shift the output of the function. The question is what the function makes of a shifted input: shift first, "
    "then apply it."
)
def output_shifted(right, function, image, shifts):
    before = function(image)
    after = [np.roll(before, s, axis=-1) for s in shifts]
    return np.array([np.linalg.norm(a - before) / np.linalg.norm(before) for a in after])


@shift_invariance.mistake("You compare the images themselves. Apply the function to both, and compare what it gives.")
def function_not_applied(right, function, image, shifts):
    return np.array([np.linalg.norm(np.roll(image, s, axis=-1) - image) / np.linalg.norm(image) for s in shifts])


@shift_invariance.mistake(
    "You average over the shifts. Each shift has its own number: the result is as long as shifts."
)
def mean_over_the_shifts(right, function, image, shifts):
    return right(function, image, shifts).mean()


@shift_invariance.mistake(
    "Each shift begins where the last one ended, so they add up. Every shift starts from the image as it came."
)
def shifts_added_up(right, function, image, shifts):
    before, moved, after = function(image), image, []
    for s in shifts:
        moved = np.roll(moved, s, axis=-1)
        after.append(function(moved))
    return np.array([np.linalg.norm(a - before) / np.linalg.norm(before) for a in after])
