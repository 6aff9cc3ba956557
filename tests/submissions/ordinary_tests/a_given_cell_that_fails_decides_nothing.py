# A given cell that fails decides nothing.
# %% answer square
def square(x):
    return x * x


# %% given
results = []
results.append(missing(3))
# %% test
assert results == []
