"""Lesson 02: the arithmetic of a layer. Sizes, padding, stride, dilation, volumes, receptive field, costs."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional

from course_utils.contract import BY_HAND, Case, Draw, Raises, case, example, exercise

LESSON = "02_padding_stride"
SLIDING = (*BY_HAND, "numpy.convolve", "numpy.correlate")


def _pair(value) -> tuple[int, int]:
    first, second = (int(v) for v in np.broadcast_to(value, 2))
    return first, second


def _tensor(array) -> torch.Tensor:
    return torch.from_numpy(np.array(array, dtype=float))


def _windows(length: int, size: int, stride: int) -> int:
    """How many windows torch lays along an axis of a length."""
    if size > length:
        raise ValueError(f"a window of {size} does not fit {length}")
    return torch.empty(length).unfold(0, size, stride).shape[0]


def _fits(lengths, extent, stride, padding) -> bool:
    """Whether a window (height, width) fits the padded lengths, and stride and padding are legal."""
    legal = min(_pair(stride)) >= 1 and min(_pair(padding)) >= 0 and min(lengths) >= 1
    return legal and all(k <= n + 2 * p for n, k, p in zip(lengths, extent, _pair(padding), strict=True))


# conv_output_size


@exercise(
    LESSON,
    examples=[
        example(2, 7, 3, stride=3),
        example(32, 32, 5, padding=2),
        example(3, 7, 3, dilation=2),
        example(Raises(ValueError), 3, 4),
    ],
    requires=lambda size, kernel, stride=1, padding=0, dilation=1: (
        min(size, kernel, stride, dilation) >= 1 and padding >= 0
    ),
)
def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):
    line, taps = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
    try:
        return functional.conv1d(line, taps, stride=stride, padding=padding, dilation=dilation).shape[-1]
    except RuntimeError as error:
        raise ValueError(f"a kernel of {kernel} does not fit") from error


@conv_output_size.cases
def _(draw: Draw) -> Iterator[Case]:
    size = draw.size(20, 30)
    yield case("default arguments", size, 4)
    yield case("kernel of one", size, 1)
    yield case("stride 2", size + size % 2 + 1, 3, stride=2)
    yield case("stride that does not fit", size - size % 4, 3, stride=4)
    yield case("stride that does not fit", size - size % 4 + 2, 3, stride=4)
    yield case("padding", size, 3, padding=1)
    yield case("padding larger than the kernel needs", size, 3, padding=4)
    yield case("padding on a kernel of one", size, 1, padding=1)
    yield case("dilation", size, 3, dilation=3)
    yield case("stride, padding and dilation", size, 4, stride=3, padding=2, dilation=2)
    yield case("kernel that just fits", size, size)
    yield case("kernel that just fits", 5, 3, dilation=2)
    yield case("kernel that fits only with the padding", 3, 5, padding=1)
    yield case("kernel that does not fit", size, size + 1)
    yield case("kernel that does not fit", size, size + 1, stride=3)
    yield case("kernel that does not fit", size, 2 * size + 5, stride=2)
    yield case("kernel that does not fit", size, size + 4, padding=1, stride=2)
    yield case("dilated kernel that does not fit", 6, 4, dilation=2)
    for _ in draw.repeats(6):
        kernel, dilation, padding = draw.int(1, 5), draw.int(1, 3), draw.int(0, 3)
        size = draw.size(14, 40)
        yield case("random", size, kernel, stride=draw.int(1, 4), padding=padding, dilation=dilation)


@conv_output_size.mistake(
    "Padding is taken away from the size: −2P. Padding makes the input longer, so there are more places for the "
    "kernel. Which sign must it have? (Some lecture slides print this one wrong.)"
)
def padding_subtracted(right, size, kernel, stride=1, padding=0, dilation=1):
    if size <= 2 * padding:
        raise ValueError("nothing is left")
    return right(size - 2 * padding, kernel, stride=stride, dilation=dilation)


@conv_output_size.mistake(
    "The padding is counted once. It is added at both ends, so an axis grows by twice the padding."
)
def padding_counted_once(right, size, kernel, stride=1, padding=0, dilation=1):
    return right(size + padding, kernel, stride=stride, dilation=dilation)


@conv_output_size.mistake(
    "Your result is one too small: you count the strides between the windows. Three fence posts have two gaps; how "
    "many windows are there when the kernel fits exactly once?"
)
def windows_counted_as_steps(right, size, kernel, stride=1, padding=0, dilation=1):
    return right(size, kernel, stride=stride, padding=padding, dilation=dilation) - 1


@conv_output_size.mistake(
    "Your result is one too small, and a kernel that fits exactly once is refused. You count the strides between the "
    "windows; with n strides there are how many windows?"
)
def only_window_refused(right, size, kernel, stride=1, padding=0, dilation=1):
    steps = right(size, kernel, stride=stride, padding=padding, dilation=dilation) - 1
    if steps == 0:
        raise ValueError("the kernel does not fit")
    return steps


@conv_output_size.mistake(
    "You round up where the stride does not fit. A window that hangs over the edge has no pixels there: it is "
    "dropped, and the pixels behind the last whole window are not read."
)
def rounded_up(right, size, kernel, stride=1, padding=0, dilation=1):
    right(size, kernel, stride=stride, padding=padding, dilation=dilation)
    return right(size + stride - 1, kernel, stride=stride, padding=padding, dilation=dilation)


@conv_output_size.mistake(
    "You round to the nearest whole number. A window that fits by more than half still does not fit: a partial "
    "window is always dropped."
)
def rounded_to_nearest(right, size, kernel, stride=1, padding=0, dilation=1):
    right(size, kernel, stride=stride, padding=padding, dilation=dilation)
    return round((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1


@conv_output_size.mistake(
    "You give a float, a fraction where the stride does not fit: / always gives a float. A number of windows is a "
    "whole number; which division drops the rest?"
)
def true_division(right, size, kernel, stride=1, padding=0, dilation=1):
    right(size, kernel, stride=stride, padding=padding, dilation=dilation)
    return (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1


@conv_output_size.mistake(
    "The number is right, but it is a float. A size is used to make arrays and to count in range(...), which take an "
    "int only. (math.floor gives an int, np.floor a float.)"
)
def whole_number_as_float(right, size, kernel, stride=1, padding=0, dilation=1):
    return float(right(size, kernel, stride=stride, padding=padding, dilation=dilation))


@conv_output_size.mistake(
    "You divide by 2 whatever the stride. Some slides print the formula for stride 2 only; what should the 2 be?"
)
def divided_by_two(right, size, kernel, stride=1, padding=0, dilation=1):
    return right(size, kernel, stride=2, padding=padding, dilation=dilation)


@conv_output_size.mistake(
    "The dilation is not used. A dilated kernel has gaps between its taps, so it covers more pixels than it has taps."
)
def dilation_ignored(right, size, kernel, stride=1, padding=0, dilation=1):
    return right(size, kernel, stride=stride, padding=padding)


@conv_output_size.mistake(
    "You take dilation · kernel as the length of the dilated kernel. There is a gap between two taps, but none after "
    "the last one: draw 3 taps with dilation 2 and count the pixels from the first to the last."
)
def gap_after_the_last_tap(right, size, kernel, stride=1, padding=0, dilation=1):
    return right(size, dilation * kernel, stride=stride, padding=padding)


@conv_output_size.mistake(
    "Your kernel is one pixel too short: dilation · (kernel − 1) is the way from the first tap to the last, and both "
    "ends are pixels. How long is a kernel of 1?"
)
def one_end_of_the_kernel_forgotten(right, size, kernel, stride=1, padding=0, dilation=1):
    return right(size + 1, kernel, stride=stride, padding=padding, dilation=dilation)


@conv_output_size.mistake(
    "Your formula is right, but a kernel longer than the padded input must be refused with a ValueError. Yours "
    "returns a number that is no size."
)
def unfit_kernel_accepted(right, size, kernel, stride=1, padding=0, dilation=1):
    spare = dilation * kernel + 4 * padding  # so many strides longer, and as many windows less: always fits
    return right(size + spare * stride, kernel, stride=stride, padding=padding, dilation=dilation) - spare


@conv_output_size.mistake(
    "A kernel longer than the padded input has no place at all. Yours returns 0 for it; the exercise asks for a "
    "ValueError, so that a layer that cannot work is noticed where it is defined."
)
def unfit_kernel_gives_zero(right, size, kernel, stride=1, padding=0, dilation=1):
    if dilation * (kernel - 1) + 1 > size + 2 * padding:
        return 0
    return right(size, kernel, stride=stride, padding=padding, dilation=dilation)


@conv_output_size.mistake("A kernel exactly as long as the padded input is refused. It fits: once.")
def just_fitting_kernel_refused(right, size, kernel, stride=1, padding=0, dilation=1):
    if dilation * (kernel - 1) + 1 == size + 2 * padding:
        raise ValueError("the kernel does not fit")
    return right(size, kernel, stride=stride, padding=padding, dilation=dilation)


@conv_output_size.mistake(
    "You refuse strides that leave a rest. Such a layer works: the windows that fit are counted, and the pixels "
    "behind the last one are not read. Only a kernel that does not fit at all is an error."
)
def rest_refused(right, size, kernel, stride=1, padding=0, dilation=1):
    if (size + 2 * padding - dilation * (kernel - 1) - 1) % stride:
        raise ValueError("the stride does not fit")
    return right(size, kernel, stride=stride, padding=padding, dilation=dilation)


@conv_output_size.mistake(
    "You refuse a kernel that is longer than the bare input. With its padding the input may be long enough: compare "
    "with the padded length."
)
def compared_with_the_bare_input(right, size, kernel, stride=1, padding=0, dilation=1):
    if dilation * (kernel - 1) + 1 > size:
        raise ValueError("the kernel does not fit")
    return right(size, kernel, stride=stride, padding=padding, dilation=dilation)


@conv_output_size.mistake(
    "Before you refuse a kernel you count its taps only. With dilation it covers more pixels than it has taps, and "
    "that is the length which has to fit."
)
def taps_compared_with_the_input(right, size, kernel, stride=1, padding=0, dilation=1):
    right(size, kernel, stride=stride, padding=padding)
    spare = dilation * kernel + 4 * padding
    return right(size + spare * stride, kernel, stride=stride, padding=padding, dilation=dilation) - spare


@conv_output_size.mistake(
    "int(...) cuts towards zero, so −1/3 becomes 0 and a kernel that is a little too long gives one window. Floor "
    "goes down: −1/3 becomes −1. Or compare the lengths before you divide."
)
def cut_towards_zero(right, size, kernel, stride=1, padding=0, dilation=1):
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if -stride < room < 0:
        return 1
    return right(size, kernel, stride=stride, padding=padding, dilation=dilation)


# same_padding


@exercise(
    LESSON,
    examples=[example(1, 3), example(2, 3, dilation=2), example(Raises(ValueError), 4)],
    requires=lambda kernel, dilation=1: kernel >= 1 and dilation >= 1,
)
def same_padding(kernel, dilation=1):
    size = dilation * kernel
    line, taps = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
    for padding in range(size):
        if functional.conv1d(line, taps, padding=padding, dilation=dilation).shape[-1] == size:
            return padding
    raise ValueError(f"no padding keeps the size with an effective kernel of {dilation * (kernel - 1) + 1}")


@same_padding.cases
def _(draw: Draw) -> Iterator[Case]:
    odd = 2 * draw.size(2, 5) + 1
    yield case("kernel of one", 1)
    yield case("kernel of one", 1, dilation=3)
    yield case("odd kernel", odd)
    yield case("odd kernel, dilation 2", odd, dilation=2)
    yield case("odd kernel, dilation 3", odd, dilation=3)
    yield case("even kernel", 2)
    yield case("even kernel", odd + 1)
    yield case("even kernel that dilation makes odd", 2, dilation=2)
    yield case("even kernel that dilation makes odd", odd + 1, dilation=4)
    yield case("even kernel, odd dilation", 4, dilation=3)
    yield case("even kernel, odd dilation", 2, dilation=5)
    for _ in draw.repeats(5):
        yield case("random", draw.size(1, 9), dilation=draw.int(1, 4))


@same_padding.mistake(
    "The dilation is not used. The padding has to make up for the pixels from the first tap to the last, and "
    "dilation moves the taps apart."
)
def dilation_left_out(right, kernel, dilation=1):
    return right(kernel)


@same_padding.mistake(
    "Half of the kernel is right for odd kernels without dilation. Dilation makes a kernel longer, and an even "
    "effective kernel has no middle: no padding on both sides keeps the size, which is a ValueError."
)
def half_of_the_kernel(right, kernel, dilation=1):
    return kernel // 2


@same_padding.mistake(
    "Half of the taps times the dilation is right for an odd kernel. An even number of taps has no middle one, so "
    "half of the taps is not half of the way; and an even effective kernel must be refused with a ValueError."
)
def half_of_the_taps_dilated(right, kernel, dilation=1):
    return kernel // 2 * dilation


@same_padding.mistake(
    "An even effective kernel is not refused, and half of its length is returned. With that padding the output is "
    "one pixel longer than the input, so it must be a ValueError."
)
def even_kernel_gives_one_more(right, kernel, dilation=1):
    return (dilation * (kernel - 1) + 1) // 2


@same_padding.mistake(
    "An even effective kernel is not refused, and the half is rounded down. With that padding the output is one "
    "pixel shorter than the input, so it must be a ValueError."
)
def even_kernel_gives_one_less(right, kernel, dilation=1):
    return dilation * (kernel - 1) // 2


@same_padding.mistake(
    "Every even kernel is refused. It is the effective kernel that must be odd: 2 taps with dilation 2 cover 3 "
    "pixels, and those have a middle."
)
def every_even_kernel_refused(right, kernel, dilation=1):
    if kernel % 2 == 0:
        raise ValueError("the kernel is even")
    return right(kernel, dilation=dilation)


@same_padding.mistake(
    "You take dilation · kernel as the length of the dilated kernel. There is no gap after the last tap, so it is "
    "shorter: count the pixels of 3 taps with dilation 2."
)
def gap_counted_after_the_last_tap(right, kernel, dilation=1):
    return right(dilation * kernel)


@same_padding.mistake(
    "Your padding makes the output longer than the input (that is full padding). Padding comes on both sides, and "
    "together they have to make up for what the kernel takes away."
)
def padding_of_both_sides(right, kernel, dilation=1):
    return 2 * right(kernel, dilation=dilation)


@same_padding.mistake(
    "You give a float: / always gives one. A padding is a whole number of pixels; which division gives an int?"
)
def padding_as_float(right, kernel, dilation=1):
    return float(right(kernel, dilation=dilation))


# pad2d


@exercise(
    LESSON,
    examples=[
        example([[0, 0, 0, 0], [0, 1, 2, 0], [0, 3, 4, 0], [0, 0, 0, 0]], [[1, 2], [3, 4]], 1),
        example([[0, 1, 2, 0]], [[1, 2]], (0, 1)),
    ],
    requires=lambda image, padding: min(_pair(padding)) >= 0,
)
def pad2d(image, padding):
    rows, columns = _pair(padding)
    return functional.pad(_tensor(image), (columns, columns, rows, rows)).numpy()


@pad2d.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("padding of one", draw.array(3, 4), 1)
    yield case("padding of three", draw.array(4, 2), 3)
    yield case("no padding", draw.array(3, 3), 0)
    yield case("rows only", draw.array(3, 4), (2, 0))
    yield case("columns only", draw.array(4, 3), (0, 1))
    yield case("pair of two different values", draw.array(3, 5), (1, 2))
    yield case("pair of two different values", draw.array(5, 3), (3, 1))
    yield case("pair of two equal values", draw.array(2, 3), (2, 2))
    yield case("one pixel", draw.array(1, 1), 2)
    for _ in draw.repeats(5):
        shape = draw.size(1, 7), draw.size(1, 7)
        yield case("random", draw.array(*shape), draw.choice([0, 1, 2, (1, 3), (2, 1), (0, 2)]))


@pad2d.mistake(
    "The zeros stand only below and on the right. Padding goes all around the image: above and on the left too."
)
def padded_below_and_right_only(right, image, padding):
    rows, columns = np.broadcast_to(padding, 2)
    return right(image, padding)[rows:, columns:]


@pad2d.mistake(
    "The zeros stand only above and on the left. Padding goes all around the image: below and on the right too."
)
def padded_above_and_left_only(right, image, padding):
    rows, columns = (int(p) for p in np.broadcast_to(padding, 2))
    padded = right(image, padding)
    return padded[: len(padded) - rows, : padded.shape[1] - columns]


@pad2d.mistake(
    "The shape is right, but the image lies in the upper left corner. It has to lie in the middle, as far from the "
    "left as from the right."
)
def image_in_the_corner(right, image, padding):
    padded = np.zeros_like(right(image, padding))
    padded[: image.shape[0], : image.shape[1]] = image
    return padded


@pad2d.mistake(
    "The two values of a pair are exchanged: the first is for the height (rows above and below), the second for the "
    "width."
)
def pair_exchanged(right, image, padding):
    rows, columns = np.broadcast_to(padding, 2)
    return right(image, (int(columns), int(rows)))


@pad2d.mistake(
    "A pair is read as (before, after), the way np.pad reads it. Here it is (height, width): the first value goes "
    "above and below, the second left and right."
)
def pair_read_as_before_and_after(right, image, padding):
    before, after = np.broadcast_to(padding, 2)
    return np.pad(image, ((before, after), (before, after)))


@pad2d.mistake(
    "Your code stops when the padding is a pair. It may be an int or a pair (height, width): make a pair of it first."
)
def pair_not_accepted(right, image, padding):
    if isinstance(padding, tuple):
        raise TypeError("a pair")
    return right(image, padding)


@pad2d.mistake(
    "With a padding of 0 your code fails: a slice that ends at -0 ends at 0 and is empty. Where does the image end, "
    "counted from the front?"
)
def slice_up_to_minus_zero(right, image, padding):
    rows, columns = np.broadcast_to(padding, 2)
    padded = np.zeros(right(image, padding).shape)
    padded[rows:-rows, columns:-columns] = image
    return padded


@pad2d.mistake("The border repeats the image's edge. It has to be zeros.")
def border_repeats_the_edge(right, image, padding):
    rows, columns = np.broadcast_to(padding, 2)
    return np.pad(image, ((rows, rows), (columns, columns)), mode="edge")


@pad2d.mistake("Only the columns are padded. An image has two axes: there are rows of zeros above and below as well.")
def columns_padded_only(right, image, padding):
    rows, _ = np.broadcast_to(padding, 2)
    padded = right(image, padding)
    return padded[rows : len(padded) - rows]


@pad2d.mistake(
    "The decimals are lost: your array of zeros holds whole numbers (dtype int). np.zeros(shape) without a "
    "dtype holds floats."
)
def zeros_of_whole_numbers(right, image, padding):
    return np.trunc(right(image, padding))


# correlate2d_strided


def _image_fits(image, kernel, stride=1, padding=0, dilation=1):
    """A dilated kernel leaves room for a gap after its last tap, so that an answer with that gap still runs."""
    extent = [dilation * n for n in kernel.shape]
    return dilation >= 1 and _fits(image.shape, extent, stride, padding)


@exercise(
    LESSON,
    examples=[
        example([[5, 9], [21, 25]], np.arange(16.0).reshape(4, 4), [[1, 0], [0, 1]], stride=2),
        example([[2, 2], [6, 4]], [[1, 2], [3, 4]], [[1, 2]], stride=(1, 2), padding=(0, 1)),
        example([[20, 24], [36, 40]], np.arange(16.0).reshape(4, 4), [[1, 1], [1, 1]], dilation=2),
    ],
    forbidden=SLIDING,
    requires=_image_fits,
)
def correlate2d_strided(image, kernel, stride=1, padding=0, dilation=1):
    planes = _tensor(image)[None, None], _tensor(kernel)[None, None]
    try:
        out = functional.conv2d(*planes, stride=_pair(stride), padding=_pair(padding), dilation=dilation)
    except RuntimeError as error:
        raise ValueError("the kernel does not fit") from error
    return out[0, 0].numpy()


@correlate2d_strided.cases
def _(draw: Draw) -> Iterator[Case]:
    square = draw.array(3, 3)
    yield case("default arguments", draw.array(4, 5), square)
    yield case("image taller than wide", draw.array(7, 4), square)
    yield case("image wider than tall", draw.array(4, 8), square)
    yield case("kernel not square", draw.array(5, 6), draw.array(2, 3))
    yield case("kernel not square", draw.array(6, 5), draw.array(3, 1))
    yield case("kernel of 1 × 1", draw.array(5, 4), draw.array(1, 1), stride=2)
    yield case("kernel that just fits", draw.array(4, 3), draw.array(4, 3))
    yield case("stride 2", draw.array(7, 9), square, stride=2)
    yield case("stride 3", draw.array(9, 6), square, stride=3)
    yield case("stride that does not fit", draw.array(6, 8), square, stride=2)
    yield case("stride that does not fit", draw.array(8, 7), square, stride=3)
    yield case("stride pair of two different values", draw.array(8, 9), square, stride=(2, 3))
    yield case("stride pair of two different values", draw.array(8, 6), draw.array(2, 2), stride=(3, 1))
    yield case("padding", draw.array(4, 5), square, padding=1)
    yield case("padding pair of two different values", draw.array(5, 4), square, padding=(2, 1))
    yield case("padding pair of two different values", draw.array(4, 4), square, padding=(0, 2))
    yield case("padding larger than the kernel needs", draw.array(3, 4), draw.array(2, 2), padding=3)
    yield case("kernel larger than the image, not than the padded image", draw.array(2, 2), draw.array(5, 5), padding=2)
    yield case("dilation 2", draw.array(7, 8), square, dilation=2)
    yield case("dilation 3 with stride 2", draw.array(9, 10), draw.array(3, 2), stride=2, dilation=3)
    yield case("stride, padding and dilation", draw.array(8, 9), square, stride=(1, 2), padding=(2, 1), dilation=2)
    for _ in draw.repeats(4):
        shape = draw.size(6, 8), draw.size(6, 8)
        options = {"stride": draw.choice([1, 2, (1, 3)]), "padding": draw.choice([0, 1, (1, 2)])}
        yield case("random", draw.array(*shape), draw.array(draw.int(1, 3), draw.int(1, 3)), **options)


@correlate2d_strided.mistake(
    "The stride moves the window down but not to the right: the columns advance by one pixel. A stride applies to "
    "rows and columns."
)
def stride_for_rows_only(right, image, kernel, stride=1, padding=0, dilation=1):
    down, _ = (int(s) for s in np.broadcast_to(stride, 2))
    return right(image, kernel, stride=(down, 1), padding=padding, dilation=dilation)


@correlate2d_strided.mistake(
    "The output has the right shape, but its windows lie next to each other: the stride is used for the size and not "
    "for the place. Where does the window of output pixel [i, j] begin?"
)
def stride_for_the_size_only(right, image, kernel, stride=1, padding=0, dilation=1):
    rows, columns = right(image, kernel, stride=stride, padding=padding, dilation=dilation).shape
    return right(image, kernel, padding=padding, dilation=dilation)[:rows, :columns]


@correlate2d_strided.mistake("The stride is not used: the window moves by one pixel, whatever the stride.")
def stride_not_used_at_all(right, image, kernel, stride=1, padding=0, dilation=1):
    return right(image, kernel, padding=padding, dilation=dilation)


@correlate2d_strided.mistake(
    "The first value of a pair is used for both directions. A pair is (height, width): the first for rows, the second "
    "for columns."
)
def first_of_the_pair_for_both(right, image, kernel, stride=1, padding=0, dilation=1):
    down, rows = int(np.ravel(stride)[0]), int(np.ravel(padding)[0])
    return right(image, kernel, stride=down, padding=rows, dilation=dilation)


@correlate2d_strided.mistake(
    "The two values of a stride pair are exchanged: the first moves the window down, the second to the right."
)
def stride_pair_exchanged(right, image, kernel, stride=1, padding=0, dilation=1):
    down, across = (int(s) for s in np.broadcast_to(stride, 2))
    return right(image, kernel, stride=(across, down), padding=padding, dilation=dilation)


@correlate2d_strided.mistake(
    "The two values of a padding pair are exchanged: the first adds rows above and below, the second adds columns."
)
def padding_pair_exchanged(right, image, kernel, stride=1, padding=0, dilation=1):
    rows, columns = (int(p) for p in np.broadcast_to(padding, 2))
    return right(image, kernel, stride=stride, padding=(columns, rows), dilation=dilation)


@correlate2d_strided.mistake(
    "A pair of paddings is read as (before, after), the way np.pad reads it. Here it is (height, width): the first "
    "value goes above and below, the second left and right."
)
def padding_read_as_before_and_after(right, image, kernel, stride=1, padding=0, dilation=1):
    return right(np.pad(image, padding), kernel, stride=stride, dilation=dilation)


@correlate2d_strided.mistake("The padding is not used: the window has to slide over the padded image.")
def padding_not_used(right, image, kernel, stride=1, padding=0, dilation=1):
    return right(image, kernel, stride=stride, dilation=dilation)


@correlate2d_strided.mistake("The border repeats the image's edge. Padding adds zeros.")
def padded_with_the_edge(right, image, kernel, stride=1, padding=0, dilation=1):
    rows, columns = np.broadcast_to(padding, 2)
    padded = np.pad(image, ((rows, rows), (columns, columns)), mode="edge")
    return right(padded, kernel, stride=stride, dilation=dilation)


@correlate2d_strided.mistake(
    "The kernel is laid down turned by half a turn, which is a true convolution. A correlation takes it as it is "
    "written."
)
def kernel_flipped(right, image, kernel, stride=1, padding=0, dilation=1):
    return right(image, kernel[::-1, ::-1], stride=stride, padding=padding, dilation=dilation)


@correlate2d_strided.mistake(
    "The dilation is not used: the taps of the kernel lie next to each other. With dilation d they are d pixels apart."
)
def taps_next_to_each_other(right, image, kernel, stride=1, padding=0, dilation=1):
    return right(image, kernel, stride=stride, padding=padding)


@correlate2d_strided.mistake(
    "Your dilated kernel is too long: there are gaps between the taps, but none after the last one. It reaches from "
    "its first tap to its last; windows at the far edges are missing."
)
def zeros_after_the_last_tap(right, image, kernel, stride=1, padding=0, dilation=1):
    spread = np.zeros((kernel.shape[0] * dilation, kernel.shape[1] * dilation))
    spread[::dilation, ::dilation] = kernel
    return right(image, spread, stride=stride, padding=padding)


@correlate2d_strided.mistake(
    "The last window of each row and column is missing. A kernel of k fits n − k + 1 times: where does your range end?"
)
def last_windows_missing(right, image, kernel, stride=1, padding=0, dilation=1):
    return right(image, kernel, stride=stride, padding=padding, dilation=dilation)[:-1, :-1]


@correlate2d_strided.mistake(
    "The number of rows of the output is used for its columns too. Images, kernels, strides and paddings need not be "
    "square: count the windows along each axis."
)
def width_counted_like_height(right, image, kernel, stride=1, padding=0, dilation=1):
    rows = len(right(image, kernel, stride=stride, padding=padding, dilation=dilation))
    (down, across), (above, left) = np.broadcast_to(stride, 2), np.broadcast_to(padding, 2)
    padded = np.pad(image, ((above, above), (left, left)))
    height, width = (dilation * (n - 1) + 1 for n in kernel.shape)
    out = np.zeros((rows, rows))
    for i in range(rows):
        for j in range(rows):
            y, x = i * down, j * across
            out[i, j] = np.sum(padded[y : y + height : dilation, x : x + width : dilation] * kernel)
    return out


# conv_volume


def _volume_fits(volume, filters, bias, stride=1, padding=0):
    square = filters.shape[2] == filters.shape[3]
    agree = filters.shape[1] == volume.shape[0] and len(bias) == len(filters)
    return square and agree and _fits(volume.shape[1:], filters.shape[2:], stride, padding)


@exercise(
    LESSON,
    examples=[
        example([[[101, 202], [303, 404]]], [[[1, 2], [3, 4]], [[10, 20], [30, 40]]], [[[[1]], [[10]]]], [0]),
        example([[[10]], [[25]]], [[[1, 2], [3, 4]]], [[[[1, 1], [1, 1]]], [[[0, 0], [0, 5]]]], [0, 5]),
    ],
    forbidden=SLIDING,
    requires=_volume_fits,
)
def conv_volume(volume, filters, bias, stride=1, padding=0):
    batch = _tensor(volume)[None]
    try:
        out = functional.conv2d(batch, _tensor(filters), _tensor(bias), stride=_pair(stride), padding=_pair(padding))
    except RuntimeError as error:
        raise ValueError("the filters do not fit") from error
    return out[0].numpy()


@conv_volume.cases
def _(draw: Draw) -> Iterator[Case]:
    def arguments(channels: int, height: int, width: int, filters: int, size: int) -> list[np.ndarray]:
        shapes = (channels, height, width), (filters, channels, size, size), (filters,)
        return [draw.array(*shape) for shape in shapes]

    yield case("one channel, one filter", *arguments(1, 4, 4, 1, 2))
    yield case("one channel, three filters", *arguments(1, 4, 5, 3, 2))
    yield case("three channels, one filter", *arguments(3, 5, 4, 1, 3))
    yield case("three channels, two filters", *arguments(3, 4, 5, 2, 3))
    volume, filters, bias = arguments(2, 4, 4, 3, 3)
    yield case("bias of zero", volume, filters, 0 * bias)
    yield case("volume taller than wide", *arguments(2, 7, 3, 2, 3))
    yield case("volume wider than tall", *arguments(2, 3, 6, 2, 2))
    yield case("filters of 1 × 1", *arguments(4, 3, 4, 2, 1))
    yield case("filters that just fit", *arguments(3, 3, 3, 2, 3))
    yield case("stride 2", *arguments(2, 5, 7, 3, 3), stride=2)
    yield case("stride that does not fit", *arguments(2, 6, 8, 2, 3), stride=2)
    yield case("stride pair of two different values", *arguments(2, 7, 7, 2, 2), stride=(1, 3))
    yield case("padding", *arguments(2, 3, 4, 2, 3), padding=1)
    yield case("padding pair of two different values", *arguments(3, 4, 3, 2, 2), padding=(0, 2))
    yield case("stride and padding", *arguments(3, 6, 5, 2, 3), stride=(2, 1), padding=(1, 2))
    for _ in draw.repeats(3):
        shape = draw.int(2, 3), draw.size(4, 6), draw.size(4, 6), draw.int(2, 3), draw.int(1, 3)
        yield case("random", *arguments(*shape), stride=draw.int(1, 2), padding=draw.int(0, 2))


@conv_volume.mistake("The bias is missing: each filter adds its own number to its whole output.")
def bias_left_out(right, volume, filters, bias, stride=1, padding=0):
    return right(volume, filters, 0 * bias, stride=stride, padding=padding)


@conv_volume.mistake(
    "The bias is added once for every channel. It is added once for a filter, after the channels have been summed."
)
def bias_added_for_every_channel(right, volume, filters, bias, stride=1, padding=0):
    return right(volume, filters, len(volume) * bias, stride=stride, padding=padding)


@conv_volume.mistake(
    "The bias is added to every product and so summed many times. It is one number, added after the sum over the "
    "window."
)
def bias_added_to_every_product(right, volume, filters, bias, stride=1, padding=0):
    return right(volume, filters, filters[0].size * bias, stride=stride, padding=padding)


@conv_volume.mistake(
    "The first filter's bias goes to every filter. Each filter has a bias of its own: bias[k] belongs to filter k."
)
def one_bias_for_all_filters(right, volume, filters, bias, stride=1, padding=0):
    return right(volume, filters, np.full(len(bias), bias[0]), stride=stride, padding=padding)


@conv_volume.mistake(
    "The channels are averaged. A filter sums over its window in all channels; nothing is divided by their number."
)
def channels_averaged(right, volume, filters, bias, stride=1, padding=0):
    return right(volume, filters / len(volume), bias, stride=stride, padding=padding)


@conv_volume.mistake(
    "Only the first channel is read. A filter has a slice for every channel, and sums over all of them."
)
def first_channel_only(right, volume, filters, bias, stride=1, padding=0):
    return right(volume[:1], filters[:, :1], bias, stride=stride, padding=padding)


@conv_volume.mistake(
    "Only the last channel counts: each channel's result replaces the one before. The channels' results are summed."
)
def last_channel_only(right, volume, filters, bias, stride=1, padding=0):
    return right(volume[-1:], filters[:, -1:], bias, stride=stride, padding=padding)


@conv_volume.mistake(
    "The filter's channels meet the volume's in reverse order. Slice c of a filter belongs to channel c of the volume."
)
def channels_reversed(right, volume, filters, bias, stride=1, padding=0):
    return right(volume, filters[:, ::-1], bias, stride=stride, padding=padding)


@conv_volume.mistake(
    "The filters are turned by half a turn, which is a true convolution. A convolution layer does not flip: it "
    "correlates."
)
def filters_flipped(right, volume, filters, bias, stride=1, padding=0):
    return right(volume, filters[:, :, ::-1, ::-1], bias, stride=stride, padding=padding)


@conv_volume.mistake("Every output map comes from the first filter. Map k of the output belongs to filter k.")
def first_filter_for_all_maps(right, volume, filters, bias, stride=1, padding=0):
    return right(volume, np.repeat(filters[:1], len(filters), axis=0), bias, stride=stride, padding=padding)


@conv_volume.mistake(
    "The filters are the last axis of your output. In this course channels come first: (filters, height, width)."
)
def channels_come_last(right, volume, filters, bias, stride=1, padding=0):
    return np.moveaxis(right(volume, filters, bias, stride=stride, padding=padding), 0, -1)


@conv_volume.mistake("The padding is not used: pad the height and the width of every channel with zeros first.")
def volume_not_padded(right, volume, filters, bias, stride=1, padding=0):
    return right(volume, filters, bias, stride=stride)


@conv_volume.mistake("The stride is not used: the window moves by one pixel, whatever the stride.")
def stride_not_used(right, volume, filters, bias, stride=1, padding=0):
    return right(volume, filters, bias, padding=padding)


@conv_volume.mistake(
    "The two values of the stride pair are exchanged: the first moves the window down, the second to the right."
)
def stride_values_exchanged(right, volume, filters, bias, stride=1, padding=0):
    down, across = (int(s) for s in np.broadcast_to(stride, 2))
    return right(volume, filters, bias, stride=(across, down), padding=padding)


# receptive_field


@exercise(
    LESSON,
    examples=[
        example(1, []),
        example(5, [(3, 1), (3, 1)]),
        example(7, [(3, 2), (3, 1)]),
        example(9, [(3, 1), (3, 1, 3)]),
    ],
    requires=lambda layers: all(len(layer) in (2, 3) and min(layer) >= 1 for layer in layers),
)
def receptive_field(layers):
    seen = {0}  # from one output unit back to the pixels that it can see
    for kernel, stride, *dilation in reversed(layers):
        step = dilation[0] if dilation else 1
        seen = {unit * stride + step * tap for unit in (min(seen), max(seen)) for tap in (0, kernel - 1)}
    return max(seen) - min(seen) + 1


@receptive_field.cases
def _(draw: Draw) -> Iterator[Case]:
    kernel = draw.size(3, 7)
    yield case("no layers", [])
    yield case("one layer", [(kernel, 1)])
    yield case("one layer with a stride", [(kernel, 2)])
    yield case("one dilated layer", [(kernel, 1, 3)])
    yield case("1 × 1 layers", [(1, 1), (1, 1)])
    yield case("1 × 1 layer with a stride", [(1, 2), (3, 1)])
    yield case("three layers without stride", [(3, 1), (kernel, 1), (2, 1)])
    yield case("stride in the first layer", [(5, 3), (3, 1)])
    yield case("stride in the last layer", [(3, 1), (kernel, 2)])
    yield case("strides 2 and 3", [(3, 2), (kernel, 3), (2, 1)])
    yield case("growing dilation", [(3, 1, 1), (3, 1, 2), (3, 1, 4)])
    yield case("stride and dilation", [(3, 2), (3, 1, 2), (5, 2, 3), (2, 1)])
    yield case("convolutions and pools of a small net", [(5, 1), (2, 2), (5, 1), (2, 2)])
    for _ in draw.repeats(5):
        layers = [(draw.int(1, 5), draw.int(1, 3)) for _ in range(draw.size(2, 4))]
        yield case("random", [*layers, (draw.int(2, 4), 1, draw.int(1, 3))])


@receptive_field.mistake(
    "Your sum ignores the strides. Behind a layer of stride 2, neighbouring units are 2 pixels of the image apart, so "
    "every further tap adds 2 pixels."
)
def strides_ignored(right, layers):
    return right([(layer[0], 1, *layer[2:]) for layer in layers])


@receptive_field.mistake(
    "A layer's own stride is multiplied in before its kernel is added. A stride sets apart the units *behind* the "
    "layer: its own taps still lie at the old distance."
)
def own_stride_counted_first(right, layers):
    field, step = 1, 1
    for kernel, stride, *dilation in layers:
        step *= stride
        field += (dilation[0] if dilation else 1) * (kernel - 1) * step
    return field


@receptive_field.mistake(
    "The rule r → (r − 1) · stride + kernel walks from the last layer back to the image. You apply it from the first "
    "layer on, so each kernel is stretched by the strides that come after it instead of those before."
)
def walked_in_the_wrong_direction(right, layers):
    return right(layers[::-1])


@receptive_field.mistake("The dilation is not used. With dilation d, neighbouring taps of a kernel are d units apart.")
def dilation_not_used(right, layers):
    return right([layer[:2] for layer in layers])


@receptive_field.mistake(
    "The dilation also widens the step between units, as if it were a stride. It sets the taps of its own kernel "
    "apart; the layer's outputs lie as close as before."
)
def dilation_taken_for_a_stride(right, layers):
    field, step = 1, 1
    for kernel, stride, *dilation in layers:
        spread = dilation[0] if dilation else 1
        field += spread * (kernel - 1) * step
        step *= stride * spread
    return field


@receptive_field.mistake(
    "You take dilation · kernel as the length of a dilated kernel. There is no gap after the last tap."
)
def gap_after_each_last_tap(right, layers):
    return right([(layer[0] * (layer[2] if len(layer) > 2 else 1), layer[1]) for layer in layers])


@receptive_field.mistake("With no layers your code stops with an IndexError. A unit is then a pixel, and sees itself.")
def first_layer_expected(right, layers):
    layers[0]
    return right(layers)


@receptive_field.mistake(
    "Your result is one too small: with no layer at all, a unit is a pixel and sees itself. Where does your count "
    "begin?"
)
def count_begins_at_zero(right, layers):
    return right(layers) - 1


@receptive_field.mistake(
    "The whole kernel is added for each layer. One tap lies where the unit already looked: a kernel of 3 widens the "
    "field by 2 steps, a kernel of 1 by none."
)
def whole_kernel_added(right, layers):
    field, step = 1, 1
    for kernel, stride, *dilation in layers:
        field += (dilation[0] if dilation else 1) * kernel * step
        step *= stride
    return field


@receptive_field.mistake(
    "You add up the kernels. Two layers of 3 see 5 pixels, not 6, because their windows overlap; and behind a stride "
    "every tap counts for more."
)
def kernels_added_up(right, layers):
    return sum(layer[0] for layer in layers)


@receptive_field.mistake(
    "The step between units is set to the last stride. Strides multiply: after 2 and then 3, neighbours are 6 pixels "
    "apart."
)
def strides_not_multiplied(right, layers):
    field, step = 1, 1
    for kernel, stride, *dilation in layers:
        field += (dilation[0] if dilation else 1) * (kernel - 1) * step
        step = stride
    return field


# conv_parameters and conv_macs


def _positive(*numbers: int) -> bool:
    return min(numbers) >= 1


@exercise(
    LESSON,
    examples=[example(10, 1, 1, 3), example(140, 3, 5, 3), example(27000, 3, 1000, 3, bias=False)],
    requires=lambda in_channels, out_channels, kernel, bias=True: _positive(in_channels, out_channels, kernel),
)
def conv_parameters(in_channels, out_channels, kernel, bias=True):
    layer = torch.nn.Conv2d(in_channels, out_channels, kernel, bias=bias)
    return sum(p.numel() for p in layer.parameters())


@conv_parameters.cases
def _(draw: Draw) -> Iterator[Case]:
    channels, filters = draw.size(2, 9), draw.size(10, 20)
    yield case("default arguments", channels, filters, 3)
    yield case("fewer filters than channels", filters + channels, channels, 3)
    yield case("without bias", channels, filters, 5, bias=False)
    yield case("with bias=True", channels, filters, 5, bias=True)
    yield case("1 × 1 filters", channels, filters, 1)
    yield case("one channel", 1, filters, 7)
    yield case("one filter", channels, 1, 3)
    yield case("even kernel", channels, filters, 4)
    for _ in draw.repeats(4):
        numbers = draw.size(1, 12), draw.size(1, 12), draw.int(1, 7)
        yield case("random", *numbers, bias=draw.choice([True, False]))


@conv_parameters.mistake("The biases are missing: one number for each filter, unless bias=False.")
def biases_left_out(right, in_channels, out_channels, kernel, bias=True):
    return right(in_channels, out_channels, kernel, bias=False)


@conv_parameters.mistake("bias=False has no effect: the biases are counted in any case.")
def bias_switch_ignored(right, in_channels, out_channels, kernel, bias=True):
    return right(in_channels, out_channels, kernel, bias=True)


@conv_parameters.mistake(
    "There is a bias for every input channel in your count. A filter sums over all channels first and adds its one "
    "bias then: which number of channels is the number of filters?"
)
def bias_for_each_input_channel(right, in_channels, out_channels, kernel, bias=True):
    return right(in_channels, out_channels, kernel, bias=False) + in_channels * bool(bias)


@conv_parameters.mistake("One bias is counted for the whole layer. Each filter has its own.")
def one_bias_for_the_layer(right, in_channels, out_channels, kernel, bias=True):
    return right(in_channels, out_channels, kernel, bias=False) + bool(bias)


@conv_parameters.mistake(
    "There is a bias for every slice of every filter in your count. A filter has one bias, whatever its channels."
)
def bias_for_each_slice(right, in_channels, out_channels, kernel, bias=True):
    return right(in_channels, out_channels, kernel, bias=False) + in_channels * out_channels * bool(bias)


@conv_parameters.mistake(
    "The bias is counted as one more input channel, so kernel × kernel times for a filter. It is a single number."
)
def bias_as_a_channel(right, in_channels, out_channels, kernel, bias=True):
    return right(in_channels + bool(bias), out_channels, kernel, bias=False)


@conv_parameters.mistake(
    "The kernel is square: it has kernel × kernel taps in each channel. Yours counts one row of it."
)
def kernel_counted_as_a_row(right, in_channels, out_channels, kernel, bias=True):
    weights = right(in_channels, out_channels, kernel, bias=False)
    return weights // kernel + right(in_channels, out_channels, kernel, bias=bias) - weights


@conv_parameters.mistake(
    "The input channels are missing. A filter has a slice of kernel × kernel weights for each channel of its input: "
    "1000 filters of 3 × 3 on a colour image are not 9,000 weights."
)
def filters_without_depth(right, in_channels, out_channels, kernel, bias=True):
    return right(1, out_channels, kernel, bias=bias)


@exercise(
    LESSON,
    examples=[example(36, 1, 1, 3, 2, 2), example(120, 2, 5, 1, 3, 4), example(118013952, 3, 64, 7, 112, 112)],
    requires=lambda in_channels, out_channels, kernel, out_height, out_width: _positive(
        in_channels, out_channels, kernel, out_height, out_width
    ),
)
def conv_macs(in_channels, out_channels, kernel, out_height, out_width):
    image = torch.zeros(1, 1, out_height + kernel - 1, out_width + kernel - 1)
    products = functional.unfold(image, kernel).numel()  # of one channel, for one filter
    return products * in_channels * out_channels


@conv_macs.cases
def _(draw: Draw) -> Iterator[Case]:
    channels, filters, height, width = draw.size(2, 5), draw.size(6, 9), draw.size(5, 9), draw.size(10, 14)
    yield case("output wider than tall", channels, filters, 3, height, width)
    yield case("output taller than wide", channels, filters, 3, width, height)
    yield case("fewer filters than channels", filters + channels, channels, 3, height, width)
    yield case("1 × 1 filters", channels, filters, 1, height, width)
    yield case("one channel", 1, filters, 5, height, width)
    yield case("one filter", channels, 1, 5, height, width)
    yield case("one output pixel", channels, filters, 4, 1, 1)
    for _ in draw.repeats(4):
        sizes = draw.size(1, 9), draw.size(1, 9)
        yield case("random", draw.size(1, 9), draw.size(1, 9), draw.int(1, 7), *sizes)


@conv_macs.mistake(
    "You count a multiplication and an addition as two. A multiply-add is one operation here (a device counts it as "
    "two: say which one you mean)."
)
def operations_counted_twice(right, in_channels, out_channels, kernel, out_height, out_width):
    return 2 * right(in_channels, out_channels, kernel, out_height, out_width)


@conv_macs.mistake("The biases are included. Adding a bias multiplies nothing: leave it out.")
def biases_included(right, in_channels, out_channels, kernel, out_height, out_width):
    activations = out_channels * out_height * out_width
    return right(in_channels, out_channels, kernel, out_height, out_width) + activations


@conv_macs.mistake(
    "The input channels are missing. For one output number, a filter multiplies its whole window: in every channel."
)
def window_of_one_channel(right, in_channels, out_channels, kernel, out_height, out_width):
    return right(1, out_channels, kernel, out_height, out_width)


@conv_macs.mistake("The filters are missing: each of them computes an output map of its own.")
def one_filter_counted(right, in_channels, out_channels, kernel, out_height, out_width):
    return right(in_channels, 1, kernel, out_height, out_width)


@conv_macs.mistake("The kernel is square: a window has kernel × kernel pixels in each channel. Yours counts one row.")
def window_counted_as_a_row(right, in_channels, out_channels, kernel, out_height, out_width):
    return right(in_channels, out_channels, kernel, out_height, out_width) // kernel


@conv_macs.mistake(
    "You count the weights. Each weight is used at every output pixel: that is what weight sharing means, and why a "
    "convolution has few parameters and much work."
)
def weights_counted_once(right, in_channels, out_channels, kernel, out_height, out_width):
    return right(in_channels, out_channels, kernel, 1, 1)


@conv_macs.mistake("The output is taken for square: its height is used for the width too.")
def output_taken_for_square(right, in_channels, out_channels, kernel, out_height, out_width):
    return right(in_channels, out_channels, kernel, out_height, out_height)


@conv_macs.mistake(
    "You take the given height and width for the input's and make them smaller by the kernel. They are those of the "
    "output already."
)
def output_shrunk_again(right, in_channels, out_channels, kernel, out_height, out_width):
    pixels = (out_height - kernel + 1) * (out_width - kernel + 1)
    return in_channels * out_channels * kernel**2 * pixels


@conv_macs.mistake(
    "You multiply by the size of the input (output + kernel − 1). A filter does its work once for each *output* pixel."
)
def input_pixels_counted(right, in_channels, out_channels, kernel, out_height, out_width):
    return right(in_channels, out_channels, kernel, out_height + kernel - 1, out_width + kernel - 1)


# layer_table

TINY = [("conv1", "conv", 2, 3, 1, 1), ("pool1", "pool", 2, 2), ("fc", "linear", 3)]
LENET = [
    ("conv1", "conv", 20, 5, 1, 2),
    ("pool1", "pool", 2, 2),
    ("conv2", "conv", 50, 5, 1, 2),
    ("pool2", "pool", 2, 2),
    ("fc1", "linear", 500),
    ("fc2", "linear", 10),
]


def _table_in_domain(layers, input_shape) -> bool:
    legal = all(min(layer[2:5]) >= 1 and min(layer[5:], default=0) >= 0 for layer in layers)
    if not legal or min(input_shape) < 1:
        return False
    try:
        return bool(layer_table.oracle(layers, input_shape))
    except ValueError:
        return False


@exercise(
    LESSON,
    examples=[
        example(
            [
                ("input", (1, 4, 4), 16, 0, 0),
                ("conv1", (2, 4, 4), 32, 20, 288),
                ("pool1", (2, 2, 2), 8, 0, 0),
                ("fc", (3,), 3, 27, 24),
            ],
            TINY,
            (1, 4, 4),
        ),
        example(
            [
                ("input", (1, 28, 28), 784, 0, 0),
                ("conv1", (20, 28, 28), 15680, 520, 392000),
                ("pool1", (20, 14, 14), 3920, 0, 0),
                ("conv2", (50, 14, 14), 9800, 25050, 4900000),
                ("pool2", (50, 7, 7), 2450, 0, 0),
                ("fc1", (500,), 500, 1225500, 1225000),
                ("fc2", (10,), 10, 5010, 5000),
            ],
            LENET,
            (1, 28, 28),
        ),
    ],
    requires=_table_in_domain,
)
def layer_table(layers, input_shape):
    shape = tuple(input_shape)
    rows = [("input", shape, math.prod(shape), 0, 0)]
    for name, kind, size, *rest in layers:
        if kind == "linear":
            weight = np.broadcast_to(0, (size, math.prod(shape)))
            shape = (size,)
            rows.append((name, shape, size, weight.size + size, weight.size))
        else:
            window, stride, *padding = rest if kind == "conv" else (size, *rest)
            out = [_windows(n + 2 * sum(padding), window, stride) for n in shape[1:]]
            weight = np.broadcast_to(0, (size, shape[0], window, window) if kind == "conv" else (0,))
            shape = (size if kind == "conv" else shape[0], *out)
            biases = size if kind == "conv" else 0
            rows.append((name, shape, math.prod(shape), weight.size + biases, weight.size * math.prod(out)))
    return rows


@layer_table.cases
def _(draw: Draw) -> Iterator[Case]:
    filters, units, size = draw.size(4, 8), draw.size(9, 15), draw.size(8, 12)
    conv, pool = ("conv", "conv", filters, 3, 1, 1), ("pool", "pool", 2, 2)
    yield case("no layers", [], (3, size, size))
    yield case("one convolution", [conv], (3, size, size + 2))
    yield case("convolution with a stride", [("conv", "conv", filters, 3, 2, 0)], (2, size + 1, size))
    yield case("stride that does not fit", [("conv", "conv", filters, 3, 4, 0)], (1, 10, 9))
    yield case("padding larger than the kernel needs", [("conv", "conv", filters, 1, 1, 1)], (2, size, size))
    yield case("one pool", [("pool", "pool", 3, 3)], (5, 9, 6))
    yield case("pool that does not fit", [pool], (3, 7, 9))
    yield case("overlapping pool", [("pool", "pool", 3, 2)], (4, 7, 8))
    yield case("pool of stride 1", [("pool", "pool", 3, 1)], (2, 5, 5))
    yield case("linear behind a volume", [("fc", "linear", units)], (3, 4, 5))
    yield case("linear layers only", [("fc1", "linear", units), ("fc2", "linear", 4)], (7,))
    second = ("conv 2", "conv", filters + 1, 3, 1, 1)
    yield case("two convolutions", [conv, second], (3, size, size))
    yield case("a small net", [conv, pool, second, ("fc 1", "linear", units), ("fc 2", "linear", 3)], (1, size, 10))
    for _ in draw.repeats(3):
        first = ("a", "conv", draw.int(2, 6), draw.int(1, 5), draw.int(1, 2), draw.int(0, 2))
        middle = ("b", "pool", draw.int(2, 3), draw.int(1, 3))
        shape = draw.int(1, 3), draw.size(10, 12), draw.size(10, 12)
        yield case("random", [first, middle, ("c", "linear", draw.int(2, 9))], shape)


@layer_table.mistake("The row of the input is missing: it comes first, with no parameters and no multiply-adds.")
def input_row_missing(right, layers, input_shape):
    return right(layers, input_shape)[1:]


@layer_table.mistake(
    "Your activations are those of one channel (height · width). A layer's memory is all its numbers: channels too."
)
def activations_of_one_channel(right, layers, input_shape):
    rows = right(layers, input_shape)
    return [(n, s, s[1] * s[2] if len(s) == 3 else a, p, m) for n, s, a, p, m in rows]


@layer_table.mistake("The biases are missing from the parameters: one for each filter and one for each linear unit.")
def parameters_without_biases(right, layers, input_shape):
    rows = right(layers, input_shape)
    return [(n, s, a, p - s[0] * (p > 0), m) for n, s, a, p, m in rows]


@layer_table.mistake("The linear layers have no biases in your count: each unit has one, as each filter has.")
def linear_biases_missing(right, layers, input_shape):
    rows = right(layers, input_shape)
    return [(n, s, a, p - s[0] * (p > 0 and len(s) == 1), m) for n, s, a, p, m in rows]


@layer_table.mistake("The convolutions have no biases in your count: each filter has one, as each linear unit has.")
def convolution_biases_missing(right, layers, input_shape):
    rows = right(layers, input_shape)
    return [(n, s, a, p - s[0] * (p > 0 and len(s) == 3), m) for n, s, a, p, m in rows]


@layer_table.mistake(
    "Your multiply-adds include the biases, one for each activation. Adding a bias multiplies nothing: leave it out."
)
def multiply_adds_with_biases(right, layers, input_shape):
    return [(n, s, a, p, m + a * (m > 0)) for n, s, a, p, m in right(layers, input_shape)]


@layer_table.mistake(
    "A convolution's multiply-adds are its parameters times its pixels in your table. The parameters hold the biases, "
    "and adding a bias multiplies nothing: count the weights only."
)
def multiply_adds_from_parameters(right, layers, input_shape):
    rows = right(layers, input_shape)
    return [(n, s, a, p, m + a * (m > 0 and len(s) == 3)) for n, s, a, p, m in rows]


@layer_table.mistake(
    "A multiplication and an addition are counted as two operations. The table counts multiply-adds: one for each pair."
)
def multiply_adds_doubled(right, layers, input_shape):
    return [(n, s, a, p, 2 * m) for n, s, a, p, m in right(layers, input_shape)]


@layer_table.mistake(
    "The multiply-adds of your convolutions are the number of their weights. Each weight works once for every output "
    "pixel."
)
def multiply_adds_of_one_pixel(right, layers, input_shape):
    rows = right(layers, input_shape)
    return [(n, s, a, p, p - s[0] if m > 0 else 0) for n, s, a, p, m in rows]


@layer_table.mistake(
    "A convolution's multiply-adds are counted over the pixels of its input. A filter works once for each pixel of "
    "its *output*."
)
def multiply_adds_over_the_input(right, layers, input_shape):
    rows = right(layers, input_shape)
    for i, layer in enumerate(layers):
        name, shape, activations, parameters, _ = rows[i + 1]
        if layer[1] == "conv":
            pixels = rows[i][1][1] * rows[i][1][2]
            rows[i + 1] = (name, shape, activations, parameters, (parameters - shape[0]) * pixels)
    return rows


@layer_table.mistake(
    "A pool's window that hangs over the edge is counted (rounded up). Here pools round down, like convolutions."
)
def pool_rounds_up(right, layers, input_shape):
    rows = right([], input_shape)
    for layer in layers:
        shape = rows[-1][1]
        if layer[1] == "pool":
            shape = (shape[0], shape[1] + layer[3] - 1, shape[2] + layer[3] - 1)
        rows.append(right([layer], shape)[1])
    return rows


@layer_table.mistake(
    "The pool's stride is taken for its size, as if windows never overlapped. AlexNet's pools are 3 × 3 with stride 2: "
    "size and stride are two numbers."
)
def pool_stride_taken_for_its_size(right, layers, input_shape):
    return right([(*layer[:3], layer[2]) if layer[1] == "pool" else layer for layer in layers], input_shape)


@layer_table.mistake(
    "Your pools divide height and width by the stride. Their windows have a size too: a pool's output is counted like "
    "a convolution's."
)
def pool_size_ignored(right, layers, input_shape):
    return right([(*layer[:2], layer[3], layer[3]) if layer[1] == "pool" else layer for layer in layers], input_shape)


@layer_table.mistake("Pools have multiply-adds in your table. A maximum only compares: count 0 for a pool.")
def multiply_adds_of_pools(right, layers, input_shape):
    rows = right(layers, input_shape)
    for i, layer in enumerate(layers):
        if layer[1] == "pool":
            name, shape, activations, parameters, _ = rows[i + 1]
            rows[i + 1] = (name, shape, activations, parameters, activations * layer[2] ** 2)
    return rows


@layer_table.mistake(
    "Pools have parameters in your table, as if they were convolutions. A pool learns nothing: its parameters are 0."
)
def parameters_of_pools(right, layers, input_shape):
    rows = right(layers, input_shape)
    for i, layer in enumerate(layers):
        if layer[1] == "pool":
            name, shape, activations, _, macs = rows[i + 1]
            rows[i + 1] = (name, shape, activations, shape[0] * (shape[0] * layer[2] ** 2 + 1), macs)
    return rows


@layer_table.mistake(
    "A linear layer behind a volume counts the channels as its inputs. The volume is flattened first: every one of "
    "its C · H · W numbers is an input."
)
def linear_reads_the_channels_only(right, layers, input_shape):
    rows = right([], input_shape)
    for layer in layers:
        shape = rows[-1][1]
        rows.append(right([layer], shape[:1] if layer[1] == "linear" else shape)[1])
    return rows


@layer_table.mistake(
    "Every convolution reads as many channels as the input image has. From the second layer on, its channels are the "
    "filters of the layer before."
)
def channels_of_the_image_kept(right, layers, input_shape):
    rows = right([], input_shape)
    for layer in layers:
        shape = rows[-1][1]
        rows.append(right([layer], (input_shape[0], *shape[1:]) if layer[1] == "conv" else shape)[1])
    return rows


@layer_table.mistake("The stride of the convolutions is not used, so your maps are too large.")
def stride_of_convolutions_ignored(right, layers, input_shape):
    return right([(*layer[:4], 1, layer[5]) if layer[1] == "conv" else layer for layer in layers], input_shape)


@layer_table.mistake("The padding of the convolutions is not used, so your maps are too small.")
def padding_of_convolutions_ignored(right, layers, input_shape):
    return right([(*layer[:5], 0) if layer[1] == "conv" else layer for layer in layers], input_shape)


# linear_as_conv


@exercise(
    LESSON,
    examples=[
        example([[[[1, 2], [3, 4]]]], [[1], [2], [3], [4]], (1, 2, 2)),
        example([[[[1]], [[3]]], [[[2]], [[4]]]], [[1, 2], [3, 4]], (2, 1, 1)),
    ],
    requires=lambda weight, in_shape: min(in_shape) >= 1 and math.prod(in_shape) == len(weight),
)
def linear_as_conv(weight, in_shape):
    units = np.asarray(weight, dtype=float)
    filters = np.zeros((units.shape[1], *in_shape))
    for number, place in enumerate(np.ndindex(*in_shape)):  # the last index runs fastest: row-major
        filters[(slice(None), *place)] = units[number]
    return filters


@linear_as_conv.cases
def _(draw: Draw) -> Iterator[Case]:
    def arguments(units: int, *shape: int) -> tuple[np.ndarray, tuple[int, ...]]:
        return draw.array(math.prod(shape), units), shape

    yield case("one unit, one channel", *arguments(1, 1, 3, 3))
    yield case("one channel, three units", *arguments(3, 1, 2, 3))
    yield case("one pixel", *arguments(2, 4, 1, 1))
    yield case("as many units as inputs", *arguments(8, 2, 2, 2))
    yield case("volume taller than wide", *arguments(2, 3, 4, 2))
    yield case("volume wider than tall", *arguments(3, 2, 1, 5))
    for _ in draw.repeats(4):
        yield case("random", *arguments(draw.size(2, 5), draw.int(2, 4), draw.size(2, 4), draw.int(2, 4)))


@linear_as_conv.mistake(
    "The shape is right, but the numbers are not where they belong: a column of the weight (all inputs of one unit) "
    "is one filter. A reshape alone never moves numbers from columns to rows."
)
def reshaped_without_transposing(right, weight, in_shape):
    return weight.reshape(weight.shape[1], *in_shape)


@linear_as_conv.mistake(
    "The inputs are read as (height, width, channels). In this course a volume (C, H, W) is flattened row by row, "
    "channel after channel."
)
def channels_read_last(right, weight, in_shape):
    channels, height, width = in_shape
    return np.moveaxis(weight.T.reshape(-1, height, width, channels), -1, 1)


@linear_as_conv.mistake(
    "Height and width of the filters are exchanged: within a channel, the width runs fastest (row by row)."
)
def columns_read_first(right, weight, in_shape):
    channels, height, width = in_shape
    return np.swapaxes(weight.T.reshape(-1, channels, width, height), 2, 3)


@linear_as_conv.mistake(
    "The units are the last axis of your filters. A bank of filters is (filters, channels, height, width)."
)
def units_left_last(right, weight, in_shape):
    return np.moveaxis(right(weight, in_shape), 0, -1)


@linear_as_conv.mistake(
    "The filters are turned by half a turn. A convolution layer correlates, so the weight of each input stays in its "
    "input's place."
)
def filters_turned(right, weight, in_shape):
    return right(weight, in_shape)[:, :, ::-1, ::-1]


@linear_as_conv.mistake(
    "The numbers run down the columns (Fortran order). Row-major order is the default of reshape: the last index runs "
    "fastest."
)
def read_in_column_major_order(right, weight, in_shape):
    return weight.T.reshape((weight.shape[1], *in_shape), order="F")


@linear_as_conv.mistake(
    "The weight is transposed but keeps two axes. Each unit's inputs must get back the shape of the volume, (C, H, W)."
)
def transposed_only(right, weight, in_shape):
    return weight.T
