# Generators and iterators.
# %% answer count lazily
def count(n):
    for i in range(n):
        yield i


def lazily(xs):
    return map(str, xs)


# %% test
assert list(count(3)) == [0, 1, 2] and sum(count(4)) == 6
# %% test
numbers = count(2)
assert next(numbers) == 0 and next(numbers) == 1
try:
    next(numbers)
except StopIteration:
    pass
else:
    assert False
# %% test
assert "".join(lazily([1, 2])) == "12" and list(zip(count(2), "ab")) == [(0, "a"), (1, "b")]
# %% test
from itertools import islice

assert list(islice(count(10**9), 2)) == [0, 1]
# %% test
first, *rest = count(3)
assert (first, rest) == (0, [1, 2])
