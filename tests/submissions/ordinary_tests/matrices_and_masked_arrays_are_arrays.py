# Matrices and masked arrays are arrays.
# %% given
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal, assert_raises


# %% answer matrix
def matrix():
    return np.matrix([[1, 2]])


# %% test
assert_array_equal(matrix(), [[1, 2]])
assert matrix().shape == (1, 2)
