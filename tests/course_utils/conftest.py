"""A small exercise of its own, so that the engine's tests do not depend on the lessons."""

import numpy as np
import pytest

from course_utils.contract import Raises, case, example, exercise


@pytest.fixture
def moving_sum():
    """moving_sum(signal, width=2): the sums of neighbours; ValueError where the width does not fit."""

    @exercise(
        "99_fixture",
        examples=[example([3, 5], [1, 2, 3]), example(Raises(ValueError), [1, 2], width=3)],
        forbidden=("numpy.convolve", "scipy.signal"),
        requires=lambda signal, width=2: width >= 1,
    )
    def moving_sum(signal, width=2):
        if width > len(signal):
            raise ValueError("too wide")
        return np.lib.stride_tricks.sliding_window_view(np.asarray(signal, float), width).sum(axis=-1)

    @moving_sum.cases
    def _(draw):
        yield case("width of one", draw.array(4), width=1)
        yield case("whole signal", draw.array(4), width=4)
        for _ in draw.repeats(5):
            yield case("random", draw.array(draw.size(4, 7)), width=draw.int(1, 4))

    @moving_sum.mistake("The last window is missing.")
    def last_window_missing(right, signal, width=2):
        return right(signal, width)[:-1]

    @moving_sum.mistake("You took the mean.")
    def mean_for_sum(right, signal, width=2):
        return right(signal, width) / width

    @moving_sum.mistake("A width that does not fit must be refused.")
    def accepts_any_width(right, signal, width=2):
        return right(signal, width) if width <= len(signal) else np.zeros(0)

    return moving_sum


@pytest.fixture
def solution():
    def moving_sum(signal, width=2):
        if width > len(signal):
            raise ValueError("the width does not fit")
        return np.array([sum(signal[i : i + width]) for i in range(len(signal) - width + 1)])

    return moving_sum
