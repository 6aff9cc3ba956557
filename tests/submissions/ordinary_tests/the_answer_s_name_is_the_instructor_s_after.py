# The answer's name is the instructor's after.
# %% answer square
def square(x):
    return 0


# %% test
assert square(2) == 0


# %% given
def square(x):
    return x * x


# %% test
assert square(2) == 4
