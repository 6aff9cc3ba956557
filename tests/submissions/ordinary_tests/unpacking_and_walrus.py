# Unpacking and walrus.
# %% answer both
def both():
    return 1, [2, 3]


# %% test
a, (b, c) = both()
assert (a, b, c) == (1, 2, 3) and (n := both()[0]) == 1
