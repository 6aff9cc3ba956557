# Plain asserts.
# %% answer square
def square(x):
    return x * x


# %% test
assert square(3) == 9
# %% test
assert square(3) == 8
