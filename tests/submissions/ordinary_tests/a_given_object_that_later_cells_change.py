# A given object that later cells change.
# %% given
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal, assert_raises

# %% given
rng = np.random.default_rng(0)
unused = rng.normal(size=5)
# %% given
numbers = rng.normal(size=3)
table = {}
table["a"] = 1
names = []
names.append("x")
# %% given
numbers[0] = 7
names += ["y"]
del table["a"]


# %% answer total
def total(x):
    return float(sum(x))


# %% test
assert numbers[0] == 7 and abs(total(numbers[1:]) - 1.6647) < 1e-3, total(numbers[1:])
# %% test
assert table == {} and names == ["x", "y"]
