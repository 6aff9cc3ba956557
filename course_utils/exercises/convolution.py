"""Lesson 01."""
from __future__ import annotations
import numpy as np
import scipy.signal
from course_utils.contract import Case, Draw, case, example, exercise, BY_HAND
LESSON = "01_convolution"

@exercise(LESSON, examples=[example([-2, -2], [1, 2, 3, 4], [1, 0, -1])], forbidden=(*BY_HAND, "numpy.convolve", "numpy.correlate"), requires=lambda signal, kernel: len(kernel) <= len(signal))
def correlate1d(signal, kernel):
    return scipy.signal.correlate(np.asarray(signal, float), np.asarray(kernel, float), "valid")

@correlate1d.cases
def _(draw):
    yield case("kernel of one", draw.array(5), draw.array(1))
    yield case("even kernel", draw.array(5), draw.array(2))
    yield case("kernel as long as signal", draw.array(4), draw.array(4))
    for _ in draw.repeats(6):
        n = draw.size(3, 9)
        yield case("random", draw.array(n), draw.array(draw.int(1, 3)))

@correlate1d.mistake("The kernel is laid down backwards, which is a convolution. A correlation multiplies it as it is written.")
def kernel_flipped(right, signal, kernel):
    return right(signal, kernel[::-1])

@correlate1d.mistake("The last window is missing: a kernel of k fits n − k + 1 times.")
def last_window_missing(right, signal, kernel):
    return right(signal, kernel)[:-1]
