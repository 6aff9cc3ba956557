# Numpy.testing.
# %% given
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal, assert_raises


# %% answer square
def square(x):
    return x * x


# %% test
assert_allclose(square(np.array([1.0, 2.0])), [1, 4])
# %% test
np.testing.assert_array_equal(square(np.arange(3)), [0, 1, 5])
# %% test
np.testing.assert_almost_equal(square(0.1), 0.01)
# %% test
assert_raises(TypeError, square, {})
# %% test
with np.testing.assert_raises(TypeError):
    square(2)
