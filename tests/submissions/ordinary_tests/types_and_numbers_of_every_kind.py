# Types and numbers of every kind.
# %% given
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal, assert_raises

# %% answer same kinds fraction objects
from fractions import Fraction


def same(x):
    return x


def kinds():
    return [np.float32(0.1), np.int8(3), np.bool_(True), np.float64("nan"), np.inf, 2**70, np.array(5)]


def fraction():
    return Fraction(1, 3)


def objects():
    return np.array([1, "a", None], dtype=object)


# %% test
for value in (1, 1.5, True, None, "ä\n", (1, [2, {3: 4}]), -0.0, 10**30, [], {}, (), ""):
    assert same(value) == value and type(same(value)) is type(value)
# %% test
a, b, c, d, e, f, g = kinds()
assert a == np.float32(0.1) and a.dtype == np.float32 and b.dtype == np.int8
# %% test
a, b, c, d, e, f, g = kinds()
assert c and np.isnan(d) and e == float("inf") and f == 2**70 and g.shape == ()
# %% test
from fractions import Fraction

assert fraction() == Fraction(1, 3) and fraction() * 3 == 1
# %% test
assert objects().tolist() == [1, "a", None] and objects().dtype == object
# %% test
for d in ("float16", "int64", "uint8", "complex64", "bool", "<U3", "datetime64[D]"):
    x = np.zeros((2, 3), d)
    assert same(x).dtype == x.dtype and (same(x) == x).all()
# %% test
x = np.asfortranarray(np.ones((2, 3)))
assert same(x).flags.f_contiguous and same(x.T).flags.c_contiguous
# %% test
assert same(np.float64) is np.float64 and same(int) is int and same(np.dtype("f4")) == np.float32
# %% test
assert same(...) is ... and same(slice(1, None, 2)) == slice(1, None, 2)
# %% test
assert same(np.zeros((0, 3))).shape == (0, 3)
