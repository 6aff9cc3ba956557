# Given helpers and constants.
# %% given
import math

TOLERANCE = 1e-3
HALF = TOLERANCE / 2


def near(a, b):
    return abs(a - b) < HALF


# %% answer area
def area(r):
    return 3.1415 * r**2


# %% test
assert near(area(1), math.pi)
# %% test
assert near(area(10), 100 * math.pi)
