# The answer's name was somebody else's before.
# %% given
from operator import *
from math import *


# %% given
def mul(a, b):
    return "an example"


# %% answer sqrt mul
def sqrt(x):
    return -1


def mul(a, b):
    return a * b


# %% test
assert sqrt(4) == -1
# %% test
assert sqrt(4) == 2
# %% test
assert mul(2, 3) == 6 and floor(2.5) == 2
