# Star imports in a test.
# %% answer square
def square(x):
    return x * x


# %% test
from math import *

assert square(floor(2.5)) == 4
