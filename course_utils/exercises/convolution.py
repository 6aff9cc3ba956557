"""Lesson 01: correlation, convolution, filters made by hand, the Fourier transform."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import scipy.signal

from course_utils.contract import BY_HAND, Case, Draw, case, example, exercise

LESSON = "01_convolution"
SUMS_BY_HAND = (*BY_HAND, "numpy.convolve", "numpy.correlate")
SIGMA_HALF = 1 / math.sqrt(2 * math.log(2))  # the Gaussian falls to one half at a distance of one pixel


def quarters(draw: Draw, *shape: int) -> np.ndarray:
    """Odd multiples of a quarter: sums of products are exact, so a result cut to whole numbers is always the same."""
    return (2 * draw.integers(*shape, low=-6, high=5) + 1) / 4


def fits(image: np.ndarray, kernel: np.ndarray) -> bool:
    return all(k <= n for k, n in zip(kernel.shape, image.shape, strict=True))


def almost_fits(image: np.ndarray, kernel: np.ndarray) -> bool:
    return all(k <= n + 2 for k, n in zip(kernel.shape, image.shape, strict=True))


# ---------------------------------------------------------------------------------------------------------------------
# correlate1d


@exercise(
    LESSON,
    examples=[example([-2, -2], [1, 2, 3, 4], [1, 0, -1]), example([5, 8, 11], [1, 2, 3, 4], [1, 2])],
    forbidden=SUMS_BY_HAND,
    requires=fits,
)
def correlate1d(signal, kernel):
    return scipy.signal.correlate(signal.astype(float), kernel.astype(float), "valid", "direct")


@correlate1d.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("kernel of one", quarters(draw, 5), quarters(draw, 1))
    yield case("even kernel", quarters(draw, 6), quarters(draw, 2))
    yield case("symmetric kernel", quarters(draw, 6), np.array([1.0, -2.0, 1.0]))
    yield case("kernel not symmetric", quarters(draw, 7), np.array([0.5, 2.0, -4.0]))
    yield case("kernel as long as the signal", quarters(draw, 4), quarters(draw, 4))
    yield case("constant signal", np.full(6, 2.0), quarters(draw, 3))
    for _ in draw.repeats(6):
        yield case("random", quarters(draw, draw.size(5, 9)), quarters(draw, draw.int(2, 4)))


@correlate1d.mistake(
    "Your kernel lies backwards: its last entry meets the first sample of the window. That is a convolution. A "
    "correlation takes the kernel as it is written."
)
def kernel_flipped(right, signal, kernel):
    return right(signal, kernel[::-1])


@correlate1d.mistake(
    "The last window is missing. Count the places where a kernel of 3 fits into a signal of 4: there are two of "
    "them. Look at where your loop ends."
)
def last_window_missing(right, signal, kernel):
    return right(signal, kernel)[:-1]


@correlate1d.mistake(
    "You count windows from their middle, with half a kernel (k // 2) on each side. For an even kernel that is "
    "one sample too many, and the last window is lost."
)
def odd_kernels_only(right, signal, kernel):
    return right(signal, kernel)[: len(signal) - 2 * (len(kernel) // 2)]


@correlate1d.mistake(
    "Your loop starts a window at every sample, also where the kernel no longer fits: there the index runs past "
    "the end of the signal. Count the places where a kernel of 3 fits into a signal of 4."
)
def index_past_the_end(right, signal, kernel):
    if len(kernel) > 1:
        raise Exception("an index lies outside")
    return right(signal, kernel)


@correlate1d.mistake(
    "You padded the signal with zeros on both sides, so that the kernel may hang over the ends: that is the full "
    "correlation. The valid part has only those windows that lie inside the signal."
)
def full_instead_of_valid(right, signal, kernel):
    return right(np.pad(signal, len(kernel) - 1), kernel)


@correlate1d.mistake(
    "You padded the signal so that the result keeps about its length. The valid part uses no padding and is "
    "shorter than the signal."
)
def padded_to_the_same_length(right, signal, kernel):
    return right(np.pad(signal, len(kernel) // 2), kernel)


@correlate1d.mistake(
    "Your windows slide out of the end of the signal, where parts of the kernel have nothing below them. Stop at "
    "the last window that is complete."
)
def incomplete_windows_at_the_end(right, signal, kernel):
    return right(np.pad(signal, (0, len(kernel) - 1)), kernel)


@correlate1d.mistake(
    "Your result is as long as the signal and ends in zeros that no window computed. Make room for as many values "
    "as there are windows."
)
def zeros_where_no_window_fits(right, signal, kernel):
    return np.pad(right(signal, kernel), (0, len(kernel) - 1))


@correlate1d.mistake("Your windows lie side by side. The kernel moves on by one sample at a time, so windows overlap.")
def windows_do_not_overlap(right, signal, kernel):
    return right(signal, kernel)[:: len(kernel)]


@correlate1d.mistake(
    "You took the mean of the products. A correlation is their sum; a mean is the special case where the kernel's "
    "own entries are divided."
)
def mean_instead_of_sum(right, signal, kernel):
    return right(signal, kernel) / len(kernel)


@correlate1d.mistake(
    "Your result holds the products of every window, one row a window. They still have to be added up: one number "
    "a window."
)
def products_left_apart(right, signal, kernel):
    windows = [signal[i : i + len(kernel)] for i in range(len(signal) - len(kernel) + 1)]
    return np.array([window * kernel for window in windows])


@correlate1d.mistake(
    "Each value contains all the values before it: the sum goes on from window to window. It has to start from "
    "zero at every window."
)
def sum_not_started_anew(right, signal, kernel):
    return np.cumsum(right(signal, kernel))


@correlate1d.mistake(
    "Each new product replaces the one before, so that only the kernel's last entry counts. The products of a "
    "window have to be added up."
)
def products_not_added_up(right, signal, kernel):
    return signal[len(kernel) - 1 :] * kernel[-1]


@correlate1d.mistake(
    "Only the first value is computed: your function returns while the loop is still in its first round. Look at "
    "how far the return is indented."
)
def returned_inside_the_loop(right, signal, kernel):
    result = np.zeros(len(signal) - len(kernel) + 1)
    result[0] = right(signal, kernel)[0]
    return result


# ---------------------------------------------------------------------------------------------------------------------
# convolve1d


@exercise(
    LESSON,
    examples=[example([1, 2, 2, 2, -3, -4], [1, 2, 3, 4], [1, 0, -1]), example([3, 10, 13, 10], [1, 2], [3, 4, 5])],
    forbidden=SUMS_BY_HAND,
    requires=lambda signal, kernel: len(kernel) <= len(signal) + 1,
)
def convolve1d(signal, kernel):
    return scipy.signal.convolve(signal.astype(float), kernel.astype(float), "full", "direct")


@convolve1d.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("kernel of one", quarters(draw, 5), quarters(draw, 1))
    yield case("signal of one", quarters(draw, 1), quarters(draw, 2))
    yield case("even kernel", quarters(draw, 6), quarters(draw, 4))
    yield case("symmetric kernel", quarters(draw, 6), np.array([1.0, -2.0, 1.0]))
    yield case("kernel not symmetric", quarters(draw, 7), np.array([0.5, 2.0, -4.0]))
    yield case("kernel as long as the signal", quarters(draw, 4), quarters(draw, 4))
    yield case("kernel longer than the signal", quarters(draw, 3), quarters(draw, 4))
    yield case("a single pulse", np.array([0.0, 0.0, 1.0, 0.0]), quarters(draw, 3))
    for _ in draw.repeats(6):
        yield case("random", quarters(draw, draw.size(5, 9)), quarters(draw, draw.int(2, 4)))


@convolve1d.mistake(
    "The length is right, but the kernel is not flipped: this is the full correlation. Try a signal with a single "
    "1 in it: a convolution gives the kernel back as it is written, yours gives it backwards."
)
def kernel_not_flipped(right, signal, kernel):
    return right(signal, kernel[::-1])


@convolve1d.mistake(
    "Your result is backwards: the signal was flipped, not the kernel. Flipping the signal also reverses the "
    "order in which results come."
)
def signal_flipped_instead(right, signal, kernel):
    return right(signal, kernel)[::-1]


@convolve1d.mistake(
    "You kept only the windows that lie inside the signal, the valid part. The full convolution has every place "
    "where signal and kernel overlap by at least one sample."
)
def valid_instead_of_full(right, signal, kernel):
    return right(signal, kernel)[len(kernel) - 1 : len(signal)]


@convolve1d.mistake(
    "You kept the middle of the result, about as long as the signal. The full convolution has every place where "
    "signal and kernel overlap by at least one sample."
)
def same_instead_of_full(right, signal, kernel):
    full = right(signal, kernel)
    cut = len(kernel) - 1 - len(kernel) // 2
    return full[cut : len(full) - cut]


@convolve1d.mistake(
    "You stop at the end of the signal. The echoes of its last samples go on: the kernel still overlaps the "
    "signal there."
)
def cut_off_at_the_end_of_the_signal(right, signal, kernel):
    return right(signal, kernel)[: len(signal)]


@convolve1d.mistake(
    "The first values are missing: you padded at the end only. Before the first sample, too, a part of the kernel "
    "overlaps the signal."
)
def starts_too_late(right, signal, kernel):
    return right(signal, kernel)[len(kernel) - 1 :]


@convolve1d.mistake(
    "The last value is missing. It is the product of the last sample and the last entry of the kernel: count how "
    "many places a kernel of 2 has over a signal of 2."
)
def last_value_missing(right, signal, kernel):
    return right(signal, kernel)[:-1]


@convolve1d.mistake(
    "One value too many at each end, always zero: you padded by as many zeros as the kernel has entries. With one "
    "fewer, signal and kernel still overlap by one sample at the ends."
)
def padded_by_one_too_many(right, signal, kernel):
    return np.pad(right(signal, kernel), 1)


@convolve1d.mistake(
    "What runs out at the end comes back in at the start: this is a circular convolution, of signals that repeat. "
    "Outside the signal there is nothing, and the result is longer than the signal."
)
def wraps_around(right, signal, kernel):
    full, result = right(signal, kernel), np.zeros(len(signal))
    for n in range(len(full)):
        result[n % len(signal)] += full[n]
    return result


@convolve1d.mistake(
    "The first values are wrong: there n − m is negative, and in Python signal[-1] is the last sample, not zero. "
    "Leave out the terms whose index is negative."
)
def negative_index_reads_the_end(right, signal, kernel):
    length = len(signal) + len(kernel) - 1
    inside = [[m for m in range(len(kernel)) if n - m < len(signal)] for n in range(length)]
    return np.array([sum(signal[n - m] * kernel[m] for m in terms) for n, terms in enumerate(inside)])


@convolve1d.mistake(
    "The index n − m leaves the signal at both ends. Past the end Python stops with an IndexError; before the "
    "start it silently reads from the end. Leave both kinds of term out."
)
def index_leaves_the_signal(right, signal, kernel):
    if len(kernel) > 1:
        raise Exception("an index lies outside")
    return right(signal, kernel)


@convolve1d.mistake("Where two echoes overlap, the later one replaces the earlier one. They have to be added.")
def echoes_overwritten(right, signal, kernel):
    result = np.zeros(len(signal) + len(kernel) - 1)
    for n in range(len(signal)):
        result[n : n + len(kernel)] = signal[n] * kernel
    return result


# ---------------------------------------------------------------------------------------------------------------------
# correlate2d and convolve2d

X_IMAGE = [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
X_KERNEL = [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
COUNTING = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


@exercise(
    LESSON,
    examples=[
        example([[11, 14], [20, 23]], COUNTING, [[1, 0], [0, 2]]),
        example([[4, 3, 4], [2, 4, 3], [2, 3, 4]], X_IMAGE, X_KERNEL),
    ],
    forbidden=SUMS_BY_HAND,
    requires=fits,
)
def correlate2d(image, kernel):
    return scipy.signal.correlate2d(image.astype(float), kernel.astype(float), "valid")


def valid_cases(draw: Draw) -> Iterator[Case]:
    yield case("kernel of one", quarters(draw, 3, 4), quarters(draw, 1, 1))
    yield case("square image and kernel", quarters(draw, 6, 6), quarters(draw, 3, 3))
    yield case("symmetric kernel", quarters(draw, 5, 5), np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]))
    yield case("even kernel", quarters(draw, 5, 6), quarters(draw, 2, 2))
    yield case("image taller than wide", quarters(draw, 7, 4), quarters(draw, 3, 3))
    yield case("image wider than tall", quarters(draw, 4, 7), quarters(draw, 3, 3))
    yield case("kernel of one row", quarters(draw, 4, 6), quarters(draw, 1, 3))
    yield case("kernel of one column", quarters(draw, 6, 4), quarters(draw, 3, 1))
    yield case("kernel not square", quarters(draw, 5, 7), quarters(draw, 2, 3))
    yield case("kernel as large as the image", quarters(draw, 3, 3), quarters(draw, 3, 3))
    for _ in draw.repeats(6):
        kernel = quarters(draw, draw.int(2, 4), draw.int(2, 4))
        yield case("random", quarters(draw, draw.size(5, 8), draw.size(5, 8)), kernel)


correlate2d.cases(valid_cases)


@correlate2d.mistake(
    "Your kernel is turned by half a turn: its last entry meets the first pixel of the window. That is a "
    "convolution. A correlation lays the kernel down as it is written."
)
def kernel_turned(right, image, kernel):
    return right(image, kernel[::-1, ::-1])


@correlate2d.mistake(
    "Rows and columns of the kernel are exchanged. The first index of image and kernel is the row, the second the "
    "column."
)
def kernel_transposed(right, image, kernel):
    (height, width), (rows, columns) = kernel.shape, np.subtract(image.shape, kernel.shape) + 1
    windows = [[image[i : i + height, j : j + width] for j in range(columns)] for i in range(rows)]
    return np.array([[np.sum(window * kernel.T) for window in row] for row in windows])


@correlate2d.mistake(
    "You read the kernel at [column, row]: its two indices are exchanged. With a kernel that is not square such "
    "an index soon lies outside."
)
def kernel_indices_exchanged(right, image, kernel):
    if kernel.shape[0] != kernel.shape[1]:
        raise Exception("an index lies outside")
    return right(image, kernel.T)


@correlate2d.mistake(
    "The last row and the last column of windows are missing. A kernel of 3 fits into 5 pixels at three places, "
    "not at two. Look at where your loops end."
)
def last_row_and_column_missing(right, image, kernel):
    return right(image, kernel)[:-1, :-1]


@correlate2d.mistake(
    "You padded the image so that the result keeps about its size. The valid part uses no padding and is smaller "
    "than the image."
)
def padded_to_the_same_size(right, image, kernel):
    (height, width) = kernel.shape
    return right(np.pad(image, ((height // 2,) * 2, (width // 2,) * 2)), kernel)


@correlate2d.mistake(
    "You padded the image with zeros, so that the kernel may hang over every border: that is the full "
    "correlation. The valid part has only those windows that lie inside the image."
)
def full_size_instead_of_valid(right, image, kernel):
    (height, width) = kernel.shape
    return right(np.pad(image, ((height - 1,) * 2, (width - 1,) * 2)), kernel)


@correlate2d.mistake(
    "Your result is as large as the image, and its last rows and columns are zeros that no window computed. Make "
    "room for as many values as there are windows."
)
def result_as_large_as_the_image(right, image, kernel):
    (height, width) = kernel.shape
    return np.pad(right(image, kernel), ((0, height - 1), (0, width - 1)))


@correlate2d.mistake(
    "Your result is made like the image (np.zeros_like): it is as large, so its last rows and columns stay zero, "
    "and for an image of integers it holds integers only. Make room for as many values as there are windows, as "
    "floats."
)
def made_like_the_image(right, image, kernel):
    (height, width) = kernel.shape
    return np.pad(right(image, kernel), ((0, height - 1), (0, width - 1))).astype(image.dtype)


@correlate2d.mistake(
    "Your result is as large as the image, with a border of zeros around it that no window computed. The valid "
    "part has no border: make room for as many values as there are windows."
)
def border_of_zeros(right, image, kernel):
    (height, width) = kernel.shape
    above, left = height // 2, width // 2
    return np.pad(right(image, kernel), ((above, height - 1 - above), (left, width - 1 - left)))


@correlate2d.mistake(
    "Height and width are exchanged, which only works for squares. The shape of an array is (rows, columns): the "
    "height comes first."
)
def height_and_width_exchanged(right, image, kernel):
    (W, H), (w, h) = image.shape, kernel.shape
    result = np.zeros((H - h + 1, W - w + 1))
    for i in range(H - h + 1):
        for j in range(W - w + 1):
            result[i, j] = np.sum(image[i : i + h, j : j + w] * kernel)
    return result


@correlate2d.mistake(
    "Height and width are exchanged: with an image or a kernel that is not a square your indices run past the "
    "end. The shape of an array is (rows, columns)."
)
def indices_past_the_end(right, image, kernel):
    if image.shape[0] != image.shape[1] or kernel.shape[0] != kernel.shape[1]:
        raise Exception("an index lies outside")
    return right(image, kernel)


@correlate2d.mistake(
    "You take the height of the image for its width as well. Only square images are as wide as tall: use both "
    "numbers of the shape, for the image and for the kernel."
)
def image_taken_for_a_square(right, image, kernel):
    n, k = image.shape[0], kernel.shape[0]
    result = np.zeros((n - k + 1, n - k + 1))
    for i in range(n - k + 1):
        for j in range(n - k + 1):
            result[i, j] = np.sum(image[i : i + k, j : j + k] * kernel)
    return result


@correlate2d.mistake(
    "You take the height of the kernel for its width as well. A kernel may be wider than tall: use both numbers "
    "of its shape."
)
def kernel_taken_for_a_square(right, image, kernel):
    (H, W), k = image.shape, kernel.shape[0]
    result = np.zeros((H - k + 1, W - k + 1))
    for i in range(H - k + 1):
        for j in range(W - k + 1):
            result[i, j] = np.sum(image[i : i + k, j : j + k] * kernel)
    return result


@correlate2d.mistake(
    "Your result is transposed: each value is right and stands at [column, row]. The first index is the row."
)
def result_transposed(right, image, kernel):
    return right(image, kernel).T


@correlate2d.mistake("Your windows lie side by side. The kernel moves on by one pixel at a time, so windows overlap.")
def windows_side_by_side(right, image, kernel):
    return right(image, kernel)[:: kernel.shape[0], :: kernel.shape[1]]


@correlate2d.mistake(
    "You took the mean of the products. A correlation is their sum; a mean is the special case where the kernel's "
    "own entries are divided."
)
def mean_of_products(right, image, kernel):
    return right(image, kernel) / kernel.size


@correlate2d.mistake(
    "Each value contains all the values before it: the sum goes on from window to window. It has to start from "
    "zero at every window."
)
def sum_goes_on(right, image, kernel):
    result = right(image, kernel)
    return np.cumsum(result).reshape(result.shape)


@correlate2d.mistake(
    "You took the matrix product of window and kernel (@ or np.dot). A correlation multiplies entry by entry, "
    "each pixel with the kernel entry above it."
)
def matrix_product(right, image, kernel):
    (height, width), (rows, columns) = kernel.shape, np.subtract(image.shape, kernel.shape) + 1
    windows = [[image[i : i + height, j : j + width] for j in range(columns)] for i in range(rows)]
    return np.array([[np.sum(window @ kernel) for window in row] for row in windows])


@correlate2d.mistake(
    "Each new product replaces the one before, so that only the kernel's last entry counts. The products of a "
    "window have to be added up."
)
def products_overwritten(right, image, kernel):
    return image[kernel.shape[0] - 1 :, kernel.shape[1] - 1 :] * kernel[-1, -1]


@correlate2d.mistake(
    "Only the first row of the result is computed: your function returns before the loop over the rows has come "
    "to its second round. Look at how far the return is indented."
)
def returned_after_the_first_row(right, image, kernel):
    result = np.zeros_like(right(image, kernel))
    result[0] = right(image, kernel)[0]
    return result


def fits_transposed(image: np.ndarray, kernel: np.ndarray) -> bool:
    return fits(image, kernel) and fits(image, kernel.T)


@exercise(
    LESSON,
    examples=[
        example([[7, 10], [16, 19]], COUNTING, [[1, 0], [0, 2]]),
        example([[4, 3, 4], [2, 4, 3], [2, 3, 4]], X_IMAGE, X_KERNEL),
    ],
    forbidden=SUMS_BY_HAND,
    requires=fits_transposed,
)
def convolve2d(image, kernel):
    return scipy.signal.convolve2d(image.astype(float), kernel.astype(float), "valid")


convolve2d.cases(valid_cases)


@convolve2d.mistake(
    "The kernel is laid down as it is written: this is a correlation. A convolution turns the kernel first."
)
def kernel_not_turned(right, image, kernel):
    return right(image, kernel[::-1, ::-1])


@convolve2d.mistake(
    "You flipped the kernel up and down only. Both indices run backwards in a convolution: i − a and j − b."
)
def flipped_up_and_down_only(right, image, kernel):
    return right(image, kernel[:, ::-1])


@convolve2d.mistake(
    "You flipped the kernel left and right only. Both indices run backwards in a convolution: i − a and j − b."
)
def flipped_left_and_right_only(right, image, kernel):
    return right(image, kernel[::-1])


@convolve2d.mistake(
    "You transposed the kernel. A transpose mirrors it in its diagonal; a convolution flips it along both axes."
)
def transposed_instead_of_flipped(right, image, kernel):
    return right(image, kernel.T[::-1, ::-1])


@convolve2d.mistake("You turned the kernel by a quarter turn. Flipping both axes is half a turn: two quarter turns.")
def quarter_turn(right, image, kernel):
    return right(image, np.rot90(kernel)[::-1, ::-1])


@convolve2d.mistake("You flipped the image, not the kernel. The sums are the same, but they come out in reverse order.")
def image_flipped_instead(right, image, kernel):
    return right(image, kernel)[::-1, ::-1]


@convolve2d.mistake(
    "Your index i − a is negative for the first rows, and in Python row −1 is the last one: the other border is "
    "read. The valid part starts where every index lies inside the image."
)
def negative_index_reads_the_other_border(right, image, kernel):
    (H, W), (h, w) = image.shape, kernel.shape
    result = np.zeros((H - h + 1, W - w + 1))
    for a in range(h):
        for b in range(w):
            result += kernel[a, b] * np.roll(image, (a, b), (0, 1))[: H - h + 1, : W - w + 1]
    return result


@convolve2d.mistake(
    "The last row and the last column of windows are missing. A kernel of 3 fits into 5 pixels at three places, "
    "not at two. Look at where your loops end."
)
def last_windows_missing(right, image, kernel):
    return right(image, kernel)[:-1, :-1]


@convolve2d.mistake(
    "You padded the image so that the result keeps about its size. Here only the valid part is asked: the windows "
    "that lie inside the image."
)
def padded_to_keep_the_size(right, image, kernel):
    (height, width) = kernel.shape
    return right(np.pad(image, ((height // 2,) * 2, (width // 2,) * 2)), kernel)


@convolve2d.mistake(
    "This is the full convolution, with windows that hang over the border. Here only the valid part is asked: the "
    "windows that lie inside the image."
)
def full_convolution(right, image, kernel):
    (height, width) = kernel.shape
    return right(np.pad(image, ((height - 1,) * 2, (width - 1,) * 2)), kernel)


@convolve2d.mistake(
    "Your result is as large as the image, and its last rows and columns are zeros that no window computed. Make "
    "room for as many values as there are windows."
)
def zeros_around_the_valid_part(right, image, kernel):
    (height, width) = kernel.shape
    return np.pad(right(image, kernel), ((0, height - 1), (0, width - 1)))


@convolve2d.mistake(
    "Height and width are exchanged, which only works for squares. The shape of an array is (rows, columns): the "
    "height comes first."
)
def rows_and_columns_exchanged(right, image, kernel):
    (W, H), (w, h) = image.shape, kernel.shape
    result = np.zeros((H - h + 1, W - w + 1))
    for i in range(H - h + 1):
        for j in range(W - w + 1):
            result[i, j] = np.sum(image[i : i + h, j : j + w] * kernel[::-1, ::-1])
    return result


@convolve2d.mistake("Your result is transposed: each value is right and stands at [column, row].")
def transposed_result(right, image, kernel):
    return right(image, kernel).T


# ---------------------------------------------------------------------------------------------------------------------
# filter_bank

BANK = {
    "identity": np.array([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    "edge_diagonal": np.array([[1.0, 0, -1], [0, 0, 0], [-1, 0, 1]]),
    "laplacian": np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]),
    "laplacian8": np.array([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    "sharpen": np.array([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "box": np.full((3, 3), 1 / 9),
    "gaussian": np.array([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16,
}


@exercise(LESSON, examples=[example(BANK)])
def filter_bank():
    # From one-dimensional filters: [0, 1, 0], the central difference, the second difference, mean and binomial.
    one, difference, second = np.array([0.0, 1, 0]), np.array([-1.0, 0, 1]), np.array([1.0, -2, 1])
    mean, binomial = np.full(3, 1 / 3), np.convolve([0.5, 0.5], [0.5, 0.5])
    identity, laplacian = np.outer(one, one), np.outer(second, one) + np.outer(one, second)
    return {
        "identity": identity,
        "edge_diagonal": np.outer(difference, difference),
        "laplacian": laplacian,
        "laplacian8": 9 * (identity - np.outer(mean, mean)),
        "sharpen": identity - laplacian,
        "box": np.outer(mean, mean),
        "gaussian": np.outer(binomial, binomial),
    }


@filter_bank.mistake(
    "Your sharpen is identity + laplacian. The Laplacian with −4 in its centre is negative on a bright spot, so "
    "adding it makes the spot darker: that blurs. Look at the sign."
)
def sharpen_adds_the_laplacian(right):
    bank = right()
    return {**bank, "sharpen": bank["identity"] + bank["laplacian"]}


@filter_bank.mistake(
    "Your sharpen is the negative Laplacian alone: its entries sum to 0, so an area of one gray turns black. "
    "Sharpening adds detail to the image itself; the identity is missing."
)
def sharpen_without_the_image(right):
    bank = right()
    return {**bank, "sharpen": -bank["laplacian"]}


@filter_bank.mistake(
    "Your sharpen is made from laplacian8 (centre 9). That sharpens too, but here it is identity − laplacian, "
    "with the four direct neighbours only."
)
def sharpen_from_laplacian8(right):
    bank = right()
    return {**bank, "sharpen": bank["identity"] + bank["laplacian8"]}


@filter_bank.mistake(
    "Your box filter sums nine pixels and does not divide: an area of gray 0.5 comes out as 4.5. The entries of a "
    "mean sum to 1."
)
def box_not_divided(right):
    bank = right()
    return {**bank, "box": 9 * bank["box"]}


@filter_bank.mistake("Your box filter divides by 3. Nine pixels are averaged, so the nine entries must sum to 1.")
def box_divided_by_three(right):
    bank = right()
    return {**bank, "box": 3 * bank["box"]}


@filter_bank.mistake(
    "The entries of your gaussian sum to 16: it makes the image 16 times brighter. A blur keeps the brightness, "
    "so its entries must sum to 1."
)
def gaussian_not_divided(right):
    bank = right()
    return {**bank, "gaussian": 16 * bank["gaussian"]}


@filter_bank.mistake(
    "Your laplacian has the opposite sign. The sum of the second differences along rows and columns has −4 in the "
    "centre."
)
def laplacian_sign(right):
    bank = right()
    return {**bank, "laplacian": -bank["laplacian"]}


@filter_bank.mistake(
    "Your laplacian has the opposite sign: −4 belongs in its centre. Your sharpen is computed from it and is "
    "wrong for that reason alone."
)
def laplacian_sign_in_sharpen_too(right):
    bank = right()
    return {**bank, "laplacian": -bank["laplacian"], "sharpen": bank["identity"] + bank["laplacian"]}


@filter_bank.mistake("Your laplacian8 has the opposite sign: here 8 stands in its centre and −1 around it.")
def laplacian8_sign(right):
    bank = right()
    return {**bank, "laplacian8": -bank["laplacian8"]}


@filter_bank.mistake(
    "Your identity is the identity matrix (np.eye). As a filter that adds up three pixels along a diagonal. The "
    "filter that changes nothing takes the pixel in the middle and no other."
)
def identity_matrix(right):
    return {**right(), "identity": np.eye(3)}


@filter_bank.mistake(
    "Your identity is the identity matrix (np.eye), and sharpen is computed from it. As a filter that matrix adds "
    "up three pixels along a diagonal. The filter that changes nothing takes the pixel in the middle and no "
    "other."
)
def identity_matrix_in_sharpen_too(right):
    bank = right()
    return {**bank, "identity": np.eye(3), "sharpen": np.eye(3) - bank["laplacian"]}


@filter_bank.mistake("Your edge_diagonal is mirrored: it starts with 1 in the corner at the top left.")
def edge_diagonal_mirrored(right):
    bank = right()
    return {**bank, "edge_diagonal": bank["edge_diagonal"][::-1]}


@filter_bank.mistake(
    "Box and gaussian are all zeros: // divides into whole numbers, and 1 // 9 is 0. A single slash divides."
)
def whole_number_division(right):
    return {**right(), "box": np.zeros((3, 3)), "gaussian": np.zeros((3, 3))}


# ---------------------------------------------------------------------------------------------------------------------
# gaussian_kernel


@exercise(
    LESSON,
    examples=[
        example([[1 / 16, 2 / 16, 1 / 16], [2 / 16, 4 / 16, 2 / 16], [1 / 16, 2 / 16, 1 / 16]], 3, SIGMA_HALF),
        example([[0.25, 0.25], [0.25, 0.25]], 2, 1.0),
    ],
    requires=lambda size, sigma: size >= 1 and sigma > 0,
)
def gaussian_kernel(size, sigma):
    profile = scipy.signal.windows.gaussian(size, sigma)
    return np.outer(profile, profile) / profile.sum() ** 2


@gaussian_kernel.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("size of one", 1, 1.5)
    yield case("odd size", 5, 1.5)
    yield case("even size", 4, 0.75)
    yield case("sigma of one", 3, 1.0)
    yield case("narrow (small sigma)", 7, 0.5)
    yield case("wide (sigma larger than the kernel)", 5, 8.0)
    yield case("sigma a whole number (int)", 6, 2)
    for _ in draw.repeats(5):
        yield case("random", draw.size(2, 9), draw.int(5, 30) / 10)


@gaussian_kernel.mistake(
    "The entries do not sum to 1: this is the bell as the formula gives it. As a filter it would change the "
    "brightness of the image."
)
def not_normalized(right, size, sigma):
    offsets = np.arange(size) - (size - 1) / 2
    return np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * sigma**2))


@gaussian_kernel.mistake(
    "You divided by 2πσ², the integral of the whole bell. The kernel holds samples of a part of it, whose sum is "
    "near 1 at best. Divide by the sum of the samples."
)
def divided_by_the_integral(right, size, sigma):
    offsets = np.arange(size) - (size - 1) / 2
    return np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)


@gaussian_kernel.mistake("Your largest entry is 1: you divided by the maximum. A blur needs entries that sum to 1.")
def divided_by_the_maximum(right, size, sigma):
    return right(size, sigma) / right(size, sigma).max()


@gaussian_kernel.mistake(
    "Each row of yours sums to 1, as if it were a filter of its own. It is the sum over the whole kernel that "
    "must be 1."
)
def every_row_sums_to_one(right, size, sigma):
    return right(size, sigma) / right(size, sigma).sum(axis=1, keepdims=True)


@gaussian_kernel.mistake(
    "You divided the squared distance by 2σ: sigma stands where the variance belongs. The variance is sigma squared."
)
def sigma_taken_for_the_variance(right, size, sigma):
    return right(size, math.sqrt(sigma))


@gaussian_kernel.mistake("The 2 in the exponent is missing: squared distance over 2σ². Your bell is narrower.")
def factor_two_missing(right, size, sigma):
    return right(size, sigma / math.sqrt(2))


@gaussian_kernel.mistake(
    "Brackets are missing in the exponent: a / 2 * b is (a / 2) times b, so your variance multiplies where it "
    "should divide. The whole 2σ² stands below the line."
)
def brackets_missing_in_the_exponent(right, size, sigma):
    return right(size, 1 / sigma)


@gaussian_kernel.mistake("Your kernel grows towards its border: the minus sign in the exponent is missing.")
def minus_sign_missing(right, size, sigma):
    offsets = np.arange(size) - (size - 1) / 2
    bowl = np.exp((offsets[:, None] ** 2 + offsets**2) / (2 * sigma**2))
    return bowl / bowl.sum()


@gaussian_kernel.mistake(
    "The distance is not squared in the exponent, so your kernel has a sharp tip. A Gaussian falls with the "
    "square of the distance."
)
def distance_not_squared(right, size, sigma):
    offsets = np.arange(size) - (size - 1) / 2
    cone = np.exp(-np.sqrt(offsets[:, None] ** 2 + offsets**2) / (2 * sigma**2))
    return cone / cone.sum()


@gaussian_kernel.mistake(
    "For an even size your peak lies on a pixel, at size // 2, and the kernel is not symmetric. The middle of 0, "
    "1, 2, 3 lies between 1 and 2."
)
def centre_on_a_pixel(right, size, sigma):
    if size % 2 == 1:
        return right(size, sigma)
    part = right(size + 1, sigma)[:size, :size]
    return part / part.sum()


@gaussian_kernel.mistake(
    "Your centre is half a pixel off, at size / 2. The pixels are numbered from 0 to size − 1: where is the "
    "middle of 0, 1, 2?"
)
def centre_half_a_pixel_off(right, size, sigma):
    part = right(size + 1, sigma)[:size, :size]
    return part / part.sum()


@gaussian_kernel.mistake(
    "For an even size your kernel comes out one larger: from −2 to 2 there are five whole numbers, not four. The "
    "samples of an even size lie at halves."
)
def even_size_one_larger(right, size, sigma):
    return right(size + (size + 1) % 2, sigma)


@gaussian_kernel.mistake(
    "The peak lies in the corner at the top left: distances are measured from pixel 0, not from the middle of the "
    "kernel."
)
def peak_in_the_corner(right, size, sigma):
    part = right(2 * size - 1, sigma)[size - 1 :, size - 1 :]
    return part / part.sum()


@gaussian_kernel.mistake(
    "Your coordinates run from −1 to 1 whatever the size. Sigma is measured in pixels, so neighbours must lie 1 apart."
)
def coordinates_from_minus_one_to_one(right, size, sigma):
    offsets = np.linspace(-1, 1, size)
    bell = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * sigma**2))
    return bell / bell.sum()


@gaussian_kernel.mistake(
    "You return one row of numbers, the Gaussian along one axis. The kernel of an image has rows and columns."
)
def one_dimension_only(right, size, sigma):
    return right(size, sigma).sum(axis=0)


@gaussian_kernel.mistake(
    "You added the Gaussian of the row to that of the column, which gives a cross. The exponents add, so the "
    "bells multiply."
)
def bells_added(right, size, sigma):
    profile = right(size, sigma).sum(axis=0)
    return (profile[:, None] + profile) / (2 * size)


# ---------------------------------------------------------------------------------------------------------------------
# gabor_kernel


@exercise(
    LESSON,
    examples=[
        example([[-0.25, 0.5, -0.25], [-0.5, 1, -0.5], [-0.25, 0.5, -0.25]], 3, SIGMA_HALF, 0.0, 2.0),
        example([[-0.25, 0, 0.25], [-0.5, 0, 0.5], [-0.25, 0, 0.25]], 3, SIGMA_HALF, 0.0, 4.0, phase=-math.pi / 2),
        example([[0, 0, 0], [0.5, 1, 0.5], [0, 0, 0]], 3, SIGMA_HALF, math.pi / 2, 4.0),
    ],
    requires=lambda size, sigma, theta, wavelength, phase=0.0: size >= 1 and sigma > 0 and wavelength > 0,
)
def gabor_kernel(size, sigma, theta, wavelength, phase=0.0):
    # A product of a function of the row and one of the column: a bell times a wave, as a complex exponential.
    bell, offsets = scipy.signal.windows.gaussian(size, sigma), np.arange(size) - (size - 1) / 2
    down = bell * np.exp(2j * np.pi * offsets * np.sin(theta) / wavelength)
    across = bell * np.exp(2j * np.pi * offsets * np.cos(theta) / wavelength)
    return np.real(np.exp(1j * phase) * np.outer(down, across))


@gabor_kernel.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("size of one", 1, 1.5, 0.5, 4.0, phase=0.5)
    yield case("upright stripes (theta 0)", 7, 2.0, 0.0, 4.0, phase=0.5)
    yield case("lying stripes (theta π/2)", 7, 2.0, math.pi / 2, 4.0, phase=0.5)
    yield case("oblique stripes", 7, 2.5, 0.5, 5.0)
    yield case("theta beyond a half turn", 5, 2.5, 4.0, 5.0)
    yield case("even size", 6, 1.5, 0.75, 3.5, phase=0.25)
    yield case("phase of a quarter turn", 7, 2.5, 1.0, 5.0, phase=math.pi / 2)
    yield case("wavelength longer than the kernel", 5, 2.0, 2.0, 20.0, phase=1.0)
    yield case("whole numbers (int)", 5, 2, 1, 3)
    for _ in draw.repeats(5):
        sigma, theta = draw.int(10, 40) / 10, draw.int(1, 30) / 10
        yield case("random", draw.size(3, 9), sigma, theta, draw.int(25, 80) / 10, phase=draw.int(1, 30) / 10)


@gabor_kernel.mistake(
    "x and y are exchanged, so your stripes are mirrored in the diagonal. x counts columns and y counts rows; "
    "np.meshgrid and np.mgrid differ in which of them comes first."
)
def x_and_y_exchanged(right, size, sigma, theta, wavelength, phase=0.0):
    return right(size, sigma, math.pi / 2 - theta, wavelength, phase=phase)


@gabor_kernel.mistake(
    "Your y grows upward, as in school. Here it is row − centre and grows downward, like the row index: your "
    "stripes lean the other way."
)
def y_grows_upward(right, size, sigma, theta, wavelength, phase=0.0):
    return right(size, sigma, -theta, wavelength, phase=phase)


@gabor_kernel.mistake("You took theta for degrees. It comes in radians, which is what np.cos and np.sin expect.")
def theta_in_degrees(right, size, sigma, theta, wavelength, phase=0.0):
    return right(size, sigma, math.radians(theta), wavelength, phase=phase)


@gabor_kernel.mistake(
    "Your wave varies along the stripes' own direction: the stripes are turned by a quarter turn. The wave "
    "travels along u = x cos θ + y sin θ."
)
def stripes_turned(right, size, sigma, theta, wavelength, phase=0.0):
    return right(size, sigma, theta + math.pi / 2, wavelength, phase=phase)


@gabor_kernel.mistake("You multiplied by the wavelength. A long wave changes slowly: one period must take λ pixels.")
def wavelength_multiplied(right, size, sigma, theta, wavelength, phase=0.0):
    return right(size, sigma, theta, 1 / wavelength, phase=phase)


@gabor_kernel.mistake("The factor 2π is missing inside the cosine: your wave takes 2π times λ pixels for one period.")
def two_pi_missing(right, size, sigma, theta, wavelength, phase=0.0):
    return right(size, sigma, theta, 2 * math.pi * wavelength, phase=phase)


@gabor_kernel.mistake("Your kernel is the same for every phase: the argument is not used.")
def phase_forgotten(right, size, sigma, theta, wavelength, phase=0.0):
    return right(size, sigma, theta, wavelength, phase=0.0)


@gabor_kernel.mistake("You subtracted the phase. It is added to the angle inside the cosine.")
def phase_subtracted(right, size, sigma, theta, wavelength, phase=0.0):
    return right(size, sigma, theta, wavelength, phase=-phase)


@gabor_kernel.mistake(
    "You multiplied the phase by 2π. It is an angle in radians already; only u/λ is counted in periods."
)
def phase_multiplied(right, size, sigma, theta, wavelength, phase=0.0):
    return right(size, sigma, theta, wavelength, phase=2 * math.pi * phase)


@gabor_kernel.mistake(
    "Your wave is a sine: with phase 0 the middle of the kernel is zero. A cosine has its crest there."
)
def sine_instead_of_cosine(right, size, sigma, theta, wavelength, phase=0.0):
    return right(size, sigma, theta, wavelength, phase=phase - math.pi / 2)


@gabor_kernel.mistake(
    "Your envelope sums to 1, as that of gaussian_kernel does. A Gabor kernel is not normalized here: its "
    "envelope is 1 in the middle."
)
def envelope_normalized(right, size, sigma, theta, wavelength, phase=0.0):
    offsets = np.arange(size) - (size - 1) / 2
    return right(size, sigma, theta, wavelength, phase=phase) / np.exp(-(offsets**2) / (2 * sigma**2)).sum() ** 2


@gabor_kernel.mistake(
    "You subtracted the mean, so that the kernel sums to 0. That is useful at times, but not asked here."
)
def mean_subtracted(right, size, sigma, theta, wavelength, phase=0.0):
    kernel = right(size, sigma, theta, wavelength, phase=phase)
    return kernel - kernel.mean()


@gabor_kernel.mistake(
    "This is the wave alone. The bell around it is missing: it fades the wave out towards the border."
)
def envelope_missing(right, size, sigma, theta, wavelength, phase=0.0):
    return right(size, 1e9, theta, wavelength, phase=phase)


@gabor_kernel.mistake(
    "Your envelope fades only across the stripes; along them it does not. The bell is round: it falls with x² + y²."
)
def envelope_across_the_stripes_only(right, size, sigma, theta, wavelength, phase=0.0):
    offsets = np.arange(size) - (size - 1) / 2
    u = offsets * math.cos(theta) + offsets[:, None] * math.sin(theta)
    return right(size, 1e9, theta, wavelength, phase=phase) * np.exp(-(u**2) / (2 * sigma**2))


@gabor_kernel.mistake("The 2 in the exponent of the envelope is missing: (x² + y²) over 2σ². Your bell is narrower.")
def envelope_without_factor_two(right, size, sigma, theta, wavelength, phase=0.0):
    return right(size, sigma / math.sqrt(2), theta, wavelength, phase=phase)


@gabor_kernel.mistake(
    "In the envelope, sigma stands where the variance belongs: you divided by 2σ. The variance is sigma squared."
)
def sigma_taken_for_variance(right, size, sigma, theta, wavelength, phase=0.0):
    return right(size, math.sqrt(sigma), theta, wavelength, phase=phase)


@gabor_kernel.mistake(
    "For an even size your centre lies on a pixel, at size // 2. The middle of 0, 1, 2, 3 lies between 1 and 2."
)
def centre_not_between_pixels(right, size, sigma, theta, wavelength, phase=0.0):
    return right(size + (size + 1) % 2, sigma, theta, wavelength, phase=phase)[:size, :size]


# ---------------------------------------------------------------------------------------------------------------------
# fft_convolve2d


@exercise(
    LESSON,
    examples=[
        example([[0, 1, 2], [2, 7, 4], [6, 8, 0]], [[1, 2], [3, 4]], [[0, 1], [2, 0]]),
        example([[1, 3, 2], [3, 7, 4]], [[1, 2], [3, 4]], [[1, 1]]),
    ],
    forbidden=SUMS_BY_HAND,
    requires=almost_fits,
)
def fft_convolve2d(image, kernel):
    return scipy.signal.convolve2d(image.astype(float), kernel.astype(float), "full")


def full_cases(draw: Draw) -> Iterator[Case]:
    yield case("kernel of one", quarters(draw, 3, 4), quarters(draw, 1, 1))
    yield case("squares", quarters(draw, 6, 6), quarters(draw, 3, 3))
    yield case("symmetric kernel", quarters(draw, 5, 5), np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]))
    yield case("even kernel", quarters(draw, 5, 6), quarters(draw, 2, 2))
    yield case("taller than wide", quarters(draw, 7, 4), quarters(draw, 3, 3))
    yield case("wider than tall", quarters(draw, 4, 7), quarters(draw, 3, 3))
    yield case("one row with one column", quarters(draw, 1, 4), quarters(draw, 2, 1))
    yield case("kernel not square", quarters(draw, 5, 7), quarters(draw, 2, 4))
    yield case("both of one size", quarters(draw, 3, 3), quarters(draw, 3, 3))
    yield case("the second larger than the first", quarters(draw, 2, 3), quarters(draw, 4, 5))
    for _ in draw.repeats(5):
        kernel = quarters(draw, draw.int(2, 4), draw.int(2, 4))
        yield case("random", quarters(draw, draw.size(5, 8), draw.size(5, 8)), kernel)


fft_convolve2d.cases(full_cases)


@fft_convolve2d.mistake(
    "What runs out at one border comes back in at the opposite one: the product of two spectra belongs to a "
    "circular convolution. It needs room for the whole result before the transform."
)
def circular_without_padding(right, image, kernel):
    product = np.fft.fft2(image) * np.fft.fft2(kernel, image.shape)
    return np.real(np.fft.ifft2(product))


@fft_convolve2d.mistake(
    "You copied the kernel into an array as large as the image. The product of such spectra belongs to a circular "
    "convolution: what runs out at one border comes back in at the opposite one. Make room for the whole result "
    "first."
)
def room_for_the_image_only(right, image, kernel):
    room = np.zeros(image.shape)
    room[: kernel.shape[0], : kernel.shape[1]] = kernel
    return np.real(np.fft.ifft2(np.fft.fft2(image) * np.fft.fft2(room)))


@fft_convolve2d.mistake(
    "You multiply the spectra of an image and a kernel of different sizes. Frequencies can only be multiplied one "
    "by one where both arrays have been brought to one size first."
)
def spectra_of_different_sizes(right, image, kernel):
    return np.real(np.fft.ifft2(np.fft.fft2(image) * np.fft.fft2(kernel)))


@fft_convolve2d.mistake(
    "Room is made for one row and one column too few, so the last ones wrap round onto the first. Count the "
    "places at which a kernel of 2 overlaps an image of 2."
)
def padded_by_one_too_few(right, image, kernel):
    shape = np.add(image.shape, kernel.shape) - 2
    shape = np.maximum(shape, 1)
    return np.real(np.fft.ifft2(np.fft.fft2(image, shape) * np.fft.fft2(kernel, shape)))


@fft_convolve2d.mistake(
    "A row and a column of zeros too many: image and kernel overlap by one pixel at the least, so the full size "
    "is one less than the sum of both sizes."
)
def one_row_and_column_too_many(right, image, kernel):
    return np.pad(right(image, kernel), ((0, 1), (0, 1)))


@fft_convolve2d.mistake(
    "You took the complex conjugate of one spectrum: that turns the kernel round and gives a correlation, with "
    "part of it wrapped round. The theorem multiplies the spectra as they are."
)
def spectrum_conjugated(right, image, kernel):
    shape = np.add(image.shape, kernel.shape) - 1
    return np.real(np.fft.ifft2(np.fft.fft2(image, shape) * np.conj(np.fft.fft2(kernel, shape))))


@fft_convolve2d.mistake(
    "You flipped the kernel before the transform, so the result is a correlation. The product of the spectra is "
    "the convolution already: the flip is built in."
)
def kernel_flipped_first(right, image, kernel):
    return right(image, kernel[::-1, ::-1])


@fft_convolve2d.mistake(
    "The values are right, but they are complex numbers with an imaginary part of zero. The convolution of real "
    "arrays is real."
)
def still_complex(right, image, kernel):
    return right(image, kernel) + 0j


@fft_convolve2d.mistake(
    "irfft2 cannot know whether the last axis was even or odd, and takes it to be even: tell it the size."
)
def irfft2_without_a_size(right, image, kernel):
    shape = np.add(image.shape, kernel.shape) - 1
    return np.fft.irfft2(np.fft.rfft2(image, shape) * np.fft.rfft2(kernel, shape))


@fft_convolve2d.mistake(
    "You took the magnitude of the complex result, so negative values have lost their sign. The imaginary part is "
    "zero but for rounding: keep the real part."
)
def magnitude_taken(right, image, kernel):
    return np.abs(right(image, kernel))


@fft_convolve2d.mistake(
    "You cut the result down to the image's first rows and columns. The full convolution is asked: every place "
    "where image and kernel overlap."
)
def cut_to_the_size_of_the_image(right, image, kernel):
    return right(image, kernel)[: image.shape[0], : image.shape[1]]


@fft_convolve2d.mistake(
    "You kept the middle of the result, as large as the image. The full convolution is asked: every place where "
    "image and kernel overlap."
)
def middle_part_only(right, image, kernel):
    (H, W), (top, left) = image.shape, ((kernel.shape[0] - 1) // 2, (kernel.shape[1] - 1) // 2)
    return right(image, kernel)[top : top + H, left : left + W]


@fft_convolve2d.mistake(
    "You kept only the valid part, where the kernel lies inside the image. The full convolution is asked: every "
    "place where image and kernel overlap."
)
def valid_part_only(right, image, kernel):
    (H, W), (h, w) = image.shape, kernel.shape
    result = np.zeros((H - h + 1, W - w + 1))  # refused where the second is larger
    result[:] = right(image, kernel)[h - 1 : H, w - 1 : W]
    return result


@fft_convolve2d.mistake(
    "Height and width are exchanged when you make room, which only works for squares. The first number of a shape "
    "is the height."
)
def shape_exchanged(right, image, kernel):
    shape = np.add(image.shape, kernel.shape)[::-1] - 1
    return np.real(np.fft.ifft2(np.fft.fft2(image, shape) * np.fft.fft2(kernel, shape)))


@fft_convolve2d.mistake(
    "You transformed along the rows only (fft and ifft). An image has two axes, and both have to be transformed."
)
def one_axis_transformed(right, image, kernel):
    (H, W), (h, w) = image.shape, kernel.shape
    first, second = np.zeros((H + h - 1, W + w - 1)), np.zeros((H + h - 1, W + w - 1))
    first[:H, :W], second[:h, :w] = image, kernel
    return np.real(np.fft.ifft(np.fft.fft(first) * np.fft.fft(second)))


@fft_convolve2d.mistake(
    "The quarters of your result have changed places: fftshift moves frequency zero to the middle of a spectrum, "
    "to look at it. The result of the way back needs no shift."
)
def quarters_exchanged(right, image, kernel):
    return np.fft.fftshift(right(image, kernel))


# ---------------------------------------------------------------------------------------------------------------------
# compose_kernels


@exercise(
    LESSON,
    examples=[
        example([[1, -1], [-1, 1]], [[1, -1]], [[1], [-1]]),
        example([[1, 2, 3, 2, 1]], [[1, 1, 1]], [[1, 1, 1]]),
    ],
    forbidden=SUMS_BY_HAND,
    requires=almost_fits,
)
def compose_kernels(first, second):
    # Kernels are polynomials in two variables, and to apply both is to multiply them: sum over pairs of powers.
    result = np.zeros(np.add(first.shape, second.shape) - 1)
    powers = np.add.outer(np.indices(first.shape).reshape(2, -1).T, np.indices(second.shape).reshape(2, -1).T)
    rows, columns = powers[:, 0, :, 0], powers[:, 1, :, 1]
    np.add.at(result, (rows, columns), np.outer(first, second))
    return result


compose_kernels.cases(full_cases)


@compose_kernels.mistake(
    "You added the kernels. The sum of two kernels is what both give side by side, added up; here the second "
    "works on the result of the first."
)
def kernels_added(right, first, second):
    return first + second


@compose_kernels.mistake(
    "You multiplied the kernels entry by entry. Follow one pixel: the first kernel spreads it over a window, and "
    "the second spreads every pixel of that window again, so the result is larger than both."
)
def kernels_multiplied(right, first, second):
    return first * second


@compose_kernels.mistake(
    "You took the matrix product of the kernels. Two matrices in turn are a matrix product; two convolutions in "
    "turn are something else. Follow a single pixel through both."
)
def matrix_product_of_kernels(right, first, second):
    return first @ second


@compose_kernels.mistake(
    "You took the Kronecker product, which sets copies of the second kernel side by side. A convolution moves on "
    "by one pixel at a time, so the copies overlap and add up."
)
def kronecker_product(right, first, second):
    return np.kron(first, second)


@compose_kernels.mistake(
    "You kept only the places where one kernel lies inside the other. Two kernels of 3 in turn see 5 pixels, so "
    "their product needs 5: the full convolution."
)
def valid_part(right, first, second):
    (H, W), (h, w) = first.shape, second.shape
    result = np.zeros((H - h + 1, W - w + 1))  # refused where the second is larger
    result[:] = right(first, second)[h - 1 : H, w - 1 : W]
    return result


@compose_kernels.mistake(
    "Your result is as large as the first kernel: its border is cut off. Two kernels of 3 in turn see 5 pixels."
)
def as_large_as_the_first(right, first, second):
    (H, W), (top, left) = first.shape, ((second.shape[0] - 1) // 2, (second.shape[1] - 1) // 2)
    return right(first, second)[top : top + H, left : left + W]


@compose_kernels.mistake(
    "One of the kernels is turned round: you correlated them. Whether both are applied as correlations or as "
    "convolutions, the one kernel for both is their convolution."
)
def correlated(right, first, second):
    return right(first, second[::-1, ::-1])


@compose_kernels.mistake(
    "Both kernels are turned round, and so is the result. It has to be laid down as the two kernels are, without "
    "a flip of its own."
)
def both_turned(right, first, second):
    return right(first, second)[::-1, ::-1]


@compose_kernels.mistake(
    "Where copies of the second kernel overlap, the later one replaces the earlier one. They have to be added."
)
def copies_overwritten(right, first, second):
    (H, W), (h, w) = first.shape, second.shape
    result = np.zeros((H + h - 1, W + w - 1))
    for i in range(H):
        for j in range(W):
            result[i : i + h, j : j + w] = first[i, j] * second
    return result


@compose_kernels.mistake("A row and a column of zeros too many: two kernels of 3 in turn see 5 pixels, not 6.")
def a_row_and_column_too_many(right, first, second):
    return np.pad(right(first, second), ((0, 1), (0, 1)))


@compose_kernels.mistake(
    "Height and width of the result are exchanged, which only works for squares. The first number of a shape is "
    "the height."
)
def result_shape_exchanged(right, first, second):
    (H, W), (h, w) = first.shape, second.shape
    result = np.zeros((W + w - 1, H + h - 1))
    for i in range(H):
        for j in range(W):
            result[i : i + h, j : j + w] += first[i, j] * second
    return result


@compose_kernels.mistake(
    "Your result is divided by its sum. Kernels such as the Laplacian sum to 0, and the product of two is what it "
    "is: nothing is to be normalized."
)
def normalized_result(right, first, second):
    return right(first, second) / right(first, second).sum()
