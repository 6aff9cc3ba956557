# Callbacks.
# %% given
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal, assert_raises


# %% answer slope apply
def slope(f, x, h=1e-6):
    return (f(x + h) - f(x - h)) / (2 * h)


def apply(f, *args, **kwargs):
    return f(*args, **kwargs)


# %% test
assert abs(slope(lambda x: x**3, 2.0) - 12) < 1e-4
# %% test
assert abs(slope(np.exp, 0.0) - 1) < 1e-6
# %% test
seen = []
apply(seen.append, 3)
assert seen == [3]


# %% test
def concat(*a, sep=", "):
    return sep.join(a)


assert apply(concat, "x", "y", sep="-") == "x-y"


# %% test
class Twice:
    def __call__(self, x):
        return 2 * x


assert apply(Twice(), 4) == 8


# %% test
def refuse(x):
    raise ValueError("no")


try:
    apply(refuse, 1)
except Exception as error:
    assert "no" in str(error)
else:
    raise AssertionError
# %% test
assert apply(sorted, [3, 1], reverse=True) == [3, 1]
