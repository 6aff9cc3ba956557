# Arguments changed in place.
# %% given
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal, assert_raises


# %% answer fill grow put sort_all
def fill(a):
    a[...] = 1


def grow(a):
    a.append(len(a))


def put(d, key):
    d[key] = d.get(key, 0) + 1
    d["w"] *= 2


def sort_all(lists):
    for each in lists:
        each.sort()


# %% test
a = np.zeros((2, 3))
view = a[0]
assert fill(a) is None and a.sum() == 6 and view[0] == 1
# %% test
a = np.zeros(6)
fill(a[::2])
assert a.tolist() == [1, 0, 1, 0, 1, 0]
# %% test
a = np.zeros(3)
fill(a.copy())
assert a.sum() == 3
# %% test
values = [5]
grow(values)
grow(values)
assert values == [5, 1, 2]
# %% test
w = np.ones(2)
table = {"w": w}
put(table, "n")
assert table["n"] == 1 and w.tolist() == [2, 2]
# %% test
x, y = [2, 1], [4, 3]
sort_all((x, y))
assert x == [1, 2] and y == [3, 4]
# %% test
locked = np.zeros(2)
locked.setflags(write=False)
try:
    fill(locked)
except ValueError:
    pass
assert locked.sum() == 0
