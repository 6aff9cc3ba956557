# Global random numbers with a seed.
# %% given
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal, assert_raises

# %% given
np.random.seed(231)
first = np.random.randn(2)
second = np.random.randn(2)
# %% given
np.random.seed(1)
third = np.random.randn(2)


# %% answer total
def total(x):
    return x.sum()


# %% test
assert_allclose(total(second), -0.36, atol=0.01)
# %% test
assert_allclose(total(third), 1.01, atol=0.01)
