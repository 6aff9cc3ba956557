# Decorated functions: cached, wrapped, vectorized, jitted by nothing.
# %% mlp_parameters, right
import functools
import time


def timed(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        started = time.time()
        try:
            return function(*args, **kwargs)
        finally:
            wrapper.seconds = time.time() - started

    return wrapper


@functools.lru_cache(maxsize=None)
def layer(m, n):
    return m * n + n


@timed
def mlp_parameters(sizes):
    return sum(map(layer, sizes, sizes[1:]))
# %% scale, right
@np.vectorize
def one(value, factor):
    return value * factor


def scale(values, factor):
    return one(np.asarray(values, dtype=float), factor)
# %% slope, right
import functools


@functools.singledispatch
def slope(f, x, h=1e-5):
    return (f(x + h) - f(x - h)) / (2 * h)
