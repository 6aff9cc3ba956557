# Functions from answers go back as arguments.
# %% answer square
def square(x):
    return x * x


# %% answer twice
def twice(f):
    return lambda x: f(f(x))


# %% test
assert twice(square)(3) == 81
# %% test
assert list(map(square, [1, 2])) == [1, 4] and max([-3, 2], key=square) == -3
# %% test
from functools import reduce

assert reduce(lambda a, b: a + square(b), [1, 2], 0) == 5
