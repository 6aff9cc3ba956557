# Deep recursion, within the limits: Python's own, and one that was raised.
# %% scale, right
import sys

def depth(number):
    return 0 if number == 0 else 1 + depth(number - 1)

sys.setrecursionlimit(20_000)

def scale(values, factor):
    assert depth(10_000) == 10_000
    return factor * np.asarray(values)
