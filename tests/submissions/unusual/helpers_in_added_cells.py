# Helpers, constants and imports in cells of its own, before and after the answers, some defined twice.
# %%
import math as m
from itertools import pairwise

STEP = 1e-5
# %% scale, right
def scale(values, factor):
    return times(np.asarray(values), factor)


def times(values, factor):
    return values * factor
# %%
def difference(f, x, h):
    return f(x + h) - f(x - h)
# %% slope, right
def slope(f, x):
    return difference(f, x, STEP) / (2 * STEP)
# %%
slope(m.sin, 0.0)
# %% mlp_parameters, right
def mlp_parameters(sizes):
    return 0


def mlp_parameters(sizes):
    return sum((a + 1) * b for a, b in pairwise(sizes))
