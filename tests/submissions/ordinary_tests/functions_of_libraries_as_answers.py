# Functions of libraries as answers.
# %% given
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal, assert_raises

# %% answer absolute power gelu
import operator

absolute = np.abs
power = pow
add = operator.add
# %% test
assert absolute(-3) == 3 and power(2, 5) == 32
# %% test
assert add(2, 3) == 5
