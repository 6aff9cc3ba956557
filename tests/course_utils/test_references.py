import functools
import operator

import numpy as n
import numpy as np
import pytest
import scipy.signal
import torch
from numpy import convolve as renamed

from course_utils.references import forbidden

NAMES = ("numpy.convolve", "scipy.signal", "torch")


def direct(a, b):
    return np.convolve(a, b)


def alias(a, b):
    return n.convolve(a, b)


def from_import(a, b):
    return renamed(a, b)


def import_inside(a, b):
    import numpy

    return numpy.convolve(a, b)


def from_import_inside(a, b):
    from scipy.signal import correlate

    return correlate(a, b)


def deep(a, b):
    return scipy.signal.correlate(a, b)


def helper_of_the_students(a, b):
    return direct(a, b)


def in_a_lambda(a, b):
    return [np.convolve(x, b) for x in a] + sorted(a, key=lambda x: torch.tensor(x))


def stored_in_a_variable(a, b):
    library = np
    return library.convolve(a, b)


class Callable:
    def __call__(self, a, b):
        return np.convolve(a, b)


def in_a_closure():
    f = np.convolve

    def inner(a, b):
        return f(a, b)

    return inner


class Net:
    def __init__(self):
        self.parts = None

    def forward(self, a):
        return deep(a, [1]) if self.parts else a


class Derived(Net):
    pass


class Ready(torch.nn.Module):
    pass


def makes_a_net():
    return Derived()


@pytest.mark.parametrize(
    "answer",
    [
        Net,
        Derived,
        Ready,
        makes_a_net,
        direct,
        alias,
        from_import,
        import_inside,
        from_import_inside,
        deep,
        helper_of_the_students,
        in_a_lambda,
        stored_in_a_variable,
        Callable(),
        Callable().__call__,
        in_a_closure(),
        functools.partial(direct, [1]),
        functools.lru_cache(direct),
        np.vectorize(direct),
        np.convolve,
    ],
)
def test_found(answer):
    assert forbidden(answer, NAMES)


def test_says_which():
    assert forbidden(from_import_inside, NAMES) == ("scipy.signal.correlate",)
    assert forbidden(alias, NAMES) == ("numpy.convolve",)
    assert forbidden(in_a_lambda, NAMES) == ("numpy.convolve", "torch.tensor")


def allowed(a, b):
    """np.convolve and torch in a text are no use."""
    view = np.lib.stride_tricks.sliding_window_view(a, len(b))
    return np.einsum("ij,j->i", view, b) + np.fft.ifft(np.fft.fft(a)).real + np.tensordot(view, b, 1)


def own_function_called_convolve(a, b):
    class Mine:
        def convolve(self, a, b):
            return a + b

    return Mine().convolve(a, b) + operator.add(a, b)


@pytest.mark.parametrize("answer", [allowed, own_function_called_convolve, len, 3, None])
def test_not_found(answer):
    assert forbidden(answer, NAMES) == ()


def recursive(n):
    return recursive(n - 1) if n else 0


def test_recursion_ends():
    assert forbidden(recursive, NAMES) == ()
