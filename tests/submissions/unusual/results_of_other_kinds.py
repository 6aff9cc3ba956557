# Right values of other kinds: long floats, numbers of NumPy, 0-dimensional arrays, a defaultdict.
# %% scale, right
def scale(values, factor):
    return np.asarray(values, dtype=np.longdouble) * factor
# %% slope, right
def slope(f, x, h=1e-5):
    return np.array((f(x + h) - f(x - h)) / (2 * h))
# %% mlp_parameters, right
def mlp_parameters(sizes):
    return np.int64(sum((m + 1) * n for m, n in zip(sizes, sizes[1:])))
# %% tally, right
from collections import defaultdict


def tally(words):
    if isinstance(words, str):
        raise TypeError
    found = defaultdict(int)
    for word in words:
        found[word] += 1
    return found
